//! How long one verification of a signature by an identity takes in process, beside the cryptography that it cannot do without, and
//! beside the crate `sigstore-verify`.
//!
//! ```text
//! cargo run --release --manifest-path examples/bench/keyless/Cargo.toml
//! cargo run --release --manifest-path examples/bench/keyless/Cargo.toml --no-default-features --features ring
//! cargo run --release --manifest-path examples/bench/keyless/Cargo.toml -- 2000 ours     only sigkit, so many times, for a profiler
//! ```
//!
//! Whatever is compared takes turns of ten verifications each, so that a busy moment hits all; shown are medians of the time on the
//! clock and of the CPU time of this thread. A verification begins with the bytes of the bundle; trusted root and policy are set up before.
//! Bundles and trusted roots are those of Sigstore's public and staging instance in `testdata`.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use backend::digest::{SHA256, digest};
use backend::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;
use sigkit_core::trust::RootName;
use sigkit_core::verify::{Artifact, Verifier};
use sigkit_core::{Identity, KeylessAuthority, Pattern, Policy, Purpose, Trust, TrustedRoot};
use testkit::sigstore::{Hash, Key};

const ROUNDS: usize = 100;
/// Verifications in one turn.
const TURN: usize = 10;
const ARTIFACT: &[u8] = include_bytes!("../../../../testdata/vectors/sigstore/a.txt");
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

macro_rules! vector {
    ($path:literal) => {
        include_str!(concat!("../../../../testdata/vectors/sigstore/", $path))
    };
}

struct Case {
    name: &'static str,
    root: &'static str,
    bundle: &'static str,
    /// What any verifier of this bundle has to compute.
    operations: Vec<Operation>,
}

/// One operation by the backend alone, with a key and a message of its own.
struct Operation(Box<dyn Fn()>);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases = cases();
    if let [rounds, only] = arguments.as_slice()
        && only == "ours"
    {
        let rounds: usize = rounds.parse().expect("a number of rounds");
        for case in &cases {
            let verify = sigkit(case);
            (0..rounds).for_each(|_| verify());
        }
        return ExitCode::SUCCESS;
    }
    assert!(arguments.is_empty(), "expected no arguments, or ROUNDS ours");
    let mut table = Table::default();
    for case in &cases {
        let ours = sigkit(case);
        let theirs = sigstore_verify(case);
        let raw = || case.operations.iter().for_each(|operation| operation.0());
        let [ours, raw, theirs] = medians([&ours, &raw, &theirs]);
        for (clock, pick) in [("wall", Times::wall as fn(&Times) -> f64), ("CPU", Times::cpu)] {
            let measure = format!("{}: {clock}", case.name);
            table.at_most(&format!("{measure}, against its cryptography alone"), pick(&ours), pick(&raw), 1.2);
            // With ring, whose P-384 is slow, the backends would be compared.
            if cfg!(feature = "aws-lc-rs") {
                table.faster(&format!("{measure}, against sigstore-verify 0.15.1"), pick(&ours), pick(&theirs), 1.0);
            }
        }
    }
    table.print()
}

fn cases() -> Vec<Case> {
    let public = std::str::from_utf8(TrustedRoot::public_good_json()).expect("a text");
    let (first, second) = (vector!("happy-path-v0.1/bundle.json"), vector!("rekor2-happy-path/bundle.json"));
    let case = |name, root, bundle, operations| Case { name, root, bundle, operations };
    let sizes = Sizes::of(first);
    let mut operations = sizes.common();
    // The log's promise, which repeats the body in base64, and its checkpoint.
    operations.push(p256("promise", sizes.body.div_ceil(3) * 4 + 150));
    operations.push(p256("checkpoint", sizes.checkpoint));
    let first = case("keyless bundle, Rekor v1", public, first, operations);
    let sizes = Sizes::of(second);
    let mut operations = sizes.common();
    operations.push(ed25519("checkpoint", sizes.checkpoint));
    // The timestamp: the digest of the signature is in what is signed, the digest of that in the signed attributes, and the
    // authority's certificate is named by its digest.
    operations.extend([hash(71), hash(175), hash(531), p384("timestamp", Hash::Sha256, 255)]);
    vec![first, case("keyless bundle, Rekor v2", vector!("rekor2-happy-path/trusted_root.json"), second, operations)]
}

