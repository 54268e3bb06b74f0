//! The tree against the published test data of RFC 6962, and proofs for every pair of small sizes.

use super::*;
use crate::wire::ids::LogId;
use crate::wire::keys::Signer;

/// Leaves and roots of the Certificate Transparency project's tests.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Reads any complete subtree of these leaves.
fn tree(leaves: &[Hash]) -> Tree<impl FnMut(u32, u64) -> Result<Hash, ()> + '_> {
    fn node(leaves: &[Hash], level: u32, index: u64) -> Hash {
        match level {
            0 => leaves[index as usize],
            _ => node_hash(&node(leaves, level - 1, index * 2), &node(leaves, level - 1, index * 2 + 1)),
        }
    }
    Tree(move |level, index| Ok(node(leaves, level, index)))
}

fn leaves(n: u64) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn the_tree_is_that_of_rfc_6962() {
    let leaves: Vec<Hash> = LEAVES.iter().map(|l| leaf_hash(&hex::decode(l).expect("hex"))).collect();
    let mut frontier = Frontier::default();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex::encode(frontier.root()), *root, "size {size}");
        assert_eq!(tree(&leaves).root(size as u64).map(hex::encode), Ok((*root).to_owned()));
        assert_eq!(Frontier::load(size as u64, |l, i| tree(&leaves).0(l, i)).as_ref(), Ok(&frontier));
        if let Some(leaf) = leaves.get(size) {
            frontier.push(*leaf, |_, _, _| {});
        }
    }
}

#[test]
fn every_size_is_shown_to_continue_every_smaller_one_and_no_other_root() {
    let leaves = leaves(40);
    for to in 0..=40 {
        let new = tree(&leaves).root(to).expect("a root");
        for from in 0..=to {
            let old = tree(&leaves).root(from).expect("a root");
            let path = tree(&leaves).consistency(from, to).expect("a path");
            assert!(consistent(from, &old, to, &new, &path), "{from} to {to}");
            assert!(!consistent(from, &[1; 32], to, &new, &path));
            // Nothing is the beginning of everything.
            assert!(from == 0 || !consistent(from, &old, to, &[1; 32], &path));
            for i in 0..path.len() {
                let mut wrong = path.clone();
                wrong[i][0] ^= 1;
                assert!(!consistent(from, &old, to, &new, &wrong));
                assert!(!consistent(from, &old, to, &new, &path[..i]));
            }
        }
    }
}

#[test]
fn every_leaf_is_shown_at_its_place_and_at_no_other() {
    let leaves = leaves(33);
    for size in 1..=33 {
        let root = tree(&leaves).root(size).expect("a root");
        for index in 0..size {
            let path = tree(&leaves).inclusion(index, size).expect("a path");
            assert!(included(index, size, &leaves[index as usize], &root, &path), "{index} of {size}");
            let other = (index + 1) % size;
            assert!(size == 1 || !included(other, size, &leaves[index as usize], &root, &path));
            assert!(
                !included(index, size, &[9; 32], &root, &path) && !included(size, size, &root, &root, &path)
            );
        }
    }
}

#[test]
fn a_checkpoint_survives_its_note_and_no_altered_one() {
    let (signer, other) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
    let before = Restored { log: LogId([8; 16]), size: 3, root: [5; 32] };
    let plain = Checkpoint { log: LogId([9; 16]), size: 7, root: [4; 32], restored: None };
    for checkpoint in [plain, Checkpoint { restored: Some(before), ..plain }] {
        let note = checkpoint.to_note(&signer);
        assert_eq!(Checkpoint::parse(&note, &signer.public()), Ok(checkpoint));
        assert_eq!(Checkpoint::parse(&note, &other.public()), Err(NoteError::Signature));
        for i in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[i] ^= 1;
            let Ok(altered) = String::from_utf8(bytes) else { continue };
            // Unused bits of the last base64 digit are refused by the decoder.
            assert!(Checkpoint::parse(&altered, &signer.public()).is_err(), "byte {i}: {altered}");
        }
        // A witness may sign below: its line is of no concern.
        let cosigned = format!("{note}{DASH_NAME} AAAAAAAA\n");
        assert_eq!(Checkpoint::parse(&cosigned, &signer.public()), Ok(checkpoint));
    }
}

const DASH_NAME: &str = "\u{2014} witness.example/w";

#[test]
fn two_histories_of_one_log_are_shown_and_an_unproven_pair_is_not() {
    let (mine, mut theirs) = (leaves(20), leaves(20));
    theirs[4] = leaf_hash(b"another entry");
    let at = |leaves: &[Hash], size| {
        let root = tree(leaves).root(size).expect("a root");
        Checkpoint { log: LogId([1; 16]), size, root, restored: None }
    };
    let (small, large) = (at(&mine, 9), at(&mine, 20));
    let path = tree(&mine).consistency(9, 20).expect("a path");
    assert_eq!(compare(&large, &small, &small.root, &path), Histories::One);
    let shown_to_another = at(&theirs, 9);
    // The path that binds the larger tree to its own root at size 9 shows that the other root was not its.
    assert_eq!(compare(&shown_to_another, &large, &small.root, &path), Histories::Two);
    assert_eq!(compare(&shown_to_another, &large, &shown_to_another.root, &path), Histories::Unproven);
    assert_eq!(compare(&shown_to_another, &large, &small.root, &[]), Histories::Unproven);
    assert_eq!(compare(&at(&mine, 9), &at(&theirs, 9), &[0; 32], &[]), Histories::Two);
    let other_log = Checkpoint { log: LogId([2; 16]), ..small };
    assert_eq!(compare(&other_log, &large, &small.root, &path), Histories::Unrelated);
}
