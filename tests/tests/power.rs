//! Power cuts for real: an ext4 file system on a loop device is shut down without flushing its log, under publish and sync,
//! with the index in the same place. Needs root, loop devices and Python, and says so where they are missing.
//! `CAPHUB_CUTS=50` cuts so often, `CAPHUB_SEED` plays a printed seed again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use caphub_tests::Machine;
use caphub_tests::acknowledged::{Acknowledged, Dice, strikes};
use caphub_tests::pages::{free, page};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caphub-under-test");
/// FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: nothing that is not on the device gets there any more.
const SHUT_DOWN: &str = "import fcntl, os, struct, sys; \
     fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A file system in a file, unmounted with the test.
struct Volume {
    image: PathBuf,
    at: PathBuf,
}

fn done(program: &str, words: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(words).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

impl Volume {
    fn new(machine: &Machine, name: &str, bytes: u64) -> Result<Self, String> {
        let volume = Self { image: machine.path(&format!("{name}.img")), at: machine.path(name) };
        std::fs::File::create(&volume.image).and_then(|f| f.set_len(bytes)).map_err(|e| e.to_string())?;
        std::fs::create_dir(&volume.at).map_err(|e| e.to_string())?;
        done("mkfs.ext4", &["-q", text(&volume.image)])?;
        done("python3", &["-c", "import fcntl"])?;
        volume.mount()?;
        Ok(volume)
    }

    fn mount(&self) -> Result<(), String> {
        done("mount", &["-o", "loop", text(&self.image), text(&self.at)])
    }

    /// The power goes.
    fn shut_down(&self) {
        done("python3", &["-c", SHUT_DOWN, text(&self.at)]).expect("a shutdown");
    }

    /// And comes back. Whoever begins a mount namespace of its own on this machine holds the file system as it was, until it ends:
    /// it is mounted anew only then.
    async fn again(&self) {
        for _ in 0..120 {
            done("umount", &[text(&self.at)]).expect("nobody has it open");
            self.mount().expect("a file system that is mended from its log");
            let probe = self.at.join("probe");
            if std::fs::write(&probe, "up").and_then(|()| std::fs::remove_file(&probe)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("somebody else on this machine holds the file system");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = done("umount", &["-l", text(&self.at)]);
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let machine = Machine::new(PROGRAM, "en");
    let volume = match Volume::new(&machine, "disk", 256 * 1024 * 1024) {
        Ok(volume) => volume,
        Err(reason) => return println!("NOT RUN: no file system of its own can be mounted here: {reason}"),
    };
    let (mut dice, cuts) = (Dice::printed(), strikes("CAPHUB_CUTS", 4));
    let mut hub = machine.hub("disk/hub", "Hub", "009").await;
    let file = "invitation.caphub";
    let text = hub.ask(&["invite", "TV"]).await.ok().json();
    std::fs::write(machine.path(file), text["invitation"].as_str().expect("a text")).expect("a file");
    machine.run(&["--home", "disk/tv", "join", file, "--name", "Tuvalu CERT"]).await.ok();
    let mut member = Acknowledged::new(&machine, "disk/tv");
    for cut in 0..cuts {
        for _ in 0..dice.below(3) {
            member.publish().await;
        }
        let mut sync = machine.start(&["--home", "disk/tv", "sync"]);
        dice.wait(if cut % 2 == 0 { 150 } else { 900 }).await;
        volume.shut_down();
        hub.kill().await;
        let _ = sync.start_kill();
        let _ = sync.wait().await;
        volume.again().await;
        hub.up().await;
        member.check().await;
    }
    member.check_with(&hub).await;
    println!("{cuts} power cuts, {} records acknowledged", member.count());
    hub.stop().await;
    machine.run(&["node", "--dir", "disk/hub", "verify"]).await.ok();
}

#[tokio::test]
async fn a_full_disk_is_told_and_passes_by_itself() {
    let machine = Machine::new(PROGRAM, "en");
    let volume = match Volume::new(&machine, "hub", 48 * 1024 * 1024) {
        Ok(volume) => volume,
        Err(reason) => return println!("NOT RUN: no file system of its own can be mounted here: {reason}"),
    };
    let metrics = free().await;
    let mut hub = machine.hub_at("hub", "Hub", "009", "127.0.0.1:0", &[("CAPHUB_METRICS", &metrics)]).await;
    let text = hub.ask(&["invite", "TV"]).await.ok().json();
    std::fs::write(machine.path("invitation"), text["invitation"].as_str().expect("a text")).expect("a file");
    machine.run(&["--home", "tv", "join", "invitation", "--name", "Tuvalu CERT"]).await.ok();
    let mut member = Acknowledged::new(&machine, "tv");
    member.publish().await;
    assert!(member.sync().await);
    // Everything that is left is taken.
    let filler = volume.at.join("filler");
    let mut file = std::fs::File::create(&filler).expect("a file");
    for size in [1 << 20, 4_096, 1] {
        let bytes = vec![7; size];
        while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
    }
    let before = member.count();
    for _ in 0..40 {
        member.publish().await;
    }
    assert!(member.count() > before, "the member's own disk has room");
    member.sync().await;
    assert!(hub.log().contains("the disk is full"), "{}", hub.log());
    // Its state says so, and so do its metrics; what it holds is read.
    assert_eq!(hub.ask(&["status"]).await.ok().json()["disk"], "full");
    let said = machine.run(&["--hub-dir", "hub", "hub", "status"]).await.ok();
    assert!(said.out.contains("The disk is full"), "{said:?}");
    assert!(page(&metrics, "/metrics").await.1.contains("caphub_read_only 1"));
    assert!(page(&metrics, "/ready").await.1.contains("the disk is full"));
    drop(file);
    std::fs::remove_file(&filler).expect("a file");
    // By itself, and without anybody writing first.
    assert_eq!(hub.ask(&["status"]).await.ok().json()["disk"], "");
    assert!(page(&metrics, "/metrics").await.1.contains("caphub_read_only 0"));
    assert!(page(&metrics, "/ready").await.0.contains("200"));
    member.sync().await;
    member.check_with(&hub).await;
    hub.stop().await;
    machine.run(&["node", "--dir", "hub", "verify"]).await.ok();
}
