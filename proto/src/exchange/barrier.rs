//! Barriers: from a report to its end or return (SPEC.md section 17.6). Pure, and the same on every node.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::region;
use crate::v1::{Barrier, Reply};
use crate::wire::{EntryHash, PartyId, RecordId};

/// How a barrier stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The reporter says that it is there, and nobody has answered.
    Reported,
    /// Somebody has answered, the provider or anybody.
    Answered,
    /// The reporter says that less is closed than before.
    Eased,
    /// The reporter confirms that it is gone.
    Lifted,
    /// The reporter says that it is back.
    Recurred,
}

impl State {
    /// The code that programs see.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Answered => "answered",
            Self::Eased => "eased",
            Self::Lifted => "lifted",
            Self::Recurred => "recurred",
        }
    }

    fn parse(code: &str) -> Option<Self> {
        [Self::Reported, Self::Eased, Self::Lifted, Self::Recurred].into_iter().find(|s| s.code() == code)
    }

    /// What the reporter may say next.
    fn leads_to(self, next: Self) -> bool {
        match next {
            Self::Reported => matches!(self, Self::Reported | Self::Answered),
            Self::Eased => self != Self::Lifted,
            Self::Lifted => true,
            Self::Recurred => matches!(self, Self::Eased | Self::Lifted | Self::Recurred),
            Self::Answered => false,
        }
    }
}

/// One counted revision of the report.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Its number.
    pub number: u32,
    /// The entry; orders revisions of one number.
    pub hash: EntryHash,
    /// What it says.
    pub barrier: &'a Barrier,
}

/// One counted reply.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Who replies.
    pub party: PartyId,
    /// The entry; orders replies of one party to one revision.
    pub hash: EntryHash,
    /// What it says.
    pub reply: &'a Reply,
}

/// What somebody says has come of a barrier, and the reporter has not confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Who says it.
    pub party: PartyId,
    /// True where it is the party that the report names as the provider.
    pub provider: bool,
    /// Eased or lifted.
    pub state: State,
}

/// How a barrier stands, and what was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// True where somebody has answered since it was reported or came back.
    pub answered: bool,
    /// ISO 8601 date of the first report's beginning.
    pub since: String,
    /// ISO 8601 date from which the state holds; empty where the reporter gave none.
    pub as_of: String,
    /// How often it came back.
    pub recurrences: u32,
    /// Parties that replied, however often; all weigh the same.
    pub replied: BTreeSet<PartyId>,
    /// What others say has come of it, by party.
    pub claims: Vec<Claim>,
    /// Numbers of revisions that were out of turn and change nothing.
    pub out_of_turn: Vec<u32>,
}

/// How a barrier stands by its counted revisions and replies, in any order. `None` without a revision.
pub fn standing(reporter: PartyId, steps: &[Step<'_>], answers: &[Answer<'_>]) -> Option<Standing> {
    let mut steps = steps.to_vec();
    steps.sort_by_key(|s| (s.number, s.hash));
    let first = steps.first()?;
    let mut out = Standing {
        state: State::Reported,
        answered: false,
        since: first.barrier.since.clone(),
        as_of: date(first.barrier),
        recurrences: 0,
        replied: answers.iter().filter(|a| a.party != reporter).map(|a| a.party).collect(),
        claims: Vec::new(),
        out_of_turn: Vec::new(),
    };
    // The number of the revision by which it was reported or came back: what answers an earlier one is not about this.
    let mut begun = first.number;
    for step in steps.iter().skip(1) {
        let said = State::parse(&step.barrier.state).filter(|next| out.state.leads_to(*next));
        let Some(next) = said else {
            out.out_of_turn.push(step.number);
            continue;
        };
        if next == State::Recurred && out.state != State::Recurred {
            out.recurrences += 1;
            begun = step.number;
        }
        if next != out.state {
            out.as_of = date(step.barrier);
        }
        out.state = next;
    }
    let provider = steps.last().and_then(|s| PartyId::from_slice(&s.barrier.provider_party));
    let about_this = |a: &&Answer<'_>| a.party != reporter && a.reply.number.max(1) >= begun;
    out.answered = answers.iter().any(|a| about_this(&a));
    let mut latest: BTreeMap<PartyId, &Answer<'_>> = BTreeMap::new();
    for answer in answers.iter().filter(about_this) {
        let best = latest.entry(answer.party).or_insert(answer);
        if (best.reply.number, best.hash) < (answer.reply.number, answer.hash) {
            *best = answer;
        }
    }
    let claims = latest.into_values().filter_map(|a| {
        let state = State::parse(&a.reply.claim).filter(|s| matches!(s, State::Eased | State::Lifted))?;
        Some(Claim { party: a.party, provider: provider == Some(a.party), state })
    });
    out.claims = claims.filter(|c| out.state != State::Lifted && c.state != out.state).collect();
    if out.state == State::Reported && out.answered {
        out.state = State::Answered;
    }
    Some(out)
}

/// True where the revision shown is not the last word of it: lifted barriers close nothing.
pub fn is_open(barrier: &Barrier) -> bool {
    barrier.state != State::Lifted.code()
}

/// What a barrier may close: an offer, a session, a course, an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Whose record it is.
    pub party: PartyId,
    /// Its id.
    pub record: RecordId,
    /// Addresses under which it is reached.
    pub links: &'a [&'a str],
}

/// True where the report says that this is closed to a country: by naming the record, or a host of one of its addresses
/// or a domain above it; or, where it names neither records nor hosts, by naming its party as the provider.
pub fn applies(barrier: &Barrier, target: &Target<'_>, country: &str) -> bool {
    let Some(scope) = &barrier.scope else { return false };
    let closed = scope.countries.iter().any(|c| c == country)
        || scope.regions.iter().any(|r| region::contains(r, country));
    if !closed {
        return false;
    }
    let named = barrier
        .about
        .iter()
        .any(|a| a.party == target.party.as_bytes() && a.record_id == target.record.as_bytes());
    let hosts: Vec<&str> = barrier.hosts.iter().map(|h| bare(h)).filter(|h| !h.is_empty()).collect();
    let under = |host: &str| hosts.iter().any(|h| within(host, h));
    let hosted = target.links.iter().filter_map(|l| host(l)).any(under);
    let provided =
        barrier.about.is_empty() && hosts.is_empty() && barrier.provider_party == target.party.as_bytes();
    named || hosted || provided
}

fn date(barrier: &Barrier) -> String {
    if barrier.as_of.is_empty() { barrier.since.clone() } else { barrier.as_of.clone() }
}

/// The host of an http, https or mailto address, or of `host:port`.
fn host(link: &str) -> Option<&str> {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = bare(authority.rsplit('@').next()?);
    (!host.is_empty()).then_some(host)
}

/// A host without its port; an address of IPv6 keeps its brackets.
fn bare(host: &str) -> &str {
    let host = host.trim().trim_end_matches('.');
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// True for the same host, or one below the domain.
fn within(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests;
