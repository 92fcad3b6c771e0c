use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContentError, clip};
use crate::digest::Digest;
use crate::json::{self, JsonError};
use crate::limits::DOCUMENT_VALUES;

/// The `critical.type` of a cosign image signature.
pub const SIMPLE_SIGNING_TYPE: &str = "cosign container image signature";

const DOCUMENT: &str = "simple signing payload";

/// A simple signing document: cosign signature specification, "Simple Signing" (after containers/image).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimpleSigning {
    /// Where the signer said that the image lives: `registry/repository`.
    pub reference: String,
    /// The manifest digest signed.
    pub digest: Digest,
    /// `critical.type`, as found.
    pub kind: String,
    /// Signed annotations; values are strings when written by a command line.
    pub optional: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    critical: Critical,
    optional: Option<BTreeMap<String, Value>>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

impl SimpleSigning {
    /// Reads a payload. Member names are case-sensitive; members beyond the known ones decide nothing.
    ///
    /// ```
    /// # const PAYLOAD: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/golden.payload.json"));
    /// use sigkit_core::content::SimpleSigning;
    ///
    /// let document = SimpleSigning::parse(PAYLOAD)?;
    /// assert_eq!(document.reference, "127.0.0.1:16002/leg");
    /// assert_eq!(document.optional["foo"], "bar");
    /// # Ok::<(), sigkit_core::content::ContentError>(())
    /// ```
    ///
    /// # Errors
    /// [`ContentError::Json`], [`ContentError::Member`].
    pub fn parse(payload: &[u8]) -> Result<Self, ContentError> {
        let wire: Wire = json::from_slice_within(payload, DOCUMENT_VALUES)
            .map_err(|error| ContentError::Json { document: DOCUMENT, error })?;
        let found = &wire.critical.image.docker_manifest_digest;
        let digest = found.parse().map_err(|_| ContentError::Member {
            document: DOCUMENT,
            member: "critical.image.docker-manifest-digest",
            expected: "a digest such as sha256:<64 hex digits>",
            found: clip(found),
        })?;
        Ok(Self {
            reference: wire.critical.identity.docker_reference,
            digest,
            kind: wire.critical.kind,
            optional: wire.optional.unwrap_or_default(),
        })
    }

    /// The exact bytes that cosign writes for this document: compact, fixed order, Go's escapes, no newline at the end.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, JsonError> {
        let wire = Wire {
            critical: Critical {
                identity: Identity { docker_reference: self.reference.clone() },
                image: Image { docker_manifest_digest: self.digest.to_string() },
                kind: self.kind.clone(),
            },
            optional: (!self.optional.is_empty()).then(|| self.optional.clone()),
        };
        json::to_go_string(&wire).map(String::into_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by cosign 3.1.1.
    const GOLDEN: &str = r#"{"critical":{"identity":{"docker-reference":"127.0.0.1:16002/leg"},"image":{"docker-manifest-digest":"sha256:b02fe256df31838e0205be8b40987697dba0ae68fc7ad9579be39628b810c133"},"type":"cosign container image signature"},"optional":{"foo":"bar","n":"1"}}"#;

    #[test]
    fn cosigns_payload_is_reproduced_to_the_byte() {
        let parsed = SimpleSigning::parse(GOLDEN.as_bytes()).unwrap();
        assert_eq!(parsed.reference, "127.0.0.1:16002/leg");
        assert_eq!(parsed.optional["n"], "1");
        assert_eq!(String::from_utf8(parsed.to_bytes().unwrap()).unwrap(), GOLDEN);
        let bare = SimpleSigning { optional: BTreeMap::new(), ..parsed };
        assert!(String::from_utf8(bare.to_bytes().unwrap()).unwrap().ends_with(r#""optional":null}"#));
    }

    // threat: D09
    // threat: D10
    #[test]
    fn ambiguous_or_miscased_documents_are_refused() {
        for (from, to) in [
            (r#""critical":"#, r#""Critical":"#),
            (r#""docker-manifest-digest":"#, r#""DOCKER-MANIFEST-DIGEST":"#),
            (r#","optional":"#, r#","critical":{},"optional":"#),
            ("b02fe", "B02FE"),
            ("sha256:b", "md5:b"),
            (r#"}}"#, r#"}} x"#),
        ] {
            assert!(SimpleSigning::parse(GOLDEN.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
    }
}
