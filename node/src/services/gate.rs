//! Who may call what, judged at every request: identities, standing and rates change while connections last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use caphub_proto::wire::identity::NO_END;
use caphub_proto::wire::limits::CERTIFICATE_MS_MAX;
use caphub_proto::wire::{PartyId, Reason};
use tokio::sync::watch;
use tonic::{Request, Status};

use crate::author::now_ms;
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::link::limits;
use crate::link::server::{Caller, Door};
use crate::services::status::{status, with_metadata};
use crate::services::turns::{Following, Pushing, Turn, Turns};
use crate::standing::Standing;

/// Checks callers against what this node knows.
pub struct Gate {
    core: Core,
    rates: Mutex<Rates>,
    turns: Arc<Turns>,
}

#[derive(Default)]
struct Rates {
    minute: u64,
    counts: HashMap<PartyId, u32>,
}

/// A caller that may make this request, as it stands at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// Who it is.
    pub party: PartyId,
    /// What it is here.
    pub standing: Standing,
    /// What it may read.
    pub viewer: Viewer,
}

impl Admitted {
    fn of(core: &Core, party: PartyId) -> Self {
        let standing = match core.identities.state(&party) {
            Some(_) => Standing::of(core, &party),
            None => Standing::Applicant,
        };
        Self { party, standing, viewer: standing.viewer(core, party) }
    }

    /// The same caller as it stands now: any hub may have admitted it, or ended that, while a stream is open.
    pub fn now(&self, core: &Core) -> Self {
        Self::of(core, self.party)
    }
}

impl Gate {
    /// A gate over a node's tables.
    pub fn new(core: Core) -> Self {
        Self { core, rates: Mutex::default(), turns: Arc::default() }
    }

    /// Judges the caller of a request.
    pub fn admit<T>(&self, request: &Request<T>) -> Result<Admitted, Status> {
        let caller = request.extensions().get::<Caller>().ok_or_else(|| status(Reason::NotPeer, ""))?;
        let now = now_ms();
        clock(caller, now)?;
        let party = caller.binding.party;
        if !self.key_holds(caller) {
            return Err(status(Reason::Revoked, "the signing key of this connection"));
        }
        self.count(party, now)?;
        Ok(Admitted::of(&self.core, party))
    }

    /// Counts a stream of the caller in that follows or watches, until what is returned is dropped.
    pub fn follow(&self, admitted: &Admitted) -> Result<Following, Status> {
        self.turns.follow(admitted.party).ok_or_else(too_many_streams)
    }

    /// Waits for a place among the caller's streams that bring entries.
    pub async fn push(&self, party: PartyId) -> Result<Pushing, Status> {
        self.turns.push(party).await.ok_or_else(too_many_streams)
    }

    /// Waits for the caller's turn to have a message of so many bytes checked and stored.
    pub async fn turn(&self, party: PartyId, standing: Standing, bytes: usize) -> Turn {
        // Linked hubs bring what whole regions write, and the operator chose them.
        let bounded = !matches!(standing, Standing::Own | Standing::Peer);
        self.turns.take(party, bytes, bounded).await
    }

    /// An unknown party may knock; a known one only with a key that it authorised and has not revoked.
    fn key_holds(&self, caller: &Caller) -> bool {
        match self.core.identities.state(&caller.binding.party) {
            None => true,
            Some(state) => state.operators.get(&caller.binding.key).is_some_and(|operator| {
                operator.revoked.is_none() && (operator.not_after == NO_END || operator.not_after >= now_ms())
            }),
        }
    }

    fn count(&self, party: PartyId, now: u64) -> Result<(), Status> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.minute != now / 60_000 {
            rates.minute = now / 60_000;
            rates.counts.clear();
        }
        let count = rates.counts.entry(party).or_default();
        *count += 1;
        match *count > limits::REQUESTS_PER_MINUTE {
            true => Err(status(Reason::TooManyRequests, "wait a minute")),
            false => Ok(()),
        }
    }
}

impl Door for Gate {
    fn may_stay(&self, caller: &Caller) -> bool {
        self.key_holds(caller)
    }

    fn knows(&self, caller: &Caller) -> bool {
        Standing::of(&self.core, &caller.binding.party) != Standing::Applicant
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.core.identities.watch()
    }
}

fn too_many_streams() -> Status {
    status(Reason::TooManyRequests, "as many streams of this kind are open as may be")
}

/// A certificate that has ended, or lasts too long, means that one of the clocks is off: say by how much.
fn clock(caller: &Caller, now: u64) -> Result<(), Status> {
    let end = caller.binding.not_after;
    let off = if end + limits::CLOCK_SKEW_MS_MAX < now {
        format!("the certificate ended {} seconds ago by this node's clock", (now - end) / 1_000)
    } else if end > now + CERTIFICATE_MS_MAX + limits::CLOCK_SKEW_MS_MAX {
        let beyond = (end - now - CERTIFICATE_MS_MAX) / 1_000;
        format!("the certificate ends {beyond} seconds later than any may by this node's clock")
    } else {
        return Ok(());
    };
    let metadata = HashMap::from([("node_time_ms".to_owned(), now.to_string())]);
    Err(with_metadata(Reason::ClockOff, &off, metadata))
}

/// Shared by all services.
pub type SharedGate = Arc<Gate>;
