//! Many signers of one image at once, each a process of its own: does any of them report success without a signature?
//!
//! ```text
//! signers [--signers N] [--rounds N] [--seconds N] [NAME=HOST:PORT]...
//! ```
//!
//! Runs against the registries named, and against the test registry of this workspace with and without entity tags and the
//! referrers API. A line for each registry and format; the exit code is 1 when a signature is missing whose signer exited 0.
//! `--seconds` ends the rounds of each line early.
#![allow(clippy::disallowed_methods, reason = "a program, which measures how long its processes took")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use sigkit_core::attach::discover;
use sigkit_core::crypto::{KeyAlgorithm, PublicKey};
use sigkit_core::digest::Digest;
use sigkit_core::image::{Format, SignImageError, SignOptions, sign_image};
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, ImageReference, TagOrDigest, media_type};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::store::registry::{RegistryClient, RegistryStore};
use sigkit_core::store::{BlobSource, StoreError, StoreWrite as _};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};
use testkit::{Registry, Switch};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [verb, image, format] if verb == "sign" => runtime.block_on(sign(image, format)),
        _ => runtime.block_on(contest(&arguments)),
    }
}

/// One signer: makes a key, shows its public half, waits for a line, signs.
async fn sign(image: &str, format: &str) -> Result<ExitCode, Failure> {
    let key = KeyPair::generate(KeyAlgorithm::EcdsaP256)?;
    print!("{}", key.public_key().to_pem());
    std::io::stdout().flush()?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    let reference: ImageReference = image.parse()?;
    let store = RegistryClient::default().repository(&reference.repository);
    let format = match format {
        "legacy" => Format::Legacy,
        "both" => Format::Both,
        _ => Format::Bundle,
    };
    let signing = SignOptions::new(format, reference.repository.to_string());
    match sign_image(&store, &reference.target(), &key, &signing, now()).await {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            let code = match &error {
                SignImageError::Attach(error) => error.code(),
                SignImageError::Image(error) => error.code(),
                _ => "other",
            };
            eprintln!("{code}: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What is asked for.
struct Contest {
    signers: usize,
    rounds: usize,
    time: Duration,
    /// Registries by name.
    named: Vec<(String, String)>,
}

impl Contest {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut contest = Self { signers: 50, rounds: 20, time: Duration::MAX, named: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse().ok()).ok_or("expected a number");
            match argument.as_str() {
                "--signers" => contest.signers = number()?,
                "--rounds" => contest.rounds = number()?,
                "--seconds" => contest.time = Duration::from_secs(u64::try_from(number()?)?),
                other => {
                    let (name, host) = other.split_once('=').ok_or("expected NAME=HOST:PORT")?;
                    contest.named.push((name.to_owned(), host.to_owned()));
                }
            }
        }
        Ok(contest)
    }
}

async fn contest(arguments: &[String]) -> Result<ExitCode, Failure> {
    let contest = Contest::parse(arguments)?;
    let mut kept = Vec::new();
    let mut registries = contest.named.clone();
    for (referrers, api) in [(Switch::On, "referrers"), (Switch::Off, "no referrers")] {
        for (etags, conditional) in [(Switch::On, "ETags"), (Switch::Off, "no ETags")] {
            let registry = Registry::builder().referrers(referrers).etags(etags).start();
            registries.push((format!("testkit ({api}, {conditional})"), registry.host().to_owned()));
            kept.push(registry);
        }
    }
    let mut lost = 0;
    for (name, host) in &registries {
        for format in ["legacy", "bundle", "both"] {
            let tally = rounds(&contest, host, format).await?;
            println!("signers: {name}, {format}: {} at once, {tally}", contest.signers);
            lost += tally.lost;
        }
    }
    drop(kept);
    Ok(ExitCode::from(u8::from(lost > 0)))
}

/// What came of all rounds of one registry and format.
#[derive(Default)]
struct Tally {
    rounds: usize,
    done: usize,
    /// Exited 0 and left no signature that verifies.
    lost: usize,
    /// Exited otherwise, by the code of the error.
    refused: BTreeMap<String, usize>,
    longest: Duration,
    all: Duration,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let refused: usize = self.refused.values().sum();
        write!(f, "{} rounds: {} exited 0, ", self.rounds, self.done)?;
        write!(f, "{} of them without a verifiable signature; {refused} exited non-zero", self.lost)?;
        if refused > 0 {
            write!(f, " {:?}", self.refused)?;
        }
        let mean = self.all.as_secs_f64() / f64::from(u32::try_from(self.rounds.max(1)).unwrap_or(u32::MAX));
        write!(f, "; a round took {mean:.1} s, at most {:.1} s", self.longest.as_secs_f64())
    }
}

