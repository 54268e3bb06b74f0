//! What lists, filters and search need of a record, whatever its kind.

use crate::exchange::kind::RecordKind;
use crate::v1::revision::Record;
use crate::v1::{LocalisedText, Revision};

/// A record as views see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Title or name in the author's language, empty where the kind has none.
    pub title: String,
    /// BCP 47 tag of the title.
    pub language: String,
    /// Countries that it is for, takes place in or can be reached from.
    pub countries: Vec<String>,
    /// UN M49 codes.
    pub regions: Vec<String>,
    /// Theme codes.
    pub themes: Vec<String>,
    /// First day, ISO 8601; empty where open.
    pub from: String,
    /// Last day; empty where open.
    pub until: String,
    /// Every text that people search for, translations included.
    pub texts: Vec<String>,
}

impl Summary {
    /// The summary of a revision; `None` where its kind is not known.
    pub fn of(revision: &Revision) -> Option<(RecordKind, Self)> {
        let record = revision.record.as_ref()?;
        let mut summary = Self::default();
        match record {
            Record::Profile(r) => {
                summary.titled(&r.name, &r.description);
                summary.countries.extend(Some(r.country.clone()).filter(|c| !c.is_empty()));
                summary.regions = r.regions.clone();
            }
            Record::Need(r) => {
                summary.titled(&r.title, &r.description);
                summary.add(&r.beneficiaries);
                summary.add(&r.own_contribution);
                summary.place(&r.countries, &r.regions, &r.themes);
                summary.window(&r.window);
            }
            Record::Offer(r) => {
                summary.titled(&r.title, &r.description);
                r.conditions.iter().for_each(|c| summary.add(&Some(c.clone())));
                summary.place(&r.countries, &r.regions, &r.themes);
                summary.window(&r.window);
            }
            Record::Course(r) => {
                summary.titled(&r.title, &r.description);
                summary.place(&r.countries, &r.regions, &r.themes);
                summary.texts.extend(r.keywords.iter().chain(&r.authors).chain([&r.provider]).cloned());
            }
            Record::Session(r) => {
                summary.titled(&r.title, &r.description);
                summary.place(&r.countries, &[], &r.themes);
                summary.texts.extend(r.keywords.iter().chain([&r.place, &r.provider]).cloned());
                summary.from = day(&r.starts);
                summary.until = if r.ends.is_empty() { day(&r.starts) } else { day(&r.ends) };
            }
            Record::Attestation(r) => {
                summary.title = r.name.clone();
                summary.countries.extend(Some(r.country.clone()).filter(|c| !c.is_empty()));
            }
            Record::Recognition(r) => summary.title = r.name.clone(),
            Record::Refusal(r) => summary.title = r.what.clone(),
            Record::Reply(r) => summary.titled(&r.text, &None),
            Record::NodeCard(r) => summary.title = r.name.clone(),
            Record::Withdraw(r) => summary.title = r.kind.clone(),
        }
        Some((RecordKind::of(record), summary))
    }

    fn titled(&mut self, title: &Option<LocalisedText>, description: &Option<LocalisedText>) {
        if let Some(title) = title {
            self.title = title.text.clone();
            self.language = title.language.clone();
        }
        self.add(title);
        self.add(description);
    }

    fn add(&mut self, text: &Option<LocalisedText>) {
        if let Some(text) = text {
            self.texts.push(text.text.clone());
            self.texts.extend(text.translations.iter().map(|t| t.text.clone()));
        }
    }

    fn place(&mut self, countries: &[String], regions: &[String], themes: &[String]) {
        self.countries = countries.to_vec();
        self.regions = regions.to_vec();
        self.themes = themes.to_vec();
    }

    fn window(&mut self, window: &Option<crate::v1::Window>) {
        if let Some(window) = window {
            self.from = window.from.clone();
            self.until = window.until.clone();
        }
    }
}

/// The day of a date or time.
fn day(moment: &str) -> String {
    moment.get(..10).unwrap_or_default().to_owned()
}
