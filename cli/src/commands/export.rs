//! `caphub export`: records of the replica as a file for others.

use caphub_proto::codes::Lang;
use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::Filter;
use caphub_proto::wire::PartyId;

use crate::arguments::Export;
use crate::commands::Context;
use crate::failure::{Failure, Outcome};
use crate::interchange::{self, Format, write, xlsx};
use crate::screen;

/// Writes all records of a kind, or an empty form, to stdout or a file.
pub fn run(context: &Context, export: &Export) -> Outcome {
    let kinds: Vec<RecordKind> = interchange::KINDS.into_iter().chain(interchange::LISTED).collect();
    let kind = interchange::of_code(&kinds, &export.kind)?;
    if export.form {
        let lang = Lang::parse(context.texts.language()).unwrap_or(Lang::En);
        let form = xlsx::form::write(kind, lang, &|key| context.texts.t(key));
        let form = form.ok_or_else(|| Failure::usage("error-form-kind").with("kind", &export.kind))?;
        return put(context, export, &form.map_err(|e| Failure::new("error-export").because(e))?);
    }
    let formats = [Format::JsonLd, Format::Table, Format::Calendar, Format::Xlsx, Format::Own];
    let format = formats.into_iter().find(|f| f.name() == export.format);
    let format = format.ok_or_else(|| Failure::usage("error-format").with("format", &export.format))?;
    if format == Format::Calendar && kind != RecordKind::Session {
        return Err(Failure::usage("error-calendar-kind").with("kind", &export.kind));
    }
    if format == Format::JsonLd
        && !matches!(kind, RecordKind::Course | RecordKind::Session | RecordKind::Offer | RecordKind::Need)
    {
        return Err(Failure::usage("error-format-kind")
            .with("format", format.name())
            .with("kind", &export.kind));
    }
    let replica = context.replica()?;
    let party_id = if export.mine { replica.core.party.to_vec() } else { Vec::new() };
    let filter = Filter { kinds: vec![kind.code().to_owned()], party_id, ..Filter::default() };
    let items: Vec<write::Item> = replica
        .all(&filter)?
        .into_iter()
        .filter_map(|r| {
            let party = PartyId::from_slice(&r.party_id)?;
            Some(write::Item { party, revision: r.revision?, time_ms: r.time_ms })
        })
        .collect();
    put(context, export, &write::write(&items, kind, format)?)
}

fn put(context: &Context, export: &Export, bytes: &[u8]) -> Outcome {
    let Some(path) = &export.out else {
        screen::bytes(bytes);
        return Ok(());
    };
    let failed = |e: std::io::Error| Failure::new("error-write").with("path", path.display()).because(e);
    std::fs::write(path, bytes).map_err(failed)?;
    context.say("export-written", &[("path", &path.display().to_string())]);
    Ok(())
}