async fn rounds(contest: &Contest, host: &str, format: &str) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let began = Instant::now();
    while tally.rounds < contest.rounds && (tally.rounds == 0 || began.elapsed() < contest.time) {
        let reference: ImageReference = format!("{host}/signers/{format}:{}", tally.rounds).parse()?;
        let store = RegistryClient::default().repository(&reference.repository);
        let seed = format!("{format}, round {}, {:?}", tally.rounds, SystemTime::now());
        let image = push_image(&store, &reference.target(), &seed).await?;
        round(contest.signers, &reference.to_string(), format, &store, &image, &mut tally).await?;
        tally.rounds += 1;
    }
    Ok(tally)
}

async fn round(
    signers: usize,
    reference: &str,
    format: &str,
    store: &RegistryStore,
    image: &[u8],
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut running = Vec::new();
    for _ in 0..signers {
        running.push(start(reference, format)?);
    }
    let began = Instant::now();
    for (child, _) in &mut running {
        child.stdin.take().ok_or("a pipe")?.write_all(b"go\n")?;
    }
    let mut done = Vec::new();
    for (child, key) in running {
        let output = child.wait_with_output()?;
        if output.status.success() {
            done.push(key);
        } else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let code = said.split(':').next().unwrap_or_default().to_owned();
            *tally.refused.entry(code).or_default() += 1;
        }
    }
    tally.longest = tally.longest.max(began.elapsed());
    tally.all += began.elapsed();
    tally.done += done.len();
    let policy = |key| Policy::key(Purpose::Image, KeyAuthority::new("the signer", key));
    let Some(anyone) = done.first() else { return Ok(()) };
    let evidence = discover(store, &Digest::sha256(image), &policy(anyone.clone()), &Limits::DEFAULT).await;
    if let Some(problem) = evidence.problems.first() {
        return Err(format!("{}: {}", problem.target, problem.detail).into());
    }
    for key in done {
        tally.lost += usize::from(
            Verifier::new(&Trust::default()).verify(&policy(key), &Artifact::Bytes(image), &evidence, now()).is_err(),
        );
    }
    Ok(())
}

/// A signer that is ready, and its key.
fn start(reference: &str, format: &str) -> Result<(Child, PublicKey), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["sign", reference, format])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut pem = String::new();
    let mut lines = BufReader::new(child.stdout.take().ok_or("a pipe")?);
    while lines.read_line(&mut pem)? > 0 && !pem.contains("END PUBLIC KEY") {}
    Ok((child, PublicKey::from_pem(pem.trim().as_bytes())?))
}

/// Stores an image of its own.
async fn push_image(store: &RegistryStore, target: &TagOrDigest, seed: &str) -> Result<Vec<u8>, StoreError> {
    let (config, layer) = (b"{}".as_slice(), seed.as_bytes());
    for blob in [config, layer] {
        store.push_blob(BlobSource::bytes(blob.into(), &Digest::sha256(blob))).await?;
    }
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": Descriptor::of(media_type::OCI_CONFIG, config),
        "layers": [Descriptor::of("application/vnd.oci.image.layer.v1.tar", layer)],
    });
    let bytes = manifest.to_string().into_bytes();
    store.push_manifest(target, media_type::OCI_MANIFEST, &bytes).await?;
    Ok(bytes)
}

fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}
