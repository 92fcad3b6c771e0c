use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sigkit_core::attach::{AttachmentKind, parse_attachments};
use sigkit_core::bundle::{BundleError, SignedEntity};
use sigkit_core::content::{Content, SIGN_PREDICATE, Statement};
use sigkit_core::crypto::certificates_from_pem;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, media_type};

use crate::args::{BesideArgs, Download, DownloadArgs, GlobalArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::outcome::Output;
use crate::outcome::unresolved::Unresolved;
use crate::render::failure;
use crate::runtime::{self, Deadline};
use crate::settings::registry;
use crate::settings::target::Target;
use crate::spool::{Document, Spool};
use sigkit_core::text::escape;

/// Documents that are kept in memory until they are printed, in bytes; more of them wait on disk.
const KEPT_IN_MEMORY: usize = 1 << 20;
/// The same where there is no disk.
const WITHOUT_DISK: usize = 48 << 20;
/// Levels of lists and objects within each other in what is printed.
const DEEPEST: usize = 128;
/// The most that is printed, in bytes.
const MAX_DOWNLOAD_BYTES: usize = 512 << 20;

/// Prints what is stored beside an image, unverified.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &DownloadArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    match &args.what {
        Download::Attestation(args) => {
            beside(&args.beside, AttachmentKind::Attestations(args.predicate_type.as_ref()), context, global)
        }
        Download::Signature(args) => beside(args, AttachmentKind::Signatures, context, global),
    }
}

fn beside(
    args: &BesideArgs,
    wanted: AttachmentKind<'_>,
    context: &Context,
    global: &GlobalArgs,
) -> Result<Output, CliError> {
    let limits = context.limits()?;
    let target = args.image.parse::<Target>().map_err(CliError::usage)?;
    let client = registry::client(&args.registry, std::slice::from_ref(&target), context)?;
    let deadline = Deadline::after(global.timeout);
    let resolved = async {
        let failed = Unresolved::of(target.registry());
        let open = target.clone().open(&client, args.registry.signature_repo.as_ref());
        let open = open.map_err(|error| failed((*error).into()))?;
        let image = open.resolve_on(args.platform.as_ref()).await.map_err(failed)?;
        Ok::<_, Unresolved>((open, image.digest()))
    };
    let keeper = Keeper::new(Way::to(global.output_file.as_deref()));
    // Each is ready to be printed as soon as it is read, and leaves nothing else behind: however many there are.
    let handle = |layer: &Descriptor, blob: Vec<u8>| keeper.take(layer, blob, &limits);
    let work = async {
        match deadline.bound(resolved).await {
            Some(Ok((open, image))) => {
                Some(Ok(parse_attachments(&open.signatures, &image, wanted, &limits, deadline.passed(), handle).await))
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        }
    };
    let refused = |code: &str, message: &str, exit| Output::notes(vec![failure(&args.image, code, message)], exit);
    let found = match runtime::block_on(work)? {
        None => {
            let message = format!("not finished within {:?}", global.timeout);
            return Ok(refused("timed-out", &message, ExitCode::Undecided));
        }
        Some(Err(error)) => return Ok(refused(error.error.code(), &error.to_string(), error.exit())),
        Some(Ok(found)) => found,
    };
    let mut output = Output::result(Vec::new());
    let (mut types, mut left_out) = (Vec::new(), 0_usize);
    for (origin, item) in found.items {
        let item = match item {
            Ok(item) => item,
            Err(BundleError::PassedOver { found, .. }) => {
                types.push(found);
                continue;
            }
            Err(error) => {
                output.notes.push(format!("WARNING: {origin}: {error}"));
                continue;
            }
        };
        match item.kind {
            Ok(kind) if !is_wanted(wanted, &kind) => {
                types.push(kind);
                continue;
            }
            Ok(_) => {}
            // Unreadable, and printed all the same: the user of a download wants to see it.
            Err(error) => output.notes.push(format!("WARNING: {origin}: {error}")),
        }
        match item.document {
            Ok(document) => output.documents.push(document),
            Err(NotKept::NoJson { bytes }) => {
                left_out += 1;
                output.notes.push(format!(
                    "WARNING: {origin}: expected JSON, found {bytes} bytes of something else, which are not printed: give --output-file \
                     FILE to get them as they are stored"
                ));
            }
            Err(NotKept::TooMuch) => {
                let message =
                    format!("{origin}: more than {MAX_DOWNLOAD_BYTES} bytes to print; ask for one --predicate-type");
                output.notes.push(failure(&args.image, "too-large", &message));
                output.exit = ExitCode::Undecided;
            }
            Err(NotKept::Io(error)) => {
                return Err(CliError::system("write results to a temporary file", error));
            }
        }
    }
    for problem in &found.problems {
        output.notes.push(failure(&args.image, problem.code, &problem.to_string()));
        output.exit = ExitCode::Undecided;
    }
    if left_out > 0 && !output.has_results() && output.exit == ExitCode::Done {
        output.exit = ExitCode::Failed;
    }
    if output.has_results() || output.exit != ExitCode::Done {
        return Ok(output);
    }
    types.retain(|kind| kind != SIGN_PREDICATE);
    types.dedup();
    Ok(match wanted {
        AttachmentKind::Attestations(Some(wanted)) if !types.is_empty() => {
            let message =
                format!("none of the attestations matched the predicate type: {wanted}, found: {}", types.join(","));
            refused("no-attestation-of-type", &message, ExitCode::NoMatch)
        }
        AttachmentKind::Attestations(_) => refused("no-signatures", "no attestation was found", ExitCode::NoSignatures),
        AttachmentKind::Signatures => refused("no-signatures", "no signature was found", ExitCode::NoSignatures),
    })
}

fn is_wanted(wanted: AttachmentKind<'_>, kind: &str) -> bool {
    match wanted {
        AttachmentKind::Signatures => kind == SIGN_PREDICATE,
        AttachmentKind::Attestations(None) => kind != SIGN_PREDICATE,
        AttachmentKind::Attestations(Some(wanted)) => kind == wanted.uri(),
    }
}

/// How documents are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As JSON without control characters for a terminal; anyone who can push may have written them.
    Escaped,
    /// As they are stored, into a file.
    AsStored,
}

