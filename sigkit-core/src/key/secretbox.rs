//! NaCl's `crypto_secretbox`: XSalsa20 and Poly1305.
//!
//! Composed here from `salsa20`, which `scrypt` brings anyway, and `poly1305`. Of the crates that offer the whole,
//! `crypto_secretbox` 0.1 drags in a second generation of thirteen crates, its successor does not resolve beside
//! `scrypt` 0.12, and `xsalsa20poly1305` is deprecated. The composition is NaCl's: the first 32 bytes of the key stream
//! are the Poly1305 key, the message is enciphered with what follows, and the tag stands before the ciphertext.

use p256::elliptic_curve::subtle::ConstantTimeEq as _;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use zeroize::Zeroizing;

pub(super) const KEY_LEN: usize = 32;
pub(super) const NONCE_LEN: usize = 24;
pub(super) const TAG_LEN: usize = 16;

/// Enciphers and authenticates: the tag, then the ciphertext. A nonce serves one message per key.
pub(super) fn seal(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], message: &[u8]) -> Vec<u8> {
    let (mut cipher, authenticator) = streams(key, nonce);
    // Enciphered in place: the buffer never holds anything but the message and then its ciphertext.
    let mut text = message.to_vec();
    cipher.apply_keystream(&mut text);
    let tag = authenticator.compute_unpadded(&text);
    tag.iter().copied().chain(text).collect()
}

/// Authenticates, then deciphers; nothing when the tag is wrong.
pub(super) fn open(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, text) = sealed.split_at_checked(TAG_LEN)?;
    let (mut cipher, authenticator) = streams(key, nonce);
    let expected = authenticator.compute_unpadded(text);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return None;
    }
    let mut message = Zeroizing::new(text.to_vec());
    cipher.apply_keystream(&mut message);
    Some(message)
}

fn streams(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN]) -> (XSalsa20, Poly1305) {
    let mut cipher = XSalsa20::new(key.into(), nonce.into());
    let mut authenticator_key = Zeroizing::new([0_u8; KEY_LEN]);
    cipher.apply_keystream(authenticator_key.as_mut());
    let authenticator = Poly1305::new((&*authenticator_key).into());
    (cipher, authenticator)
}
