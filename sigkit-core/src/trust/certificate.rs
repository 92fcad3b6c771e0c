//! X.509 certificates, RFC 5280: their parts as received, never encoded again.

use std::fmt;
use std::ops::Range;

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
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
    /// The parts, each as a piece of `der`.
    serial: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    spki: Range<usize>,
    before_extensions: Range<usize>,
    validity: Validity,
    extensions: Vec<Place>,
}

/// Where an extension is.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    id: ObjectIdentifier,
    critical: bool,
    der: Range<usize>,
    value: Range<usize>,
}

/// An extension.
#[derive(Clone, Copy)]
pub(super) struct Extension<'a> {
    pub(super) id: ObjectIdentifier,
    pub(super) critical: bool,
    /// All of it, as received.
    pub(super) der: &'a [u8],
    /// Its value: the DER of what the identifier means.
    pub(super) value: &'a [u8],
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
        /// The expected value.
        expected: &'static str,
        /// The value found, unprintable characters escaped.
        found: String,
    },
    /// A certificate for another use.
    #[error("certificate {what}: expected {expected}, found {found}")]
    Profile {
        /// Which part.
        what: &'static str,
        /// What a signer's certificate has there.
        expected: &'static str,
        /// The value found.
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
        let place = |part: &[u8]| place(der, part);
        let mut extensions: Vec<Place> = Vec::new();
        for extension in parts.extensions().map_err(malformed)? {
            if extensions.iter().any(|earlier| earlier.id == extension.id) {
                let extension = extension.id.to_string();
                return Err(CertificateError::Extension {
                    extension,
                    expected: "one at most",
                    found: "two".to_owned(),
                });
            }
            let Extension { id, critical, der, value } = extension;
            extensions.push(Place { id, critical, der: place(der), value: place(value) });
        }
        Ok(Self {
            serial: place(parts.serial),
            issuer: place(parts.issuer),
            subject: place(parts.subject),
            spki: place(parts.spki),
            before_extensions: place(parts.before_extensions),
            validity: parts.validity,
            extensions,
            der: der.to_vec(),
        })
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
        Ok(PublicKey::from_spki_der(self.spki_der())?)
    }

    /// From `notBefore` to `notAfter`, both inclusive.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The DER of the serial number.
    pub fn serial_der(&self) -> &[u8] {
        self.part(&self.serial)
    }

    /// The DER of the subject's name.
    pub fn subject_der(&self) -> &[u8] {
        self.part(&self.subject)
    }

    /// The DER of the issuer's name.
    pub fn issuer_der(&self) -> &[u8] {
        self.part(&self.issuer)
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        self.part(&self.spki)
    }

    /// The subject's name as RFC 4514 text, for people.
    pub fn subject(&self) -> String {
        name(self.subject_der())
    }

    /// The issuer's name as RFC 4514 text, for people.
    pub fn issuer(&self) -> String {
        name(self.issuer_der())
    }

    /// Returns true if it names itself as issuer: a root.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der() == self.subject_der()
    }

    /// The extensions, in order.
    pub(super) fn extensions(&self) -> impl Iterator<Item = Extension<'_>> {
        self.extensions.iter().map(|place| Extension {
            id: place.id,
            critical: place.critical,
            der: self.part(&place.der),
            value: self.part(&place.value),
        })
    }

    /// The extension of that identifier.
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Option<Extension<'_>> {
        self.extensions().find(|extension| extension.id == id)
    }

    /// The members of the TBSCertificate up to the extensions, as received.
    pub(super) fn before_extensions(&self) -> &[u8] {
        self.part(&self.before_extensions)
    }

    fn part(&self, place: &Range<usize>) -> &[u8] {
        self.der.get(place.clone()).unwrap_or_default()
    }

    /// The identifier of the subject's key, if it is given one.
    pub(super) fn subject_key_identifier(&self) -> Option<&[u8]> {
        let extension = self.extension(SUBJECT_KEY_IDENTIFIER)?;
        Some(<&OctetStringRef>::from_der(extension.value).ok()?.as_bytes())
    }

    /// Basic constraints; `None` when there are none.
    pub(super) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, CertificateError> {
        self.decode(BASIC_CONSTRAINTS, "basicConstraints")
    }

    /// Key usages; `None` when they are not restricted.
    pub(super) fn key_usage(&self) -> Result<Option<KeyUsage>, CertificateError> {
        self.decode(KEY_USAGE, "keyUsage")
    }

    /// Extended key usages; `None` when they are not restricted.
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
        T::from_der(extension.value).map(Some).map_err(|error| CertificateError::Extension {
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

/// Where `part` is in `whole`, of which it is a piece.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// A name for people, as RFC 4514 writes it.
fn name(der: &[u8]) -> String {
    rdns(der).unwrap_or_else(|| "(unreadable)".to_owned())
}

/// The last of the relative names comes first.
fn rdns(der: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(inside(der, Tag::Sequence)?).ok()?;
    let mut shown = Vec::new();
    while !reader.is_finished() {
        let mut set = SliceReader::new(inside(reader.tlv_bytes().ok()?, Tag::Set)?).ok()?;
        let mut attributes = Vec::new();
        while !set.is_finished() {
            attributes.push(attribute(set.tlv_bytes().ok()?)?);
        }
        shown.push(attributes.join("+"));
    }
    shown.reverse();
    Some(shown.join(","))
}

/// An attribute of RFC 4514 §3 with its text; any other by its number, with the DER of its value.
fn attribute(der: &[u8]) -> Option<String> {
    let mut pair = SliceReader::new(inside(der, Tag::Sequence)?).ok()?;
    let id: ObjectIdentifier = ObjectIdentifier::decode(&mut pair).ok()?;
    let whole = pair.tlv_bytes().ok().filter(|_| pair.is_finished())?;
    let label = match id.as_bytes() {
        [0x55, 4, 3] => Some("CN"),
        [0x55, 4, 6] => Some("C"),
        [0x55, 4, 7] => Some("L"),
        [0x55, 4, 8] => Some("ST"),
        [0x55, 4, 9] => Some("STREET"),
        [0x55, 4, 10] => Some("O"),
        [0x55, 4, 11] => Some("OU"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => Some("UID"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => Some("DC"),
        _ => None,
    };
    let value = AnyRef::from_der(whole).ok()?;
    let text = match value.tag() {
        Tag::Utf8String => std::str::from_utf8(value.value()).ok(),
        Tag::PrintableString | Tag::Ia5String => std::str::from_utf8(value.value()).ok().filter(|text| text.is_ascii()),
        _ => None,
    };
    Some(match (label, text) {
        (Some(label), Some(text)) => format!("{label}={}", escaped(text)),
        _ => format!("{id}=#{}", crate::digest::hex(whole)),
    })
}

/// RFC 4514 §2.4.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => shown.extend(['\\', character]),
            '#' | ' ' if place == 0 => shown.extend(['\\', character]),
            ' ' if place == last => shown.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => shown.push_str(&format!("\\{:02x}", u32::from(character))),
            _ => shown.push(character),
        }
    }
    shown
}

/// The contents of a value with this tag that `der` is.
fn inside(der: &[u8], tag: Tag) -> Option<&[u8]> {
    AnyRef::from_der(der).ok().filter(|any| any.tag() == tag).map(|any: AnyRef<'_>| any.value())
}

/// The parts of a certificate as in its DER.
pub(super) struct Parts<'a> {
    /// The TBSCertificate, header included: what the issuer signed.
    pub(super) tbs: &'a [u8],
    /// Contents of the outer AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    /// Contents of the AlgorithmIdentifier inside what is signed.
    pub(super) inner_algorithm: &'a [u8],
    /// The issuer's signature.
    pub(super) signature: &'a [u8],
    /// The members of the TBSCertificate up to the extensions, as received.
    before_extensions: &'a [u8],
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

        let members = sequence_contents(&mut SliceReader::new(tbs)?)?;
        let mut body = SliceReader::new(members)?;
        if Tag::peek(&body)? == VERSION {
            body.tlv_bytes()?;
        }
        let serial = body.tlv_bytes()?;
        let inner_algorithm = sequence_contents(&mut body)?;
        let issuer = body.tlv_bytes()?;
        let validity = validity(body.tlv_bytes()?)?;
        let subject = body.tlv_bytes()?;
        let spki = body.tlv_bytes()?;
        while !body.is_finished() && Tag::peek(&body)? != EXTENSIONS {
            body.tlv_bytes()?; // unique identifiers, of old
        }
        let before_extensions = members.get(..usize::try_from(body.position())?).unwrap_or(members);
        let extensions = if body.is_finished() { &[][..] } else { explicit_sequence(&mut body)? };
        body.finish()?;
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

    /// Each extension.
    fn extensions(&self) -> der::Result<Vec<Extension<'a>>> {
        let mut reader = SliceReader::new(self.extensions)?;
        let mut found = Vec::new();
        while !reader.is_finished() {
            let der = reader.tlv_bytes()?;
            let mut reader = SliceReader::new(der)?;
            found.push(reader.sequence(|body| {
                let id = ObjectIdentifier::decode(body)?;
                let critical = Tag::peek(body)? == Tag::Boolean && bool::decode(body)?;
                Ok::<_, der::Error>(Extension { id, critical, der, value: <&OctetStringRef>::decode(body)?.as_bytes() })
            })?);
        }
        Ok(found)
    }
}

