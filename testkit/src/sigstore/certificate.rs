//! X.509 certificates (RFC 5280), the right and the wrong ones.

use super::ct::Sct;
use super::der;
use super::key::{Hash, Key, pem};

/// Subject alternative names.
pub const SAN: &str = "2.5.29.17";
/// Basic constraints.
pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
/// Key usage.
pub const KEY_USAGE: &str = "2.5.29.15";
/// Extended key usage.
pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// Signed certificate timestamps (RFC 6962, 3.3).
pub const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
/// The purpose "code signing".
pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// The purpose "time stamping".
pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

const AUTHORITY_KEY_ID: &str = "2.5.29.35";
const SUBJECT_KEY_ID: &str = "2.5.29.14";
const DIGITAL_SIGNATURE: [u8; 2] = [7, 0x80];
const CERT_SIGN: [u8; 2] = [1, 0x06];

/// A certificate with the key that it is for.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// The private key of its subject.
    pub key: Key,
    /// DER Name of its subject.
    pub subject: Vec<u8>,
    /// DER Name of its issuer.
    pub issuer: Vec<u8>,
    /// Big-endian serial number.
    pub serial: Vec<u8>,
    /// The list of signed certificate timestamps in it, as the extension has it.
    pub scts: Option<Vec<u8>>,
}

impl Certificate {
    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// DER SignerIdentifier (RFC 5652, 5.3): its issuer and number.
    pub fn issuer_and_serial(&self) -> Vec<u8> {
        der::sequence(&[self.issuer.clone(), der::integer(&self.serial)])
    }

    /// DER SignerIdentifier: the identifier of its key.
    pub fn key_identifier(&self) -> Vec<u8> {
        der::implicit(0, &key_id(&self.key))
    }
}

/// The identifier of a key, as certificates here have it.
fn key_id(key: &Key) -> Vec<u8> {
    Hash::Sha256.of(&key.spki())[..20].to_vec()
}

/// One extension.
#[derive(Clone, Debug)]
pub struct Extension {
    /// Its object identifier, dotted.
    pub oid: String,
    /// Whether who does not know it must refuse.
    pub critical: bool,
    /// What its OCTET STRING holds.
    pub value: Vec<u8>,
}

impl Extension {
    /// An extension that may be ignored.
    pub fn new(oid: &str, value: Vec<u8>) -> Self {
        Self { oid: oid.to_owned(), critical: false, value }
    }

    /// The same, not to be ignored.
    pub fn critical(oid: &str, value: Vec<u8>) -> Self {
        Self { critical: true, ..Self::new(oid, value) }
    }

    fn der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.oid)];
        if self.critical {
            parts.push(der::yes());
        }
        parts.push(der::octets(&self.value));
        der::sequence(&parts)
    }
}

