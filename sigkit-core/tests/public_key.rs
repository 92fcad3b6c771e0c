//! Which public keys are accepted, and the errors for all others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::cause::{LikelyCause, Recognised};
use sigkit_core::crypto::{Curve, Ed25519Rule, KeyAlgorithm, KeyError, PemError, PublicKey, Signature, SignatureError};

const GOLDEN: &str = include_str!("../../keys/TEST-ONLY-golden.pub");
const WANTED: &[&str] = &["PUBLIC KEY"];

const KEYS: [(&str, KeyAlgorithm); 6] = [
    (include_str!("../../keys/TEST-ONLY-ecdsa-p256.pub"), KeyAlgorithm::EcdsaP256),
    (include_str!("../../keys/TEST-ONLY-ecdsa-p384.pub"), KeyAlgorithm::EcdsaP384),
    (include_str!("../../keys/TEST-ONLY-ecdsa-p521.pub"), KeyAlgorithm::EcdsaP521),
    (include_str!("../../keys/TEST-ONLY-ed25519.pub"), KeyAlgorithm::Ed25519),
    (include_str!("../../keys/TEST-ONLY-rsa-2048.pub"), KeyAlgorithm::Rsa { bits: 2048 }),
    (include_str!("../../keys/TEST-ONLY-rsa-3072.pub"), KeyAlgorithm::Rsa { bits: 3072 }),
];

fn read(text: impl AsRef<[u8]>) -> Result<PublicKey, KeyError> {
    PublicKey::from_pem(text.as_ref())
}

fn pem_error(text: impl AsRef<[u8]>) -> PemError {
    match read(text) {
        Err(KeyError::Pem(error)) => error,
        other => panic!("expected a PEM error, got {other:?}"),
    }
}

/// One DER element of any length.
fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        short @ 0..=0x7f => out.push(short as u8),
        long => {
            let bytes: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | bytes.len() as u8);
            out.extend(bytes);
        }
    }
    out.extend(body);
    out
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    der(0x06, bytes)
}

fn bit_string(key: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0], key].concat())
}

fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, &algorithm.concat()), bit_string(key)].concat())
}

const EC: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];
const NULL: [u8; 2] = [0x05, 0x00];

fn p256(point: &[u8]) -> Result<PublicKey, KeyError> {
    PublicKey::from_spki_der(&spki(&[&oid(&EC), &oid(&P256)], point))
}

/// The uncompressed point of the golden key.
fn golden_point() -> Vec<u8> {
    read(GOLDEN).unwrap().spki_der()[26..].to_vec()
}

/// An unsigned DER integer.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_some_and(|top| top & 0x80 != 0) { &[0] } else { &[] };
    der(0x02, &[sign, bytes].concat())
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyError> {
    let key = der(0x30, &[integer(modulus), integer(exponent)].concat());
    PublicKey::from_spki_der(&spki(&[&oid(&RSA), &NULL], &key))
}

/// An odd number of that many bits, which is all that reading a modulus can ask.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0x55; bits.div_ceil(8)];
    let top = (bits - 1) % 8;
    bytes[0] = 1 << top;
    *bytes.last_mut().unwrap() |= 1;
    bytes
}

#[test]
fn every_kind_of_key_is_read_and_written_back() {
    for (text, algorithm) in KEYS {
        let key = read(text).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.to_pem(), text);
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
        assert_ne!(key, read(GOLDEN).unwrap());
    }
}

#[test]
fn a_key_has_the_hint_that_cosign_writes() {
    let key = read(GOLDEN).unwrap();
    assert_eq!(key.fingerprint().hint(), "ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4=");
    assert_eq!(key.fingerprint().to_string(), "SHA256:ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4");
    assert_eq!(format!("{key:?}"), "PublicKey(ecdsa-p256 SHA256:ewo6WJLV9/9WnCrrnY+WrWvZdoNKnZzGrlQIBC3uYI4)");
}

// threat: C15
#[test]
fn white_space_around_a_block_and_crlf_within_are_harmless() {
    let key = read(GOLDEN).unwrap();
    let one_line = {
        let body: String = GOLDEN.lines().filter(|line| !line.starts_with('-')).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----")
    };
    for text in [
        GOLDEN.replace('\n', "\r\n"),
        GOLDEN.trim_end().to_owned(),
        format!("\n \t\r\n{GOLDEN}\n\n"),
        GOLDEN.replace("KEY-----", "KEY----- \t"),
        one_line,
    ] {
        assert_eq!(read(&text).as_ref(), Ok(&key), "{text:?}");
    }
}

