//! Checks of single fields, each with what its author is told (SPEC.md section 8.2).

use crate::codes;
use crate::v1::{Cost, LocalisedText, Money, Window};

/// Most bytes of a title.
pub const TITLE_BYTES_MAX: usize = 1_024;
/// Most bytes of a longer text.
pub const TEXT_BYTES_MAX: usize = 32_768;
/// Most bytes of a short field: a name, a place, an address.
pub const FIELD_BYTES_MAX: usize = 2_048;
/// Most items of a list.
pub const LIST_MAX: usize = 256;
/// Most translations of a text.
pub const TRANSLATIONS_MAX: usize = 64;

/// What is wrong with a field, without its name.
pub type Problem = String;

/// A text that must be there.
pub fn required(text: &Option<LocalisedText>, bytes_max: usize) -> Result<(), Problem> {
    match text {
        Some(t) if !t.text.trim().is_empty() => localised(text, bytes_max),
        _ => Err("is required".to_owned()),
    }
}

/// A text that may be there: bounded, with well-formed language tags, none twice.
pub fn localised(text: &Option<LocalisedText>, bytes_max: usize) -> Result<(), Problem> {
    let Some(text) = text else { return Ok(()) };
    bounded(&text.text, bytes_max)?;
    language(&text.language)?;
    if text.translations.len() > TRANSLATIONS_MAX {
        return Err(format!("has more than {TRANSLATIONS_MAX} translations"));
    }
    let mut seen = vec![text.language.as_str()];
    for translation in &text.translations {
        bounded(&translation.text, bytes_max)?;
        bounded(&translation.translator, FIELD_BYTES_MAX)?;
        language(&translation.language)?;
        if seen.contains(&translation.language.as_str()) {
            return Err(format!("has two texts in \"{}\"", translation.language));
        }
        seen.push(&translation.language);
    }
    Ok(())
}

/// At most so many bytes.
pub fn bounded(text: &str, bytes_max: usize) -> Result<(), Problem> {
    match text.len() <= bytes_max {
        true => Ok(()),
        false => Err(format!("has {} bytes where {bytes_max} fit", text.len())),
    }
}

/// A BCP 47 tag.
pub fn language(tag: &str) -> Result<(), Problem> {
    match codes::language::is_well_formed(tag) {
        true => Ok(()),
        false => Err(format!("\"{tag}\" is not a language tag such as en, fr or zh-Hans")),
    }
}

/// An ISO 3166-1 alpha-2 code.
pub fn country(code: &str) -> Result<(), Problem> {
    match codes::country::by_alpha2(code) {
        Some(country) if country.alpha2 == code => Ok(()),
        _ => Err(format!("\"{code}\" is not a country code such as TV")),
    }
}

/// A UN M49 region code.
pub fn region(code: &str) -> Result<(), Problem> {
    match codes::region::find(code) {
        Some(region) if region.code == code => Ok(()),
        _ => Err(format!("\"{code}\" is not a region code such as 009")),
    }
}

/// One of a vocabulary's codes; empty passes where `optional`.
pub fn term(code: &str, terms: &[codes::vocabulary::Term], optional: bool) -> Result<(), Problem> {
    if (optional && code.is_empty()) || terms.iter().any(|t| t.code == code) {
        return Ok(());
    }
    let known: Vec<&str> = terms.iter().map(|t| t.code).collect();
    Err(format!("\"{code}\" is not one of {}", known.join(", ")))
}

/// A theme: one of the shipped codes, or `vocabulary:code` of another.
pub fn theme(code: &str) -> Result<(), Problem> {
    let foreign = code.split_once(':').is_some_and(|(v, c)| !v.is_empty() && !c.is_empty());
    let shipped = codes::vocabulary::themes().iter().any(|t| t.code == code);
    match shipped || (foreign && code.len() <= 128) {
        true => Ok(()),
        false => Err(format!("\"{code}\" is not a theme; `vocabulary:code` names one of another list")),
    }
}

/// Each item of a list.
pub fn list<T>(items: &[T], check: impl Fn(&T) -> Result<(), Problem>) -> Result<(), Problem> {
    if items.len() > LIST_MAX {
        return Err(format!("has {} items where {LIST_MAX} fit", items.len()));
    }
    items.iter().try_for_each(check)
}

/// An ISO 8601 date, or empty where `optional`.
pub fn date(text: &str, optional: bool) -> Result<(), Problem> {
    let valid = text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10;
    match valid || (optional && text.is_empty()) {
        true => Ok(()),
        false => Err(format!("\"{text}\" is not a date such as 2027-03-31")),
    }
}

/// An ISO 8601 date or local time, an RFC 3339 time, or empty.
pub fn moment(text: &str) -> Result<(), Problem> {
    let valid = text.is_empty()
        || date(text, false).is_ok()
        || text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<jiff::civil::DateTime>().is_ok();
    match valid && !text.contains(' ') {
        true => Ok(()),
        false => Err(format!("\"{text}\" is not a date or time such as 2027-03-31T09:00:00Z")),
    }
}

/// One unfolded line of an RFC 5545 recurrence.
pub fn recurrence(line: &str) -> Result<(), Problem> {
    bounded(line, FIELD_BYTES_MAX)?;
    let name = line.split([':', ';']).next().unwrap_or_default();
    let known = ["DTSTART", "RRULE", "EXRULE", "RDATE", "EXDATE"].contains(&name);
    match known && line.contains(':') && !line.contains(char::is_control) {
        true => Ok(()),
        false => Err(format!("\"{line}\" is not a line such as RRULE:FREQ=WEEKLY;COUNT=4")),
    }
}

/// Both ends are dates, and not the wrong way round.
pub fn window(window: &Option<Window>) -> Result<(), Problem> {
    let Some(window) = window else { return Ok(()) };
    date(&window.from, true)?;
    date(&window.until, true)?;
    // ISO dates of one length sort as text.
    match !window.until.is_empty() && window.until < window.from {
        true => Err(format!("ends on {} before it begins on {}", window.until, window.from)),
        false => Ok(()),
    }
}

/// Free or a price, not both; a decimal amount with a known currency.
pub fn cost(cost: &Option<Cost>) -> Result<(), Problem> {
    let Some(cost) = cost else { return Ok(()) };
    bounded(&cost.note, FIELD_BYTES_MAX)?;
    let Some(price) = &cost.price else { return Ok(()) };
    if cost.free {
        return Err("is free and has a price".to_owned());
    }
    money(price)
}

/// A decimal amount with a known currency.
pub fn money(price: &Money) -> Result<(), Problem> {
    let (whole, fraction) = price.amount.split_once('.').unwrap_or((&price.amount, "0"));
    let digits = |s: &str| !s.is_empty() && s.len() <= 18 && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(format!("\"{}\" is not an amount such as 1200.00", price.amount));
    }
    match codes::currency::is_known(&price.currency) {
        true => Ok(()),
        false => Err(format!("\"{}\" is not a currency code such as USD", price.currency)),
    }
}

/// Empty, or an http, https or mailto address.
pub fn url(text: &str) -> Result<(), Problem> {
    bounded(text, FIELD_BYTES_MAX)?;
    let known = ["http://", "https://", "mailto:"].iter().any(|p| text.starts_with(p));
    match text.is_empty() || known {
        true => Ok(()),
        false => Err(format!("\"{text}\" is not an address that starts with https://")),
    }
}

/// Exactly a party id.
pub fn party(bytes: &[u8]) -> Result<(), Problem> {
    match bytes.len() {
        32 => Ok(()),
        0 => Err("is required".to_owned()),
        found => Err(format!("has {found} bytes where an organisation id has 32")),
    }
}
