use std::fmt;
use std::str::FromStr;

use super::scan::{self, ScanPredicate, ScanReport};
use super::shape::{self, Object};
use super::{ContentError, SIGN_PREDICATE, clip};
use crate::json::JsonError;
use crate::limits::Limits;
use crate::time::UnixTime;

/// What an attestation says, by the names that cosign's `--type` has for it or by a URI. Types are compared as exact strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PredicateType {
    /// Any text, wrapped together with a time.
    Custom,
    /// SLSA provenance 0.2.
    SlsaProvenance02,
    /// SLSA provenance 1.
    SlsaProvenance1,
    /// An in-toto link: one step of a supply chain.
    Link,
    /// SPDX 2, tag-value text.
    SpdxText,
    /// SPDX, JSON.
    SpdxJson,
    /// CycloneDX, JSON.
    CycloneDx,
    /// A vulnerability scan.
    Vuln,
    /// OpenVEX.
    OpenVex,
    /// Any other JSON, under this URI; to be read, under any text.
    Uri(String),
}

/// A text that names no predicate type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateTypeError {
    /// Neither a known name nor a URI.
    #[error(
        "expected custom, cyclonedx, link, openvex, slsaprovenance, slsaprovenance02, slsaprovenance1, spdx, spdxjson, vuln, or a \
         URI, found {found:?}"
    )]
    Unknown {
        /// The text, cut to 200 characters.
        found: String,
    },
    /// The type of image signatures.
    #[error("{SIGN_PREDICATE} is the type of image signatures, not of attestations: use sign and verify")]
    Signature,
}

/// Longest URI of a predicate type, in bytes; it is also written into annotations.
const MAX_URI_BYTES: usize = 2048;

impl PredicateType {
    /// The names, and the type that each means. Several names may mean one URI.
    const NAMES: [(&'static str, Self); 10] = [
        ("custom", Self::Custom),
        ("cyclonedx", Self::CycloneDx),
        ("link", Self::Link),
        ("openvex", Self::OpenVex),
        ("slsaprovenance", Self::SlsaProvenance02),
        ("slsaprovenance02", Self::SlsaProvenance02),
        ("slsaprovenance1", Self::SlsaProvenance1),
        ("spdx", Self::SpdxText),
        ("spdxjson", Self::SpdxJson),
        ("vuln", Self::Vuln),
    ];

    /// The names that [`FromStr`] takes instead of a URI, in alphabetical order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().map(|(name, _)| name)
    }

    /// The predicate type as written in a statement.
    pub fn uri(&self) -> &str {
        match self {
            Self::Custom => "https://cosign.sigstore.dev/attestation/v1",
            Self::SlsaProvenance02 => "https://slsa.dev/provenance/v0.2",
            Self::SlsaProvenance1 => "https://slsa.dev/provenance/v1",
            Self::Link => "https://in-toto.io/Link/v1",
            Self::SpdxText | Self::SpdxJson => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
            Self::Vuln => "https://cosign.sigstore.dev/attestation/vuln/v1",
            Self::OpenVex => "https://openvex.dev/ns",
            Self::Uri(uri) => uri,
        }
    }

    /// The type to look for: by a name, or by any other text, which is compared exactly. Attestations exist
    /// whose type is not a URI; making them is refused ([`FromStr`]).
    ///
    /// ```
    /// use sigkit_core::content::PredicateType;
    ///
    /// assert_eq!(PredicateType::wanted("cyclonedx")?.uri(), "https://cyclonedx.org/bom");
    /// assert_eq!(PredicateType::wanted("https://example.com/own/v1")?.uri(), "https://example.com/own/v1");
    /// # Ok::<(), sigkit_core::content::PredicateTypeError>(())
    /// ```
    ///
    /// # Errors
    /// [`PredicateTypeError`] for the type of image signatures, and for what no statement has: nothing, and more than 2048 bytes.
    pub fn wanted(text: &str) -> Result<Self, PredicateTypeError> {
        match text.parse() {
            Err(PredicateTypeError::Unknown { .. }) if !text.is_empty() && text.len() <= MAX_URI_BYTES => {
                Ok(Self::Uri(text.to_owned()))
            }
            parsed => parsed,
        }
    }

