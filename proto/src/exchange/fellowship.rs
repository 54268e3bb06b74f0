//! Fellowships under a call: from nomination to certificate (SPEC.md section 15.4).
//!
//! Who is nominated stays sealed: acts name the hash of the sealed entry alone. How places are given is a rule of its
//! own (section 16); here is who may do what, and when.

mod steps;

use std::collections::BTreeMap;

use crate::exchange::acts::{Act, Fault, Graph, Overdue, Seen, Verdict, Verdicts, deadline};
use crate::v1::FellowshipAct;
use crate::v1::fellowship_act::Act as What;
use crate::wire::{Audience, EntryHash, PartyId};

/// Where one nomination stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// A state named somebody.
    Nominated,
    /// The call's author gave a place.
    Granted,
    /// The call's author gave none, with its reason.
    Refused,
    /// The nominating party took the place.
    Accepted,
    /// The nominating party gave the place back.
    Declined,
    /// The nominating party took the nomination back.
    Withdrawn,
    /// The fellow is there.
    Started,
    /// The fellow has finished.
    Completed,
    /// With a certificate.
    Certified,
}

impl State {
    /// All, in the order of SPEC.md.
    pub const ALL: [Self; 9] = [
        Self::Nominated,
        Self::Granted,
        Self::Refused,
        Self::Accepted,
        Self::Declined,
        Self::Withdrawn,
        Self::Started,
        Self::Completed,
        Self::Certified,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nominated => "nominated",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Certified => "certified",
        }
    }
}

/// One nomination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nominee {
    /// Who nominated.
    pub nominator: PartyId,
    /// The sealed entry.
    pub nomination: EntryHash,
    /// The nominating country, as stated.
    pub country: String,
    /// The nominate act.
    pub act: EntryHash,
    /// Where it stands.
    pub state: State,
    /// The author's time of the act that brought it there.
    pub since_ms: u64,
    /// On the closing list, where there is one.
    pub listed: Option<bool>,
    /// The rank that the decision names; 0 for none.
    pub rank: u32,
    /// The rule that the decision names.
    pub rule_set: String,
    /// The reason of the decision, in its own language.
    pub reason: String,
    answer_days: u32,
}

/// The closing list, and who has cosigned it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// The act.
    pub act: EntryHash,
    /// Hashes of sealed nominations.
    pub nominations: Vec<EntryHash>,
    /// The priority of each, in the same order.
    pub points: Vec<u32>,
    /// The place of each among those of its party, in the same order; none where it states none.
    pub turns: Vec<u32>,
    /// The author's time.
    pub time_ms: u64,
    /// Parties that cosigned, with the list hash that each signed.
    pub cosigned: BTreeMap<PartyId, Vec<u8>>,
}

/// All that happened under one call.
#[derive(Clone, PartialEq, Debug)]
pub struct Fellowships {
    /// Whose call.
    pub author: PartyId,
    /// Every nomination that counts, by who nominated and the sealed entry.
    pub nominees: BTreeMap<(PartyId, EntryHash), Nominee>,
    /// The closing list.
    pub closing: Option<Closing>,
    /// The public value, as the call's author read it.
    pub draw: Option<Vec<u8>>,
    /// What became of every act.
    pub verdicts: Verdicts,
}

impl Fellowships {
    /// What the acts under a call make, in any order, repeated or not.
    pub fn of(
        author: PartyId,
        audience: Audience,
        acts: &[Act<FellowshipAct>],
        gone: &dyn Fn(&Seen) -> bool,
    ) -> Self {
        let mut all =
            Self { author, nominees: BTreeMap::new(), closing: None, draw: None, verdicts: Verdicts::new() };
        let mut own = Vec::new();
        for act in acts {
            match act.audience == audience {
                true => own.push(act.clone()),
                false => drop(all.verdicts.insert(act.hash, Verdict::Void(Fault::OtherAudience))),
            }
        }
        let graph = Graph::new(&own, &|a| u8::from(a.author != author), gone);
        all.verdicts.extend(graph.others.iter().map(|(hash, verdict)| (*hash, *verdict)));
        // What concerns the whole call first, then each nomination between its two parties alone.
        for act in
            graph.sequence(&|a| subject(a).is_none(), &|p| *p == author, &|a| u8::from(a.author != author))
        {
            let done = all.whole(act);
            all.judge(act, done);
        }
        let mut subjects: Vec<(PartyId, EntryHash)> = own.iter().filter_map(subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        for key in subjects {
            let sides = |p: &PartyId| *p == author || *p == key.0;
            let sequence =
                graph.sequence(&|a| subject(a) == Some(key), &sides, &|a| u8::from(a.author != key.0));
            for act in sequence {
                let done = all.step(key, act);
                all.judge(act, done);
            }
        }
        all
    }

    fn judge(&mut self, act: &Act<FellowshipAct>, done: Result<(), Fault>) {
        let verdict = done.map_or_else(Verdict::Void, |()| Verdict::Counted);
        self.verdicts.insert(act.hash, verdict);
    }

    /// Nominations whose place nobody has answered in time.
    pub fn overdue(&self, now_ms: u64) -> Vec<(EntryHash, Overdue)> {
        let granted = self.nominees.values().filter(|n| n.state == State::Granted);
        let late = granted.filter_map(|n| {
            let since_ms = deadline(n.since_ms, n.answer_days);
            (now_ms >= since_ms)
                .then_some((n.nomination, Overdue { what: "answer", who: n.nominator, since_ms }))
        });
        late.collect()
    }
}

/// The nomination that an act is about: who nominated, and the sealed entry.
pub fn subject(act: &Act<FellowshipAct>) -> Option<(PartyId, EntryHash)> {
    let (party, hash) = match act.what.act.as_ref()? {
        What::Nominate(n) => (act.author, &n.nomination),
        What::Decide(d) => (PartyId::from_slice(&d.nominator)?, &d.nomination),
        What::Accept(s)
        | What::Decline(s)
        | What::Withdraw(s)
        | What::Start(s)
        | What::Complete(s)
        | What::Certificate(s) => (PartyId::from_slice(&s.nominator)?, &s.nomination),
        What::Close(_) | What::Cosign(_) | What::Draw(_) | What::Note(_) => return None,
    };
    Some((party, EntryHash::from_slice(hash)?))
}
