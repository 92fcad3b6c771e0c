use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::digest::Digest;
use sigkit_core::oci::Repository;
use sigkit_core::policy::Purpose;
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use zeroize::Zeroizing;

use super::images::{Images, StoreAccess};
use super::verify_images::{ImageVerifier, evidence_beside, verified};
use crate::args::{GlobalArgs, VerifyAttestationArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::verification::{Subject, VerificationOutcome};
use crate::render;
use crate::runtime::Deadline;
use crate::settings::policy::{self as settings, Criteria};
use crate::settings::policy_files;
use crate::settings::target::OpenTarget;
use crate::terminal::printer::Printer;

/// Verifies attestations about images.
///
/// # Errors
/// [`CliError`] for errors before any image is handled; those of an image are in its outcome.
pub(crate) fn run(
    args: &VerifyAttestationArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let purpose = Purpose::Attestation(args.kind.kind.clone());
    let mut criteria = settings::criteria(purpose, &args.trust, args.signature_digest_algorithm, context)?;
    for path in &args.policy {
        criteria.policy = criteria.policy.with_gate(context.rego_policy(path)?);
        policy_files::bound_memory();
    }
    if !args.check_claims {
        criteria.policy = criteria.policy.dangerous_without_claims();
    }
    let given = match &args.bundle {
        Some(path) => {
            let limit = criteria.trust.limits().attachment_bytes;
            let bytes = context.read_or_stdin("--bundle", path, "a bundle or envelope", limit)?;
            Some((path.display().to_string(), bytes))
        }
        None => None,
    };
    let meant = args.local.meant(&args.images);
    let images = Images::collect(StoreAccess::Read, &meant, &args.registry, context)?;
    let verification = Verification {
        criteria,
        given,
        weakened: args.weakened(),
        elsewhere: args.registry.signature_repo.clone(),
        now: context.now(),
    };
    images.verify(
        &verification,
        render::Results::of_attestations(args.output, context.styles(), context.beliefs()),
        global,
        printer,
    )
}

struct Verification {
    criteria: Criteria,
    /// An attestation to verify instead of those that the store holds, with its name.
    given: Option<(String, Zeroizing<Vec<u8>>)>,
    weakened: Vec<&'static str>,
    /// The repository of the attestations when that is not the image's.
    elsewhere: Option<Repository>,
    now: UnixTime,
}

impl ImageVerifier for Verification {
    type Found = Evidence;

    async fn collect(&self, _: &str, open: &OpenTarget, image: &Digest, deadline: Deadline) -> Evidence {
        match &self.given {
            Some((name, bytes)) => {
                let entities = SignedEntity::each_from_any_attestation(bytes, self.criteria.trust.limits());
                Evidence::each(Origin::File(name.clone()), entities)
            }
            None => evidence_beside(open, image, &self.criteria, self.elsewhere.as_ref(), deadline).await,
        }
    }

    fn verify(
        &self,
        text: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
        found: Evidence,
        deadline: Deadline,
    ) -> VerificationOutcome {
        let subject = Subject::image(text, &open.name(), image)
            .in_place(open.place())
            .of_attestations()
            .weakened(self.weakened.clone());
        verified(subject, &self.criteria.trust, &self.criteria.policy, image, &found, self.now, deadline)
    }
}
