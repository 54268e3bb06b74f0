//! The file of evidence: JSON that a third party checks from its bytes alone (SPEC.md 13.2).

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::fork::ForkProof;
use caphub_proto::wire::history::Histories;
use caphub_proto::wire::identity::{Capabilities, IdentityLog};
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::statement::{Comparison, HeadStatement, StatedClass, compare, in_order};
use caphub_proto::wire::{Feed, OperatorKey, PartyId, Seq};
use serde::{Deserialize, Serialize};

use crate::audit::book::Line;
use crate::audit::notes::Pair;
use crate::audit::report::{cut_word, is_public};
use crate::audit::visit::Auditor;
use crate::author::feed_parts;
use crate::core::Core;

/// Largest file in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Pairs and statements that a file holds.
const ITEMS_MAX: usize = 10_000;

/// Evidence about hubs, with the identity logs that it rests on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceFile {
    /// The version of this format: 1.
    pub caphub_evidence: u32,
    /// When it was made, by its maker's clock.
    pub made_ms: u64,
    /// Its maker, for information.
    pub made_by: String,
    /// Packed runs of identity feeds from their first entry, hexadecimal, by party.
    pub identities: BTreeMap<String, Vec<String>>,
    /// Pairs of statements.
    pub statements: Vec<StatementPair>,
    /// Statements of hubs that were late when the file was made. They are no evidence of anything.
    pub late: Vec<LateStatement>,
    /// Pairs of checkpoints.
    pub histories: Vec<HistoryPair>,
    /// Proofs of forks: evidence about authors, not about hubs.
    pub forks: Vec<ForkHex>,
}

/// A fork proof (SPEC.md 13.1); its runs are hexadecimal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkHex {
    /// The feed.
    pub feed: FeedHex,
    /// One history, packed.
    pub first: String,
    /// The other.
    pub second: String,
}

/// A feed as a file names it; hexadecimal, key and audience empty for an identity feed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedHex {
    /// Whose, as text.
    pub party: String,
    /// The operator key.
    pub operator_key: String,
    /// The audience.
    pub audience: String,
}

/// Two statements of one node about one feed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementPair {
    /// The feed.
    pub feed: FeedHex,
    /// Stated first, hexadecimal.
    pub held: String,
    /// Stated later.
    pub lower: String,
}

/// What a hub stated when its maker held more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateStatement {
    /// The feed.
    pub feed: FeedHex,
    /// Hexadecimal.
    pub statement: String,
    /// What the file's maker held.
    pub held: u64,
    /// Since when, by its clock.
    pub since_ms: u64,
}

/// Two checkpoints of one hub.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryPair {
    /// The hub.
    pub hub: String,
    /// The notes and what proves that they are two histories.
    pub pair: Pair,
}

/// What one item of a file shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// statement, late, history or fork.
    pub kind: &'static str,
    /// Whom it is about, as text: a hub, or the author of a fork; empty where the item does not say.
    pub hub: String,
    /// What it is about, in figures.
    pub about: String,
    /// shown, late, or not_shown.
    pub verdict: &'static str,
    /// Why it is not shown, as a code: malformed, unauthorised, unrelated, consistent, cut, replaced, unproven.
    pub reason: &'static str,
}

impl EvidenceFile {
    /// What is known of these hubs. Feeds that are not public stay out, unless `restricted`.
    pub fn of(auditor: &Auditor, hubs: &[PartyId], restricted: bool, now_ms: u64) -> Self {
        let core = auditor.core();
        let mut file =
            Self { caphub_evidence: 1, made_ms: now_ms, made_by: core.party.to_string(), ..Self::default() };
        let mut parties = BTreeSet::new();
        for hub in hubs {
            for line in auditor.book.lines(hub).into_iter().filter(|l| restricted || is_public(l)) {
                if file.add(auditor, &line) {
                    parties.insert(*hub);
                    parties.extend(line.feed.is_identity().then_some(line.feed.party));
                }
            }
            for pair in auditor.notes.last(hub).map(|k| k.shown).unwrap_or_default() {
                file.histories.push(HistoryPair { hub: hub.to_string(), pair });
                parties.insert(*hub);
            }
        }
        for proof in auditor.core().forks.all() {
            let public = proof.feed().audience() == caphub_proto::wire::Audience::Public;
            if (restricted || public) && file.forks.len() < ITEMS_MAX {
                let (first, second) = (hex::encode(proof.first()), hex::encode(proof.second()));
                file.forks.push(ForkHex { feed: feed_hex(proof.feed()), first, second });
                parties.insert(proof.feed().party);
            }
        }
        for party in parties {
            file.identities.insert(party.to_string(), identity_runs(core, party));
        }
        file
    }

