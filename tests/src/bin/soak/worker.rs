//! One member at work: it publishes, withdraws, searches, syncs, passes files on and carries, each command a process of its own,
//! some of them killed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caphub_tests::Machine;
use caphub_tests::acknowledged::Dice;
use caphub_tests::stick::at;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Silence between two commands of a member, at most.
const PAUSE_MS: u64 = 1_500;
/// How long a command lives that is killed, at most.
const KILL_MS: u64 = 200;
/// Bytes of a file that is passed on.
const FILE_BYTES: usize = 200_000;
/// What a member does, in so many parts of all.
const PARTS: u64 = 100;

/// A member and what it was told.
pub struct Member {
    /// Its folder.
    pub home: String,
    /// The card of its hub, as a file.
    card: String,
    told: Mutex<Told>,
}

/// What commands said was done.
#[derive(Default)]
pub struct Told {
    /// Records that were published: ids and titles.
    pub records: Vec<(String, String)>,
    /// Ids of those that were withdrawn.
    pub withdrawn: BTreeSet<String>,
    /// Ids of those whose withdrawal said nothing.
    pub unsure: BTreeSet<String>,
}

impl Member {
    /// One that has joined the hub of a card.
    pub fn new(home: &str, card: &str) -> Self {
        Self { home: home.to_owned(), card: card.to_owned(), told: Mutex::default() }
    }

    /// What it was told so far.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often each thing was done.
#[derive(Default)]
pub struct Counts {
    published: AtomicU64,
    withdrawn: AtomicU64,
    synced: AtomicU64,
    failed: AtomicU64,
    searched: AtomicU64,
    files: AtomicU64,
    carried: AtomicU64,
    killed: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(f, "published {} withdrawn {} ", of(&self.published), of(&self.withdrawn))?;
        write!(f, "syncs {} and {} cut off ", of(&self.synced), of(&self.failed))?;
        write!(f, "searches {} files {} ", of(&self.searched), of(&self.files))?;
        write!(f, "carried {} killed {}", of(&self.carried), of(&self.killed))
    }
}

fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// What sets a member to work.
pub struct Worker {
    /// Where everything lies.
    pub machine: Arc<Machine>,
    /// Who works.
    pub member: Arc<Member>,
    /// Members to whom it carries.
    pub others: Vec<Arc<Member>>,
    /// What was done.
    pub counts: Arc<Counts>,
    /// Its own.
    pub dice: Dice,
    /// Titles so far.
    pub tried: u64,
}

impl Worker {
    /// Works until `stop`.
    pub async fn go(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.dice.below(PARTS) {
                0..45 => self.publish().await,
                45..52 => self.withdraw().await,
                52..58 => self.publish_killed().await,
                58..60 => self.pass_on().await,
                60..62 => self.carry().await,
                62..76 => self.search().await,
                _ => self.sync().await,
            }
            self.dice.wait(PAUSE_MS).await;
        }
    }

    fn title(&mut self) -> String {
        self.tried += 1;
        format!("{} lesson {}", self.member.home, self.tried)
    }

    async fn publish(&mut self) {
        let title = self.title();
        let said = at(&self.machine, &self.member.home, &["course", "add", "--title", &title]).await;
        // Somebody may be carrying into this folder at the moment: then nothing is published, and nothing is said.
        if said.code != 0 {
            return;
        }
        let id = said.json()["id"].as_str().expect("an id").to_owned();
        self.member.told().records.push((id, title));
        one_more(&self.counts.published);
    }

    async fn publish_killed(&mut self) {
        let title = self.title();
        let mut child =
            self.machine.start(&["--home", &self.member.home, "course", "add", "--title", &title]);
        self.dice.wait(KILL_MS).await;
        let _ = child.start_kill();
        let _ = child.wait().await;
        one_more(&self.counts.killed);
    }

    async fn withdraw(&mut self) {
        let chosen = {
            let told = self.member.told();
            let at = self.dice.below(told.records.len() as u64) as usize;
            told.records.get(at).map(|(id, _)| id.clone()).filter(|id| !told.withdrawn.contains(id))
        };
        let Some(id) = chosen else { return };
        let erase = self.dice.below(2) == 0;
        let words = ["course", "withdraw", &id, "--erase"];
        let words = if erase { &words[..] } else { &words[..3] };
        let done = at(&self.machine, &self.member.home, words).await.code == 0;
        let mut told = self.member.told();
        match done {
            true => told.withdrawn.insert(id),
            false => told.unsure.insert(id),
        };
        one_more(&self.counts.withdrawn);
    }

    async fn search(&self) {
        at(&self.machine, &self.member.home, &["search", "lesson", "--limit", "20"]).await;
        one_more(&self.counts.searched);
    }

    /// A hub may be down at this moment: then it is counted as cut off, and the next one moves more.
    async fn sync(&self) {
        let done = at(&self.machine, &self.member.home, &["sync"]).await.code == 0;
        one_more(if done { &self.counts.synced } else { &self.counts.failed });
    }

    /// Publishes a file, and gets the latest of somebody else.
    async fn pass_on(&mut self) {
        let name = format!("{}-file", self.member.home);
        let seed = self.dice.below(u64::MAX).to_be_bytes();
        let bytes: Vec<u8> = (0..FILE_BYTES).map(|i| seed[i % 8] ^ (i / 8) as u8).collect();
        std::fs::write(self.machine.path(&name), bytes).expect("a file");
        let title = self.title();
        let words = ["artifact", "add", &name, "--title", &title, "--licence", "CC0-1.0"];
        let added = at(&self.machine, &self.member.home, &words).await;
        self.sync().await;
        let list = at(&self.machine, &self.member.home, &["artifact", "list"]).await;
        let known: Value = serde_json::from_str(&list.out).unwrap_or_default();
        let known = known.as_array().map_or(&[][..], Vec::as_slice);
        let foreign = known.get(self.dice.below(known.len() as u64) as usize);
        if let Some(id) = foreign.and_then(|r| r["id"].as_str()) {
            let out = format!("{}-got", self.member.home);
            let _ = std::fs::remove_file(self.machine.path(&out));
            at(&self.machine, &self.member.home, &["artifact", "get", id, "--out", &out]).await;
        }
        if added.code == 0 {
            one_more(&self.counts.files);
        }
    }

    /// By hand, to somebody of any hub.
    async fn carry(&mut self) {
        let to = self.dice.below(self.others.len() as u64) as usize;
        let Some(other) = self.others.get(to) else { return };
        let stick = format!("stick-{}-{}", self.member.home, other.home);
        let card = other.card.clone();
        let out = at(&self.machine, &self.member.home, &["carry", "out", &stick, "--for", &card]).await;
        let taken = at(&self.machine, &other.home, &["carry", "in", &stick]).await;
        let _ = std::fs::remove_dir_all(self.machine.path(&stick));
        if out.code == 0 && taken.code == 0 {
            one_more(&self.counts.carried);
        }
    }
}

/// Follows its hub until `stop`; begun again where the hub went away.
pub async fn follow(machine: Arc<Machine>, home: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut child = machine.start(&["--home", &home, "sync", "--follow"]);
        tokio::select! {
            _ = child.wait() => tokio::time::sleep(Duration::from_secs(1)).await,
            () = stop.cancelled() => {
                let _ = child.kill().await;
            }
        }
    }
}