/// Lengths of what is signed and hashed, in bytes.
struct Sizes {
    certificate: usize,
    body: usize,
    path: usize,
    checkpoint: usize,
}

impl Sizes {
    fn of(bundle: &str) -> Self {
        let bundle: Value = serde_json::from_str(bundle).expect("JSON");
        let text = |path: &str| bundle.pointer(path).and_then(Value::as_str);
        let decoded = |text: &str| text.trim_end_matches('=').len() * 3 / 4;
        let material = "/verificationMaterial";
        let certificate = text(&format!("{material}/certificate/rawBytes"))
            .or(text(&format!("{material}/x509CertificateChain/certificates/0/rawBytes")));
        let entry = format!("{material}/tlogEntries/0");
        let checkpoint = text(&format!("{entry}/inclusionProof/checkpoint/envelope")).expect("a checkpoint");
        let hashes = bundle.pointer(&format!("{entry}/inclusionProof/hashes")).and_then(Value::as_array);
        Self {
            certificate: decoded(certificate.expect("a certificate")),
            body: decoded(text(&format!("{entry}/canonicalizedBody")).expect("a body")),
            path: hashes.expect("hashes").len(),
            checkpoint: checkpoint.find("\n\n").expect("an empty line") + 1,
        }
    }

    /// What is signed in a certificate is shorter by its signature (P-384: about 120 bytes with its header), and what the certificate
    /// log signed by its promise, too (about 140).
    fn common(&self) -> Vec<Operation> {
        let mut operations = vec![
            p256("artifact", ARTIFACT.len()),
            p384("certificate", Hash::Sha384, self.certificate - 120),
            p256("certificate log", self.certificate - 220),
            hash(120), // the issuer's key, which the certificate log names by its digest
            hash(self.body + 1),
        ];
        operations.extend((0..self.path).map(|_| hash(65)));
        operations
    }
}

fn p256(name: &str, length: usize) -> Operation {
    let key = Key::p256(name);
    verification(&ECDSA_P256_SHA256_ASN1, 65, &key, Hash::Sha256, length)
}

fn p384(name: &str, hash: Hash, length: usize) -> Operation {
    let algorithm = if hash == Hash::Sha256 { &ECDSA_P384_SHA256_ASN1 } else { &ECDSA_P384_SHA384_ASN1 };
    verification(algorithm, 97, &Key::p384(name), hash, length)
}

fn ed25519(name: &str, length: usize) -> Operation {
    verification(&ED25519, 32, &Key::ed25519(name), Hash::Sha512, length)
}

fn verification(
    algorithm: &'static dyn VerificationAlgorithm,
    raw: usize,
    key: &Key,
    hash: Hash,
    length: usize,
) -> Operation {
    let message = vec![7; length];
    let signature = key.sign_with(hash, &message);
    let spki = key.spki();
    let point = spki[spki.len() - raw..].to_vec();
    Operation(Box::new(move || {
        let key = UnparsedPublicKey::new(algorithm, black_box(point.as_slice()));
        key.verify(&message, &signature).expect("it is good");
    }))
}

fn hash(length: usize) -> Operation {
    let message = vec![7; length];
    Operation(Box::new(move || {
        black_box(digest(&SHA256, black_box(&message)));
    }))
}

