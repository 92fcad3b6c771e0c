//! What is signed here verifies here, in memory and as a stream, and no nonce is ever used twice.
#![cfg(feature = "sign")]
#![allow(clippy::assertions_on_constants, reason = "what a build can do is constant within it")]

use std::collections::HashSet;
use std::io::{Cursor, Error, Read, Result as IoResult, Seek, SeekFrom};

use sigkit_core::crypto::{KeyAlgorithm, KeyError, MessageForm, SignatureError, SignatureScheme, StreamVerifier};
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::key::{KeyPair, SignError, SigningKey, import};

const KEYS: [&str; 6] = [
    include_str!("../../keys/TEST-ONLY-ecdsa-p256-pkcs8.pem"),
    include_str!("../../keys/TEST-ONLY-ecdsa-p384-pkcs8.pem"),
    include_str!("../../keys/TEST-ONLY-ecdsa-p521-pkcs8.pem"),
    include_str!("../../keys/TEST-ONLY-ed25519-pkcs8.pem"),
    include_str!("../../keys/TEST-ONLY-rsa-2048-pkcs8.pem"),
    include_str!("../../keys/TEST-ONLY-rsa-3072-pkcs8.pem"),
];

fn pairs() -> impl Iterator<Item = KeyPair> {
    KEYS.into_iter().map(|text| import::from_pem(text.as_bytes()).unwrap())
}

fn ed25519() -> KeyPair {
    pairs().find(|pair| pair.scheme() == SignatureScheme::Ed25519).unwrap()
}

#[test]
fn every_kind_of_key_signs_with_its_preferred_scheme() {
    for pair in pairs() {
        let key = pair.public_key();
        assert_eq!(pair.scheme(), key.accepted_schemes()[0]);
        for message in [&b""[..], b"message", &[0; 100_000]] {
            let signature = pair.sign(message).unwrap();
            assert_eq!(key.verify(message, &signature), Ok(pair.scheme()));
            assert!(matches!(key.verify(b"other", &signature), Err(SignatureError::Invalid { .. })));
        }
    }
}

/// cosign 2, skopeo and podman do not support another hash.
// threat: C13
#[test]
fn the_legacy_format_is_signed_over_sha_256() {
    for pair in pairs() {
        let key = pair.public_key();
        let legacy = match pair.scheme() {
            SignatureScheme::Ecdsa(curve, _) => SignatureScheme::Ecdsa(curve, DigestAlgorithm::Sha256),
            other => other,
        };
        for message in [&b""[..], b"message"] {
            assert_eq!(pair.legacy_scheme(), legacy);
            let signature = match legacy.digest_algorithm() {
                Some(algorithm) if legacy != pair.scheme() => pair.sign_prehashed(&Digest::of(algorithm, message)),
                _ => pair.sign(message),
            };
            assert_eq!(key.verify(message, &signature.unwrap()), Ok(legacy));
        }
    }
}

#[test]
fn a_generated_key_signs_and_is_like_no_other() {
    for name in ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"] {
        let algorithm: KeyAlgorithm = name.parse().unwrap();
        let (one, two) = (KeyPair::generate(algorithm).unwrap(), KeyPair::generate(algorithm).unwrap());
        assert_eq!(one.public_key().algorithm(), algorithm);
        assert_ne!(one.public_key(), two.public_key());
        let signature = one.sign(b"message").unwrap();
        assert_eq!(one.public_key().verify(b"message", &signature), Ok(one.scheme()));
        assert!(two.public_key().verify(b"message", &signature).is_err());
        let read = KeyPair::from_pkcs8_der(&one.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(read.public_key(), one.public_key());
    }
}

#[test]
fn rsa_keys_are_generated_by_one_backend_only() {
    let algorithm = KeyAlgorithm::Rsa { bits: 2048 };
    match KeyPair::generate(algorithm) {
        Ok(pair) => {
            assert!(cfg!(feature = "aws-lc-rs"));
            assert_eq!(pair.public_key().algorithm(), algorithm);
            assert_eq!(pair.public_key().verify(b"m", &pair.sign(b"m").unwrap()), Ok(pair.scheme()));
            let read = KeyPair::from_pkcs8_der(&pair.to_pkcs8_der().unwrap()).unwrap();
            assert_eq!(read.public_key(), pair.public_key());
        }
        Err(error) => {
            assert!(!cfg!(feature = "aws-lc-rs"), "{error}");
            assert!(matches!(error, KeyError::Unsupported { action: "generate", algorithm: a, .. } if a == algorithm));
        }
    }
    let odd = KeyPair::generate(KeyAlgorithm::Rsa { bits: 2056 }).unwrap_err();
    assert!(matches!(odd, KeyError::Unsupported { action: "generate", .. }), "{odd}");
}

