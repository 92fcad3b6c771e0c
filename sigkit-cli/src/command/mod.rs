//! One file per verb. A command returns what it found or did, or hands it to the printer piece by piece, and prints nothing itself
//! but questions and warnings.

mod attest;
mod attest_blob;
mod audience;
mod bundle;
mod completion;
mod download;
mod env;
mod explain;
mod generate_key_pair;
mod image_result;
mod images;
mod import_key_pair;
mod in_order;
mod key_pair;
mod login;
mod man;
mod policy;
mod public_key;
mod result_file;
mod service_spec;
mod sign;
mod sign_blob;
mod signing_config;
mod trusted_root;
mod verify;
mod verify_attestation;
mod verify_blob;
mod verify_blob_attestation;
mod verify_images;
mod verify_policy;
mod version;

use crate::args::GlobalArgs;
use crate::args::cli::Verb;
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::settings::signing_services;
use crate::terminal::printer::Printer;

/// Runs a verb.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(
    verb: Verb,
    context: &Context,
    global: &GlobalArgs,
    printer: &mut Printer<'_>,
) -> Result<Output, CliError> {
    let mut notes = Vec::new();
    let checked = check(&verb, context, &mut notes);
    notes.iter().for_each(|note| context.stderr.line(note));
    checked?;
    match verb {
        Verb::GenerateKeyPair(args) => generate_key_pair::run(&args, context),
        Verb::ImportKeyPair(args) => import_key_pair::run(&args, context),
        Verb::PublicKey(args) => public_key::run(&args, context),
        Verb::Sign(args) => sign::run(&args, context, global, printer),
        Verb::Verify(args) => verify::run(&args, context, global, printer),
        Verb::Attest(args) => attest::run(&args, context, global, printer),
        Verb::VerifyAttestation(args) => verify_attestation::run(&args, context, global, printer),
        Verb::Download(args) => download::run(&args, context, global),
        Verb::AttestBlob(args) => attest_blob::run(&args, context),
        Verb::VerifyBlobAttestation(args) => verify_blob_attestation::run(&args, context),
        Verb::SignBlob(args) => sign_blob::run(&args, context, global),
        Verb::VerifyBlob(args) => verify_blob::run(&args, context, global),
        Verb::Bundle(args) => bundle::run(&args, context),
        Verb::TrustedRoot(args) => trusted_root::run(&args, context),
        Verb::SigningConfig(args) => signing_config::run(&args, context),
        Verb::Login(args) => login::run(&args, context, global),
        Verb::Logout(args) => login::log_out(&args, context),
        Verb::Policy(args) => policy::run(&args, context),
        Verb::Explain(args) => explain::run(&args),
        Verb::Man(args) => man::run(&args),
        Verb::Version(args) => Ok(version::run(&args)),
        Verb::Completion(args) => Ok(completion::run(&args)),
        Verb::Env(args) => Ok(env::run(&args, context)),
    }
}

/// Refuses flags that cannot be used together, and notes those that have no effect.
fn check(verb: &Verb, context: &Context, notes: &mut Vec<String>) -> Result<(), CliError> {
    verb.check(notes)?;
    verb.services().map_or(Ok(()), |services| signing_services::check(services, context, notes))
}
