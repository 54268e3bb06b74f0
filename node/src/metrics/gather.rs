//! Everything that is known of a node, gathered when it is asked for.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::author::now_ms;
use crate::metrics::counts::{Label, LinkCounts};
use crate::node::Node;

type Ratios = Family<Label, Gauge<f64, AtomicU64>>;
type Placed = Family<[(&'static str, String); 1], Gauge>;

/// The metrics as text.
///
/// # Errors
///
/// Never, unless the format cannot write one of our own values.
pub fn gather(node: &Node, links: &LinkCounts) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("caphub");
    held(&mut registry, node);
    let ingest = node.core.ingest.counts();
    registry.register("entries_stored", "New entries that became durable", ingest.stored.clone());
    registry.register("runs_refused", "Runs of entries that were refused, by reason", ingest.refused.clone());
    let syncs = node.core.store.fsync_times();
    registry.register_with_unit(
        "fsync_duration",
        "How long the log took to be durable",
        Unit::Seconds,
        syncs,
    );
    registry.register("connections", "Open connections, handshakes among them", links.open.clone());
    let away = links.turned_away.clone();
    registry.register("connections_turned_away", "Connections that ended before a call, by cause", away);
    quotas(&mut registry, node);
    late(&mut registry, node);
    peers(&mut registry, node);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn held(registry: &mut Registry, node: &Node) {
    let core = &node.core;
    let mut gauge = |name: &str, help: &str, value: u64| {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    };
    gauge("entries", "Entries that were stored, erased bodies among them", core.store.end());
    gauge("feeds", "Feeds that are held", core.store.heads().len() as u64);
    gauge("view_lag_entries", "Entries that search and lists do not show yet", core.views.behind());
    gauge(
        "bodies_missing",
        "Entries whose body is missing though no withdrawal names it",
        core.store.withheld_count(),
    );
    gauge("feeds_frozen", "Feeds that a proven fork froze", core.forks.all().len() as u64);
    gauge("read_only", "1 while the disk takes nothing more", u64::from(core.store.is_read_only()));
    gauge("members", "Members of this hub", core.admissions.members(&core.party).len() as u64);
    let waiting = node.membership.waiting();
    gauge("membership_requests", "Requests for membership that wait for a decision", waiting as u64);
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The version that runs", build);
}

fn quotas(registry: &mut Registry, node: &Node) {
    let used = Ratios::default();
    for (quota, share) in node.core.ingest.quotas_used() {
        used.get_or_create(&[("quota", quota)]).set(share);
    }
    let help = "Share of a quota that its fullest holder uses";
    registry.register("quota_used_ratio", help, used);
}

fn late(registry: &mut Registry, node: &Node) {
    let late = Family::<Label, Gauge>::default();
    for (what, count) in node.late.now(&node.core, now_ms()) {
        late.get_or_create(&[("what", what)]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    registry.register("acts_overdue", "Acts that a party owes and whose day is past, by what is due", late);
}

fn peers(registry: &mut Registry, node: &Node) {
    let (connected, silent, behind) = (Placed::default(), Placed::default(), Placed::default());
    for (at, state) in node.peers.states().into_iter().enumerate() {
        let label = [("link", (at + 1).to_string())];
        connected.get_or_create(&label).set(i64::from(state.state == "connected"));
        // A link that has never been up has no age.
        if state.last_contact_ms > 0 {
            let seconds = now_ms().saturating_sub(state.last_contact_ms) / 1_000;
            silent.get_or_create(&label).set(i64::try_from(seconds).unwrap_or(i64::MAX));
        }
        behind.get_or_create(&label).set(i64::try_from(state.not_carried.len()).unwrap_or(i64::MAX));
    }
    registry.register("link_connected", "1 while the linked hub is connected", connected);
    let help = "Since the linked hub was last heard";
    registry.register_with_unit("link_silence", help, Unit::Seconds, silent);
    let help = "Feeds that the linked hub states and this one does not take, up to 16";
    registry.register("link_feeds_not_carried", help, behind);
}
