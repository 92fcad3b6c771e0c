//! `trusted-root`: trusted roots made from what flags say about services.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sigkit_core::crypto::{KeyAlgorithm, PublicKey};
use sigkit_core::limits::Limits;
use sigkit_core::trust::{Certificate, LogId, TrustedRoot};

use super::result_file;
use super::service_spec::{put, validity};
use crate::args::{ServiceSpec, TrustedRootCreateArgs, TrustedRootVerb, TrustedRootVerbArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::settings::trusted_root::pem_certificates;

const TRUSTED_ROOT: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

/// Runs `trusted-root …`.
///
/// # Errors
/// [`CliError`].
pub(super) fn run(args: &TrustedRootVerbArgs, context: &Context) -> Result<Output, CliError> {
    let TrustedRootVerb::Create(args) = &args.verb;
    let document = root_document(args, context)?;
    // What a verifier would refuse is not written.
    if document.as_object().is_some_and(|members| members.len() > 1) {
        let bytes = document.to_string();
        TrustedRoot::from_json(bytes.as_bytes(), &Limits::DEFAULT)
            .map_err(|error| CliError::usage(error.to_string()))?;
    }
    Ok(result_file::written("--out", args.out.as_deref(), format!("{document}\n").into_bytes(), context)?)
}

fn root_document(args: &TrustedRootCreateArgs, context: &Context) -> Result<Value, CliError> {
    let mut members = if args.with_default_services {
        serde_json::from_slice(TrustedRoot::public_good_json()).map_err(|error| CliError::usage(error.to_string()))?
    } else {
        Map::from_iter([("mediaType".to_owned(), json!(TRUSTED_ROOT))])
    };
    for (member, left_out) in [
        ("certificateAuthorities", args.no_default_fulcio),
        ("tlogs", args.no_default_rekor),
        ("ctlogs", args.no_default_ctfe),
        ("timestampAuthorities", args.no_default_tsa),
    ] {
        if left_out {
            members.remove(member);
        }
    }
    for (flag, member, specs) in
        [("--fulcio", "certificateAuthorities", &args.fulcio), ("--tsa", "timestampAuthorities", &args.tsa)]
    {
        put(&mut members, member, specs, |spec| authority(flag, spec, context))?;
    }
    for (flag, member, specs) in [("--rekor", "tlogs", &args.rekor), ("--ctfe", "ctlogs", &args.ctfe)] {
        put(&mut members, member, specs, |spec| log(flag, spec, context))?;
    }
    Ok(Value::Object(members))
}

fn authority(flag: &'static str, spec: &ServiceSpec, context: &Context) -> Result<Value, CliError> {
    let usage = |why: String| CliError::usage(format!("{flag}: {why}"));
    spec.only(&["url", "certificate-chain", "start-time", "end-time"]).map_err(usage)?;
    let path = Path::new(spec.required("certificate-chain").map_err(usage)?);
    let chain = pem_certificates(flag, path, context)?;
    let certificates = chain
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| usage(e.to_string()))?;
    // Without a time of its own, the authority is valid as long as all of its certificates.
    let issued = certificates.iter().filter_map(|certificate| certificate.validity().start()).max();
    let mut valid = validity(spec).map_err(usage)?;
    if let (None, Some(issued)) = (spec.optional("start-time"), issued) {
        valid.insert("start".to_owned(), json!(issued.to_string()));
    }
    let raw = chain.iter().map(|der| json!({"rawBytes": STANDARD.encode(der)})).collect::<Vec<_>>();
    Ok(json!({
        "uri": spec.required("url").map_err(usage)?,
        "certChain": {"certificates": raw},
        "validFor": valid,
    }))
}

fn log(flag: &'static str, spec: &ServiceSpec, context: &Context) -> Result<Value, CliError> {
    let usage = |why: String| CliError::usage(format!("{flag}: {why}"));
    spec.only(&["url", "public-key", "start-time", "end-time", "origin"]).map_err(usage)?;
    spec.required("start-time").map_err(usage)?;
    let url = spec.required("url").map_err(usage)?;
    let path = Path::new(spec.required("public-key").map_err(usage)?);
    let file = context.files.read(flag, path, "a public key in PEM", Limits::DEFAULT.key_file_bytes)?;
    let key = PublicKey::from_pem(&file.bytes).map_err(|error| usage(error.to_string()))?;
    let details = match key.algorithm() {
        KeyAlgorithm::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
        KeyAlgorithm::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
        KeyAlgorithm::EcdsaP521 => "PKIX_ECDSA_P521_SHA_512",
        KeyAlgorithm::Ed25519 => "PKIX_ED25519",
        KeyAlgorithm::Rsa { bits: 2048 } => "PKIX_RSA_PKCS1V15_2048_SHA256",
        KeyAlgorithm::Rsa { bits: 3072 } => "PKIX_RSA_PKCS1V15_3072_SHA256",
        KeyAlgorithm::Rsa { bits: 4096 } => "PKIX_RSA_PKCS1V15_4096_SHA256",
        other => return Err(usage(format!("sigstore has no name for {other} keys of logs"))),
    };
    // Logs with such keys are of the second generation, and their names are part of what identifies them.
    let id = match (key.algorithm(), spec.optional("origin")) {
        (KeyAlgorithm::Ed25519, origin) => {
            let host = url.split_once("://").map_or(url, |(_, host)| host).trim_end_matches('/');
            LogId::of_note_key(origin.unwrap_or(host), &key)
        }
        (_, None) => LogId::of_key(&key),
        (_, Some(_)) => return Err(usage("origin applies to logs with Ed25519 keys only".to_owned())),
    };
    Ok(json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.spki_der()),
            "keyDetails": details,
            "validFor": validity(spec).map_err(usage)?,
        },
        "logId": {"keyId": id.to_string()},
    }))
}
