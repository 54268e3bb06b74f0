//! Every sentence that the command says, from one Fluent file per language.

use caphub_node::texts::Sentences;

pub use caphub_node::texts::Texts;

/// The sentences of the command; those that both programs say are the node's.
const SENTENCES: Sentences =
    Sentences { english: include_str!("../texts/en.ftl"), french: include_str!("../texts/fr.ftl") };

/// The sentences of a language tag.
pub fn of(tag: &str) -> Texts {
    Texts::of(tag, &[SENTENCES])
}

/// Those of the language that the environment names.
pub fn from_environment() -> Texts {
    Texts::from_environment(|name| std::env::var(name).ok(), &[SENTENCES])
}

#[cfg(test)]
mod tests;
