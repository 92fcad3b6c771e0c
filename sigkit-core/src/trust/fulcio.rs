//! Who a signer's certificate names: the profile of Fulcio's certificates and their extensions.
//!
//! Fulcio specification, "OID information": the arcs below 1.3.6.1.4.1.57264.1.

use std::collections::BTreeMap;
use std::fmt;

use der::Decode;
use der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};

use super::authority::Usage;
use super::certificate::{BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, Extension, KEY_USAGE, SUBJECT_ALT_NAME};
use super::{Certificate, CertificateError};
use crate::text::quoted;

const ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
/// A critical extension outside this list means something that is not understood here.
const UNDERSTOOD: [ObjectIdentifier; 4] = [KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE];

/// The kind of name that a certificate gives its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SanType {
    /// A mail address.
    Email,
    /// A URI, as workflows and workloads have.
    Uri,
    /// A user name, in Fulcio's own form.
    OtherName,
}

impl fmt::Display for SanType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Uri => "URI",
            Self::OtherName => "user name",
        })
    }
}

/// What a certificate says about the signer. It can be trusted once a path to a trusted authority is found, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignerIdentity {
    /// The kind of the subject's name.
    pub kind: SanType,
    /// The subject's name, byte for byte as in the certificate.
    pub subject: String,
    /// The OIDC issuer that confirmed the subject; certificates of other authorities than Fulcio have none.
    pub issuer: Option<String>,
    /// Fulcio's further extensions.
    pub extensions: BTreeMap<FulcioExtension, String>,
}

/// An extension by which Fulcio passes on what the OIDC issuer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are Fulcio's")]
pub enum FulcioExtension {
    GithubWorkflowTrigger,
    GithubWorkflowSha,
    GithubWorkflowName,
    GithubWorkflowRepository,
    GithubWorkflowRef,
    BuildSignerUri,
    BuildSignerDigest,
    RunnerEnvironment,
    SourceRepositoryUri,
    SourceRepositoryDigest,
    SourceRepositoryRef,
    SourceRepositoryIdentifier,
    SourceRepositoryOwnerUri,
    SourceRepositoryOwnerIdentifier,
    BuildConfigUri,
    BuildConfigDigest,
    BuildTrigger,
    RunInvocationUri,
    SourceRepositoryVisibilityAtSigning,
}

impl FulcioExtension {
    /// Each with the last arc of its identifier, and its name in sigstore's JSON.
    const TABLE: [(Self, u8, &'static str); 19] = [
        (Self::GithubWorkflowTrigger, 2, "githubWorkflowTrigger"),
        (Self::GithubWorkflowSha, 3, "githubWorkflowSha"),
        (Self::GithubWorkflowName, 4, "githubWorkflowName"),
        (Self::GithubWorkflowRepository, 5, "githubWorkflowRepository"),
        (Self::GithubWorkflowRef, 6, "githubWorkflowRef"),
        (Self::BuildSignerUri, 9, "buildSignerURI"),
        (Self::BuildSignerDigest, 10, "buildSignerDigest"),
        (Self::RunnerEnvironment, 11, "runnerEnvironment"),
        (Self::SourceRepositoryUri, 12, "sourceRepositoryURI"),
        (Self::SourceRepositoryDigest, 13, "sourceRepositoryDigest"),
        (Self::SourceRepositoryRef, 14, "sourceRepositoryRef"),
        (Self::SourceRepositoryIdentifier, 15, "sourceRepositoryIdentifier"),
        (Self::SourceRepositoryOwnerUri, 16, "sourceRepositoryOwnerURI"),
        (Self::SourceRepositoryOwnerIdentifier, 17, "sourceRepositoryOwnerIdentifier"),
        (Self::BuildConfigUri, 18, "buildConfigURI"),
        (Self::BuildConfigDigest, 19, "buildConfigDigest"),
        (Self::BuildTrigger, 20, "buildTrigger"),
        (Self::RunInvocationUri, 21, "runInvocationURI"),
        (Self::SourceRepositoryVisibilityAtSigning, 22, "sourceRepositoryVisibilityAtSigning"),
    ];

    /// The name in sigstore's JSON.
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(extension, ..)| *extension == self).map_or("", |(.., name)| name)
    }

    /// The extension of that name in sigstore's JSON.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(.., known)| *known == name).map(|(extension, ..)| *extension)
    }

    fn from_id(id: ObjectIdentifier) -> Option<(Self, Encoding)> {
        let [arc] = id.as_bytes().strip_prefix(ARC.as_bytes())? else { return None };
        let (extension, ..) = Self::TABLE.iter().find(|(_, known, _)| known == arc)?;
        // Up to arc 6 the values are bare text; from 8 on they are DER.
        Some((*extension, if *arc < 7 { Encoding::Bare } else { Encoding::Der }))
    }
}

#[derive(Clone, Copy)]
enum Encoding {
    Bare,
    Der,
}

