//! Erasure everywhere, and who has confirmed it: two linked hubs, their members, and a hub that is away for a while.

use std::path::Path;
use std::time::{Duration, Instant};

use caphub_tests::{Machine, NodeProcess, Said};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// A word that nothing else holds.
const WORD: &str = "xylophonists";

async fn do_it(machine: &Machine, home: &str, words: &[&str]) -> Said {
    let all: Vec<&str> = ["--home", home].iter().chain(words).copied().collect();
    machine.run(&all).await
}

async fn json(machine: &Machine, home: &str, words: &[&str]) -> Value {
    let all: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    do_it(machine, home, &all).await.ok().json()
}

/// True where any file below the folder holds the word.
fn on_disk(folder: &Path, word: &[u8]) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => on_disk(&path, word),
        false => std::fs::read(&path).unwrap_or_default().windows(word.len()).any(|w| w == word),
    })
}

/// Syncs until the organisation sees exactly these hubs confirm its last erasure.
async fn confirmed(machine: &Machine, home: &str, hubs: &[&str]) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        do_it(machine, home, &["sync"]).await.ok();
        let all = json(machine, home, &["erasures"]).await;
        let of = |one: &Value| {
            let done = one["hubs"].as_array().expect("hubs").iter().filter(|h| h["confirmed"] == true);
            let mut names: Vec<String> =
                done.map(|h| h["name"].as_str().expect("a name").to_owned()).collect();
            names.sort();
            names
        };
        let each: Vec<Vec<String>> = all.as_array().expect("erasures").iter().map(of).collect();
        let fits = |names: &Vec<String>| {
            names.len() == hubs.len() && names.iter().zip(hubs).all(|(name, hub)| name.starts_with(hub))
        };
        if !each.is_empty() && each.iter().all(fits) {
            return all;
        }
        assert!(Instant::now() < deadline, "{hubs:?} expected: {all}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn linked<'a>(machine: &'a Machine) -> (NodeProcess<'a>, NodeProcess<'a>) {
    let north = machine.hub("north", "North", "021").await;
    let south = machine.hub("south", "South", "009").await;
    north.ask(&["link", "add", &south.card().await]).await.ok();
    south.ask(&["link", "add", &north.card().await]).await.ok();
    for (hub, home, country, name) in
        [(&south, "tv", "TV", "Tuvalu CERT"), (&north, "ws", "WS", "Samoa CERT")]
    {
        let file = hub.invitation(country).await;
        do_it(machine, home, &["join", &file, "--name", name]).await.ok();
    }
    (north, south)
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_confirm_what_they_have_erased_and_one_that_was_away_does_so_later() {
    let machine = Machine::new(PROGRAM, "en");
    let (mut north, south) = linked(&machine).await;
    let words = ["need", "add", "--title", WORD, "--theme", "cybercrime"];
    let added = json(&machine, "tv", &words).await;
    let id = added["id"].as_str().expect("an id").to_owned();
    assert_eq!(json(&machine, "tv", &["erasures"]).await, serde_json::json!([]));
    do_it(&machine, "tv", &["sync"]).await.ok();
    for hub in [&north, &south] {
        hub.reaches("records", 1).await;
    }
    do_it(&machine, "ws", &["sync"]).await.ok();
    do_it(&machine, "ws", &["carry", "out", "old"]).await.ok();
    north.stop().await;
    do_it(&machine, "tv", &["need", "withdraw", &id, "--erase"]).await.ok();
    // Said again in fewer words: nothing of it is taken back.
    do_it(&machine, "tv", &["need", "withdraw", &id]).await.ok();
    let all = confirmed(&machine, "tv", &["South"]).await;
    assert_eq!(all[0]["kind"], "need", "{all}");
    let shown = do_it(&machine, "tv", &["erasures"]).await.ok();
    assert!(shown.out.contains("North") && shown.out.contains("not yet"), "{shown:?}");
    assert!(!on_disk(&machine.path("south"), WORD.as_bytes()));
    assert!(!on_disk(&machine.path("tv"), WORD.as_bytes()));
    assert!(on_disk(&machine.path("north"), WORD.as_bytes()));
    north.up().await;
    confirmed(&machine, "tv", &["North", "South"]).await;
    assert!(!on_disk(&machine.path("north"), WORD.as_bytes()));

    // A copy of before on a stick brings nothing back, and members erase as hubs do.
    do_it(&machine, "ws", &["sync"]).await.ok();
    assert!(!on_disk(&machine.path("ws"), WORD.as_bytes()));
    assert!(on_disk(&machine.path("old"), WORD.as_bytes()));
    for home in [&["--home", "ws"], &["--hub-dir", "north"]] {
        machine.run(&[&home[..], &["carry", "in", "old"]].concat()).await.ok();
    }
    assert!(!on_disk(&machine.path("north"), WORD.as_bytes()));
    assert!(!on_disk(&machine.path("ws"), WORD.as_bytes()));
    // Nobody says it twice.
    let erasures = north.ask(&["status"]).await.ok().json()["entries"].clone();
    north.stop().await;
    north.up().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(north.ask(&["status"]).await.ok().json()["entries"], erasures);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_words_are_erased_by_those_who_carry_them_unread() {
    let machine = Machine::new(PROGRAM, "en");
    let (north, south) = linked(&machine).await;
    do_it(&machine, "tv", &["sync"]).await.ok();
    let samoa = json(&machine, "ws", &["status"]).await["party"].as_str().expect("an id").to_owned();
    north.reaches("members", 1).await;
    let sealed = ["need", "add", "--title", WORD, "--theme", "cybercrime", "--to", &samoa];
    let deadline = Instant::now() + Duration::from_secs(30);
    // Until the other hub has brought Samoa's keys here.
    while do_it(&machine, "tv", &sealed).await.code != 0 {
        assert!(Instant::now() < deadline, "Samoa's keys do not come");
        do_it(&machine, "tv", &["sync"]).await.ok();
    }
    do_it(&machine, "tv", &["sync"]).await.ok();
    let age = b"age-encryption.org/v1";
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        do_it(&machine, "ws", &["sync"]).await.ok();
        if json(&machine, "ws", &["need", "list"]).await.as_array().is_some_and(|l| l.len() == 1) {
            break;
        }
        assert!(Instant::now() < deadline, "the sealed need does not come");
    }
    assert!(on_disk(&machine.path("north"), age) && on_disk(&machine.path("south"), age));
    let id = json(&machine, "tv", &["need", "list"]).await[0]["id"].as_str().expect("an id").to_owned();
    do_it(&machine, "tv", &["need", "withdraw", &id, "--erase"]).await.ok();
    confirmed(&machine, "tv", &["North", "South"]).await;
    do_it(&machine, "ws", &["sync"]).await.ok();
    assert_eq!(json(&machine, "ws", &["need", "list"]).await, serde_json::json!([]));
    assert!(!on_disk(&machine.path("ws"), WORD.as_bytes()) && !on_disk(&machine.path("tv"), WORD.as_bytes()));
    assert_eq!(south.ask(&["status"]).await.ok().json()["records"], 0);
}
