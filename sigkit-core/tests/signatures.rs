//! Which signatures hold, and the errors for all others.
#![allow(clippy::assertions_on_constants, reason = "what a build can do is constant within it")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::crypto::{
    Curve, Ed25519Rule, KeyAlgorithm, MessageForm, PublicKey, Signature, SignatureError, SignatureScheme,
    StreamVerifier,
};
use sigkit_core::digest::{Digest, DigestAlgorithm};

use DigestAlgorithm::{Sha256, Sha384, Sha512};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../testdata/vectors/key/", $name))
    };
}

const MESSAGE: &[u8] = vector!("message.txt").as_bytes();
const PAYLOAD: &[u8] = vector!("golden.payload.json").as_bytes();

const ECDSA_P256: SignatureScheme = SignatureScheme::Ecdsa(Curve::P256, Sha256);
const ECDSA_P384: SignatureScheme = SignatureScheme::Ecdsa(Curve::P384, Sha384);
const ECDSA_P521: SignatureScheme = SignatureScheme::Ecdsa(Curve::P521, Sha512);
const RSA: SignatureScheme = SignatureScheme::RsaPkcs1(Sha256);

/// Key, signature over `MESSAGE`, and the scheme that made it.
const VECTORS: [(&str, &str, SignatureScheme); 9] = [
    (vector!("cosign-2.5-ecdsa-p256.pub"), vector!("cosign-2.5-ecdsa-p256.sig"), ECDSA_P256),
    (vector!("cosign-2.5-ed25519.pub"), vector!("cosign-2.5-ed25519.sig"), SignatureScheme::Ed25519),
    (vector!("cosign-3.1-ecdsa-p256.pub"), vector!("cosign-3.1-ecdsa-p256.sig"), ECDSA_P256),
    (vector!("cosign-3.1-ecdsa-p384.pub"), vector!("cosign-3.1-ecdsa-p384.sig"), ECDSA_P384),
    (vector!("cosign-3.1-ecdsa-p521.pub"), vector!("cosign-3.1-ecdsa-p521.sig"), ECDSA_P521),
    (vector!("cosign-3.1-ed25519.pub"), vector!("cosign-3.1-ed25519.sig"), SignatureScheme::Ed25519),
    (vector!("cosign-3.1-rsa-2048.pub"), vector!("cosign-3.1-rsa-2048.sig"), RSA),
    (
        vector!("cosign-3.1-ecdsa-p384.pub"),
        vector!("openssl-ecdsa-p384-sha256.sig"),
        SignatureScheme::Ecdsa(Curve::P384, Sha256),
    ),
    (
        vector!("cosign-3.1-ecdsa-p521.pub"),
        vector!("openssl-ecdsa-p521-sha256.sig"),
        SignatureScheme::Ecdsa(Curve::P521, Sha256),
    ),
];

fn key(text: &str) -> PublicKey {
    PublicKey::from_pem(text.as_bytes()).unwrap()
}

fn golden() -> PublicKey {
    key(include_str!("../../keys/TEST-ONLY-golden.pub"))
}

