//! Needs and offers whose day to be confirmed is past: shown as such by everybody, and due for their author.

use caphub_node::author::now_ms;
use caphub_proto::exchange::acts::Overdue;
use caphub_proto::exchange::confirmation;
use caphub_proto::v1::{self, Filter};

use crate::commands::acting;
use crate::failure::Failure;
use crate::replica::Replica;
use crate::texts::Texts;

/// What `status` calls it.
pub const CONFIRM_RECORD: &str = "confirm_record";

/// Since when a record counts as not confirmed, in words.
pub fn words(t: &Texts, record: &v1::Record) -> Option<String> {
    let since = lapsed_ms(record)?;
    // The day is over at its end, which is the next one's beginning.
    Some(t.tf("not-confirmed", &[("day", &acting::day(since.saturating_sub(1)))]))
}

/// Since when a record counts as not confirmed.
pub fn lapsed_ms(record: &v1::Record) -> Option<u64> {
    let content = record.revision.as_ref()?.record.as_ref()?;
    confirmation::lapsed_ms(content, now_ms())
}

/// Own needs and offers whose day is past, for `caphub status`; from that day on, before others see it.
pub fn overdue(replica: &Replica) -> Result<Vec<(String, Overdue)>, Failure> {
    let who = replica.core.party;
    let kinds = vec!["need".to_owned(), "offer".to_owned()];
    let own = replica.readable(&Filter { kinds, party_id: who.to_vec(), ..Filter::default() })?;
    let late = own.iter().filter_map(|record| {
        let content = record.revision.as_ref()?.record.as_ref()?;
        let since_ms = confirmation::due_ms(content).filter(|due| now_ms() >= *due)?;
        Some((acting::short(&record.record_id), Overdue { what: CONFIRM_RECORD, who, since_ms }))
    });
    Ok(late.collect())
}
