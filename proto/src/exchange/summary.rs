//! What lists, filters and search need of a record, whatever its kind.

use crate::exchange::acts;
use crate::exchange::kind::RecordKind;
use crate::v1::revision::Record;
use crate::v1::{Blob, Cost, LocalisedText, RecordRef, Revision, engagement_act, fund_act};
use crate::wire::{PartyId, RecordId};

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
    /// Records that it names: what it answers, acts on, endorses or adapts.
    pub about: Vec<(PartyId, RecordId)>,
    /// Further things to be found by, as `name:value` (SPEC.md section 17.5).
    pub labels: Vec<String>,
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
                summary.cost(&r.cost);
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
                summary.cost(&r.cost);
                summary.from = day(&r.starts);
                summary.until = if r.ends.is_empty() { day(&r.starts) } else { day(&r.ends) };
            }
            Record::Attestation(r) => {
                summary.title = r.name.clone();
                summary.countries.extend(Some(r.country.clone()).filter(|c| !c.is_empty()));
            }
            Record::Recognition(r) => summary.title = r.name.clone(),
            Record::Refusal(r) => summary.title = r.what.clone(),
            Record::Reply(r) => {
                summary.titled(&r.text, &None);
                summary.refer(&Some(RecordRef { party: r.party.clone(), record_id: r.record_id.clone() }));
            }
            Record::NodeCard(r) => summary.title = r.name.clone(),
            Record::Withdraw(r) => summary.title = r.kind.clone(),
            Record::Call(_)
            | Record::Nomination(_)
            | Record::Engagement(_)
            | Record::Fellowship(_)
            | Record::Fund(_) => summary.act(record),
            // They name entries and have no words.
            Record::Erasure(_) | Record::ThreadGrant(_) => {}
            _ => summary.bank(record),
        }
        Some((RecordKind::of(record), summary))
    }

    /// Calls, nominations and acts of several parties.
    fn act(&mut self, record: &Record) {
        match record {
            Record::Call(r) => {
                self.titled(&r.title, &r.description);
                r.conditions.iter().for_each(|c| self.add(&Some(c.clone())));
                self.place(&r.countries, &r.regions, &r.themes);
                self.window(&r.window);
                r.needs.iter().for_each(|n| self.refer(&Some(n.clone())));
                self.cost(&r.cost);
                self.refer(&r.fund);
                self.refer(&r.session);
            }
            Record::Nomination(r) => {
                self.title = r.name.clone();
                self.refer(&r.call);
            }
            Record::Engagement(r) => {
                self.title = acts::code(record).to_owned();
                self.refer(&r.engagement);
                if let Some(engagement_act::Act::Propose(p)) = &r.act {
                    self.add(&p.text);
                    [&p.need, &p.offer, &p.call].into_iter().for_each(|r| self.refer(r));
                }
            }
            Record::Fellowship(r) => {
                self.title = acts::code(record).to_owned();
                self.refer(&r.call);
            }
            Record::Fund(r) => {
                self.title = acts::code(record).to_owned();
                self.refer(&r.fund);
                match &r.act {
                    Some(fund_act::Act::Charter(c)) => self.titled(&c.title, &c.description),
                    Some(fund_act::Act::Propose(p)) => {
                        self.titled(&p.title, &p.description);
                        self.refer(&p.call);
                        p.needs.iter().for_each(|n| self.refer(&Some(n.clone())));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The data bank, technology, barriers, vocabularies and projects.
    fn bank(&mut self, record: &Record) {
        match record {
            Record::Technique(r) => {
                self.titled(&r.title, &r.problem);
                let texts = r.steps.iter().chain(&r.prerequisites).chain(&r.adaptation_notes);
                texts.for_each(|t| self.add(&Some(t.clone())));
                r.evidence.iter().for_each(|e| self.add(&e.text));
                self.place(&r.countries, &r.regions, &r.themes);
                let words = r.keywords.iter().chain(&r.sectors).chain(&r.skills).chain(&r.authors);
                self.texts.extend(words.cloned());
                self.texts.extend(r.references.iter().flat_map(|f| [f.identifier.clone(), f.title.clone()]));
                r.artifacts.iter().for_each(|a| self.refer(&Some(a.clone())));
                self.cost(&r.cost);
                r.sectors.iter().for_each(|s| self.label("sector", s));
                r.skills.iter().for_each(|s| self.label("skill", s));
                self.refer(&r.adapts);
                self.refer(&r.translates);
            }
            Record::Artifact(r) => {
                self.titled(&r.title, &r.description);
                self.themes = r.themes.clone();
                let other = r.sbom.iter().map(|s| &s.file).chain(r.provenance.iter().map(|p| &p.file));
                other.chain([&r.file]).for_each(|b| self.blob(b));
                if let Some(file) = &r.file {
                    self.texts.extend([file.file_name.clone(), hex::encode(&file.digest)]);
                }
            }
            Record::Endorsement(r) => {
                self.titled(&r.text, &None);
                self.countries.extend(Some(r.country.clone()).filter(|c| !c.is_empty()));
                self.refer(&r.about);
                if self.title.is_empty() {
                    self.title = r.endorsement_type.clone();
                }
                self.label("statement", &r.endorsement_type);
                for advisory in &r.advisories {
                    self.texts.extend([advisory.identifier.clone(), advisory.title.clone()]);
                    self.blob(&advisory.file);
                }
            }
            Record::Barrier(r) => {
                self.titled(&r.title, &r.description);
                let scope = r.scope.clone().unwrap_or_default();
                self.place(&scope.countries, &scope.regions, &[]);
                self.from = r.since.clone();
                self.texts.extend(r.hosts.iter().chain([&r.service, &r.provider]).cloned());
                r.about.iter().for_each(|a| self.refer(&Some(a.clone())));
            }
            Record::Vocabulary(r) => {
                self.titled(&r.title, &None);
                self.texts.push(r.name.clone());
                self.label("vocabulary", &r.name);
                r.terms.iter().for_each(|t| self.add(&t.name));
            }
            Record::RuleSet(r) => {
                self.titled(&r.title, &None);
                self.texts.push(r.name.clone());
            }
            Record::Project(r) => {
                self.titled(&r.title, &r.description);
                self.place(&r.countries, &r.regions, &r.themes);
                self.window(&r.window);
                self.texts.extend([r.identifier.clone(), r.reporting_organisation.clone()]);
                self.texts.extend(r.participants.iter().map(|p| p.name.clone()));
            }
            _ => {}
        }
    }

    /// Case and outer spaces do not matter where people write a value.
    fn label(&mut self, name: &str, value: &str) {
        self.labels.push(format!("{name}:{}", value.trim().to_lowercase()));
    }

    fn cost(&mut self, cost: &Option<Cost>) {
        match cost {
            Some(cost) if cost.free => self.label("cost", "free"),
            Some(cost) if cost.price.is_some() => self.label("cost", "priced"),
            _ => {}
        }
    }

    fn blob(&mut self, blob: &Option<Blob>) {
        if let Some(blob) = blob {
            self.label("blob", &hex::encode(&blob.manifest));
        }
    }

    fn refer(&mut self, reference: &Option<RecordRef>) {
        let found = reference
            .as_ref()
            .and_then(|r| Some((PartyId::from_slice(&r.party)?, RecordId::from_slice(&r.record_id)?)));
        self.about.extend(found);
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
