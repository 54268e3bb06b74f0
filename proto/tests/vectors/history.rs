//! `history.json`: the tree of RFC 6962, its proofs, and checkpoints (SPEC.md section 13.3).

use caphub_proto::wire::history::{
    Checkpoint, Hash, Histories, NoteError, Restored, Tree, compare, consistent, included, leaf_hash,
    node_hash,
};
use caphub_proto::wire::{LogId, OperatorKey};
use serde::Serialize;

use crate::case::key;

#[derive(Serialize, Default)]
pub struct HistoryCase {
    pub name: String,
    /// root, consistency, inclusion, note or pair.
    pub kind: String,
    /// Data of the leaves of a root.
    pub leaves: Vec<String>,
    /// Sizes: of the tree, and for a proof the smaller size or the leaf's index.
    pub size: u64,
    pub from: u64,
    /// Hashes.
    pub root: String,
    pub from_root: String,
    pub path: Vec<String>,
    /// The key that notes are expected of, and the notes.
    pub key: String,
    pub notes: Vec<String>,
    /// What a note says of a restored log: id, size and root; empty for nothing.
    pub restored: Vec<String>,
    /// valid or invalid; of a pair unrelated, one, unproven or two.
    pub result: String,
}

fn hashes(n: u64) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn tree(leaves: &[Hash]) -> Tree<impl FnMut(u32, u64) -> Result<Hash, ()> + '_> {
    fn node(leaves: &[Hash], level: u32, index: u64) -> Hash {
        match level {
            0 => leaves[index as usize],
            _ => node_hash(&node(leaves, level - 1, index * 2), &node(leaves, level - 1, index * 2 + 1)),
        }
    }
    Tree(move |level, index| Ok(node(leaves, level, index)))
}