// threat: C14 M18
#[test]
fn a_file_holds_exactly_one_block() {
    let certificate = GOLDEN.replace("PUBLIC KEY", "CERTIFICATE");
    for (text, found) in [
        (format!("{GOLDEN}{GOLDEN}"), ["PUBLIC KEY", "PUBLIC KEY"]),
        (format!("{GOLDEN}{certificate}"), ["PUBLIC KEY", "CERTIFICATE"]),
        (format!("{certificate}{GOLDEN}"), ["CERTIFICATE", "PUBLIC KEY"]),
    ] {
        let found = found.map(str::to_owned).to_vec();
        assert_eq!(pem_error(&text), PemError::Several { found, wanted: WANTED });
    }
    let empty = PemError::Missing { wanted: WANTED, cause: Some(LikelyCause::Empty) };
    assert_eq!(pem_error(""), empty);
    assert_eq!(pem_error(" \r\n\t"), empty);
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let error = pem_error(format!("{parameters}{GOLDEN}")).to_string();
    assert!(
        error.ends_with(": remove the block EC PARAMETERS, which says nothing that the key does not say"),
        "{error}"
    );
}

// threat: R31
#[test]
fn text_around_a_block_is_ignored() {
    let key = read(GOLDEN).unwrap();
    for text in [
        format!("# my key\n{GOLDEN}"),
        format!("Schl\u{fc}ssel\n{GOLDEN}"),
        format!("subject=x\r\nissuer=y\r\n{GOLDEN}"),
        format!("----- my key -----\n{GOLDEN}\n-- \nend"),
        format!("{GOLDEN}x"),
        format!("  {GOLDEN}"),
    ] {
        assert_eq!(read(&text).as_ref(), Ok(&key), "{text:?}");
    }
    let hidden = format!("-----begin public key-----\n{GOLDEN}");
    assert_eq!(read(hidden), Ok(key));
}

// threat: C15
#[test]
fn a_boundary_has_its_line_to_itself() {
    let boundary = |text: String, at: usize, said: &str| match pem_error(&text) {
        PemError::Boundary { line, hint } => {
            assert_eq!(line, at, "{text:?}");
            assert!(if said.is_empty() { hint.is_empty() } else { hint.contains(said) }, "{text:?}: {hint}");
        }
        other => panic!("{text:?}: {other}"),
    };
    let (quoted, escaped, run_on) = ("quotation mark", "\\n", "line breaks are missing");
    boundary(format!("key: {GOLDEN}"), 1, "lines of their own");
    boundary(format!("\"{}\"", GOLDEN.trim_end()), 1, quoted);
    boundary(format!("'{}'", GOLDEN.trim_end()), 1, quoted);
    boundary(format!("{}\"", GOLDEN.trim_end()), 4, quoted);
    boundary(GOLDEN.replace('\n', "\\n"), 1, escaped);
    boundary(GOLDEN.replace('\n', "\\r\\n"), 1, escaped);
    boundary(GOLDEN.replace('\n', ""), 1, run_on);
    boundary(GOLDEN.replace('\n', " "), 1, run_on);
    boundary(GOLDEN.replace('\n', "\r"), 1, run_on);
    boundary(GOLDEN.replace("-----\nM", "----- junk\nM"), 1, run_on);
    boundary(format!("{}junk", GOLDEN.trim_end()), 4, run_on);
    boundary(GOLDEN.replace("\n-----END", "-----END"), 3, run_on);
    boundary(GOLDEN.replace('\n', "\n  "), 4, "indented");
    boundary(GOLDEN.replace("BEGIN PUBLIC KEY", "BEGIN "), 1, "");
    boundary(GOLDEN.replace("BEGIN PUBLIC", "BEGIN public"), 1, "");
    boundary(GOLDEN.replace("-----BEGIN", "-----BEGIN-"), 1, "");
    boundary(format!("{GOLDEN}{}", &GOLDEN[GOLDEN.find("-----END").unwrap()..]), 5, "not begun");
    boundary(format!("-----END PUBLIC KEY-----\n{GOLDEN}"), 1, "not begun");
    assert_eq!(
        pem_error(GOLDEN.replace("END PUBLIC KEY", "END CERTIFICATE")),
        PemError::LabelMismatch { begin: "PUBLIC KEY".to_owned(), end: "CERTIFICATE".to_owned() }
    );
    assert_eq!(
        pem_error(GOLDEN.split("-----END").next().unwrap()),
        PemError::Unterminated { label: "PUBLIC KEY".to_owned() }
    );
    let encoded = PemError::Missing { wanted: WANTED, cause: Some(LikelyCause::Base64Of(Recognised::Pem)) };
    assert_eq!(pem_error(STANDARD.encode(GOLDEN)), encoded);
    assert_eq!(pem_error(format!("{}\n", STANDARD.encode(format!("# key\n{GOLDEN}")))), encoded);
}

