//! The properties of acts are proven by what they catch: each seeded fault of the rules makes one of them fail.
#![cfg(feature = "mutations")]

use std::panic::catch_unwind;

use caphub_proto::mutation::{Mutation, set};

use crate::{calls, money, properties};

#[test]
fn every_seeded_fault_of_acts_is_caught_by_a_property() {
    let properties =
        [("engagements", properties::holds as fn()), ("funds", money::holds), ("calls", calls::holds)];
    let mut missed = Vec::new();
    for mutation in Mutation::ALL.iter().filter(|m| m.is_of_acts()) {
        set(Some(*mutation));
        let caught: Vec<&str> = properties
            .iter()
            .filter(|(_, holds)| catch_unwind(*holds).is_err())
            .map(|(name, _)| *name)
            .collect();
        set(None);
        println!("{mutation:?} ({}): {caught:?}", mutation.meaning());
        if caught.is_empty() {
            missed.push(*mutation);
        }
    }
    assert!(missed.is_empty(), "caught by no property: {missed:?}");
    properties.iter().for_each(|(_, holds)| holds());
}