fn golden_signature() -> Signature {
    Signature::from_base64(vector!("golden.payload.sig")).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn ed25519_key(raw: &[u8]) -> PublicKey {
    PublicKey::from_spki_der(&[&hex("302a300506032b6570032100"), raw].concat()).unwrap()
}

/// Whether this build can check the scheme over a message in that form; the table of the crate's documentation.
fn supported(scheme: SignatureScheme, form: MessageForm) -> bool {
    let (aws_lc_rs, sign) = (cfg!(feature = "aws-lc-rs"), cfg!(feature = "sign"));
    match (scheme, form) {
        (SignatureScheme::Ed25519ph, _) | (SignatureScheme::Ed25519, MessageForm::Stream) => sign,
        (SignatureScheme::Ed25519, MessageForm::Digest) => false,
        (SignatureScheme::RsaPkcs1(_), MessageForm::Digest | MessageForm::Stream) => aws_lc_rs,
        (SignatureScheme::Ecdsa(Curve::P521, _), _)
        | (SignatureScheme::Ecdsa(..), MessageForm::Digest | MessageForm::Stream) => aws_lc_rs || sign,
        _ => true,
    }
}

/// The verdicts over a message given in every form, after a check that forms which this build lacks are named as such.
fn verdicts(
    key: &PublicKey,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &Signature,
) -> Vec<Result<(), SignatureError>> {
    let stream = || {
        let mut verifier = StreamVerifier::new(key, scheme, signature)?;
        message.chunks(7).for_each(|piece| verifier.update(piece));
        verifier.finish()
    };
    let mut found =
        vec![(MessageForm::Bytes, key.verify_with(scheme, message, signature)), (MessageForm::Stream, stream())];
    if let Some(algorithm) = scheme.digest_algorithm() {
        let digest = Digest::of(algorithm, message);
        found.push((MessageForm::Digest, key.verify_digest(scheme, &digest, signature)));
    }
    found.retain(|(form, verdict)| {
        let lacking = matches!(verdict, Err(SignatureError::Unsupported { scheme: s, input, needs })
            if *s == scheme && input == form && needs.contains("feature"));
        let decided_before = matches!(verdict, Err(error) if !matches!(error, SignatureError::Invalid { .. } | SignatureError::Unsupported { .. }));
        assert!(lacking != supported(scheme, *form) || decided_before, "{scheme} {form:?}: {verdict:?}");
        !lacking
    });
    found.into_iter().map(|(_, verdict)| verdict).collect()
}

fn invalid(verdict: &Result<(), SignatureError>) -> bool {
    matches!(verdict, Err(SignatureError::Invalid { .. }))
}

// threat: C13
#[test]
fn what_cosign_and_openssl_sign_verifies_in_every_form() {
    for (text, signature, scheme) in VECTORS {
        let (key, signature) = (key(text), Signature::from_base64(signature).unwrap());
        assert_eq!(signature.to_base64().len() % 4, 0);
        for verdict in verdicts(&key, scheme, MESSAGE, &signature) {
            assert_eq!(verdict, Ok(()), "{scheme}");
        }
        if supported(scheme, MessageForm::Bytes) {
            assert_eq!(key.verify(MESSAGE, &signature), Ok(scheme));
        } else {
            assert!(matches!(key.verify(MESSAGE, &signature), Err(SignatureError::Unsupported { .. })));
        }
    }
}

#[test]
fn another_message_or_another_key_is_refused_in_every_form() {
    for (text, signature, scheme) in VECTORS {
        let (own, signature) = (key(text), Signature::from_base64(signature).unwrap());
        assert!(verdicts(&own, scheme, &MESSAGE[1..], &signature).iter().all(invalid), "{scheme}");
        assert!(verdicts(&own, scheme, b"", &signature).iter().all(invalid), "{scheme}");
        for (other, _, _) in VECTORS.iter().filter(|(other, _, _)| *other != text) {
            let other = key(other);
            if other.algorithm() == own.algorithm() {
                assert!(verdicts(&other, scheme, MESSAGE, &signature).iter().all(invalid), "{scheme}");
            } else {
                let mismatch = SignatureError::SchemeMismatch { scheme, algorithm: other.algorithm() };
                assert_eq!(other.verify_with(scheme, MESSAGE, &signature), Err(mismatch));
                assert!(other.verify(MESSAGE, &signature).is_err());
            }
        }
    }
}

#[test]
fn a_refusal_names_key_and_schemes() {
    let error = golden().verify(b"other", &golden_signature()).unwrap_err();
    let key = golden().fingerprint();
    assert_eq!(error, SignatureError::Invalid { tried: vec![ECDSA_P256], untried: vec![], key });
    assert_eq!(
        error.to_string(),
        "the signature does not verify with key SHA256:ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4: tried ECDSA P-256 SHA-256"
    );
    let (text, signature, _) = VECTORS[1];
    let error = self::key(text).verify(b"other", &Signature::from_base64(signature).unwrap()).unwrap_err();
    let SignatureError::Invalid { tried, untried, .. } = error else { panic!("{error}") };
    let all = [tried, untried].concat();
    assert_eq!(all, [SignatureScheme::Ed25519, SignatureScheme::Ed25519ph]);
}

#[test]
fn the_golden_bundle_and_payload_verify() {
    assert_eq!(golden().verify(PAYLOAD, &golden_signature()), Ok(ECDSA_P256));
    let (message, signature) = envelope(vector!("golden.bundle.json"));
    assert_eq!(golden().verify(&message, &signature), Ok(ECDSA_P256));
    assert!(golden().verify(&message[..message.len() - 1], &signature).is_err());
}

/// The pre-authentication encoding and the signature of a bundle's DSSE envelope, taken from the text unchanged.
fn envelope(bundle: &str) -> (Vec<u8>, Signature) {
    let value = |name: &str| {
        let after = bundle.split_once(&format!("\"{name}\":\"")).unwrap().1;
        after.split_once('"').unwrap().0
    };
    let (kind, payload) = (value("payloadType"), STANDARD.decode(value("payload")).unwrap());
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend(payload);
    (message, Signature::from_base64(value("sig")).unwrap())
}

/// The order of P-256, big-endian.
const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag, body.len() as u8], body].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let bytes = &bytes[first..];
    let sign: &[u8] = if bytes[0] & 0x80 != 0 { &[0] } else { &[] };
    der(0x02, &[sign, bytes].concat())
}