// threat: C15
#[test]
fn bytes_that_are_not_text_are_not_pem() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(GOLDEN.bytes().flat_map(|byte| [byte, 0])).collect();
    let der = read(GOLDEN).unwrap().spki_der().to_vec();
    for (text, offset, byte, hint) in [
        (format!("\u{feff}{GOLDEN}").into_bytes(), 0, 0xef, "byte order mark"),
        (utf16, 0, 0xff, "UTF-16"),
        (der, 3, 0x13, "DER"),
        (format!("{GOLDEN}\0").into_bytes(), GOLDEN.len(), 0, ""),
        (GOLDEN.replace("MFk", "M\0Fk").into_bytes(), 28, 0, ""),
        ([b"\xe9\n", GOLDEN.as_bytes()].concat(), 0, 0xe9, ""),
        (format!("\x1b[31m\n{GOLDEN}").into_bytes(), 0, 0x1b, ""),
    ] {
        match pem_error(&text) {
            PemError::NotText { offset: at, byte: what, cause } => {
                let said = cause.map(|cause| cause.to_string()).unwrap_or_default();
                assert_eq!((at, what), (offset, byte));
                assert!(said.contains(hint), "{said}");
            }
            other => panic!("{other}"),
        }
    }
}

// threat: C16
#[test]
#[expect(clippy::disallowed_methods, reason = "the time taken is what is tested")]
fn reading_is_linear_and_bounded() {
    let limit = 64 << 10;
    let fill = |unit: &str| unit.repeat(limit / unit.len());
    for text in [
        fill("-----BEGIN "),
        fill("-----BEGIN A-----\n"),
        fill("-----BEGIN A-----\n-----END A-----\n"),
        fill("-----BEGIN PUBLIC KEY-----\n-----END "),
        format!("-----BEGIN PUBLIC KEY-----\n{}", fill("-----")[64..].to_owned()),
        fill("-"),
        fill("\n"),
        fill("A"),
    ] {
        let begun = std::time::Instant::now();
        let _ = pem_error(&text);
        assert!(begun.elapsed().as_millis() < 250, "{:?}: {:?}", &text[..20], begun.elapsed());
    }
    assert_eq!(pem_error(" ".repeat(limit)), PemError::Missing { wanted: WANTED, cause: Some(LikelyCause::Empty) });
    assert_eq!(pem_error(" ".repeat(limit + 1)), PemError::TooLarge { found: limit + 1, limit });
}

// threat: C17
#[test]
fn a_block_of_another_type_is_named_and_its_body_is_not_shown() {
    for label in [
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "RSA PRIVATE KEY",
        "DSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "ENCRYPTED SIGSTORE PRIVATE KEY",
        "ENCRYPTED COSIGN PRIVATE KEY",
        "RSA PUBLIC KEY",
        "CERTIFICATE",
        "CERTIFICATE REQUEST",
        "PGP PUBLIC KEY BLOCK",
    ] {
        let text = GOLDEN.replace("PUBLIC KEY", label);
        let error = read(&text).unwrap_err();
        assert_eq!(error, KeyError::Pem(PemError::WrongType { found: label.to_owned(), wanted: WANTED }));
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(label) && shown.contains("PUBLIC KEY"), "{shown}");
        for line in GOLDEN.lines().filter(|line| !line.starts_with('-')) {
            assert!(!shown.contains(&line[..12]), "{shown}");
        }
    }
}