fn sigkit(case: &Case) -> impl Fn() {
    let root = TrustedRoot::from_json(case.root.as_bytes(), &Limits::DEFAULT).expect("a trusted root");
    let pattern = |text: &str| Pattern::exact(text).expect("a name");
    let identity = Identity::new(pattern(IDENTITY), pattern(ISSUER));
    let trust = Trust::default().with_root(RootName::PUBLIC_GOOD, root);
    let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(identity));
    let now = UnixTime::from(std::time::SystemTime::now());
    let bundle = case.bundle.as_bytes();
    move || {
        let entity = SignedEntity::from_bundle(black_box(bundle), &Limits::DEFAULT);
        let evidence = Evidence::of(Origin::File(String::new()), entity);
        Verifier::new(&trust).verify(&policy, &Artifact::Bytes(ARTIFACT), &evidence, now).expect("it is good");
    }
}

fn sigstore_verify(case: &Case) -> impl Fn() {
    let root = sigstore_verify::trust_root::TrustedRoot::from_json(case.root).expect("a trusted root");
    let verifier = sigstore_verify::Verifier::new(&root).expect("a trusted root");
    let policy = sigstore_verify::VerificationPolicy::new(IDENTITY, ISSUER);
    let bundle = case.bundle;
    move || {
        let bundle = sigstore_verify::types::Bundle::from_json(black_box(bundle)).expect("a bundle");
        verifier.verify(ARTIFACT, &bundle, &policy).expect("it is good");
    }
}

/// Times of one thing: on the clock, and of the CPU.
struct Times(f64, f64);

impl Times {
    fn wall(&self) -> f64 {
        self.0
    }

    fn cpu(&self) -> f64 {
        self.1
    }
}

/// Medians over many rounds, in which each has its turn.
fn medians<const N: usize>(work: [&dyn Fn(); N]) -> [Times; N] {
    let mut samples = [(); N].map(|()| (Vec::new(), Vec::new()));
    for round in 0..=ROUNDS {
        for (work, (wall, cpu)) in work.iter().zip(&mut samples) {
            let (begin, used) = (Instant::now(), cpu_time());
            (0..TURN).for_each(|_| work());
            let (used, passed) = (cpu_time() - used, begin.elapsed());
            // The first round warms caches.
            if round > 0 {
                wall.push(passed);
                cpu.push(used);
            }
        }
    }
    samples.map(|(wall, cpu)| Times(median(wall), median(cpu)))
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time")
}

fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort_unstable();
    samples[samples.len() / 2].as_secs_f64() / TURN as f64
}

#[derive(Default)]
struct Table(Vec<[String; 6]>);

impl Table {
    fn at_most(&mut self, measure: &str, ours: f64, theirs: f64, target: f64) {
        let ratio = ours / theirs;
        self.row(measure, ours, theirs, ratio, format!("≤ {target} ×"), ratio <= target);
    }

    fn faster(&mut self, measure: &str, ours: f64, theirs: f64, target: f64) {
        let ratio = theirs / ours;
        self.row(measure, ours, theirs, ratio, format!("> {target} × faster"), ratio > target);
    }

    fn row(&mut self, measure: &str, ours: f64, theirs: f64, ratio: f64, target: String, met: bool) {
        let micro = |seconds: f64| format!("{:.1} µs", seconds * 1e6);
        let ok = if met { "yes" } else { "NO" };
        self.0.push([measure.to_owned(), micro(ours), micro(theirs), format!("{ratio:.2} ×"), target, ok.to_owned()]);
    }

    fn print(self) -> ExitCode {
        let head = ["measure", "sigkit", "peer", "ratio", "target", "ok"].map(str::to_owned);
        let widths: Vec<usize> = (0..head.len())
            .map(|column| self.0.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("{ROUNDS} turns of {TURN} each, medians; load {}", load.split(' ').next().unwrap_or_default());
        for row in [&head].into_iter().chain(&self.0) {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
            println!("{}", cells.join("  ").trim_end());
        }
        let missed = self.0.iter().filter(|row| row[5] == "NO").count();
        println!("targets met: {}, missed: {missed}", self.0.len() - missed);
        if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
