//! `caphub call`: as every record, and its closing list, cosignatures and draw.

use caphub_node::author::now_ms;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{Act, Verdict};
use caphub_proto::exchange::allocation::list_hash;
use caphub_proto::exchange::fellowship::State;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{FellowshipAct, FellowshipClose, FellowshipCosign, FellowshipDraw};
use caphub_proto::wire::EntryHash;

use super::Found;
use crate::arguments::acts::CallCommand;
use crate::commands::allocate::{self, claims};
use crate::commands::{Context, acting, records};
use crate::failure::{Failure, Outcome};

/// Runs one of them.
pub async fn run(context: &Context, command: CallCommand) -> Outcome {
    match command {
        CallCommand::Record(command) => records::run(context, RecordKind::Call, command).await,
        CallCommand::Close { call } => {
            let found = Found::of(context, &call)?;
            // Whose each is, not who says so; what was taken back is left out.
            let mut claims = claims::of(&found.replica, &counted(&found));
            claims.retain(|hash, party| {
                let nominee = found.all.nominees.get(&(*party, *hash));
                nominee.is_some_and(|n| n.state != State::Withdrawn)
            });
            let points = allocate::points_of(&found.replica, &found.call, &claims)?;
            let nominations = points.keys().map(|hash| hash.to_vec()).collect();
            let points = points.values().copied().collect();
            found.act(context, What::Close(FellowshipClose { nominations, points })).await
        }
        CallCommand::Cosign { call, anyway } => {
            let found = Found::of(context, &call)?;
            let closing = found.all.closing.clone().ok_or_else(|| Failure::new("error-call-open"))?;
            let entry = EntryHash::from_slice(&found.call.entry_hash).unwrap_or_default();
            let claims = claims::of(&found.replica, &counted(&found));
            let now = allocate::points_of(&found.replica, &found.call, &claims)?;
            let stated = closing.nominations.iter().zip(&closing.points);
            let other: Vec<String> = stated
                .filter(|(hash, points)| now.get(hash).is_some_and(|n| n != *points))
                .map(|(hash, _)| acting::short(&hash.0))
                .collect();
            if !other.is_empty() && !anyway {
                let failure = Failure::new("error-cosign-points").with("ids", other.join(", "));
                return Err(failure.hint("hint-cosign-points"));
            }
            let list_hash = list_hash(&entry, &closing.nominations).to_vec();
            let cosign = FellowshipCosign { closing: closing.act.to_vec(), list_hash };
            found.act(context, What::Cosign(cosign)).await
        }
        CallCommand::Draw { call, value, url } => {
            let value = hex::decode(&value).map_err(|e| Failure::usage("error-hex").because(e))?;
            let draw = FellowshipDraw { value, url: url.unwrap_or_default() };
            let found = Found::of(context, &call)?;
            if found.all.closing.is_none() {
                return Err(Failure::new("error-call-open"));
            }
            // A value that is stated before it exists was chosen.
            if drawn_at(&found).is_none_or(|at| now_ms() < at) {
                return Err(Failure::new("error-draw-early").hint("hint-draw-early").reason("draw_early"));
            }
            found.act(context, What::Draw(draw)).await
        }
    }
}

/// Acts under the call that count.
fn counted(found: &Found) -> Vec<Act<FellowshipAct>> {
    let counts = |act: &&Act<FellowshipAct>| found.all.verdicts.get(&act.hash) == Some(&Verdict::Counted);
    found.acts.iter().filter(counts).cloned().collect()
}

/// When the call's public value comes to be.
fn drawn_at(found: &Found) -> Option<u64> {
    let Some(Record::Call(call)) = found.call.revision.as_ref()?.record.as_ref() else { return None };
    let at: jiff::Timestamp = call.draw.as_ref()?.at.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}
