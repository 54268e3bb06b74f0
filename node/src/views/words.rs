//! Text as words, for the index and for queries alike.
//!
//! Scripts that put spaces between words give runs of letters, digits and marks. Scripts that do not (Han, kana,
//! Thai, Lao, Khmer, Myanmar) give every two neighbouring characters, and each character alone.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::fold::{fold, is_mark};

/// Most characters of one word; the rest is cut off, in texts and in queries alike.
const WORD_CHARS_MAX: usize = 64;

/// One piece of folded text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// A word of a script with spaces.
    Word(String),
    /// A stretch of a script without.
    Unspaced(Vec<char>),
}

/// Cuts a text into pieces, folded.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut chars = 0;
    let mut unspaced: Vec<char> = Vec::new();
    for c in fold(text).chars() {
        let kind = kind(c, !word.is_empty(), !unspaced.is_empty());
        if kind != Kind::Unspaced && !unspaced.is_empty() {
            pieces.push(Piece::Unspaced(std::mem::take(&mut unspaced)));
        }
        if kind != Kind::Letter && !word.is_empty() {
            pieces.push(Piece::Word(std::mem::take(&mut word)));
            chars = 0;
        }
        match kind {
            Kind::Letter if chars < WORD_CHARS_MAX => {
                word.push(c);
                chars += 1;
            }
            Kind::Unspaced => unspaced.push(c),
            Kind::Letter | Kind::Other => {}
        }
    }
    pieces.extend((!unspaced.is_empty()).then_some(Piece::Unspaced(unspaced)));
    pieces.extend((!word.is_empty()).then_some(Piece::Word(word)));
    pieces
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Unspaced,
    Other,
}

fn kind(c: char, in_word: bool, in_unspaced: bool) -> Kind {
    if is_unspaced(c) {
        Kind::Unspaced
    } else if is_mark(c) {
        // A mark belongs to what stands before it, and to nothing at the start.
        match (in_word, in_unspaced) {
            (_, true) => Kind::Unspaced,
            (true, _) => Kind::Letter,
            _ => Kind::Other,
        }
    } else if c.is_alphanumeric() {
        Kind::Letter
    } else {
        Kind::Other
    }
}

/// True for scripts that write words without spaces between them.
fn is_unspaced(c: char) -> bool {
    match u32::from(c) {
        // Thai and Lao without their signs for repetition, abbreviation and currency.
        0xe01..=0xe3a | 0xe40..=0xe4e | 0xe81..=0xec6 | 0xec8..=0xecd | 0xedc..=0xedf => true,
        // Myanmar letters and signs, with the extensions.
        0x1000..=0x103f | 0x1050..=0x109d | 0xa9e0..=0xa9ef | 0xaa60..=0xaa7f => true,
        // Khmer letters and signs.
        0x1780..=0x17d3 | 0x17d7 | 0x17dc | 0x17dd => true,
        // Hiragana and katakana, iteration and length marks included.
        0x3005..=0x3007 | 0x3041..=0x3096 | 0x3099..=0x309a | 0x309d..=0x309f | 0x30a1..=0x30fa => true,
        0x30fc..=0x30ff | 0x31f0..=0x31ff => true,
        // Han.
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff => true,
        _ => false,
    }
}

/// The tokenizer under which the text fields are indexed.
#[derive(Clone, Default, Debug)]
pub(super) struct Words;

/// Name of the tokenizer in the index; another rule needs another name and so a rebuild.
pub(super) const TOKENIZER: &str = "caphub-words-1";

/// The tokens of one text, made at once: texts are bounded by the size of a body.
pub(super) struct Tokens {
    tokens: Vec<(usize, String)>,
    next: usize,
    current: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let mut tokens = Vec::new();
        let mut position = 0;
        for piece in pieces(text) {
            match piece {
                Piece::Word(word) => {
                    tokens.push((position, word));
                    position += 1;
                }
                Piece::Unspaced(chars) => {
                    for (at, c) in chars.iter().enumerate() {
                        tokens.push((position + at, c.to_string()));
                        if let Some(next) = chars.get(at + 1) {
                            tokens.push((position + at, [*c, *next].iter().collect()));
                        }
                    }
                    position += chars.len();
                }
            }
        }
        Tokens { tokens, next: 0, current: Token::default() }
    }
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some((position, text)) = self.tokens.get_mut(self.next) else { return false };
        self.current.position = *position;
        self.current.text = std::mem::take(text);
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut words = Words;
        let mut stream = words.token_stream(text);
        let mut out = Vec::new();
        while stream.advance() {
            out.push(stream.token().text.clone());
        }
        out
    }

    #[test]
    fn spaced_scripts_give_words_and_elisions_split() {
        assert_eq!(
            tokens("L’accès, c'est tout: RFC-9110!"),
            ["l", "acces", "c", "est", "tout", "rfc", "9110"]
        );
        assert_eq!(tokens("सभी मनुष्यों को"), ["सभी", "मनुष्यों", "को"]);
    }

    #[test]
    fn unspaced_scripts_give_pairs_and_single_characters() {
        assert_eq!(tokens("网络安全 CERT"), ["网", "网络", "络", "络安", "安", "安全", "全", "cert"]);
        assert_eq!(tokens("かな")[1], "かな");
    }

    #[test]
    fn a_word_without_end_is_cut_and_not_dropped() {
        let long = "é".repeat(10_000);
        assert_eq!(tokens(&long), ["e".repeat(WORD_CHARS_MAX)]);
    }
}
