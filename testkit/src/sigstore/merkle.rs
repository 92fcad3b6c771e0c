//! Merkle trees as logs build them (RFC 6962, 2.1).

use super::key::Hash;

/// Hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Vec<u8> {
    Hash::Sha256.of(&[&[0][..], leaf].concat())
}

/// Hash of an inner node.
pub fn node_hash(left: &[u8], right: &[u8]) -> Vec<u8> {
    Hash::Sha256.of(&[&[1][..], left, right].concat())
}

/// Root over leaf hashes.
pub fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => Hash::Sha256.of(b""),
        [leaf] => leaf.clone(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The hashes that prove the leaf at `index`, from the leaf upwards.
pub fn proof(leaves: &[Vec<u8>], index: usize) -> Vec<Vec<u8>> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (proof(left, index), root(right))
    } else {
        (proof(right, index - left.len()), root(left))
    };
    path.push(sibling);
    path
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_leads_to_the_root() {
        for size in 1..20_usize {
            let leaves: Vec<Vec<u8>> = (0..size).map(|i| leaf_hash(&[u8::try_from(i).unwrap()])).collect();
            for index in 0..size {
                let (mut at, mut last, mut hash) = (index, size - 1, leaves[index].clone());
                for sibling in proof(&leaves, index) {
                    // RFC 9162, 2.1.3.2.
                    if at % 2 == 1 || at == last {
                        hash = node_hash(&sibling, &hash);
                        while at % 2 == 0 && at != 0 {
                            (at, last) = (at >> 1, last >> 1);
                        }
                    } else {
                        hash = node_hash(&hash, &sibling);
                    }
                    (at, last) = (at >> 1, last >> 1);
                }
                assert_eq!((last, hash), (0, root(&leaves)), "{index} of {size}");
            }
        }
    }
}
