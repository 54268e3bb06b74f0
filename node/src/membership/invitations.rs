//! One-time invitations. A code proves itself and what its operator bound to it, so nothing is kept until it is used.

use caphub_proto::v1::JoinRequest;
use caphub_proto::wire::card::{Card, Invitation};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{PartyId, Reason};

use crate::author::now_ms;
use crate::keys::random;
use crate::membership::book::Change;
use crate::membership::{Asked, Membership, MembershipError};

/// Days that an invitation lasts where nothing else is said.
pub const INVITATION_DAYS: u32 = 30;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What an operator bound to an invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bound<'a> {
    /// ISO 3166-1 alpha-2, or empty: whoever uses it is admitted without a state.
    country: &'a str,
    /// The name under which it is admitted, or empty: it gives its own.
    name: &'a str,
}

impl Membership {
    /// A one-time invitation, signed by this node's key where that may admit.
    pub fn invite(
        &self,
        card: Card,
        country: &str,
        invited: &str,
        days: u32,
    ) -> Result<String, MembershipError> {
        let admit_key = self.author.signer().public();
        let may = self.core.identities.state(&self.core.party);
        if !may.is_some_and(|s| s.may(&admit_key, Capabilities::ADMIT, now_ms())) {
            return Err(MembershipError::Refused(Reason::Capability));
        }
        let days = if days == 0 { INVITATION_DAYS } else { days.min(3_650) };
        let not_after = now_ms() + u64::from(days) * DAY_MS;
        let mut nonce: [u8; 8] = random()?;
        let hours = u32::try_from(not_after / HOUR_MS).unwrap_or(u32::MAX);
        nonce[..4].copy_from_slice(&hours.to_be_bytes());
        let invited: String = invited.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let invited = invited.trim();
        let invitation = Invitation {
            card,
            admit_key,
            code: self.code(&nonce, Bound { country, name: invited }),
            country: country.to_owned(),
            invited: invited.to_owned(),
            not_after,
        };
        Ok(invitation.to_text(self.author.signer()))
    }

    /// The second half of a code is a keyed hash of the first, which starts with the hour in which it ends, and of what
    /// is bound to it.
    fn code(&self, nonce: &[u8; 8], bound: Bound<'_>) -> [u8; 16] {
        let seed = self.author.signer().seed();
        let tag = b"caphub/invitation-code/2\0";
        // No code of a country holds a line feed.
        let tag = tagged_hash(tag, &[&seed, nonce, bound.country.as_bytes(), b"\n", bound.name.as_bytes()]);
        let mut code = [0; 16];
        code[..8].copy_from_slice(nonce);
        code[8..].copy_from_slice(&tag[..8]);
        code
    }

    /// True where a request has a code of this hub that this party may use.
    pub fn invites(&self, party: &PartyId, request: &JoinRequest) -> bool {
        let Some((code, _)) = self.invited(&request.code, &request.country, &request.name) else {
            return false;
        };
        let book = self.lock();
        book.entries().used_codes.get(&hex::encode(code)).is_none_or(|by| *by == party.to_string())
    }

    /// Takes a code for its first user, who is admitted as it was invited: what the code does not bind to a state or a
    /// name says nothing of them, and a mandate is for the operator to look at.
    pub(super) fn use_code(
        &self,
        code: &[u8],
        party: &PartyId,
        asked: &Asked,
    ) -> Result<Asked, MembershipError> {
        let used = || MembershipError::Refused(Reason::InvitationUsed);
        let (code, country) = self.invited(code, &asked.country, &asked.name).ok_or_else(used)?;
        let (code, party, mut book) = (hex::encode(code), party.to_string(), self.lock());
        match book.entries().used_codes.get(&code) {
            None => book.note(Change::Used(code, party))?,
            Some(by) if *by == party => {}
            Some(_) => return Err(used()),
        }
        Ok(Asked { country, mandate: String::new(), ..asked.clone() })
    }

    /// A code of this hub that has not ended and is for this state and name, and the state that it is bound to.
    fn invited(&self, code: &[u8], country: &str, name: &str) -> Option<([u8; 16], String)> {
        let code: [u8; 16] = code.try_into().ok()?;
        let (nonce, name) = (*code.first_chunk::<8>()?, name.trim());
        let ends = nonce.first_chunk::<4>().map_or(0, |h| u64::from(u32::from_be_bytes(*h)) * HOUR_MS);
        let bounds = [(country, name), (country, ""), ("", name), ("", "")];
        let mut bounds = bounds.into_iter().map(|(country, name)| Bound { country, name });
        let bound = bounds.find(|b| self.code(&nonce, *b) == code)?;
        (ends + HOUR_MS >= now_ms()).then(|| (code, bound.country.to_owned()))
    }
}
