//! `caphub fund`: money of several parties, from pledge to receipt.

mod show;
mod statement;

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{self, Act};
use caphub_proto::exchange::fund::Fund;
use caphub_proto::v1::fund_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    self, FundAct, FundCharter, FundMilestone, FundPayment, FundPledge, FundProposal, FundVote, Money,
    RecordRef,
};
use caphub_proto::wire::{Audience, EntryHash, PartyId, RecordId};

use crate::arguments::acts::{Charter, FundApproval, FundCommand, FundMoney, FundStep};
use crate::commands::{Context, acting, sealing};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;

pub use show::{all, overdue};

/// Runs one of them.
pub async fn run(context: &Context, command: FundCommand) -> Outcome {
    match command {
        FundCommand::List => show::list(context),
        FundCommand::Show { fund } => show::one(context, &fund),
        FundCommand::Statement { fund } => statement::print(context, &fund),
        FundCommand::Create { charter, seen_by } => {
            let replica = context.replica()?;
            let charter = of_board(context, &replica, &charter)?;
            let board: Vec<PartyId> = charter.board.iter().filter_map(|p| PartyId::from_slice(p)).collect();
            let seen_by = sealing::of_act(context, &replica, &seen_by, &board)?;
            let act = FundAct { act: Some(What::Charter(charter)), ..FundAct::default() };
            let record = Record::Fund(act);
            let signed = acting::sign_sealed(context, &replica, seen_by, record, "fund-created").await?;
            drop(replica);
            show::one(context, &hex::encode(&signed.record_id))
        }
        FundCommand::Pledge { money, due } => {
            let found = Found::of(context, &money.subject)?;
            let pledge =
                FundPledge { amount: amount(&money)?, text: acting::text(context, &money.words), due };
            found.act(context, What::Pledge(pledge)).await
        }
        FundCommand::Propose {
            fund,
            title,
            description,
            recipient,
            currency,
            milestone,
            need,
            call,
            text_language,
        } => {
            let found = Found::of(context, &fund)?;
            let language = text_language.as_deref();
            let milestones: Vec<FundMilestone> =
                milestone.iter().map(|m| part(context, m, language)).collect::<Result<_, _>>()?;
            let needs =
                need.iter().map(|id| found.replica.find(id, Some("need")).map(|r| acting::reference(&r)));
            let proposal = FundProposal {
                title: Some(acting::localised(context, &title, language)),
                description: description.map(|d| acting::localised(context, &d, language)),
                recipient: acting::party(&found.replica, &recipient)?.to_vec(),
                needs: needs.collect::<Result<_, _>>()?,
                call: call
                    .map(|id| found.replica.find(&id, Some("call")).map(|r| acting::reference(&r)))
                    .transpose()?,
                amount: Some(Money { amount: sum(&milestones)?, currency }),
                milestones,
            };
            found.act(context, What::Propose(proposal)).await
        }
        FundCommand::Amend { fund, charter } => {
            let found = Found::of(context, &fund)?;
            let charter = of_board(context, &found.replica, &charter)?;
            found.act(context, What::Amend(charter)).await
        }
        FundCommand::Vote { proposal, yes, no: _, words } => {
            let found = Found::of(context, &proposal)?;
            let vote = FundVote { about: found.about.to_vec(), yes, reason: acting::text(context, &words) };
            found.act(context, What::Vote(vote)).await
        }
        FundCommand::PaidIn(paid) => pay(context, paid.money, paid.reference, What::PaidIn).await,
        FundCommand::Refund(paid) => pay(context, paid.money, paid.reference, What::Refund).await,
        FundCommand::PayBack(money) => pay(context, money, String::new(), What::PayBack).await,
        FundCommand::Commit(step) => take(context, step, What::Commit).await,
        FundCommand::Approve(FundApproval { step, amount, currency }) => {
            let amount = amount.zip(currency).map(|(amount, currency)| Money { amount, currency });
            agree(context, step, amount, What::Approve).await
        }
        FundCommand::Disburse(step) => take(context, step, What::Disburse).await,
        FundCommand::Receipt(step) => take(context, step, What::Receipt).await,
        FundCommand::Report(step) => {
            let shown = step.words.text.is_some() || !step.words.link.is_empty();
            acting::said("fund report", shown, "error-shown-needed")?;
            take(context, step, What::Report).await
        }
        FundCommand::Release(step) => take(context, step, What::Release).await,
        FundCommand::Enact(step) => take(context, step, What::Enact).await,
        FundCommand::Close(step) => take(context, step, What::Close).await,
    }
}

async fn take(context: &Context, step: FundStep, what: fn(v1::FundStep) -> What) -> Outcome {
    agree(context, step, None, what).await
}

async fn agree(
    context: &Context,
    step: FundStep,
    amount: Option<Money>,
    what: fn(v1::FundStep) -> What,
) -> Outcome {
    let found = Found::of(context, &step.subject)?;
    let note = Some(acting::note(context, &step.words));
    let act = v1::FundStep { about: found.about.to_vec(), milestone: step.milestone, note, amount };
    found.act(context, what(act)).await
}