fn pair(r: &[u8], s: &[u8]) -> Vec<u8> {
    der(0x30, &[integer(r), integer(s)].concat())
}

/// r and s of the golden signature, 32 bytes each.
fn golden_pair() -> ([u8; 32], [u8; 32]) {
    let bytes = golden_signature().as_bytes().to_vec();
    let take = |at: usize| {
        let length = usize::from(bytes[at + 1]);
        let value = &bytes[at + 2..at + 2 + length];
        let mut out = [0; 32];
        let value = &value[value.len().saturating_sub(32)..];
        out[32 - value.len()..].copy_from_slice(value);
        (out, at + 2 + length)
    };
    let (r, next) = take(2);
    (r, take(next).0)
}

/// a - b for big-endian numbers.
fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = a.to_vec();
    let mut borrow = 0_i16;
    for at in (0..a.len()).rev() {
        let value = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(value < 0);
        out[at] = (value + 256 * borrow) as u8;
    }
    out
}

// threat: C01
#[test]
fn r_and_s_are_between_zero_and_the_order() {
    let ((r, s), n) = (golden_pair(), hex(N));
    assert_eq!(pair(&r, &s), golden_signature().as_bytes());
    let above: Vec<u8> = minus(&[0xff; 32], &[0; 32]);
    for (r, s, name) in [
        (&[0][..], &s[..], "r = 0"),
        (&r, &[0], "s = 0"),
        (&[0], &[0], "both 0"),
        (&n, &s, "r = n"),
        (&r, &n, "s = n"),
        (&n, &n, "both n"),
        (&above, &s, "r > n"),
        (&r, &above, "s > n"),
        (&[1], &[1], "both 1"),
        (&[0xff; 40], &s, "r of 40 bytes"),
        (&r, &[0x7f; 60], "s of 60 bytes"),
    ] {
        let signature = Signature::from_bytes(pair(r, s));
        for verdict in verdicts(&golden(), ECDSA_P256, PAYLOAD, &signature) {
            assert!(invalid(&verdict), "{name}: {verdict:?}");
        }
    }
}

