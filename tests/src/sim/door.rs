//! The one door of a simulated node: the same judgement as the real one, over a store in memory.

use std::collections::BTreeSet;

use bytes::Bytes;
use caphub_node::carriage::Carried;
use caphub_node::identities::Judged;
use caphub_node::ingest::Origin;
use caphub_proto::mutant;
use caphub_proto::v1;
use caphub_proto::wire::feed::{Author, unpack};
use caphub_proto::wire::fork::ForkProof;
use caphub_proto::wire::intake::{self, Chain, Facts, Tail, Verdict};
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::limits::{RUN_BYTES_MAX, RUN_ENTRIES_MAX};
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, PartyId, Reason, Run, Seq};

use crate::sim::disk::{Checked, Job, Taken};
use crate::sim::node::{Node, QUOTAS};
use crate::sim::store::{Frame, Held, Kind};

/// What became of one run before the disk.
pub enum Judgement {
    /// All of it was held.
    Known(u64),
    /// To be written, in order.
    Write(Vec<Checked>),
    /// It proves a fork.
    Proof(Box<ForkProof>),
}

impl Node {
    /// Judges the runs of a job up to the first that rests on one before it; returns what to write, with the place
    /// of each result, and the proofs that were found.
    pub fn judge(&mut self, job: &mut Job) -> (Vec<(usize, Checked)>, Vec<ForkProof>) {
        let (mut write, mut proofs) = (Vec::new(), Vec::new());
        let (mut parties, mut feeds): (BTreeSet<PartyId>, BTreeSet<FeedId>) = Default::default();
        while let Some(run) = job.runs.front() {
            let feed = feed_of(run);
            if let Ok(feed) = &feed
                && (parties.contains(&feed.party) || feeds.contains(&feed.id()))
            {
                break;
            }
            let run = job.runs.pop_front().unwrap_or_default();
            let mut taken = describe(&feed, &run.entries);
            let judged = feed.and_then(|feed| Ok((feed, self.check(feed, &run.entries, job)?)));
            match judged {
                Err(reason) => taken.result = Err(reason),
                Ok((_, Judgement::Known(known))) => taken.result = Ok((0, known)),
                Ok((_, Judgement::Proof(proof))) => {
                    taken.result = Err(Reason::Fork);
                    proofs.push(*proof);
                    // The freeze acts before the next run of the message is judged.
                    job.taken.push(taken);
                    return (write, proofs);
                }
                Ok((feed, Judgement::Write(mut checked))) => {
                    checked.iter_mut().for_each(|c| c.frame.own = job.origin == Origin::Own);
                    taken.result = Ok((checked.iter().map(|c| c.fresh).sum(), 0));
                    taken.above = checked.iter().any(|c| c.frame.kind == Kind::Tail) && !mutant!(HideAbove);
                    feeds.insert(feed.id());
                    if feed.is_identity() {
                        parties.insert(feed.party);
                    }
                    write.extend(checked.into_iter().map(|c| (job.taken.len(), c)));
                }
            }
            job.taken.push(taken);
        }
        (write, proofs)
    }

    fn check(&mut self, feed: Feed, packed: &Bytes, job: &Job) -> Result<Judgement, Reason> {
        match feed.author {
            Author::Identity => self.check_identity(feed, packed, job.origin),
            Author::Operator { .. } => self.check_records(feed, packed, job),
        }
    }

    fn check_identity(&mut self, feed: Feed, packed: &Bytes, origin: Origin) -> Result<Judgement, Reason> {
        let carried = match origin {
            Origin::Own => Carried::Own,
            Origin::Peer | Origin::Ahead => Carried::Peer,
            Origin::Caller(caller) if caller == feed.party => Carried::Guest,
            Origin::Caller(_) => {
                let held = self.identities.state(&feed.party).is_some();
                self.policy().decide(&feed.party, held)?
            }
        };
        let (judged, log) = self.identities.judge(feed.party, packed)?;
        let count = unpack(packed)?.len();
        let (fresh, kind) = match judged {
            Judged::Known => return Ok(Judgement::Known(count as u64)),
            Judged::Appended { fresh } => (fresh, Kind::Append),
            Judged::Replaced { fresh } => (fresh, Kind::Replace),
        };
        let frame = frame(feed, packed, kind, count - fresh, count)?;
        let (head, fresh) = (log.head(), fresh as u64);
        let after = self.durable.store.head(&feed.id());
        Ok(Judgement::Write(vec![Checked { frame, after, head, log: Some(log), carried, fresh }]))
    }

