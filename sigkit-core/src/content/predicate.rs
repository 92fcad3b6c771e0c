use std::fmt;
use std::str::FromStr;

/// What an attestation says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PredicateType {
    /// SLSA provenance 0.2.
    SlsaProvenance02,
    /// SLSA provenance 1.
    SlsaProvenance1,
    /// A vulnerability scan.
    Vuln,
    /// OpenVEX.
    OpenVex,
    /// Any other JSON, under this URI.
    Uri(String),
}

/// A text that names no predicate type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a predicate type, found {0:?}")]
pub struct PredicateTypeError(String);

impl PredicateType {
    /// The predicate type as it stands in a statement.
    pub fn uri(&self) -> &str {
        match self {
            Self::SlsaProvenance02 => "https://slsa.dev/provenance/v0.2",
            Self::SlsaProvenance1 => "https://slsa.dev/provenance/v1",
            Self::Vuln => "https://cosign.sigstore.dev/attestation/vuln/v1",
            Self::OpenVex => "https://openvex.dev/ns",
            Self::Uri(uri) => uri,
        }
    }
}

impl FromStr for PredicateType {
    type Err = PredicateTypeError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "slsaprovenance" | "slsaprovenance02" => Ok(Self::SlsaProvenance02),
            "slsaprovenance1" => Ok(Self::SlsaProvenance1),
            "vuln" => Ok(Self::Vuln),
            "openvex" => Ok(Self::OpenVex),
            "spdxjson" => Ok(Self::Uri("https://spdx.dev/Document".to_owned())),
            uri if uri.contains("://") => Ok(Self::Uri(uri.to_owned())),
            other => Err(PredicateTypeError(other.to_owned())),
        }
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri())
    }
}
