//! What the tests of real processes share: a folder, nodes that end with the test, commands and what they said.

pub mod acknowledged;
pub mod crowds;
pub mod damage;
pub mod desk;
pub mod fuzz;
pub mod members;
pub mod pages;
pub mod proxies;
pub mod raw;
pub mod sim;
pub mod stick;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

/// How long anything may take before a test calls it stuck: a minute, or as many seconds as `CAPHUB_PATIENCE` says, for
/// a machine that does much else.
fn patience() -> Duration {
    let given = std::env::var("CAPHUB_PATIENCE").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(given.unwrap_or(60))
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Data.
    pub out: String,
    /// Talk.
    pub err: String,
}

impl Said {
    /// Data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The same, where the command did what it was asked.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// Talk with each sentence on one line again; programs fold them to the width of a terminal.
fn unfolded(talk: &str) -> String {
    talk.replace("\n       ", " ").replace("\n      ", " ")
}

/// One machine's folder and the program under test.
pub struct Machine {
    program: PathBuf,
    folder: tempfile::TempDir,
    language: String,
    more: Vec<(String, String)>,
}

impl Machine {
    /// An empty folder.
    pub fn new(program: &str, language: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("caphub-test-").tempdir().expect("a folder");
        Self { program: program.into(), folder, language: language.to_owned(), more: Vec::new() }
    }

    /// Sets a variable of the environment of every command.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A place in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        self.command_of(&self.program)
    }

    fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.folder.path()).env("CAPHUB_LANG", &self.language);
        command.envs(self.more.iter().map(|(n, v)| (n, v)));
        command.stdin(Stdio::null()).kill_on_drop(true).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, words: &[&str]) -> Said {
        let output = tokio::time::timeout(patience(), self.command().args(words).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{words:?} is stuck")).expect("a program");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: unfolded(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Runs a command that asks, with these lines as answers.
    pub async fn answer(&self, words: &[&str], answers: &str) -> Said {
        let path = self.path("answers");
        std::fs::write(&path, answers).expect("a file");
        let mut command = self.command();
        command.env("CAPHUB_ASK", "1").stdin(std::fs::File::open(path).expect("a file"));
        let output = tokio::time::timeout(patience(), command.args(words).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{words:?} is stuck")).expect("a program");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: unfolded(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Starts a command that goes on.
    pub fn start(&self, words: &[&str]) -> Child {
        self.command().args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program")
    }

    /// Founds a hub in `name` and starts its node.
    pub async fn hub(&self, name: &str, title: &str, region: &str) -> NodeProcess<'_> {
        self.hub_at(name, title, region, "127.0.0.1:0", &[]).await
    }

    /// The same, listening there, with these variables in the node's environment.
    pub async fn hub_at(
        &self,
        name: &str,
        title: &str,
        region: &str,
        listen: &str,
        more: &[(&str, &str)],
    ) -> NodeProcess<'_> {
        self.run(&["node", "--dir", name, "init", title, "--region", region]).await.ok();
        let mut node = self.node(name, listen, more);
        node.up().await;
        node
    }

    /// The node of a folder in which a hub was founded already; not started yet.
    pub fn node(&self, name: &str, listen: &str, more: &[(&str, &str)]) -> NodeProcess<'_> {
        let more = more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        NodeProcess {
            machine: self,
            name: name.to_owned(),
            address: listen.to_owned(),
            more,
            child: None,
            descriptors: None,
        }
    }
}

/// A node that ends with the test.
pub struct NodeProcess<'a> {
    machine: &'a Machine,
    /// Its folder.
    pub name: String,
    /// Where it listens, also after a restart.
    pub address: String,
    more: Vec<(String, String)>,
    child: Option<Child>,
    descriptors: Option<u32>,
}

impl NodeProcess<'_> {
    /// The same, at its next start, with at most so many file descriptors.
    pub fn with_descriptors(self, descriptors: u32) -> Self {
        Self { descriptors: Some(descriptors), ..self }
    }

    /// Starts the node, and waits for nothing.
    pub fn launch(&mut self) {
        let log = std::fs::File::create(self.machine.path(&format!("{}.log", self.name))).expect("a log");
        let mut command = match self.descriptors {
            None => self.machine.command(),
            Some(most) => {
                let mut shell = self.machine.command_of(Path::new("/bin/sh"));
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
                shell.arg(&self.machine.program);
                shell
            }
        };
        command.args(["node", "--dir", &self.name, "run", "--listen", &self.address]);
        command.envs(self.more.iter().map(|(n, v)| (n, v)));
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("a program"));
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Asks it to end, as the system does at shutdown, and waits until it has.
    pub async fn stop(&mut self) {
        let (Some(pid), Some(mut child)) = (self.pid(), self.child.take()) else { return };
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await.expect("a signal");
        tokio::time::timeout(patience(), child.wait()).await.expect("the node to end").expect("a process");
    }

    /// Starts the node and waits until it answers.
    pub async fn up(&mut self) {
        self.launch();
        let deadline = Instant::now() + patience();
        let status = loop {
            let said = self.ask(&["status"]).await;
            if said.code == 0 {
                break said.json();
            }
            assert!(Instant::now() < deadline, "the node does not start: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if self.address.ends_with(":0") && !self.more.iter().any(|(n, _)| n == "CAPHUB_ADDRESSES") {
            self.address = status["addresses"][0].as_str().expect("an address").to_owned();
        }
    }

    /// What the node logged.
    pub fn log(&self) -> String {
        let path = self.machine.path(&format!("{}.log", self.name));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// An operator's command, as JSON.
    pub async fn ask(&self, words: &[&str]) -> Said {
        let all: Vec<&str> =
            ["--json", "--hub-dir", &self.name, "hub"].iter().chain(words).copied().collect();
        self.machine.run(&all).await
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("a process to kill");
        }
    }

    /// The process's id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Waits until the node states this many of something.
    pub async fn reaches(&self, what: &str, count: u64) {
        let deadline = Instant::now() + patience();
        loop {
            let status = self.ask(&["status"]).await.ok().json();
            if status[what].as_u64() == Some(count) {
                return;
            }
            assert!(Instant::now() < deadline, "{count} {what} expected: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until both nodes hold as many entries, however many these are by then.
    pub async fn holds_as_many_as(&self, other: &NodeProcess<'_>) {
        let deadline = Instant::now() + patience();
        loop {
            let theirs = other.ask(&["status"]).await.ok().json()["entries"].clone();
            let ours = self.ask(&["status"]).await.ok().json()["entries"].clone();
            if ours == theirs {
                return;
            }
            assert!(Instant::now() < deadline, "{ours} entries here, {theirs} there");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes an invitation to a file and names it.
    pub async fn invitation(&self, country: &str) -> String {
        let text = self.ask(&["invite", country]).await.ok().json();
        self.file("invitation", country, &text["invitation"])
    }

    /// Writes the node's card to a file and names it.
    pub async fn card(&self) -> String {
        let text = self.ask(&["card"]).await.ok().json();
        self.file("card", &self.name, &text["card"])
    }

    fn file(&self, kind: &str, of: &str, text: &Value) -> String {
        let name = format!("{}-{kind}-{of}.caphub", self.name);
        std::fs::write(self.machine.path(&name), text.as_str().expect("a text")).expect("a file");
        name
    }

    /// A folder below the node's.
    pub fn below(&self, name: &str) -> PathBuf {
        Path::new(&self.machine.path(&self.name)).join(name)
    }
}

/// A copy of a folder and all below it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => std::fs::copy(&path, &target).map(drop).expect("a copy"),
        }
    }
}