// threat: C24
#[test]
fn a_key_has_one_encoding() {
    let der = read(GOLDEN).unwrap().spki_der().to_vec();
    let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    let point: String = der[26..].iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = STANDARD.encode(&der);
    for text in [
        hex.clone(),
        hex.to_uppercase(),
        point.clone(),
        base64.clone(),
        format!("ecdsa-sha2-nistp256 {base64}"),
        format!(r#"{{"keytype":"ecdsa","scheme":"ecdsa-sha2-nistp256","keyval":{{"public":"{point}"}}}}"#),
        r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned(),
    ] {
        assert!(matches!(pem_error(&text), PemError::Missing { wanted: WANTED, .. }), "{text}");
    }
    assert!(read(&der).is_err(), "DER as it is");
    for body in [STANDARD.encode(hex), STANDARD.encode(point), STANDARD.encode(&base64)] {
        let text = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        assert!(matches!(read(&text), Err(KeyError::Der { .. })), "{text}: {:?}", read(&text));
    }
}

// threat: C20
#[test]
fn the_body_is_canonical_base64() {
    let refused = PemError::Base64 { label: "PUBLIC KEY".to_owned() };
    assert!(GOLDEN.contains("/RBqvq45Y") && GOLDEN.contains("9g=="));
    for (from, to) in [
        ("9g==", "9g="),
        ("9g==", "9g"),
        ("9g==", "9h=="),
        ("9g==", "9g==="),
        ("/RBq", "_RBq"),
        ("MFkw", "MFk*"),
        ("MFkw", "MFk\u{e9}"),
        ("9g==", "9g==\nAA=="),
    ] {
        assert_eq!(pem_error(GOLDEN.replace(from, to)), refused, "{from} {to}");
    }
    assert_eq!(
        pem_error(GOLDEN.replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM")),
        PemError::Headers { label: "PUBLIC KEY".to_owned() }
    );
}

// threat: C10
// threat: C19
#[test]
fn only_the_listed_algorithms_and_curves_are_keys() {
    let curve = |text: &str, name: &str| match read(text) {
        Err(KeyError::UnsupportedCurve { found }) => assert!(found.contains(name), "{found}"),
        other => panic!("{name}: {other:?}"),
    };
    curve(include_str!("../../testdata/vectors/key/refused-secp224r1.pub"), "P-224");
    curve(include_str!("../../testdata/vectors/key/refused-prime192v1.pub"), "P-192");
    curve(include_str!("../../testdata/vectors/key/refused-secp256k1.pub"), "secp256k1");
    curve(include_str!("../../testdata/vectors/key/refused-brainpoolP256r1.pub"), "brainpoolP256r1");

    let algorithm = |found: Result<PublicKey, KeyError>, name: &str| match found {
        Err(KeyError::UnsupportedAlgorithm { found }) => assert!(found.contains(name), "{found}"),
        other => panic!("{name}: {other:?}"),
    };
    algorithm(read(include_str!("../../testdata/vectors/key/refused-dsa.pub")), "DSA");
    algorithm(read(include_str!("../../testdata/vectors/key/refused-x25519.pub")), "X25519");
    algorithm(read(include_str!("../../testdata/vectors/key/refused-ed448.pub")), "Ed448");
    algorithm(read(include_str!("../../testdata/vectors/key/refused-rsa-pss.pub")), "RSA-PSS");
    let ml_dsa_65 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12];
    algorithm(PublicKey::from_spki_der(&spki(&[&oid(&ml_dsa_65)], &[7; 1952])), "ML-DSA-65");
    algorithm(PublicKey::from_spki_der(&spki(&[&oid(&[0x2a, 0x03])], &[7; 32])), "1.2.3");
}

// threat: C10
#[test]
fn a_curve_is_given_by_name() {
    let explicit = read(include_str!("../../testdata/vectors/key/refused-explicit-parameters.pub"));
    assert_eq!(explicit, Err(KeyError::UnnamedCurve { found: "a SEQUENCE".to_owned() }));
    let absent = PublicKey::from_spki_der(&spki(&[&oid(&EC)], &golden_point()));
    assert_eq!(absent, Err(KeyError::UnnamedCurve { found: "absent".to_owned() }));
    let implicit = PublicKey::from_spki_der(&spki(&[&oid(&EC), &NULL], &golden_point()));
    assert_eq!(implicit, Err(KeyError::UnnamedCurve { found: "a NULL".to_owned() }));
}

#[test]
fn parameters_belong_to_their_algorithm() {
    let key = der(0x30, &[integer(&modulus(2048)), integer(&[1, 0, 1])].concat());
    let rsa = Err(KeyError::Parameters { algorithm: "RSA", expected: "NULL" });
    assert_eq!(PublicKey::from_spki_der(&spki(&[&oid(&RSA)], &key)), rsa);
    assert_eq!(PublicKey::from_spki_der(&spki(&[&oid(&RSA), &oid(&P256)], &key)), rsa);
    let ed25519 = Err(KeyError::Parameters { algorithm: "Ed25519", expected: "nothing" });
    assert_eq!(PublicKey::from_spki_der(&spki(&[&oid(&ED25519), &NULL], &[9; 32])), ed25519);
}

// threat: C11
#[test]
fn a_point_is_uncompressed_and_on_its_curve() {
    let point = golden_point();
    assert!(p256(&point).is_ok());
    let refused = |point: &[u8], form: &str| match p256(point) {
        Err(KeyError::PointEncoding { expected: 65, found }) => assert!(found.contains(form), "{found}"),
        other => panic!("{form}: {other:?}"),
    };
    refused(&[], "nothing");
    refused(&[0x00], "infinity");
    refused(&[&[0x02], &point[1..33]].concat(), "compressed");
    refused(&[&[0x03], &point[1..33]].concat(), "compressed");
    refused(&[&[0x06], &point[1..]].concat(), "unknown form");
    refused(&point[..64], "64 bytes");
    refused(&[&point[..], &[0]].concat(), "66 bytes");
    let compressed = read(include_str!("../../testdata/vectors/key/refused-compressed.pub"));
    assert!(matches!(compressed, Err(KeyError::PointEncoding { .. })), "{compressed:?}");

    for bit in 8..65 * 8 {
        let mut wrong = point.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(p256(&wrong), Err(KeyError::NotOnCurve { curve: Curve::P256 }), "bit {bit}");
    }
    assert_eq!(p256(&[&[0x04], &[0; 64][..]].concat()), Err(KeyError::NotOnCurve { curve: Curve::P256 }));
    assert_eq!(p256(&[&[0x04], &[0xff; 64][..]].concat()), Err(KeyError::NotOnCurve { curve: Curve::P256 }));
}

// threat: C05
#[test]
fn a_weak_ed25519_key_is_refused_at_reading() {
    let key = |raw: &[u8]| PublicKey::from_spki_der(&spki(&[&oid(&ED25519)], raw));
    assert_eq!(key(&[0; 32]), Err(KeyError::Ed25519(Ed25519Rule::SmallOrderKey)));
    assert_eq!(key(&[0xff; 32]), Err(KeyError::Ed25519(Ed25519Rule::CanonicalKey)));
    assert_eq!(key(&[9; 33]), Err(KeyError::Ed25519Length { found: 33 }));
}

// threat: C08
#[test]
fn an_rsa_key_is_neither_small_nor_huge_nor_malformed() {
    let e = [1, 0, 1];
    for bits in [2048, 2049, 3072, 4096, 8192] {
        assert_eq!(rsa(&modulus(bits), &e).unwrap().algorithm(), KeyAlgorithm::Rsa { bits: bits as u32 });
    }
    for found in [8, 512, 1024, 2047, 8193, 16_384] {
        assert_eq!(rsa(&modulus(found), &e), Err(KeyError::RsaModulus { found }));
    }
    let mut even = modulus(2048);
    even[255] &= 0xfe;
    assert_eq!(rsa(&even, &e), Err(KeyError::RsaModulusEven));
    for (exponent, found) in [
        (&[1][..], "0x01"),
        (&[3], "0x03"),
        (&[0], "0x00"),
        (&[0xff, 0xff], "0xffff"),
        (&[1, 0, 0], "0x010000"),
        (&[2, 0, 0, 0, 1], "0x0200000001"),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 1], "0x010000000000000001"),
    ] {
        assert_eq!(rsa(&modulus(2048), exponent), Err(KeyError::RsaExponent { found: found.to_owned() }));
    }
    assert!(rsa(&modulus(2048), &[1, 0xff, 0xff, 0xff, 0xff]).is_ok());
    let short = read(include_str!("../../testdata/vectors/key/refused-rsa-1024.pub"));
    assert_eq!(short, Err(KeyError::RsaModulus { found: 1024 }));
    let three = read(include_str!("../../testdata/vectors/key/refused-rsa-exponent-3.pub"));
    assert_eq!(three, Err(KeyError::RsaExponent { found: "0x03".to_owned() }));
}

