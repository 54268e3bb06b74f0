//! One hub of the demo: its folder, its process, its operator's socket.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use caphub_node::author::Author;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::hub::Hub;
use caphub_node::keys::KeyName;
use caphub_proto::v1::admin_service_client::AdminServiceClient;
use caphub_proto::v1::{self, Revision};
use caphub_proto::wire::{Audience, PartyId};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use crate::commands::{hub, sync};
use crate::failure::{Failure, Outcome};
use crate::home::card_of;

/// How long a node may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// This very program, which runs nodes and members alike.
pub(super) struct Program(PathBuf);

impl Program {
    /// As it runs now.
    pub(super) fn this() -> Result<Self, Failure> {
        std::env::current_exe().map(Self).map_err(|e| Failure::new("error-demo").because(e))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        for name in ["CAPHUB_HOME", "CAPHUB_HUB_DIR", "CAPHUB_PASSPHRASE", "CAPHUB_ASK"] {
            command.env_remove(name);
        }
        // The hubs of the demo are on this machine, whatever proxy leads out of it.
        command.env("CAPHUB_PROXY", "none");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a member's command to its end.
    pub(super) async fn caphub(&self, home: &Path, words: &[&str]) -> Outcome {
        let mut command = self.command();
        command.arg("--home").arg(home).args(words);
        self.finish(command).await
    }

    async fn finish(&self, mut command: Command) -> Outcome {
        let output = command.output().await.map_err(|e| Failure::new("error-demo").because(e))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Failure::new("error-demo").because(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }
}

/// A hub with its own organisation.
pub(super) struct DemoHub {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    pub(super) address: String,
    pub(super) card: String,
    process: Option<Child>,
}

impl DemoHub {
    /// As `caphub-node init` does it.
    pub(super) async fn found(
        program: &Program,
        directory: PathBuf,
        name: &str,
        region: &str,
    ) -> Result<Self, Failure> {
        let mut command = program.command();
        command.arg("node").arg("--dir").arg(&directory).args(["init", name, "--region", region]);
        program.finish(command).await?;
        let address = "127.0.0.1:0".to_owned();
        Ok(Self { name: name.to_owned(), directory, address, card: String::new(), process: None })
    }

    /// Publishes in the hub's own name while its node does not run: one process holds a key at a time.
    pub(super) async fn publish(&self, revisions: &[Revision]) -> Outcome {
        let failed = |e: &dyn std::fmt::Display| Failure::new("error-demo").because(e);
        let hub = Hub::load(&self.directory).map_err(|e| failed(&e))?;
        let signer = hub.keys(&self.directory).read(KeyName::Operator, None).map_err(|e| failed(&e))?;
        let core = Core::open(&self.directory, hub.party, false, Quotas::default());
        let core = core.map_err(crate::replica::open_failure)?;
        let author = Author::new(hub.party, signer);
        author.publish(&core, Audience::Public, revisions).await.map(drop).map_err(|e| failed(&e))
    }

    /// Starts the node and waits until it answers its operator.
    pub(super) async fn start(&mut self, program: &Program) -> Outcome {
        let failed = |e: std::io::Error| Failure::new("error-demo").because(e);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.directory.join("node.log"));
        let mut command = program.command();
        command.arg("node").arg("--dir").arg(&self.directory).args(["run", "--listen", &self.address]);
        command.stdout(Stdio::null()).stderr(log.map_err(failed)?);
        self.process = Some(command.spawn().map_err(failed)?);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut node) = self.admin().await
                && let Ok(answer) = node.card(v1::CardRequest {}).await
            {
                self.card = answer.into_inner().card;
                break;
            }
            let ended = self.process.as_mut().is_some_and(|p| p.try_wait().is_ok_and(|s| s.is_some()));
            if ended || Instant::now() > deadline {
                let said = std::fs::read_to_string(self.directory.join("node.log")).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                return Err(Failure::new("error-demo").because(format!("{}: {last}", self.name)));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The same place after a restart: others know it by its card.
        let card = card_of(&self.card).ok_or_else(|| Failure::usage("error-not-card"))?;
        if let Some(address) = card.addresses.first() {
            self.address.clone_from(address);
        }
        Ok(())
    }

    /// Stops the node as an operator would; kills it where it does not end.
    pub(super) async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if let Some(id) = process.id() {
            let _ = Command::new("kill").arg(id.to_string()).status().await;
        }
        if tokio::time::timeout(PATIENCE, process.wait()).await.is_err() {
            let _ = process.kill().await;
        }
    }

    /// True while its node is meant to run.
    pub(super) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// The operator's socket.
    pub(super) async fn admin(&self) -> Result<AdminServiceClient<Channel>, Failure> {
        hub::admin(&self.directory).await
    }

    /// What the node says of itself.
    pub(super) async fn status(&self) -> Result<v1::NodeStatusResponse, Failure> {
        let answer = self.admin().await?.node_status(v1::NodeStatusRequest {}).await;
        answer.map(tonic::Response::into_inner).map_err(|s| sync::status_failure(&s))
    }

    /// An invitation, as text.
    pub(super) async fn invite(&self, country: &str) -> Result<String, Failure> {
        let request = v1::InviteRequest { country: country.to_owned(), ..Default::default() };
        let answer = self.admin().await?.invite(request).await;
        answer.map(|a| a.into_inner().invitation).map_err(|s| sync::status_failure(&s))
    }

    /// Approves a request that waits.
    pub(super) async fn approve(&self, party: &PartyId) -> Outcome {
        let request = v1::ApproveRequest { party_id: party.to_vec(), ..Default::default() };
        let answer = self.admin().await?.approve(request).await;
        answer.map(drop).map_err(|s| sync::status_failure(&s))
    }
}
