//! `caphub verify`: every hash and signature of the replica, again, offline.

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Run, Seq};

use crate::commands::Context;
use crate::failure::{Failure, Outcome};
use crate::screen;

/// Re-checks all that is held; fails where anything does not fit.
pub fn run(context: &Context) -> Outcome {
    let replica = context.replica()?;
    let store = &replica.core.store;
    let failed = |e: caphub_node::store::StoreError| Failure::new("error-store").because(e);
    let (mut entries, mut feeds, mut wrong) = (0_u64, 0_u64, Vec::new());
    for head in store.heads() {
        feeds += 1;
        let id = head.feed.id();
        let verifier = head.feed.key().and_then(|k| Verifier::new(k.as_bytes()));
        let mut next = Some(Seq::FIRST);
        while let Some(from) = next.filter(|n| *n <= head.head.seq) {
            next = None;
            for run in store.read_feed(&id, from, 1 << 18).map_err(failed)? {
                entries += u64::from(run.count);
                next = Seq::new(run.first.value() + u64::from(run.count));
                let checked = unpack(&run.packed).and_then(|e| Run::chain(head.feed, e)).and_then(|chain| {
                    match &verifier {
                        Some(verifier) => chain.authenticate(verifier),
                        // Identity events were judged one by one when the replica was opened.
                        None => Ok(()),
                    }
                });
                if let Err(reason) = checked {
                    wrong.push(format!("{id} {from} {reason}"));
                }
            }
        }
    }
    if context.json {
        screen::json(&serde_json::json!({ "feeds": feeds, "entries": entries, "wrong": wrong }));
    } else {
        let values = [("entries", entries.to_string()), ("feeds", feeds.to_string())];
        let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        screen::line(&context.texts.tf("verify-done", &values));
        wrong.iter().for_each(|w| screen::line(&context.texts.reason_behind(w)));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::new("error-verify").with("count", wrong.len()).answered()),
    }
}
