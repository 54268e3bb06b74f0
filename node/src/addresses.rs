//! Where a hub may be reached: by the card that somebody gave, and by the cards that its nodes have published since.
//! A hub that had to move is found again through whoever carries its records (design section 6).

use caphub_proto::wire::card::Card;
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, OperatorKey};

use crate::author::now_ms;
use crate::core::Core;
use crate::link::{Place, limits};

/// Every known place of a hub, the newest word first: of the given card's node, then of the hub's other nodes. Old
/// addresses stay behind new ones. Worked out from the log each time, so that it cannot grow stale.
pub fn places(core: &Core, given: &Card) -> Vec<Place> {
    let state = core.identities.state(&given.party);
    let ended = |key: &OperatorKey| {
        state.as_ref().is_some_and(|s| s.operators.get(key).is_some_and(|o| o.revoked.is_some()))
    };
    let serves =
        |key: &OperatorKey| state.as_ref().is_some_and(|s| s.may(key, Capabilities::SERVE, now_ms()));
    let mut words: Vec<(bool, u64, OperatorKey, Vec<String>)> = Vec::new();
    if !ended(&given.node_key) {
        words.push((true, given.time_ms, given.node_key, given.addresses.clone()));
    }
    for card in core.views.node_cards() {
        let Some(key) = OperatorKey::from_slice(&card.card.node_key) else { continue };
        let public = card.feed.audience() == Audience::Public;
        if card.hub == given.party && public && serves(&key) {
            words.push((key == given.node_key, card.time_ms, key, card.card.addresses));
        }
    }
    words.sort_by_key(|(given, time_ms, ..)| std::cmp::Reverse((*given, *time_ms)));
    let mut places = Vec::new();
    for (_, _, key, addresses) in words {
        for address in addresses {
            let place = Place { key: Some(key), address };
            if !places.contains(&place) && places.len() < limits::ADDRESSES_TRIED_MAX {
                places.push(place);
            }
        }
    }
    places
}
