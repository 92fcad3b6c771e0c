//! Bundles as files: shown, made from parts, and upgraded to the current version. Nothing is verified here.

use std::path::Path;

use sigkit_core::bundle::{SignedEntity, SignedTimestamp, VerificationMaterial};
use sigkit_core::content::{Content, Envelope, MessageSignature};
use sigkit_core::crypto::{PublicKey, Signature};
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::limits::Limits;
use sigkit_core::trust::{Certificate, CertificateError};
use zeroize::Zeroizing;

use super::result_file;
use crate::args::{BundleCreateArgs, BundleUpgradeArgs, BundleVerb, BundleVerbArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::files::FileError;
use crate::outcome::Output;
use crate::render;
use crate::settings::trusted_root::certificate;

/// Runs `bundle …`.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &BundleVerbArgs, context: &Context) -> Result<Output, CliError> {
    match &args.verb {
        BundleVerb::Inspect(args) => {
            let name = args.bundle.display().to_string();
            let bytes = bytes("BUNDLE", &args.bundle, context)?;
            match parse("BUNDLE", &args.bundle, &bytes) {
                Ok(entity) => Ok(Output::result(render::bundle(&name, &entity))),
                Err(error) => match render::broken_bundle(&name, &bytes) {
                    Some(page) => Ok(Output {
                        notes: vec![format!("Error: {error}")],
                        exit: ExitCode::Failed,
                        ..Output::result(page)
                    }),
                    None => Err(error.into()),
                },
            }
        }
        BundleVerb::Create(args) => written(&create(args, context)?, args.out.as_deref(), context),
        BundleVerb::Upgrade(args) => written(&upgrade(args, context)?, args.out.as_deref(), context),
    }
}

fn read(option: &'static str, path: &Path, context: &Context) -> Result<SignedEntity, CliError> {
    Ok(parse(option, path, &bytes(option, path, context)?)?)
}

fn bytes(option: &'static str, path: &Path, context: &Context) -> Result<Zeroizing<Vec<u8>>, CliError> {
    context.read_or_stdin(option, path, "a bundle", Limits::DEFAULT.attachment_bytes)
}

fn parse(option: &'static str, path: &Path, bytes: &[u8]) -> Result<SignedEntity, FileError> {
    SignedEntity::from_any_bundle(bytes, &Limits::DEFAULT).map_err(|error| FileError::Content {
        option,
        path: path.to_owned(),
        expected: "a bundle",
        found: error.to_string(),
    })
}

fn upgrade(args: &BundleUpgradeArgs, context: &Context) -> Result<SignedEntity, CliError> {
    let entity = read("BUNDLE", &args.bundle, context)?;
    if entity.material == VerificationMaterial::Unspecified {
        return usage("the bundle does not name its signer: use bundle create with --certificate or --key");
    }
    with_proofs(&entity)?;
    Ok(entity)
}

fn create(args: &BundleCreateArgs, context: &Context) -> Result<SignedEntity, CliError> {
    let old = args.bundle.as_deref().map(|path| read("--bundle", path, context)).transpose()?;
    let mut entity = SignedEntity::new(content(args, old.as_ref(), context)?, VerificationMaterial::Unspecified);
    let (material, key) = material(args, old.as_ref(), context)?;
    entity.material = material;
    check(args, &mut entity.content, &key, context)?;
    if let Some(old) = old {
        entity.timestamps = old.timestamps;
        entity.log_entries = old.log_entries;
    }
    if let Some(path) = &args.rfc3161_timestamp {
        let timestamp: SignedTimestamp = context.timestamp("--rfc3161-timestamp", path)?;
        entity.timestamps.push(timestamp);
    }
    if args.ignore_tlog {
        entity.log_entries.clear();
    } else if entity.log_entries.is_empty() {
        return usage(
            "no transparency log entry is given, and this build contacts no log: with --ignore-tlog the bundle is made \
             without one",
        );
    }
    with_proofs(&entity)?;
    Ok(entity)
}

