//! X.509 certificates, RFC 5280: their parts as received, never encoded anew.

use std::fmt;

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Time;

use super::Validity;
use crate::crypto::{KeyError, PublicKey};
use crate::time::UnixTime;

pub(super) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub(super) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(super) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(super) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(super) const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
pub(super) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// A certificate that parses. That says nothing about who made it, or whether it may be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    validity: Validity,
    extensions: Vec<Extension>,
}

/// Why bytes are not a certificate that can be used, or not for this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not the DER of a certificate.
    #[error("the certificate is not valid DER: {detail}")]
    Der {
        /// What the decoder met, and at which byte.
        detail: String,
    },
    /// An extension that does not parse, appears twice, or contradicts another.
    #[error("certificate extension {extension}: expected {expected}, found {found}")]
    Extension {
        /// Its name or object identifier.
        extension: String,
        /// What may stand there.
        expected: &'static str,
        /// What stands there, unprintable characters escaped.
        found: String,
    },
    /// A certificate for another use.
    #[error("certificate {what}: expected {expected}, found {found}")]
    Profile {
        /// Which part.
        what: &'static str,
        /// What a signer's certificate has there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A public key that may not be used.
    #[error("the certificate's key: {0}")]
    Key(#[from] KeyError),
}

impl Certificate {
    /// Reads the DER of one certificate.
    ///
    /// # Errors
    /// [`CertificateError::Der`], or [`CertificateError::Extension`] for one that appears twice.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parts = Parts::read(der).map_err(malformed)?;
        let certificate = Self {
            der: der.to_vec(),
            serial: parts.serial.to_vec(),
            issuer: parts.issuer.to_vec(),
            subject: parts.subject.to_vec(),
            spki: parts.spki.to_vec(),
            validity: parts.validity,
            extensions: parts.extensions().map_err(malformed)?.into_iter().map(|(_, extension)| extension).collect(),
        };
        for (number, extension) in certificate.extensions.iter().enumerate() {
            if certificate.extensions.iter().take(number).any(|earlier| earlier.extn_id == extension.extn_id) {
                let extension = extension.extn_id.to_string();
                return Err(CertificateError::Extension {
                    extension,
                    expected: "one at most",
                    found: "two".to_owned(),
                });
            }
        }
        Ok(certificate)
    }

    /// The DER, as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key.
    ///
    /// # Errors
    /// [`CertificateError::Key`] for keys that are never accepted.
    pub fn public_key(&self) -> Result<PublicKey, CertificateError> {
        Ok(PublicKey::from_spki_der(&self.spki)?)
    }

    /// From `notBefore` to `notAfter`, both inclusive.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The DER of the serial number.
    pub fn serial_der(&self) -> &[u8] {
        &self.serial
    }

    /// The DER of the subject's name.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    /// The DER of the issuer's name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The subject's name as RFC 4514 text, for people.
    pub fn subject(&self) -> String {
        name(&self.subject)
    }

    /// The issuer's name as RFC 4514 text, for people.
    pub fn issuer(&self) -> String {
        name(&self.issuer)
    }

    /// Whether its own key is said to have signed it: a root.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The extensions, in order.
    pub(super) fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The extension of that identifier.
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.extn_id == id)
    }

    /// Basic constraints; `None` when there are none.
    /// The identifier of the subject's key, if it is given one.
    pub(super) fn subject_key_identifier(&self) -> Option<&[u8]> {
        let extension = self.extension(SUBJECT_KEY_IDENTIFIER)?.extn_value.as_bytes();
        Some(<&der::asn1::OctetStringRef>::from_der(extension).ok()?.as_bytes())
    }

    pub(super) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, CertificateError> {
        self.decode(BASIC_CONSTRAINTS, "basicConstraints")
    }

    /// Key usages; `None` when they are not restricted.
    pub(super) fn key_usage(&self) -> Result<Option<KeyUsage>, CertificateError> {
        self.decode(KEY_USAGE, "keyUsage")
    }

    /// Extended key usages, and whether they are critical; `None` when they are not restricted.
    pub(super) fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, CertificateError> {
        Ok(self.decode::<ExtendedKeyUsage>(EXTENDED_KEY_USAGE, "extendedKeyUsage")?.map(|usages| usages.0))
    }

    /// The value of an extension, when there is one.
    pub(super) fn decode<'a, T: Decode<'a, Error = der::Error>>(
        &'a self,
        id: ObjectIdentifier,
        name: &'static str,
    ) -> Result<Option<T>, CertificateError> {
        let Some(extension) = self.extension(id) else { return Ok(None) };
        T::from_der(extension.extn_value.as_bytes()).map(Some).map_err(|error| CertificateError::Extension {
            extension: name.to_owned(),
            expected: "the DER that RFC 5280 gives it",
            found: error.to_string(),
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} by {}, {})", self.subject(), self.issuer(), self.validity)
    }
}

