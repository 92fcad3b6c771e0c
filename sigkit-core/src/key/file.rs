//! Encrypted key files, as cosign and sigstore write them.
//!
//! A PEM block holds JSON: scrypt parameters, a nonce, and the PKCS#8 of the key in a NaCl secretbox. Everything that can
//! be refused is refused before the password costs any work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::pem;
use crate::json;
use crate::key::pair::randomness;
use crate::key::secretbox::{self, KEY_LEN, NONCE_LEN, TAG_LEN};
use crate::key::{KeyFileError, KeyPair, Password};

/// The PEM type written, and the one written before it.
const LABELS: &[&str] = &["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];
const KDF: &str = "scrypt";
const CIPHER: &str = "nacl/secretbox";
const SALT_LEN: usize = 32;
/// log2 of N: 2^15 by go-tuf and cosign to 2.1, 2^16 by cosign today and here, 2^17 as OWASP advises.
const LOG_N_READ: [u8; 3] = [15, 16, 17];
const LOG_N_WRITTEN: u8 = 16;
const R: u32 = 8;
const P: u32 = 1;

/// Encrypts a key with a password: one PEM block with lines of 64 characters.
///
/// Salt and nonce are new each time, so no two files are alike. Takes about a fifth of a second and 64 MiB.
///
/// # Errors
/// [`KeyFileError::Key`] when the operating system gives no randomness.
pub fn encrypt(key: &KeyPair, password: &Password) -> Result<String, KeyFileError> {
    seal_bytes(&key.to_pkcs8_der()?, password, LOG_N_WRITTEN)
}

fn seal_bytes(plain: &[u8], password: &Password, log_n: u8) -> Result<String, KeyFileError> {
    let salt: [u8; SALT_LEN] = fresh()?;
    let nonce: [u8; NONCE_LEN] = fresh()?;
    let derived = derive(password, &salt, log_n)?;
    let ciphertext = secretbox::encrypt(&derived, &nonce, plain);
    let document = Document {
        kdf: Kdf {
            name: KDF.to_owned(),
            params: Params { n: 1 << log_n, r: u64::from(R), p: u64::from(P) },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher { name: CIPHER.to_owned(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(ciphertext),
    };
    let text =
        serde_json::to_string(&document).map_err(|error| KeyFileError::Document { detail: error.to_string() })?;
    Ok(pem::encode(LABELS.first().copied().unwrap_or_default(), text.as_bytes()).to_string())
}

/// Opens a key file of either PEM type.
///
/// ```
/// # const FILE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.key"));
/// use sigkit_core::key::{KeyFileError, Password, file};
///
/// let key = file::decrypt(FILE, &Password::new("test-only"))?;
/// assert!(key.to_pkcs8_der().is_ok());
/// assert!(file::decrypt(FILE, &Password::new("another")).is_err());
/// # Ok::<(), KeyFileError>(())
/// ```
///
/// # Errors
/// [`KeyFileError::WrongPasswordOrDamaged`] when the box does not open; any other variant says that the file is not such a
/// key file, whatever the password.
pub fn decrypt(text: &[u8], password: &Password) -> Result<KeyPair, KeyFileError> {
    let sealed = Sealed::parse(&pem::single(text, LABELS)?.decode()?)?;
    let derived = derive(password, &sealed.salt, sealed.log_n)?;
    let plain =
        secretbox::decrypt(&derived, &sealed.nonce, &sealed.ciphertext).ok_or(KeyFileError::WrongPasswordOrDamaged)?;
    Ok(KeyPair::from_pkcs8_der(&plain)?)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

/// A document whose every value was found acceptable.
struct Sealed {
    log_n: u8,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: Vec<u8>,
}

impl Sealed {
    fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let Document { kdf, cipher, ciphertext } =
            json::from_slice(bytes).map_err(|error| KeyFileError::Document { detail: error.to_string() })?;
        if kdf.name != KDF {
            return Err(KeyFileError::Kdf { found: kdf.name.chars().take(80).collect() });
        }
        if cipher.name != CIPHER {
            return Err(KeyFileError::Cipher { found: cipher.name.chars().take(80).collect() });
        }
        let Params { n, r, p } = kdf.params;
        let log_n = LOG_N_READ
            .into_iter()
            .find(|log_n| n == 1 << log_n && r == u64::from(R) && p == u64::from(P))
            .ok_or(KeyFileError::KdfParameters { n, r, p })?;
        let ciphertext = base64("ciphertext", &ciphertext)?;
        if ciphertext.len() < TAG_LEN {
            return Err(KeyFileError::Length { field: "ciphertext", expected: TAG_LEN, found: ciphertext.len() });
        }
        Ok(Self { log_n, salt: exact("salt", &kdf.salt)?, nonce: exact("nonce", &cipher.nonce)?, ciphertext })
    }
}

fn base64(field: &'static str, text: &str) -> Result<Vec<u8>, KeyFileError> {
    STANDARD.decode(text).map_err(|_| KeyFileError::Base64 { field })
}

fn exact<const LENGTH: usize>(field: &'static str, text: &str) -> Result<[u8; LENGTH], KeyFileError> {
    let bytes = base64(field, text)?;
    bytes.as_slice().try_into().map_err(|_| KeyFileError::Length { field, expected: LENGTH, found: bytes.len() })
}

/// A value never used before: so long that two draws do not meet.
fn fresh<const LENGTH: usize>() -> Result<[u8; LENGTH], KeyFileError> {
    let mut bytes = [0_u8; LENGTH];
    randomness(&mut bytes)?;
    Ok(bytes)
}

/// scrypt, RFC 7914.
fn derive(password: &Password, salt: &[u8], log_n: u8) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyFileError> {
    let refused =
        || KeyFileError::KdfParameters { n: 1_u64.wrapping_shl(u32::from(log_n)), r: u64::from(R), p: u64::from(P) };
    let params = scrypt::Params::new(log_n, R, P).map_err(|_| refused())?;
    let mut key = Zeroizing::new([0_u8; KEY_LEN]);
    scrypt::scrypt(password.as_bytes(), salt, &params, key.as_mut()).map_err(|_| refused())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::crypto::{KeyAlgorithm, KeyError};
    use crate::key::SigningKey as _;

    // threat: K06
    #[test]
    fn no_two_salts_or_nonces_are_alike() {
        let salts: HashSet<[u8; SALT_LEN]> = (0..1000).map(|_| fresh().unwrap()).collect();
        let nonces: HashSet<[u8; NONCE_LEN]> = (0..1000).map(|_| fresh().unwrap()).collect();
        assert_eq!((salts.len(), nonces.len()), (1000, 1000));
    }

    // threat: K01
    #[test]
    fn reads_every_work_factor_that_tools_write() {
        let key = KeyPair::generate(KeyAlgorithm::EcdsaP256).unwrap();
        for log_n in LOG_N_READ {
            let text = seal_bytes(&key.to_pkcs8_der().unwrap(), &Password::new("pw"), log_n).unwrap();
            let opened = decrypt(text.as_bytes(), &Password::new("pw")).unwrap();
            assert_eq!(opened.public_key(), key.public_key());
        }
    }

    #[test]
    fn a_box_that_holds_no_key_says_so() {
        for plain in [&b""[..], b"not a key", &[0x30, 0x00]] {
            let text = seal_bytes(plain, &Password::new("pw"), 15).unwrap();
            let found = decrypt(text.as_bytes(), &Password::new("pw")).unwrap_err();
            assert!(matches!(found, KeyFileError::Key(KeyError::Der { what: "PrivateKeyInfo", .. })), "{found}");
        }
    }

    #[test]
    fn both_pem_types_are_read() {
        let key = KeyPair::generate(KeyAlgorithm::Ed25519).unwrap();
        let text = seal_bytes(&key.to_pkcs8_der().unwrap(), &Password::new(""), 15).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        assert!(text.lines().all(|line| line.len() <= 64));
        let older = text.replace("SIGSTORE", "COSIGN");
        assert_eq!(decrypt(older.as_bytes(), &Password::new("")).unwrap().public_key(), key.public_key());
    }
}
