//! Private keys of other tools: which are taken, which are refused, and with what advice.
#![cfg(feature = "sign")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::crypto::{Curve, KeyAlgorithm, KeyError, PemError, PublicKey};
use sigkit_core::key::{ImportError, KeyPair, SigningKey as _, import};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../testdata/vectors/key/TEST-ONLY-", $name, ".pem"))
    };
}
macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../keys/TEST-ONLY-", $name))
    };
}

fn body(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn refusal(text: impl AsRef<[u8]>) -> ImportError {
    import::from_pem(text.as_ref()).expect_err("must be refused")
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        short @ 0..=0x7f => vec![short as u8],
        middle @ 0x80..=0xff => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], &length[..], &body].concat()
}

#[test]
fn every_format_of_openssl_gives_the_same_key() {
    for text in [key!("ecdsa-p256-pkcs8.pem"), vector!("openssl-sec1"), vector!("openssl-sec1-compressed")] {
        assert_eq!(import::from_pem(text.as_bytes()).unwrap().public_key().to_pem(), key!("ecdsa-p256.pub"));
    }
    assert_eq!(
        import::from_pem(vector!("openssl-sec1-no-public").as_bytes()).unwrap().public_key().to_pem(),
        key!("ecdsa-p256.pub")
    );
    for text in [key!("rsa-2048-pkcs8.pem"), vector!("openssl-pkcs1")] {
        assert_eq!(import::from_pem(text.as_bytes()).unwrap().public_key().to_pem(), key!("rsa-2048.pub"));
    }
    for (text, public) in [
        (key!("ecdsa-p384-pkcs8.pem"), key!("ecdsa-p384.pub")),
        (key!("ecdsa-p521-pkcs8.pem"), key!("ecdsa-p521.pub")),
        (key!("ed25519-pkcs8.pem"), key!("ed25519.pub")),
        (key!("rsa-3072-pkcs8.pem"), key!("rsa-3072.pub")),
    ] {
        assert_eq!(import::from_pem(text.as_bytes()).unwrap().public_key().to_pem(), public);
    }
}

#[test]
fn pkcs8_is_written_as_openssl_writes_it() {
    for text in [
        key!("ecdsa-p256-pkcs8.pem"),
        key!("ecdsa-p384-pkcs8.pem"),
        key!("ecdsa-p521-pkcs8.pem"),
        key!("ed25519-pkcs8.pem"),
        key!("rsa-2048-pkcs8.pem"),
    ] {
        let pair = import::from_pem(text.as_bytes()).unwrap();
        assert_eq!(pair.to_pkcs8_der().unwrap().as_slice(), body(text));
    }
}

#[test]
fn curve_parameters_may_precede_the_key() {
    let text = vector!("openssl-ec-parameters");
    assert!(text.starts_with("-----BEGIN EC PARAMETERS-----"));
    assert_eq!(import::from_pem(text.as_bytes()).unwrap().public_key().algorithm(), KeyAlgorithm::EcdsaP256);

    // The key of a block without parameters is on the curve named before it.
    let p384 = pem("EC PARAMETERS", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]);
    let (_, key) = text.split_once("-----END EC PARAMETERS-----\n").unwrap();
    let problem = "it names two curves";
    assert_eq!(refusal(format!("{p384}{key}")), ImportError::Key(KeyError::Inconsistent { problem }));
    let explicit = pem("EC PARAMETERS", &der(0x30, &[&[0x02, 0x01, 0x01]]));
    let unnamed = KeyError::UnnamedCurve { found: "a SEQUENCE".to_owned() };
    assert_eq!(refusal(format!("{explicit}{key}")), ImportError::Key(unnamed));
    let twice = format!("{text}{text}");
    assert!(matches!(refusal(twice), ImportError::Pem(PemError::Several { .. })));
}

