//! The parts of an RFC 3161 answer as in its DER: `TimeStampResp`, the CMS signature of RFC 5652 in it, and the `TSTInfo`
//! in that. Nothing is encoded again, and embedded certificates are not even parsed.

use der::asn1::{AnyRef, Int, ObjectIdentifier, OctetStringRef};
use der::{Decode, ErrorKind, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::time::UnixTime;
use crate::trust::Certificate;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// What RFC 3161 §2.4.2 calls a response.
pub(super) struct Response<'a> {
    /// `granted` is 0, `grantedWithMods` 1; whatever is above is a refusal.
    pub(super) status: u8,
    /// The token, which only a granted request has.
    pub(super) token: Option<Token<'a>>,
}

/// A CMS signature over a `TSTInfo`.
pub(super) struct Token<'a> {
    /// The declared type of the signed content.
    pub(super) content_type: ObjectIdentifier,
    /// The signed content: the DER of a `TSTInfo`.
    pub(super) content: &'a [u8],
    /// The certificates in the token, DER each.
    pub(super) certificates: Vec<&'a [u8]>,
    /// Those who signed.
    pub(super) signers: Vec<SignerInfo<'a>>,
}

/// What the unsigned part of a signature calls its signer. The signed attributes decide; this must not contradict them.
pub(super) enum SignerName<'a> {
    /// The issuer's name and the serial number, DER one behind the other.
    IssuerAndSerial(&'a [u8]),
    /// The subject key identifier.
    KeyIdentifier(&'a [u8]),
}

/// One signature of a token.
pub(super) struct SignerInfo<'a> {
    /// What it calls its signer.
    pub(super) name: SignerName<'a>,
    /// The algorithm of the digest of the content.
    pub(super) digest: ObjectIdentifier,
    /// The signed attributes as the signature covers them: a SET in DER.
    pub(super) signed: Vec<u8>,
    /// The same, each with its values.
    pub(super) attributes: Vec<Attribute<'a>>,
    /// The algorithm of the signature.
    pub(super) algorithm: ObjectIdentifier,
    /// The signature.
    pub(super) signature: &'a [u8],
}

/// A signed attribute and the contents of its set of values.
pub(super) struct Attribute<'a> {
    pub(super) id: ObjectIdentifier,
    pub(super) values: &'a [u8],
}

/// What was stamped, and when. RFC 3161 §2.4.2.
pub(super) struct TstInfo<'a> {
    pub(super) version: u8,
    /// The algorithm of the imprint.
    pub(super) hash: ObjectIdentifier,
    /// The digest of what was stamped.
    pub(super) imprint: &'a [u8],
    /// The time, a fraction of a second left out.
    pub(super) time: UnixTime,
    /// Whether an extension must be understood.
    pub(super) has_critical_extension: Criticality,
}

/// Whether there are extensions that a reader must understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Criticality {
    /// None.
    None,
    /// One at least.
    Critical,
}

impl<'a> Response<'a> {
    pub(super) fn read(der: &'a [u8]) -> der::Result<Self> {
        whole(der, |reader| {
            reader.sequence(|body| {
                let status = body.sequence(|info| {
                    let status = small(info)?;
                    skip_all(info)?;
                    Ok::<_, der::Error>(status)
                })?;
                let token = if body.is_finished() { None } else { Some(Token::read(body)?) };
                Ok(Self { status, token })
            })
        })
    }
}

impl<'a> Token<'a> {
    fn read(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        reader.sequence(|info| {
            if ObjectIdentifier::decode(info)? != SIGNED_DATA {
                return Err(Tag::ObjectIdentifier.value_error().into());
            }
            let signed_data = explicit(info, 0)?;
            whole(signed_data, |reader| reader.sequence(Self::signed_data))
        })
    }

    /// RFC 5652 §5.1.
    fn signed_data(body: &mut SliceReader<'a>) -> der::Result<Self> {
        small(body)?; // version
        let digests = AnyRef::decode(body)?;
        let digests = whole(digests.value(), |reader| {
            let mut found = Vec::new();
            while !reader.is_finished() {
                found.push(algorithm(reader)?);
            }
            Ok(found)
        })?;
        let (content_type, content) = body.sequence(|info| {
            let content_type = ObjectIdentifier::decode(info)?;
            let content = whole(explicit(info, 0)?, <&OctetStringRef>::decode)?;
            Ok::<_, der::Error>((content_type, content.as_bytes()))
        })?;
        let certificates = match optional(body, 0)? {
            Some(set) => elements(set)?,
            None => Vec::new(),
        };
        optional(body, 1)?; // revocation lists
        let signers = AnyRef::decode(body)?;
        if signers.tag() != Tag::Set {
            return Err(Tag::Set.value_error().into());
        }
        let signers = elements(signers.value())?.into_iter().map(SignerInfo::read).collect::<Result<Vec<_>, _>>()?;
        if !signers.iter().all(|signer| digests.contains(&signer.digest)) {
            return Err(Tag::ObjectIdentifier.value_error().into());
        }
        Ok(Self { content_type, content, certificates, signers })
    }
}

