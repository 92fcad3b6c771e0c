//! How long one verification of a signature by an identity takes in process, beside the cryptography that it cannot do without, and
//! beside the crate `sigstore-verify`.
//!
//! ```text
//! cargo run --release --manifest-path examples/bench/keyless/Cargo.toml
//! cargo run --release --manifest-path examples/bench/keyless/Cargo.toml -- TRUSTED_ROOT BUNDLE ARTIFACT IDENTITY ISSUER
//! ```
//!
//! Times are the least of many rounds, in microseconds: what a machine does between two rounds is not what is measured. A verification
//! begins with the bytes of the bundle; trusted root and policy are set up before.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;
use sigkit_core::verify::{Artifact, Verifier};
use sigkit_core::{Identity, KeylessAuthority, Pattern, Policy, Purpose, TrustedRoot};
use testkit::sigstore::{IDENTITY, ISSUER, Key, Kind, Sigstore};

const ROUNDS: usize = 400;
const ARTIFACT: &[u8] = b"a file of no importance\n";

/// Verifications of signatures that one verification of the whole takes at least.
struct Operations {
    p256: u32,
    p384: u32,
    ed25519: u32,
}

struct Case {
    name: String,
    root: Vec<u8>,
    bundle: Vec<u8>,
    artifact: Vec<u8>,
    identity: String,
    issuer: String,
    operations: Option<Operations>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases = match arguments.as_slice() {
        [] => minted(),
        [root, bundle, artifact, identity, issuer] => {
            let read = |path: &String| std::fs::read(path).expect(path);
            vec![Case {
                name: bundle.clone(),
                root: read(root),
                bundle: read(bundle),
                artifact: read(artifact),
                identity: identity.clone(),
                issuer: issuer.clone(),
                operations: None,
            }]
        }
        _ => panic!("expected no arguments, or TRUSTED_ROOT BUNDLE ARTIFACT IDENTITY ISSUER"),
    };
    let (p256, p384, ed25519) = (raw(&Key::p256("raw")), raw(&Key::p384("raw")), raw(&Key::ed25519("raw")));
    println!("one signature: P-256 {p256:.1} µs, P-384 {p384:.1} µs, Ed25519 {ed25519:.1} µs");
    for case in cases {
        let ours = sigkit(&case);
        print!("{}: sigkit {ours:.1} µs", case.name);
        if let Some(operations) = &case.operations {
            let least = f64::from(operations.p256) * p256 + f64::from(operations.p384) * p384 + f64::from(operations.ed25519) * ed25519;
            print!(", {:.2} times its cryptography ({least:.1} µs)", ours / least);
        }
        match sigstore_verify(&case) {
            Ok(theirs) => println!("; sigstore-verify {theirs:.1} µs, {:.2} times ours", theirs / ours),
            Err(refusal) => println!("; sigstore-verify refuses: {refusal}"),
        }
    }
}

fn minted() -> Vec<Case> {
    let stack = Sigstore::new();
    let case = |name: &str, bundle: serde_json::Value, operations| Case {
        name: name.to_owned(),
        root: stack.trusted_root().to_string().into_bytes(),
        bundle: bundle.to_string().into_bytes(),
        artifact: ARTIFACT.to_vec(),
        identity: IDENTITY.to_owned(),
        issuer: ISSUER.to_owned(),
        operations: Some(operations),
    };
    let second = stack.blob(ARTIFACT).kind(Kind::HashedRekord2).stamped().seal().bundle();
    vec![
        // Artifact, certificate log, promise, checkpoint; the certificate.
        case("Rekor v1", stack.blob(ARTIFACT).seal().bundle(), Operations { p256: 4, p384: 1, ed25519: 0 }),
        // Artifact, certificate log; certificate, timestamp; checkpoint.
        case("Rekor v2", second, Operations { p256: 2, p384: 2, ed25519: 1 }),
    ]
}

/// The least time of many rounds.
fn least(mut work: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let begin = Instant::now();
        work();
        begin.elapsed()
    };
    let least = (0..ROUNDS).map(|_| time(&mut work)).min().unwrap_or(Duration::ZERO);
    least.as_secs_f64() * 1e6
}

/// One verification by the backend alone, the key parsed as any verifier has to.
fn raw(key: &Key) -> f64 {
    let message = [7; 250];
    let signature = key.sign(&message);
    let spki = key.spki();
    let (algorithm, length): (&'static dyn VerificationAlgorithm, usize) = match spki.len() {
        44 => (&ED25519, 32),
        91 => (&ECDSA_P256_SHA256_ASN1, 65),
        _ => (&ECDSA_P384_SHA384_ASN1, 97),
    };
    let point = &spki[spki.len() - length..];
    least(|| UnparsedPublicKey::new(algorithm, black_box(point)).verify(&message, &signature).expect("it is good"))
}

fn sigkit(case: &Case) -> f64 {
    let root = TrustedRoot::from_json(&case.root, &Limits::DEFAULT).expect("a trusted root");
    let pattern = |text: &str| Pattern::exact(text).expect("a name");
    let identity = Identity::new(pattern(&case.identity), pattern(&case.issuer));
    let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(identity, Arc::new(root)));
    let now = UnixTime::from(std::time::SystemTime::now());
    least(|| {
        let entity = SignedEntity::from_bundle(black_box(&case.bundle), &Limits::DEFAULT);
        let evidence = Evidence::of(Origin::File(String::new()), entity);
        Verifier::new(&policy).verify(&Artifact::Bytes(&case.artifact), &evidence, now).expect("it is good");
    })
}

fn sigstore_verify(case: &Case) -> Result<f64, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string());
    let root = sigstore_verify::trust_root::TrustedRoot::from_json(&text(&case.root)?).map_err(|error| error.to_string())?;
    let verifier = sigstore_verify::Verifier::new(&root).map_err(|error| error.to_string())?;
    let policy = sigstore_verify::VerificationPolicy::new(case.identity.as_str(), case.issuer.as_str());
    let bundle = text(&case.bundle)?;
    let verify = || {
        let bundle = sigstore_verify::types::Bundle::from_json(black_box(&bundle)).map_err(|error| error.to_string())?;
        verifier.verify(case.artifact.as_slice(), &bundle, &policy).map_err(|error| error.to_string())
    };
    verify()?;
    Ok(least(|| drop(verify())))
}