// threat: C18
#[test]
fn der_is_strict_and_never_recurses() {
    let good = read(GOLDEN).unwrap().spki_der().to_vec();
    let refused = |bytes: &[u8], name: &str| {
        let found = PublicKey::from_spki_der(bytes);
        assert!(matches!(found, Err(KeyError::Der { .. })), "{name}: {found:?}");
    };
    refused(&[], "empty");
    refused(&[&good[..], &[0]].concat(), "trailing byte");
    refused(&[&[0x30, 0x81, 0x59], &good[2..]].concat(), "long form of a short length");
    refused(&[&[0x30, 0x80], &good[2..], &[0, 0]].concat(), "indefinite length");
    refused(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], "length of 2^32 - 1");
    refused(&[0x30, 0x85, 1, 0, 0, 0, 0], "length of 2^32");
    refused(&[0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "length of 2^63 - 1");
    refused(&[0x30, 0xff], "length of 127 bytes");
    let nested = (0..10_000).fold(Vec::new(), |inner, _| der(0x30, &inner));
    refused(&nested, "sequences in sequences");
    let parameters = (0..10_000).fold(Vec::new(), |inner, _| der(0x30, &inner));
    let found = PublicKey::from_spki_der(&spki(&[&oid(&EC), &parameters], &golden_point()));
    assert!(matches!(found, Err(KeyError::UnnamedCurve { .. })), "{found:?}");
    let algorithm = der(0x30, &[oid(&EC), oid(&P256)].concat());
    let unused = der(0x03, &[&[1], &golden_point()[..]].concat());
    refused(&der(0x30, &[algorithm, unused].concat()), "bit string with an unused bit");
    let padded = der(0x30, &[der(0x02, &[&[0, 0], &modulus(2048)[..]].concat()), integer(&[1, 0, 1])].concat());
    refused(&spki(&[&oid(&RSA), &NULL], &padded), "padded integer");
    let negative = der(0x30, &[der(0x02, &[0x80; 256]), integer(&[1, 0, 1])].concat());
    refused(&spki(&[&oid(&RSA), &NULL], &negative), "negative integer");
    let long = der(0x30, &[integer(&modulus(2048)), integer(&[1, 0, 1]), integer(&[1])].concat());
    refused(&spki(&[&oid(&RSA), &NULL], &long), "third integer");
    let trailing = [&der(0x30, &[integer(&modulus(2048)), integer(&[1, 0, 1])].concat())[..], &[0]].concat();
    refused(&spki(&[&oid(&RSA), &NULL], &trailing), "byte behind the RSA key");
}

