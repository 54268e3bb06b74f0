//! schema.org in JSON-LD: Course, LearningResource, CourseInstance and Event; bare, in lists, in `@graph`, nested.

mod value;

use std::collections::{BTreeSet, HashMap};

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::LocalisedText;
use serde_json::{Map, Value, json};

use crate::interchange::draft::{Own, record_id};
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes, moment};
use value::{Document, first_text, names, short, text, texts};

/// Types that become courses. schema.org has Course as a kind of LearningResource.
const COURSES: &[&str] = &["Course", "LearningResource", "Syllabus"];
/// Types that become sessions. EducationEvent and the like are kinds of Event.
const SESSIONS: &[&str] = &[
    "CourseInstance",
    "Event",
    "EducationEvent",
    "BusinessEvent",
    "Hackathon",
    "PublicationEvent",
    "SocialEvent",
    "EventSeries",
];
/// Properties that have a place in our records, or that only say how the item is written.
const CARRIED: &[&str] = &[
    "@context",
    "@id",
    "@type",
    "abstract",
    "address",
    "author",
    "contributor",
    "courseMode",
    "creator",
    "description",
    "duration",
    "educationalLevel",
    "endDate",
    "eventAttendanceMode",
    "hasCourseInstance",
    "headline",
    "identifier",
    "inLanguage",
    "isAccessibleForFree",
    "keywords",
    "license",
    "location",
    "maximumAttendeeCapacity",
    "name",
    "offers",
    "organizer",
    "provider",
    "startDate",
    "timeRequired",
    "url",
    "instanceOf",
    "isPartOf",
    "subEvent",
    "conformsTo",
    "record",
];

/// Reads every item of a document, in its order; items inside items too.
pub fn read(value: &Value, name: &str, wishes: &Wishes) -> Reading {
    let catalogue = if wishes.source.is_empty() { name } else { &wishes.source };
    let mut reader = Reader {
        document: Document::of(value),
        wishes,
        catalogue,
        found: Vec::new(),
        not_carried: BTreeSet::new(),
    };
    reader.walk(value, "", None);
    let not_carried = reader.not_carried.into_iter().collect();
    Reading { format: Format::JsonLd, found: reader.found, not_carried }
}