#[test]
fn a_curve_is_never_guessed() {
    let scalar = &body(vector!("openssl-sec1-no-public"))[7..39];
    let bare = der(0x30, &[&[0x02, 0x01, 0x01], &der(0x04, &[scalar])]);
    let unnamed = ImportError::Key(KeyError::UnnamedCurve { found: "absent".to_owned() });
    assert_eq!(refusal(pem("EC PRIVATE KEY", &bare)), unnamed);
    let p256 = pem("EC PARAMETERS", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    let pair = import::from_pem(format!("{p256}{}", pem("EC PRIVATE KEY", &bare)).as_bytes()).unwrap();
    assert_eq!(pair.public_key().to_pem(), key!("ecdsa-p256.pub"));
    assert!(matches!(refusal(vector!("openssl-sec1-explicit")), ImportError::Key(KeyError::Der { .. })));
}

// threat: C06
#[test]
fn a_pkcs8_key_of_version_2_brings_its_own_public_key() {
    let seed = &body(key!("ed25519-pkcs8.pem"))[16..];
    let public = PublicKey::from_pem(key!("ed25519.pub").as_bytes()).unwrap().spki_der()[12..].to_vec();
    let version_2 = |public: &[u8]| {
        let algorithm = der(0x30, &[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
        der(0x30, &[&[0x02, 0x01, 0x01], &algorithm, &der(0x04, &[&der(0x04, &[seed])]), &der(0x81, &[&[0], public])])
    };
    let pair = KeyPair::from_pkcs8_der(&version_2(&public)).unwrap();
    assert_eq!(pair.public_key().to_pem(), key!("ed25519.pub"));
    let mut other = public.clone();
    other[3] ^= 1;
    let problem = "its public part belongs to another private key";
    for wrong in [&other[..], &public[..31], &[]] {
        assert_eq!(KeyPair::from_pkcs8_der(&version_2(wrong)).unwrap_err(), KeyError::Inconsistent { problem });
    }
}

#[test]
fn what_needs_conversion_is_named_with_the_way_out() {
    let error = refusal(vector!("openssl-pkcs8-encrypted"));
    assert_eq!(error, ImportError::EncryptedPkcs8);
    assert!(error.to_string().contains("openssl pkey"), "{error}");
    let error = refusal(vector!("openssh"));
    assert_eq!(error, ImportError::OpenSsh);
    assert!(error.to_string().contains("ssh-keygen"), "{error}");
    let error = refusal(vector!("openssl-pkcs1-encrypted"));
    assert_eq!(error, ImportError::Pem(PemError::Headers { label: "RSA PRIVATE KEY".to_owned() }));
    assert!(error.to_string().contains("openssl pkey"), "{error}");
    let label = "ENCRYPTED SIGSTORE PRIVATE KEY".to_owned();
    assert_eq!(refusal(key!("golden.key")), ImportError::AlreadySealed { label });
}

// threat: C17
#[test]
fn a_public_key_is_not_a_private_one() {
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "DSA PRIVATE KEY", "EC PARAMETERS"] {
        let text = key!("golden.pub").replace("PUBLIC KEY", label);
        let error = refusal(&text);
        assert!(
            matches!(&error, ImportError::Pem(PemError::WrongType { found, wanted }) if found == label && wanted.len() == 3),
            "{error}"
        );
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(label) && !shown.contains("MFkw"), "{shown}");
    }
}

/// The parts of an ECPrivateKey of P-256 as openssl writes it.
fn ec_key(scalar: &[u8], public: Option<&[u8]>) -> String {
    let named = der(0xa0, &[&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]]);
    let public = public.map(|point| der(0xa1, &[&der(0x03, &[&[0], point])])).unwrap_or_default();
    pem("EC PRIVATE KEY", &der(0x30, &[&[0x02, 0x01, 0x01], &der(0x04, &[scalar]), &named, &public]))
}

// threat: K08
#[test]
fn an_ec_key_that_contradicts_itself_is_refused() {
    let sec1 = body(vector!("openssl-sec1"));
    let scalar = &sec1[7..39];
    let point = PublicKey::from_pem(key!("ecdsa-p256.pub").as_bytes()).unwrap().spki_der()[26..].to_vec();
    let golden = PublicKey::from_pem(key!("golden.pub").as_bytes()).unwrap().spki_der()[26..].to_vec();
    assert!(import::from_pem(ec_key(scalar, Some(&point)).as_bytes()).is_ok());
    let broken = |text: String, problem: &'static str| {
        assert_eq!(refusal(text), ImportError::Key(KeyError::Inconsistent { problem }));
    };
    broken(ec_key(scalar, Some(&golden)), "its public part belongs to another private key");
    let range = "the private scalar is zero or not below the order";
    broken(ec_key(&[0; 32], None), range);
    broken(ec_key(&[0xff; 32], None), range);
    let order: Vec<u8> = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    broken(ec_key(&order, None), range);
    let length = "the private scalar does not have the length of its curve";
    broken(ec_key(&scalar[1..], None), length);
    broken(ec_key(&[&[0], scalar].concat(), None), length);
    broken(ec_key(&[], None), length);
    let mut off = point;
    off[40] ^= 1;
    let off_curve = ImportError::Key(KeyError::NotOnCurve { curve: Curve::P256 });
    assert_eq!(refusal(ec_key(scalar, Some(&off))), off_curve);
    assert_eq!(refusal(ec_key(scalar, Some(&[0]))), off_curve);

    let mut two_curves = body(key!("ecdsa-p256-pkcs8.pem"));
    two_curves[22] ^= 1; // prime256v1 becomes prime239v3
    let found = KeyPair::from_pkcs8_der(&two_curves).unwrap_err();
    assert!(matches!(found, KeyError::UnsupportedCurve { .. }), "{found}");
}

