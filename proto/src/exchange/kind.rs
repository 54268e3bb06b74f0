//! The kinds of record, and what each needs of its author.

use std::fmt;
use std::str::FromStr;

use crate::v1::revision::Record;
use crate::wire::identity::Capabilities;

/// What a revision describes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RecordKind {
    /// What an organisation says about itself.
    Profile,
    /// What a party asks for.
    Need,
    /// What a party can give.
    Offer,
    /// A course of training.
    Course,
    /// One holding of a course.
    Session,
    /// What a hub says about a party that it admits.
    Attestation,
    /// A hub recognises another hub.
    Recognition,
    /// A hub declines something.
    Refusal,
    /// An answer to a record.
    Reply,
    /// How to reach a node.
    NodeCard,
    /// The owner takes a record back.
    Withdraw,
    /// What others can be nominated for or apply to.
    Call,
    /// A person named for a call; only ever sealed.
    Nomination,
    /// An act in the life of a match.
    Engagement,
    /// An act in the life of a fellowship.
    Fellowship,
    /// An act of a fund.
    Fund,
    /// An entry of the data bank of techniques.
    Technique,
    /// A file that is transferred.
    Artifact,
    /// What a party says about another's record.
    Endorsement,
    /// An access limitation, as reported.
    Barrier,
    /// A list of codes.
    Vocabulary,
    /// Published rules with their weights.
    RuleSet,
    /// A funded activity.
    Project,
    /// A hub states what it has erased.
    Erasure,
    /// A party lets its later keys read what was sealed before.
    ThreadGrant,
}

impl RecordKind {
    /// All kinds, in the order of the schema.
    pub const ALL: [Self; 25] = [
        Self::Profile,
        Self::Need,
        Self::Offer,
        Self::Course,
        Self::Session,
        Self::Attestation,
        Self::Recognition,
        Self::Refusal,
        Self::Reply,
        Self::NodeCard,
        Self::Withdraw,
        Self::Call,
        Self::Nomination,
        Self::Engagement,
        Self::Fellowship,
        Self::Fund,
        Self::Technique,
        Self::Artifact,
        Self::Endorsement,
        Self::Barrier,
        Self::Vocabulary,
        Self::RuleSet,
        Self::Project,
        Self::Erasure,
        Self::ThreadGrant,
    ];

    /// The kind of a record.
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Profile(_) => Self::Profile,
            Record::Need(_) => Self::Need,
            Record::Offer(_) => Self::Offer,
            Record::Course(_) => Self::Course,
            Record::Session(_) => Self::Session,
            Record::Attestation(_) => Self::Attestation,
            Record::Recognition(_) => Self::Recognition,
            Record::Refusal(_) => Self::Refusal,
            Record::Reply(_) => Self::Reply,
            Record::NodeCard(_) => Self::NodeCard,
            Record::Withdraw(_) => Self::Withdraw,
            Record::Call(_) => Self::Call,
            Record::Nomination(_) => Self::Nomination,
            Record::Engagement(_) => Self::Engagement,
            Record::Fellowship(_) => Self::Fellowship,
            Record::Fund(_) => Self::Fund,
            Record::Technique(_) => Self::Technique,
            Record::Artifact(_) => Self::Artifact,
            Record::Endorsement(_) => Self::Endorsement,
            Record::Barrier(_) => Self::Barrier,
            Record::Vocabulary(_) => Self::Vocabulary,
            Record::RuleSet(_) => Self::RuleSet,
            Record::Project(_) => Self::Project,
            Record::Erasure(_) => Self::Erasure,
            Record::ThreadGrant(_) => Self::ThreadGrant,
        }
    }

    /// The code of a kind, as filters and `Withdraw.kind` state it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Need => "need",
            Self::Offer => "offer",
            Self::Course => "course",
            Self::Session => "session",
            Self::Attestation => "attestation",
            Self::Recognition => "recognition",
            Self::Refusal => "refusal",
            Self::Reply => "reply",
            Self::NodeCard => "node_card",
            Self::Withdraw => "withdraw",
            Self::Call => "call",
            Self::Nomination => "nomination",
            Self::Engagement => "engagement",
            Self::Fellowship => "fellowship",
            Self::Fund => "fund",
            Self::Technique => "technique",
            Self::Artifact => "artifact",
            Self::Endorsement => "endorsement",
            Self::Barrier => "barrier",
            Self::Vocabulary => "vocabulary",
            Self::RuleSet => "rule_set",
            Self::Project => "project",
            Self::Erasure => "erasure",
            Self::ThreadGrant => "thread_grant",
        }
    }

    /// The capability that the signing key must hold for the record to count.
    pub fn capability(self) -> Capabilities {
        match self {
            Self::Attestation | Self::Recognition | Self::Refusal => Capabilities::ADMIT,
            Self::NodeCard | Self::Erasure => Capabilities::SERVE,
            Self::Call | Self::Nomination | Self::Engagement | Self::Fellowship => Capabilities::ENGAGE,
            Self::Fund => Capabilities::TREASURY,
            _ => Capabilities::PUBLISH,
        }
    }

    /// False for what others rely on: its body can never be erased (design section 4).
    pub fn erasable(self) -> bool {
        let kept =
            [Self::Attestation, Self::Recognition, Self::Refusal, Self::Reply, Self::Withdraw, Self::Erasure];
        !kept.contains(&self) && !self.is_act()
    }

    /// True for acts of several parties: what was done stays, so they are neither revised nor erased.
    pub fn is_act(self) -> bool {
        matches!(self, Self::Engagement | Self::Fellowship | Self::Fund)
    }

    /// True for what names persons, or is of use to its readers only: it counts only in sealed feeds (design section 5).
    pub fn sealed_only(self) -> bool {
        matches!(self, Self::Nomination | Self::ThreadGrant)
    }

    /// False for what others decide by: who carries it must be able to read it.
    pub fn sealable(self) -> bool {
        let open = [
            Self::Profile,
            Self::Attestation,
            Self::Recognition,
            Self::Refusal,
            Self::NodeCard,
            Self::Erasure,
        ];
        !open.contains(&self)
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is not the code of a record kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a kind of record")]
pub struct UnknownRecordKind(pub String);

impl FromStr for RecordKind {
    type Err = UnknownRecordKind;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|k| k.code() == code).ok_or_else(|| UnknownRecordKind(code.to_owned()))
    }
}
