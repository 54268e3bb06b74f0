//! What acts of engagements must have.

use super::super::{Field, Invalid, exactly, recipient_terms, reference};
use super::{common, days, note, required, said};
use crate::exchange::check::{self, FIELD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::v1::engagement_act::Act;
use crate::v1::{EngagementAct, EngagementProposal, ProviderTerms};

pub(in crate::exchange::validate) fn engagement(r: &EngagementAct) -> Result<(), Invalid> {
    reference(&r.engagement).of("engagement")?;
    let first = matches!(r.act, Some(Act::Propose(_)));
    common(first, r.engagement.is_some(), &r.root, &r.after)?;
    let Some(act) = &r.act else { return required(false).of("act") };
    match act {
        Act::Propose(p) => proposal(p),
        Act::Agree(a) => {
            provider_terms(&a.conditions.clone().unwrap_or_default())?;
            check::localised(&a.text, TEXT_BYTES_MAX).of("agree.text")
        }
        Act::Accept(a) => {
            exactly(&a.to, 32).of("accept.to")?;
            recipient_terms(&a.terms)?;
            check::list(&a.waivers, |w| check::bounded(w, FIELD_BYTES_MAX)).of("accept.waivers")?;
            check::localised(&a.text, TEXT_BYTES_MAX).of("accept.text")
        }
        Act::Start(n) | Act::Confirm(n) => note(n).of("act"),
        // What was delivered is shown, not only said.
        Act::Deliver(n) => {
            required(!n.links.is_empty() || !n.records.is_empty() || n.text.is_some()).of("deliver")?;
            note(n).of("deliver")
        }
        Act::Decline(n) | Act::Withdraw(n) | Act::Dispute(n) | Act::Note(n) => said(n).of("text"),
        Act::Evaluate(e) => {
            match (1..=5).contains(&e.rating) {
                true => Ok(()),
                false => Err("is from 1 to 5".to_owned()),
            }
            .of("evaluate.rating")?;
            check::localised(&e.text, TEXT_BYTES_MAX).of("evaluate.text")?;
            check::list(&e.links, |l| check::bounded(&l.title, FIELD_BYTES_MAX).and(check::url(&l.url)))
                .of("evaluate.links")
        }
        Act::Resolve(resolution) => {
            match ["resume", "confirmed", "ended"].contains(&resolution.outcome.as_str()) {
                true => Ok(()),
                false => Err(format!("\"{}\" is not one of resume, confirmed, ended", resolution.outcome)),
            }
            .of("resolve.outcome")?;
            check::localised(&resolution.text, TEXT_BYTES_MAX).of("resolve.text")
        }
    }
}

fn proposal(p: &EngagementProposal) -> Result<(), Invalid> {
    check::party(&p.recipient).of("recipient")?;
    check::party(&p.provider).of("provider")?;
    match p.recipient == p.provider {
        true => Err("is the recipient".to_owned()).of("provider"),
        false => Ok(()),
    }?;
    reference(&p.need).of("need")?;
    reference(&p.offer).of("offer")?;
    check::localised(&p.text, TEXT_BYTES_MAX).of("text")?;
    recipient_terms(&p.terms)?;
    provider_terms(&p.conditions.clone().unwrap_or_default())?;
    days(p.acknowledge_days).of("acknowledge_days")?;
    days(p.confirm_days).of("confirm_days")?;
    check::window(&p.window).of("window")?;
    reference(&p.call).of("call")
}

fn provider_terms(terms: &ProviderTerms) -> Result<(), Invalid> {
    check::list(&terms.data_locations, |c| check::country(c)).of("conditions.data_locations")?;
    check::list(&terms.languages, |l| check::language(l)).of("conditions.languages")?;
    check::bounded(&terms.law, FIELD_BYTES_MAX).of("conditions.law")?;
    check::list(&terms.technology, |t| check::bounded(t, FIELD_BYTES_MAX)).of("conditions.technology")?;
    check::list(&terms.conditions, |c| check::required(&Some(c.clone()), TEXT_BYTES_MAX))
        .of("conditions.conditions")
}
