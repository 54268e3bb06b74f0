//! Which regions a country lies in: a record for a region is found under each of its countries.

/// The one seam to the published list of regions: `codes::region::contains(region, country)` decides where the
/// list is built in; without it a record is found under the countries that it names.
fn region_contains(region: &str, country: &str) -> bool {
    let _ = (region, country);
    false
}

/// Those of `regions` that contain the country.
pub(super) fn containing<'a>(regions: impl Iterator<Item = &'a str>, country: &str) -> Vec<&'a str> {
    regions.filter(|region| region_contains(region, country)).collect()
}
