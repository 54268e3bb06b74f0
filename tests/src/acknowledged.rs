//! What a member's commands said they had kept, and whether it is there, once each, however often they were killed.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Machine, NodeProcess};

/// Records of one imported file.
const ROWS: u64 = 20;

/// Random numbers from a seed that is printed.
pub struct Dice(u64);

impl Dice {
    /// From `CAPHUB_SEED`, or from the clock.
    pub fn printed() -> Self {
        let given = std::env::var("CAPHUB_SEED").ok().and_then(|s| s.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
        let seed = given.unwrap_or(now) | 1;
        println!("CAPHUB_SEED={seed}");
        Self(seed)
    }

    /// From a number that another one gave.
    pub fn of(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }

    /// Waits for a moment shorter than so many milliseconds.
    pub async fn wait(&mut self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_micros(self.below(milliseconds * 1_000))).await;
    }
}

/// How often a test with this variable strikes.
pub fn strikes(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

/// A member, and what its commands acknowledged.
pub struct Acknowledged<'a> {
    machine: &'a Machine,
    home: String,
    titles: Vec<String>,
    tried: u64,
}

impl<'a> Acknowledged<'a> {
    /// Of a member that has joined.
    pub fn new(machine: &'a Machine, home: &str) -> Self {
        Self { machine, home: home.to_owned(), titles: Vec::new(), tried: 0 }
    }

    /// How many records were acknowledged.
    pub fn count(&self) -> usize {
        self.titles.len()
    }

    /// Begins to publish one record, and waits until it is done.
    pub async fn publish(&mut self) {
        let title = self.title();
        let said = self.machine.run(&["--home", &self.home, "course", "add", "--title", &title]).await;
        self.titles.extend((said.code == 0).then_some(title));
    }

    /// Begins to publish one record, and kills it at a random moment.
    pub async fn publish_killed(&mut self, dice: &mut Dice) {
        let title = self.title();
        let words = ["--home", &self.home, "course", "add", "--title", &title];
        let done = self.killed(&words, dice, 120).await;
        self.titles.extend(done.then_some(title));
    }

    /// Begins to import a file, and kills it at a random moment.
    pub async fn import_killed(&mut self, dice: &mut Dice) {
        let titles: Vec<String> = (0..ROWS).map(|_| self.title()).collect();
        let name = format!("{}.csv", titles[0]);
        let rows: String = titles.iter().map(|t| format!("{t},text\n")).collect();
        std::fs::write(self.machine.path(&name), format!("title,description\n{rows}")).expect("a file");
        let words = ["--home", &self.home, "import", &name, "--as", "course"];
        let done = self.killed(&words, dice, 250).await;
        self.titles.extend(done.then_some(titles).into_iter().flatten());
    }

    /// Begins to sync, and kills it at a random moment.
    pub async fn sync_killed(&mut self, dice: &mut Dice) {
        let words = ["--home", &self.home, "sync"];
        self.killed(&words, dice, 250).await;
    }

    /// Syncs to the end, or as far as it goes.
    pub async fn sync(&self) -> bool {
        self.machine.run(&["--home", &self.home, "sync"]).await.code == 0
    }

    /// All hashes and signatures are right, and every acknowledged record is there, once; how many there are in all.
    pub async fn check(&self) -> u64 {
        self.machine.run(&["--home", &self.home, "verify"]).await.ok();
        let list = self.machine.run(&["--home", &self.home, "--json", "course", "list"]).await.ok().json();
        let mut held = BTreeMap::<&str, u32>::new();
        let list = list.as_array().expect("a list");
        for record in list {
            *held.entry(record["record"]["title"]["text"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let lost: Vec<_> = self.titles.iter().filter(|t| held.get(t.as_str()) != Some(&1)).collect();
        assert!(lost.is_empty(), "acknowledged, and not there once: {lost:?}");
        list.len() as u64
    }

    /// The same after a sync, and the hub has all of it too, with no fork.
    pub async fn check_with(&self, hub: &NodeProcess<'_>) {
        assert!(self.sync().await, "the last sync");
        let records = self.check().await;
        hub.reaches("records", records).await;
        hub.reaches("forks", 0).await;
    }

    fn title(&mut self) -> String {
        self.tried += 1;
        format!("T{}", self.tried)
    }

    /// True where the command was done, and said so, before it was killed.
    async fn killed(&self, words: &[&str], dice: &mut Dice, milliseconds: u64) -> bool {
        let mut child = self.machine.start(words);
        dice.wait(milliseconds).await;
        let _ = child.start_kill();
        child.wait().await.is_ok_and(|status| status.success())
    }
}