async fn pay(
    context: &Context,
    money: FundMoney,
    reference: String,
    what: fn(FundPayment) -> What,
) -> Outcome {
    let found = Found::of(context, &money.subject)?;
    let note = Some(acting::note(context, &money.words));
    let payment = FundPayment { about: found.about.to_vec(), amount: amount(&money)?, note, reference };
    found.act(context, what(payment)).await
}

/// As it was typed, once it is known to be an amount.
fn amount(money: &FundMoney) -> Result<Option<Money>, Failure> {
    let parsed: Result<caphub_proto::exchange::amount::Amount, _> = money.amount.parse();
    parsed.map_err(|e| Failure::usage("error-amount").because(e))?;
    Ok(Some(Money { amount: money.amount.clone(), currency: money.currency.clone() }))
}

/// `TITLE=AMOUNT` as a milestone.
fn part(context: &Context, text: &str, language: Option<&str>) -> Result<FundMilestone, Failure> {
    let (title, amount) =
        text.rsplit_once('=').ok_or_else(|| Failure::usage("error-milestone").with("text", text))?;
    let title = Some(acting::localised(context, title.trim(), language));
    Ok(FundMilestone { title, amount: amount.trim().to_owned(), due: String::new() })
}

fn sum(milestones: &[FundMilestone]) -> Result<String, Failure> {
    let mut sum = caphub_proto::exchange::amount::Amount::ZERO;
    for milestone in milestones {
        let part = milestone.amount.parse().map_err(|e| Failure::usage("error-amount").because(e))?;
        sum = sum.plus(part).ok_or_else(|| Failure::usage("error-amount"))?;
    }
    Ok(sum.to_string())
}

fn of_board(context: &Context, replica: &Replica, typed: &Charter) -> Result<FundCharter, Failure> {
    let language = typed.text_language.as_deref();
    let board = typed.board.iter().map(|p| acting::party(replica, p).map(|p| p.to_vec()));
    Ok(FundCharter {
        title: Some(acting::localised(context, &typed.title, language)),
        description: typed.description.as_ref().map(|d| acting::localised(context, d, language)),
        board: board.collect::<Result<_, _>>()?,
        threshold: typed.threshold,
        currencies: typed.currency.clone(),
    })
}

/// A fund with its acts, and the act of it whose id was typed.
pub struct Found {
    replica: Replica,
    record: RecordId,
    about: EntryHash,
    audience: Audience,
    acts: Vec<Act<FundAct>>,
    fund: Fund,
}

impl Found {
    /// By the id of the charter or of any of its acts.
    fn of(context: &Context, id: &str) -> Result<Self, Failure> {
        let replica = context.replica()?;
        let all = acts::funds(&acting::acts(&replica, RecordKind::Fund, None)?);
        let named = acting::pick(id, all.iter().map(|a| (&a.record.0[..], a)))?;
        let root = EntryHash::from_slice(&named.what.root).unwrap_or(named.hash);
        let about = named.hash;
        let first = all.iter().find(|a| a.hash == root);
        // Without its charter nothing of a fund can be told, neither here nor by those who never saw it.
        let lost = || Failure::nothing("error-fund-void").with("id", id).hint("hint-fund-void");
        let first = first.ok_or_else(lost)?.clone();
        let reference = RecordRef { party: first.author.to_vec(), record_id: first.record.to_vec() };
        let records = acting::acts(&replica, RecordKind::Fund, Some(&reference))?;
        let gone = acting::gone(&replica, &records, first.audience);
        let acts = acts::funds(&records);
        let fund = Fund::of(&root, &acts, &|s| gone.is(s));
        let fund = fund.ok_or_else(lost)?;
        drop(gone);
        Ok(Self { replica, record: first.record, about, audience: first.audience, acts, fund })
    }

    /// Signs an act, where it would count.
    async fn act(self, context: &Context, what: What) -> Outcome {
        let fund = &self.fund;
        let act = FundAct {
            fund: Some(RecordRef { party: fund.author.to_vec(), record_id: self.record.to_vec() }),
            root: fund.root.to_vec(),
            after: acts::after(&self.acts, &fund.verdicts),
            act: Some(what),
        };
        let draft = acting::draft(&self.replica, self.audience, act.after.clone(), act.clone());
        let mut acts = self.acts.clone();
        acts.push(draft.clone());
        let tried = Fund::of(&fund.root, &acts, &|_| true);
        acting::refuse(tried.as_ref().and_then(|t| t.verdicts.get(&draft.hash)))?;
        let signed =
            acting::sign(context, &self.replica, self.audience, Record::Fund(act), "act-signed").await?;
        drop(self);
        show::act(context, &hex::encode(&signed.record_id))
    }
}
