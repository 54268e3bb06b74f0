//! Acts of several parties: all that a filter names, in one pass.

use caphub_proto::v1::{Filter, Record};
use tantivy::query::BooleanQuery;

use super::super::page::Addresses;
use super::super::{Views, ViewsError, filter};
use super::Reading;
use crate::entitlement::Viewer;

impl Views {
    /// Hands each revision that the filter names, and all others under its record id, to `take`: two acts under one id
    /// are two acts. In no order, and however many there are.
    pub fn each_act(
        &self,
        viewer: &Viewer,
        filter: &Filter,
        now_ms: u64,
        take: &mut dyn FnMut(Record),
    ) -> Result<(), ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            let clauses = filter::clauses(&inner.opened().fields, &searcher, viewer, filter)?;
            let mut found = searcher.search(&BooleanQuery::new(clauses), &Addresses)?;
            // Neighbours lie in one packed block.
            found.sort_unstable();
            let mut reading = Reading::new(self, &searcher, viewer, now_ms);
            for address in found {
                let Some(place) = inner.place_at(&searcher, address)? else { continue };
                match place.key().filter(|_| place.ordinals.len() > 1) {
                    Some(key) => reading.history(&key, &place)?.into_iter().for_each(&mut *take),
                    None => reading.record(&place)?.into_iter().for_each(&mut *take),
                }
            }
            Ok(())
        })
    }
}
