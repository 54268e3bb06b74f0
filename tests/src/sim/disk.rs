//! A node's disk: one write at a time, and nothing is acknowledged before it is synced.

use std::collections::VecDeque;

use caphub_node::carriage::Carried;
use caphub_proto::v1;
use caphub_proto::wire::identity::IdentityLog;
use caphub_proto::wire::{FeedId, Head, Reason};

use crate::sim::store::Frame;

/// Whom the result of taking runs is for.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The far end of a connection that it opened: the answer to a push.
    Pusher {
        /// The connection.
        conn: u64,
        /// The call.
        call: u32,
    },
    /// This node's own session, over a connection that it opened.
    Session {
        /// The connection.
        conn: u64,
        /// The call.
        call: u32,
    },
    /// What this node wrote itself.
    Own,
    /// What somebody brought by hand.
    Carried,
}

/// Runs that are being taken in their order.
#[derive(Debug)]
pub struct Job {
    /// Runs that are not judged yet.
    pub runs: VecDeque<v1::Run>,
    /// What became of the others.
    pub taken: Vec<Taken>,
    /// Who waits for it.
    pub reply: Reply,
    /// Who brings them.
    pub origin: caphub_node::ingest::Origin,
    /// True where entries above a hole were asked for.
    pub ahead: bool,
    /// Bytes of entries in it.
    pub bytes: u64,
}

impl Job {
    /// Jobs of one lane are taken one after the other.
    pub fn lane(&self) -> u64 {
        match self.reply {
            Reply::Pusher { conn, .. } | Reply::Session { conn, .. } => conn,
            Reply::Own => u64::MAX,
            Reply::Carried => u64::MAX - 1,
        }
    }

    /// Takes the runs out, to be judged; what stays keeps the lane's place.
    pub fn start(&mut self) -> Self {
        let runs = std::mem::take(&mut self.runs);
        Self { runs, taken: Vec::new(), reply: self.reply.clone(), ..*self }
    }
}

/// What became of one run.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its feed.
    pub feed: FeedId,
    /// Its first place.
    pub from: u64,
    /// Its last place and hash.
    pub head: Option<Head>,
    /// True where it stands above a hole.
    pub above: bool,
    /// Entries that are new and those that were held, or why it was not taken.
    pub result: Result<(u64, u64), Reason>,
}

/// A run that passed its checks.
#[derive(Debug)]
pub struct Checked {
    /// What to write.
    pub frame: Frame,
    /// The head on which it was judged.
    pub after: Option<Head>,
    /// The head once it is written.
    pub head: Option<Head>,
    /// An identity log to put in force then.
    pub log: Option<IdentityLog>,
    /// Why it is carried.
    pub carried: Carried,
    /// New entries.
    pub fresh: u64,
}

/// A job with what it writes, and where in `taken` each result goes.
pub type Writing = (Job, Vec<(usize, Checked)>);

/// What waits and what is being written.
#[derive(Debug, Default)]
pub struct Disk {
    /// Jobs whose next runs wait for the disk.
    pub waiting: Vec<Writing>,
    /// The jobs that the running sync covers, and the frames after it.
    pub writing: Option<(Vec<Writing>, usize)>,
    /// True while the disk takes nothing.
    pub full: bool,
}
