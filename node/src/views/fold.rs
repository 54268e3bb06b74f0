//! Spellings that people take for the same word become the same characters.
//!
//! Applied alike to texts and to queries: compatibility forms, case, accents where a script writes them as
//! decoration (Latin, Greek, Hebrew points, Arabic tashkeel), and letters that keyboards interchange. Marks that
//! make another letter stay: Cyrillic й, Devanagari vowel signs, the voicing of kana.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds a text; the result is empty where nothing but marks and invisible characters was in it.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut base = ' ';
    let folded = text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_invisible(*c)).filter(move |c| {
        if !is_combining_mark(*c) {
            base = *c;
        }
        !is_decoration(*c, base)
    });
    // Hangul and kana were taken apart with the rest, and are put together again here.
    folded.nfc().flat_map(|c| letter(c).chars()).collect()
}

/// True for characters that belong to a word without being letters or digits.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_combining_mark(c)
}

/// Joiners, soft hyphens, zero-width spaces, directional marks and the tatweel: meant by nobody, so searched by nobody.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{640}')
}

/// True for a mark that readers of the script leave out or overlook.
fn is_decoration(mark: char, base: char) -> bool {
    match mark {
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' => {
            match base {
                // Stress marks go, and ё is written е; й, ў and ї are letters of their own.
                '\u{400}'..='\u{52f}' => {
                    matches!(mark, '\u{300}' | '\u{301}') || (mark == '\u{308}' && base == 'е')
                }
                _ => true,
            }
        }
        // Hebrew points and cantillation.
        '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' => true,
        // Arabic tashkeel; hamza and madda above or below, so that all forms of alef are one.
        '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' => true,
        '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' => true,
        _ => false,
    }
}

/// One folded character, as up to two.
enum Letter {
    One(char),
    Two([char; 2]),
}

impl Letter {
    fn chars(self) -> impl Iterator<Item = char> {
        let (first, second) = match self {
            Self::One(c) => (c, None),
            Self::Two([a, b]) => (a, Some(b)),
        };
        std::iter::once(first).chain(second)
    }
}

fn letter(c: char) -> Letter {
    Letter::One(match c {
        'ß' => return Letter::Two(['s', 's']),
        'æ' => return Letter::Two(['a', 'e']),
        'œ' => return Letter::Two(['o', 'e']),
        'þ' => return Letter::Two(['t', 'h']),
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ł' => 'l',
        'ħ' => 'h',
        'ı' => 'i',
        'ς' => 'σ',
        // Alef wasla; teh marbuta as heh; alef maksura and Farsi yeh as yeh; keheh as kaf.
        '\u{671}' => '\u{627}',
        '\u{629}' | '\u{6c1}' | '\u{6be}' => '\u{647}',
        '\u{649}' | '\u{6cc}' => '\u{64a}',
        '\u{6a9}' => '\u{643}',
        other => digit(other).unwrap_or(other),
    })
}

/// The digit of another script as 0 to 9.
fn digit(c: char) -> Option<char> {
    /// The zero of each script; nine more digits follow it.
    const ZEROS: [u32; 9] = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xed0, 0x1040, 0x17e0, 0x7c0];
    let code = u32::from(c);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|v| *v < 10))?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) {
        assert_eq!(fold(left), fold(right), "{left} {right}");
    }

    #[test]
    fn accents_and_case_do_not_matter_in_latin_script() {
        same("Égalité", "EGALITE");
        same("Đại học", "dai hoc");
        same("İstanbul ıslık", "istanbul islik");
        same("Straße", "STRASSE");
        same("ọmọ ènìyàn", "omo eniyan");
    }

    #[test]
    fn forms_of_alef_teh_and_yeh_are_one_and_tashkeel_is_left_out() {
        same("أحمد إلى آخر ٱلحق", "احمد الي اخر الحق");
        same("حُرِّيَّة", "حريه");
        same("حـــريـة", "حرية");
        same("مستوى", "مستوي");
    }

    #[test]
    fn io_is_ie_but_short_i_stays_a_letter() {
        same("ещё", "еще");
        same("за́мок", "замок");
        assert_ne!(fold("мой"), fold("мои"));
        assert_ne!(fold("її"), fold("іі"));
    }

    #[test]
    fn marks_that_make_another_letter_stay() {
        assert_ne!(fold("が"), fold("か"));
        assert_ne!(fold("कि"), fold("क"));
        assert_eq!(fold("인권"), "인권");
        same("שָׁלוֹם", "שלום");
        same("ｶﾀｶﾅ", "カタカナ");
        same("１２३٤", "1234");
    }

    #[test]
    fn invisible_characters_are_not_searched() {
        same("cy\u{ad}ber\u{200b}", "cyber");
        assert_eq!(fold("\u{202e}\u{200d}"), "");
    }
}
