use std::path::Path;

use sigkit_core::image::gather;
use sigkit_core::oci::Repository;
use sigkit_core::policy::{ImageName, PolicySet};
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use sigkit_core::verify::{Artifact, admit};

use super::images::Images;
use crate::args::{GlobalArgs, VerifyArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Printer};
use crate::policies::bound_memory;
use crate::render::{self, Judgement, Subject};
use crate::runtime::{self, Deadline};
use crate::target::{OpenTarget, Target};
use crate::trusted_root::trusted_root;

/// Verifies images by the policies of a file.
///
/// # Errors
/// [`CliError`] for what stands before any image; what befalls an image is in its judgement.
pub(super) fn run(
    path: &Path,
    args: &VerifyArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let policies = context.policies(path, &|| trusted_root(&args.trust, context))?;
    if policies.evaluates_rego() {
        bound_memory();
    }
    let images = Images::collect_to_read(&args.images, &args.registry, context)?;
    let verification = Verification { policies, images: &images, now: context.now() };
    let deadline = Deadline::after(global.timeout);
    let mut results = render::Results::new(args.output, context);
    printer.expect(images.named.len());
    runtime::block_on(async {
        let work = |text: String, target| {
            let verification = &verification;
            async move {
                let timed_out = Judgement::timed_out(text.clone(), global.timeout);
                deadline.bound(verification.judge(text, target)).await.unwrap_or(vec![timed_out])
            }
        };
        images.each(work, |judgements| printer.piece(results.render(&judgements))).await
    })??;
    Ok(results.summary())
}

struct Verification<'a> {
    policies: PolicySet,
    images: &'a Images<'a>,
    now: UnixTime,
}

impl Verification<'_> {
    /// One image, and those below it when they are asked for; each by the policies about the name that the user gave.
    async fn judge(&self, text: String, target: Target) -> Vec<Judgement> {
        let (open, images) = match self.images.with_below(target).await {
            Ok(found) => found,
            Err(error) => return vec![Judgement::unresolved(text, error)],
        };
        let mut judgements = Vec::new();
        for image in images {
            judgements.push(self.judge_one(&open, text.clone(), image).await);
        }
        judgements
    }

    async fn judge_one(&self, open: &OpenTarget, text: String, image: FetchedManifest) -> Judgement {
        let name = match open.reference() {
            Some(reference) => ImageName::Registry(reference),
            None => ImageName::Local { transport: open.transport(), given: &text },
        };
        let demand = self.policies.demand_for(name);
        let elsewhere = |repository: &Repository| self.images.repository(repository);
        let findings = gather(&*open.signatures, elsewhere, &image.descriptor.digest, &demand).await;
        let admission = admit(&demand, &Artifact::Bytes(&image.bytes), &findings, self.now);
        Judgement::admitted(Subject::image(text, open, &image), admission, &findings)
    }
}
