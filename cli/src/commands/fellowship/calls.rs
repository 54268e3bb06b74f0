//! `caphub call`: as every record, and its closing list, cosignatures and draw.

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::allocation::list_hash;
use caphub_proto::v1::fellowship_act::Act as What;
use caphub_proto::v1::{FellowshipClose, FellowshipCosign, FellowshipDraw};
use caphub_proto::wire::EntryHash;

use super::Found;
use crate::arguments::acts::CallCommand;
use crate::commands::{Context, records};
use crate::failure::{Failure, Outcome};

/// Runs one of them.
pub async fn run(context: &Context, command: CallCommand) -> Outcome {
    match command {
        CallCommand::Record(command) => records::run(context, RecordKind::Call, command).await,
        CallCommand::Close { call } => {
            let found = Found::of(context, &call)?;
            let mut listed: Vec<Vec<u8>> = found.all.nominees.keys().map(|(_, n)| n.to_vec()).collect();
            listed.sort_unstable();
            listed.dedup();
            found.act(context, What::Close(FellowshipClose { nominations: listed })).await
        }
        CallCommand::Cosign { call } => {
            let found = Found::of(context, &call)?;
            let closing = found.all.closing.clone().ok_or_else(|| Failure::new("error-call-open"))?;
            let entry = EntryHash::from_slice(&found.call.entry_hash).unwrap_or_default();
            let list_hash = list_hash(&entry, &closing.nominations).to_vec();
            let cosign = FellowshipCosign { closing: closing.act.to_vec(), list_hash };
            found.act(context, What::Cosign(cosign)).await
        }
        CallCommand::Draw { call, value, url } => {
            let value = hex::decode(&value).map_err(|e| Failure::usage("error-hex").because(e))?;
            let draw = FellowshipDraw { value, url: url.unwrap_or_default() };
            Found::of(context, &call)?.act(context, What::Draw(draw)).await
        }
    }
}
