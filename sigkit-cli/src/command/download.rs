use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sigkit_core::attach::{FoundItem, Wanted, find_until};
use sigkit_core::bundle::BundleError;
use sigkit_core::content::{Content, SIGN_PREDICATE, Statement};
use sigkit_core::crypto::certificates_from_pem;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, media_type};

use crate::args::{BesideArgs, Download, DownloadArgs, GlobalArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::escape;
use crate::exit::ExitCode;
use crate::outcome::Output;
use crate::outcome::unresolved::Unresolved;
use crate::render::failure;
use crate::runtime::{self, Deadline};
use crate::settings::registry;
use crate::settings::target::Target;

/// Prints what is stored beside an image, unverified.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &DownloadArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    match &args.what {
        Download::Attestation(args) => {
            beside(&args.beside, Wanted::Attestations(args.predicate_type.as_ref()), context, global)
        }
        Download::Signature(args) => beside(args, Wanted::Signatures, context, global),
    }
}

fn beside(args: &BesideArgs, wanted: Wanted<'_>, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    let limits = context.limits()?;
    let target = args.image.parse::<Target>().map_err(CliError::usage)?;
    let client = registry::client(&args.registry, std::slice::from_ref(&target), context)?;
    let deadline = Deadline::after(global.timeout);
    let resolved = async {
        let failed = Unresolved::of(target.registry());
        let open = target.clone().open(&client, args.registry.signature_repo.as_ref());
        let open = open.map_err(|error| failed((*error).into()))?;
        let image = open.resolve_on(args.platform.as_ref()).await.map_err(failed)?;
        Ok::<_, Unresolved>((open, image.descriptor.digest))
    };
    let work = async {
        match deadline.bound(resolved).await {
            Some(Ok((open, image))) => {
                Some(Ok(find_until(&*open.signatures, &image, wanted, &limits, deadline.passed()).await))
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
    let way = Way::to(global.output_file.as_deref());
    let (mut types, mut left_out) = (Vec::new(), 0_usize);
    for item in found.items {
        match kind(&item, &limits) {
            Ok(kind) if is_wanted(wanted, &kind) => left_out += print(&mut output, item, way),
            Ok(kind) => types.push(kind),
            Err(BundleError::PassedOver { found, .. }) => types.push(found),
            Err(error @ BundleError::NotASignature { .. }) => {
                output.notes.push(format!("WARNING: {}: {error}", item.origin));
            }
            // Unreadable, and printed all the same: whoever downloads wants to see it.
            Err(error) => {
                output.notes.push(format!("WARNING: {}: {error}", item.origin));
                left_out += print(&mut output, item, way);
            }
        }
    }
    for problem in &found.problems {
        output.notes.push(failure(&args.image, problem.code, &problem.to_string()));
        output.exit = ExitCode::Undecided;
    }
    if left_out > 0 && output.stdout.is_empty() && output.exit == ExitCode::Done {
        output.exit = ExitCode::Failed;
    }
    if !output.stdout.is_empty() || output.exit != ExitCode::Done {
        return Ok(output);
    }
    types.retain(|kind| kind != SIGN_PREDICATE);
    types.dedup();
    Ok(match wanted {
        Wanted::Attestations(Some(wanted)) if !types.is_empty() => {
            let message =
                format!("none of the attestations matched the predicate type: {wanted}, found: {}", types.join(","));
            refused("no-attestation-of-type", &message, ExitCode::NoMatch)
        }
        Wanted::Attestations(_) => refused("no-signatures", "no attestation was found", ExitCode::NoSignatures),
        Wanted::Signatures => refused("no-signatures", "no signature was found", ExitCode::NoSignatures),
    })
}

fn is_wanted(wanted: Wanted<'_>, kind: &str) -> bool {
    match wanted {
        Wanted::Signatures => kind == SIGN_PREDICATE,
        Wanted::Attestations(None) => kind != SIGN_PREDICATE,
        Wanted::Attestations(Some(wanted)) => kind == wanted.uri(),
    }
}

/// The predicate type of what was found: that of signatures for all that has none.
fn kind(item: &FoundItem, limits: &Limits) -> Result<String, BundleError> {
    let Some(first) = item.clone().parse(limits).into_iter().next() else { return Ok(SIGN_PREDICATE.to_owned()) };
    match first.entity?.content {
        Content::Envelope(envelope) => Ok(Statement::parse(envelope.payload, limits)?.predicate_type),
        _ => Ok(SIGN_PREDICATE.to_owned()),
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

/// Prints a document on one line; what annotations hold as cosign arranges it. Returns how many were left out.
fn print(output: &mut Output, item: FoundItem, way: Way) -> usize {
    let Ok(blob) = item.blob else { return 0 };
    let mut line = if item.layer.media_type == media_type::SIMPLE_SIGNING {
        // What these types hold can always be written.
        serde_json::to_vec(&Legacy::of(&item.layer, &blob)).unwrap_or_default()
    } else {
        // Between the tokens of JSON a line feed is as good as a space, and within strings there is none.
        blob.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
    };
    if way == Way::Escaped {
        let json = serde_json::from_slice::<IgnoredAny>(&line).ok().and(String::from_utf8(line).ok());
        let Some(json) = json else {
            output.notes.push(format!(
                "WARNING: {}: expected JSON, found {} bytes of something else, which are not printed: give --output-file FILE to get \
                 them as they are stored",
                item.origin,
                blob.len()
            ));
            return 1;
        };
        line = escape::json(&json).into_bytes();
    }
    output.stdout.extend(line);
    output.stdout.push(b'\n');
    0
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
