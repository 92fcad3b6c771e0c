use sigkit_core::bundle::{Evidence, Origin, SignedEntity, VerificationMaterial};
use sigkit_core::content::{Content, UnsignedDocument};
use sigkit_core::crypto::Signature;
use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::policy::Purpose;
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use zeroize::Zeroizing;

use super::images::{Images, StoreAccess};
use super::verify_images::{ImageVerifier, evidence_beside, verified};
use super::verify_policy;
use crate::args::{GlobalArgs, VerifyArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::verification::{Subject, VerificationOutcome};
use crate::render;
use crate::runtime::Deadline;
use crate::settings::policy::{self as settings, Criteria};
use crate::settings::target::OpenTarget;
use crate::terminal::printer::Printer;

/// Verifies images.
///
/// # Errors
/// [`CliError`] for errors before any image is handled; those of an image are in its outcome.
pub(crate) fn run(
    args: &VerifyArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    if let Some(path) = &args.policy {
        return verify_policy::run(path, args, context, global, printer);
    }
    let mut criteria = settings::criteria(Purpose::Image, &args.trust, args.signature_digest_algorithm, context)?;
    for annotation in args.annotations.iter() {
        criteria.policy = criteria.policy.with_annotation(&annotation.key, &annotation.value);
    }
    if !args.check_claims {
        criteria.policy = criteria.policy.dangerous_without_claims();
    }
    let detached = Detached::read(args, context)?;
    let meant = args.local.meant(&args.images);
    let images = Images::collect(StoreAccess::Read, &meant, &args.registry, context)?;
    if args.check_reference && images.named.iter().any(|(_, target)| target.registry().is_none()) {
        let why = "--check-reference compares the signed repository, and a layout or archive has none";
        return Err(CliError::usage(why.to_owned()));
    }
    let verification = Verification { args, criteria, detached, now: context.now() };
    images.verify(
        &verification,
        render::Results::new(args.output, context.styles(), context.beliefs()),
        global,
        printer,
    )
}

struct Verification<'a> {
    args: &'a VerifyArgs,
    criteria: Criteria,
    detached: Option<Detached>,
    now: UnixTime,
}

impl ImageVerifier for Verification<'_> {
    type Found = Evidence;

    async fn collect(&self, _: &str, open: &OpenTarget, image: &Digest, deadline: Deadline) -> Evidence {
        match &self.detached {
            Some(detached) => detached.evidence(image, &open.docker_reference()),
            None => {
                let elsewhere = self.args.registry.signature_repo.as_ref();
                evidence_beside(open, image, &self.criteria, elsewhere, deadline).await
            }
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
        let policy = &self.criteria.policy;
        let policy = match open.reference().filter(|_| self.args.check_reference) {
            Some(reference) => policy.clone().with_reference(reference.repository.clone()),
            None => policy.clone(),
        };
        let subject = Subject::image(text, &open.name(), image).in_place(open.place()).weakened(self.args.weakened());
        verified(subject, &self.criteria.trust, &policy, image, &found, self.now, deadline)
    }
}

/// Evidence given by options, instead of what the store holds.
enum Detached {
    Bundle { name: String, bytes: Zeroizing<Vec<u8>> },
    Signature { name: String, signature: Zeroizing<Vec<u8>>, payload: Option<Zeroizing<Vec<u8>>> },
}

impl Detached {
    fn read(args: &VerifyArgs, context: &Context) -> Result<Option<Self>, CliError> {
        let limit = context.limits()?.attachment_bytes;
        if let Some(path) = &args.bundle {
            let bytes = context.files.read("--bundle", path, "a bundle", limit)?.bytes;
            return Ok(Some(Self::Bundle { name: path.display().to_string(), bytes }));
        }
        let Some(given) = &args.signature else { return Ok(None) };
        let (name, signature) = context.signature_text("--signature", given)?;
        let payload = match &args.payload {
            Some(path) => Some(context.files.read("--payload", path, "a signed payload", limit)?.bytes),
            None => None,
        };
        Ok(Some(Self::Signature { name, signature, payload }))
    }

    fn evidence(&self, image: &Digest, reference: &str) -> Evidence {
        match self {
            Self::Bundle { name, bytes } => {
                let entities = SignedEntity::each_from_any_bundle(bytes, &Limits::DEFAULT);
                Evidence::each(Origin::File(name.clone()), entities)
            }
            Self::Signature { name, signature, payload } => {
                let entity = Signature::from_base64_file(signature).map_err(Into::into).map(|signature| {
                    let payload = match payload {
                        Some(payload) => payload.to_vec(),
                        // What cosign signs when nothing else is said.
                        None => UnsignedDocument::simple_signing(image, reference, &Default::default())
                            .map(|draft| draft.bytes().into_owned())
                            .unwrap_or_default(),
                    };
                    let content = Content::SimpleSigning { payload, signature };
                    SignedEntity::new(content, VerificationMaterial::Unspecified)
                });
                Evidence::of(Origin::File(name.clone()), entity)
            }
        }
    }
}
