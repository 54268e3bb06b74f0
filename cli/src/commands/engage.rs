//! `caphub engage`: a match between a need and an offer, from proposal to evaluation.

mod propose;
mod show;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::engagement::{Engagement, stated_by};
use caphub_proto::v1::engagement_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    self, EngagementAcceptance, EngagementAct, EngagementAgreement, EngagementEvaluation,
    EngagementResolution, LocalisedText, ProviderTerms, RecipientTerms, RecordRef,
};
use caphub_proto::wire::{Audience, PartyId, RecordId};

use crate::arguments::acts::{Conditions, EngageCommand, Step};
use crate::commands::{Context, acting, compose};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;

pub use show::overdue;

/// Runs one of them.
pub async fn run(context: &Context, command: EngageCommand) -> Outcome {
    match command {
        EngageCommand::List { mine } => show::list(context, mine),
        EngageCommand::Show { engagement } => show::one(context, &engagement),
        EngageCommand::Propose {
            need,
            offer,
            with,
            until,
            acknowledge_days,
            confirm_days,
            conditions,
            words,
            again,
            seen_by,
        } => {
            let asked =
                propose::Asked { need, offer, with, until, acknowledge_days, confirm_days, again, seen_by };
            propose::propose(context, asked, &conditions, &words).await
        }
        EngageCommand::Agree { engagement, conditions, words } => {
            let found = Found::of(context, &engagement)?;
            let stated = stated(context, found.offered()?, &conditions)?;
            let text = acting::text(context, &words);
            found.act(context, What::Agree(EngagementAgreement { conditions: Some(stated), text })).await
        }
        EngageCommand::Accept { engagement, waive, words } => {
            let found = Found::of(context, &engagement)?;
            let accept = EngagementAcceptance {
                to: found.engagement.word.to_vec(),
                terms: found.terms()?,
                waivers: waive,
                text: acting::text(context, &words),
            };
            found.unwaived(&accept)?;
            found.act(context, What::Accept(accept)).await
        }
        EngageCommand::Evaluate { engagement, rating, words } => {
            let links = acting::note(context, &words).links;
            let evaluation = EngagementEvaluation { rating, text: acting::text(context, &words), links };
            Found::of(context, &engagement)?.act(context, What::Evaluate(evaluation)).await
        }
        EngageCommand::Resolve { engagement, outcome, words } => {
            let resolution = EngagementResolution { outcome, text: acting::text(context, &words) };
            Found::of(context, &engagement)?.act(context, What::Resolve(resolution)).await
        }
        EngageCommand::Start(step) => plain(context, step, What::Start).await,
        EngageCommand::Deliver(step) => {
            let shown = step.words.text.is_some() || !step.words.link.is_empty();
            acting::said("engage deliver", shown, "error-shown-needed")?;
            plain(context, step, What::Deliver).await
        }
        EngageCommand::Confirm(step) => plain(context, step, What::Confirm).await,
        EngageCommand::Decline(step) => said(context, step, "engage decline", What::Decline).await,
        EngageCommand::Withdraw(step) => said(context, step, "engage withdraw", What::Withdraw).await,
        EngageCommand::Dispute(step) => said(context, step, "engage dispute", What::Dispute).await,
        EngageCommand::Note(step) => said(context, step, "engage note", What::Note).await,
    }
}

async fn plain(context: &Context, step: Step, what: fn(v1::ActNote) -> What) -> Outcome {
    let note = acting::note(context, &step.words);
    Found::of(context, &step.engagement)?.act(context, what(note)).await
}

/// An act that has to say why, or what.
async fn said(context: &Context, step: Step, name: &'static str, what: fn(v1::ActNote) -> What) -> Outcome {
    let there = step.words.text.as_ref().is_some_and(|text| !text.trim().is_empty());
    acting::said(name, there, "error-words-needed")?;
    plain(context, step, what).await
}

/// An engagement with its acts, in the open replica.
pub struct Found {
    replica: Replica,
    record: RecordId,
    audience: Audience,
    acts: Vec<Act<EngagementAct>>,
    engagement: Engagement,
}