const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };

/// The contents of the next member, which must be a SEQUENCE.
fn sequence_contents<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let any = AnyRef::decode(reader)?;
    if any.tag() == Tag::Sequence { Ok(any.value()) } else { Err(Tag::Sequence.value_error().into()) }
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

#[cfg(test)]
mod tests {
    use testkit::sigstore::{BEGIN, END, Key, der};

    use super::*;

    #[test]
    fn names_are_written_as_rfc_4514_says() {
        fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
            [&[tag, u8::try_from(value.len()).unwrap()], value].concat()
        }
        let attribute = |id: &[u8], tag: u8, text: &[u8]| tlv(0x30, &[tlv(6, id), tlv(tag, text)].concat());
        let rdn = |arc: u8, tag: u8, text: &str| tlv(0x31, &attribute(&[0x55, 4, arc], tag, text.as_bytes()));
        let of = |rdns: &[Vec<u8>]| tlv(0x30, &rdns.concat());
        for (arc, label) in [(3, "CN"), (6, "C"), (7, "L"), (8, "ST"), (9, "STREET"), (10, "O"), (11, "OU")] {
            let der = of(&[rdn(10, 0x13, "sigstore.dev"), rdn(arc, 0x0c, "A-b c.(1)/x")]);
            assert_eq!(name(&der), format!("{label}=A-b c.(1)/x,O=sigstore.dev"));
        }
        let two = tlv(0x31, &[attribute(&[0x55, 4, 10], 0x13, b"a"), attribute(&[0x55, 4, 3], 0x13, b"b")].concat());
        let pilot = |arc| tlv(0x31, &attribute(&[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, arc], 0x16, b"x"));
        for (der, shown) in [
            (of(&[]), ""),
            (of(&[two]), "O=a+CN=b"),
            (of(&[pilot(25), pilot(1)]), "UID=x,DC=x"),
            (of(&[rdn(3, 0x0c, "a,b=\"c\"\\;<>+#")]), r#"CN=a\,b=\"c\"\\\;\<\>\+#"#),
            (of(&[rdn(3, 0x0c, " #a ")]), r"CN=\ #a\ "),
            (of(&[rdn(3, 0x0c, "#a\n\0\x7f")]), r"CN=\#a\0a\00\7f"),
            (of(&[rdn(3, 0x0c, "\u{e9}")]), "CN=\u{e9}"),
            (of(&[rdn(3, 0x13, "\u{e9}")]), "2.5.4.3=#1302c3a9"),
            (of(&[rdn(3, 0x1e, "\0a")]), "2.5.4.3=#1e020061"),
            (of(&[rdn(5, 0x13, "a")]), "2.5.4.5=#130161"),
        ] {
            assert_eq!(name(&der), shown);
        }
        let longer = tlv(0x31, &tlv(0x30, &[tlv(6, &[0x55, 4, 3]), tlv(0x0c, b"a"), tlv(0x0c, b"b")].concat()));
        let (no_set, empty) = (tlv(0x30, b""), tlv(0x31, b"\x30\x00"));
        for der in [vec![], vec![0x30], tlv(0x31, b""), of(&[no_set]), of(&[empty]), of(&[longer])] {
            assert_eq!(name(&der), "(unreadable)", "{der:?}");
        }
    }

