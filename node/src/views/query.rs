//! A person's words as a query: all must match, the last one may be a beginning, quotes make a phrase.
//!
//! There is no syntax to get wrong: whatever is typed is words, bounded in number and length.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{BooleanQuery, InvertedIndexRangeQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::{TokenStream, Tokenizer};

use super::counting::Counting;
use super::filter::Clause;
use super::schema::Fields;
use super::words::{Piece, Words, pieces};

/// Most bytes of a query; what is beyond is not looked at.
pub(super) const QUERY_BYTES_MAX: usize = 256;
/// Most terms of a query; likewise.
const TERMS_MAX: usize = 32;
/// What a word in the title adds to the one that it also is in the text. What a match counts depends on the query and
/// the record alone: by how rare a word is, records that the caller may not read would decide what it sees. Halves and
/// quarters add up to the same in any order.
const TITLE_SCORE: f32 = 3.0;
/// What a word or a phrase counts.
const WORD_SCORE: f32 = 1.0;
/// What a word counts that only begins as asked.
const PREFIX_SCORE: f32 = 0.25;
/// Fewest characters that are taken for a beginning.
const PREFIX_CHARS_MIN: usize = 2;

/// What one part of a query asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// A word.
    Word(String),
    /// A word of which the end may be missing.
    Beginning(String),
    /// Terms at these distances from each other.
    Phrase(Vec<(usize, String)>),
}

/// The clauses of a query; empty where it has no words.
pub(super) fn clauses(fields: &Fields, query: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for part in parts(query) {
        for word in part.words() {
            let title = TermQuery::new(Term::from_field_text(fields.title, word), IndexRecordOption::Basic);
            clauses.push((Occur::Should, Counting::over(title, TITLE_SCORE)));
        }
        clauses.push((Occur::Must, part.query(fields.text)));
    }
    clauses
}

/// True where the query has any word.
pub(super) fn has_words(query: &str) -> bool {
    !parts(query).is_empty()
}

fn parts(query: &str) -> Vec<Part> {
    let end = query.floor_char_boundary(QUERY_BYTES_MAX);
    let query = query.get(..end).unwrap_or_default();
    let mut parts = Vec::new();
    for (at, stretch) in query.split(['"', '“', '”', '„', '«', '»', '「', '」']).enumerate() {
        match at % 2 {
            0 => parts.extend(pieces(stretch).into_iter().map(Part::of)),
            _ => parts.extend(Part::quoted(stretch)),
        }
    }
    if let Some(Part::Word(word)) = parts.last()
        && word.chars().count() >= PREFIX_CHARS_MIN
    {
        let word = word.clone();
        parts.pop();
        parts.push(Part::Beginning(word));
    }
    let mut terms = 0;
    for part in &mut parts {
        if let Part::Phrase(phrase) = part {
            phrase.truncate(TERMS_MAX.saturating_sub(terms));
        }
        terms += part.words().count();
    }
    parts.retain(|part| part.words().next().is_some());
    parts.truncate(TERMS_MAX);
    parts
}

impl Part {
    fn of(piece: Piece) -> Self {
        match piece {
            Piece::Word(word) => Self::Word(word),
            Piece::Unspaced(chars) => Self::unspaced(&chars),
        }
    }

    /// Neighbouring characters, as pairs that overlap; a single one stands for itself.
    fn unspaced(chars: &[char]) -> Self {
        match chars {
            [one] => Self::Word(one.to_string()),
            _ => Self::Phrase(chars.windows(2).map(|pair| pair.iter().collect()).enumerate().collect()),
        }
    }

    /// All words of a quoted stretch, one after the other.
    fn quoted(stretch: &str) -> Option<Self> {
        let mut words = Words;
        let mut stream = words.token_stream(stretch);
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push((stream.token().position, stream.token().text.clone()));
        }
        (!terms.is_empty()).then_some(Self::Phrase(terms))
    }

    fn words(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Word(word) | Self::Beginning(word) => Box::new(std::iter::once(word.as_str())),
            Self::Phrase(terms) => Box::new(terms.iter().map(|(_, term)| term.as_str())),
        }
    }

    fn query(&self, field: Field) -> Box<dyn Query> {
        let term = |word: &str| Term::from_field_text(field, word);
        let exact =
            |word: &str| Counting::over(TermQuery::new(term(word), IndexRecordOption::Basic), WORD_SCORE);
        match self {
            Self::Word(word) => exact(word),
            Self::Beginning(word) => {
                let longer = Counting::over(longer(field, word), PREFIX_SCORE);
                Box::new(BooleanQuery::new(vec![(Occur::Should, exact(word)), (Occur::Should, longer)]))
            }
            // A phrase query takes two terms or more.
            Self::Phrase(terms) => match terms.as_slice() {
                [(_, word)] => exact(word),
                terms => {
                    let terms = terms.iter().map(|(at, word)| (*at, term(word))).collect();
                    Counting::over(PhraseQuery::new_with_offset(terms), WORD_SCORE)
                }
            },
        }
    }
}

/// Records with a word that begins so and goes on.
fn longer(field: Field, beginning: &str) -> impl Query {
    let end = format!("{beginning}{}", char::MAX);
    InvertedIndexRangeQuery::new(
        Bound::Excluded(Term::from_field_text(field, beginning)),
        Bound::Excluded(Term::from_field_text(field, &end)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_may_be_a_beginning_and_quotes_make_a_phrase() {
        let word = |w: &str| Part::Word(w.to_owned());
        assert_eq!(
            parts("Réponse aux inci"),
            [word("reponse"), word("aux"), Part::Beginning("inci".to_owned())]
        );
        let phrase = Part::Phrase(vec![(0, "incident".to_owned()), (1, "response".to_owned())]);
        assert_eq!(parts("\"incident response\""), [phrase]);
        assert_eq!(parts("网络安"), [Part::Phrase(vec![(0, "网络".to_owned()), (1, "络安".to_owned())])]);
    }

    #[test]
    fn any_string_gives_a_bounded_number_of_terms() {
        for hostile in [
            "\"",
            "\"\"\"",
            "a OR (b",
            "text:*",
            "\u{0}\u{202e}\u{fdfa}",
            "a ".repeat(10_000).as_str(),
            "网".repeat(10_000).as_str(),
            "é\"".repeat(500).as_str(),
            "\u{301}".repeat(9_999).as_str(),
            "[* TO *]",
            "ﷺ".repeat(80).as_str(),
        ] {
            let terms: usize = parts(hostile).iter().map(|p| p.words().count()).sum();
            assert!(terms <= TERMS_MAX, "{terms}");
        }
        assert!(!has_words("!? \u{200b}"));
    }
}
