//! Strict Ed25519: what is refused before the backend sees key or signature.
//!
//! The backends agree on the verification equation and differ, or promise nothing, at its edges. These rules make one
//! answer of them: S below the order, R and the key not of small order, the key in its canonical encoding.

use std::cmp::Ordering;

use crate::crypto::{Ed25519Rule, KeyError, SignatureError, SignatureScheme};

/// The order of the prime-order subgroup, 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// 2^255 - 19, little-endian.
const PRIME: [u8; 32] = [
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];

/// The y coordinates of the eight points of small order, little-endian, with the two that also fit when increased by p.
const SMALL_ORDER: [[u8; 32]; 7] = [
    with_low_byte([0; 32], 0),
    with_low_byte([0; 32], 1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    with_low_byte(PRIME, 0xec),
    with_low_byte(PRIME, 0xed),
    with_low_byte(PRIME, 0xee),
];

/// A signature of 64 bytes that passed the rules on R and S.
pub(super) fn check_signature(scheme: SignatureScheme, signature: &[u8]) -> Result<[u8; 64], SignatureError> {
    let bytes: [u8; 64] =
        signature.try_into().map_err(|_| SignatureError::Length { scheme, expected: 64, found: signature.len() })?;
    let (r, s) = bytes.split_at(32);
    if compare(s, &ORDER) != Ordering::Less {
        return Err(SignatureError::Ed25519(Ed25519Rule::ScalarRange));
    }
    if is_small_order(r) {
        return Err(SignatureError::Ed25519(Ed25519Rule::SmallOrderR));
    }
    Ok(bytes)
}

/// Refuses keys of the wrong length, of small order, and in another encoding than the canonical one.
pub(super) fn check_key(key: &[u8]) -> Result<(), KeyError> {
    if key.len() != 32 {
        return Err(KeyError::Ed25519Length { found: key.len() });
    }
    if is_small_order(key) {
        return Err(KeyError::Ed25519(Ed25519Rule::SmallOrderKey));
    }
    if compare(&without_sign(key), &PRIME) != Ordering::Less {
        return Err(KeyError::Ed25519(Ed25519Rule::CanonicalKey));
    }
    Ok(())
}

fn is_small_order(point: &[u8]) -> bool {
    let y = without_sign(point);
    SMALL_ORDER.contains(&y)
}

/// The y coordinate: the encoding without the bit that tells the sign of x.
fn without_sign(point: &[u8]) -> [u8; 32] {
    let mut y = [0_u8; 32];
    for (to, from) in y.iter_mut().zip(point) {
        *to = *from;
    }
    if let Some(top) = y.last_mut() {
        *top &= 0x7f;
    }
    y
}

/// Compares little-endian numbers of the same length.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

const fn with_low_byte(bytes: [u8; 32], low: u8) -> [u8; 32] {
    let [_, rest @ ..] = bytes;
    let mut result = [low; 32];
    let [_, tail @ ..] = &mut result;
    *tail = rest;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: SignatureScheme = SignatureScheme::Ed25519;

    /// Seven values of y with either sign bit: fourteen encodings.
    // threat: C05
    #[test]
    fn no_encoding_of_a_point_of_small_order_is_a_key_or_an_r() {
        for y in SMALL_ORDER {
            for sign in [0x00, 0x80] {
                let mut point = y;
                point[31] |= sign;
                assert_eq!(check_key(&point), Err(KeyError::Ed25519(Ed25519Rule::SmallOrderKey)));
                let mut signature = [1_u8; 64];
                signature[63] = 0;
                signature[..32].copy_from_slice(&point);
                assert_eq!(check_signature(SCHEME, &signature), Err(SignatureError::Ed25519(Ed25519Rule::SmallOrderR)));
            }
        }
    }

    #[cfg(feature = "sign")]
    #[test]
    fn the_table_holds_what_the_curve_crate_calls_weak() {
        for y in SMALL_ORDER {
            assert!(ed25519_dalek::VerifyingKey::from_bytes(&y).unwrap().is_weak(), "{y:?}");
        }
    }

    // threat: C05
    #[test]
    fn s_is_below_the_order() {
        let with = |s: [u8; 32]| {
            let mut signature = [2_u8; 64];
            signature[32..].copy_from_slice(&s);
            check_signature(SCHEME, &signature).map(drop)
        };
        let range = Err(SignatureError::Ed25519(Ed25519Rule::ScalarRange));
        assert_eq!(with(with_low_byte(ORDER, 0xec)), Ok(()));
        assert_eq!(with(ORDER), range);
        assert_eq!(with(with_low_byte(ORDER, 0xee)), range);
        assert_eq!(with([0xff; 32]), range);
    }

    // threat: C05
    #[test]
    fn keys_and_signatures_have_one_length_and_keys_one_encoding() {
        assert_eq!(check_key(&[1; 31]), Err(KeyError::Ed25519Length { found: 31 }));
        assert_eq!(check_key(&[]), Err(KeyError::Ed25519Length { found: 0 }));
        // p + 2 is y = 2 written in another way; 2^255 - 1 is the largest such number.
        for low in 0xef..=0xff {
            let found = check_key(&with_low_byte(PRIME, low));
            assert_eq!(found, Err(KeyError::Ed25519(Ed25519Rule::CanonicalKey)), "{low:x}");
        }
        assert_eq!(check_key(&with_low_byte(PRIME, 0xeb)), Ok(()));
        let length = SignatureError::Length { scheme: SCHEME, expected: 64, found: 63 };
        assert_eq!(check_signature(SCHEME, &[1; 63]), Err(length));
    }
}
