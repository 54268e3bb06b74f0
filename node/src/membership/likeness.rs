//! Names that people take for each other: another script, other case, marks, spaces or invisible characters.

use caphub_proto::wire::PartyId;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use crate::admissions::Admission;

/// What is left of a name when everything that an eye passes over is taken away (Unicode TS 39, then case and all that
/// is no letter or digit). It errs towards alike: an operator looks at those.
fn seen(name: &str) -> String {
    let compatible: String = name.nfkc().collect();
    let once: String = skeleton(&compatible).flat_map(char::to_lowercase).collect();
    let letters = skeleton(&once).filter(|c| c.is_alphanumeric());
    // Signs that other letters' capitals and small forms become above.
    letters
        .map(|c| {
            if matches!(c, 'i' | '1') {
                'l'
            } else if c == '0' {
                'o'
            } else {
                c
            }
        })
        .collect()
}

/// The admitted party, other than `party`, whose name is like this one.
pub(super) fn like<'a>(
    admitted: &'a [(PartyId, Admission)],
    party: &PartyId,
    name: &str,
) -> Option<&'a Admission> {
    let wanted = seen(name);
    let like = |other: &str| other.trim() == name.trim() || seen(other) == wanted;
    admitted.iter().find(|(p, a)| p != party && like(&a.name)).map(|(_, a)| a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_alike_in_any_script_and_case() {
        for other in [
            "Fiji CERT",
            "Fij\u{456} CERT",
            "FIJI \u{421}\u{415}RT",
            "fiji  cert",
            "Fiji\u{200b} CERT",
            "\u{ff26}iji CERT",
            "Fi\u{307}ji CERT",
            "F1JI CERT.",
            "Fi\u{458}i CERT",
        ] {
            assert_eq!(seen(other), seen("Fiji CERT"), "{other}");
        }
        for other in ["Fiji CSIRT", "Tuvalu CERT", "Fiji", "斐济", ""] {
            assert_ne!(seen(other), seen("Fiji CERT"), "{other}");
        }
        assert_ne!(seen("مصر"), seen("قطر"));
        assert_ne!(seen("中国"), seen("日本"));
    }
}