fn malformed(error: der::Error) -> CertificateError {
    CertificateError::Der { detail: error.to_string() }
}

fn name(der: &[u8]) -> String {
    x509_cert::name::Name::from_der(der).map_or_else(|_| "(unreadable)".to_owned(), |name| name.to_string())
}

/// The parts of a certificate as they stand in its DER.
pub(super) struct Parts<'a> {
    /// The TBSCertificate, header included: what the issuer signed.
    pub(super) tbs: &'a [u8],
    /// Contents of the outer AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    /// Contents of the AlgorithmIdentifier inside what is signed.
    pub(super) inner_algorithm: &'a [u8],
    /// The issuer's signature.
    pub(super) signature: &'a [u8],
    /// The members of the TBSCertificate up to the extensions, as they stand.
    pub(super) before_extensions: Vec<&'a [u8]>,
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
    validity: Validity,
    /// Contents of the sequence of extensions.
    extensions: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let (tbs, algorithm, signature) = reader.sequence(|outer| {
            let tbs = outer.tlv_bytes()?;
            let algorithm = sequence_contents(outer)?;
            Ok::<_, der::Error>((tbs, algorithm, BitStringRef::decode(outer)?))
        })?;
        reader.finish()?;
        let signature = signature.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;

        let mut reader = SliceReader::new(tbs)?;
        let parts = reader.sequence(|body| {
            let mut before_extensions = Vec::new();
            let mut next = |body: &mut SliceReader<'a>| {
                let member = body.tlv_bytes()?;
                before_extensions.push(member);
                Ok::<_, der::Error>(member)
            };
            if Tag::peek(body)? == VERSION {
                next(body)?;
            }
            let serial = next(body)?;
            let inner_algorithm = next(body)?;
            let issuer = next(body)?;
            let validity = validity(next(body)?)?;
            let subject = next(body)?;
            let spki = next(body)?;
            while !body.is_finished() && Tag::peek(body)? != EXTENSIONS {
                next(body)?; // unique identifiers, of old
            }
            let extensions = if body.is_finished() { &[][..] } else { explicit_sequence(body)? };
            let inner_algorithm = sequence_contents(&mut SliceReader::new(inner_algorithm)?)?;
            let names = (serial, inner_algorithm, issuer, subject, spki, validity, extensions);
            Ok::<_, der::Error>((before_extensions, names))
        })?;
        reader.finish()?;
        let (before_extensions, (serial, inner_algorithm, issuer, subject, spki, validity, extensions)) = parts;
        Ok(Self {
            tbs,
            algorithm,
            inner_algorithm,
            signature,
            before_extensions,
            serial,
            issuer,
            subject,
            spki,
            validity,
            extensions,
        })
    }

    /// Each extension with its DER as it stands.
    pub(super) fn extensions(&self) -> der::Result<Vec<(&'a [u8], Extension)>> {
        let mut reader = SliceReader::new(self.extensions)?;
        let mut found = Vec::new();
        while !reader.is_finished() {
            let der = reader.tlv_bytes()?;
            found.push((der, Extension::from_der(der)?));
        }
        Ok(found)
    }
}

const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };

/// The contents of the next member, which must be a SEQUENCE.
fn sequence_contents<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let any = AnyRef::decode(reader)?;
    if der::Tagged::tag(&any) == Tag::Sequence { Ok(any.value()) } else { Err(Tag::Sequence.value_error().into()) }
}

/// The contents of the SEQUENCE within the explicit tag that comes next.
fn explicit_sequence<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let tagged = AnyRef::decode(reader)?;
    let mut inside = SliceReader::new(tagged.value())?;
    let contents = sequence_contents(&mut inside)?;
    inside.finish()?;
    Ok(contents)
}

fn validity(der: &[u8]) -> der::Result<Validity> {
    let mut reader = SliceReader::new(der)?;
    let (start, end) = reader.sequence(|body| Ok::<_, der::Error>((Time::decode(body)?, Time::decode(body)?)))?;
    reader.finish()?;
    let seconds = |time: Time| UnixTime(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX));
    Ok(Validity::new(seconds(start), Some(seconds(end))))
}
