//! SPDX 3 as JSON-LD: a graph of elements in no order, in which licences are elements and relationships name them.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{COMPONENTS_MAX, Component, Listed, short};

/// Licence sets inside each other that are followed; published ones have two or three.
const DEPTH_MAX: usize = 8;
/// Licences that are looked up for one package: a set may name itself, or two sets each the other twice.
const LOOKUPS_MAX: usize = 64;
/// Names in one list of an element that are kept: licences of a package, members of a set.
const NAMES_MAX: usize = 64;
/// Where the ids of the published licence list begin.
const LIST: &str = "https://spdx.org/licenses/";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    #[serde(rename = "@context")]
    context: Names,
    #[serde(rename = "@graph")]
    graph: Vec<Element>,
}

/// What is read of an element of whatever kind.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Element {
    #[serde(rename = "type", alias = "@type")]
    kind: Names,
    #[serde(rename = "spdxId", alias = "@id")]
    id: String,
    name: Option<String>,
    #[serde(rename = "software_packageVersion")]
    version: Option<String>,
    #[serde(rename = "simplelicensing_licenseExpression")]
    expression: Option<String>,
    #[serde(rename = "expandedlicensing_member")]
    members: Names,
    from: Names,
    to: Names,
    #[serde(rename = "relationshipType")]
    relationship: String,
}

impl Element {
    fn is(&self, ends: &[&str]) -> bool {
        self.kind.0.iter().any(|kind| ends.iter().any(|end| kind.ends_with(end)))
    }
}

/// One name or a list of names; an element that stands there whole is named by its licence, its name or its id.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, an element, or a list of them")
    }

    fn visit_str<E>(self, text: &str) -> Result<Names, E> {
        Ok(Names(vec![text.to_owned()]))
    }

    fn visit_unit<E>(self) -> Result<Names, E> {
        Ok(Names::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(Names(more)) = list.next_element()? {
            names.extend(more.into_iter().take(NAMES_MAX.saturating_sub(names.len())));
        }
        Ok(Names(names))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Names, A::Error> {
        let (mut expression, mut name, mut id) = (None, None, None);
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "simplelicensing_licenseExpression" => expression = Some(fields.next_value()?),
                "name" => name = Some(fields.next_value()?),
                "spdxId" | "@id" => id = Some(fields.next_value()?),
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Names(expression.or(name).or(id).into_iter().collect()))
    }
}

/// Reads a document; `None` where it is none.
pub(super) fn read(text: &str) -> Option<Listed> {
    let document = serde_json::from_str::<Document>(text).ok()?;
    if !document.context.0.iter().any(|c| c.starts_with("https://spdx.org/rdf/3.")) {
        return None;
    }
    let (mut licences, mut named) = (HashMap::new(), HashMap::<&str, [Option<&Names>; 2]>::new());
    for element in &document.graph {
        licences.insert(element.id.as_str(), element);
        let rank = match element.relationship.as_str() {
            "hasConcludedLicense" => 0,
            "hasDeclaredLicense" => 1,
            _ => continue,
        };
        for from in &element.from.0 {
            named.entry(from).or_default()[rank].get_or_insert(&element.to);
        }
    }
    let packages =
        document.graph.iter().filter(|e| e.is(&["software_Package", "AIPackage", "DatasetPackage"]));
    let components = packages.take(COMPONENTS_MAX).map(|package| {
        // What somebody concluded goes before what the author declared, where it says anything.
        let stated = named.get(package.id.as_str()).copied().unwrap_or_default();
        let stated = stated.into_iter().flatten().map(|names| {
            let mut left = LOOKUPS_MAX;
            let found = names.0.iter().filter_map(|name| resolve(name, &licences, DEPTH_MAX, &mut left));
            found.map(short).collect::<Vec<String>>()
        });
        Component {
            name: short(package.name.clone().unwrap_or_default()),
            version: short(package.version.clone().unwrap_or_default()),
            licences: stated.filter(|l| !l.is_empty()).take(1).flatten().take(32).collect(),
        }
    });
    Some(Listed { format: "spdx", components: components.collect() })
}