fn hash_of(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// What the code makes of a case.
pub fn judged(case: &HistoryCase) -> String {
    let path: Vec<Hash> = case.path.iter().map(|h| hash_of(h)).collect();
    let valid = |valid: bool| if valid { "valid" } else { "invalid" }.to_owned();
    let parse = |note: &String| -> Result<Checkpoint, NoteError> {
        Checkpoint::parse(note, &OperatorKey(hash_of(&case.key)))
    };
    match case.kind.as_str() {
        "root" => {
            let leaves: Vec<Hash> = case.leaves.iter().map(|l| leaf_hash(&hex::decode(l).unwrap())).collect();
            valid(tree(&leaves).root(leaves.len() as u64) == Ok(hash_of(&case.root)))
        }
        "consistency" => {
            valid(consistent(case.from, &hash_of(&case.from_root), case.size, &hash_of(&case.root), &path))
        }
        "inclusion" => {
            valid(included(case.from, case.size, &hash_of(&case.from_root), &hash_of(&case.root), &path))
        }
        "note" => match case.notes.first().map(parse) {
            Some(Ok(note)) => {
                let restored: Vec<String> = note
                    .restored
                    .map(|r| vec![r.log.to_string(), r.size.to_string(), hex::encode(r.root)])
                    .unwrap_or_default();
                valid(
                    (note.size, hex::encode(note.root), restored)
                        == (case.size, case.root.clone(), case.restored.clone()),
                )
            }
            _ => valid(false),
        },
        _ => {
            let [one, other] = &case.notes[..] else { return valid(false) };
            match compare(&parse(one).unwrap(), &parse(other).unwrap(), &hash_of(&case.from_root), &path) {
                Histories::Unrelated => "unrelated",
                Histories::One => "one",
                Histories::Unproven => "unproven",
                Histories::Two => "two",
            }
            .to_owned()
        }
    }
}

pub fn cases() -> Vec<HistoryCase> {
    let mut cases = Vec::new();
    roots(&mut cases);
    proofs(&mut cases);
    notes(&mut cases);
    pairs(&mut cases);
    cases
}

/// Leaves and roots of the Certificate Transparency project's tests.
fn roots(cases: &mut Vec<HistoryCase>) {
    let leaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    for size in 0..=leaves.len() {
        let data: Vec<Hash> = leaves[..size].iter().map(|l| leaf_hash(&hex::decode(l).unwrap())).collect();
        cases.push(HistoryCase {
            name: format!("root of {size} leaves"),
            kind: "root".to_owned(),
            leaves: leaves[..size].iter().map(|l| (*l).to_owned()).collect(),
            size: size as u64,
            root: hex::encode(tree(&data).root(size as u64).unwrap()),
            result: "valid".to_owned(),
            ..HistoryCase::default()
        });
    }
}

fn proofs(cases: &mut Vec<HistoryCase>) {
    let leaves = hashes(21);
    let root = |size| tree(&leaves).root(size).unwrap();
    let text = |path: &[Hash]| path.iter().map(hex::encode).collect::<Vec<_>>();
    let mut consistency = |name: &str, from: u64, old: Hash, to: u64, path: &[Hash], result: &str| {
        cases.push(HistoryCase {
            name: name.to_owned(),
            kind: "consistency".to_owned(),
            from,
            from_root: hex::encode(old),
            size: to,
            root: hex::encode(root(to)),
            path: text(path),
            result: result.to_owned(),
            ..HistoryCase::default()
        });
    };
    for (from, to) in
        [(0, 7), (1, 2), (1, 21), (3, 7), (4, 7), (6, 8), (7, 7), (8, 21), (13, 21), (16, 21), (20, 21)]
    {
        let path = tree(&leaves).consistency(from, to).unwrap();
        consistency(&format!("consistency from {from} to {to}"), from, root(from), to, &path, "valid");
    }
    let path = tree(&leaves).consistency(13, 21).unwrap();
    let mut wrong = path.clone();
    wrong[1][0] ^= 1;
    consistency("consistency with another old root", 13, root(12), 21, &path, "invalid");
    consistency("consistency with a hash altered", 13, root(13), 21, &wrong, "invalid");
    consistency("consistency with a hash missing", 13, root(13), 21, &path[1..], "invalid");
    consistency(
        "consistency with a hash too many",
        13,
        root(13),
        21,
        &[&path[..], &[[0; 32]]].concat(),
        "invalid",
    );
    consistency("consistency without hashes", 13, root(13), 21, &[], "invalid");
    consistency("consistency from a larger size", 21, root(21), 13, &path, "invalid");
    let mut inclusion = |name: &str, index: u64, leaf: Hash, size: u64, path: &[Hash], result: &str| {
        cases.push(HistoryCase {
            name: name.to_owned(),
            kind: "inclusion".to_owned(),
            from: index,
            from_root: hex::encode(leaf),
            size,
            root: hex::encode(root(size)),
            path: text(path),
            result: result.to_owned(),
            ..HistoryCase::default()
        });
    };
    for (index, size) in [(0_u64, 1), (0, 8), (5, 8), (7, 8), (12, 13), (20, 21), (0, 21)] {
        let path = tree(&leaves).inclusion(index, size).unwrap();
        inclusion(
            &format!("inclusion of {index} in {size}"),
            index,
            leaves[index as usize],
            size,
            &path,
            "valid",
        );
    }
    let path = tree(&leaves).inclusion(5, 21).unwrap();
    inclusion("inclusion at another place", 6, leaves[5], 21, &path, "invalid");
    inclusion("inclusion of another leaf", 5, leaves[6], 21, &path, "invalid");
    inclusion("inclusion beyond the tree", 21, leaves[5], 21, &path, "invalid");
    inclusion("inclusion with a hash missing", 5, leaves[5], 21, &path[..path.len() - 1], "invalid");
}

fn checkpoint(size: u64, leaves: &[Hash]) -> Checkpoint {
    Checkpoint { log: LogId([9; 16]), size, root: tree(leaves).root(size).unwrap(), restored: None }
}

fn notes(cases: &mut Vec<HistoryCase>) {
    let (node, leaves) = (key("node"), hashes(21));
    let plain = checkpoint(21, &leaves);
    let restored = Restored { log: LogId([8; 16]), size: 25, root: [5; 32] };
    let after = Checkpoint { restored: Some(restored), ..plain };
    let good = plain.to_note(&node);
    let mut add = |name: &str, note: String, restored: Option<Restored>, result: &str| {
        cases.push(HistoryCase {
            name: format!("note: {name}"),
            kind: "note".to_owned(),
            key: node.public().to_string(),
            notes: vec![note],
            size: plain.size,
            root: hex::encode(plain.root),
            restored: restored
                .map(|r| vec![r.log.to_string(), r.size.to_string(), hex::encode(r.root)])
                .unwrap_or_default(),
            result: result.to_owned(),
            ..HistoryCase::default()
        });
    };
    add("a checkpoint", good.clone(), None, "valid");
    add("after a restore", after.to_note(&node), Some(restored), "valid");
    let witness = "\u{2014} witness.example/w AAAAAAAA\n";
    add("with a signature of somebody else", format!("{good}{witness}"), None, "valid");
    add("by another key", plain.to_note(&key("another node")), None, "invalid");
    add("without a signature", good.split('\u{2014}').next().unwrap().to_owned(), None, "invalid");
    add("another size", good.replacen("\n21\n", "\n22\n", 1), None, "invalid");
    add("a size with a zero in front", good.replacen("\n21\n", "\n021\n", 1), None, "invalid");
    add("another origin", good.replacen("caphub/log/0909", "caphub/log/0a09", 2), None, "invalid");
    add("an origin in upper case", good.replacen("caphub", "CAPHUB", 2), None, "invalid");
    add("a line more", good.replacen("\n\n", "\nx\n\n", 1), None, "invalid");
    add("cut short", good[..good.len() - 9].to_owned(), None, "invalid");
    add("a control character", good.replacen("\n21\n", "\n21\r\n", 1), None, "invalid");
}

fn pairs(cases: &mut Vec<HistoryCase>) {
    let (node, mine) = (key("node"), hashes(21));
    let mut theirs = mine.clone();
    theirs[4] = leaf_hash(b"another entry");
    let path = tree(&mine).consistency(9, 21).unwrap();
    let middle = tree(&mine).root(9).unwrap();
    let mut add =
        |name: &str, one: Checkpoint, other: Checkpoint, middle: Hash, path: &[Hash], result: &str| {
            cases.push(HistoryCase {
                name: format!("pair: {name}"),
                kind: "pair".to_owned(),
                key: node.public().to_string(),
                notes: vec![one.to_note(&node), other.to_note(&node)],
                from_root: hex::encode(middle),
                path: path.iter().map(hex::encode).collect(),
                result: result.to_owned(),
                ..HistoryCase::default()
            });
        };
    let (small, large) = (checkpoint(9, &mine), checkpoint(21, &mine));
    add("one continues the other", small, large, middle, &path, "one");
    add("in the other order", large, small, middle, &path, "one");
    add("without a proof", small, large, middle, &[], "unproven");
    add(
        "with the proof of another middle",
        checkpoint(9, &theirs),
        large,
        checkpoint(9, &theirs).root,
        &path,
        "unproven",
    );
    add("two histories of one size", small, checkpoint(9, &theirs), [0; 32], &[], "two");
    add("two histories of two sizes", checkpoint(9, &theirs), large, middle, &path, "two");
    add("two logs", Checkpoint { log: LogId([7; 16]), ..small }, large, middle, &path, "unrelated");
}
