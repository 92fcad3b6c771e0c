use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{ContentError, PredicateType, clip};
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::{self, CowStr, JsonError};
use crate::limits::{DOCUMENT_VALUES, Limits};

/// Predicate type of an image signature.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";
const DOCUMENT: &str = "in-toto statement";
/// Members of a statement, known and unknown.
const MAX_MEMBERS: usize = 1000;
/// Bytes of a type.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// Bytes of the subjects.
const MAX_SUBJECT_BYTES: usize = 2 << 20;

/// An in-toto statement: a predicate about artifacts. in-toto attestation specification, "Statement", v0.1 and v1.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statement {
    /// The artifacts, matched by digest only.
    pub subjects: Vec<Subject>,
    /// What kind of thing is said.
    pub predicate_type: String,
    payload: Arc<Vec<u8>>,
    /// Where the predicate is in the payload.
    predicate: Option<Range<usize>>,
}

/// One artifact of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// A name for people; decides nothing.
    pub name: String,
    /// Digests by algorithm name, as written.
    pub digests: BTreeMap<String, String>,
    /// Signed annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Subject {
    /// The digest of a known algorithm, when it is one.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        self.digests.get(algorithm.name()).and_then(|hex| Digest::from_hex(algorithm, hex).ok())
    }
}

/// The members as they are written: a statement may be large, and what is not needed of it is not copied.
#[derive(Default)]
struct Wire<'a> {
    kind: Option<&'a RawValue>,
    subject: Option<&'a RawValue>,
    predicate_type: Option<&'a RawValue>,
    predicate: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Wire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Wire<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire<'de>, A::Error> {
                let mut wire = Wire::default();
                for _ in 0..=MAX_MEMBERS {
                    let Some(CowStr(name)) = map.next_key()? else { return wire.complete() };
                    let value: &RawValue = map.next_value()?;
                    match name.as_ref() {
                        "_type" => wire.kind = Some(value),
                        "subject" => wire.subject = Some(value),
                        "predicateType" => wire.predicate_type = Some(value),
                        "predicate" => wire.predicate = Some(value).filter(|value| value.get() != "null"),
                        _ => {}
                    }
                }
                Err(A::Error::custom(format!("more than {MAX_MEMBERS} members")))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> Wire<'a> {
    fn complete<E: serde::de::Error>(self) -> Result<Self, E> {
        for (name, value) in [("_type", self.kind), ("subject", self.subject), ("predicateType", self.predicate_type)] {
            value.ok_or_else(|| E::missing_field(name))?;
        }
        Ok(self)
    }

    /// The text of a member, of which no more than [`MOST_TEXT`] bytes are copied.
    fn member<T: Deserialize<'a>>(
        name: &'static str,
        value: Option<&'a RawValue>,
        most: usize,
    ) -> Result<T, ContentError> {
        let json = |error| ContentError::Json { document: DOCUMENT, error };
        let text = value.map_or("null", RawValue::get);
        if text.len() > most {
            let (expected, found) = ("a text of moderate length", format!("{} bytes", text.len()));
            return Err(ContentError::Member { document: DOCUMENT, member: name, expected, found });
        }
        json::from_slice_within(text.as_bytes(), DOCUMENT_VALUES).map_err(json)
    }
}

#[derive(Deserialize)]
struct WireSubject {
    #[serde(default)]
    name: Option<String>,
    digest: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "crate::json::null_is_empty")]
    annotations: BTreeMap<String, String>,
}

/// The statement of an image signature, in the member order that cosign writes.
#[derive(Serialize)]
struct SignStatement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [SignSubject<'a>; 1],
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: Empty,
}

#[derive(Serialize)]
struct SignSubject<'a> {
    digest: BTreeMap<&'static str, String>,
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Empty {}