// threat: C02
// threat: C03
#[test]
fn an_ecdsa_signature_is_strict_der() {
    let good = golden_signature().as_bytes().to_vec();
    let (r, s) = golden_pair();
    let (ri, si) = (integer(&r), integer(&s));
    let inner = [&ri[..], &si[..]].concat();
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("fixed width".to_owned(), [r, s].concat()),
        ("empty".to_owned(), vec![]),
        ("empty sequence".to_owned(), vec![0x30, 0]),
        ("one integer".to_owned(), der(0x30, &ri)),
        ("three integers".to_owned(), der(0x30, &[&inner[..], &[2, 1, 1]].concat())),
        ("long form of a short length".to_owned(), [&[0x30, 0x81, inner.len() as u8], &inner[..]].concat()),
        ("long form with a zero".to_owned(), [&[0x30, 0x82, 0, inner.len() as u8], &inner[..]].concat()),
        ("indefinite length".to_owned(), [&[0x30, 0x80], &inner[..], &[0, 0]].concat()),
        ("length past the end".to_owned(), [&[0x30, inner.len() as u8 + 1], &inner[..]].concat()),
        ("length of 2^32 - 1".to_owned(), [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &inner[..]].concat()),
        ("set".to_owned(), der(0x31, &inner)),
        ("octet strings".to_owned(), der(0x30, &[der(4, &r), der(4, &s)].concat())),
        ("padded r".to_owned(), der(0x30, &[&der(2, &[&[0, 0], &r[..]].concat())[..], &si].concat())),
        ("negative r".to_owned(), der(0x30, &[&der(2, &[&[0x80], &r[1..]].concat())[..], &si].concat())),
        ("negative s".to_owned(), der(0x30, &[&ri[..], &der(2, &[&[0xff], &s[1..]].concat())].concat())),
        ("empty r".to_owned(), der(0x30, &[&[2, 0], &si[..]].concat())),
        ("long form within".to_owned(), der(0x30, &[&[2, 0x81, ri[1]], &ri[2..], &si[..]].concat())),
    ];
    cases.extend((1..=16).map(|count| (format!("{count} trailing bytes"), [&good[..], &vec![0; count]].concat())));
    cases.extend((0..good.len()).map(|length| (format!("cut to {length}"), good[..length].to_vec())));
    for (name, bytes) in cases {
        let found = bytes.len();
        let signature = Signature::from_bytes(bytes);
        let refused = |error: &SignatureError| matches!(error, SignatureError::NotDer { found: f, .. } if *f == found);
        for verdict in verdicts(&golden(), ECDSA_P256, PAYLOAD, &signature) {
            assert!(verdict.as_ref().is_err_and(refused), "{name}: {verdict:?}");
        }
        assert!(golden().verify(PAYLOAD, &signature).is_err_and(|error| refused(&error)), "{name}");
    }
}

// threat: C04
#[test]
fn a_malleated_signature_holds_as_the_original_does() {
    let (r, s) = golden_pair();
    let other = Signature::from_bytes(pair(&r, &minus(&hex(N), &s)));
    assert_ne!(other, golden_signature());
    assert_eq!(golden().verify(PAYLOAD, &other), golden().verify(PAYLOAD, &golden_signature()));
}

#[test]
fn any_changed_bit_of_a_signature_is_refused() {
    for (text, signature, scheme) in
        VECTORS.into_iter().filter(|(_, _, scheme)| !matches!(scheme, SignatureScheme::Ecdsa(Curve::P521, _)))
    {
        let (key, good) = (key(text), Signature::from_base64(signature).unwrap());
        for bit in 0..good.as_bytes().len() * 8 {
            let mut changed = good.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key.verify_with(scheme, MESSAGE, &Signature::from_bytes(changed)).is_err(), "{scheme} bit {bit}");
        }
    }
}

// threat: C08
#[test]
fn an_rsa_signature_is_as_long_as_the_modulus() {
    let (text, signature, scheme) = VECTORS[6];
    let (key, good) = (key(text), Signature::from_base64(signature).unwrap());
    for bytes in [vec![], good.as_bytes()[1..].to_vec(), [&[0], good.as_bytes()].concat(), vec![1; 512]] {
        let found = bytes.len();
        for verdict in verdicts(&key, scheme, MESSAGE, &Signature::from_bytes(bytes)) {
            assert_eq!(verdict, Err(SignatureError::Length { scheme, expected: 256, found }));
        }
    }
    // s = 0 and s = 1 decrypt to themselves; s + n is not below n.
    for byte in [0, 1, 0xff] {
        let mut bytes = vec![if byte == 0xff { 0xff } else { 0 }; 256];
        bytes[255] = byte;
        assert!(verdicts(&key, scheme, MESSAGE, &Signature::from_bytes(bytes)).iter().all(invalid), "{byte}");
    }
}

// RFC 8032 §7.1, TEST 2, TEST 3 and TEST SHA(abc).
const RFC_8032: [(&str, &str, &str); 3] = [
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
];

// RFC 8032 §7.3, Ed25519ph.
const RFC_8032_PH: (&str, &str, &str) = (
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "616263",
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
);

