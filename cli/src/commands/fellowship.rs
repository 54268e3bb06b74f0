//! `caphub fellowship` and what a call has beside other records: nominations, decisions, the closing list.

mod calls;
mod nominate;
mod show;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::fellowship::{Fellowships, Nominee};
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, FellowshipAct, FellowshipDecision, FellowshipStep};
use caphub_proto::wire::{Audience, PartyId};

use crate::arguments::acts::{FellowshipCommand, NominationStep};
use crate::commands::{Context, acting, allocate};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;

pub use calls::run as call;
pub use show::overdue;

/// Runs one of them.
pub async fn run(context: &Context, command: FellowshipCommand) -> Outcome {
    match command {
        FellowshipCommand::List { call } => show::list(context, call.as_deref()),
        FellowshipCommand::Show { nomination } => show::one(context, &nomination),
        FellowshipCommand::Nominate { call, name, function, contact, language, words } => {
            let person = nominate::Person { name, function, contact, language };
            nominate::nominate(context, &call, person, &words).await
        }
        FellowshipCommand::Decide { nomination, grant, refuse, rank, rule_set, words } => {
            if grant == refuse {
                return Err(Failure::usage("error-decide"));
            }
            let (found, nominee) = nominee(context, &nomination)?;
            let reason = acting::text(context, &words);
            if reason.is_none() {
                return Err(Failure::usage("error-reason-needed").hint("hint-reason-needed"));
            }
            let decision = FellowshipDecision {
                nomination: nominee.nomination.to_vec(),
                nominator: nominee.nominator.to_vec(),
                granted: grant,
                rank,
                rule_set,
                reason,
                answer_days: 0,
            };
            found.act(context, What::Decide(decision)).await
        }
        FellowshipCommand::Accept(step) => take(context, step, What::Accept).await,
        FellowshipCommand::Decline(step) => take(context, step, What::Decline).await,
        FellowshipCommand::Withdraw(step) => take(context, step, What::Withdraw).await,
        FellowshipCommand::Start(step) => take(context, step, What::Start).await,
        FellowshipCommand::Complete(step) => take(context, step, What::Complete).await,
        FellowshipCommand::Certificate(step) => take(context, step, What::Certificate).await,
    }
}

async fn take(context: &Context, step: NominationStep, what: fn(FellowshipStep) -> What) -> Outcome {
    let (found, nominee) = nominee(context, &step.nomination)?;
    let act = FellowshipStep {
        nomination: nominee.nomination.to_vec(),
        nominator: nominee.nominator.to_vec(),
        note: Some(acting::note(context, &step.words)),
    };
    found.act(context, what(act)).await
}

/// A call with all acts under it.
pub(super) struct Found {
    pub(super) replica: Replica,
    pub(super) call: v1::Record,
    pub(super) audience: Audience,
    pub(super) acts: Vec<Act<FellowshipAct>>,
    pub(super) all: Fellowships,
}

impl Found {
    pub(super) fn of(context: &Context, id: &str) -> Result<Self, Failure> {
        let replica = context.replica()?;
        let call = replica.find(id, Some(RecordKind::Call.code()))?;
        Self::under(replica, call)
    }

    pub(super) fn under(replica: Replica, call: v1::Record) -> Result<Self, Failure> {
        let (audience, acts, all) = read(&replica, &call)?;
        Ok(Self { replica, call, audience, acts, all })
    }

    /// Signs an act, where it would count.
    pub(super) async fn act(self, context: &Context, what: What) -> Outcome {
        let act = self.new_act(what);
        let draft = acting::draft(&self.replica, self.audience, act.after.clone(), act.clone());
        let mut acts = self.acts.clone();
        acts.push(draft.clone());
        let tried = Fellowships::of(self.all.author, self.audience, &acts, &|_| true);
        acting::refuse(tried.verdicts.get(&draft.hash))?;
        acting::sign(context, &self.replica, self.audience, Record::Fellowship(act), "act-signed").await?;
        let Self { replica, call, .. } = self;
        replica.refresh()?;
        show::print(context, &Self::under(replica, call)?);
        Ok(())
    }

    pub(super) fn new_act(&self, what: What) -> FellowshipAct {
        FellowshipAct {
            call: Some(acting::reference(&self.call)),
            after: acts::after(&self.acts, &self.all.verdicts),
            act: Some(what),
        }
    }
}

/// What happened under a call.
pub(super) fn read(
    replica: &Replica,
    call: &v1::Record,
) -> Result<(Audience, Vec<Act<FellowshipAct>>, Fellowships), Failure> {
    let author = PartyId::from_slice(&call.party_id).unwrap_or_default();
    let audience = Audience::decode(&call.audience).unwrap_or(Audience::Public);
    let records = acting::acts(replica, RecordKind::Fellowship, Some(&acting::reference(call)))?;
    let gone = acting::gone(replica, &records, audience);
    let acts = acts::fellowships(&records);
    let all = Fellowships::of(author, audience, &acts, &|s| gone.is(s));
    Ok((audience, acts, all))
}

/// Every call held here.
pub(super) fn calls(replica: &Replica) -> Result<Vec<v1::Record>, Failure> {
    replica.all(&v1::Filter { kinds: vec![RecordKind::Call.code().to_owned()], ..v1::Filter::default() })
}

/// A nomination by the first characters of its hash, under whatever call it is.
fn nominee(context: &Context, id: &str) -> Result<(Found, Nominee), Failure> {
    let replica = context.replica()?;
    let mut known: Vec<(Nominee, v1::Record)> = Vec::new();
    for call in calls(&replica)? {
        let (_, acts, all) = read(&replica, &call)?;
        let claims = allocate::claims::of(&replica, &acts);
        // Another party's claim to a nomination is not what is meant by its hash.
        let own = |n: &Nominee| claims.get(&n.nomination).is_none_or(|owner| *owner == n.nominator);
        known.extend(all.nominees.into_values().filter(own).map(|n| (n, call.clone())));
    }
    let (nominee, call) = acting::pick(id, known.iter().map(|k| (&k.0.nomination.0[..], k)))?.clone();
    Ok((Found::under(replica, call)?, nominee))
}
