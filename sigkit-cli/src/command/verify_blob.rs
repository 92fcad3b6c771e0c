use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::digest::Digest;
use sigkit_core::policy::Purpose;
use sigkit_core::verify::{Artifact, ArtifactHasher, StreamedArtifact, Verifier};

use crate::args::{GlobalArgs, VerifyBlobArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::verification::{Subject, VerificationOutcome};
use crate::render;
use crate::settings::policy::{self as settings, Criteria};

/// Bytes read at once. Page and copy of it must fit into the second-level cache together: with 256 KiB the copying alone costs
/// four times as much.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// Verifies a file, standard input or a digest; of any size in constant memory.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &VerifyBlobArgs, context: &Context, _: &GlobalArgs) -> Result<Output, CliError> {
    let criteria = settings::criteria(Purpose::Blob, &args.trust, args.signature_digest_algorithm, context)?;
    let evidence = evidence(args, context)?;
    let given = args.blob.display().to_string();
    let judge = |artifact: &Artifact<'_>, digest: Option<Digest>| {
        let result = Verifier::new(&criteria.trust).verify(&criteria.policy, artifact, &evidence, context.now());
        VerificationOutcome::new(Subject::named(given.clone(), digest).weakened(args.trust.weakened()), result)
    };
    let judgement = match digest(&args.blob) {
        Some(digest) => judge(&Artifact::Digest(digest), Some(digest)),
        None => {
            let scan = scan(&args.blob, &criteria, &evidence, context)?;
            let artifact = Artifact::Streamed(&scan);
            judge(&artifact, artifact.digest(sigkit_core::digest::DigestAlgorithm::Sha256))
        }
    };
    Ok(render::blob(&judgement, args.output, context.styles().stderr, &context.beliefs()))
}

/// `sha256:HEX` names a digest unless a file of that name exists.
fn digest(blob: &Path) -> Option<Digest> {
    if blob.exists() { None } else { blob.to_str()?.parse().ok() }
}

fn evidence(args: &VerifyBlobArgs, context: &Context) -> Result<Evidence, CliError> {
    let limits = context.limits()?;
    let (name, entities) = if let Some(path) = &args.bundle {
        let bytes = context.read_or_stdin("--bundle", path, "a bundle", limits.attachment_bytes)?;
        (path.display().to_string(), SignedEntity::each_from_any_bundle(&bytes, &limits))
    } else {
        let given = args.signature.as_deref().unwrap_or_default();
        let (name, text) = context.signature_text("--signature", given)?;
        (name, SignedEntity::from_detached(&text).map(|entity| vec![entity]))
    };
    let timestamp = args.rfc3161_timestamp.as_deref().map(|path| context.timestamp("--rfc3161-timestamp", path));
    let timestamp = timestamp.transpose()?;
    let entities = entities.map(|mut entities| {
        entities.iter_mut().for_each(|entity| entity.timestamps.extend(timestamp.clone()));
        entities
    });
    Ok(Evidence::each(Origin::File(name), entities))
}

pub(super) fn scan(
    blob: &Path,
    criteria: &Criteria,
    evidence: &Evidence,
    context: &Context,
) -> Result<StreamedArtifact, CliError> {
    let scanner = ArtifactHasher::new(&criteria.trust, &criteria.policy, evidence);
    if blob == Path::new("-") {
        return scan_stream(scanner, &mut context.stdin.take()?);
    }
    context.files.unchanged("BLOB", blob, "a file to verify", |file| scan_stream(scanner, file))?
}

fn scan_stream(mut scanner: ArtifactHasher, file: &mut File) -> Result<StreamedArtifact, CliError> {
    let mut buffer = vec![0_u8; CHUNK_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(scanner.finish()),
            Ok(read) => scanner.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CliError::system("read the blob", error)),
        }
    }
}