struct Reader<'a> {
    document: Document<'a>,
    wishes: &'a Wishes,
    catalogue: &'a str,
    found: Vec<Found>,
    not_carried: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn walk(&mut self, value: &'a Value, at: &str, course: Option<&'a Map<String, Value>>) {
        match value {
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.walk(item, &format!("{at}/{i}"), course);
                }
            }
            Value::Object(map) => {
                let types = texts(map.get("@type"));
                let known = |list: &[&str]| types.iter().any(|t| list.contains(&short(t)));
                let (is_course, is_session) = (known(COURSES), known(SESSIONS));
                if is_course || is_session {
                    self.item(map, at, course, is_session);
                }
                let below = if is_course && !is_session { Some(map) } else { course };
                for (name, value) in map {
                    self.walk(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), below);
                }
            }
            _ => {}
        }
    }

    fn item(
        &mut self,
        map: &Map<String, Value>,
        at: &str,
        course: Option<&Map<String, Value>>,
        session: bool,
    ) {
        let view = self.document.view(map);
        let mut title = self.document.localised(&view, &["name", "headline"], &self.wishes.language);
        if let (Some(course), true) = (course, title.text.is_empty() && session) {
            // An instance without a name has that of its course.
            let course = self.document.view(course);
            title = self.document.localised(&course, &["name", "headline"], &self.wishes.language);
        }
        let shown = title.text.clone();
        let at = if at.is_empty() { "/" } else { at };
        let draft = self.judge(map, session).and_then(|()| self.draft(&view, title, course, session));
        self.found.push(Found { at: at.to_owned(), title: shown, draft });
    }

    fn judge(&mut self, map: &Map<String, Value>, session: bool) -> Result<(), Why> {
        let wanted = match self.wishes.kind {
            RecordKind::Course => !session,
            RecordKind::Session => session,
            _ => true,
        };
        if wanted {
            for name in map.keys().map(|n| short(n)).filter(|n| !CARRIED.contains(n)) {
                self.not_carried.insert(name.to_owned());
            }
            return Ok(());
        }
        let other = if session { "session" } else { "course" };
        let kind = texts(map.get("@type")).iter().map(|t| short(t).to_owned()).collect::<Vec<_>>().join(", ");
        Err(Why::new("import-other-kind").with("type", kind).with("kind", other))
    }

    fn draft(
        &self,
        view: &HashMap<&str, &Value>,
        title: LocalisedText,
        course: Option<&Map<String, Value>>,
        session: bool,
    ) -> Result<Draft, Why> {
        if title.text.trim().is_empty() {
            return Err(Why::new("import-no-title"));
        }
        let get = |name: &str| view.get(name).copied();
        let mut draft = Draft {
            title,
            description: self.document.localised(view, &["description", "abstract"], &self.wishes.language),
            url: first_text(get("url")),
            licence: first_text(get("license")),
            identifier: identifier(view),
            distinct: distinct(view),
            cost: cost(view),
            ..Draft::default()
        };
        draft.own = get("record").and_then(|v| serde_json::from_value::<Own>(v.clone()).ok());
        draft.languages(&self.document.language_tags(get("inLanguage")));
        draft.set("keywords", self.document.keywords(get("keywords")));
        draft.set("level", self.document.names(get("educationalLevel")).join(", "));
        let duration = first_text(get("timeRequired"));
        draft.set("duration", if duration.is_empty() { first_text(get("duration")) } else { duration });
        let mut provider = self.document.names(get("provider"));
        if provider.is_empty() {
            provider = self.document.names(get("organizer"));
        }
        draft.set("provider", provider.join(", "));
        let mut authors = self.document.names(get("author"));
        authors.extend(self.document.names(get("creator")));
        authors.extend(self.document.names(get("contributor")));
        let mut seen = BTreeSet::new();
        authors.retain(|a| seen.insert(a.clone()));
        draft.set("authors", authors);
        draft.delivery = delivery(view);
        if let Some(seats) = get("maximumAttendeeCapacity").and_then(number) {
            draft.set("seats", seats);
        }
        self.place(view, &mut draft);
        if session {
            self.dates(view, &mut draft)?;
            self.course(view, course, &mut draft);
        }
        Ok(draft)
    }

    fn dates(&self, view: &HashMap<&str, &Value>, draft: &mut Draft) -> Result<(), Why> {
        for (property, field) in [("startDate", "starts"), ("endDate", "ends")] {
            let given = first_text(view.get(property).copied());
            let normal = moment::normal(&given, "")
                .ok_or_else(|| Why::new("import-bad-date").with("field", property).with("text", &given))?;
            draft.set(field, normal);
        }
        let starts_elsewhere = draft.own.as_ref().is_some_and(|o| o.fields.contains_key("starts"));
        match draft.fields.contains_key("starts") || draft.own.is_some() || starts_elsewhere {
            true => Ok(()),
            false => Err(Why::new("import-no-start")),
        }
    }

    /// The course that a session holds gets the same record id as its own import gives it.
    fn course(&self, view: &HashMap<&str, &Value>, course: Option<&Map<String, Value>>, draft: &mut Draft) {
        let stated = ["instanceOf", "isPartOf"].iter().find_map(|p| view.get(p)).and_then(|v| v.as_object());
        let Some(course) = stated.or(course) else { return };
        let view = self.document.view(course);
        let mut key = distinct(&view);
        if key.is_empty() {
            key = identifier(&view);
        }
        if key.is_empty() {
            let title = self.document.localised(&view, &["name", "headline"], &self.wishes.language);
            key = format!("{}\n", title.text);
        }
        let id = record_id(self.catalogue, RecordKind::Course, &key);
        draft.set("course_id", hex::encode(id));
        draft.course = key;
    }

    fn place(&self, view: &HashMap<&str, &Value>, draft: &mut Draft) {
        let (mut places, mut countries) = (Vec::new(), Vec::new());
        for location in value::list(view.get("location").copied()) {
            let Some(map) = location.as_object() else {
                places.extend(text(location));
                continue;
            };
            let place = self.document.view(map);
            if texts(map.get("@type")).iter().any(|t| short(t) == "VirtualLocation") {
                if draft.delivery.is_empty() {
                    draft.delivery.push("online".to_owned());
                }
                if draft.url.is_empty() {
                    draft.url = first_text(place.get("url").copied());
                }
            }
            places.extend(names(place.get("name").copied()));
            for address in value::list(place.get("address").copied()) {
                let Some(map) = address.as_object() else {
                    places.extend(text(address));
                    continue;
                };
                let address = self.document.view(map);
                let parts = ["streetAddress", "postalCode", "addressLocality", "addressRegion"];
                places.extend(parts.iter().flat_map(|p| texts(address.get(p).copied())));
                countries.extend(self.document.names(address.get("addressCountry").copied()));
            }
        }
        places.retain(|p| !p.trim().is_empty());
        places.dedup();
        draft.set("place", places.join(", "));
        draft.countries(&countries);
    }
}

