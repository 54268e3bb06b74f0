//! Why an act does not count: the fixed list of SPEC.md section 15.6.

use crate::wire::Reason;

macro_rules! faults {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// Why an act is void. The code is for programs and never changes.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Fault {
            $(#[doc = $meaning] $name,)*
            /// The entry does not count, whatever it says.
            Entry(Reason),
        }

        impl Fault {
            /// Every fault of acts, in the order of SPEC.md.
            pub const ALL: &[Fault] = &[$(Self::$name,)*];

            /// The code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* Self::Entry(reason) => reason.code() }
            }

            /// What it means, in English.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* Self::Entry(reason) => reason.meaning() }
            }
        }
    };
}

faults! {
    OutOfTurn = "out_of_turn", "the state does not allow this act";
    WrongParty = "wrong_party", "this act is not this party's to do";
    NotAParty = "not_a_party", "the author's organisation has no part in this";
    OtherAudience = "other_audience", "the act is for others to see than the first act";
    UnknownSubject = "unknown_subject", "it names an act that is not there or does not count";
    AlreadyDone = "already_done", "the party has done so before";
    OtherTerms = "other_terms", "it does not accept the provider's latest word";
    TermsConflict = "terms_conflict", "the conditions conflict with the recipient's terms, and no waiver names the conflict";
    NotListed = "not_listed", "the nomination is not on the closing list";
    WrongCurrency = "wrong_currency", "the charter or the act that it names has another currency";
    OverBalance = "over_balance", "the amount is more than there is";
    UnderThreshold = "under_threshold", "fewer board parties agreed than the charter asks for";
    MilestoneOrder = "milestone_order", "an earlier milestone was not paid, received and reported";
    TooMany = "too_many", "more acts than are put in order";
    Repudiated = "repudiated", "the author's organisation cut the entry off by a revocation, or its feed forked";
}

impl Fault {
    /// The fault of an entry that does not count.
    pub fn of_entry(reason: Reason) -> Self {
        match reason {
            Reason::Revoked | Reason::Frozen => Self::Repudiated,
            other => Self::Entry(other),
        }
    }
}