#[test]
fn a_stream_is_signed_from_its_first_byte_and_measured() {
    let message: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    for pair in pairs() {
        let mut stream = Cursor::new(&message);
        stream.set_position(1000);
        let signed = match pair.sign_stream(&mut stream) {
            Ok(signed) => signed,
            Err(SignError::Unsupported { scheme, needs }) => {
                assert!(!cfg!(feature = "aws-lc-rs") && matches!(scheme, SignatureScheme::RsaPkcs1(_)));
                assert!(needs.contains("aws-lc-rs"));
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        let own = pair.scheme().digest_algorithm().unwrap_or(DigestAlgorithm::Sha256);
        assert_eq!(signed.length, 300_000);
        assert_eq!(signed.sha256, Digest::sha256(&message));
        assert_eq!(signed.digest, Digest::of(own, &message));
        assert_eq!(pair.public_key().verify(&message, &signed.signature), Ok(pair.scheme()));
        assert_eq!(signed.signature, pair.sign(&message).unwrap());

        let mut verifier = StreamVerifier::new(pair.public_key(), pair.scheme(), &signed.signature).unwrap();
        message.chunks(4096).for_each(|piece| verifier.update(piece));
        assert_eq!(verifier.finish(), Ok(()));
        let mut verifier = StreamVerifier::new(pair.public_key(), pair.scheme(), &signed.signature).unwrap();
        verifier.update(&message[1..]);
        assert!(matches!(verifier.finish(), Err(SignatureError::Invalid { .. })));
    }
}

#[test]
fn an_empty_stream_is_a_message_too() {
    for pair in pairs().take(4) {
        let signed = pair.sign_stream(&mut Cursor::new(b"")).unwrap();
        assert_eq!((signed.length, signed.sha256), (0, Digest::sha256(b"")));
        assert_eq!(pair.public_key().verify(b"", &signed.signature), Ok(pair.scheme()));
    }
}

#[test]
fn an_rsa_stream_needs_the_backend_that_takes_digests() {
    let pair = pairs().last().unwrap();
    let signature = pair.sign(b"message").unwrap();
    let verifier = StreamVerifier::new(pair.public_key(), pair.scheme(), &signature);
    match verifier {
        Ok(mut verifier) => {
            assert!(cfg!(feature = "aws-lc-rs"));
            verifier.update(b"message");
            assert_eq!(verifier.finish(), Ok(()));
        }
        Err(error) => assert!(matches!(
            error,
            SignatureError::Unsupported { input: MessageForm::Stream, .. } if !cfg!(feature = "aws-lc-rs")
        )),
    }
}

/// A message whose content depends on how often it was read from the start.
struct Shifting(Vec<&'static [u8]>, Cursor<&'static [u8]>);

impl Shifting {
    fn new(readings: &[&'static [u8]]) -> Self {
        Self(readings.to_vec(), Cursor::new(b""))
    }
}

impl Read for Shifting {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.1.read(buffer)
    }
}

impl Seek for Shifting {
    fn seek(&mut self, _: SeekFrom) -> IoResult<u64> {
        if self.0.is_empty() {
            return Err(Error::other("read once too often"));
        }
        self.1 = Cursor::new(self.0.remove(0));
        Ok(0)
    }
}

// threat: X10
// Fails when the nonce of one content could be used for another, which would give the key away.
#[test]
fn a_message_that_changes_between_readings_is_not_signed() {
    let pair = ed25519();
    for (first, second) in [(&b"one"[..], &b"two"[..]), (b"one", b"on"), (b"one", b"one, and more"), (b"", b"x")] {
        let error = pair.sign_stream(&mut Shifting::new(&[first, second])).unwrap_err();
        let (first, second) = (Box::new(Digest::sha256(first)), Box::new(Digest::sha256(second)));
        assert_eq!(error, SignError::ChangedWhileReading { first, second });
    }
    assert!(pair.sign_stream(&mut Shifting::new(&[b"one", b"one"])).is_ok());
}

/// Grows while it is read, once.
struct Growing {
    at: usize,
    bytes: &'static [u8],
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let Some(byte) = self.bytes.get(self.at) else { return Ok(0) };
        buffer[0] = *byte;
        self.at += 1;
        if self.at == self.bytes.len() {
            self.bytes = b"one, and more";
        }
        Ok(1)
    }
}

impl Seek for Growing {
    fn seek(&mut self, _: SeekFrom) -> IoResult<u64> {
        self.at = 0;
        Ok(0)
    }
}

// threat: X10
// Fails when digest, length and signature are not all of the very bytes that one reading saw.
#[test]
fn a_message_that_grows_is_signed_as_it_was_read() {
    for pair in pairs() {
        let signed = match pair.sign_stream(&mut Growing { at: 0, bytes: b"one" }) {
            Ok(signed) => signed,
            Err(SignError::Unsupported { scheme, .. }) => {
                assert!(!cfg!(feature = "aws-lc-rs") && matches!(scheme, SignatureScheme::RsaPkcs1(_)));
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!((signed.sha256, signed.length), (Digest::sha256(b"one, and more"), 13));
        pair.public_key().verify(b"one, and more", &signed.signature).unwrap();
    }
}

/// Fails after some bytes, or interrupts without failing.
struct Faulty {
    at: u64,
    error: Option<Error>,
}

impl Read for Faulty {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        if self.at < 10 {
            buffer[0] = b'x';
            self.at += 1;
            return Ok(1);
        }
        self.error.take().map_or(Ok(0), Err)
    }
}

impl Seek for Faulty {
    fn seek(&mut self, _: SeekFrom) -> IoResult<u64> {
        self.at = 0;
        Ok(0)
    }
}

#[test]
fn a_message_that_cannot_be_read_is_not_signed() {
    for pair in pairs() {
        let error = pair.sign_stream(&mut Faulty { at: 0, error: Some(Error::other("disk on fire")) }).unwrap_err();
        assert_eq!(error, SignError::Read { offset: 10, detail: "disk on fire".to_owned() });
    }
    let interrupted = Error::from(std::io::ErrorKind::Interrupted);
    let pair = pairs().next().unwrap();
    let signed = pair.sign_stream(&mut Faulty { at: 0, error: Some(interrupted) }).unwrap();
    assert_eq!(signed.sha256, Digest::sha256(b"xxxxxxxxxx"));
    let unseekable = ed25519().sign_stream(&mut Shifting::new(&[b"once"])).unwrap_err();
    assert_eq!(unseekable, SignError::Read { offset: 0, detail: "read once too often".to_owned() });
}

/// r of a DER signature.
fn r(signature: &[u8]) -> Vec<u8> {
    let start = if signature[1] == 0x81 { 3 } else { 2 };
    signature[start + 2..start + 2 + usize::from(signature[start + 1])].to_vec()
}

// threat: K07
#[test]
fn no_nonce_is_used_twice() {
    let pair = pairs().next().unwrap();
    let seen: HashSet<Vec<u8>> =
        (0..500_u32).map(|count| r(pair.sign(&count.to_be_bytes()).unwrap().as_bytes())).collect();
    assert_eq!(seen.len(), 500);
    assert_eq!(pair.sign(b"same").unwrap(), pair.sign(b"same").unwrap());
}

// RFC 6979 §A.2.5 to §A.2.7, message "sample", with the hash of the curve.
// threat: K07
#[test]
fn nonces_are_those_of_rfc_6979() {
    const VECTORS: [(&str, &[u8], &str, &str); 2] = [
        (
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            &[0x2b, 0x81, 0x04, 0x00, 0x22],
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        ),
    ];
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let der = |tag: u8, parts: &[&[u8]]| [&[tag, parts.concat().len() as u8], &parts.concat()[..]].concat();
    let integer = |bytes: &[u8]| der(0x02, &[if bytes[0] & 0x80 != 0 { &[0] } else { &[] }, bytes]);
    for (scalar, curve, r, s) in VECTORS {
        let algorithm = der(0x30, &[&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], &der(0x06, &[curve])]);
        let key = der(0x30, &[&[0x02, 0x01, 0x01], &der(0x04, &[&hex(scalar)])]);
        let pair =
            KeyPair::from_pkcs8_der(&der(0x30, &[&[0x02, 0x01, 0x00], &algorithm, &der(0x04, &[&key])])).unwrap();
        let signature = pair.sign(b"sample").unwrap();
        assert_eq!(signature.as_bytes(), der(0x30, &[&integer(&hex(r)), &integer(&hex(s))]));
    }
}

#[test]
fn a_signer_can_be_a_trait_object_and_cross_threads() {
    let signers: Vec<Box<dyn SigningKey>> = pairs().map(|pair| Box::new(pair) as Box<dyn SigningKey>).collect();
    std::thread::scope(|scope| {
        for signer in &signers {
            scope.spawn(|| signer.sign(b"message").unwrap());
        }
    });
}