/// The nine integers of the RSA key, as DER elements.
fn rsa_integers() -> Vec<Vec<u8>> {
    let bytes = body(vector!("openssl-pkcs1"));
    let mut rest = &bytes[4..];
    let mut found = Vec::new();
    while let [0x02, first, tail @ ..] = rest {
        let (length, tail) = match first {
            0x81 => (usize::from(tail[0]), &tail[1..]),
            0x82 => (usize::from(tail[0]) << 8 | usize::from(tail[1]), &tail[2..]),
            short => (usize::from(*short), tail),
        };
        found.push(der(0x02, &[&tail[..length]]));
        rest = &tail[length..];
    }
    found
}

fn rsa_key(integers: &[Vec<u8>]) -> String {
    pem("RSA PRIVATE KEY", &der(0x30, &integers.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

// threat: K08
#[test]
fn an_rsa_key_that_contradicts_itself_is_refused() {
    let good = rsa_integers();
    assert_eq!(good.len(), 9);
    assert!(import::from_pem(rsa_key(&good).as_bytes()).is_ok());
    let flipped = |at: usize| {
        let mut key = good.clone();
        *key[at].last_mut().unwrap() ^= 0x02;
        refusal(rsa_key(&key))
    };
    let product = "the modulus is not the product of the primes";
    let reduced = "a CRT exponent is not the private exponent reduced";
    for (at, problem) in [
        (1, product),
        (3, reduced),
        (4, product),
        (5, product),
        (6, reduced),
        (7, reduced),
        (8, "the CRT coefficient is not the inverse of the second prime"),
    ] {
        assert_eq!(flipped(at), ImportError::Key(KeyError::Inconsistent { problem }), "integer {at}");
    }
    // Another public exponent, for which the private one is not the inverse.
    let mut key = good.clone();
    key[2] = vec![0x02, 0x03, 0x01, 0x00, 0x03];
    let problem = "the private exponent is not the inverse of the public one";
    assert_eq!(refusal(rsa_key(&key)), ImportError::Key(KeyError::Inconsistent { problem }));
    // n = n * 1, n = 1 * n, and primes of zero.
    for (p, q) in [(good[1].clone(), vec![2, 1, 1]), (vec![2, 1, 1], good[1].clone()), (vec![2, 1, 0], good[5].clone())]
    {
        let mut key = good.clone();
        (key[4], key[5]) = (p, q);
        assert!(matches!(refusal(rsa_key(&key)), ImportError::Key(KeyError::Inconsistent { .. })));
    }
    // Primes exchanged without the rest.
    let mut key = good.clone();
    key.swap(4, 5);
    assert!(matches!(refusal(rsa_key(&key)), ImportError::Key(KeyError::Inconsistent { .. })));
    let mut key = good.clone();
    key[2] = vec![0x02, 0x01, 0x03];
    assert!(matches!(refusal(rsa_key(&key)), ImportError::Key(KeyError::RsaExponent { .. })));
    for count in 0..9 {
        assert!(matches!(refusal(rsa_key(&good[..count])), ImportError::Key(KeyError::Der { .. })), "{count}");
    }
}

// threat: K08
// threat: N02
#[test]
fn a_private_key_cut_or_changed_never_signs_for_another() {
    let whole = body(key!("ed25519-pkcs8.pem"));
    for length in 0..whole.len() {
        assert!(KeyPair::from_pkcs8_der(&whole[..length]).is_err(), "{length}");
    }
    assert!(KeyPair::from_pkcs8_der(&[&whole[..], &[0]].concat()).is_err());
    let whole = body(key!("ecdsa-p256-pkcs8.pem"));
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The public part within pins the private one, so no changed bit can leave a key.
        assert!(KeyPair::from_pkcs8_der(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn an_unknown_private_key_is_named() {
    let x25519 = der(
        0x30,
        &[&[0x02, 0x01, 0x00], &der(0x30, &[&[0x06, 0x03, 0x2b, 0x65, 0x6e]]), &der(0x04, &[&der(0x04, &[&[7; 32]])])],
    );
    let error = KeyError::UnsupportedAlgorithm { found: "X25519 (1.3.101.110)".to_owned() };
    assert_eq!(KeyPair::from_pkcs8_der(&x25519).unwrap_err(), error);
    let ed25519 = |seed: &[u8]| {
        let algorithm = der(0x30, &[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
        KeyPair::from_pkcs8_der(&der(0x30, &[&[0x02, 0x01, 0x00], &algorithm, &der(0x04, &[&der(0x04, &[seed])])]))
    };
    assert!(ed25519(&[7; 32]).is_ok());
    for found in [0, 31, 33] {
        assert_eq!(ed25519(&vec![7; found]).unwrap_err(), KeyError::Ed25519Length { found });
    }
}
