//! Encrypted key files: what cosign wrote is opened, what is not one is refused before the password costs anything.
#![cfg(feature = "sign")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::crypto::{KeyAlgorithm, PemError, PublicKey, Signature};
use sigkit_core::key::{KeyFileError, KeyPair, Password, SigningKey as _, file};

const GOLDEN: &str = include_str!("../../keys/TEST-ONLY-golden.key");
const WANTED: &[&str] = &["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];

fn open(text: impl AsRef<[u8]>, password: &str) -> Result<KeyPair, KeyFileError> {
    file::decrypt(text.as_ref(), &Password::new(password))
}

fn refusal(text: impl AsRef<[u8]>) -> KeyFileError {
    open(text, "pw").expect_err("must be refused")
}

/// The JSON within the golden key.
fn document() -> String {
    let body: String = GOLDEN.lines().filter(|line| !line.starts_with('-')).collect();
    String::from_utf8(STANDARD.decode(body).unwrap()).unwrap()
}

fn wrap(document: impl AsRef<[u8]>) -> String {
    let body = STANDARD.encode(document);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", WANTED[0], lines.join("\n"))
}

fn changed(from: &str, to: &str) -> String {
    let document = document();
    assert_eq!(document.matches(from).count(), 1, "{from}");
    wrap(document.replace(from, to))
}

macro_rules! pair {
    ($name:literal) => {
        (
            include_str!(concat!("../../testdata/vectors/key/TEST-ONLY-", $name, ".key")),
            include_str!(concat!("../../testdata/vectors/key/", $name, ".pub")),
        )
    };
}

#[test]
fn opens_what_cosign_2_and_3_wrote() {
    for (private, public) in [
        pair!("cosign-2.5-ecdsa-p256"),
        pair!("cosign-2.5-ed25519"),
        pair!("cosign-3.1-ecdsa-p256"),
        pair!("cosign-3.1-ecdsa-p384"),
        pair!("cosign-3.1-ecdsa-p521"),
        pair!("cosign-3.1-ed25519"),
        pair!("cosign-3.1-rsa-2048"),
        (GOLDEN, include_str!("../../keys/TEST-ONLY-golden.pub")),
    ] {
        let pair = open(private, "pw").unwrap();
        assert_eq!(pair.public_key().to_pem(), public);
    }
}

#[test]
fn the_golden_key_signs_what_the_golden_public_key_verifies() {
    let pair = open(GOLDEN, "pw").unwrap();
    let public = PublicKey::from_pem(include_bytes!("../../keys/TEST-ONLY-golden.pub")).unwrap();
    let payload = include_bytes!("../../testdata/vectors/key/golden.payload.json");
    assert_eq!(public.verify(payload, &pair.sign(payload).unwrap()), Ok(pair.scheme()));
    let by_cosign = Signature::from_base64(include_str!("../../testdata/vectors/key/golden.payload.sig")).unwrap();
    assert_eq!(pair.public_key().verify(payload, &by_cosign), Ok(pair.scheme()));
}

#[test]
fn what_is_encrypted_here_decrypts_here() {
    for name in ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"] {
        let pair = KeyPair::generate(name.parse().unwrap()).unwrap();
        let password = "pässword with spaces\n";
        let text = file::encrypt(&pair, &Password::new(password)).unwrap();
        let opened = open(&text, password).unwrap();
        assert_eq!(opened.public_key(), pair.public_key());
        assert_eq!(opened.to_pkcs8_der(), pair.to_pkcs8_der());
        assert_eq!(opened.public_key().verify(b"m", &opened.sign(b"m").unwrap()), Ok(pair.scheme()));
    }
}

#[test]
fn an_rsa_key_keeps_its_exact_encoding() {
    let (private, _) = pair!("cosign-3.1-rsa-2048");
    let pair = open(private, "pw").unwrap();
    let text = file::encrypt(&pair, &Password::new("")).unwrap();
    assert_eq!(open(&text, "").unwrap().to_pkcs8_der(), pair.to_pkcs8_der());
}