impl Way {
    fn to(file: Option<&Path>) -> Self {
        let is_device = |path: &Path| path == Path::new("-") || path.metadata().is_ok_and(|found| !found.is_file());
        match file {
            Some(path) if !is_device(path) => Self::AsStored,
            _ => Self::Escaped,
        }
    }
}

/// What was found, ready to be printed.
struct Item {
    /// The predicate type: that of signatures for all that has none.
    kind: Result<String, BundleError>,
    document: Result<Document, NotKept>,
}

/// Why something is not printed.
enum NotKept {
    /// A terminal might obey it.
    NoJson {
        bytes: usize,
    },
    TooMuch,
    Io(io::Error),
}

/// Keeps what is to be printed until all has been found, little of it in memory.
struct Keeper {
    way: Way,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Bytes, in memory and in all.
    in_memory: usize,
    all: usize,
    spool: Option<Spool>,
}

impl Kept {
    fn spool(&mut self) -> io::Result<&Spool> {
        match &mut self.spool {
            Some(spool) => Ok(spool),
            spool => Ok(spool.insert(Spool::new()?)),
        }
    }
}

impl Keeper {
    fn new(way: Way) -> Self {
        Self { way, kept: Mutex::default() }
    }

    /// The predicate type of what can be read, and the document.
    fn take(&self, layer: &Descriptor, mut blob: Vec<u8>, limits: &Limits) -> (Option<String>, Item) {
        let document = self.keep(layer, &mut blob);
        let kind = kind(layer, blob, limits);
        (kind.as_ref().ok().cloned(), Item { kind, document })
    }