#[test]
fn the_vectors_of_rfc_8032_verify() {
    for (raw, message, signature) in RFC_8032 {
        let (key, signature) = (ed25519_key(&hex(raw)), Signature::from_bytes(hex(signature)));
        for verdict in verdicts(&key, SignatureScheme::Ed25519, &hex(message), &signature) {
            assert_eq!(verdict, Ok(()));
        }
    }
    let (raw, message, signature) = RFC_8032_PH;
    let (key, signature) = (ed25519_key(&hex(raw)), Signature::from_bytes(hex(signature)));
    for verdict in verdicts(&key, SignatureScheme::Ed25519ph, &hex(message), &signature) {
        assert_eq!(verdict, Ok(()));
    }
}

// threat: C05
#[test]
fn ed25519_is_strict_whatever_the_backend_does() {
    let (raw, message, signature) = RFC_8032[1];
    let (key, message, good) = (ed25519_key(&hex(raw)), hex(message), hex(signature));
    // S + L solves the same equation.
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0_u16;
    let mut above = good.clone();
    for (byte, add) in above[32..].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let identity = [&hex("0100000000000000000000000000000000000000000000000000000000000000")[..], &good[32..]].concat();
    for (bytes, error) in [
        (above, SignatureError::Ed25519(Ed25519Rule::ScalarRange)),
        (identity, SignatureError::Ed25519(Ed25519Rule::SmallOrderR)),
    ] {
        let signature = Signature::from_bytes(bytes);
        for scheme in [SignatureScheme::Ed25519, SignatureScheme::Ed25519ph] {
            for verdict in verdicts(&key, scheme, &message, &signature) {
                assert_eq!(verdict, Err(error.clone()));
            }
        }
        assert_eq!(key.verify(&message, &signature), Err(error));
    }
    for length in [0, 63, 65, 128] {
        let error = SignatureError::Length { scheme: SignatureScheme::Ed25519, expected: 64, found: length };
        assert_eq!(key.verify(&message, &Signature::from_bytes(vec![1; length])), Err(error));
    }
    // A key that is not a point at all: y = 2 has no x.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert!(
        verdicts(&ed25519_key(&no_point), SignatureScheme::Ed25519, &message, &Signature::from_bytes(good))
            .iter()
            .all(invalid)
    );
}

// threat: C07
#[test]
fn ed25519_and_ed25519ph_are_not_taken_for_each_other() {
    let (raw, message, signature) = RFC_8032_PH;
    let (key, message, ph) = (ed25519_key(&hex(raw)), hex(message), Signature::from_bytes(hex(signature)));
    assert!(verdicts(&key, SignatureScheme::Ed25519, &message, &ph).iter().all(invalid));
    let hashed = Digest::of(Sha512, &message);
    assert!(verdicts(&key, SignatureScheme::Ed25519, hashed.as_bytes(), &ph).iter().all(invalid));

    let (raw, message, signature) = RFC_8032[2];
    let (key, message, pure) = (ed25519_key(&hex(raw)), hex(message), Signature::from_bytes(hex(signature)));
    assert!(verdicts(&key, SignatureScheme::Ed25519ph, &message, &pure).iter().all(invalid));
    // The message of that vector is the SHA-512 of `abc`: a signature over the hash is not one over what was hashed.
    assert_eq!(Digest::of(Sha512, b"abc").as_bytes(), message);
    assert!(verdicts(&key, SignatureScheme::Ed25519ph, b"abc", &pure).iter().all(invalid));
}

// threat: C07
#[test]
fn cosign_signs_images_with_ed25519ph() {
    let key = key(vector!("cosign-3.1-ed25519.pub"));
    let (message, signature) = envelope(vector!("cosign-3.1-ed25519ph.bundle.json"));
    assert!(verdicts(&key, SignatureScheme::Ed25519, &message, &signature).iter().all(invalid));
    match key.verify(&message, &signature) {
        Ok(scheme) => assert_eq!(scheme, SignatureScheme::Ed25519ph),
        Err(SignatureError::Invalid { tried, untried, .. }) => {
            assert!(!cfg!(feature = "sign"));
            assert_eq!((tried, untried), (vec![SignatureScheme::Ed25519], vec![SignatureScheme::Ed25519ph]));
        }
        Err(other) => panic!("{other}"),
    }
}