// threat: K02
#[test]
fn a_wrong_password_and_a_changed_box_look_alike() {
    let long = "x".repeat(1 << 20);
    for password in ["", "pW", "pw\n", "pw\r\n", " pw", "pwpw", &long] {
        assert_eq!(open(GOLDEN, password).expect_err(password), KeyFileError::WrongPasswordOrDamaged);
    }
    let not_text = Password::new([0xff, 0xfe]);
    assert_eq!(file::decrypt(GOLDEN.as_bytes(), &not_text).unwrap_err(), KeyFileError::WrongPasswordOrDamaged);
    for (from, to, name) in [
        ("rvi7J2", "rvi8J2", "tag"),
        ("jrqLxTHp", "jrqLxTHq", "ciphertext"),
        ("5UiBdzd", "5UiBdze", "nonce"),
        ("xn1Njlf", "xn1Njlg", "salt"),
        ("65536", "32768", "work factor"),
    ] {
        assert_eq!(refusal(changed(from, to)), KeyFileError::WrongPasswordOrDamaged, "{name}");
    }
    assert_eq!(KeyFileError::WrongPasswordOrDamaged.to_string(), "wrong password or damaged key");
}

// threat: K01 M22
#[test]
#[expect(clippy::disallowed_methods, reason = "the time taken is what is tested")]
fn no_other_work_factor_reaches_the_derivation() {
    let parameters = |n: u64, r: u64, p: u64| {
        let text = changed("\"N\":65536,\"r\":8,\"p\":1", &format!("\"N\":{n},\"r\":{r},\"p\":{p}"));
        let begun = std::time::Instant::now();
        assert_eq!(refusal(text), KeyFileError::KdfParameters { n, r, p });
        assert!(begun.elapsed().as_millis() < 100);
    };
    for n in [0, 1, 2, 3, 1024, 16_384, 32_767, 32_769, 65_535, 65_537, 262_144, 1 << 30, 1 << 40, u64::MAX] {
        parameters(n, 8, 1);
    }
    for (r, p) in [(0, 1), (1, 1), (7, 1), (9, 1), (16, 1), (1 << 30, 1), (8, 0), (8, 2), (8, u64::MAX)] {
        parameters(65_536, r, p);
    }
    for value in [
        "-65536",
        "065536",
        "0x10000",
        "65536.0",
        "6.5536e4",
        "\"65536\"",
        "null",
        "1e999",
        "18446744073709551616",
        "[65536]",
    ] {
        let begun = std::time::Instant::now();
        let found = refusal(changed("\"N\":65536", &format!("\"N\":{value}")));
        assert!(matches!(found, KeyFileError::Document { .. }), "{value}: {found}");
        assert!(begun.elapsed().as_millis() < 100);
    }
}

// threat: K01
#[test]
fn other_algorithms_and_lengths_are_named() {
    let text = changed("\"name\":\"scrypt\"", "\"name\":\"pbkdf2\"");
    assert_eq!(refusal(text), KeyFileError::Kdf { found: "pbkdf2".to_owned() });
    let text = changed("nacl/secretbox", "aes-256-gcm");
    assert_eq!(refusal(text), KeyFileError::Cipher { found: "aes-256-gcm".to_owned() });
    let field = |name: &str, bytes: usize| {
        let document = document();
        let start = document.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4;
        let end = start + document[start..].find('"').unwrap();
        wrap(format!("{}{}{}", &document[..start], STANDARD.encode(vec![7; bytes]), &document[end..]))
    };
    for (name, expected, sizes) in
        [("salt", 32, &[0, 16, 31, 33, 64][..]), ("nonce", 24, &[0, 12, 23, 25, 32]), ("ciphertext", 16, &[0, 1, 15])]
    {
        for found in sizes {
            let error = KeyFileError::Length { field: name, expected, found: *found };
            assert_eq!(refusal(field(name, *found)), error);
        }
    }
    for (name, from, to) in [("salt", "xn1N", "xn1-"), ("nonce", "5UiB", "5Ui_"), ("ciphertext", "rvi7", "rvi*")] {
        assert_eq!(refusal(changed(from, to)), KeyFileError::Base64 { field: name });
    }
}

