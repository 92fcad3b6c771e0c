use sigkit_core::attach::discover;
use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::policy::{Policy, Purpose};
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use sigkit_core::verify::{Artifact, Verifier};
use zeroize::Zeroizing;

use super::images::Images;
use super::trust;
use crate::args::{GlobalArgs, VerifyAttestationArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Printer};
use crate::policies;
use crate::render::{self, Judgement, Subject};
use crate::runtime::{self, Deadline};
use crate::target::{OpenTarget, Target};

/// Verifies attestations about images.
///
/// # Errors
/// [`CliError`] for what stands before any image; what befalls an image is in its judgement.
pub(crate) fn run(
    args: &VerifyAttestationArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    args.check(context)?;
    let purpose = Purpose::Attestation(args.kind.kind.clone());
    let mut policy = trust::policy(purpose, &args.trust, args.signature_digest_algorithm, context)?;
    for path in &args.policy {
        policy = policy.with_gate(context.rego_policy(path)?);
        policies::bound_memory();
    }
    if !args.check_claims {
        policy = policy.dangerous_without_claims();
    }
    let given = match &args.bundle {
        Some(path) => {
            let limit = policy.limits().attachment_bytes;
            let bytes = context.read_or_stdin("--bundle", path, "a bundle or envelope", limit)?;
            Some((path.display().to_string(), bytes))
        }
        None => None,
    };
    let images = Images::collect_to_read(&args.images, &args.registry, context)?;
    let weakened = args.trust.weakened();
    let verification = Verification { policy, given, weakened, images: &images, now: context.now() };
    let deadline = Deadline::after(global.timeout);
    let mut results = render::Results::of_attestations(args.output, context);
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
    policy: Policy,
    /// An attestation to judge in place of those that the store holds, with its name.
    given: Option<(String, Zeroizing<Vec<u8>>)>,
    weakened: Vec<&'static str>,
    images: &'a Images<'a>,
    now: UnixTime,
}

impl Verification<'_> {
    /// One image, and those below it when they are asked for.
    async fn judge(&self, text: String, target: Target) -> Vec<Judgement> {
        let (open, image) = match self.images.resolve(target).await {
            Ok(resolved) => resolved,
            Err(error) => return vec![Judgement::unresolved(text, error)],
        };
        if let Err(error) = self.images.check_contents(&open, &image).await {
            return vec![Judgement::unresolved(text, error)];
        }
        let below = match self.images.below(&open, &image).await {
            Ok(below) => below,
            Err(error) => return vec![Judgement::unresolved(text, error)],
        };
        let mut judgements = Vec::new();
        for image in std::iter::once(image).chain(below) {
            judgements.push(self.judge_one(&open, text.clone(), image).await);
        }
        judgements
    }

    async fn judge_one(&self, open: &OpenTarget, text: String, image: FetchedManifest) -> Judgement {
        let evidence = match &self.given {
            Some((name, bytes)) => {
                let entity = SignedEntity::from_any_attestation(bytes, self.policy.limits());
                Evidence::of(Origin::File(name.clone()), entity)
            }
            None => Box::pin(discover(&*open.signatures, &image.descriptor.digest, &self.policy)).await,
        };
        let subject = Subject::image(text, open, &image).weakened(self.weakened.clone());
        let result = Verifier::new(&self.policy).verify(&Artifact::Bytes(&image.bytes), &evidence, self.now);
        Judgement::new(subject, result, &evidence)
    }
}
