use std::cell::Cell;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sigkit_core::bundle::SignedEntity;
use sigkit_core::content::{Content, PredicateType};
use sigkit_core::image::{AttestOptions, ReplaceMode};
use sigkit_core::sign::Signer;
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;

use super::audience;
use super::image_result::{Failure, ImageResult, WriteOperation, after_writing, before_writing, name};
use super::images::{Images, StoreAccess};
use crate::args::{AttestArgs, GlobalArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::files::Access;
use crate::outcome::Output;
use crate::settings::target::OpenTarget;
use crate::terminal::printer::Printer;

/// Attests something about images.
///
/// # Errors
/// [`CliError`] for errors before any image is handled; those of an image are in its result line.
pub(crate) fn run(
    args: &AttestArgs,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let images = Images::collect(StoreAccess::Write, &args.images, &args.registry, context)?;
    let single = images.named.len() == 1 && !args.images.recursive;
    if args.bundle.is_some() && !single {
        let why = "--bundle holds one attestation: attest one image at a time";
        return Err(CliError::usage(why.to_owned()));
    }
    let now = context.now();
    let predicate = predicate(&args.predicate, &args.kind.kind, now, context)?;
    let mut attesting = AttestOptions::new(args.kind.kind.clone(), args.format()?.into(), "")
        .with_earlier(if args.replace { ReplaceMode::Replace } else { ReplaceMode::Keep })
        .with_limits(context.limits()?);
    if args.record_creation_timestamp {
        attesting = attesting.with_legacy_created(context.creation_time()?);
    }
    let signer = context.signer(&args.key)?;
    context.files.check(&[("--bundle", args.bundle.as_deref())])?;
    let predicate = if single { Predicate::Once(Mutex::new(predicate)) } else { Predicate::Often(predicate) };
    let job = Job { args, signer, attesting, predicate, context, now, stored: Cell::new(false) };
    let mut output = images.write(&job, global, printer)?;
    if job.stored.get() {
        output.notes.push(audience::of_attestation(args.format()?));
    }
    Ok(output)
}

/// Reads a document and makes it a predicate of this type.
///
/// # Errors
/// [`CliError`], naming what is wrong with the document.
pub(super) fn predicate(
    path: &Path,
    kind: &PredicateType,
    now: UnixTime,
    context: &Context,
) -> Result<Vec<u8>, CliError> {
    let limits = context.limits()?;
    let mut document = context.read_or_stdin("--predicate", path, "a predicate", limits.attachment_bytes)?;
    if *kind == PredicateType::Custom
        && let Some((what, flag)) = software_list(&document)
    {
        context.note(&format!("note: {} is {what}, and is attested as custom: give --type {flag}", path.display()));
    }
    let wrong = |error| CliError::failed(format!("{}: {error}", path.display()));
    // Taken, not copied: it may be large.
    kind.predicate(std::mem::take(&mut *document), now, &limits).map_err(wrong)
}

/// The format of a list of software that the beginning of a document names, and its type.
fn software_list(document: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = document.get(..4096).unwrap_or(document).trim_ascii_start();
    let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    match head.first()? {
        b'{' if has(b"\"bomFormat\"") && has(b"\"CycloneDX\"") => Some(("a CycloneDX document", "cyclonedx")),
        b'{' if has(b"\"spdxVersion\"") && has(b"\"SPDX-") => Some(("an SPDX document", "spdxjson")),
        _ => head.starts_with(b"SPDXVersion:").then_some(("an SPDX document", "spdx")),
    }
}

/// What is attested about each image.
enum Predicate {
    /// There is one image, which may have the bytes themselves.
    Once(Mutex<Vec<u8>>),
    Often(Vec<u8>),
}

impl Predicate {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Once(bytes) => std::mem::take(&mut *bytes.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Often(bytes) => bytes.clone(),
        }
    }
}

struct Job<'a> {
    args: &'a AttestArgs,
    signer: Box<dyn Signer>,
    attesting: AttestOptions,
    predicate: Predicate,
    context: &'a Context,
    now: UnixTime,
    /// Whether an attestation was stored beside any image.
    stored: Cell<bool>,
}

impl WriteOperation for Job<'_> {
    const DOING: &'static str = "Attesting";
    const DONE: &'static str = "attested";

    async fn write(
        &self,
        given: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
    ) -> Result<Vec<ImageResult>, Failure> {
        let attesting = self.attesting.clone().with_repository(open.docker_reference());
        let attestation = attesting.sign(image, self.predicate.bytes(), &*self.signer, self.now).await?;
        if let (Some(path), Some(entity)) = (&self.args.bundle, attestation.bundle()) {
            let bundle = entity.to_bundle()?.unwrap_or_default();
            self.context.files.write("--bundle", path, &bundle, Access::Umask)?;
        }
        let name = name(given, open, image);
        if !self.args.stores() {
            let text = format!("Attested {name}; not stored beside the image");
            let stdout = match attestation.bundle().or(attestation.legacy()) {
                Some(entity) if self.args.bundle.is_none() => envelope_line(entity)?,
                _ => Vec::new(),
            };
            return Ok(vec![ImageResult::done(text).with_stdout(stdout)]);
        }
        let before = before_writing(open).await?;
        let receipts = attesting.attach(&open.signatures, image, attestation, &*self.signer, self.now).await?;
        self.stored.set(true);
        let line = |receipt| format!("Attested {name}; attestation stored at {receipt}");
        let lines = receipts.iter().map(|receipt| ImageResult::done(line(receipt)));
        Ok(lines.chain(after_writing(open, image, before)).collect())
    }
}

/// The envelope as JSON on a line.
///
/// # Errors
/// [`sigkit_core::JsonError`], which these types cannot cause.
pub(super) fn envelope_line(entity: &SignedEntity) -> Result<Vec<u8>, sigkit_core::JsonError> {
    let Content::Envelope(envelope) = &entity.content else { return Ok(Vec::new()) };
    let mut line = envelope.to_json()?;
    line.push(b'\n');
    Ok(line)
}
