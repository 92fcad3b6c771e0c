//! From a verb to its command.

use super::{
    attest, attest_blob, bundle, completion, download, env, explain, generate_key_pair, import_key_pair, login, man,
    policy, public_key, sign, sign_blob, signing_config, trusted_root, verify, verify_attestation, verify_blob,
    verify_blob_attestation, version,
};
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
    notes.iter().for_each(|note| context.note(note));
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