/// What was signed, with its signature.
fn content(args: &BundleCreateArgs, old: Option<&SignedEntity>, context: &Context) -> Result<Content, CliError> {
    if let Some(path) = &args.attestation {
        let (option, expected) = ("--attestation", "a DSSE envelope with one signature");
        let file = context.files.read(option, path, expected, Limits::DEFAULT.attachment_bytes)?;
        let envelope = Envelope::parse(&file.bytes).map_err(|error| FileError::Content {
            option,
            path: path.clone(),
            expected,
            found: error.to_string(),
        })?;
        return Ok(Content::Envelope(envelope));
    }
    let given = args.signature.as_deref().map(|given| context.signature_text("--signature", given)).transpose()?;
    match (given, old.map(|old| &old.content)) {
        (Some((name, text)), _) => {
            let signature = Signature::from_base64_file(&text)
                .map_err(|error| CliError::usage(format!("--signature: {name}: {error}")))?;
            Ok(Content::Message(MessageSignature { digest: None, signature }))
        }
        (None, Some(content)) => Ok(content.clone()),
        (None, None) => usage("missing what was signed: give --bundle, --attestation, or --artifact with --signature"),
    }
}

/// What the bundle will say of the signer, and the signer's key.
fn material(
    args: &BundleCreateArgs,
    old: Option<&SignedEntity>,
    context: &Context,
) -> Result<(VerificationMaterial, PublicKey), CliError> {
    if let Some(source) = &args.key {
        let key = context.public_key(source)?;
        return Ok((VerificationMaterial::KeyHint(key.fingerprint().hint()), key));
    }
    let leaf = match (&args.certificate, old.map(|old| &old.material)) {
        (Some(path), _) => certificate("--certificate", path, context)?,
        (None, Some(VerificationMaterial::Certificate(chain))) => match chain.first() {
            Some(leaf) => Certificate::from_der(leaf).map_err(invalid)?,
            None => return usage("the bundle's list of certificates is empty: give --certificate or --key"),
        },
        _ => return usage("missing the signer: give --certificate or --key"),
    };
    let key = leaf.public_key().map_err(invalid)?;
    Ok((VerificationMaterial::Certificate(vec![leaf.der().to_vec()]), key))
}

/// A bundle is made of parts that belong together: the key must have made the signature.
fn check(args: &BundleCreateArgs, content: &mut Content, key: &PublicKey, context: &Context) -> Result<(), CliError> {
    let invalid = |error: sigkit_core::crypto::SignatureError| {
        CliError::usage(format!("the signature does not verify with this certificate or key: {error}"))
    };
    match content {
        Content::Message(message) => {
            let Some(path) = &args.artifact else { return usage("give the file that was signed with --artifact") };
            let limit = Limits::DEFAULT.attachment_bytes;
            let bytes = context.read_or_stdin("--artifact", path, "the file that was signed", limit)?;
            let scheme = key.verify(&bytes, &message.signature).map_err(invalid)?;
            message.digest = Some(Digest::of(scheme.digest_algorithm().unwrap_or(DigestAlgorithm::Sha256), &bytes));
        }
        Content::Envelope(envelope) => {
            key.verify(&envelope.pae(), &envelope.signature).map_err(invalid)?;
        }
        Content::SimpleSigning { .. } => return usage("simple signing documents do not fit into bundles"),
        _ => return usage("what was signed does not fit into a bundle"),
    }
    Ok(())
}

/// Version 0.3 asks for the proof that an entry is in its log.
fn with_proofs(entity: &SignedEntity) -> Result<(), CliError> {
    match entity.log_entries.iter().find(|entry| entry.inclusion_proof.is_none()) {
        Some(entry) => Err(CliError::usage(format!(
            "log entry {} comes without an inclusion proof, which version 0.3 needs and only the log can give; this build asks no log{}",
            entry.log_index, "; bundle create --ignore-tlog leaves the entry out"
        ))),
        None => Ok(()),
    }
}

fn written(entity: &SignedEntity, out: Option<&Path>, context: &Context) -> Result<Output, CliError> {
    let Some(bytes) = entity.to_bundle()? else { return usage("version 0.3 of bundles cannot hold this signature") };
    Ok(result_file::written("--out", out, bytes, context)?)
}

fn invalid(error: CertificateError) -> CliError {
    CliError::usage(format!("the certificate: {error}"))
}

fn usage<T>(why: &str) -> Result<T, CliError> {
    Err(CliError::usage(why.to_owned()))
}