    fn add(&mut self, auditor: &Auditor, line: &Line) -> bool {
        if self.statements.len() + self.late.len() >= ITEMS_MAX {
            return false;
        }
        let feed = feed_hex(&line.feed);
        if let Some((held, lower)) = line.known.shown {
            let (held, lower) = (hex::encode(held.encode()), hex::encode(lower.encode()));
            self.statements.push(StatementPair { feed, held, lower });
            return true;
        }
        let held = auditor.held_of(line);
        match line
            .known
            .late_since_ms
            .filter(|_| held > line.known.latest.seq() && line.known.highest.seq() > 0)
        {
            Some(since_ms) => {
                let statement = hex::encode(line.known.latest.encode());
                self.late.push(LateStatement { feed, statement, held, since_ms });
                true
            }
            None => false,
        }
    }

    /// Reads a file; the words say what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if file.caphub_evidence != 1 {
            return Err(format!("version {} of the format is not known here", file.caphub_evidence));
        }
        let items = file.statements.len() + file.late.len() + file.histories.len() + file.forks.len();
        if items > 3 * ITEMS_MAX || file.identities.len() > ITEMS_MAX {
            return Err("it holds too many items".to_owned());
        }
        Ok(file)
    }

    /// Judges every item from the bytes of the file alone.
    pub fn judge(&self) -> Vec<Finding> {
        let logs: BTreeMap<String, IdentityLog> =
            self.identities.iter().filter_map(|(p, runs)| Some((p.clone(), identity(p, runs)?))).collect();
        let mut findings: Vec<Finding> = self.statements.iter().map(|s| statement_pair(s, &logs)).collect();
        findings.extend(self.histories.iter().map(|h| history_pair(h, &logs)));
        findings.extend(self.forks.iter().map(|f| fork(f, &logs)));
        findings.extend(self.late.iter().map(|l| late(l, &logs)));
        findings
    }
}

fn statement_pair(item: &StatementPair, logs: &BTreeMap<String, IdentityLog>) -> Finding {
    let finding = Finding::new("statement");
    let (Some(feed), Some(one), Some(other)) = (feed_of(&item.feed), read(&item.held), read(&item.lower))
    else {
        return finding.not("malformed");
    };
    let (held, lower) = in_order(one, other);
    let about = format!(
        "feed {} of {}: entry {} at {}, then {} at {}",
        feed.id(),
        feed.party,
        held.seq(),
        moment(held.time_ms),
        lower.seq(),
        moment(lower.time_ms)
    );
    let finding = Finding { hub: held.party.to_string(), about, ..finding };
    let stated = |s: &HeadStatement| s.feed == feed.id() && s.class == StatedClass::of(&feed);
    if !stated(&held) || !stated(&lower) {
        return finding.not("unrelated");
    }
    let hub = logs.get(&held.party.to_string()).and_then(IdentityLog::state);
    if !hub.is_some_and(|state| held.authorised(state) && lower.authorised(state)) {
        return finding.not("unauthorised");
    }
    let subject = logs.get(&feed.party.to_string());
    let chain = |seq: Seq| subject.and_then(|log| log.hash_at(seq));
    match compare(&feed, &held, &lower, chain) {
        Comparison::Contradiction => Finding { verdict: "shown", ..finding },
        Comparison::Unrelated => finding.not("unrelated"),
        Comparison::Consistent => finding.not("consistent"),
        Comparison::Cut(_) => finding.not("cut"),
        Comparison::Replaced => finding.not("replaced"),
    }
}

fn history_pair(item: &HistoryPair, logs: &BTreeMap<String, IdentityLog>) -> Finding {
    let finding = Finding { hub: item.hub.clone(), ..Finding::new("history") };
    let Some((one, other, found)) = item.pair.judge() else { return finding.not("malformed") };
    let about = format!("log {}: {} entries and {} entries", one.log, one.size, other.size);
    let finding = Finding { about, ..finding };
    let key: Option<OperatorKey> = item.pair.node_key.parse().ok();
    let operator = || logs.get(&item.hub)?.state()?.operators.get(&key?);
    let serves = operator().is_some_and(|o| o.revoked.is_none() && o.capabilities.holds(Capabilities::SERVE));
    match found {
        _ if !serves => finding.not("unauthorised"),
        Histories::Two => Finding { verdict: "shown", ..finding },
        Histories::One => finding.not("consistent"),
        Histories::Unproven => finding.not("unproven"),
        Histories::Unrelated => finding.not("unrelated"),
    }
}

