//! The trusted root that flags and environment say.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::crypto::{PublicKey, certificates_from_pem};
use sigkit_core::limits::Limits;
use sigkit_core::trust::{
    Certificate, CertificateAuthority, DetachedSct, LogId, RootName, TransparencyLog, TrustedRoot, TrustedRootError,
    Validity,
};

use crate::args::TrustArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;

/// Largest file of certificates or keys, in bytes.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// The variables by which cosign replaces parts of the public services' root. They count only where no flag says which authorities
/// and logs to trust.
const ROOT_FILE: &str = "SIGSTORE_ROOT_FILE";
const REKOR_PUBLIC_KEY: &str = "SIGSTORE_REKOR_PUBLIC_KEY";
const CT_LOG_PUBLIC_KEY_FILE: &str = "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE";
const TSA_CERTIFICATE_FILE: &str = "SIGSTORE_TSA_CERTIFICATE_FILE";
const VARIABLES: [&str; 4] = [ROOT_FILE, REKOR_PUBLIC_KEY, CT_LOG_PUBLIC_KEY_FILE, TSA_CERTIFICATE_FILE];

/// The name of the trusted root that flags and variables make.
pub(crate) const FLAGS_ROOT: RootName = RootName::named("command-line");

/// The parts of a trusted root, each of which something else may replace.
#[derive(Default)]
struct Parts {
    logs: Vec<TransparencyLog>,
    certificate_logs: Vec<TransparencyLog>,
    authorities: Vec<CertificateAuthority>,
    timestamps: Vec<CertificateAuthority>,
}

/// The trusted root: a file, or that of the public services; parts of it replaced by what flags name.
///
/// # Errors
/// Files that cannot be read or are something else.
pub(crate) fn trusted_root(args: &TrustArgs, context: &Context) -> Result<TrustedRoot, CliError> {
    let mut parts = match &args.log.trusted_root {
        Some(path) => Parts::of(&read_root(path, context)?),
        None => Parts::of(&public_good()?),
    };
    match args.names_authorities() {
        Some(flag) => ignore_environment(flag, context),
        None => parts = parts.with_environment(context)?,
    }
    let certificates = &args.certificates;
    if let Some(path) = &certificates.certificate_chain {
        parts.authorities = vec![chain("--certificate-chain", path, context)?];
    } else if let Some(path) = &certificates.ca_roots {
        let below = match &certificates.ca_intermediates {
            Some(path) => pem_certificates("--ca-intermediates", path, context)?,
            None => Vec::new(),
        };
        parts.authorities = vec![pool("--ca-roots", path, &below, context)?];
    }
    if let Some(path) = &args.log.timestamp_certificate_chain {
        parts.timestamps = vec![chain("--timestamp-certificate-chain", path, context)?];
    }
    parts.assemble().map_err(|error| CliError::usage(error.to_string()))
}

/// Tells people which variables do not count beside `flag`.
fn ignore_environment(flag: &str, context: &Context) {
    for variable in VARIABLES.into_iter().filter(|variable| context.environment.non_empty(variable).is_some()) {
        context.note(&format!("WARNING: {variable} is ignored: {flag} says which authorities and logs to trust"));
    }
}

/// Reads a trusted root.
///
/// # Errors
/// [`FileError`].
pub(crate) fn read_root(path: &Path, context: &Context) -> Result<TrustedRoot, FileError> {
    let (option, expected) = ("--trusted-root", "a trusted root");
    let limits = Limits::DEFAULT;
    let limit = u64::try_from(limits.trusted_root_bytes).unwrap_or(u64::MAX);
    let file = context.files.read(option, path, expected, limit)?;
    let root = TrustedRoot::from_json(&file.bytes, &limits).map_err(|error| content(option, path, expected, &error))?;
    for entry in root.set_aside() {
        context.note(&format!("WARNING: {option}: {}: {entry}", path.display()));
    }
    Ok(root)
}

/// The certificates of a PEM file, in DER.
///
/// # Errors
/// [`FileError`].
pub(crate) fn pem_certificates(
    option: &'static str,
    path: &Path,
    context: &Context,
) -> Result<Vec<Vec<u8>>, FileError> {
    let expected = "certificates in PEM";
    let file = context.files.read(option, path, expected, MAX_PEM_BYTES)?;
    certificates_from_pem(&file.bytes).map_err(|error| content(option, path, expected, &error))
}

/// One certificate: PEM, DER, or the base64 of either, as cosign writes it.
///
/// # Errors
/// [`FileError`].
pub(crate) fn certificate(option: &'static str, path: &Path, context: &Context) -> Result<Certificate, FileError> {
    let expected = "one certificate in PEM or DER";
    let file = context.files.read(option, path, expected, Limits::DEFAULT.key_file_bytes)?;
    let text: Vec<u8> = file.bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let bytes = STANDARD.decode(text.trim_ascii()).unwrap_or_else(|_| file.bytes.to_vec());
    let der = if matches!(bytes.as_slice(), [0x30, 0x80..=0xff, ..]) {
        bytes
    } else {
        let certificates = certificates_from_pem(&bytes).map_err(|error| content(option, path, expected, &error))?;
        match <[Vec<u8>; 1]>::try_from(certificates) {
            Ok([der]) => der,
            Err(several) => return Err(content(option, path, expected, &format!("{} certificates", several.len()))),
        }
    };
    Certificate::from_der(&der).map_err(|error| content(option, path, expected, &error))
}

