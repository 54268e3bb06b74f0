//! Weights of a published rule set (SPEC.md section 16.1).

use crate::v1::RuleSet;

/// Most that one criterion counts; sums stay far below what 32 bits hold.
pub const WEIGHT_MAX: u32 = 1_000;

/// Why the weights of a rule set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWeights {
    /// It is for something else.
    #[error("a rule set for {found} where one for {due} is due")]
    OtherType {
        /// What it states.
        found: String,
        /// What was looked for.
        due: &'static str,
    },
    /// It weighs something that the rules do not know.
    #[error("no criterion \"{0}\" in these rules")]
    Unknown(String),
    /// It weighs one criterion twice.
    #[error("criterion \"{0}\" has two weights")]
    Twice(String),
    /// It weighs too much.
    #[error("criterion \"{criterion}\" has weight {found}; the most is {WEIGHT_MAX}")]
    TooHeavy {
        /// Which.
        criterion: String,
        /// How much.
        found: u32,
    },
    /// Nothing counts.
    #[error("no criterion has a weight")]
    Empty,
}

/// The weights in the order of `codes`; 0 where one is not named.
pub(crate) fn read(rules: &RuleSet, due: &'static str, codes: &[&str]) -> Result<Vec<u16>, BadWeights> {
    if rules.rule_type != due {
        return Err(BadWeights::OtherType { found: rules.rule_type.clone(), due });
    }
    let mut weights: Vec<Option<u16>> = vec![None; codes.len()];
    for stated in &rules.weights {
        let place = codes.iter().position(|code| *code == stated.criterion);
        let slot = place.and_then(|place| weights.get_mut(place));
        let slot = slot.ok_or_else(|| BadWeights::Unknown(stated.criterion.clone()))?;
        if slot.is_some() {
            return Err(BadWeights::Twice(stated.criterion.clone()));
        }
        let weight = u16::try_from(stated.weight).ok().filter(|w| u32::from(*w) <= WEIGHT_MAX);
        let heavy = || BadWeights::TooHeavy { criterion: stated.criterion.clone(), found: stated.weight };
        *slot = Some(weight.ok_or_else(heavy)?);
    }
    match weights.iter().flatten().any(|w| *w > 0) {
        true => Ok(weights.into_iter().map(Option::unwrap_or_default).collect()),
        false => Err(BadWeights::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::RuleWeight;

    fn rules(weights: &[(&str, u32)]) -> RuleSet {
        let weight = |(c, w): &(&str, u32)| RuleWeight { criterion: (*c).to_owned(), weight: *w };
        RuleSet {
            rule_type: "priority".to_owned(),
            weights: weights.iter().map(weight).collect(),
            ..RuleSet::default()
        }
    }

    #[test]
    fn weights_are_read_by_name_and_refused_with_the_reason() {
        let read = |weights: &[(&str, u32)]| read(&rules(weights), "priority", &["a", "b"]);
        assert_eq!(read(&[("b", 7)]), Ok(vec![0, 7]));
        assert_eq!(read(&[("c", 7)]), Err(BadWeights::Unknown("c".to_owned())));
        assert_eq!(read(&[("a", 1), ("a", 2)]), Err(BadWeights::Twice("a".to_owned())));
        assert_eq!(read(&[("a", 0)]), Err(BadWeights::Empty));
        assert_eq!(read(&[("a", 1_000)]), Ok(vec![1_000, 0]));
        let heavy = |found| Err(BadWeights::TooHeavy { criterion: "a".to_owned(), found });
        assert_eq!(read(&[("a", 1_001)]), heavy(1_001));
        assert_eq!(read(&[("a", u32::MAX)]), heavy(u32::MAX));
    }
}
