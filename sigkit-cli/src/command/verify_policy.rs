use std::path::Path;

use sigkit_core::digest::Digest;
use sigkit_core::image::collect_evidence_until;
use sigkit_core::oci::Repository;
use sigkit_core::policy::{ImageIdentity, PolicySet, Requirement};
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, EvidenceSet, Verifier};

use super::images::{Images, StoreAccess};
use super::verify_images::ImageVerifier;
use crate::args::{GlobalArgs, VerifyArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::verification::{Subject, VerificationOutcome};
use crate::render;
use crate::runtime::Deadline;
use crate::settings::target::OpenTarget;
use crate::settings::trusted_root::trusted_root;
use crate::terminal::printer::Printer;

/// Verifies images by the policies of a file.
///
/// # Errors
/// [`CliError`] for errors before any image is handled; those of an image are in its outcome.
pub(super) fn run(
    path: &Path,
    args: &VerifyArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let (policies, trust) = context.policies(path, &|| trusted_root(&args.trust, context))?;
    #[cfg(feature = "rego")]
    if policies.evaluates_rego() {
        crate::settings::policy_files::bound_memory();
    }
    let meant = args.local.meant(&args.images);
    let images = Images::collect(StoreAccess::Read, &meant, &args.registry, context)?;
    let verification = Verification { policies, trust, images: &images, now: context.now() };
    images.verify(
        &verification,
        render::Results::new(args.output, context.styles(), context.beliefs()),
        global,
        printer,
    )
}

struct Verification<'a> {
    policies: PolicySet,
    trust: Trust,
    images: &'a Images<'a>,
    now: UnixTime,
}

impl ImageVerifier for Verification<'_> {
    type Found = (Requirement, EvidenceSet);

    /// What the policies about the name that the user gave ask for.
    async fn collect(
        &self,
        text: &str,
        open: &OpenTarget,
        image: &Digest,
        deadline: Deadline,
    ) -> (Requirement, EvidenceSet) {
        let name = match open.reference() {
            Some(reference) => ImageIdentity::Registry(reference),
            None => ImageIdentity::Local { transport: open.transport(), given: text },
        };
        let requirement = self.policies.requirement_for(name);
        let elsewhere = |repository: &Repository| self.images.repository(repository);
        let collected = Box::pin(collect_evidence_until(
            &open.signatures,
            elsewhere,
            image,
            &requirement,
            self.trust.limits(),
            deadline.passed(),
        ))
        .await;
        (requirement, collected)
    }

    fn verify(
        &self,
        text: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
        (requirement, collected): (Requirement, EvidenceSet),
        deadline: Deadline,
    ) -> VerificationOutcome {
        let end = deadline.of_judging();
        let left = || end.left();
        let decision = Verifier::new(&self.trust).with_time_left(&left).evaluate(
            &requirement,
            &Artifact::Bytes(image.bytes()),
            &collected,
            self.now,
        );
        VerificationOutcome::admitted(Subject::image(text, &open.name(), image).in_place(open.place()), decision)
    }
}