    /// Keeps a document on one line; what annotations hold as cosign arranges it.
    fn keep(&self, layer: &Descriptor, blob: &mut [u8]) -> Result<Document, NotKept> {
        let own;
        let line: &[u8] = if layer.media_type == media_type::SIMPLE_SIGNING {
            // What these types hold can always be written.
            own = serde_json::to_vec(&Legacy::of(layer, blob)).unwrap_or_default();
            &own
        } else {
            // Between the tokens of JSON a line feed is as good as a space, and within strings there is none.
            blob.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
            blob
        };
        let json = match self.way {
            Way::AsStored => None,
            Way::Escaped => {
                let json = std::str::from_utf8(line).ok().filter(|_| is_json(line));
                Some(json.ok_or(NotKept::NoJson { bytes: blob.len() })?)
            }
        };
        let write = |to: &mut dyn io::Write| match json {
            Some(json) => escape::json_pieces(json, &mut |piece| to.write_all(piece.as_bytes())),
            None => to.write_all(line),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all = kept.all.saturating_add(line.len());
        if kept.all > MAX_DOWNLOAD_BYTES {
            return Err(NotKept::TooMuch);
        }
        let in_memory = kept.in_memory.saturating_add(line.len());
        if in_memory > KEPT_IN_MEMORY {
            match kept.spool() {
                Ok(spool) => return spool.add(write).map(Document::Spooled).map_err(NotKept::Io),
                // A system without room for temporary files.
                Err(error) if in_memory > WITHOUT_DISK => return Err(NotKept::Io(error)),
                Err(_) => {}
            }
        }
        let mut bytes = Vec::with_capacity(line.len());
        write(&mut bytes).map_err(NotKept::Io)?;
        kept.in_memory = kept.in_memory.saturating_add(bytes.len());
        Ok(Document::Bytes(bytes))
    }
}

/// Whether it is JSON, nested no more deeply than readers allow: each level would be remembered.
fn is_json(bytes: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let deep = bytes.iter().any(|byte| {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    });
    !deep && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// The predicate type of what was found: that of signatures for all that has none.
fn kind(layer: &Descriptor, blob: Vec<u8>, limits: &Limits) -> Result<String, BundleError> {
    let Some(first) = SignedEntity::each_from_attachment(layer, blob, limits)?.into_iter().next() else {
        return Ok(SIGN_PREDICATE.to_owned());
    };
    match first.content {
        Content::Envelope(envelope) => Ok(Statement::parse(envelope.payload, limits)?.predicate_type),
        _ => Ok(SIGN_PREDICATE.to_owned()),
    }
}

/// A signature in cosign's older format, with the names that Go gives to its parts.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Legacy<'a> {
    #[serde(rename = "Base64Signature")]
    signature: &'a str,
    payload: String,
    cert: Option<Value>,
    chain: Option<Vec<Value>>,
    bundle: Option<Value>,
    #[serde(rename = "RFC3161Timestamp")]
    timestamp: Option<Value>,
}

impl<'a> Legacy<'a> {
    fn of(layer: &'a Descriptor, payload: &[u8]) -> Self {
        let annotation = |name: &str| layer.annotations.get(name).map(String::as_str);
        let certificates = |name: &str| {
            let certificates = certificates_from_pem(annotation(name)?.as_bytes()).ok()?;
            Some(certificates.iter().map(|der| json!({ "Raw": STANDARD.encode(der) })).collect::<Vec<_>>())
        };
        let document = |name: &str| serde_json::from_str(annotation(name)?).ok();
        Self {
            signature: annotation(media_type::ANNOTATION_SIGNATURE).unwrap_or_default(),
            payload: STANDARD.encode(payload),
            cert: certificates(media_type::ANNOTATION_CERTIFICATE).and_then(|found| found.into_iter().next()),
            chain: certificates(media_type::ANNOTATION_CHAIN),
            bundle: document(media_type::ANNOTATION_BUNDLE),
            timestamp: document(media_type::ANNOTATION_TIMESTAMP),
        }
    }
}
