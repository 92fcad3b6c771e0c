//! The registry client as the flags want it.

use std::sync::Arc;

use sigkit_core::store::registry::{
    Credentials, RegistryClient, RegistryOptions, Secret, StaticCredentials, TlsOptions,
};

use crate::args::RegistryArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::target::Target;

/// Longest file of certificates, in bytes.
const MOST_CERTIFICATE_BYTES: u64 = 1024 * 1024;

/// A client for all of a run. Flags that loosen or authenticate hold for the registries of `targets` and for no other.
///
/// # Errors
/// Flags that contradict each other, files that cannot be read, certificates that are none.
pub(crate) fn client(args: &RegistryArgs, targets: &[Target], context: &Context) -> Result<RegistryClient, CliError> {
    let mut registries: Vec<&str> = targets.iter().filter_map(Target::registry).collect();
    registries.sort_unstable();
    registries.dedup();
    let mut options = RegistryOptions::default().with_tls(tls(args, &registries, context)?);
    if args.allow_http_registry {
        options = registries.iter().fold(options, |options, registry| options.with_plain_http(*registry));
    }
    if let Some(credentials) = credentials(args)? {
        let [registry] = registries.as_slice() else {
            let why = "--registry-username, --registry-password and --registry-token are for images of one registry";
            return Err(CliError::Usage(why.to_owned()));
        };
        options = options.with_credentials(Arc::new(StaticCredentials::new(*registry, credentials)));
    }
    Ok(RegistryClient::new(options)?)
}

fn tls(args: &RegistryArgs, registries: &[&str], context: &Context) -> Result<TlsOptions, CliError> {
    let mut tls = TlsOptions::default();
    let read = |option, path, what| context.files.read(option, path, what, MOST_CERTIFICATE_BYTES);
    if let Some(path) = &args.registry_cacert {
        tls = tls.with_root(read("--registry-cacert", path, "certificates in PEM")?.bytes.to_vec());
    }
    if let (Some(chain), Some(key)) = (&args.registry_client_cert, &args.registry_client_key) {
        let chain = read("--registry-client-cert", chain, "certificates in PEM")?.bytes.to_vec();
        let key = read("--registry-client-key", key, "a private key in PEM")?.bytes;
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

fn credentials(args: &RegistryArgs) -> Result<Option<Credentials>, CliError> {
    match (&args.registry_username, &args.registry_password, &args.registry_token) {
        (None, None, None) => Ok(None),
        (None, None, Some(token)) => Ok(Some(Credentials::Bearer(Secret::new(token.expose())))),
        (Some(username), Some(password), None) => {
            let (username, password) = (username.clone(), Secret::new(password.expose()));
            Ok(Some(Credentials::Basic { username, password }))
        }
        (_, _, Some(_)) => {
            Err(CliError::Usage("--registry-token stands alone, without user name and password".to_owned()))
        }
        _ => Err(CliError::Usage("--registry-username and --registry-password go together".to_owned())),
    }
}
