use std::cell::Cell;
use std::path::Path;

use sigkit_core::bundle::SignedEntity;
use sigkit_core::content::Content;
use sigkit_core::image::{Attached, ExistingSignature, Format, SignOptions, attach};
use sigkit_core::sign::Signer;
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;

use super::audience;
use super::image_result::{Failure, ImageResult, WriteOperation, after_writing, before_writing, name};
use super::images::{Images, StoreAccess};
use crate::args::{GlobalArgs, SignArgs, WrittenFormat};
use crate::context::Context;
use crate::error::CliError;
use crate::files::OutputFile;
use crate::outcome::Output;
use crate::settings::target::OpenTarget;
use crate::terminal::printer::Printer;

/// Signs images.
///
/// # Errors
/// [`CliError`] for errors before any image is handled; those of an image are in its result line.
pub(crate) fn run(
    args: &SignArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let format = args.format()?;
    let payload = match &args.payload {
        Some(path) => {
            Some(context.files.read("--payload", path, "a payload to sign", context.limits()?.attachment_bytes)?.bytes)
        }
        None => None,
    };
    let images = Images::collect(StoreAccess::Write, &args.images, &args.registry, context)?;
    let outputs = Outputs::check(args, format, images.named.len())?;
    let mut signing = SignOptions::new(format.into(), "").with_existing(match args.force {
        true => ExistingSignature::Write,
        false => ExistingSignature::Skip,
    });
    for annotation in args.annotations.iter() {
        signing = signing.with_annotation(&annotation.key, &annotation.value);
    }
    if let Some(payload) = payload {
        signing = signing.with_payload(payload.to_vec());
    }
    if args.record_creation_timestamp {
        signing = signing.with_legacy_created(context.creation_time()?);
    }
    let signer = context.signer(&args.key)?;
    context.files.check(&[
        ("--bundle", outputs.bundle),
        ("--output-signature", outputs.signature),
        ("--output-payload", outputs.payload),
    ])?;
    let job = Job { args, signer, signing, outputs, context, now: context.now(), stored: Cell::new(false) };
    let mut output = images.write(&job, global, printer)?;
    if job.stored.get() {
        output.notes.push(audience::of_signature(format));
        if images.named.iter().any(|(name, _)| !name.contains('@')) {
            output.notes.push(audience::TAGS_MOVE.to_owned());
        }
    }
    Ok(output)
}

/// Files to write besides the registry.
struct Outputs<'a> {
    bundle: Option<&'a Path>,
    signature: Option<&'a Path>,
    payload: Option<&'a Path>,
}

impl<'a> Outputs<'a> {
    /// One file holds one signature: several images or formats in it would overwrite each other.
    fn check(args: &'a SignArgs, format: WrittenFormat, images: usize) -> Result<Self, CliError> {
        let outputs = Self {
            bundle: args.bundle.as_deref(),
            signature: args.output_signature.as_deref(),
            payload: args.output_payload.as_deref(),
        };
        let usage = |why: &str| Err(CliError::usage(why.to_owned()));
        let any = outputs.bundle.or(outputs.signature).or(outputs.payload).is_some();
        if any && (images > 1 || args.images.recursive || args.sign_container_identity.len() > 1) {
            return usage(
                "--bundle, --output-signature and --output-payload hold one signature: sign one image at a time",
            );
        }
        if outputs.bundle.is_some() && format == WrittenFormat::Legacy {
            return usage("--bundle holds a sigstore bundle: with --format legacy give --output-signature FILE");
        }
        Ok(outputs)
    }
}

struct Job<'a> {
    args: &'a SignArgs,
    signer: Box<dyn Signer>,
    signing: SignOptions,
    outputs: Outputs<'a>,
    context: &'a Context,
    now: UnixTime,
    /// Whether a signature was stored beside any image.
    stored: Cell<bool>,
}

impl WriteOperation for Job<'_> {
    const DOING: &'static str = "Signing";
    const DONE: &'static str = "signed";

    async fn write(
        &self,
        given: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
    ) -> Result<Vec<ImageResult>, Failure> {
        let references = match self.args.sign_container_identity.as_slice() {
            [] => vec![open.docker_reference()],
            given => given.to_vec(),
        };
        let signing = self.signing.clone().with_references(references);
        let entities = signing.sign(image, &*self.signer, self.now).await?;
        self.write_files(&entities)?;
        let name = name(given, open, image);
        if !self.args.upload {
            return Ok(vec![ImageResult::done(format!("Signed {name}; not stored beside the image"))]);
        }
        let before = before_writing(open).await?;
        let attached = attach(&open.signatures, image, &entities, &*self.signer, &signing, self.now).await?;
        self.stored.set(self.stored.get() || attached.iter().any(|attached| matches!(attached, Attached::Written(_))));
        let line = |attached: &Attached| match attached {
            Attached::Written(receipt) => format!("Signed {name}; signature stored at {receipt}"),
            Attached::Completed(origin) => {
                format!(
                    "Signed {name} before; that run was interrupted: the signature ({origin}) is now listed in the layout"
                )
            }
            Attached::AlreadySigned(origin) => {
                format!("Already signed by this key: {name} ({origin}); nothing was written (--force signs again)")
            }
        };
        let lines = attached.iter().map(|attached| ImageResult::done(line(attached)));
        Ok(lines.chain(after_writing(open, image, before)).collect())
    }
}

impl Job<'_> {
    fn write_files(&self, entities: &[SignedEntity]) -> Result<(), Failure> {
        let mut files = Vec::new();
        for entity in entities {
            let (payload, signature) = match &entity.content {
                Content::SimpleSigning { payload, signature } => (payload, signature),
                Content::Envelope(envelope) => (&*envelope.payload, &envelope.signature),
                _ => continue,
            };
            // With both formats the files of signature and payload belong to the legacy one, which has no other file.
            let legacy = matches!(entity.content, Content::SimpleSigning { .. });
            if legacy || self.signing.format() == Format::Bundle {
                if let Some(path) = self.outputs.signature {
                    files.push(OutputFile::new("--output-signature", path, signature.to_base64().into_bytes()));
                }
                if let Some(path) = self.outputs.payload {
                    files.push(OutputFile::new("--output-payload", path, payload.to_vec()));
                }
            }
            if let (Some(path), Some(bundle)) = (self.outputs.bundle, entity.to_bundle()?) {
                files.push(OutputFile::new("--bundle", path, bundle));
            }
        }
        Ok(self.context.files.write_all(files)?)
    }
}