/// What a licence is called: its expression, its id in the published list, or its name; of a set, its members.
fn resolve(name: &str, all: &HashMap<&str, &Element>, depth: usize, left: &mut usize) -> Option<String> {
    *left = left.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    let silent = |text: &str| matches!(text, "" | "NONE" | "NOASSERTION");
    if let Some(id) = name.strip_prefix(LIST) {
        return Some(id.trim_end_matches('/').to_owned()).filter(|id| !silent(id));
    }
    if name.ends_with("/NoAssertion") || name.ends_with("/None") || name.ends_with("NoneLicense") {
        return None;
    }
    let Some(element) = all.get(name) else {
        // A text that is no address is an expression that stood there itself; an address that leads nowhere says nothing.
        return Some(name.to_owned()).filter(|n| !silent(n) && !n.contains("://") && !n.starts_with("_:"));
    };
    if element.is(&["NoAssertionLicense", "NoneLicense"]) {
        return None;
    }
    if let Some(expression) = &element.expression {
        return Some(expression.clone()).filter(|e| !silent(e));
    }
    if !element.members.0.is_empty() {
        let word = if element.is(&["ConjunctiveLicenseSet"]) && !element.is(&["DisjunctiveLicenseSet"]) {
            " AND "
        } else {
            " OR "
        };
        let mut parts = Vec::new();
        for member in &element.members.0 {
            let is_set = all.get(member.as_str()).is_some_and(|m| !m.members.0.is_empty());
            let part = resolve(member, all, depth, left).map(short)?;
            parts.push(if is_set { format!("({part})") } else { part });
        }
        return Some(parts.join(word));
    }
    element.name.clone().filter(|n| !silent(n))
}

#[cfg(test)]
mod tests {
    use super::super::{TEXT_BYTES_MAX, read};

    const CONTEXT: &str = r#""@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld""#;