// threat: C09
// threat: C12
#[test]
fn the_scheme_follows_from_the_key() {
    let (key, signature) = (golden(), golden_signature());
    for scheme in [
        ECDSA_P384,
        SignatureScheme::Ecdsa(Curve::P384, Sha256),
        RSA,
        SignatureScheme::Ed25519,
        SignatureScheme::Ed25519ph,
    ] {
        let error = SignatureError::SchemeMismatch { scheme, algorithm: KeyAlgorithm::EcdsaP256 };
        assert_eq!(key.verify_with(scheme, PAYLOAD, &signature), Err(error.clone()));
        assert_eq!(key.verify_digest(scheme, &Digest::sha256(PAYLOAD), &signature), Err(error.clone()));
        assert_eq!(StreamVerifier::new(&key, scheme, &signature).map(drop), Err(error));
    }
}

// threat: C23
#[test]
fn a_digest_is_of_the_hash_that_the_scheme_signs() {
    let found = Sha512;
    let error = SignatureError::DigestMismatch { scheme: ECDSA_P256, expected: Sha256, found };
    let digest = Digest::of(found, PAYLOAD);
    assert_eq!(golden().verify_digest(ECDSA_P256, &digest, &golden_signature()), Err(error));

    let (text, signature, scheme) = VECTORS[1];
    let signature = Signature::from_base64(signature).unwrap();
    let error = SignatureError::NeedsMessage { scheme };
    assert_eq!(key(text).verify_digest(scheme, &Digest::sha256(MESSAGE), &signature), Err(error));

    // The digest's bytes as a message are another message.
    let bytes = Digest::sha256(PAYLOAD);
    assert!(invalid(&golden().verify_with(ECDSA_P256, bytes.as_bytes(), &golden_signature())));
}

// threat: C20
#[test]
fn base64_of_a_signature_is_canonical() {
    let good = vector!("cosign-3.1-ecdsa-p256.sig");
    assert_eq!(Signature::from_base64(good).unwrap().to_base64(), good);
    assert_eq!(Signature::from_base64("AA==").unwrap().as_bytes(), [0]);
    for text in
        ["AA", "AA=", "AA===", "AB==", "AA==\n", " AA==", "A A==", "_-8=", "AA==AA==", "A", "AA=A", "é", "\u{feff}AA=="]
    {
        assert!(matches!(Signature::from_base64(text), Err(SignatureError::Base64 { .. })), "{text:?}");
    }
}

/// As `base64`, `openssl base64` and text editors write it; a second encoding of the same bytes is not base64 here.
// threat: C20 R31
#[test]
fn line_breaks_in_base64_of_a_signature_are_skipped() {
    let one = Ok(Signature::from_bytes([0]));
    for text in ["AA==", "AA==\n", "AA==\r\n", "AA==\n\n", "\nAA==", "A\nA\n=\n=\n", "A\r\nA==", "AA==\r"] {
        assert_eq!(Signature::from_base64_file(text.as_bytes()), one, "{text:?}");
    }
    let good = vector!("cosign-3.1-ecdsa-p256.sig");
    for at in 0..=good.len() {
        let (head, tail) = good.split_at(at);
        assert_eq!(Signature::from_base64_lines(&format!("{head}\r\n{tail}")).unwrap().to_base64(), good);
    }
    for text in [
        " \n\t\n",
        "AA== \n",
        " AA==",
        "A A==",
        "\u{feff}AA==\n",
        "AA\n",
        "AA=\n",
        "AB==\n",
        "AA==\nAA==",
        "_-8=\n",
        "A\u{b}A==",
        "A\u{85}A==",
        "A\u{2028}A==",
    ] {
        let found = Signature::from_base64_file(text.as_bytes());
        assert!(matches!(found, Err(SignatureError::Base64 { .. })), "{text:?}");
    }
    assert!(matches!(Signature::from_base64_file(&[0xff, 0xfe]), Err(SignatureError::Base64 { .. })));
}