fn identifier(view: &HashMap<&str, &Value>) -> String {
    let id = first_text(view.get("@id").copied());
    if id.is_empty() { first_text(view.get("identifier").copied()) } else { id }
}

/// The item's own address before an `identifier`, which catalogues also give to all that one repository holds.
fn distinct(view: &HashMap<&str, &Value>) -> String {
    let id = first_text(view.get("@id").copied());
    if id.is_empty() { first_text(view.get("url").copied()) } else { id }
}

fn number(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (number <= u64::from(u32::MAX)).then_some(number)
}

fn delivery(view: &HashMap<&str, &Value>) -> Vec<String> {
    let mut stated = texts(view.get("courseMode").copied());
    stated.extend(texts(view.get("eventAttendanceMode").copied()));
    let mut out = Vec::new();
    for mode in stated {
        let code = match short(&mode).to_ascii_lowercase().as_str() {
            "online" | "onlineeventattendancemode" | "distance learning" => "online",
            "onsite" | "in-person" | "in_person" | "offlineeventattendancemode" => "in_person",
            "blended" | "hybrid" | "mixedeventattendancemode" => "hybrid",
            "self-paced" | "self_paced" | "asynchronous" => "self_paced",
            _ => continue,
        };
        if !out.iter().any(|o| o == code) {
            out.push(code.to_owned());
        }
    }
    out
}

/// Free, one price, or several prices as words.
fn cost(view: &HashMap<&str, &Value>) -> Option<Value> {
    let mut prices = Vec::new();
    for offer in value::list(view.get("offers").copied()).into_iter().filter_map(Value::as_object) {
        let amount = offer.get("price").and_then(|p| match p {
            Value::Number(n) => Some(n.to_string()),
            other => text(other),
        });
        let currency = offer.get("priceCurrency").and_then(text).unwrap_or_default();
        if let Some(amount) = amount.filter(|a| !a.is_empty()) {
            prices.push((amount.trim().to_owned(), currency.trim().to_owned()));
        }
    }
    prices.dedup();
    let zero = |amount: &str| amount.parse::<f64>().is_ok_and(|v| v == 0.0);
    let free = matches!(view.get("isAccessibleForFree"), Some(Value::Bool(true)));
    match &prices[..] {
        [] => free.then(|| json!({ "free": true })),
        [(amount, _)] if zero(amount) => Some(json!({ "free": true })),
        [(amount, currency)] if !free && caphub_proto::codes::currency::is_known(currency) => {
            Some(json!({ "price": { "amount": amount, "currency": currency } }))
        }
        several => {
            let words: Vec<String> =
                several.iter().map(|(a, c)| format!("{a} {c}").trim().to_owned()).collect();
            Some(json!({ "note": words.join("; ") }))
        }
    }
}
