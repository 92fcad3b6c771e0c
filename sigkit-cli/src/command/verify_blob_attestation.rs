use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::policy::Purpose;
use sigkit_core::verify::{Artifact, Verifier};

use super::verify_blob;
use crate::args::VerifyBlobAttestationArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::verification::{Compared, Subject, VerificationOutcome};
use crate::render;
use crate::settings::policy as settings;

/// Verifies an attestation about a file, standard input or a digest; of any size in constant memory.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &VerifyBlobAttestationArgs, context: &Context) -> Result<Output, CliError> {
    let digest = args.digest()?;
    let purpose = Purpose::Attestation(args.kind.kind.clone());
    let mut criteria = settings::criteria(purpose, &args.trust, args.signature_digest_algorithm, context)?;
    if !args.check_claims {
        criteria.policy = criteria.policy.dangerous_without_claims();
    }
    let evidence = {
        let (option, path) = match (&args.bundle, &args.signature) {
            (Some(path), _) => ("--bundle", path.as_path()),
            (None, path) => ("--signature", path.as_deref().unwrap_or("".as_ref())),
        };
        let limit = criteria.trust.limits().attachment_bytes;
        let bytes = context.read_or_stdin(option, path, "a bundle or envelope", limit)?;
        let entities = SignedEntity::each_from_any_attestation(&bytes, criteria.trust.limits());
        Evidence::each(Origin::File(path.display().to_string()), entities)
    };
    let scan = match (&args.blob, digest) {
        (Some(blob), None) if args.check_claims => Some(verify_blob::scan(blob, &criteria, &evidence, context)?),
        _ => None,
    };
    let (artifact, known) = match (&scan, digest) {
        (Some(scan), _) => (Artifact::Streamed(scan), scan.digest(sigkit_core::digest::DigestAlgorithm::Sha256)),
        (None, Some(digest)) => (Artifact::Digest(digest), Some(digest)),
        (None, None) => (Artifact::Bytes(b""), None),
    };
    let name = args.blob.as_ref().map(|blob| blob.display().to_string());
    let name = name.or_else(|| known.map(|digest| digest.to_string())).unwrap_or_else(|| "any blob".to_owned());
    let judged = Verifier::new(&criteria.trust).verify(&criteria.policy, &artifact, &evidence, context.now());
    let compared = if args.check_claims { Compared::WithArtifact } else { Compared::WithNothing };
    let subject = Subject::named(name, known).of_attestations().weakened(args.weakened()).compared(compared);
    Ok(render::blob(
        &VerificationOutcome::new(subject, judged),
        args.output,
        context.styles().stderr,
        &context.beliefs(),
    ))
}
