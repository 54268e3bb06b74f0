//! A party comes to be: keys, the first identity events, and the sheet that brings it back.

use std::path::Path;

use caphub_proto::wire::entry::SignError;
use caphub_proto::wire::identity::author::authorise;
use caphub_proto::wire::identity::{Capabilities, IdentityAuthor, NO_END};
use caphub_proto::wire::{Feed, PartyId, Reason};

use crate::author::{now_ms, packed_run};
use crate::carriage::Quotas;
use crate::core::{Core, OpenError};
use crate::ingest::Origin;
use crate::keys::{KeyError, KeyName, KeyRing, NewKeys, random};

/// What a new party is.
#[derive(Clone, Debug)]
pub struct NewParty<'a> {
    /// As in Incept.
    pub party_kind: u8,
    /// What its first signing key may do.
    pub capabilities: Capabilities,
    /// Words for that key.
    pub label: &'a str,
    /// Protects all keys but the recovery key, which is printed; `None` leaves them readable by the owner.
    pub passphrase: Option<&'a str>,
}

/// A founded party: its id, and the text of the one page to print.
pub struct Founded {
    /// The party.
    pub party: PartyId,
    /// The recovery key, as the sheet states it; kept nowhere else.
    pub recovery: String,
    /// The open store with the identity in it.
    pub core: Core,
}

/// A party could not be founded; nothing of it is used.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store said no to the new identity.
    #[error("the new identity was not stored: {}", .0.meaning())]
    Refused(Reason),
}

/// Makes keys and the identity log in `directory`.
pub async fn found(
    directory: &Path,
    new: &NewParty<'_>,
    everything: bool,
    quotas: Quotas,
) -> Result<Founded, FoundingError> {
    let keys = NewKeys::generate()?;
    let salt = random()?;
    let founding = keys.founding(new.party_kind);
    let party = founding.party(salt);
    let ring = KeyRing::new(directory.join("keys"));
    ring.write(KeyName::Operator, &keys.operator, new.passphrase)?;
    ring.write(KeyName::Root, &keys.root, new.passphrase)?;
    ring.write(KeyName::Next, &keys.next, new.passphrase)?;
    // A node carries what it must not be able to read: its keys lie on the machine that is most exposed.
    let reads = !new.capabilities.holds(Capabilities::SERVE);
    if reads {
        ring.write_reading(&keys.reading, new.passphrase)?;
    }
    let recipient = if reads { keys.reading.public() } else { [0; 32] };

    let mut author = IdentityAuthor { party, head: None };
    let mut packed = author.append(&founding.event(), &[(0, &keys.root)], salt, now_ms())?;
    let first = authorise(party, &keys.operator, new.capabilities, NO_END, recipient, new.label);
    packed.extend(author.append(&first, &[(0, &keys.root)], random()?, now_ms())?);

    let core = {
        let directory = directory.to_owned();
        let opened = tokio::task::spawn_blocking(move || Core::open(&directory, party, everything, quotas));
        opened.await.map_err(|_| FoundingError::Refused(Reason::StoreFailed))??
    };
    let run = packed_run(&Feed::identity(party), packed);
    for taken in core.ingest.take(vec![run], Origin::Own).await {
        taken.result.map_err(FoundingError::Refused)?;
    }
    Ok(Founded { party, recovery: hex::encode(keys.recovery.seed()), core })
}