fn fork(item: &ForkHex, logs: &BTreeMap<String, IdentityLog>) -> Finding {
    let finding = Finding { hub: item.feed.party.clone(), ..Finding::new("fork") };
    let (Some(feed), Ok(first), Ok(second)) =
        (feed_of(&item.feed), hex::decode(&item.first), hex::decode(&item.second))
    else {
        return finding.not("malformed");
    };
    let Ok(proof) = ForkProof::check(feed, &first, &second) else { return finding.not("malformed") };
    let about = format!("feed {}: two histories after entry {}", feed.id(), proof.common().seq);
    let finding = Finding { about, ..finding };
    let state = logs.get(&item.feed.party).and_then(IdentityLog::state);
    match state.zip(feed.key()).is_some_and(|(state, key)| state.operators.contains_key(&key)) {
        true => Finding { verdict: "shown", ..finding },
        false => finding.not("unauthorised"),
    }
}

fn late(item: &LateStatement, logs: &BTreeMap<String, IdentityLog>) -> Finding {
    let finding = Finding::new("late");
    let (Some(feed), Some(stated)) = (feed_of(&item.feed), read(&item.statement)) else {
        return finding.not("malformed");
    };
    let cut = cut_word(stated.cut);
    let about = format!(
        "feed {} of {}: states entry {} at {}{}; the file's maker held {} since {}",
        feed.id(),
        feed.party,
        stated.seq(),
        moment(stated.time_ms),
        if cut.is_empty() { String::new() } else { format!(" ({cut})") },
        item.held,
        moment(item.since_ms)
    );
    let finding = Finding { hub: stated.party.to_string(), about, ..finding };
    let hub = logs.get(&stated.party.to_string()).and_then(IdentityLog::state);
    match (stated.feed == feed.id(), hub.is_some_and(|state| stated.authorised(state))) {
        (false, _) => finding.not("unrelated"),
        (_, false) => finding.not("unauthorised"),
        (true, true) => Finding { verdict: "late", ..finding },
    }
}

impl Finding {
    fn new(kind: &'static str) -> Self {
        Self { kind, hub: String::new(), about: String::new(), verdict: "not_shown", reason: "" }
    }

    fn not(self, reason: &'static str) -> Self {
        Self { verdict: "not_shown", reason, ..self }
    }
}

fn read(hexadecimal: &str) -> Option<HeadStatement> {
    HeadStatement::decode(&hex::decode(hexadecimal).ok()?).ok()
}

fn feed_hex(feed: &Feed) -> FeedHex {
    let parts = feed_parts(feed);
    FeedHex {
        party: feed.party.to_string(),
        operator_key: hex::encode(parts.operator_key),
        audience: hex::encode(parts.audience),
    }
}

fn feed_of(feed: &FeedHex) -> Option<Feed> {
    let party: PartyId = feed.party.parse().ok()?;
    let (key, audience) = (hex::decode(&feed.operator_key).ok()?, hex::decode(&feed.audience).ok()?);
    Feed::from_parts(party.as_bytes(), &key, &audience).ok()
}

fn identity_runs(core: &Core, party: PartyId) -> Vec<String> {
    let id = Feed::identity(party).id();
    let (mut runs, mut next) = (Vec::new(), Some(Seq::FIRST));
    while let Some(from) = next {
        let Ok(read) = core.store.read_feed(&id, from, BATCH_BYTES) else { break };
        next = read.last().and_then(|r| Seq::new(r.first.value() + u64::from(r.count)));
        runs.extend(read.iter().map(|r| hex::encode(&r.packed)));
    }
    runs
}

/// The identity log of a party; `None` where its events do not make one.
fn identity(party: &str, runs: &[String]) -> Option<IdentityLog> {
    let mut log = IdentityLog::new(party.parse().ok()?);
    for run in runs {
        let bytes = hex::decode(run).ok()?;
        for entry in unpack(&bytes).ok()? {
            log.apply(entry).ok()?;
        }
    }
    log.state().is_some().then_some(log)
}

/// A time for people: ISO 8601, or the figure where it is out of the calendar.
pub fn moment(ms: u64) -> String {
    let stamp = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| ms.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