/// The subject of an attestation, in the member order that cosign writes.
#[derive(Serialize)]
struct WrittenSubject<'a> {
    name: &'a str,
    digest: BTreeMap<&'static str, String>,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// [`ContentError`]: not strict JSON, an unknown `_type`, no subject, no digest, or more of either than `limits` allows.
    pub fn parse(payload: impl Into<Arc<Vec<u8>>>, limits: &Limits) -> Result<Self, ContentError> {
        let payload = payload.into();
        let wire: Wire<'_> =
            json::from_slice(&payload).map_err(|error| ContentError::Json { document: DOCUMENT, error })?;
        let kind: String = Wire::member("_type", wire.kind, MAX_TEXT_BYTES)?;
        if kind != STATEMENT_V1 && kind != STATEMENT_V01 {
            return Err(ContentError::Member {
                document: DOCUMENT,
                member: "_type",
                expected: "https://in-toto.io/Statement/v1 or v0.1",
                found: clip(&kind),
            });
        }
        let subjects: Vec<WireSubject> = Wire::member("subject", wire.subject, MAX_SUBJECT_BYTES)?;
        if subjects.len() > limits.statement_subjects {
            return Err(ContentError::TooMany {
                document: DOCUMENT,
                what: "subjects",
                limit: limits.statement_subjects,
            });
        }
        if subjects.is_empty() || subjects.iter().any(|subject| subject.digest.is_empty()) {
            return Err(ContentError::Member {
                document: DOCUMENT,
                member: "subject",
                expected: "at least one subject, each with a digest",
                found: format!("{} subjects", subjects.len()),
            });
        }
        if subjects.iter().any(|subject| subject.digest.len() > limits.subject_digests) {
            return Err(ContentError::TooMany {
                document: DOCUMENT,
                what: "digests of a subject",
                limit: limits.subject_digests,
            });
        }
        Ok(Self {
            subjects: subjects
                .into_iter()
                .map(|subject| Subject {
                    name: subject.name.unwrap_or_default(),
                    digests: subject.digest,
                    annotations: subject.annotations,
                })
                .collect(),
            predicate_type: Wire::member("predicateType", wire.predicate_type, MAX_TEXT_BYTES)?,
            predicate: wire.predicate.map(|predicate| json::position(&payload, predicate.get().as_bytes())),
            payload,
        })
    }

    /// The exact bytes of the statement.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What is said, in its exact bytes; `None` when absent.
    pub fn predicate(&self) -> Option<&[u8]> {
        self.payload.get(self.predicate.clone()?)
    }

    pub(crate) fn shared_payload(&self) -> &Arc<Vec<u8>> {
        &self.payload
    }

    /// The exact bytes of a statement about artifacts, each with a name for people. `predicate` is JSON, and is in the
    /// statement byte for byte.
    ///
    /// ```
    /// use sigkit_core::content::{PredicateType, Statement};
    /// use sigkit_core::digest::{Digest, DigestAlgorithm};
    /// use sigkit_core::limits::Limits;
    ///
    /// let image = Digest::sha256(b"manifest");
    /// let payload = Statement::attest(&[("app", image)], &PredicateType::CycloneDx, b"{}".to_vec())?;
    /// let statement = Statement::parse(payload, &Limits::DEFAULT)?;
    /// assert_eq!(statement.predicate_type, "https://cyclonedx.org/bom");
    /// assert_eq!(statement.subjects[0].digest(DigestAlgorithm::Sha256), Some(image));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn attest(
        subjects: &[(&str, Digest)],
        predicate_type: &PredicateType,
        mut predicate: Vec<u8>,
    ) -> Result<Vec<u8>, JsonError> {
        let subjects: Vec<WrittenSubject<'_>> = subjects
            .iter()
            .map(|(name, digest)| WrittenSubject {
                name,
                digest: BTreeMap::from([(digest.algorithm().name(), digest.hex())]),
            })
            .collect();
        // Readers that know only version 0.1 are many, and the versions differ in nothing that is written here.
        let head = format!(
            r#"{{"_type":"{STATEMENT_V01}","subject":{},"predicateType":{},"predicate":"#,
            serde_json::to_string(&subjects)?,
            serde_json::to_string(predicate_type.uri())?,
        );
        // In place: it may be large.
        predicate.reserve_exact(head.len().saturating_add(1));
        predicate.splice(..0, head.into_bytes());
        predicate.push(b'}');
        Ok(predicate)
    }

    /// The exact bytes of the statement that signs an image.
    ///
    /// # Errors
    /// [`JsonError`], which these types cannot cause.
    pub fn sign(image: &Digest, annotations: &BTreeMap<String, String>) -> Result<Vec<u8>, JsonError> {
        let statement = SignStatement {
            kind: STATEMENT_V1,
            subject: [SignSubject { digest: BTreeMap::from([(image.algorithm().name(), image.hex())]), annotations }],
            predicate_type: SIGN_PREDICATE,
            predicate: Empty {},
        };
        Ok(serde_json::to_vec(&statement)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "a9ec79e03d27227475af9db7ef3ad4c712e2536081cece6457c34bb99d089034";

    fn parse(text: &str) -> Result<Statement, ContentError> {
        Statement::parse(text.as_bytes().to_vec(), &Limits::DEFAULT)
    }

    #[test]
    fn the_sign_statement_is_cosigns_to_the_byte() {
        let image = Digest::from_hex(DigestAlgorithm::Sha256, HEX).unwrap();
        let golden = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{HEX}"}},"annotations":{{}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#
        );
        let bytes = Statement::sign(&image, &BTreeMap::new()).unwrap();
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), golden);
        let parsed = Statement::parse(bytes, &Limits::DEFAULT).unwrap();
        assert_eq!(parsed.subjects[0].digest(DigestAlgorithm::Sha256), Some(image));
        assert_eq!(parsed.predicate_type, SIGN_PREDICATE);
    }

    // threat: D09
    #[test]
    fn an_attested_predicate_keeps_its_bytes() {
        let image = Digest::from_hex(DigestAlgorithm::Sha256, HEX).unwrap();
        let other = Digest::of(DigestAlgorithm::Sha512, b"");
        for predicate in [
            r#"{"b":1,"a":2,"big":12345678901234567890,"f":1.0e+2,"<":"\u003c"}"#,
            "{ \n \"spaced\" : [ ] }",
            r#""text""#,
            "null",
        ] {
            let kind = "https://example.com/x?a=\"b\"".parse().unwrap();
            let bytes =
                Statement::attest(&[("a\"b", image), ("c", other)], &kind, predicate.as_bytes().to_vec()).unwrap();
            let statement = Statement::parse(bytes.clone(), &Limits::DEFAULT).unwrap();
            assert_eq!(statement.payload(), bytes);
            assert_eq!(statement.predicate_type, kind.uri());
            assert_eq!(statement.predicate().unwrap_or(b"null"), predicate.as_bytes());
            assert_eq!(statement.subjects[0].name, "a\"b");
            assert_eq!(statement.subjects[1].digest(DigestAlgorithm::Sha512), Some(other));
        }
        let twice = Statement::attest(&[("a", image)], &PredicateType::Vuln, br#"{"a":1,"a":2}"#.to_vec()).unwrap();
        assert!(matches!(Statement::parse(twice, &Limits::DEFAULT), Err(ContentError::Json { .. })));
    }

    // threat: R32
    #[test]
    fn statement_is_not_copied_beyond_bounds() {
        let subject = format!(r#"[{{"digest":{{"sha256":"{HEX}"}}}}]"#);
        let text = |kind: &str, subject: &str, predicate_type: &str, more: &str| {
            format!(r#"{{"_type":"{kind}","subject":{subject},"predicateType":"{predicate_type}"{more}}}"#)
        };
        let members = |count: usize| (0..count).map(|n| format!(r#","{n}":0"#)).collect::<String>();
        assert!(parse(&text(STATEMENT_V1, &subject, "t", &members(MAX_MEMBERS - 3))).is_ok());
        let error = parse(&text(STATEMENT_V1, &subject, "t", &members(MAX_MEMBERS))).unwrap_err();
        assert!(error.to_string().contains("more than 1000 members"), "{error}");
        let long = "x".repeat(MAX_TEXT_BYTES);
        let many = format!(r#"[{{"name":"{}","digest":{{"sha256":"{HEX}"}}}}]"#, "x".repeat(MAX_SUBJECT_BYTES));
        for (text, member) in [
            (text(&long, &subject, "t", ""), "_type"),
            (text(STATEMENT_V1, &many, "t", ""), "subject"),
            (text(STATEMENT_V1, &subject, &long, ""), "predicateType"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(
                matches!(error, ContentError::Member { member: found, .. } if found == member),
                "{member}: {error}"
            );
        }
        let deep = text(STATEMENT_V1, &subject, "t", &format!(r#","predicate":{}"#, "[".repeat(3 << 20)));
        for absent in [&deep, r#"{"subject":[],"predicateType":"t"}"#, r#"{"_type":"t"}"#, r#"{"_type":5}"#, "[]", "1"]
        {
            assert!(matches!(parse(absent), Err(ContentError::Json { .. })), "{absent}");
        }
    }

    // threat: A10
    #[test]
    fn empty_sets_are_refused() {
        for subject in ["[]", r#"[{"digest":{}}]"#, r#"[{"name":"x"}]"#, "null"] {
            let text =
                format!(r#"{{"_type":"{STATEMENT_V1}","subject":{subject},"predicateType":"t","predicate":{{}}}}"#);
            assert!(parse(&text).is_err(), "{subject}");
        }
        let unknown = format!(r#"{{"_type":"x","subject":[{{"digest":{{"sha256":"{HEX}"}}}}],"predicateType":"t"}}"#);
        assert!(matches!(parse(&unknown), Err(ContentError::Member { member: "_type", .. })));
    }

    // threat: D07
    #[test]
    fn subjects_and_digests_are_bounded() {
        let text = |subjects: usize, digests: usize| {
            let digests = (0..digests).map(|i| format!(r#""d{i}":"00""#)).collect::<Vec<_>>().join(",");
            let subjects = vec![format!(r#"{{"digest":{{{digests}}}}}"#); subjects].join(",");
            format!(r#"{{"_type":"{STATEMENT_V1}","subject":[{subjects}],"predicateType":"t"}}"#)
        };
        assert!(parse(&text(1024, 1)).is_ok());
        assert!(matches!(parse(&text(1025, 1)), Err(ContentError::TooMany { what: "subjects", .. })));
        assert!(parse(&text(1, 32)).is_ok());
        assert!(matches!(parse(&text(1, 33)), Err(ContentError::TooMany { what: "digests of a subject", .. })));
    }
}
