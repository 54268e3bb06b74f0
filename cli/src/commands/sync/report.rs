//! What a sync did, or would do, in words and as data.

use caphub_node::sync::{Planned, Synced};
use caphub_proto::wire::PartyId;

use crate::commands::Context;
use crate::screen;

/// What moved in one sync, or would.
pub struct Report {
    hub: String,
    what: What,
    /// Other hubs whose admissions count at the one that was synced with, as it said.
    pub hubs: Vec<PartyId>,
}

/// Most hubs that one is believed to name: as many as a node states.
const HUBS_MAX: usize = 256;

enum What {
    Done(Synced),
    Planned { pulled: Planned, pushed: Planned },
}

impl Report {
    /// Of a sync that was done.
    pub fn done(hub: String, synced: Synced, hubs: &[Vec<u8>]) -> Self {
        let hubs = hubs.iter().take(HUBS_MAX).filter_map(|h| PartyId::from_slice(h)).collect();
        Self { hub, what: What::Done(synced), hubs }
    }

    /// Of one that was not.
    pub fn planned(hub: String, pulled: Planned, pushed: Planned) -> Self {
        Self { hub, what: What::Planned { pulled, pushed }, hubs: Vec::new() }
    }

    /// Bytes of entries that moved.
    pub fn bytes(&self) -> u64 {
        match &self.what {
            What::Done(synced) => synced.pulled.bytes + synced.pushed.bytes,
            What::Planned { .. } => 0,
        }
    }

    /// Says it, as words or as one JSON object.
    pub fn show(&self, context: &Context) {
        match context.json {
            true => screen::json(&self.json()),
            false => self.say(context),
        }
    }

    /// As one JSON object.
    pub fn json(&self) -> serde_json::Value {
        match &self.what {
            What::Done(synced) => serde_json::json!({
                "hub": self.hub,
                "received": synced.pulled.entries,
                "received_bytes": synced.pulled.bytes,
                "sent": synced.pushed.entries,
                "sent_bytes": synced.pushed.bytes,
                "refused": synced.pushed.refused,
                "not_taken": synced.pulled.refused,
                "rounds": synced.finished.rounds,
                "more": synced.finished.more,
            }),
            What::Planned { pulled, pushed } => {
                let one = |p: &Planned| serde_json::json!({ "entries": p.entries, "bytes": p.bytes, "organisations": p.parties });
                serde_json::json!({ "hub": self.hub, "would_receive": one(pulled), "would_send": one(pushed) })
            }
        }
    }

    /// As words.
    pub fn say(&self, context: &Context) {
        match &self.what {
            What::Done(synced) => self.say_done(context, synced),
            What::Planned { pulled, pushed } => {
                for (key, planned) in [("sync-would-receive", pulled), ("sync-would-send", pushed)] {
                    let values = [
                        ("hub", screen::plain(&self.hub)),
                        ("entries", planned.entries.to_string()),
                        ("kib", planned.bytes.div_ceil(1024).to_string()),
                        ("parties", planned.parties.to_string()),
                    ];
                    say(context, key, &values);
                }
            }
        }
    }

    fn say_done(&self, context: &Context, synced: &Synced) {
        let (pulled, pushed) = (&synced.pulled, &synced.pushed);
        let values = [
            ("hub", screen::plain(&self.hub)),
            ("received", pulled.entries.to_string()),
            ("sent", pushed.entries.to_string()),
            ("kib", pulled.bytes.div_ceil(1024).to_string()),
        ];
        say(context, "sync-done", &values);
        for (reason, count) in pushed.refused.iter().chain(&pulled.refused) {
            let meaning = context.texts.reason(reason);
            context.say("sync-refused", &[("count", &count.to_string()), ("reason", &meaning)]);
        }
        if synced.finished.more {
            context.say("sync-more", &[]);
        }
    }
}

fn say(context: &Context, key: &str, values: &[(&str, String)]) {
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    context.say(key, &values);
}
