//! Trusted roots and signing configurations, made from what flags say about services.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sigkit_core::crypto::{KeyAlgorithm, PublicKey};
use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;
use sigkit_core::trust::{Certificate, LogId, TrustedRoot};

use crate::args::{
    Selector, ServiceSpec, SigningConfigCreateArgs, SigningConfigVerb, SigningConfigVerbArgs, TrustedRootCreateArgs,
    TrustedRootVerb, TrustedRootVerbArgs,
};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{Access, FileError};
use crate::outcome::Output;
use crate::settings::trusted_root::pem_certificates;

const TRUSTED_ROOT: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
/// Where the services of the public instance are; its origin stands in the README beside it.
const PUBLIC_GOOD: &str = include_str!("../../data/public-good-signing-config.json");
const SIGNING_CONFIG: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// Runs `trusted-root …`.
///
/// # Errors
/// [`CliError`].
pub(crate) fn trusted_root(args: &TrustedRootVerbArgs, context: &Context) -> Result<Output, CliError> {
    let TrustedRootVerb::Create(args) = &args.verb;
    let document = root_document(args, context)?;
    // What a verifier would refuse is not written.
    if document.as_object().is_some_and(|members| members.len() > 1) {
        let bytes = document.to_string();
        TrustedRoot::from_json(bytes.as_bytes(), &Limits::DEFAULT)
            .map_err(|error| CliError::usage(error.to_string()))?;
    }
    written(&document, args.out.as_deref(), context)
}

/// Runs `signing-config …`.
///
/// # Errors
/// [`CliError`].
pub(crate) fn signing_config(args: &SigningConfigVerbArgs, context: &Context) -> Result<Output, CliError> {
    let SigningConfigVerb::Create(args) = &args.verb;
    written(&config_document(args, context)?, args.out.as_deref(), context)
}

fn written(document: &Value, out: Option<&Path>, context: &Context) -> Result<Output, CliError> {
    let text = format!("{document}\n");
    let Some(path) = out else { return Ok(Output::result(text)) };
    context.files.write("--out", path, text.as_bytes(), Access::Umask)?;
    Ok(Output::result(Vec::new()))
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

fn config_document(args: &SigningConfigCreateArgs, context: &Context) -> Result<Value, CliError> {
    let mut members = match &args.base_config {
        Some(path) => base_config(path, context)?,
        None if args.with_default_services => default_services(args)?,
        None => Map::from_iter([("mediaType".to_owned(), json!(SIGNING_CONFIG))]),
    };
    for (flag, member, specs) in [
        ("--fulcio", "caUrls", &args.fulcio),
        ("--oidc-provider", "oidcUrls", &args.oidc_provider),
        ("--rekor", "rekorTlogUrls", &args.rekor),
        ("--tsa", "tsaUrls", &args.tsa),
    ] {
        put(&mut members, member, specs, |spec| service(flag, spec))?;
    }
    for (member, selector) in [("rekorTlogConfig", args.rekor_config), ("tsaConfig", args.tsa_config)] {
        let config = match selector {
            Some(Selector::Any) => json!({"selector": "ANY"}),
            Some(Selector::All) => json!({"selector": "ALL"}),
            Some(Selector::Exact(count)) => json!({"selector": "EXACT", "count": count}),
            None if members.contains_key(member) => continue,
            None => json!({}),
        };
        members.insert(member.to_owned(), config);
    }
    Ok(Value::Object(members))
}

/// The public services, but for those that are to be left out.
fn default_services(args: &SigningConfigCreateArgs) -> Result<Map<String, Value>, CliError> {
    let members = serde_json::from_str(PUBLIC_GOOD).map_err(|error| CliError::usage(error.to_string()));
    let mut members: Map<String, Value> = members?;
    for (left_out, kind) in [
        (args.no_default_fulcio, &["caUrls"][..]),
        (args.no_default_oidc, &["oidcUrls"]),
        (args.no_default_rekor, &["rekorTlogUrls", "rekorTlogConfig"]),
        (args.no_default_tsa, &["tsaUrls", "tsaConfig"]),
    ] {
        for member in kind.iter().filter(|_| left_out) {
            members.remove(*member);
        }
    }
    Ok(members)
}

fn base_config(path: &Path, context: &Context) -> Result<Map<String, Value>, FileError> {
    let (option, expected) = ("--base-config", "a signing configuration");
    let limit = u64::try_from(Limits::DEFAULT.trusted_root_bytes).unwrap_or(u64::MAX);
    let file = context.files.read(option, path, expected, limit)?;
    let refused = |found: String| FileError::Content { option, path: path.to_owned(), expected, found };
    let members: Map<String, Value> =
        serde_json::from_slice(&file.bytes).map_err(|error| refused(format!("no JSON object: {error}")))?;
    match members.get("mediaType") {
        Some(found) if found == SIGNING_CONFIG => Ok(members),
        found => Err(refused(format!("mediaType {}", found.unwrap_or(&Value::Null)))),
    }
}

/// Puts the services of a flag in the place of those that were there, if the flag was given.
fn put(
    members: &mut Map<String, Value>,
    member: &str,
    specs: &[ServiceSpec],
    read: impl Fn(&ServiceSpec) -> Result<Value, CliError>,
) -> Result<(), CliError> {
    if !specs.is_empty() {
        members.insert(member.to_owned(), specs.iter().map(read).collect::<Result<Vec<_>, _>>()?.into());
    }
    Ok(())
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
    // Without a time of its own, the authority is believed as long as all of its certificates.
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
        (_, Some(_)) => return Err(usage("origin is said of logs with Ed25519 keys only".to_owned())),
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

fn service(flag: &'static str, spec: &ServiceSpec) -> Result<Value, CliError> {
    let usage = |why: String| CliError::usage(format!("{flag}: {why}"));
    spec.only(&["url", "api-version", "start-time", "end-time", "operator"]).map_err(usage)?;
    spec.required("start-time").map_err(usage)?;
    let version = spec.required("api-version").map_err(usage)?;
    let version: u32 =
        version.parse().map_err(|_| usage(format!("api-version: expected a number, found {version:?}")))?;
    Ok(json!({
        "url": spec.required("url").map_err(usage)?,
        "majorApiVersion": version,
        "validFor": validity(spec).map_err(usage)?,
        "operator": spec.required("operator").map_err(usage)?,
    }))
}

/// The window of a service, in UTC.
fn validity(spec: &ServiceSpec) -> Result<Map<String, Value>, String> {
    let mut window = Map::new();
    let mut times = Vec::new();
    for (key, member) in [("start-time", "start"), ("end-time", "end")] {
        if let Some(text) = spec.optional(key) {
            let time: UnixTime = text.parse().map_err(|error| format!("{key}: {error}"))?;
            window.insert(member.to_owned(), json!(time.to_string()));
            times.push(time);
        }
    }
    if let [start, end] = times.as_slice()
        && end < start
    {
        return Err(format!("it ends at {end}, before it starts at {start}"));
    }
    Ok(window)
}
