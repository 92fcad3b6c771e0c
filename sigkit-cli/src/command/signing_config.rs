//! `signing-config`: signing configurations made from what flags say about services.

use std::path::Path;

use serde_json::{Map, Value, json};
use sigkit_core::limits::Limits;

use super::result_file;
use super::service_spec::{put, validity};
use crate::args::{Selector, ServiceSpec, SigningConfigCreateArgs, SigningConfigVerb, SigningConfigVerbArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;
use crate::outcome::Output;

/// The services of the public instance; see the README next to it for its origin.
const PUBLIC_GOOD: &str = include_str!("../../data/public-good-signing-config.json");
const SIGNING_CONFIG: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// Runs `signing-config …`.
///
/// # Errors
/// [`CliError`].
pub(super) fn run(args: &SigningConfigVerbArgs, context: &Context) -> Result<Output, CliError> {
    let SigningConfigVerb::Create(args) = &args.verb;
    let document = format!("{}\n", config_document(args, context)?);
    Ok(result_file::written("--out", args.out.as_deref(), document.into_bytes(), context)?)
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

/// The public services, except those to be left out.
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
    let members: Map<String, Value> = serde_json::from_slice(&file.bytes)
        .map_err(|error| FileError::json(option, path, expected, &error, &file.bytes))?;
    match members.get("mediaType") {
        Some(found) if found == SIGNING_CONFIG => Ok(members),
        found => Err(refused(format!("mediaType {}", found.unwrap_or(&Value::Null)))),
    }
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