impl Found {
    fn of(context: &Context, id: &str) -> Result<Self, Failure> {
        let replica = context.replica()?;
        let all = acting::acts(&replica, RecordKind::Engagement, None)?;
        let proposals: Vec<Act<EngagementAct>> = acts::engagements(&all);
        let proposals = proposals.iter().filter(|a| matches!(a.what.act, Some(What::Propose(_))));
        let listed: Vec<&Act<EngagementAct>> = proposals.collect();
        let first = acting::pick(id, listed.iter().map(|a| (&a.record.0[..], (*a).clone())))?;
        let about = RecordRef { party: first.author.to_vec(), record_id: first.record.to_vec() };
        let records = acting::acts(&replica, RecordKind::Engagement, Some(&about))?;
        let gone = acting::gone(&replica, &records, first.audience);
        let acts = acts::engagements(&records);
        let engagement = Engagement::of(&first.hash, &acts, &|s| gone.is(s));
        let engagement =
            engagement.ok_or_else(|| Failure::nothing("error-engagement-void").with("id", id))?;
        drop(gone);
        Ok(Self { replica, record: first.record, audience: first.audience, acts, engagement })
    }

    /// Signs an act, where it would count.
    async fn act(self, context: &Context, what: What) -> Outcome {
        let e = &self.engagement;
        let about = RecordRef { party: e.proposer.to_vec(), record_id: self.record.to_vec() };
        let after = acts::after(&self.acts, &e.verdicts);
        let act = EngagementAct {
            engagement: Some(about),
            root: e.root.to_vec(),
            after: after.clone(),
            act: Some(what),
        };
        let draft = acting::draft(&self.replica, self.audience, after, act.clone());
        let mut acts = self.acts.clone();
        acts.push(draft.clone());
        let tried = Engagement::of(&e.root, &acts, &|_| true);
        acting::refuse(tried.as_ref().and_then(|t| t.verdicts.get(&draft.hash)))?;
        acting::sign(context, &self.replica, self.audience, Record::Engagement(act), "act-signed").await?;
        let id = hex::encode(self.record.0);
        show::again(context, self.replica, &id)
    }

    /// The recipient's terms now: those of its need, where it is held.
    fn terms(&self) -> Result<Option<RecipientTerms>, Failure> {
        Ok(match get(&self.replica, self.engagement.proposal.need.as_ref())? {
            Some(Record::Need(need)) => need.terms,
            _ => None,
        })
    }

    /// What the offer states, where one is named.
    fn offered(&self) -> Result<ProviderTerms, Failure> {
        Ok(match get(&self.replica, self.engagement.proposal.offer.as_ref())? {
            Some(Record::Offer(offer)) => stated_by(&offer),
            _ => ProviderTerms::default(),
        })
    }

    /// Refuses an acceptance that leaves a conflict without its waiver, and names them.
    fn unwaived(&self, accept: &EngagementAcceptance) -> Outcome {
        let e = &self.engagement;
        let own =
            accept.terms.as_ref().map(|t| caphub_proto::exchange::engagement::conflicts(t, &e.conditions));
        let mut open: Vec<String> = e.conflicts.iter().cloned().chain(own.unwrap_or_default()).collect();
        open.retain(|c| !accept.waivers.contains(c));
        open.sort_unstable();
        open.dedup();
        match open.is_empty() {
            true => Ok(()),
            false => {
                let waive = open.iter().map(|c| format!("--waive \"{c}\"")).collect::<Vec<_>>().join(" ");
                let failure = Failure::new("error-terms-conflict").because(open.join(", "));
                Err(failure.with("waive", waive).hint("hint-terms-conflict").reason("terms_conflict"))
            }
        }
    }
}

/// What a record says, where it is held.
fn get(replica: &Replica, reference: Option<&RecordRef>) -> Result<Option<Record>, Failure> {
    let key =
        reference.and_then(|r| Some((PartyId::from_slice(&r.party)?, RecordId::from_slice(&r.record_id)?)));
    let Some((party, id)) = key else { return Ok(None) };
    Ok(replica.get(&party, &id)?.and_then(|r| r.revision).and_then(|r| r.record))
}

/// What the provider states: the offer's words, and those that were typed in their place.
fn stated(
    context: &Context,
    mut stated: ProviderTerms,
    typed: &Conditions,
) -> Result<ProviderTerms, Failure> {
    if !typed.data_location.is_empty() {
        stated.data_locations =
            typed.data_location.iter().map(|c| compose::country(c)).collect::<Result<_, _>>()?;
    }
    if let Some(law) = &typed.law {
        stated.law = law.clone();
    }
    if !typed.technology.is_empty() {
        stated.technology = typed.technology.clone();
    }
    if !typed.language.is_empty() {
        stated.languages = typed.language.clone();
    }
    let conditions: Vec<LocalisedText> =
        typed.condition.iter().map(|c| acting::localised(context, c, None)).collect();
    if !conditions.is_empty() {
        stated.conditions = conditions;
    }
    Ok(stated)
}