// threat: N02
#[test]
fn a_key_cut_anywhere_is_refused() {
    for (text, _) in KEYS {
        let whole = text.trim_end();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} of {whole}");
        }
        let der = read(text).unwrap().spki_der().to_vec();
        for length in 0..der.len() {
            assert!(PublicKey::from_spki_der(&der[..length]).is_err(), "{length}");
        }
    }
}

// threat: N02
#[test]
fn a_key_changed_in_one_bit_verifies_nothing() {
    let payload = include_bytes!("../../testdata/vectors/key/golden.payload.json");
    let signature = Signature::from_base64(include_str!("../../testdata/vectors/key/golden.payload.sig")).unwrap();
    assert!(read(GOLDEN).unwrap().verify(payload, &signature).is_ok());
    for bit in 0..GOLDEN.len() * 8 {
        let mut text = GOLDEN.as_bytes().to_vec();
        text[bit / 8] ^= 1 << (bit % 8);
        if let Ok(key) = read(&text) {
            let verdict = key.verify(payload, &signature);
            assert!(matches!(verdict, Err(SignatureError::Invalid { .. })), "bit {bit}: {verdict:?}");
        }
    }
}

#[test]
fn der_that_is_a_key_is_not_base64_of_one() {
    let twice = STANDARD.encode(read(GOLDEN).unwrap().spki_der());
    assert!(matches!(PublicKey::from_spki_der(twice.as_bytes()), Err(KeyError::Der { .. })));
}
