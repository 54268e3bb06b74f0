//! Names in six languages, and how a name that somebody typed is compared with them.

use crate::codes::language::Lang;

/// One name in each of the six languages; none is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Names([&'static str; 6]);

impl Names {
    /// Takes the names in the order of [`Lang::ALL`].
    pub(super) const fn new(names: [&'static str; 6]) -> Self {
        Self(names)
    }

    /// The name in one language.
    pub fn name(&self, lang: Lang) -> &'static str {
        let [en, fr, es, ru, zh, ar] = self.0;
        match lang {
            Lang::En => en,
            Lang::Fr => fr,
            Lang::Es => es,
            Lang::Ru => ru,
            Lang::Zh => zh,
            Lang::Ar => ar,
        }
    }

    /// All six, in the order of [`Lang::ALL`].
    pub fn all(&self) -> [&'static str; 6] {
        self.0
    }

    /// True where one of the six is this name, whatever the case.
    pub fn matches(&self, name: &str) -> bool {
        let wanted = fold(name);
        self.0.iter().any(|known| fold(known) == wanted)
    }
}

/// A name as it is compared: lower case, single spaces, one kind of apostrophe.
pub(super) fn fold(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase().replace('’', "'")
}

/// A name without its bracketed qualifier: `Bolivia` for `Bolivia (Plurinational State of)`.
pub(super) fn without_qualifier(name: &str) -> Option<&str> {
    let (before, _) = name.split_once(['(', '（'])?;
    let before = before.trim_end();
    (!before.is_empty()).then_some(before)
}