    /// Makes the predicate of a document of this type: JSON is checked and stays byte for byte as it is, text becomes a string, and
    /// the report of a scanner is wrapped into the predicate for scans. `now` dates what has no date of its own.
    ///
    /// # Errors
    /// [`ContentError`] names the invalid member, and the expected and found values.
    pub fn predicate(&self, document: Vec<u8>, now: UnixTime, limits: &Limits) -> Result<Vec<u8>, ContentError> {
        match self {
            Self::Custom => {
                let data = text(self.label(), &document)?;
                return Ok(format!(r#"{{"Data":{data},"Timestamp":"{now}"}}"#).into_bytes());
            }
            Self::SpdxText => {
                let tags = std::str::from_utf8(&document).unwrap_or_default();
                if !tags.lines().any(|line| line.starts_with("SPDXVersion:")) {
                    let first = tags.lines().next().unwrap_or("text that is not UTF-8");
                    return Err(self.member("SPDXVersion", "a line with this tag", first));
                }
                return text(self.label(), &document).map(String::into_bytes);
            }
            Self::Vuln => {
                return match ScanReport::parse(&document, limits) {
                    Ok(report) => scan::wrap(&report, &document).map_err(|error| self.json(error)),
                    // A report in a known format with something wrong in it is not the predicate either.
                    Err(error) => match Object::parse(self.label(), &document)?.has("scanner") {
                        true => ScanPredicate::parse(&document).map(|_| document),
                        false => Err(error),
                    },
                };
            }
            _ => {}
        }
        let object = Object::parse(self.label(), &document)?;
        match self {
            Self::SlsaProvenance02 => shape::slsa_provenance_02(&object)?,
            Self::SlsaProvenance1 => shape::slsa_provenance_1(&object)?,
            Self::Link => shape::link(&object)?,
            Self::SpdxJson => shape::spdx(&object)?,
            Self::CycloneDx => shape::cyclonedx(&object)?,
            Self::OpenVex => shape::openvex(&object)?,
            _ => {}
        }
        drop(object);
        Ok(document)
    }

    /// What to call a document of this type.
    const fn label(&self) -> &'static str {
        match self {
            Self::Custom => "predicate",
            Self::SlsaProvenance02 | Self::SlsaProvenance1 => "SLSA provenance",
            Self::Link => "in-toto link",
            Self::SpdxText | Self::SpdxJson => "SPDX document",
            Self::CycloneDx => "CycloneDX document",
            Self::Vuln => "vulnerability predicate",
            Self::OpenVex => "OpenVEX document",
            Self::Uri(_) => "predicate",
        }
    }

    fn member(&self, member: &'static str, expected: &'static str, found: &str) -> ContentError {
        ContentError::Member { document: self.label(), member, expected, found: clip(found) }
    }

    fn json(&self, error: JsonError) -> ContentError {
        ContentError::Json { document: self.label(), error }
    }
}

/// A text as a JSON string.
fn text(document: &'static str, bytes: &[u8]) -> Result<String, ContentError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let found = "bytes that are not UTF-8: attest them as a separate file".to_owned();
        return Err(ContentError::Member { document, member: "$", expected: "UTF-8 text", found });
    };
    serde_json::to_string(text).map_err(|error| ContentError::Json { document, error: error.into() })
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri())
    }
}