    fn graph(elements: &str) -> String {
        format!(r#"{{{CONTEXT},"@graph":[{elements}]}}"#)
    }

    fn listed(elements: &str) -> Vec<(String, String, Vec<String>)> {
        let read = read(graph(elements).as_bytes()).expect("a list");
        assert_eq!(read.format, "spdx");
        read.components.into_iter().map(|c| (c.name, c.version, c.licences)).collect()
    }

    #[test]
    fn packages_are_listed_with_the_licence_that_their_relationships_name() {
        let found = listed(
            r#"{"type":"CreationInfo","@id":"_:made","specVersion":"3.0.1","created":"2026-01-01T00:00:00Z"},
            {"type":"SpdxDocument","spdxId":"urn:doc","creationInfo":"_:made","rootElement":["urn:a"]},
            {"type":"Relationship","spdxId":"urn:r1","from":"urn:a","relationshipType":"hasDeclaredLicense","to":["urn:l1"]},
            {"type":"Relationship","spdxId":"urn:r2","from":"urn:a","relationshipType":"hasConcludedLicense","to":["urn:l2"]},
            {"type":"Relationship","spdxId":"urn:r3","from":"urn:b","relationshipType":"hasConcludedLicense",
             "to":["https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion"]},
            {"type":"Relationship","spdxId":"urn:r4","from":"urn:b","relationshipType":"hasDeclaredLicense",
             "to":["https://spdx.org/licenses/BSD-3-Clause"]},
            {"type":"Relationship","spdxId":"urn:r5","from":"urn:a","relationshipType":"dependsOn","to":["urn:b","urn:c"]},
            {"type":"Relationship","spdxId":"urn:r6","from":"urn:c","relationshipType":"hasDeclaredLicense","to":["urn:set"]},
            {"type":"expandedlicensing_DisjunctiveLicenseSet","spdxId":"urn:set","expandedlicensing_member":["urn:l1",
             "urn:both"]},
            {"type":"expandedlicensing_ConjunctiveLicenseSet","spdxId":"urn:both","expandedlicensing_member":["urn:own",
             "https://spdx.org/licenses/ISC"]},
            {"type":"expandedlicensing_CustomLicense","spdxId":"urn:own","name":"Own terms"},
            {"type":"software_Package","spdxId":"urn:a","name":"a","software_packageVersion":"2"},
            {"type":"software_File","spdxId":"urn:f","name":"a file"},
            {"type":"software_Package","spdxId":"urn:b","name":"b"},
            {"type":"ai_AIPackage","spdxId":"urn:c","name":"c"},
            {"type":"simplelicensing_LicenseExpression","spdxId":"urn:l1","simplelicensing_licenseExpression":"MIT"},
            {"type":"simplelicensing_LicenseExpression","spdxId":"urn:l2","simplelicensing_licenseExpression":"MIT OR Apache-2.0"}"#,
        );
        let due = [
            ("a", "2", "MIT OR Apache-2.0"),
            ("b", "", "BSD-3-Clause"),
            ("c", "", "MIT OR (Own terms AND ISC)"),
        ];
        let due = due.map(|(n, v, l)| (n.to_owned(), v.to_owned(), vec![l.to_owned()]));
        assert_eq!(found, due);
        // A licence that stands in the relationship itself, and a context among others.
        let inside = listed(
            r#"{"type":["software_Package"],"spdxId":"urn:a","name":"a"},
            {"type":"Relationship","from":{"spdxId":"urn:a"},"relationshipType":"hasDeclaredLicense",
             "to":{"type":"simplelicensing_LicenseExpression","simplelicensing_licenseExpression":"0BSD"}}"#,
        );
        assert_eq!(inside[0].2, ["0BSD"]);
    }

    #[test]
    fn sets_that_name_themselves_and_sets_that_double_end_and_long_names_are_cut() {
        let package = r#"{"type":"software_Package","spdxId":"urn:a","name":"a"},
            {"type":"Relationship","from":"urn:a","relationshipType":"hasDeclaredLicense","to":["urn:0"]}"#;
        let set = |id: usize, members: &str| {
            format!(
                r#",{{"type":"ConjunctiveLicenseSet","spdxId":"urn:{id}","expandedlicensing_member":[{members}]}}"#
            )
        };
        let circle = format!("{package}{}{}", set(0, r#""urn:1""#), set(1, r#""urn:0","urn:1""#));
        assert_eq!(listed(&circle)[0].2, [""; 0]);
        let double: String = (0..60).map(|n| set(n, &format!(r#""urn:{0}","urn:{0}""#, n + 1))).collect();
        assert_eq!(listed(&format!("{package}{double}"))[0].2, [""; 0]);
        let many = format!(r#""{}""#, "x".repeat(2_000));
        let long = format!(r#"{{"type":"software_Package","name":{many},"software_packageVersion":{many}}}"#);
        assert!(listed(&long).iter().all(|(n, v, _)| n.len() == TEXT_BYTES_MAX && v.len() == TEXT_BYTES_MAX));
        let wide = vec![r#""MIT""#; 10_000].join(",");
        let package = package.replace(r#""urn:0""#, &wide);
        assert_eq!(listed(&package)[0].2.len(), 32);
    }

    #[test]
    fn what_is_no_document_of_the_third_version_is_not_taken_for_one() {
        let objects = format!("{}{{}}", "{},".repeat(600_000));
        let deep = format!(r#"{{"type":"software_Package","to":{}"#, "[".repeat(100_000));
        for hostile in [
            r#"{"@graph":[{"type":"software_Package","name":"a"}]}"#.to_owned(),
            r#"{"@context":"https://schema.org","@graph":[]}"#.to_owned(),
            r#"{"@context":{"@vocab":"https://spdx.org/rdf/3.0.1/terms/"},"@graph":[]}"#.to_owned(),
            graph(r#"{"type":"software_Package","name":5}"#),
            graph(&objects),
            graph(&deep),
            format!(r#"{{{CONTEXT},"@graph":{{}}}}"#),
        ] {
            assert_eq!(read(hostile.as_bytes()), None, "{hostile:.80}");
        }
    }
}
