//! Where a provider's conditions conflict with a recipient's terms.

use crate::v1::{Offer, ProviderTerms, RecipientTerms};

/// Each conflict by its code, sorted: `data_location:US`, `language:fr`, `law:X`, `technology:X`. What one side does
/// not state conflicts with nothing.
pub fn conflicts(terms: &RecipientTerms, stated: &ProviderTerms) -> Vec<String> {
    let mut found = Vec::new();
    if !terms.data_locations.is_empty() {
        let elsewhere = stated.data_locations.iter().filter(|l| !terms.data_locations.contains(l));
        found.extend(elsewhere.map(|l| format!("data_location:{l}")));
    }
    if !terms.languages.is_empty()
        && !stated.languages.iter().any(|l| terms.languages.iter().any(|t| same(t, l)))
    {
        found.extend(stated.languages.iter().map(|l| format!("language:{l}")));
    }
    let (ours, theirs) = (terms.law.trim(), stated.law.trim());
    if !ours.is_empty() && !theirs.is_empty() && !same(ours, theirs) {
        found.push(format!("law:{theirs}"));
    }
    let refused = |t: &&String| terms.technology_not_accepted.iter().any(|n| same(n, t));
    found.extend(stated.technology.iter().filter(refused).map(|t| format!("technology:{}", t.trim())));
    found.sort_unstable();
    found.dedup();
    found
}

/// What an offer states, to be compared with a need's terms.
pub fn stated_by(offer: &Offer) -> ProviderTerms {
    ProviderTerms {
        data_locations: offer.data_locations.clone(),
        languages: offer.languages.clone(),
        law: offer.law.clone(),
        technology: offer.technology.clone(),
        conditions: offer.conditions.clone(),
    }
}

/// Alike but for ASCII case and white space around.
fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}
