use std::collections::BTreeMap;
use std::path::Path;

use sigkit_core::bundle::SignedEntity;
use sigkit_core::content::Content;
use sigkit_core::image::{Again, Attached, Format, SignImageError, Signing, attach};
use sigkit_core::key::KeyPair;
use sigkit_core::store::{FetchedManifest, Store as _};
use sigkit_core::time::UnixTime;

use super::images::Images;
use crate::args::{GlobalArgs, SignArgs, WrittenFormat};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::files::Access;
use crate::output::{Output, Printer};
use crate::render::{failure, store_exit};
use crate::runtime::{self, Deadline};
use crate::target::{OpenTarget, Target, Unresolved};

/// Signs images.
///
/// # Errors
/// [`CliError`] for what stands before any image; what befalls an image is in its line.
pub(crate) fn run(
    args: &SignArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    args.check(context)?;
    let format = args.format()?;
    let payload = match &args.payload {
        Some(path) => {
            Some(context.files.read("--payload", path, "a payload to sign", context.limits()?.attachment_bytes)?.bytes)
        }
        None => None,
    };
    let images = Images::collect(&args.images, &args.registry, context)?;
    let outputs = Outputs::check(args, format, images.named.len())?;
    let annotations: BTreeMap<String, String> =
        args.annotations.iter().map(|annotation| (annotation.key.clone(), annotation.value.clone())).collect();
    let signing = Signing {
        format: format.into(),
        annotations,
        references: args.sign_container_identity.clone(),
        payload: payload.map(|payload| payload.to_vec()),
        again: if args.force { Again::Write } else { Again::Skip },
        legacy_created: args.record_creation_timestamp.then(|| context.now()),
    };
    let key = context.signing_key(&args.key.key, args.key.password.password_file.as_deref())?;
    let job = Job { args, key, signing, outputs, images: &images, context, now: context.now() };
    let deadline = Deadline::after(global.timeout);
    printer.expect(images.named.len());
    runtime::block_on(async {
        let work = |text: String, target| {
            let job = &job;
            async move {
                match deadline.bound(job.sign(target)).await {
                    Some(signed) => signed.unwrap_or_else(|failure| vec![failure.line(&text)]),
                    None => vec![Line::timed_out(&text, global.timeout)],
                }
            }
        };
        images.each(work, |lines| printer.piece(Line::output(lines))).await
    })??;
    Ok(Output::notes(Vec::new(), ExitCode::Done))
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
        let usage = |why: &str| Err(CliError::Usage(why.to_owned()));
        let any = outputs.bundle.or(outputs.signature).or(outputs.payload).is_some();
        if any && (images > 1 || args.images.recursive || args.sign_container_identity.len() > 1) {
            return usage(
                "--bundle, --output-signature and --output-payload hold one signature; sign one image at a time",
            );
        }
        if outputs.bundle.is_some() && format == WrittenFormat::Legacy {
            return usage("--bundle holds a sigstore bundle; with --format legacy give --output-signature FILE");
        }
        Ok(outputs)
    }
}

struct Job<'a> {
    args: &'a SignArgs,
    key: KeyPair,
    signing: Signing,
    outputs: Outputs<'a>,
    images: &'a Images<'a>,
    context: &'a Context,
    now: UnixTime,
}

/// What to say of one image.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) exit: ExitCode,
}

impl Line {
    /// All that is to be said, with the exit code of the whole.
    pub(super) fn output(lines: Vec<Self>) -> Output {
        lines.into_iter().fold(Output::notes(Vec::new(), ExitCode::Done), |mut output, line| {
            output.notes.push(line.text);
            output.exit = output.exit.worst(line.exit);
            output
        })
    }

    /// Time ran out.
    pub(super) fn timed_out(text: &str, limit: std::time::Duration) -> Self {
        let message = format!("not confirmed within {limit:?}; sigkit verify shows what was written");
        Self { text: failure(text, "timed-out", &message), exit: ExitCode::Undecided }
    }
}

