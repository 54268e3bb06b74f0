//! Hello and, beside it, the newest entries: for a replica that holds almost nothing.

use caphub_proto::v1::{self, ClassRoot, HelloResponse, PullRequest};
use caphub_proto::wire::session::{Input, OPENING_BYTES};
use caphub_proto::wire::{FeedId, Reason};
use tokio::sync::mpsc;
use tonic::codec::CompressionEncoding;

use crate::ingest::Origin;
use crate::sync::driver::{Driver, lock};
use crate::sync::{Session, SyncError};

/// Messages of the newest entries that wait until the far end has proven who it is: all that were asked for.
const WAITING: usize = 16;

impl Driver<'_> {
    /// Both at once, and at first contact the hub's identity too; the newest are taken once the far end has proven who
    /// it is, and then as they come.
    pub(super) async fn open(
        &self,
        roots: Vec<ClassRoot>,
        asked: PullRequest,
    ) -> Result<HelloResponse, SyncError> {
        let identity = async {
            match self.core.identities.state(&self.far.party) {
                Some(_) => Ok(()),
                None => self.far.fetch_identity(self.core, self.far.party).await,
            }
        };
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let taking = async move {
            let (hello, known) = tokio::join!(self.far.greet(roots), identity);
            let hello = hello?;
            known?;
            self.far.authorised(self.core, &hello).await?;
            (self.options.greeted)(&hello);
            while let Some(runs) = receiver.recv().await {
                self.take_newest(runs).await?;
            }
            Ok(hello)
        };
        let asking = async {
            self.far.newest(asked, sender).await;
            Ok::<(), SyncError>(())
        };
        // Asked last: on a slow link the order of the questions is that of the answers, and before the others' nothing is
        // taken.
        let (hello, ()) = tokio::try_join!(taking, asking)?;
        Ok(hello)
    }

    async fn take_newest(&self, runs: Vec<v1::Run>) -> Result<(), SyncError> {
        let bytes = runs.iter().map(|run| run.entries.len() as u64).sum::<u64>();
        let taken = self.core.ingest.take(runs, Origin::Ahead).await;
        // What is refused here is met again where feeds are compared, and counted there.
        let told: Vec<(FeedId, Result<(), Reason>)> = taken.iter().map(|t| (t.feed, Ok(()))).collect();
        self.hear(Input::Taken(&told, bytes))?;
        let mut moved = lock(&self.moved);
        moved.pulled.bytes += bytes;
        moved.pulled.entries += taken.iter().filter_map(|t| t.result.ok()).map(|s| s.stored).sum::<u64>();
        self.tell(&moved);
        Ok(())
    }
}

impl Session {
    /// The newest entries, message by message; none where the far end does not know the question, or the connection ends:
    /// then Hello says so.
    async fn newest(&self, asked: PullRequest, sender: mpsc::Sender<Vec<v1::Run>>) {
        // So little is worth compressing before it is known how fast the link is.
        let mut client = self.client().accept_compressed(CompressionEncoding::Zstd);
        let mut bytes = 0;
        let Ok(answer) = client.pull(asked).await else { return };
        let mut stream = answer.into_inner();
        while let Ok(Some(message)) = stream.message().await {
            bytes += message.runs.iter().map(|run| run.entries.len() as u64).sum::<u64>();
            // One entry may be larger than what was asked for.
            if bytes > OPENING_BYTES + caphub_proto::wire::limits::BATCH_BYTES as u64 {
                return;
            }
            if sender.send(message.runs).await.is_err() {
                return;
            }
        }
    }
}
