//! The registry client as the flags want it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sigkit_core::cause::{TextFormat, likely_cause};
use sigkit_core::http::{RequestEvent, RequestObserver, Secret, Timeouts, TlsOptions};
use sigkit_core::oci::Repository;
use sigkit_core::store::registry::{Credentials, RegistryClient, RegistryOptions, StaticCredentials};
use zeroize::Zeroizing;

use super::credentials::StoredCredentials;
use crate::args::{ConnectionArgs, RegistryArgs};
use crate::context::{Context, Requests};
use crate::error::CliError;
use crate::files::FileError;
use crate::settings::target::Target;
use crate::terminal::streams::Stderr;

/// Longest file of certificates, in bytes.
const MAX_CERTIFICATE_BYTES: u64 = 1024 * 1024;

/// What is kept of a run that reads, in bytes: signatures that many images share, and images that are named twice.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// A client for one registry and no credentials but those it is given with a request.
///
/// # Errors
/// Files that cannot be read, invalid certificates.
pub(crate) fn client_of(args: &ConnectionArgs, registry: &str, context: &Context) -> Result<RegistryClient, CliError> {
    Ok(RegistryClient::new(connection(args, &[registry], context)?)?)
}

/// A client for all of a run. Flags that loosen or authenticate hold for the registries of `targets` and of their signatures, and for no other.
///
/// # Errors
/// Conflicting flags, files that cannot be read, invalid certificates.
pub(crate) fn client(args: &RegistryArgs, targets: &[Target], context: &Context) -> Result<RegistryClient, CliError> {
    Ok(RegistryClient::new(options(args, targets, context)?)?)
}

/// The same for a run that writes nothing, and so need not read anything twice.
///
/// # Errors
/// As [`client`].
pub(crate) fn reader(args: &RegistryArgs, targets: &[Target], context: &Context) -> Result<RegistryClient, CliError> {
    Ok(RegistryClient::new(options(args, targets, context)?.with_cache_capacity(CACHE_BYTES))?)
}

fn options(args: &RegistryArgs, targets: &[Target], context: &Context) -> Result<RegistryOptions, CliError> {
    let signatures = args.signature_repo.as_ref().map(Repository::registry);
    let mut registries: Vec<&str> = targets.iter().filter_map(Target::registry).chain(signatures).collect();
    registries.sort_unstable();
    registries.dedup();
    let options = connection(&args.connection, &registries, context)?;
    let Some(credentials) = credentials(args) else {
        return Ok(options.with_credentials(Arc::new(StoredCredentials::new(&context.environment))));
    };
    let [registry] = registries.as_slice() else {
        let why = "--registry-username, --registry-password and --registry-token work for images of one registry only";
        return Err(CliError::usage(why.to_owned()));
    };
    Ok(options.with_credentials(Arc::new(StaticCredentials::new(*registry, credentials))))
}

/// The way to `registries`, without credentials.
fn connection(args: &ConnectionArgs, registries: &[&str], context: &Context) -> Result<RegistryOptions, CliError> {
    for (given, flag, what) in [
        (args.allow_insecure_registry, "--allow-insecure-registry", "any certificate is accepted from"),
        (args.allow_http_registry, "--allow-http-registry", "plain HTTP is allowed for"),
    ] {
        for registry in registries.iter().filter(|_| given) {
            context.note(&format!(
                "WARNING: {flag}: {what} {registry}: anyone on the network path can read the traffic, credentials included"
            ));
        }
    }
    // A transfer that goes on may take all the time there is; one that stops is given up by itself.
    // The command itself ends at its deadline and says so; a single request never cuts a transfer before that.
    let total = context.timeout.saturating_add(Duration::from_secs(1));
    let timeouts = Timeouts { total, ..Timeouts::default() };
    let mut options = RegistryOptions::default().with_tls(tls(args, registries, context)?).with_timeouts(timeouts);
    if context.requests == Requests::Shown {
        options = options.with_observer(Arc::new(RequestLogger(context.people())));
    }
    if !args.allow_http_registry {
        return Ok(options);
    }
    Ok(registries.iter().fold(options, |options, registry| options.with_plain_http(*registry)))
}

/// Tells people of every request. What it is told has no secrets, and the stream escapes the rest.
struct RequestLogger(Stderr);

impl RequestObserver for RequestLogger {
    fn request(&self, exchange: &RequestEvent<'_>) {
        let outcome = match exchange.outcome {
            Ok(status) => status.to_string(),
            Err(why) => why.to_owned(),
        };
        self.0.line(&format!("{}: {outcome} ({:.1} ms)", exchange.place, exchange.took.as_secs_f64() * 1000.0));
    }
}

fn tls(args: &ConnectionArgs, registries: &[&str], context: &Context) -> Result<TlsOptions, CliError> {
    let mut tls = TlsOptions::default();
    if let Some(path) = &args.registry_cacert {
        let root = pem("--registry-cacert", path, Pem::Certificates, context)?.to_vec();
        tls = tls.with_named_root(format!("--registry-cacert: {}", path.display()), root);
    }
    if let (Some(chain), Some(key)) = (&args.registry_client_cert, &args.registry_client_key) {
        let chain = pem("--registry-client-cert", chain, Pem::Certificates, context)?.to_vec();
        let key = pem("--registry-client-key", key, Pem::PrivateKey, context)?;
        tls = tls.with_identity(chain, Secret::new(String::from_utf8_lossy(&key)));
    }
    if let Some(name) = &args.registry_server_name {
        tls = tls.with_server_name(name);
    }
    if args.allow_insecure_registry {
        tls = registries.iter().fold(tls, |tls, registry| tls.dangerous_accept_any_certificate(*registry));
    }
    Ok(tls)
}

fn credentials(args: &RegistryArgs) -> Option<Credentials> {
    match (&args.registry_token, &args.registry_username, &args.registry_password) {
        (Some(token), _, _) => Some(Credentials::Bearer(Secret::new(token.expose()))),
        (None, Some(username), Some(password)) => {
            Some(Credentials::Basic { username: username.clone(), password: Secret::new(password.expose()) })
        }
        _ => None,
    }
}

/// What a PEM file must hold.
#[derive(Clone, Copy, Debug)]
enum Pem {
    Certificates,
    PrivateKey,
}

/// Reads a PEM file. Looks for its kind only, so that the message names the option; the client reads the rest.
fn pem(option: &'static str, path: &Path, kind: Pem, context: &Context) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (expected, label) = match kind {
        Pem::Certificates => ("certificates in PEM", &b"-----BEGIN CERTIFICATE-----"[..]),
        Pem::PrivateKey => ("a private key in PEM, without encryption", &b"PRIVATE KEY-----"[..]),
    };
    let bytes = context.files.read(option, path, expected, MAX_CERTIFICATE_BYTES)?.bytes;
    if bytes.windows(label.len()).any(|window| window == label) {
        return Ok(bytes);
    }
    let cause = likely_cause(&bytes, TextFormat::Pem).map_or_else(String::new, |cause| format!(": {cause}"));
    let found = format!("no such PEM block{cause}");
    Err(FileError::Content { option, path: path.to_owned(), expected, found })
}