    fn check_records(&mut self, feed: Feed, packed: &Bytes, job: &Job) -> Result<Judgement, Reason> {
        if self.apart && feed.key() == Some(self.writer.public()) {
            return self.check_own_history(feed, packed, job.origin);
        }
        let at_the_door = match job.origin {
            Origin::Own | Origin::Peer | Origin::Ahead => true,
            Origin::Caller(caller) => caller == feed.party,
        };
        let carried = match job.origin {
            Origin::Own => Carried::Own,
            _ => self.policy().decide(&feed.party, at_the_door)?,
        };
        self.identities.state(&feed.party).ok_or(Reason::UnknownParty)?;
        let counted = self.counted(&feed).ok_or(Reason::UnknownKeyOfParty)?;
        let key = feed.key().ok_or(Reason::WrongFeed)?;
        let entries = unpack(packed)?;
        let run = Run::chain(feed, entries)?;
        let id = feed.id();
        let empty = Held { feed, pieces: Vec::new(), tails: Default::default() };
        let held = self.durable.store.held(&id).unwrap_or(&empty);
        let tails = tails_of(held);
        let facts = Facts {
            counted,
            freeze: self.freeze(&id),
            head: held.head(),
            tails: &tails,
            anchor: self.anchors.get(&id).copied(),
            aside: counted.named().and_then(|named| self.asides.kept(&id, named)),
            ahead: job.ahead,
        };
        let verifier = Verifier::new(key.as_bytes()).ok_or(Reason::BadKey)?;
        let after = held.head();
        let (kind, skip, take) = match intake::judge(
            &facts,
            &HeldChain { held, erased: self.erased.get(&id) },
            &run,
            &verifier,
        )? {
            Verdict::Known => return Ok(Judgement::Known(run.entries.len() as u64)),
            Verdict::Fork(proof) => return Ok(Judgement::Proof(proof)),
            Verdict::Below(head) => {
                self.anchors.insert(id, head);
                return Err(Reason::Undecided);
            }
            Verdict::Aside { skip } => {
                if let Some(named) = counted.named() {
                    self.asides.keep(&run, packed, skip, named);
                }
                return Err(Reason::Undecided);
            }
            Verdict::Chosen => return self.choose(&run, packed, after, carried),
            Verdict::Append { skip, take } => (Kind::Append, skip, take),
            Verdict::Replace { skip } => {
                self.asides.take(&id);
                (Kind::Replace, skip, run.entries.len())
            }
            Verdict::Tail { skip, take } => (Kind::Tail, skip, take),
            Verdict::Refill { .. } => (Kind::Refill, 0, run.entries.len()),
        };
        let fresh = if kind == Kind::Refill { 0 } else { (take - skip) as u64 };
        let last = take.checked_sub(1).and_then(|i| run.entries.get(i));
        let head = last.map(|e| Head { seq: e.header.seq, hash: e.hash });
        let frame = frame(feed, packed, kind, skip, take)?;
        self.spend_quota(&feed.party, carried, fresh)?;
        Ok(Judgement::Write(vec![Checked { frame, after, head, log: None, carried, fresh }]))
    }

    /// What was kept aside, and the run that shows that it counts, take the place of what is held.
    fn choose(
        &mut self,
        run: &Run<'_>,
        packed: &Bytes,
        mut after: Option<Head>,
        carried: Carried,
    ) -> Result<Judgement, Reason> {
        let aside = self.asides.take(&run.feed.id()).into_iter().map(|kept| (kept.packed, kept.skip));
        let mut all = Vec::new();
        for (packed, skip) in aside.chain([(packed.clone(), 0)]) {
            let run = Run::chain(run.feed, unpack(&packed)?)?;
            let kind = if all.is_empty() { Kind::Replace } else { Kind::Append };
            let frame = frame(run.feed, &packed, kind, skip, run.entries.len())?;
            let (head, fresh) = (Some(run.head()), (run.entries.len() - skip) as u64);
            all.push(Checked { frame, after, head, log: None, carried, fresh });
            after = head;
        }
        self.spend_quota(&run.feed.party, carried, all.iter().map(|c| c.fresh).sum())?;
        Ok(Judgement::Write(all))
    }

    /// Takes places of the quota before anything is written: several runs are judged before the first is durable.
    fn spend_quota(&mut self, party: &PartyId, carried: Carried, fresh: u64) -> Result<(), Reason> {
        if carried != Carried::Guest {
            return Ok(());
        }
        let all = self.guests_held() + fresh;
        let held = self.guests.entry(*party).or_default();
        if *held + fresh > QUOTAS.guest_entries || all > QUOTAS.guests_entries {
            return Err(Reason::Quota);
        }
        *held += fresh;
        Ok(())
    }

    /// Gives places of the quota back: the disk did not take the run.
    pub fn give_back(&mut self, checked: &Checked) {
        if checked.carried == Carried::Guest
            && let Some(held) = self.guests.get_mut(&checked.frame.feed.party)
        {
            *held = held.saturating_sub(checked.fresh);
        }
    }

