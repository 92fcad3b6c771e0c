//! A timestamp authority (RFC 3161), the right and the wrong stamps.

use super::certificate::{Certificate, Template};
use super::der;
use super::key::{Hash, Key};

const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// An authority.
#[derive(Clone, Debug)]
pub struct Tsa {
    /// The root of its chain.
    pub root: Certificate,
    /// The certificate whose key makes the stamps.
    pub leaf: Certificate,
}

impl Tsa {
    /// The authority of that name: a root and a leaf, both P-384.
    pub fn new(name: &str) -> Self {
        Self::with_leaf(name, &Template::timestamper(&format!("{name} leaf")))
    }

    /// The authority of that name with another leaf.
    pub fn with_leaf(name: &str, leaf: &Template) -> Self {
        let root = Template::authority(&format!("{name} root"), None).self_signed(&Key::p384(&format!("{name} root")));
        let leaf = leaf.issue(&Key::p384(&format!("{name} leaf")), &root);
        Self { root, leaf }
    }

    /// A stamp over a message, yet to be signed.
    pub fn stamp(&self, message: &[u8], unix: i64) -> Stamp {
        Stamp {
            time: unix,
            hash: Hash::Sha256,
            imprint: Hash::Sha256.of(message),
            signer: self.leaf.clone(),
            digest: Hash::Sha384,
            digests: vec![Hash::Sha384],
            called: self.leaf.issuer_and_serial(),
            bag: vec![self.leaf.der.clone()],
            named: Some(Hash::Sha256.of(&self.leaf.der)),
            named_of_old: None,
            status: 0,
            content: TST_INFO.to_owned(),
        }
    }
}

/// A timestamp that is not signed yet; every member may be wrong on purpose.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Seconds since 1970.
    pub time: i64,
    /// Hash of the imprint.
    pub hash: Hash,
    /// Digest of what is stamped.
    pub imprint: Vec<u8>,
    /// Whose key signs.
    pub signer: Certificate,
    /// Hash of the signature and of the attributes.
    pub digest: Hash,
    /// Hashes of signatures, as the token lists them beside what is signed.
    pub digests: Vec<Hash>,
    /// DER SignerIdentifier, which names the signer.
    pub called: Vec<u8>,
    /// The certificates in the token.
    pub bag: Vec<Vec<u8>>,
    /// ESSCertIDv2: SHA-256 of the certificate that the stamp says it is by.
    pub named: Option<Vec<u8>>,
    /// ESSCertID: SHA-1 of the same.
    pub named_of_old: Option<Vec<u8>>,
    /// PKIStatus; 0 is granted.
    pub status: u8,
    /// Type of the content.
    pub content: String,
}

impl Stamp {
    /// DER TimeStampResp.
    pub fn response(&self) -> Vec<u8> {
        let status = der::sequence(&[der::integer(&[self.status])]);
        der::sequence(&[status, self.token()])
    }

    /// DER ContentInfo: the timestamp token alone.
    pub fn token(&self) -> Vec<u8> {
        let info = der::sequence(&[
            der::integer(&[1]),
            der::oid("1.3.6.1.4.1.57264.2"),
            der::sequence(&[self.hash.identifier(), der::octets(&self.imprint)]),
            der::integer(&[0x2a]),
            der::generalized(self.time),
            der::sequence(&[der::integer(&[1])]), // accuracy: one second
        ]);
        let mut parts = vec![
            der::integer(&[3]),
            der::set(self.digests.iter().map(|digest| digest.identifier()).collect()),
            der::sequence(&[der::oid(&self.content), der::explicit(0, &der::octets(&info))]),
        ];
        if !self.bag.is_empty() {
            parts.push(der::explicit(0, &self.bag.concat()));
        }
        parts.push(der::set(vec![self.signer_info(&info)]));
        der::sequence(&[der::oid(SIGNED_DATA), der::explicit(0, &der::sequence(&parts))])
    }

    fn signer_info(&self, info: &[u8]) -> Vec<u8> {
        let attribute = |oid: &str, value: Vec<u8>| der::sequence(&[der::oid(oid), der::set(vec![value])]);
        let mut attributes = vec![
            attribute(CONTENT_TYPE, der::oid(&self.content)),
            attribute(MESSAGE_DIGEST, der::octets(&self.digest.of(info))),
        ];
        for (oid, named) in [(SIGNING_CERTIFICATE, &self.named_of_old), (SIGNING_CERTIFICATE_V2, &self.named)] {
            let named = named.as_ref().map(|digest| der::sequence(&[der::octets(digest)]));
            attributes.extend(named.map(|named| attribute(oid, der::sequence(&[der::sequence(&[named])]))));
        }
        let attributes = der::set(attributes);
        // Signed as a SET, carried under an implicit tag (RFC 5652, 5.4).
        let carried = [&[0xa0][..], &attributes[1..]].concat();
        der::sequence(&[
            der::integer(&[1]),
            self.called.clone(),
            self.digest.identifier(),
            carried,
            self.signer.key.signature_identifier(self.digest),
            der::octets(&self.signer.key.sign_with(self.digest, &attributes)),
        ])
    }
}