// threat: K02
#[test]
fn malformed_document_is_not_a_wrong_password() {
    let document = document();
    for (text, name) in [
        (wrap(""), "empty"),
        (wrap("null"), "null"),
        (wrap("[]"), "array"),
        (wrap(&document[..document.len() - 1]), "cut"),
        (wrap(format!("{document} {{}}")), "two documents"),
        (wrap(format!("\u{feff}{document}")), "byte order mark"),
        (wrap([0xff, 0xfe]), "not text"),
        (wrap(document.replace("\"r\":8", "\"r\":8,\"r\":8")), "repeated member"),
        (wrap(document.replace("\"r\":8", "\"r\":8,\"q\":8")), "unknown member"),
        (wrap(document.replace("\"r\":8,", "")), "missing member"),
        (wrap(document.replace("\"kdf\"", "\"KDF\"")), "another case"),
    ] {
        let found = refusal(text);
        assert!(matches!(found, KeyFileError::Document { .. }), "{name}: {found}");
    }
    for length in 0..document.len() {
        assert!(matches!(refusal(wrap(&document[..length])), KeyFileError::Document { .. }), "{length}");
    }
}

// threat: N02
#[test]
fn a_key_file_cut_anywhere_is_refused() {
    let whole = GOLDEN.trim_end();
    for length in 0..whole.len() {
        let found = refusal(&whole[..length]);
        assert!(matches!(found, KeyFileError::Pem(_)), "{length}: {found}");
    }
}

// threat: C17
#[test]
fn what_is_not_an_encrypted_key_is_named_and_not_shown() {
    for (text, found) in [
        (include_str!("../../keys/TEST-ONLY-golden.pub"), "PUBLIC KEY"),
        (include_str!("../../keys/TEST-ONLY-ecdsa-p256-pkcs8.pem"), "PRIVATE KEY"),
        (include_str!("../../testdata/vectors/key/TEST-ONLY-openssl-pkcs1.pem"), "RSA PRIVATE KEY"),
        (include_str!("../../testdata/vectors/key/TEST-ONLY-openssl-pkcs8-encrypted.pem"), "ENCRYPTED PRIVATE KEY"),
        (include_str!("../../testdata/vectors/key/TEST-ONLY-openssh.pem"), "OPENSSH PRIVATE KEY"),
    ] {
        let error = refusal(text);
        assert_eq!(error, KeyFileError::Pem(PemError::WrongType { found: found.to_owned(), wanted: WANTED }));
        let shown = format!("{error} {error:?}");
        for line in text.lines().filter(|line| !line.starts_with('-')) {
            assert!(!shown.contains(&line[..8]), "{shown}");
        }
    }
    let twice = format!("{GOLDEN}{GOLDEN}");
    assert!(matches!(refusal(twice), KeyFileError::Pem(PemError::Several { .. })));
}

// threat: K05
#[test]
fn nothing_secret_shows() {
    let pair = open(GOLDEN, "pw").unwrap();
    assert_eq!(
        format!("{pair:?}"),
        "KeyPair { public: PublicKey(ecdsa-p256 SHA256:ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4), .. }"
    );
    assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(..)");
    for name in ["ecdsa-p384", "ed25519"] {
        let pair = KeyPair::generate(name.parse::<KeyAlgorithm>().unwrap()).unwrap();
        let secret = pair.to_pkcs8_der().unwrap();
        let shown = format!("{pair:?}{pair:#?}");
        let hex: String = secret[20..28].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!shown.contains(&hex) && !shown.contains(&STANDARD.encode(&secret[18..30])));
        assert!(!shown.contains(&format!("{:?}", &secret[20..24]).replace(['[', ']'], "")));
    }
}
