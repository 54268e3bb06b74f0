//! Search in many languages, over the articles of the Universal Declaration of Human Rights.

use std::path::{Path, PathBuf};

use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Course, Revision};
use caphub_proto::wire::Audience;
use prost::Message;

use super::world::{NOW, World, text};
use crate::views::fold::fold;
use crate::views::words::{Piece, pieces};

/// The texts, where this machine has them.
fn udhr() -> Option<PathBuf> {
    let shared = std::env::var_os("CAPHUB_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let dir = shared.unwrap_or(beside).join("data/udhr");
    dir.is_dir().then_some(dir)
}

/// Paragraphs of the articles.
fn paragraphs(dir: &Path, language: &str) -> Vec<String> {
    let xml = std::fs::read_to_string(dir.join(format!("udhr_{language}.xml"))).unwrap();
    let articles = xml.split("<article").skip(1).flat_map(|a| a.split("<para>").skip(1));
    articles
        .filter_map(|p| Some(p.split_once("</para>")?.0.trim().to_owned()))
        .map(|p| decoded(&p))
        .filter(|p| !p.is_empty())
        .collect()
}

/// With character references as the characters that they stand for: some files have nothing else.
fn decoded(xml: &str) -> String {
    let mut pieces = xml.split("&#x");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once(';').unwrap();
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

/// All of them as courses of one party.
fn world(paragraphs: &[String]) -> World {
    let mut world = World::new();
    let desk = world.party(1);
    for (n, paragraph) in (1u64..).zip(paragraphs) {
        let course = Course { title: text("UDHR"), description: text(paragraph), ..Course::default() };
        let revision = Revision {
            record_id: [n.to_be_bytes(); 2].concat(),
            number: 1,
            record: Some(Kind::Course(course)),
            ..Revision::default()
        };
        world.append(desk.feed(Audience::Public), &desk.signer, NOW - n, &revision.encode_to_vec());
    }
    world.catch_up();
    world
}

fn finds(world: &World, query: &str, paragraph: &str) -> bool {
    world.search(query).records.iter().any(|r| match r.revision.as_ref().unwrap().record.as_ref().unwrap() {
        Kind::Course(c) => c.description.as_ref().unwrap().text == paragraph,
        _ => false,
    })
}

/// A few words of a paragraph as somebody would type them: three in a row, or a stretch without spaces.
fn typed(paragraph: &str) -> Vec<String> {
    let words: Vec<String> = paragraph.split_whitespace().map(str::to_owned).collect();
    let mut queries: Vec<String> = words.windows(3).step_by(7).map(|w| w.join(" ")).collect();
    for piece in pieces(paragraph) {
        if let Piece::Unspaced(chars) = piece {
            queries.extend(chars.chunks(4).step_by(5).map(|c| c.iter().collect()));
            queries.extend(chars.first().map(|c| c.to_string()));
        }
    }
    queries
}

#[test]
fn every_paragraph_is_found_by_its_words_in_every_language() {
    let Some(dir) = udhr() else { return println!("skipped: the texts of the declaration are not here") };
    let languages = [
        "arb", "cmn_hans", "eng", "fra", "rus", "spa", "hin", "jpn", "khm", "heb", "amh", "tha", "mya",
        "kor", "ben", "pes_1", "vie", "tur", "yor", "swh", "ton", "smo", "por_BR", "cmn_hant", "quy", "tir",
    ];
    for language in languages {
        let paragraphs = paragraphs(&dir, language);
        assert!(paragraphs.len() >= 30, "{language}");
        let world = world(&paragraphs);
        for paragraph in &paragraphs {
            for query in typed(paragraph).iter().take(12) {
                assert!(finds(&world, query, paragraph), "{language}: {query} in {paragraph}");
            }
        }
        // The words tell paragraphs apart.
        let rare = paragraphs.iter().filter(|p| {
            let words: Vec<&str> = p.split_whitespace().collect();
            let end = words.len().saturating_sub(12);
            world.search(&words[end..].join(" ")).total <= 3
        });
        assert!(rare.count() * 2 > paragraphs.len(), "{language}");
    }
}

#[test]
fn spellings_without_accents_and_other_forms_of_alef_find_the_same() {
    let Some(dir) = udhr() else { return println!("skipped: the texts of the declaration are not here") };
    for (language, queries) in [
        ("fra", ["egalite", "DIGNITÉ ET", "liberte d opinion"]),
        ("spa", ["nacion", "educacion", "proteccion de la ley"]),
        ("vie", ["quyen tu do", "giao duc", "phap luat"]),
        ("arb", ["الانسان", "الى", "حريه"]),
        ("rus", ["ВСЕ ЛЮДИ", "рождаются", "своё"]),
    ] {
        let world = world(&paragraphs(&dir, language));
        for query in queries {
            assert!(world.search(query).total > 0, "{language}: {query}");
        }
    }
    let arabic = paragraphs(&dir, "arb");
    let world = world(&arabic);
    for (written, typed) in [("أ", "ا"), ("إ", "ا"), ("ة", "ه"), ("ى", "ي")] {
        let paragraph = arabic.iter().find(|p| p.contains(written)).unwrap();
        let word = paragraph.split_whitespace().find(|w| w.contains(written)).unwrap();
        assert!(finds(&world, &word.replace(written, typed), paragraph), "{word}");
        assert_eq!(fold(&word.replace(written, typed)), fold(word));
    }
}