impl Certificate {
    /// Checks that this is a certificate for signing artifacts, and reads whom it names.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn signer(&self) -> Result<SignerIdentity, CertificateError> {
        self.check_use()?;
        let (kind, subject) = self.subject_name()?;
        let mut extensions = BTreeMap::new();
        for extension in self.extensions() {
            if let Some((known, encoding)) = FulcioExtension::from_id(extension.id) {
                extensions.insert(known, text(known.name(), encoding, extension.value)?);
            }
        }
        Ok(SignerIdentity { kind, subject, issuer: self.oidc_issuer()?, extensions })
    }

    fn check_use(&self) -> Result<(), CertificateError> {
        let wrong = |what, expected, found: String| Err(CertificateError::Profile { what, expected, found });
        let strange = |extension: &Extension<'_>| extension.critical && !UNDERSTOOD.contains(&extension.id);
        if let Some(extension) = self.extensions().find(strange) {
            let expected = "no critical extension that is not understood";
            return wrong("extensions", expected, extension.id.to_string());
        }
        if self.basic_constraints()?.is_some_and(|constraints| constraints.ca) {
            return wrong("basicConstraints", "no authority", "CA:TRUE".to_owned());
        }
        if self.key_usage()?.is_some_and(|usage| !usage.digital_signature()) {
            return wrong("keyUsage", "digitalSignature", "other usages".to_owned());
        }
        let usages = self.extended_key_usage()?.unwrap_or_default();
        if !usages.contains(&Usage::CodeSigning.id()) {
            let found = usages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "none".to_owned() } else { found };
            return wrong("extendedKeyUsage", "codeSigning (1.3.6.1.5.5.7.3.3)", found);
        }
        Ok(())
    }

    /// The one name of the subject.
    fn subject_name(&self) -> Result<(SanType, String), CertificateError> {
        let expected = "one email address, URI or user name";
        let wrong = |found: String| CertificateError::Profile { what: "subjectAltName", expected, found };
        let names = self.decode::<SubjectAltName>(SUBJECT_ALT_NAME, "subjectAltName")?;
        let names = names.ok_or_else(|| wrong("none".to_owned()))?.0;
        let [name] = names.as_slice() else { return Err(wrong(format!("{} names", names.len()))) };
        let (kind, subject) = match name {
            GeneralName::Rfc822Name(text) => (SanType::Email, text.as_str().to_owned()),
            GeneralName::UniformResourceIdentifier(text) => (SanType::Uri, text.as_str().to_owned()),
            GeneralName::OtherName(OtherName { type_id: OTHER_NAME, value }) => {
                let text = value.decode_as::<Utf8StringRef<'_>>().map_err(|error| wrong(error.to_string()))?;
                (SanType::OtherName, text.as_str().to_owned())
            }
            _ => return Err(wrong("a name of another kind".to_owned())),
        };
        if subject.is_empty() || subject.chars().any(char::is_control) {
            return Err(wrong(quoted(&subject)));
        }
        Ok((kind, subject))
    }

    /// The OIDC issuer, which older certificates hold as bare text, newer ones as DER, and most as both.
    fn oidc_issuer(&self) -> Result<Option<String>, CertificateError> {
        let read =
            |id, encoding| self.extension(id).map(|extension| text("issuer", encoding, extension.value)).transpose();
        match (read(ISSUER_V1, Encoding::Bare)?, read(ISSUER_V2, Encoding::Der)?) {
            (Some(old), Some(new)) if old != new => Err(CertificateError::Extension {
                extension: "issuer".to_owned(),
                expected: "the same in both of its forms",
                found: format!("{} and {}", quoted(&old), quoted(&new)),
            }),
            (old, new) => Ok(new.or(old)),
        }
    }
}

/// Text without control characters: bare text that begins with a DER header is refused by that, too.
fn text(name: &str, encoding: Encoding, value: &[u8]) -> Result<String, CertificateError> {
    let wrong = || CertificateError::Extension {
        extension: name.to_owned(),
        expected: match encoding {
            Encoding::Bare => "bare UTF-8 text",
            Encoding::Der => "a DER UTF8String",
        },
        found: quoted(&String::from_utf8_lossy(value)),
    };
    let text = match encoding {
        Encoding::Bare => std::str::from_utf8(value).map_err(|_| wrong())?,
        Encoding::Der => Utf8StringRef::from_der(value).map_err(|_| wrong())?.as_str(),
    };
    // Nearly all of it is printable ASCII, and that is told faster.
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable && text.chars().any(char::is_control) { Err(wrong()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_control_characters() {
        for (value, is_text) in [
            ("https://x", true),
            ("b\u{fc}cher", true),
            ("", true),
            ("a\nb", false),
            ("\u{fc}\0", false),
            ("\u{85}", false),
        ] {
            assert_eq!(text("x", Encoding::Bare, value.as_bytes()).is_ok(), is_text, "{value:?}");
            let der = testkit::sigstore::der::utf8(value);
            assert_eq!(text("x", Encoding::Der, &der).ok().as_deref(), is_text.then_some(value), "{value:?}");
        }
        assert!(text("x", Encoding::Bare, &[0xff]).is_err());
    }
}
