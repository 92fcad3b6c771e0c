use sigkit_core::attach::{FoundItem, Wanted, find};
use sigkit_core::bundle::BundleError;
use sigkit_core::content::{Content, PredicateType, Statement};
use sigkit_core::image::for_platform;
use sigkit_core::limits::Limits;

use crate::args::{Download, DownloadArgs, DownloadAttestationArgs, GlobalArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::output::Output;
use crate::registry;
use crate::render::failure;
use crate::runtime::{self, Deadline};
use crate::target::{Target, Unresolved};

/// Prints what is stored beside an image, unverified.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &DownloadArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    match &args.what {
        Download::Attestation(args) => attestations(args, context, global),
    }
}

fn attestations(args: &DownloadAttestationArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    args.registry.check(context)?;
    let limits = context.limits()?;
    let target: Target = args.image.parse()?;
    let client = registry::client(&args.registry, std::slice::from_ref(&target), context)?;
    let deadline = Deadline::after(global.timeout);
    let work = async {
        let failed = Unresolved::of(target.registry());
        let open = target.clone().open(&client, args.registry.signature_repo.as_ref());
        let open = open.map_err(|error| failed((*error).into()))?;
        let image = open.resolve().await.map_err(|error| failed(error.into()))?;
        let image = match &args.platform {
            Some(platform) => for_platform(&*open.store, &image, platform).await.map_err(failed)?,
            None => image,
        };
        let wanted = Wanted::Attestations(args.predicate_type.as_ref());
        Ok::<_, Unresolved>(find(&*open.signatures, &image.descriptor.digest, wanted, &limits).await)
    };
    let refused = |code: &str, message: &str, exit| Output::notes(vec![failure(&args.image, code, message)], exit);
    let found = match runtime::block_on(deadline.bound(work))? {
        None => {
            let message = format!("nothing was decided within {:?}", global.timeout);
            return Ok(refused("timed-out", &message, ExitCode::Undecided));
        }
        Some(Err(error)) => return Ok(refused(error.error.code(), &error.to_string(), error.exit())),
        Some(Ok(found)) => found,
    };
    let mut output = Output::result(Vec::new());
    let mut types = Vec::new();
    for item in found.items {
        match kind(&item, &limits) {
            Ok(kind) if args.predicate_type.as_ref().is_none_or(|wanted| wanted.uri() == kind) => {
                print(&mut output.stdout, item);
            }
            Ok(kind) => types.push(kind),
            Err(BundleError::PassedOver { found, .. }) => types.push(found),
            // Unreadable, and printed all the same: whoever downloads wants to see it.
            Err(error) => {
                output.notes.push(format!("WARNING: {}: {error}", item.origin));
                print(&mut output.stdout, item);
            }
        }
    }
    for problem in &found.problems {
        output.notes.push(failure(&args.image, problem.code, &problem.to_string()));
        output.exit = ExitCode::Undecided;
    }
    if output.stdout.is_empty() && output.exit == ExitCode::Done {
        types.retain(|kind| kind != sigkit_core::content::SIGN_PREDICATE);
        types.dedup();
        return Ok(match &args.predicate_type {
            Some(wanted) if !types.is_empty() => {
                let message = format!(
                    "none of the attestations matched the predicate type: {wanted}, found: {}",
                    types.join(",")
                );
                refused("no-attestation-of-type", &message, ExitCode::NoMatch)
            }
            _ => refused("no-signatures", "no attestation was found", ExitCode::NoSignatures),
        });
    }
    Ok(output)
}

/// The predicate type of what was found.
fn kind(item: &FoundItem, limits: &Limits) -> Result<String, BundleError> {
    match item.clone().parse(limits).entity?.content {
        Content::Envelope(envelope) => Ok(Statement::parse(envelope.payload, limits)?.predicate_type),
        _ => Err(BundleError::PassedOver {
            expected: PredicateType::Custom.uri().to_owned(),
            found: sigkit_core::content::SIGN_PREDICATE.to_owned(),
        }),
    }
}

/// Prints a document as it is stored, on one line.
fn print(stdout: &mut Vec<u8>, item: FoundItem) {
    let Ok(blob) = item.blob else { return };
    // Between the tokens of JSON a line feed is as good as a space, and within strings there is none.
    stdout.extend(blob.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    stdout.push(b'\n');
}
