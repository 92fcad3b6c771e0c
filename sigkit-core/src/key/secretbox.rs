//! NaCl's `crypto_secretbox`: XSalsa20 and Poly1305.
//!
//! Composed here from `salsa20`, which `scrypt` brings anyway, and `poly1305`. Of the crates that offer the whole,
//! `crypto_secretbox` 0.1 drags in a second generation of thirteen crates, its successor does not resolve beside
//! `scrypt` 0.12, and `xsalsa20poly1305` is deprecated. The composition is NaCl's: the first 32 bytes of the key stream
//! are the Poly1305 key, the message is enciphered with what follows, and the tag precedes the ciphertext.

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
pub(super) fn encrypt(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], message: &[u8]) -> Vec<u8> {
    let (mut cipher, authenticator) = streams(key, nonce);
    // Enciphered in place: the buffer never holds anything but the message and then its ciphertext.
    let mut text = message.to_vec();
    cipher.apply_keystream(&mut text);
    let tag = authenticator.compute_unpadded(&text);
    tag.iter().copied().chain(text).collect()
}

/// Authenticates, then deciphers; nothing when the tag is wrong.
pub(super) fn decrypt(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    // The vector that NaCl publishes with `crypto_secretbox` (tests/secretbox.c and tests/secretbox.out).
    const KEY: &str = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389";
    const NONCE: &str = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37";
    const MESSAGE: &str = "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c\
        61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48\
        f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705";
    const SEALED: &str = "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1\
        186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae9022436851\
        7acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn published_nacl_vector_encrypts_and_decrypts() {
        let (key, nonce) = (hex(KEY).try_into().unwrap(), hex(NONCE).try_into().unwrap());
        assert_eq!(encrypt(&key, &nonce, &hex(MESSAGE)), hex(SEALED));
        assert_eq!(decrypt(&key, &nonce, &hex(SEALED)).unwrap().as_slice(), hex(MESSAGE));
    }

    #[test]
    fn opens_nothing_that_was_changed_in_one_bit() {
        let (key, nonce) = ([7; KEY_LEN], [9; NONCE_LEN]);
        let sealed = encrypt(&key, &nonce, b"message");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decrypt(&key, &nonce, &changed).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(decrypt(&key, &nonce, &sealed[..length]).is_none(), "length {length}");
        }
        assert!(decrypt(&[8; KEY_LEN], &nonce, &sealed).is_none());
        assert!(decrypt(&key, &[8; NONCE_LEN], &sealed).is_none());
    }

    #[test]
    fn an_empty_message_has_a_tag_of_its_own() {
        let sealed = encrypt(&[1; KEY_LEN], &[2; NONCE_LEN], b"");
        assert_eq!(sealed.len(), TAG_LEN);
        assert!(decrypt(&[1; KEY_LEN], &[2; NONCE_LEN], &sealed).unwrap().is_empty());
    }
}
