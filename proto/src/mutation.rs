//! Seeded faults of the protocol's own rules, by which its tests are proven: the simulator must catch each that is not of
//! acts, and the properties of acts each that is.
//!
//! Only the feature `mutations` can turn one on, for one thread; without it `mutant!(Name)` is the constant false.

/// `true` where this fault is to be made; `false`, and compiled away, without the feature `mutations`.
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutation::active($crate::mutation::Mutation::$name)
    };
}

macro_rules! mutations {
    ($($name:ident, $meaning:literal;)*) => {
        /// One fault.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Mutation {
            $(#[doc = $meaning] $name,)*
        }

        impl Mutation {
            /// Every fault.
            pub const ALL: &[Mutation] = &[$(Self::$name,)*];

            /// What it does.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

mutations! {
    SkipPrevious, "the hash of the entry before is not compared within a run";
    SkipPlacement, "the hash of the entry before is not compared with the head that is held";
    SkipRunSignature, "the last signature of a run is not checked";
    SkipBodyHash, "a body is not compared with the header's hash of it";
    AcceptRollback, "entries at places that are held replace what is held";
    AcknowledgeBeforeSync, "what was pushed is acknowledged before it is durable";
    WidenAudience, "whoever reads the network's feeds reads every hub's";
    StateAboveHole, "the stated head counts what stands above a hole";
    IgnoreRevocation, "entries beyond a revocation are taken";
    NoFreeze, "a proven fork does not freeze the feed";
    AcceptBeyondFreeze, "a frozen feed still grows";
    UncheckedProof, "a fork proof is believed without its signatures";
    HideFreeze, "a frozen feed is stated without its mark";
    FingerprintWithoutHash, "fingerprints of head sets leave the entry hash out";
    DropDifference, "one of the feeds that differ is dropped";
    AccuseLate, "a hub that is late is called shown by evidence";
    IgnoreLogId, "statements under different log ids are compared";
    AcceptAbsentBody, "an absent body counts as whole whatever named it";
    KeepRefusals, "what keys or forks refused stays refused after an identity event lifts it";
    HideAbove, "what is kept above a hole is not told as such: nobody asks for what comes before it";
    KeepSent, "what a far end sent once counts as what it holds, whatever took its place since";
    RememberPassing, "a refusal that passes by itself is remembered as one that does not";
    OrderByArrival, "concurrent acts are taken as they arrived";
    CountVoidActs, "acts whose entry does not count are taken all the same";
    WaitForCutOff, "what was cut off is waited for where it never came";
    AcceptByAnybody, "the provider accepts in the recipient's name";
    AcceptOtherTerms, "another word of the provider than its latest is accepted";
    AcceptWithoutWaiver, "conditions against the terms need no waiver";
    StartUnaccepted, "an engagement is active before the recipient accepted it";
    AgreeLater, "the provider changes its conditions after they were accepted";
    ConfirmByProvider, "the provider confirms its own delivery";
    CommitWithoutVotes, "a fund is bound without votes at its threshold";
    PayUnderThreshold, "a fund pays under its threshold";
    ReuseApprovals, "what was agreed to once is agreed to for good";
    ApproveByAnybody, "agreement of others than the board counts";
    PayTwice, "a milestone is paid again";
    BelowZero, "an account of a fund goes below zero";
    StartUngranted, "a fellow starts without having taken the place";
    DecideUnlisted, "who is not on the closing list is decided over";
    CloseTwice, "a second closing list replaces the first";
}

impl Mutation {
    /// True where the fault is in the rules of engagements, fellowships and funds, which no wire carries.
    pub fn is_of_acts(self) -> bool {
        self >= Self::OrderByArrival
    }
}

#[cfg(feature = "mutations")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

/// Turns one fault on for this thread, or all off.
#[cfg(feature = "mutations")]
pub fn set(mutation: Option<Mutation>) {
    ACTIVE.with(|a| a.set(mutation));
}

/// True where this fault is on for this thread.
#[cfg(feature = "mutations")]
pub fn active(mutation: Mutation) -> bool {
    ACTIVE.with(std::cell::Cell::get) == Some(mutation)
}

/// Never, without the feature.
#[cfg(not(feature = "mutations"))]
#[inline(always)]
pub const fn active(_: Mutation) -> bool {
    false
}