/// Why one image is not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Resolve(Box<Unresolved>),
    #[error(transparent)]
    Sign(Box<SignImageError>),
    #[error(transparent)]
    Json(#[from] sigkit_core::JsonError),
    #[error(transparent)]
    File(#[from] crate::files::FileError),
}

impl From<Unresolved> for Failure {
    fn from(error: Unresolved) -> Self {
        Self::Resolve(Box::new(error))
    }
}

impl From<SignImageError> for Failure {
    fn from(error: SignImageError) -> Self {
        Self::Sign(Box::new(error))
    }
}

impl Failure {
    /// What to say of the image.
    pub(super) fn line(&self, text: &str) -> Line {
        use sigkit_core::attach::AttachError;
        let (code, exit) = match self {
            Self::Resolve(unresolved) => (unresolved.error.code(), unresolved.exit()),
            Self::Sign(error) => match &**error {
                SignImageError::Attach(error @ AttachError::Store(store)) => {
                    // What is missing here is a place to write to, not the image.
                    let exit = if store.is_absent() { ExitCode::Failed } else { store_exit(store) };
                    (error.code(), exit)
                }
                SignImageError::Attach(error) => (error.code(), ExitCode::Failed),
                SignImageError::Rejected(_) => ("signature-rejected", ExitCode::Failed),
                SignImageError::Earlier(problem) => (problem.code, ExitCode::Undecided),
                _ => ("sign-failed", ExitCode::Failed),
            },
            Self::Json(_) => ("internal-error", ExitCode::Failed),
            Self::File(_) => ("file-error", ExitCode::Failed),
        };
        Line { text: failure(text, code, &self.to_string()), exit }
    }
}

impl Job<'_> {
    /// One image, and those below it when they are asked for.
    async fn sign(&self, target: Target) -> Result<Vec<Line>, Failure> {
        let (open, image) = self.images.resolve(target).await?;
        let mut all = vec![image];
        let below = self.images.below(&open, &all[0]).await?;
        all.extend(below);
        let mut lines = Vec::new();
        for image in all {
            // One that cannot be signed keeps no other from it, nor hides that others are signed.
            match self.sign_one(&open, &image).await {
                Ok(signed) => lines.extend(signed),
                Err(failure) => lines.push(failure.line(&name(&open, &image))),
            }
        }
        Ok(lines)
    }

    async fn sign_one(&self, open: &OpenTarget, image: &FetchedManifest) -> Result<Vec<Line>, Failure> {
        let mut signing = self.signing.clone();
        if signing.references.is_empty() {
            signing.references.push(open.docker_reference());
        }
        let entities = signing.seal(image, &self.key, self.now)?;
        self.write_files(&entities)?;
        let name = name(open, image);
        if !self.args.upload {
            return Ok(vec![Line {
                text: format!("Signed {name}; not stored beside the image"),
                exit: ExitCode::Done,
            }]);
        }
        let attached = attach(&*open.signatures, image, &entities, &self.key, &signing, self.now).await?;
        let line = |attached: &Attached| match attached {
            Attached::Written(receipt) => format!("Signed {name}; signature stored at {receipt}"),
            Attached::AlreadyThere(origin) => {
                format!("Signed {name} before; the same signature by this key is there ({origin}), nothing was written")
            }
        };
        Ok(attached.iter().map(|attached| Line { text: line(attached), exit: ExitCode::Done }).collect())
    }

    fn write_files(&self, entities: &[SignedEntity]) -> Result<(), Failure> {
        for entity in entities {
            let (payload, signature) = match &entity.content {
                Content::SimpleSigning { payload, signature } => (payload, signature),
                Content::Envelope(envelope) => (&*envelope.payload, &envelope.signature),
                _ => continue,
            };
            // With both formats the files of signature and payload belong to the legacy one, which has no other file.
            let legacy = matches!(entity.content, Content::SimpleSigning { .. });
            if legacy || self.signing.format == Format::Bundle {
                if let Some(path) = self.outputs.signature {
                    let text = signature.to_base64();
                    self.context.files.write("--output-signature", path, text.as_bytes(), Access::Umask)?;
                }
                if let Some(path) = self.outputs.payload {
                    self.context.files.write("--output-payload", path, payload, Access::Umask)?;
                }
            }
            if let (Some(path), Some(bundle)) = (self.outputs.bundle, entity.to_bundle()?) {
                self.context.files.write("--bundle", path, &bundle, Access::Umask)?;
            }
        }
        Ok(())
    }
}

/// `repository@digest`
pub(super) fn name(open: &OpenTarget, image: &FetchedManifest) -> String {
    format!("{}@{}", open.store.name(), image.descriptor.digest)
}
