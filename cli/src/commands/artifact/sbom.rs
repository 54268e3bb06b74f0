//! What software is made of, as CycloneDX JSON, SPDX 2 JSON or SPDX 3 JSON-LD state it: read, bounded and listed.

mod spdx3;

use std::collections::BTreeSet;
use std::path::Path;

use caphub_node::artifacts::id_of;
use caphub_proto::v1::Artifact;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::replica::Replica;

/// Largest file that is read, in bytes.
pub(super) const BYTES_MAX: u64 = 16 << 20;
/// Most components; the largest lists of operating systems have some ten thousand.
const COMPONENTS_MAX: usize = 100_000;
/// Most JSON objects of a file: one that holds little else than these would take much more memory than its bytes.
const OBJECTS_MAX: usize = 500_000;
/// Most licences that a record repeats.
pub(super) const LICENCES_STATED: usize = 256;
/// Most bytes of one text that is kept.
const TEXT_BYTES_MAX: usize = 512;

/// One component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Component {
    /// Its name.
    pub(super) name: String,
    /// Its version, or empty.
    pub(super) version: String,
    /// Licences or expressions.
    pub(super) licences: Vec<String>,
}

/// A list of components.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    /// cyclonedx or spdx.
    pub(super) format: &'static str,
    /// In the order of the file, those inside others after them.
    pub(super) components: Vec<Component>,
}

impl Listed {
    /// Every licence once.
    pub(super) fn licences(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.components.iter().flat_map(|c| &c.licences).collect();
        all.into_iter().cloned().collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cyclone {
    #[serde(rename = "bomFormat")]
    bom_format: String,
    components: Vec<CycloneComponent>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CycloneComponent {
    name: String,
    version: Option<String>,
    licenses: Vec<CycloneLicence>,
    components: Vec<CycloneComponent>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CycloneLicence {
    license: Option<CycloneName>,
    expression: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CycloneName {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spdx {
    spdx_version: String,
    packages: Vec<SpdxPackage>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SpdxPackage {
    name: String,
    version_info: Option<String>,
    license_concluded: Option<String>,
    license_declared: Option<String>,
}

/// Reads a file of any of these kinds.
pub(super) fn read_file(path: &Path) -> Result<Listed, Failure> {
    let bytes = super::advisory::small_file(path, BYTES_MAX)?;
    read(&bytes).ok_or_else(|| Failure::usage("error-sbom").with("path", path.display()).hint("hint-sbom"))
}

/// Reads whichever kind it is; `None` where it is none of them.
pub(super) fn read(bytes: &[u8]) -> Option<Listed> {
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
    if text.bytes().filter(|b| *b == b'{').count() > OBJECTS_MAX {
        return None;
    }
    if let Ok(bom) = serde_json::from_str::<Cyclone>(text)
        && bom.bom_format == "CycloneDX"
    {
        let mut components = Vec::new();
        let mut open: Vec<CycloneComponent> = bom.components.into_iter().rev().collect();
        while let Some(component) = open.pop().filter(|_| components.len() < COMPONENTS_MAX) {
            let licence =
                |l: CycloneLicence| l.expression.or_else(|| l.license.and_then(|n| n.id.or(n.name)));
            components.push(Component {
                name: short(component.name),
                version: short(component.version.unwrap_or_default()),
                licences: component.licenses.into_iter().filter_map(licence).take(32).map(short).collect(),
            });
            open.extend(component.components.into_iter().rev());
        }
        return Some(Listed { format: "cyclonedx", components });
    }
    if let Some(third) = spdx3::read(text) {
        return Some(third);
    }
    let spdx = serde_json::from_str::<Spdx>(text).ok().filter(|s| s.spdx_version.starts_with("SPDX-2"))?;
    let stated =
        |l: &Option<String>| l.clone().filter(|l| !["", "NONE", "NOASSERTION"].contains(&l.as_str()));
    let component = |p: SpdxPackage| Component {
        licences: stated(&p.license_concluded)
            .or_else(|| stated(&p.license_declared))
            .map(short)
            .into_iter()
            .collect(),
        name: short(p.name),
        version: short(p.version_info.unwrap_or_default()),
    };
    Some(Listed {
        format: "spdx",
        components: spdx.packages.into_iter().take(COMPONENTS_MAX).map(component).collect(),
    })
}

/// The list of an artifact, where its file is here and reads as what the record says it is.
pub(super) fn of_artifact(replica: &Replica, artifact: &Artifact) -> Option<Listed> {
    let file = artifact.sbom.as_ref()?.file.as_ref()?;
    read(&replica.core.blobs.read(&id_of(file)?, BYTES_MAX).ok()?)
}

fn short(mut text: String) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX.min(text.len()));
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read_and_what_they_nest_is_listed() {
        let cyclone = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
            {"type":"library","name":"outer","version":"1","licenses":[{"license":{"id":"MIT"}}],
             "components":[{"name":"inner","licenses":[{"expression":"Apache-2.0 OR MIT"}]}]},
            {"name":"last","licenses":[{"license":{"name":"Own terms"}}]}]}"#;
        let read_back = read(cyclone.as_bytes()).expect("a list");
        let names: Vec<&str> = read_back.components.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((names, read_back.format), (vec!["outer", "inner", "last"], "cyclonedx"));
        assert_eq!(read_back.licences(), ["Apache-2.0 OR MIT", "MIT", "Own terms"]);
        let spdx = r#"{"spdxVersion":"SPDX-2.3","packages":[
            {"name":"a","versionInfo":"2","licenseConcluded":"NOASSERTION","licenseDeclared":"BSD-3-Clause"},
            {"name":"b","licenseConcluded":"NONE"}]}"#;
        let read_back = read(spdx.as_bytes()).expect("a list");
        assert_eq!((read_back.components.len(), read_back.licences()), (2, vec!["BSD-3-Clause".to_owned()]));
    }

    #[test]
    fn what_is_no_list_of_components_is_not_taken_for_one() {
        let deep = "[".repeat(100_000);
        for hostile in ["", "{}", "[]", "null", "\u{0}", r#"{"bomFormat":"other"}"#, &deep] {
            assert_eq!(read(hostile.as_bytes()), None, "{:.40}", hostile);
        }
        let nested = r#"{"name":"x","components":["#.repeat(200);
        assert_eq!(read(format!(r#"{{"bomFormat":"CycloneDX","components":[{nested}"#).as_bytes()), None);
        let long =
            format!(r#"{{"bomFormat":"CycloneDX","components":[{{"name":"{}"}}]}}"#, "é".repeat(5_000));
        assert!(read(long.as_bytes()).is_some_and(|l| l.components[0].name.len() <= TEXT_BYTES_MAX));
    }
}
