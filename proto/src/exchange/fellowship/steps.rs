//! What each act does to a fellowship: the table of SPEC.md section 15.4.

use std::collections::BTreeMap;

use super::{Closing, Fellowships, Nominee, State};
use crate::exchange::acts::{Act, Fault};
use crate::mutant;
use crate::v1::FellowshipAct;
use crate::v1::fellowship_act::Act as What;
use crate::wire::{EntryHash, PartyId};

impl Fellowships {
    /// Acts that concern the whole call.
    pub(super) fn whole(&mut self, act: &Act<FellowshipAct>) -> Result<(), Fault> {
        match act.what.act.as_ref().ok_or(Fault::OutOfTurn)? {
            What::Close(close) => {
                by(act, &self.author)?;
                if self.closing.is_some() && !mutant!(CloseTwice) {
                    return Err(Fault::AlreadyDone);
                }
                let nominations = close.nominations.iter().filter_map(|n| EntryHash::from_slice(n)).collect();
                let (act, time_ms) = (act.hash, act.time_ms);
                let (points, turns) = (close.points.clone(), close.turns.clone());
                let cosigned = BTreeMap::new();
                self.closing = Some(Closing { act, nominations, points, turns, time_ms, cosigned });
                Ok(())
            }
            What::Cosign(cosign) => {
                // The author's own word is the list itself.
                if act.author == self.author {
                    return Err(Fault::WrongParty);
                }
                let named = EntryHash::from_slice(&cosign.closing);
                let closing = self.closing.as_mut().filter(|c| Some(c.act) == named);
                let closing = closing.ok_or(Fault::UnknownSubject)?;
                if closing.cosigned.contains_key(&act.author) {
                    return Err(Fault::AlreadyDone);
                }
                closing.cosigned.insert(act.author, cosign.list_hash.clone());
                Ok(())
            }
            What::Draw(draw) => {
                by(act, &self.author)?;
                if self.draw.is_some() {
                    return Err(Fault::AlreadyDone);
                }
                self.draw = Some(draw.value.clone());
                Ok(())
            }
            What::Note(_) => Ok(()),
            _ => Err(Fault::UnknownSubject),
        }
    }

    /// Acts that concern one nomination.
    pub(super) fn step(&mut self, key: (PartyId, EntryHash), act: &Act<FellowshipAct>) -> Result<(), Fault> {
        use State::{
            Accepted, Certified, Completed, Declined, Granted, Nominated, Refused, Started, Withdrawn,
        };
        let author = self.author;
        match act.what.act.as_ref().ok_or(Fault::OutOfTurn)? {
            What::Nominate(n) => {
                if self.nominees.contains_key(&key) {
                    return Err(Fault::AlreadyDone);
                }
                let listed = self.closing.as_ref().map(|c| c.nominations.contains(&key.1));
                let nominee = Nominee {
                    nominator: key.0,
                    nomination: key.1,
                    country: n.country.clone(),
                    act: act.hash,
                    state: Nominated,
                    since_ms: act.time_ms,
                    listed,
                    rank: 0,
                    rule_set: String::new(),
                    reason: String::new(),
                    answer_days: 0,
                };
                self.nominees.insert(key, nominee);
                Ok(())
            }
            What::Decide(decision) => {
                by(act, &author)?;
                let nominee = self.nominees.get_mut(&key).ok_or(Fault::UnknownSubject)?;
                if nominee.listed == Some(false) && !mutant!(DecideUnlisted) {
                    return Err(Fault::NotListed);
                }
                nominee.turn(act, &[Nominated], if decision.granted { Granted } else { Refused })?;
                nominee.rank = decision.rank;
                nominee.rule_set = decision.rule_set.clone();
                nominee.reason = decision.reason.as_ref().map(|r| r.text.clone()).unwrap_or_default();
                nominee.answer_days = decision.answer_days;
                Ok(())
            }
            What::Accept(_) => self.by_nominator(key, act, &[Granted], Accepted),
            What::Decline(_) => self.by_nominator(key, act, &[Granted], Declined),
            What::Withdraw(_) => {
                self.by_nominator(key, act, &[Nominated, Granted, Accepted, Started], Withdrawn)
            }
            What::Start(_) if mutant!(StartUngranted) => {
                self.by_author(key, act, &[Granted, Accepted], Started)
            }
            What::Start(_) => self.by_author(key, act, &[Accepted], Started),
            What::Complete(_) => self.by_author(key, act, &[Started], Completed),
            What::Certificate(_) => self.by_author(key, act, &[Completed], Certified),
            _ => Err(Fault::UnknownSubject),
        }
    }

    fn by_nominator(
        &mut self,
        key: (PartyId, EntryHash),
        act: &Act<FellowshipAct>,
        from: &[State],
        to: State,
    ) -> Result<(), Fault> {
        by(act, &key.0)?;
        self.nominees.get_mut(&key).ok_or(Fault::UnknownSubject)?.turn(act, from, to)
    }

    fn by_author(
        &mut self,
        key: (PartyId, EntryHash),
        act: &Act<FellowshipAct>,
        from: &[State],
        to: State,
    ) -> Result<(), Fault> {
        by(act, &self.author)?;
        self.nominees.get_mut(&key).ok_or(Fault::UnknownSubject)?.turn(act, from, to)
    }
}

impl Nominee {
    fn turn(&mut self, act: &Act<FellowshipAct>, from: &[State], to: State) -> Result<(), Fault> {
        if !from.contains(&self.state) {
            return Err(Fault::OutOfTurn);
        }
        (self.state, self.since_ms) = (to, act.time_ms);
        Ok(())
    }
}

fn by(act: &Act<FellowshipAct>, party: &PartyId) -> Result<(), Fault> {
    if act.author == *party { Ok(()) } else { Err(Fault::WrongParty) }
}
