//! Services as `key=value,key=value`, and the verbs whose documents name them.
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "the comments are help texts, which have brackets"
)]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, Subcommand};

/// The keys that any service may have.
const KEYS: [&str; 8] =
    ["url", "certificate-chain", "public-key", "start-time", "end-time", "origin", "api-version", "operator"];

/// A service: its address and its other properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceSpec(BTreeMap<String, String>);

impl FromStr for ServiceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for pair in text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| format!("expected key=value, found {pair:?}"))?;
            if !KEYS.contains(&key) {
                return Err(format!("expected one of {}, found {key:?}", KEYS.join(", ")));
            }
            if values.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("{key} is given twice"));
            }
        }
        Ok(Self(values))
    }
}

impl ServiceSpec {
    /// The value of a key that must be there.
    ///
    /// # Errors
    /// Which key is missing.
    pub(crate) fn required(&self, key: &str) -> Result<&str, String> {
        self.optional(key).ok_or_else(|| format!("{key} is missing"))
    }

    /// The value of a key that may be there.
    pub(crate) fn optional(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Refuses keys that mean nothing for this kind of service.
    ///
    /// # Errors
    /// Which key does not belong there.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|key| !allowed.contains(&key.as_str())) {
            Some(key) => Err(format!("unknown key {key}: expected one of {}", allowed.join(", "))),
            None => Ok(()),
        }
    }
}

/// How many of several services to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// Any one.
    Any,
    /// All.
    All,
    /// So many.
    Exact(NonZeroU32),
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "ANY" => Ok(Self::Any),
            None if text == "ALL" => Ok(Self::All),
            Some(("EXACT", count)) if count.bytes().all(|digit| digit.is_ascii_digit()) => {
                count.parse().map(Self::Exact).map_err(|_| format!("expected a count of at least 1, found {count:?}"))
            }
            _ => Err(format!("expected ANY, ALL or EXACT:<count>, found {text:?}")),
        }
    }
}

/// `trusted-root`
#[derive(Args, Clone, Debug)]
pub(crate) struct TrustedRootVerbArgs {
    #[command(subcommand)]
    pub(crate) verb: TrustedRootVerb,
}

/// What to do with trusted roots.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum TrustedRootVerb {
    /// Make a trusted root from certificates and keys
    Create(TrustedRootCreateArgs),
}

/// `trusted-root create`
#[derive(Args, Clone, Debug)]
pub(crate) struct TrustedRootCreateArgs {
    /// Certificate authority: url=,certificate-chain=FILE[,start-time=][,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) fulcio: Vec<ServiceSpec>,
    /// Transparency log: url=,public-key=FILE,start-time=[,end-time=][,origin=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) rekor: Vec<ServiceSpec>,
    /// Certificate transparency log: url=,public-key=FILE,start-time=[,end-time=][,origin=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) ctfe: Vec<ServiceSpec>,
    /// Timestamp authority: url=,certificate-chain=FILE[,start-time=][,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) tsa: Vec<ServiceSpec>,
    /// Start from the built-in root of the public services; services given replace those of their kind
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) with_default_services: bool,
    /// Leave the public certificate authorities out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_fulcio: bool,
    /// Leave the public transparency logs out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_rekor: bool,
    /// Leave the public certificate transparency logs out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_ctfe: bool,
    /// Leave the public timestamp authorities out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_tsa: bool,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `signing-config`
#[derive(Args, Clone, Debug)]
pub(crate) struct SigningConfigVerbArgs {
    #[command(subcommand)]
    pub(crate) verb: SigningConfigVerb,
}

/// What to do with signing configurations.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum SigningConfigVerb {
    /// Make a signing configuration from addresses of services
    Create(SigningConfigCreateArgs),
}

/// `signing-config create`
#[derive(Args, Clone, Debug)]
pub(crate) struct SigningConfigCreateArgs {
    /// Certificate authority: url=,api-version=,start-time=,operator=[,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) fulcio: Vec<ServiceSpec>,
    /// Identity provider: url=,api-version=,start-time=,operator=[,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub(crate) oidc_provider: Vec<ServiceSpec>,
    /// Transparency log: url=,api-version=,start-time=,operator=[,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC", requires = "rekor_config")]
    pub(crate) rekor: Vec<ServiceSpec>,
    /// How many logs to use: ANY, ALL or EXACT:<count>
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) rekor_config: Option<Selector>,
    /// Timestamp authority: url=,api-version=,start-time=,operator=[,end-time=]; may be repeated
    #[arg(long, value_name = "SPEC", requires = "tsa_config")]
    pub(crate) tsa: Vec<ServiceSpec>,
    /// How many timestamp authorities to use: ANY, ALL or EXACT:<count>
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) tsa_config: Option<Selector>,
    /// Signing configuration to start from; services given replace those of their kind
    #[arg(long, value_name = "FILE", conflicts_with = "with_default_services")]
    pub(crate) base_config: Option<PathBuf>,
    /// Start from the built-in configuration of the public services; services given replace those of their kind
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) with_default_services: bool,
    /// Leave the public certificate authorities out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_fulcio: bool,
    /// Leave the public identity providers out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_oidc: bool,
    /// Leave the public transparency logs out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_rekor: bool,
    /// Leave the public timestamp authorities out
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_default_tsa: bool,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_says_each_thing_once_and_nothing_unknown() {
        let spec: ServiceSpec = "url=https://r,public-key=a=b.pem".parse().unwrap();
        assert_eq!(spec.required("public-key"), Ok("a=b.pem"));
        assert_eq!(spec.required("start-time"), Err("start-time is missing".to_owned()));
        assert!(spec.only(&["url"]).unwrap_err().starts_with("unknown key public-key"));
        for text in ["", "url", "url=", "url=a,url=b", "url=a,uri=b", "url=a,"] {
            assert!(text.parse::<ServiceSpec>().is_err(), "{text}");
        }
    }

    // threat: A11
    #[test]
    fn a_selector_asks_for_at_least_one() {
        assert_eq!("EXACT:2".parse(), Ok(Selector::Exact(NonZeroU32::MIN.saturating_add(1))));
        assert_eq!(("ANY".parse(), "ALL".parse()), (Ok(Selector::Any), Ok(Selector::All)));
        for text in ["", "any", "EXACT", "EXACT:", "EXACT:0", "EXACT:-1", "EXACT:+1", "EXACT:4294967296", "ANY:1"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
