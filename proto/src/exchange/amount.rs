//! Amounts of money: decimals as integers, added with checks (SPEC.md section 15.5).

use std::fmt;
use std::str::FromStr;

/// Fraction digits that are kept; `check::money` lets no more through.
const SCALE: usize = 18;
/// Units of one whole.
const ONE: i128 = 1_000_000_000_000_000_000;

/// A decimal amount in units of 10^-18. Both parts of what a record may state fit many times over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum; `None` where it cannot be counted.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` where it cannot be counted.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// True below zero.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// With at least `fraction` digits after the point, and as many as it takes.
    pub fn text(self, fraction: usize) -> String {
        let (whole, rest) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let digits = format!("{rest:018}");
        let kept = digits.trim_end_matches('0').len().max(fraction.min(SCALE));
        let sign = if self.is_negative() { "-" } else { "" };
        match digits.get(..kept).unwrap_or_default() {
            "" => format!("{sign}{whole}"),
            digits => format!("{sign}{whole}.{digits}"),
        }
    }
}

/// In its shortest form: `1200.5`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(0))
    }
}

/// The text is no amount: 1 to 18 digits, optionally a point and 1 to 18 digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an amount such as 1200.00")]
pub struct BadAmount(pub String);

impl FromStr for Amount {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.len() <= SCALE && s.bytes().all(|b| b.is_ascii_digit());
        let parsed = (digits(whole) && digits(fraction)).then(|| {
            let units: i128 = format!("{fraction:0<18}").parse().ok()?;
            whole.parse::<i128>().ok()?.checked_mul(ONE)?.checked_add(units).map(Self)
        });
        parsed.flatten().ok_or_else(|| BadAmount(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_back_and_is_exact_to_its_last_digit() {
        for (text, shown) in [
            ("0", "0"),
            ("1200.00", "1200"),
            ("0.1", "0.1"),
            ("000.5", "0.5"),
            ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
        ] {
            let amount: Amount = text.parse().expect(text);
            assert_eq!(amount.to_string(), shown);
            assert_eq!(amount.to_string().parse::<Amount>().expect(shown), amount);
        }
        let tenth: Amount = "0.1".parse().expect("a tenth");
        let sum = (0..10).try_fold(Amount::ZERO, |sum, _| sum.plus(tenth)).expect("a sum");
        assert_eq!(sum.text(2), "1.00");
        assert_eq!(Amount::ZERO.minus(tenth).expect("a difference").text(2), "-0.10");
    }

    #[test]
    fn what_is_no_amount_is_refused_and_no_sum_wraps() {
        for text in ["", ".", "1.", ".1", "-1", "1e3", "1,0", "1.2.3", "1234567890123456789", "٣", " 1"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
        let most: Amount = "999999999999999999".parse().expect("the most");
        let sum = (0..1_000).try_fold(Amount::ZERO, |sum, _| sum.plus(most));
        assert_eq!(sum, None, "a thousand of the largest cannot be counted, and nothing wraps");
    }
}
