//! Step 2: what was signed is of the kind asked for, and parses from the very bytes that are signed.

use std::sync::Arc;

use crate::bundle::SignedEntity;
use crate::content::{Content, Envelope, SIGN_PREDICATE, SIMPLE_SIGNING_TYPE, SimpleSigning, Statement};
use crate::crypto::Signature;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::media_type;
use crate::policy::Purpose;
use crate::reason::Reason;
use crate::report::Fact;

/// What the signed bytes say.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// Nothing beyond themselves; the digest noted beside the signature, when there is one.
    Message { noted: Option<Digest> },
    /// A simple signing document and its exact bytes.
    SimpleSigning { document: SimpleSigning, payload: Vec<u8> },
    /// A statement, and the signature of its envelope.
    Statement { statement: Statement, signature: Signature },
}

pub(super) fn check(purpose: &Purpose, entity: &SignedEntity, limits: &Limits) -> Result<(Fact, Claim), Reason> {
    match (purpose, &entity.content) {
        (Purpose::Image, Content::SimpleSigning { payload, .. }) => simple_signing(payload),
        (Purpose::Image, Content::Envelope(envelope)) => statement(envelope, SIGN_PREDICATE, limits),
        (Purpose::Attestation(kind), Content::Envelope(envelope)) => statement(envelope, kind.uri(), limits),
        (Purpose::Blob, Content::Message(message)) => Ok((Fact::Message, Claim::Message { noted: message.digest })),
        (Purpose::Blob, Content::Envelope(envelope)) => blob_statement(envelope, limits),
        (purpose, content) => Err(Reason::ContentMismatch { expected: wanted(purpose), found: kind(content) }),
    }
}

const fn wanted(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Image => "an image signature",
        Purpose::Blob => "a signature over plain bytes",
        Purpose::Attestation(_) => "an attestation",
    }
}

const fn kind(content: &Content) -> &'static str {
    match content {
        Content::Message(_) => "a signature over plain bytes",
        Content::SimpleSigning { .. } => "an image signature",
        Content::Envelope(_) => "an attestation",
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
    let statement = parsed(envelope, limits)?;
    let fact = Fact::BlobStatement { predicate_type: statement.predicate_type.clone() };
    Ok((fact, Claim::Statement { statement, signature: envelope.signature.clone() }))
}

fn statement(envelope: &Envelope, predicate_type: &str, limits: &Limits) -> Result<(Fact, Claim), Reason> {
    let statement = parsed(envelope, limits)?;
    if statement.predicate_type != predicate_type {
        let (expected, found) = (predicate_type.to_owned(), statement.predicate_type);
        return Err(Reason::PredicateTypeMismatch { expected, found });
    }
    let fact = Fact::Statement { predicate_type: statement.predicate_type.clone() };
    Ok((fact, Claim::Statement { statement, signature: envelope.signature.clone() }))
}

fn parsed(envelope: &Envelope, limits: &Limits) -> Result<Statement, Reason> {
    if envelope.payload_type != media_type::IN_TOTO {
        let found = envelope.payload_type.clone();
        return Err(Reason::PayloadTypeMismatch { expected: media_type::IN_TOTO, found });
    }
    Ok(Statement::parse(Arc::clone(&envelope.payload), limits)?)
}