/// One subject alternative name.
#[derive(Clone, Copy, Debug)]
pub enum San<'a> {
    /// rfc822Name
    Email(&'a str),
    /// uniformResourceIdentifier
    Uri(&'a str),
    /// dNSName
    Dns(&'a str),
    /// otherName of Fulcio's kind, a UTF8String
    Other(&'a str),
}

/// The names of a leaf; critical, as its subject is empty.
pub fn names(names: &[San<'_>]) -> Extension {
    let names: Vec<Vec<u8>> = names
        .iter()
        .map(|name| match name {
            San::Email(text) => der::implicit(1, text.as_bytes()),
            San::Dns(text) => der::implicit(2, text.as_bytes()),
            San::Uri(text) => der::implicit(6, text.as_bytes()),
            San::Other(text) => {
                let value = der::explicit(0, &der::utf8(text));
                der::explicit(0, &[der::oid("1.3.6.1.4.1.57264.1.7"), value].concat())
            }
        })
        .collect();
    Extension::critical(SAN, der::sequence(&names))
}

/// Purposes of a certificate.
pub fn purposes(oids: &[&str]) -> Extension {
    let oids: Vec<Vec<u8>> = oids.iter().map(|oid| der::oid(oid)).collect();
    Extension::new(EXTENDED_KEY_USAGE, der::sequence(&oids))
}

/// Fulcio's extension `1.3.6.1.4.1.57264.1.<number>`: up to 6 the bare text, from 8 on a UTF8String.
pub fn fulcio(number: u8, text: &str) -> Extension {
    let value = if number < 7 { text.as_bytes().to_vec() } else { der::utf8(text) };
    Extension::new(&format!("1.3.6.1.4.1.57264.1.{number}"), value)
}

/// DER Name of one common name; of nothing for the empty text.
pub fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return der::sequence(&[]);
    }
    let attribute = der::sequence(&[der::oid("2.5.4.3"), der::utf8(common_name)]);
    der::sequence(&[der::set(vec![attribute])])
}

/// A certificate that is not signed yet.
#[derive(Clone, Debug)]
pub struct Template {
    /// Common name of the subject; empty for none.
    pub subject: String,
    /// Begin of validity, seconds since 1970, included.
    pub not_before: i64,
    /// End of validity, included.
    pub not_after: i64,
    /// All but the key identifiers and the certificate timestamps.
    pub extensions: Vec<Extension>,
    /// Certificate timestamps to embed.
    pub scts: Vec<Sct>,
}

impl Template {
    /// An authority; `below` bounds the number of authorities below it.
    pub fn authority(subject: &str, below: Option<u8>) -> Self {
        let mut constraints = vec![der::yes()];
        constraints.extend(below.map(|below| der::integer(&[below])));
        Self {
            subject: subject.to_owned(),
            not_before: super::BEGIN,
            not_after: super::END,
            extensions: vec![
                Extension::critical(KEY_USAGE, der::tlv(3, &CERT_SIGN)),
                Extension::critical(BASIC_CONSTRAINTS, der::sequence(&constraints)),
            ],
            scts: Vec::new(),
        }
    }

    /// A leaf for signing as Fulcio makes it, valid for ten minutes.
    pub fn signer(san: San<'_>, issuer: &str, from: i64) -> Self {
        Self {
            subject: String::new(),
            not_before: from,
            not_after: from + 600,
            extensions: vec![
                Extension::critical(KEY_USAGE, der::tlv(3, &DIGITAL_SIGNATURE)),
                purposes(&[CODE_SIGNING]),
                names(&[san]),
                fulcio(1, issuer),
                fulcio(8, issuer),
            ],
            scts: Vec::new(),
        }
    }

    /// A leaf for timestamps.
    pub fn timestamper(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            not_before: super::BEGIN,
            not_after: super::END,
            extensions: vec![
                Extension::critical(KEY_USAGE, der::tlv(3, &DIGITAL_SIGNATURE)),
                Extension { critical: true, ..purposes(&[TIME_STAMPING]) },
            ],
            scts: Vec::new(),
        }
    }

    /// With another validity, both ends included.
    pub fn valid(mut self, not_before: i64, not_after: i64) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// With this extension instead of one with the same identifier.
    pub fn with(self, extension: Extension) -> Self {
        let mut changed = self.without(&extension.oid);
        changed.extensions.push(extension);
        changed
    }

    /// With one more extension, even a doubled one.
    pub fn and(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Without the extensions of this identifier.
    pub fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|extension| extension.oid != oid);
        self
    }

    /// With these certificate timestamps only.
    pub fn with_scts(mut self, scts: Vec<Sct>) -> Self {
        self.scts = scts;
        self
    }

    /// Signs it for `key` by its own key.
    pub fn self_signed(&self, key: &Key) -> Certificate {
        self.sign(key, key, &name(&self.subject), key.hash())
    }

    /// Signs it for `key` by an authority.
    pub fn issue(&self, key: &Key, authority: &Certificate) -> Certificate {
        self.sign(key, &authority.key, &authority.subject, authority.key.hash())
    }

    fn sign(&self, key: &Key, signer: &Key, issuer: &[u8], hash: Hash) -> Certificate {
        let subject = name(&self.subject);
        let spki = key.spki();
        let algorithm = signer.signature_identifier(hash);
        let identifiers = [
            Extension::new(SUBJECT_KEY_ID, der::octets(&key_id(key))),
            Extension::new(AUTHORITY_KEY_ID, der::sequence(&[der::implicit(0, &key_id(signer))])),
        ];
        // Certificates differ in all they say, so their numbers differ.
        let said = format!("{issuer:?} {self:?} {spki:?}");
        let serial = [&[0x11][..], &Hash::Sha256.of(said.as_bytes())[..15]].concat();
        let to_be_signed = |more: Option<&Extension>| {
            let extensions = self.extensions.iter().chain(&identifiers).chain(more);
            let extensions: Vec<Vec<u8>> = extensions.map(Extension::der).collect();
            der::sequence(&[
                der::explicit(0, &der::integer(&[2])),
                der::integer(&serial),
                algorithm.clone(),
                issuer.to_vec(),
                der::sequence(&[der::time(self.not_before), der::time(self.not_after)]),
                subject.clone(),
                spki.clone(),
                der::explicit(3, &der::sequence(&extensions)),
            ])
        };
        let scts = (!self.scts.is_empty()).then(|| Sct::list(&self.scts, &to_be_signed(None), &signer.spki()));
        let tbs = to_be_signed(scts.clone().map(|scts| Extension::new(SCT_LIST, scts)).as_ref());
        let signature = der::bits(&signer.sign_with(hash, &tbs));
        let certificate = der::sequence(&[tbs, algorithm.clone(), signature]);
        Certificate { der: certificate, key: key.clone(), subject, issuer: issuer.to_vec(), serial, scts }
    }
}
