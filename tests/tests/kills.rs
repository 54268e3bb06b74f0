//! `kill -9` at random moments of publishing, sync, import and index flush: what was acknowledged is there, nothing is half
//! applied, nobody forks itself. `CAPHUB_KILLS=200` kills so often, `CAPHUB_SEED` plays a printed seed again.

use caphub_tests::Machine;
use caphub_tests::acknowledged::{Acknowledged, Dice, strikes};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");

#[tokio::test]
async fn whenever_it_is_killed_what_was_acknowledged_is_there() {
    let (mut dice, kills) = (Dice::printed(), strikes("CAPHUB_KILLS", 16));
    let machine = Machine::new(PROGRAM, "en");
    let mut hub = machine.hub("hub", "Hub", "009").await;
    let file = hub.invitation("TV").await;
    machine.run(&["--home", "tv", "join", &file, "--name", "Tuvalu CERT"]).await.ok();
    let mut member = Acknowledged::new(&machine, "tv");
    for strike in 0..kills {
        match strike % 5 {
            0 => member.publish_killed(&mut dice).await,
            1 => member.import_killed(&mut dice).await,
            2 => member.sync_killed(&mut dice).await,
            // The hub, while the member syncs with it.
            3 => {
                member.publish().await;
                let mut sync = machine.start(&["--home", "tv", "sync"]);
                dice.wait(200).await;
                hub.kill().await;
                sync.wait().await.expect("a sync that ends");
                hub.up().await;
            }
            // The hub again, around the moment at which its index is written out, half a second after a change.
            _ => {
                member.publish().await;
                member.sync().await;
                dice.wait(1_000).await;
                hub.kill().await;
                hub.up().await;
            }
        }
        if strike % 20 == 19 {
            member.check().await;
        }
    }
    member.check_with(&hub).await;
    println!("{kills} kills, {} records acknowledged", member.count());
    hub.stop().await;
    machine.run(&["node", "--dir", "hub", "verify"]).await.ok();
}
