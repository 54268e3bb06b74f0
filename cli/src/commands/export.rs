//! `caphub export`: records of the replica as a file for others.

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::Filter;
use caphub_proto::wire::PartyId;

use crate::arguments::Export;
use crate::commands::Context;
use crate::failure::{Failure, Outcome};
use crate::interchange::{Format, write};
use crate::screen;

/// Writes all records of a kind to stdout.
pub fn run(context: &Context, export: &Export) -> Outcome {
    let kinds = [RecordKind::Course, RecordKind::Session, RecordKind::Offer, RecordKind::Need];
    let kind = kinds.into_iter().find(|k| k.code() == export.kind);
    let kind = kind.ok_or_else(|| Failure::usage("error-import-kind").with("kind", &export.kind))?;
    let formats = [Format::JsonLd, Format::Table, Format::Own];
    let format = formats.into_iter().find(|f| f.name() == export.format);
    let format = format.ok_or_else(|| Failure::usage("error-format").with("format", &export.format))?;
    let replica = context.replica()?;
    let party_id = if export.mine { replica.core.party.to_vec() } else { Vec::new() };
    let filter = Filter { kinds: vec![kind.code().to_owned()], party_id, ..Filter::default() };
    let items: Vec<write::Item> = replica
        .all(&filter)?
        .into_iter()
        .filter_map(|r| Some(write::Item { party: PartyId::from_slice(&r.party_id)?, revision: r.revision? }))
        .collect();
    screen::text(&write::write(&items, kind, format)?);
    Ok(())
}