impl<'a> SignerInfo<'a> {
    /// RFC 5652 §5.3.
    fn read(der: &'a [u8]) -> der::Result<Self> {
        whole(der, |reader| {
            reader.sequence(|body| {
                small(body)?; // version
                let name = SignerName::read(body)?;
                let digest = algorithm(body)?;
                let attributes = body.tlv_bytes()?;
                let contents = AnyRef::from_der(attributes)?;
                if contents.tag() != context(0) {
                    return Err(contents.tag().value_error().into());
                }
                // The signature is over the attributes as a SET; in the message their tag is replaced.
                let mut signed = attributes.to_vec();
                if let Some(tag) = signed.first_mut() {
                    *tag = 0x31;
                }
                let attributes = elements(contents.value())?.into_iter().map(Attribute::read);
                let attributes = attributes.collect::<Result<_, _>>()?;
                let algorithm = algorithm(body)?;
                let signature = <&OctetStringRef>::decode(body)?.as_bytes();
                optional(body, 1)?; // unsigned attributes
                Ok(Self { name, digest, signed, attributes, algorithm, signature })
            })
        })
    }
}

impl<'a> SignerName<'a> {
    fn read(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        const KEY_IDENTIFIER: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
        let name = AnyRef::decode(reader)?;
        match name.tag() {
            Tag::Sequence => Ok(Self::IssuerAndSerial(name.value())),
            KEY_IDENTIFIER => Ok(Self::KeyIdentifier(name.value())),
            other => Err(other.value_error().into()),
        }
    }

    /// Returns true if that certificate goes by this name.
    pub(super) fn means(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial(name) => *name == [certificate.issuer_der(), certificate.serial_der()].concat(),
            Self::KeyIdentifier(name) => certificate.subject_key_identifier().is_some_and(|id| id == *name),
        }
    }
}

impl<'a> Attribute<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        whole(der, |reader| {
            reader.sequence(|body| {
                let id = ObjectIdentifier::decode(body)?;
                let values = AnyRef::decode(body)?;
                if values.tag() != Tag::Set {
                    return Err(Tag::Set.value_error().into());
                }
                Ok(Self { id, values: values.value() })
            })
        })
    }
}

impl<'a> TstInfo<'a> {
    pub(super) fn read(der: &'a [u8]) -> der::Result<Self> {
        whole(der, |reader| {
            reader.sequence(|body| {
                let version = small(body)?;
                body.tlv_bytes()?; // policy
                let (hash, imprint) = body.sequence(|imprint| {
                    let hash = algorithm(imprint)?;
                    Ok::<_, der::Error>((hash, <&OctetStringRef>::decode(imprint)?.as_bytes()))
                })?;
                Int::decode(body)?; // serial number
                let time = AnyRef::decode(body)?;
                let time = generalized_time(time).ok_or_else(|| Tag::GeneralizedTime.value_error())?;
                let mut has_critical_extension = Criticality::None;
                while !body.is_finished() {
                    let member = AnyRef::decode(body)?;
                    match member.tag() {
                        Tag::Sequence | Tag::Boolean | Tag::Integer => {} // accuracy, ordering, nonce
                        tag if tag == context(0) => {}                    // a name for the authority, not a proven one
                        tag if tag == context(1) => has_critical_extension = criticality(member.value())?,
                        tag => return Err(ErrorKind::TagUnexpected { expected: None, actual: tag }.into()),
                    }
                }
                Ok(Self { version, hash, imprint, time, has_critical_extension })
            })
        })
    }
}

/// `Extensions`, the tag of their sequence replaced.
fn criticality(extensions: &[u8]) -> der::Result<Criticality> {
    for extension in elements(extensions)? {
        let parts = elements(AnyRef::from_der(extension)?.value())?;
        if parts.iter().any(|part| AnyRef::from_der(part).is_ok_and(|part| part.tag() == Tag::Boolean)) {
            return Ok(Criticality::Critical);
        }
    }
    Ok(Criticality::None)
}

