//! What travels between two nodes: the schema's messages as they are, and their encoded sizes.

use caphub_proto::v1;
use caphub_proto::wire::{FeedId, LogId, Reason};
use prost::Message as _;

use crate::sim::histories::Proven;

/// Bytes that HTTP/2, gRPC and TLS put around one message, about.
const AROUND: usize = 60;

/// From the side that opened the connection.
#[derive(Clone, Debug)]
pub enum Request {
    /// The first of a sync.
    Hello(v1::HelloRequest),
    /// One step of the comparison.
    Reconcile(v1::ReconcileRequest),
    /// Ranges, or a position with follow.
    Pull(v1::PullRequest),
    /// One message of a stream of them.
    Push(v1::PushRequest),
    /// What the far end states of these feeds.
    Statements(Vec<FeedId>),
    /// A checkpoint of its history, with the way from the log and size that are known.
    Checkpoint(Option<(LogId, u64)>),
}

/// From the side that accepted it.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To Hello.
    Hello(v1::HelloResponse),
    /// To Reconcile.
    Reconcile(v1::ReconcileResponse),
    /// One message of a stream.
    Pull(v1::PullResponse),
    /// The end of such a stream.
    PullEnd,
    /// To one message of a push.
    Push(v1::PushResponse),
    /// Statements, all of them.
    Statements(Vec<Vec<u8>>),
    /// A checkpoint.
    Checkpoint(Proven),
    /// The call failed.
    Failed(Reason),
}

/// One or the other.
#[derive(Clone, Debug)]
pub enum Message {
    /// To the side that accepted.
    Request(Request),
    /// To the side that opened.
    Answer(Answer),
}

impl Message {
    /// Bytes on the link.
    pub fn size(&self) -> usize {
        AROUND
            + match self {
                Self::Request(Request::Hello(m)) => m.encoded_len(),
                Self::Request(Request::Reconcile(m)) => m.encoded_len(),
                Self::Request(Request::Pull(m)) => m.encoded_len(),
                Self::Request(Request::Push(m)) => m.encoded_len(),
                Self::Request(Request::Statements(m)) => m.len() * 34,
                Self::Request(Request::Checkpoint(_)) => 28,
                Self::Answer(Answer::Checkpoint(m)) => m.note.len() + 34 * (m.path.len() + 1),
                Self::Answer(Answer::Hello(m)) => m.encoded_len(),
                Self::Answer(Answer::Reconcile(m)) => m.encoded_len(),
                Self::Answer(Answer::Pull(m)) => m.encoded_len(),
                Self::Answer(Answer::Push(m)) => m.encoded_len(),
                Self::Answer(Answer::Statements(m)) => m.iter().map(|s| s.len() + 3).sum(),
                Self::Answer(Answer::PullEnd | Answer::Failed(_)) => 0,
            }
    }

    /// The runs in it.
    pub fn runs(&self) -> &[v1::Run] {
        match self {
            Self::Request(Request::Push(m)) => &m.runs,
            Self::Answer(Answer::Pull(m)) => &m.runs,
            _ => &[],
        }
    }

    /// The same, to be changed.
    pub fn runs_mut(&mut self) -> Option<&mut Vec<v1::Run>> {
        match self {
            Self::Request(Request::Push(m)) => Some(&mut m.runs),
            Self::Answer(Answer::Pull(m)) => Some(&mut m.runs),
            _ => None,
        }
    }

    /// The heads that it states.
    pub fn heads(&self) -> Vec<&v1::FeedHead> {
        match self {
            Self::Answer(Answer::Reconcile(m)) => {
                m.classes.iter().flat_map(|c| &c.answers).flat_map(|a| &a.heads).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The proofs of forks in it.
    pub fn forks(&self) -> &[v1::ForkProof] {
        match self {
            Self::Request(Request::Push(m)) => &m.forks,
            Self::Answer(Answer::Pull(m)) => &m.forks,
            _ => &[],
        }
    }

    /// A few words for the trace.
    pub fn words(&self) -> String {
        match self {
            Self::Request(Request::Hello(_)) => "hello?".to_owned(),
            Self::Request(Request::Reconcile(m)) => format!("reconcile? {}", m.classes.len()),
            Self::Request(Request::Pull(m)) => {
                format!("pull? {} ranges{}", m.ranges.len(), if m.follow { ", follow" } else { "" })
            }
            Self::Request(Request::Push(m)) => {
                format!("push? {} runs, {} forks", m.runs.len(), m.forks.len())
            }
            Self::Request(Request::Statements(m)) => format!("statements? {}", m.len()),
            Self::Request(Request::Checkpoint(_)) => "checkpoint?".to_owned(),
            Self::Answer(Answer::Checkpoint(m)) => format!("checkpoint! {} hashes", m.path.len()),
            Self::Answer(Answer::Hello(m)) => format!("hello! {}", m.standing),
            Self::Answer(Answer::Reconcile(_)) => format!("reconcile! {} heads", self.heads().len()),
            Self::Answer(Answer::Pull(m)) => format!("pull! {} runs, {} forks", m.runs.len(), m.forks.len()),
            Self::Answer(Answer::PullEnd) => "pull! end".to_owned(),
            Self::Answer(Answer::Push(m)) => {
                let refused: Vec<&str> = m.refusals.iter().map(|r| r.reason.as_str()).collect();
                format!("push! {} stored, {} known, refused {refused:?}", m.stored, m.known)
            }
            Self::Answer(Answer::Statements(m)) => format!("statements! {}", m.len()),
            Self::Answer(Answer::Failed(reason)) => format!("failed! {reason}"),
        }
    }
}
