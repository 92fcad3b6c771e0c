//! How many signers there are: a key that counts for two authorities, as when one is known by its key and the other by its certificate,
//! is one signer.

use std::collections::BTreeSet;

/// To how many authorities a key of their own can be given, when each of them was met by these keys: the size of a largest matching.
pub(super) fn distinct<K: Ord + Copy>(authorities: &[BTreeSet<K>]) -> usize {
    let mut given: Vec<(K, usize)> = Vec::new();
    let mut count = 0_usize;
    for authority in 0..authorities.len() {
        if give(authorities, authority, &mut given, &mut BTreeSet::new()) {
            count = count.saturating_add(1);
        }
    }
    count
}

/// Gives a key to the authority, if need be by giving another one to who has it. No deeper than there are keys.
fn give<K: Ord + Copy>(
    authorities: &[BTreeSet<K>],
    authority: usize,
    given: &mut Vec<(K, usize)>,
    seen: &mut BTreeSet<K>,
) -> bool {
    for key in authorities.get(authority).into_iter().flatten() {
        if !seen.insert(*key) {
            continue;
        }
        let owner = given.iter().find(|(known, _)| known == key).map(|(_, owner)| *owner);
        if owner.is_none_or(|owner| give(authorities, owner, given, seen)) {
            given.retain(|(known, _)| known != key);
            given.push((*key, authority));
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R26
    #[test]
    fn key_counts_for_one_authority() {
        for (authorities, count) in [
            (&[][..], 0),
            (&[&[1][..]], 1),
            (&[&[1], &[1]], 1),
            (&[&[1], &[2]], 2),
            (&[&[1, 2], &[1]], 2),
            (&[&[1], &[1, 2]], 2),
            (&[&[1, 2, 3], &[1], &[1]], 2),
            (&[&[1, 2], &[2, 3], &[1, 3]], 3),
            (&[&[1, 2], &[1, 2], &[1, 2]], 2),
            (&[&[], &[1]], 1),
        ] {
            let sets: Vec<BTreeSet<i32>> = authorities.iter().map(|keys| keys.iter().copied().collect()).collect();
            assert_eq!(distinct(&sets), count, "{authorities:?}");
        }
    }
}
