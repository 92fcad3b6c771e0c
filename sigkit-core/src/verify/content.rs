//! Step 2: what was signed is of the kind asked for, and parses from the very bytes that are signed.

use crate::bundle::SignedEntity;
use crate::content::{Content, Envelope, SIGN_PREDICATE, SIMPLE_SIGNING_TYPE, SimpleSigning, Statement};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::media_type;
use crate::policy::{Policy, Purpose};
use crate::reason::Reason;
use crate::report::Fact;

/// What the signed bytes say.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// Nothing beyond themselves; the digest noted beside the signature, when there is one.
    Message { noted: Option<Digest> },
    /// A simple signing document and its exact bytes.
    SimpleSigning { document: SimpleSigning, payload: Vec<u8> },
    /// A statement and its exact bytes.
    Statement { statement: Statement, payload: Vec<u8> },
}

pub(super) fn check(policy: &Policy, entity: &SignedEntity) -> Result<(Fact, Claim), Reason> {
    match (&policy.purpose, &entity.content) {
        (Purpose::Image, Content::SimpleSigning { payload, .. }) => simple_signing(payload),
        (Purpose::Image, Content::Envelope(envelope)) => sign_statement(envelope, &policy.limits),
        (Purpose::Attestation(kind), Content::Envelope(envelope)) => {
            let statement = statement(envelope, &policy.limits)?;
            if statement.predicate_type != kind.uri() {
                return Err(Reason::PredicateTypeMismatch {
                    expected: SIGN_PREDICATE,
                    found: statement.predicate_type,
                });
            }
            let fact = Fact::Statement { predicate_type: statement.predicate_type.clone() };
            Ok((fact, Claim::Statement { statement, payload: envelope.payload.clone() }))
        }
        (Purpose::Attestation(_), _) => {
            Err(Reason::ContentMismatch { expected: "an attestation", found: "a signature" })
        }
        (Purpose::Blob, Content::Message(message)) => Ok((Fact::Message, Claim::Message { noted: message.digest })),
        (Purpose::Image, Content::Message(_)) => {
            Err(Reason::ContentMismatch { expected: "an image signature", found: "a signature over plain bytes" })
        }
        (Purpose::Blob, Content::SimpleSigning { .. }) => {
            Err(Reason::ContentMismatch { expected: "a signature over plain bytes", found: "an image signature" })
        }
        (Purpose::Blob, Content::Envelope(envelope)) => blob_statement(envelope, &policy.limits),
    }
}

fn simple_signing(payload: &[u8]) -> Result<(Fact, Claim), Reason> {
    let document = SimpleSigning::parse(payload)?;
    if document.kind != SIMPLE_SIGNING_TYPE {
        return Err(Reason::ClaimTypeMismatch { expected: SIMPLE_SIGNING_TYPE, found: document.kind });
    }
    Ok((Fact::SimpleSigning, Claim::SimpleSigning { document, payload: payload.to_vec() }))
}

/// A statement that names the bytes counts as a signature over them, whatever it states: sigstore's clients agree on that, and the
/// report says what it was. Of images it does not.
fn blob_statement(envelope: &Envelope, limits: &Limits) -> Result<(Fact, Claim), Reason> {
    let statement = statement(envelope, limits)?;
    let fact = Fact::BlobStatement { predicate_type: statement.predicate_type.clone() };
    Ok((fact, Claim::Statement { statement, payload: envelope.payload.clone() }))
}

fn sign_statement(envelope: &Envelope, limits: &Limits) -> Result<(Fact, Claim), Reason> {
    let statement = statement(envelope, limits)?;
    if statement.predicate_type != SIGN_PREDICATE {
        return Err(Reason::PredicateTypeMismatch { expected: SIGN_PREDICATE, found: statement.predicate_type });
    }
    let fact = Fact::Statement { predicate_type: statement.predicate_type.clone() };
    Ok((fact, Claim::Statement { statement, payload: envelope.payload.clone() }))
}

fn statement(envelope: &Envelope, limits: &Limits) -> Result<Statement, Reason> {
    if envelope.payload_type != media_type::IN_TOTO {
        let found = envelope.payload_type.clone();
        return Err(Reason::PayloadTypeMismatch { expected: media_type::IN_TOTO, found });
    }
    Ok(Statement::parse(&envelope.payload, limits)?)
}
