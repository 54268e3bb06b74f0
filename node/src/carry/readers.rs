//! Who may read what is written, as far as this store knows (SPEC.md section 5).

use caphub_proto::wire::carry::Manifest;
use caphub_proto::wire::{LogId, PartyId};

use crate::admissions::Level;
use crate::carry::{Bearer, Role};
use crate::entitlement::Viewer;
use crate::ingest::Origin;
use crate::standing::Standing;

/// True where the author's identity log, as held here, authorises the manifest's key at the time that it states.
pub(super) fn confirmed(bearer: &Bearer, manifest: &Manifest) -> bool {
    let state = bearer.core.identities.state(&manifest.author);
    state.is_some_and(|state| {
        let operator = state.operators.get(&manifest.key);
        operator.is_some_and(|o| o.revoked.is_none() && manifest.time_ms <= o.not_after)
    })
}

/// True where this very store wrote the file.
pub(super) fn own(bearer: &Bearer, manifest: &Manifest) -> bool {
    let log: LogId = bearer.core.store.log_id();
    manifest.author == bearer.core.party && manifest.key == bearer.signer.public() && manifest.log == log
}

/// What a party may read of what is held here. A replica knows the network by the hubs that it joined.
pub(super) fn viewer(bearer: &Bearer, party: PartyId) -> Viewer {
    let core = &bearer.core;
    let mut viewer = Standing::of(core, &party).viewer(core, party);
    if let Role::Member { hubs } = &bearer.role {
        let admits_us =
            |hub: &PartyId| core.admissions.of(hub, &core.party).is_some_and(|a| a.level == Level::Member);
        let ours: Vec<&PartyId> = hubs.iter().filter(|h| admits_us(h)).collect();
        let trusted =
            |hub: &PartyId| ours.contains(&hub) || ours.iter().any(|o| core.admissions.recognises(o, hub));
        let admitted = core.admissions.hubs_of(&party);
        let member = admitted.iter().any(|(hub, a)| a.level == Level::Member && trusted(hub));
        viewer.network = party == core.party || trusted(&party) || member;
    }
    viewer
}

/// In whose name what a file brings is taken: a linked hub and a member bring what they carry, others their own.
pub(super) fn origin(bearer: &Bearer, manifest: Option<&Manifest>) -> Origin {
    let Some(manifest) = manifest else { return nobody(bearer) };
    if matches!(bearer.role, Role::Member { .. }) {
        return Origin::Peer;
    }
    let standing = Standing::of(&bearer.core, &manifest.author);
    match standing {
        Standing::Own | Standing::Peer | Standing::Member if confirmed(bearer, manifest) => Origin::Peer,
        _ => Origin::Caller(manifest.author),
    }
}

fn nobody(bearer: &Bearer) -> Origin {
    match bearer.role {
        Role::Member { .. } => Origin::Peer,
        Role::Hub => Origin::Caller(PartyId::default()),
    }
}