    /// Notes which bodies of a frame are missing.
    pub fn note_bodies(&mut self, frame: &Frame) {
        let none = BTreeSet::new();
        let erased = self.erased.get(&frame.feed.id()).unwrap_or(&none);
        let lacking = self.lacking.entry(frame.feed.id()).or_default();
        if frame.kind == Kind::Replace {
            lacking.retain(|seq| *seq < frame.first);
        }
        for (seq, entry) in (frame.first..).zip(unpack(&frame.packed).unwrap_or_default()) {
            match entry.body {
                None if frame.kind != Kind::Refill && !erased.contains(&seq) => drop(lacking.insert(seq)),
                None => {}
                Some(_) => drop(lacking.remove(&seq)),
            }
        }
        if lacking.is_empty() {
            self.lacking.remove(&frame.feed.id());
        }
    }

    /// One of two machines with one key goes its own way: it follows itself, and takes nothing of the other.
    fn check_own_history(&self, feed: Feed, packed: &Bytes, origin: Origin) -> Result<Judgement, Reason> {
        if origin != Origin::Own {
            return Err(Reason::Frozen);
        }
        let run = Run::chain(feed, unpack(packed)?)?;
        let frame = frame(feed, packed, Kind::Append, 0, run.entries.len())?;
        let (after, head) = (self.durable.store.head(&feed.id()), Some(run.head()));
        let (carried, fresh) = (Carried::Own, run.entries.len() as u64);
        Ok(Judgement::Write(vec![Checked { frame, after, head, log: None, carried, fresh }]))
    }

    /// Keeps a proof; it acts at once. False where it adds nothing.
    pub fn keep_proof(&mut self, proof: ForkProof) -> bool {
        let feed = *proof.feed();
        if self.freeze(&feed.id()).is_some_and(|c| c <= proof.common()) {
            return false;
        }
        self.durable.proofs.push(proof);
        self.restate(&feed);
        true
    }
}

/// What is held, entry by entry.
pub struct HeldChain<'a> {
    /// The feed.
    pub held: &'a Held,
    /// Bodies that are not missing.
    pub erased: Option<&'a BTreeSet<u64>>,
}

impl Chain for HeldChain<'_> {
    fn hash(&self, seq: Seq) -> Option<EntryHash> {
        self.held.hash_at(seq.value()).or_else(|| self.held.hash_above(seq.value()))
    }

    fn run(&self, from: Seq) -> Option<Vec<u8>> {
        let pieces = self.held.pieces.iter().chain(self.held.tails.values());
        let piece = pieces.into_iter().find(|p| p.first <= from.value() && from.value() < p.end())?;
        let packed = piece.slice(from.value(), piece.end() - 1)?;
        (packed.len() <= RUN_BYTES_MAX && piece.hashes.len() <= RUN_ENTRIES_MAX).then(|| packed.to_vec())
    }

    fn lacks_body(&self, seq: Seq) -> bool {
        let packed = self.held.entry(seq.value());
        let erased = self.erased.is_some_and(|places| places.contains(&seq.value()));
        !erased
            && packed.is_some_and(|p| unpack(&p).is_ok_and(|e| e.first().is_some_and(|e| e.body.is_none())))
    }
}

fn tails_of(held: &Held) -> Vec<Tail> {
    let tail = |piece: &crate::sim::store::Piece| {
        let seq = Seq::new(piece.end() - 1)?;
        Some(Tail {
            first: Seq::new(piece.first)?,
            previous: EntryHash::from_slice(piece.packed.get(42..74)?)?,
            head: Head { seq, hash: *piece.hashes.last()? },
            bytes: piece.packed.len() as u64,
        })
    };
    held.tails.values().filter_map(tail).collect()
}

/// The feed of a run.
pub fn feed_of(run: &v1::Run) -> Result<Feed, Reason> {
    let parts = run.feed.as_ref().ok_or(Reason::BadLength)?;
    Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience)
}

fn describe(feed: &Result<Feed, Reason>, packed: &[u8]) -> Taken {
    let entries = unpack(packed).unwrap_or_default();
    let seq = |e: &caphub_proto::wire::UncheckedEntry<'_>| {
        e.header.get(34..42).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
    };
    let head = entries.last().and_then(|e| {
        let hash = caphub_proto::wire::header::entry_hash(e.header, e.signature);
        Some(Head { seq: Seq::new(seq(e))?, hash })
    });
    let (feed, from) = (feed.map_or(FeedId::default(), |f| f.id()), entries.first().map_or(0, seq));
    Taken { feed, from, head, above: false, result: Ok((0, 0)) }
}

fn frame(feed: Feed, packed: &Bytes, kind: Kind, skip: usize, take: usize) -> Result<Frame, Reason> {
    let entries = unpack(packed)?;
    let upto = |n: usize| -> usize { entries.iter().take(n).map(|e| e.packed_len()).sum() };
    let cut = packed.slice(upto(skip)..upto(take));
    let first = cut.get(34..42).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
    Ok(Frame { kind, feed, first, packed: cut, own: false })
}
