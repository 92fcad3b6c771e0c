//! Inclusion in a Merkle tree, RFC 9162 §2.1.

use crate::bundle::InclusionProof;
use crate::digest::{DigestAlgorithm, Hasher, hex};

/// A node of the tree.
pub(super) type Hash = [u8; 32];

/// Why a proof does not show that an entry is in the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// An index that the tree does not have.
    #[error("inclusion proof: expected an index below the tree's size {size}, found {index}")]
    Index {
        /// The index.
        index: u64,
        /// The size.
        size: u64,
    },
    /// Too few or too many hashes for that index and size.
    #[error("inclusion proof: expected {expected} hashes, found {found}")]
    Length {
        /// How many there must be.
        expected: u32,
        /// How many there are.
        found: usize,
    },
    /// The hashes lead elsewhere.
    #[error("inclusion proof: expected root {expected}, but the entry leads to {found}")]
    Root {
        /// The root as the proof states it, hex.
        expected: String,
        /// The root computed, hex.
        found: String,
    },
}

/// Proves that `entry` is the leaf at the proof's index of the tree with the proof's root. RFC 9162 §2.1.3.2.
pub(super) fn check(entry: &[u8], proof: &InclusionProof) -> Result<(), InclusionError> {
    let InclusionProof { index, size, .. } = *proof;
    let last = size.checked_sub(1).filter(|last| index <= *last).ok_or(InclusionError::Index { index, size })?;
    // Below the level where the ways to this leaf and to the last one part, every level gives a sibling; above it, only those
    // levels do on which the way comes from the right.
    let parting = u64::BITS.saturating_sub((index ^ last).leading_zeros());
    let above = index.checked_shr(parting).map_or(0, u64::count_ones);
    let expected = parting.saturating_add(above);
    if usize::try_from(expected) != Ok(proof.hashes.len()) {
        return Err(InclusionError::Length { expected, found: proof.hashes.len() });
    }
    let mut hash = leaf(entry);
    for (level, sibling) in (0..).zip(&proof.hashes) {
        let from_left = level < parting && index.checked_shr(level).is_some_and(|way| way & 1 == 0);
        hash = if from_left { node(&hash, sibling) } else { node(sibling, &hash) };
    }
    if hash != proof.root {
        return Err(InclusionError::Root { expected: hex(&proof.root), found: hex(&hash) });
    }
    Ok(())
}

/// RFC 9162 §2.1.1: leaves and nodes are told apart by their first byte.
fn leaf(entry: &[u8]) -> Hash {
    hash(&[&[0], entry])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    for part in parts {
        hasher.update(part);
    }
    let mut bytes = [0; 32];
    for (byte, of_digest) in bytes.iter_mut().zip(hasher.finish().as_bytes()) {
        *byte = *of_digest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(size: u64) -> Vec<Vec<u8>> {
        (0..size).map(|number| format!("entry {number}").into_bytes()).collect()
    }

    /// RFC 9162 §2.1.1, as it is written.
    fn root(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => hash(&[]),
            [one] => leaf(one),
            _ => {
                let (left, right) = entries.split_at(split(entries.len()));
                node(&root(left), &root(right))
            }
        }
    }

    /// RFC 9162 §2.1.3.1, as it is written.
    fn path(index: usize, entries: &[Vec<u8>]) -> Vec<Hash> {
        if entries.len() == 1 {
            return Vec::new();
        }
        let middle = split(entries.len());
        let (left, right) = entries.split_at(middle);
        let (mut hashes, sibling) =
            if index < middle { (path(index, left), root(right)) } else { (path(index - middle, right), root(left)) };
        hashes.push(sibling);
        hashes
    }

    /// The largest power of two below `size`.
    fn split(size: usize) -> usize {
        size.next_power_of_two() / 2
    }

    fn proof(index: u64, entries: &[Vec<u8>]) -> InclusionProof {
        InclusionProof {
            index,
            root: root(entries),
            size: entries.len() as u64,
            hashes: path(usize::try_from(index).unwrap(), entries),
            checkpoint: String::new(),
        }
    }

    // threat: B03
    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_nothing_else() {
        for size in 1..=70 {
            let entries = entries(size);
            for index in 0..size {
                let good = proof(index, &entries);
                let entry = &entries[usize::try_from(index).unwrap()];
                assert_eq!(check(entry, &good), Ok(()), "{index} of {size}");
                assert!(matches!(check(b"other", &good), Err(InclusionError::Root { .. })), "{index} of {size}");
                for at in 0..good.hashes.len() {
                    let mut bad = good.clone();
                    bad.hashes[at][31] ^= 1;
                    assert!(matches!(check(entry, &bad), Err(InclusionError::Root { .. })), "{index} of {size}, {at}");
                    bad.hashes.remove(at);
                    assert!(
                        matches!(check(entry, &bad), Err(InclusionError::Length { .. })),
                        "{index} of {size}, {at}"
                    );
                }
                let mut bad = good.clone();
                bad.hashes.push([0; 32]);
                assert!(matches!(check(entry, &bad), Err(InclusionError::Length { .. })), "{index} of {size}");
                for other in [index ^ 1, index ^ 2, index ^ 64, size - 1].into_iter().filter(|other| *other != index) {
                    assert!(check(entry, &InclusionProof { index: other, ..good.clone() }).is_err(), "{index} {other}");
                }
            }
        }
    }

    // threat: B03 N08
    #[test]
    fn no_index_or_size_overflows() {
        let good = proof(0, &entries(1));
        assert_eq!(check(b"entry 0", &good), Ok(()), "index 0 of size 1 has no siblings");
        for (index, size) in [(0, 0), (1, 1), (5, 5), (u64::MAX, 1), (u64::MAX, u64::MAX), (1 << 63, 1 << 63)] {
            let bad = InclusionProof { index, size, ..good.clone() };
            assert_eq!(check(b"entry 0", &bad), Err(InclusionError::Index { index, size }));
        }
        for (index, size, expected) in [
            (0, u64::MAX, 64),
            (u64::MAX - 1, u64::MAX, 63),
            (0, 1 << 63, 63),
            ((1 << 63) - 1, 1 << 63, 63),
            (4, 5, 1),
            (6, 7, 2),
        ] {
            let bad = InclusionProof { index, size, hashes: vec![[0; 32]; 65], ..good.clone() };
            assert_eq!(check(b"entry 0", &bad), Err(InclusionError::Length { expected, found: 65 }), "{index} {size}");
            let hashes = vec![[0; 32]; usize::try_from(expected).unwrap()];
            let bad = InclusionProof { index, size, hashes, ..good.clone() };
            assert!(matches!(check(b"entry 0", &bad), Err(InclusionError::Root { .. })), "{index} {size}");
        }
    }

    #[test]
    fn leaf_is_not_a_node() {
        let entries = entries(2);
        let both = [&[1][..], &leaf(&entries[0]), &leaf(&entries[1])].concat();
        let forged = InclusionProof { index: 0, size: 1, hashes: Vec::new(), ..proof(0, &entries) };
        assert!(matches!(check(&both[1..], &forged), Err(InclusionError::Root { .. })));
        assert_eq!(hex(&leaf(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }
}