/// A certificate log's promise in a file.
///
/// # Errors
/// [`FileError`].
pub(crate) fn detached_sct(option: &'static str, path: &Path, context: &Context) -> Result<DetachedSct, FileError> {
    let expected = "the answer of a certificate log in JSON (RFC 6962, add-chain)";
    let file = context.files.read(option, path, expected, Limits::DEFAULT.key_file_bytes)?;
    DetachedSct::from_json(&file.bytes).map_err(|error| content(option, path, expected, &error))
}

pub(crate) fn public_good() -> Result<TrustedRoot, CliError> {
    // Compiled in and tested: this cannot fail.
    TrustedRoot::public_good().map_err(|error| CliError::usage(error.to_string()))
}

impl Parts {
    fn of(root: &TrustedRoot) -> Self {
        Self {
            logs: root.logs().to_vec(),
            certificate_logs: root.certificate_logs().to_vec(),
            authorities: root.certificate_authorities().to_vec(),
            timestamps: root.timestamp_authorities().to_vec(),
        }
    }

    fn with_environment(mut self, context: &Context) -> Result<Self, CliError> {
        let file = |variable: &'static str, what: &str| {
            let value: OsString = context.environment.get(variable)?;
            context.note(&format!("note: {variable} replaces the {what} of the public services"));
            context.believe(variable, what);
            Some(PathBuf::from(value))
        };
        if let Some(variable) =
            VARIABLES.iter().find(|name| context.environment.get(name).is_some_and(|it| it.is_empty()))
        {
            let why = format!("the environment variable {variable} is empty: name a file, or unset the variable");
            return Err(CliError::usage(why));
        }
        if let Some(path) = file(ROOT_FILE, "certificate authorities") {
            let certificates = pem_certificates(ROOT_FILE, &path, context)?;
            self.authorities = vec![from_pool(ROOT_FILE, &path, &certificates)?];
        }
        if let Some(path) = file(REKOR_PUBLIC_KEY, "transparency logs") {
            self.logs = vec![log(REKOR_PUBLIC_KEY, &path, context)?];
        }
        if let Some(path) = file(CT_LOG_PUBLIC_KEY_FILE, "certificate transparency logs") {
            self.certificate_logs = vec![log(CT_LOG_PUBLIC_KEY_FILE, &path, context)?];
        }
        if let Some(path) = file(TSA_CERTIFICATE_FILE, "timestamp authorities") {
            self.timestamps = vec![chain(TSA_CERTIFICATE_FILE, &path, context)?];
        }
        Ok(self)
    }

    fn assemble(self) -> Result<TrustedRoot, TrustedRootError> {
        let mut root = TrustedRoot::default();
        self.logs.into_iter().try_for_each(|log| root.add_log(log))?;
        self.certificate_logs.into_iter().try_for_each(|log| root.add_certificate_log(log))?;
        self.authorities.into_iter().for_each(|authority| root.add_certificate_authority(authority));
        self.timestamps.into_iter().for_each(|authority| root.add_timestamp_authority(authority));
        Ok(root)
    }
}

/// An authority from a chain: each certificate issued by the next, the root last.
fn chain(option: &'static str, path: &Path, context: &Context) -> Result<CertificateAuthority, FileError> {
    let chain = pem_certificates(option, path, context)?;
    CertificateAuthority::from_chain("", &chain, Validity::ALWAYS, &Limits::DEFAULT)
        .map_err(|error| content(option, path, "a chain of certificates", &error))
}

/// An authority from roots, and certificates below them in any order.
fn pool(
    option: &'static str,
    path: &Path,
    below: &[Vec<u8>],
    context: &Context,
) -> Result<CertificateAuthority, FileError> {
    let roots = pem_certificates(option, path, context)?;
    CertificateAuthority::from_pools("", below, &roots, Validity::ALWAYS, &Limits::DEFAULT)
        .map_err(|error| content(option, path, "certificates of authorities", &error))
}

/// An authority from a heap of certificates, told apart by whether they issued themselves.
fn from_pool(option: &'static str, path: &Path, heap: &[Vec<u8>]) -> Result<CertificateAuthority, FileError> {
    let refused = |error: &dyn std::fmt::Display| content(option, path, "certificates of authorities", error);
    let (mut roots, mut below) = (Vec::new(), Vec::new());
    for der in heap {
        let certificate = Certificate::from_der(der).map_err(|error| refused(&error))?;
        if certificate.is_self_issued() { roots.push(der) } else { below.push(der) }
    }
    CertificateAuthority::from_pools("", &below, &roots, Validity::ALWAYS, &Limits::DEFAULT)
        .map_err(|error| refused(&error))
}

/// A log known by nothing but its key, as with Rekor v1 and certificate transparency.
fn log(option: &'static str, path: &Path, context: &Context) -> Result<TransparencyLog, FileError> {
    let expected = "the public key of a log in PEM";
    let file = context.files.read(option, path, expected, Limits::DEFAULT.key_file_bytes)?;
    let key = PublicKey::from_pem(&file.bytes).map_err(|error| content(option, path, expected, &error))?;
    Ok(TransparencyLog::new("", LogId::of_key(&key), key, Validity::ALWAYS))
}

fn content(
    option: &'static str,
    path: &Path,
    expected: &'static str,
    found: &(impl std::fmt::Display + ?Sized),
) -> FileError {
    let found = found.to_string();
    // The error may begin with what the sentence says already.
    let found = match (found.strip_prefix("found "), found.strip_prefix("trusted root: ")) {
        (Some(found), _) => found.to_owned(),
        (None, Some(why)) => format!("another document: {why}"),
        (None, None) => found.replacen(" found; wanted ", "; wanted ", 1),
    };
    FileError::Content { option, path: path.to_owned(), expected, found }
}