impl FromStr for PredicateType {
    type Err = PredicateTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, known)) = Self::NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(known.clone());
        }
        if text == SIGN_PREDICATE {
            return Err(PredicateTypeError::Signature);
        }
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.split_once(':') {
            Some((scheme, rest))
                if printable && text.len() <= MAX_URI_BYTES && is_scheme(scheme) && !rest.is_empty() =>
            {
                Ok(Self::Uri(text.to_owned()))
            }
            _ => Err(PredicateTypeError::Unknown { found: clip(text) }),
        }
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_795_410_210);

    fn predicate(name: &str, document: &[u8]) -> Result<Vec<u8>, ContentError> {
        name.parse::<PredicateType>().unwrap().predicate(document.to_vec(), NOW, &Limits::DEFAULT)
    }

    // threat: D08
    #[test]
    fn names_and_uris_are_cosigns_and_compared_exactly() {
        for (name, uri) in [
            ("custom", "https://cosign.sigstore.dev/attestation/v1"),
            ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
            ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
            ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
            ("link", "https://in-toto.io/Link/v1"),
            ("spdx", "https://spdx.dev/Document"),
            ("spdxjson", "https://spdx.dev/Document"),
            ("cyclonedx", "https://cyclonedx.org/bom"),
            ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
            ("openvex", "https://openvex.dev/ns"),
            ("https://slsa.dev/provenance/v1/", "https://slsa.dev/provenance/v1/"),
            ("HTTPS://slsa.dev/provenance/v1", "HTTPS://slsa.dev/provenance/v1"),
            ("urn:x", "urn:x"),
        ] {
            assert_eq!(name.parse::<PredicateType>().unwrap().uri(), uri, "{name}");
        }
        let long = format!("urn:{}", "x".repeat(MAX_URI_BYTES));
        for name in
            ["", "Custom", "vuln ", "slsa", "spdx-json", ":x", "x:", "1x:y", "ht tp:x", "urn:é", "urn:\n", &long]
        {
            assert!(matches!(name.parse::<PredicateType>(), Err(PredicateTypeError::Unknown { .. })), "{name:.40}");
        }
    }

    #[test]
    fn any_text_is_compared_unchanged_when_reading() {
        for text in [
            "cosign.sigstore.dev/attestation/v1",
            "sbom",
            "Custom",
            "vuln ",
            "urn:é",
            "https://slsa.dev/provenance/v1/",
        ] {
            assert_eq!(PredicateType::wanted(text).unwrap().uri(), text);
        }
        assert_eq!(PredicateType::wanted("vuln"), Ok(PredicateType::Vuln));
        assert_eq!(PredicateType::wanted("https://openvex.dev/ns").unwrap().uri(), PredicateType::OpenVex.uri());
        for text in ["", SIGN_PREDICATE, &"x".repeat(MAX_URI_BYTES + 1)] {
            assert!(PredicateType::wanted(text).is_err(), "{text:.40}");
        }
    }

    // threat: D03
    #[test]
    fn signature_is_not_an_attestation() {
        assert_eq!(PredicateType::wanted(SIGN_PREDICATE), Err(PredicateTypeError::Signature));
        assert_eq!(SIGN_PREDICATE.parse::<PredicateType>(), Err(PredicateTypeError::Signature));
    }

    #[test]
    fn text_is_wrapped() {
        let custom = predicate("custom", b"a \"b\"\n<\xc3\xa9>").unwrap();
        assert_eq!(
            String::from_utf8(custom).unwrap(),
            "{\"Data\":\"a \\\"b\\\"\\n<é>\",\"Timestamp\":\"2026-11-23T05:03:30Z\"}"
        );
        assert_eq!(predicate("spdx", b"SPDXVersion: SPDX-2.3\n").unwrap(), br#""SPDXVersion: SPDX-2.3\n""#);
        for (name, document, place) in
            [("custom", &b"\xff"[..], "$"), ("spdx", b"\xff", "SPDXVersion"), ("spdx", b"{}", "SPDXVersion")]
        {
            match predicate(name, document).expect_err(name) {
                ContentError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{name}: {other}"),
            }
        }
    }

    /// One good document of each type.
    const GOOD: [(&str, &str); 10] = [
        ("slsaprovenance", r#"{"builder":{"id":"https://b"},"buildType":"https://t","materials":[]}"#),
        (
            "slsaprovenance1",
            r#"{"buildDefinition":{"buildType":"https://t","externalParameters":{}},"runDetails":{"builder":{"id":"https://b"}}}"#,
        ),
        ("link", r#"{"name":"build","command":[],"materials":{},"products":[]}"#),
        ("spdxjson", r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[]}"#),
        ("spdxjson", r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#),
        ("cyclonedx", r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#),
        (
            "openvex",
            r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://x","author":"a","timestamp":"2026-11-23T05:03:30Z","version":1,"statements":[{"vulnerability":{"name":"CVE-1"},"status":"fixed"},{"vulnerability":"CVE-2","status":"affected"}]}"#,
        ),
        ("vuln", r#"{"invocation":{},"scanner":{"uri":"u","version":"1","db":{},"result":{}},"metadata":{}}"#),
        ("https://example.com/x", r#"{"anything":[1e3,12345678901234567890]}"#),
        ("https://cyclonedx.org/bom", "{}"),
    ];

    #[test]
    fn good_documents_stay_as_they_are() {
        for (name, document) in GOOD {
            let spaced = format!(" {document}\n");
            assert_eq!(predicate(name, spaced.as_bytes()).unwrap(), spaced.as_bytes(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, from, to, place) in [
            ("slsaprovenance", r#"{"id":"https://b"}"#, "[]", "builder"),
            ("slsaprovenance", r#""https://b""#, r#""""#, "builder.id"),
            ("slsaprovenance", r#""buildType""#, r#""buildtype""#, "buildType"),
            ("slsaprovenance", r#"[]"#, "{}", "materials"),
            ("slsaprovenance1", r#""buildDefinition""#, r#""builddefinition""#, "buildDefinition"),
            ("slsaprovenance1", r#""https://t""#, "1", "buildDefinition.buildType"),
            ("slsaprovenance1", r#""externalParameters":{}"#, r#""x":{}"#, "buildDefinition.externalParameters"),
            ("slsaprovenance1", r#""https://b""#, "null", "runDetails.builder.id"),
            ("link", r#""build""#, "null", "name"),
            ("link", r#""command":[]"#, r#""command":"make""#, "command"),
            ("link", r#""products":[]"#, r#""products":1"#, "products"),
            ("spdxjson", "SPDX-2.3", "2.3", "spdxVersion"),
            ("spdxjson", "SPDXRef-DOCUMENT", "x", "SPDXID"),
            ("spdxjson", r#""packages":[]"#, r#""packages":{}"#, "packages"),
            ("cyclonedx", r#""CycloneDX""#, r#""SPDX""#, "bomFormat"),
            ("cyclonedx", r#""1.6""#, "1.6", "specVersion"),
            ("cyclonedx", "[]", "{}", "components"),
            ("openvex", "https://openvex.dev/ns/v0.2.0", "https://openvex.example", "@context"),
            ("openvex", r#""@id""#, r#""id""#, "@id"),
            ("openvex", r#""fixed""#, r#""harmless""#, "statements[].status"),
            ("openvex", r#""CVE-2""#, "2", "statements[].vulnerability"),
            ("vuln", r#""result":{}"#, r#""result":[]"#, "scanner.result"),
            ("vuln", r#""scanner""#, r#""scan""#, "$"),
        ] {
            let (_, good) = GOOD.iter().find(|(known, good)| *known == name && good.contains(from)).expect(from);
            let bad = good.replacen(from, to, 1);
            match predicate(name, bad.as_bytes()).expect_err(&bad) {
                ContentError::Member { member, .. } => assert_eq!(member, place, "{bad}"),
                other => panic!("{bad}: {other}"),
            }
        }
    }

    // threat: D09
    // threat: D11
    // threat: D12
    // threat: D22
    #[test]
    fn a_predicate_is_one_strict_json_object() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (name, _) in GOOD {
            for document in ["[]", "1", "null", r#""text""#] {
                let error = predicate(name, document.as_bytes()).expect_err(document);
                let text = error.to_string();
                assert!(text.contains("expected") || text.contains("invalid type"), "{name}: {text}");
            }
            for document in ["", "{", "{} {}", r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"a":1}}"#, "\u{feff}{}", &deep] {
                let error = predicate(name, document.as_bytes()).expect_err(name);
                assert!(matches!(error, ContentError::Json { .. }), "{name}: {error}");
            }
        }
    }

    #[test]
    fn reports_of_scanners_become_predicates() {
        for report in [
            &include_bytes!("../../../testdata/scan/trivy.json")[..],
            include_bytes!("../../../testdata/scan/grype.json"),
            include_bytes!("../../../testdata/scan/clair.json"),
            include_bytes!("../../../testdata/scan/sarif-trivy.json"),
        ] {
            let wrapped = ScanPredicate::parse(&predicate("vuln", report).unwrap()).unwrap();
            assert_eq!(wrapped.report(&Limits::DEFAULT).unwrap().findings.len(), 2);
        }
        let predicate_bytes = include_bytes!("../../../testdata/scan/cosign-vuln.json");
        assert_eq!(predicate("vuln", predicate_bytes).unwrap(), predicate_bytes);
        let odd = br#"{"SchemaVersion":2,"CreatedAt":"soon"}"#;
        assert!(matches!(predicate("vuln", odd), Err(ContentError::Member { member: "CreatedAt", .. })));
    }
}