    /// A certificate with these members behind its key.
    fn certificate(version: Option<u8>, last: &[Vec<u8>]) -> Vec<u8> {
        let key = Key::p256("key");
        let mut members: Vec<Vec<u8>> =
            version.map(|version| der::explicit(0, &der::integer(&[version]))).into_iter().collect();
        members.extend([
            der::integer(&[7]),
            key.signature_identifier(key.hash()),
            testkit::sigstore::name("issuer"),
            der::sequence(&[der::time(BEGIN), der::time(END)]),
            testkit::sigstore::name("subject"),
            key.spki(),
        ]);
        members.extend_from_slice(last);
        der::sequence(&[der::sequence(&members), key.signature_identifier(key.hash()), der::bits(&[0])])
    }

    #[test]
    fn certificates_of_every_version_are_read() {
        let constraints = der::sequence(&[der::oid("2.5.29.19"), der::octets(&der::sequence(&[der::yes()]))]);
        let extensions = der::explicit(3, &der::sequence(&[constraints]));
        let unique = |number| der::implicit(number, &[0, 1]);
        for (version, last, extensions) in [
            (None, vec![], 0),
            (Some(1), vec![unique(1), unique(2)], 0),
            (Some(2), vec![extensions.clone()], 1),
            (Some(2), vec![unique(1), extensions.clone()], 1),
        ] {
            let read = Certificate::from_der(&certificate(version, &last)).unwrap();
            assert_eq!((read.subject(), read.issuer()), ("CN=subject".to_owned(), "CN=issuer".to_owned()));
            assert_eq!(read.serial_der(), der::integer(&[7]));
            assert_eq!(read.validity(), Validity::new(UnixTime(BEGIN), Some(UnixTime(END))));
            assert_eq!(read.public_key().unwrap().fingerprint(), {
                let spki = Key::p256("key").spki();
                PublicKey::from_spki_der(&spki).unwrap().fingerprint()
            });
            assert_eq!(read.extensions().count(), extensions, "{version:?}");
        }
        for behind in [vec![extensions.clone(), der::null()], vec![extensions.clone(), extensions]] {
            assert!(Certificate::from_der(&certificate(Some(2), &behind)).is_err());
        }
    }
}