/// `20250612120220Z`, or with a fraction of a second, which is left out. RFC 3161 §2.4.2.
fn generalized_time(any: AnyRef<'_>) -> Option<UnixTime> {
    if any.tag() != Tag::GeneralizedTime {
        return None;
    }
    let text = std::str::from_utf8(any.value()).ok().filter(|text| text.is_ascii())?;
    let (whole, fraction) = text.strip_suffix('Z')?.split_at_checked(14)?;
    let fraction_is_sound = match fraction.strip_prefix('.') {
        None => fraction.is_empty(),
        Some(digits) => !digits.is_empty() && !digits.ends_with('0') && digits.bytes().all(|b| b.is_ascii_digit()),
    };
    if !fraction_is_sound {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    UnixTime::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).map(|(time, _)| time)
}

/// The object identifier of an AlgorithmIdentifier.
pub(super) fn algorithm(reader: &mut SliceReader<'_>) -> der::Result<ObjectIdentifier> {
    reader.sequence(|body| {
        let id = ObjectIdentifier::decode(body)?;
        skip_all(body)?;
        Ok(id)
    })
}

/// Reads all of `der`.
pub(super) fn whole<'a, T>(der: &'a [u8], read: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>) -> der::Result<T> {
    let mut reader = SliceReader::new(der)?;
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// The members of a SET, a SEQUENCE, or what replaces them, each as received.
pub(super) fn elements(contents: &[u8]) -> der::Result<Vec<&[u8]>> {
    let mut reader = SliceReader::new(contents)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(reader.tlv_bytes()?);
    }
    Ok(found)
}

/// The contents of the next member, which must carry that tag.
fn explicit<'a>(reader: &mut SliceReader<'a>, number: u32) -> der::Result<&'a [u8]> {
    optional(reader, number)?.ok_or_else(|| context(number).value_error().into())
}

/// The contents of the next member, if it carries that tag.
fn optional<'a>(reader: &mut SliceReader<'a>, number: u32) -> der::Result<Option<&'a [u8]>> {
    if reader.is_finished() || Tag::peek(reader)? != context(number) {
        return Ok(None);
    }
    Ok(Some(AnyRef::decode(reader)?.value()))
}

const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

fn small(reader: &mut SliceReader<'_>) -> der::Result<u8> {
    u8::decode(reader)
}

fn skip_all(reader: &mut SliceReader<'_>) -> der::Result<()> {
    while !reader.is_finished() {
        reader.tlv_bytes()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use testkit::sigstore::{Hash, der};

    use super::*;

    // threat: B08
    #[test]
    fn an_extension_that_must_be_understood_is_noticed() {
        let extension =
            |critical: &[Vec<u8>]| der::sequence(&[&[der::oid("1.2.3")], critical, &[der::octets(&[5, 0])]].concat());
        let (minor, critical) = (extension(&[]), extension(&[der::yes()]));
        let name = der::explicit(0, &der::octets(b"name"));
        for (last, expected) in [
            (vec![], Some(Criticality::None)),
            (vec![der::sequence(&[]), der::yes(), der::integer(&[7]), name.clone()], Some(Criticality::None)),
            (vec![der::explicit(1, &minor)], Some(Criticality::None)),
            (vec![der::explicit(2, &minor)], None),
            (vec![der::explicit(1, &critical)], Some(Criticality::Critical)),
            (vec![name, der::explicit(1, &[minor, critical].concat())], Some(Criticality::Critical)),
            (vec![der::octets(b"name")], None),
        ] {
            let first = [
                der::integer(&[1]),
                der::oid("1.2.3.4"),
                der::sequence(&[Hash::Sha256.identifier(), der::octets(&[0; 32])]),
                der::integer(&[7]),
                der::generalized(1_700_000_000),
            ];
            let info = der::sequence(&[&first[..], &last].concat());
            let read = TstInfo::read(&info).ok();
            assert_eq!(read.map(|info| info.has_critical_extension), expected, "{last:?}");
        }
    }

    #[test]
    fn a_time_has_a_fraction_in_its_shortest_form_or_none() {
        for (text, is_time) in [
            ("20231114221320Z", true),
            ("20231114221320.5Z", true),
            ("20231114221320.000000001Z", true),
            ("20231114221320", false),
            ("202311142213Z", false),
            ("20231114221320.Z", false),
            ("20231114221320.50Z", false),
            ("20231114221320.5xZ", false),
            ("20231114221320.x5Z", false),
            ("20231114221320,5Z", false),
            ("20231114221320+0000", false),
            ("20231314221320Z", false),
        ] {
            let time = der::tlv(0x18, text.as_bytes());
            let found = generalized_time(AnyRef::from_der(&time).unwrap());
            assert_eq!(found, is_time.then_some(UnixTime(1_700_000_000)), "{text}");
        }
        let utc = der::tlv(0x17, b"20231114221320Z");
        assert_eq!(generalized_time(AnyRef::from_der(&utc).unwrap()), None);
    }
}
