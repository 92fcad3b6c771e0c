use std::sync::Arc;

use super::{Format, SignImageError};
use crate::attach::{AttachmentKind, BundleAttachment, EnvelopeAttachment, WriteReceipt, parse_attachments};
use crate::bundle::{Evidence, EvidenceItem, Origin, SignedEntity, VerificationMaterial};
use crate::content::{Content, Draft, Envelope, PredicateType, Statement};
use crate::digest::{Digest, DigestAlgorithm};
use crate::key::{SignError, Signer};
use crate::limits::Limits;
use crate::oci::{Descriptor, TagOrDigest};
use crate::policy::{KeyAuthority, Policy, Purpose};
use crate::store::{FetchedManifest, TagWriter};
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, Verifier};

/// Looks after a replacement, as long as several are found that should be one.
const MAX_READS: u32 = 8;
/// Looks before an attestation that was there at first, and comes back each time, is taken for one of a writer at work.
const PATIENT_LOOKS: u32 = 3;

/// How to attest something about an image, and how to store it.
#[derive(Clone, Debug)]
pub struct AttestOptions {
    /// What is said.
    pub predicate_type: PredicateType,
    /// The format; the envelope is the same in all.
    pub format: Format,
    /// Name of the image in the statement, for people: `registry/repository`.
    pub name: String,
    /// What becomes of earlier attestations.
    pub earlier: ReplaceMode,
    /// Time written into the legacy configuration; none writes cosign's reproducible zero time.
    pub legacy_created: Option<UnixTime>,
    /// Bounds on the earlier attestations that are read.
    pub limits: Limits,
}

/// What becomes of earlier attestations of the same type by the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceMode {
    /// They stay.
    Keep,
    /// Those in the legacy format give place to the new one. A referrer stays until it is deleted.
    Replace,
}

impl AttestOptions {
    /// Attestations of this type in this format, for images of `repository`; earlier ones stay.
    pub fn new(predicate_type: PredicateType, format: Format, repository: impl Into<String>) -> Self {
        Self {
            predicate_type,
            format,
            name: repository.into(),
            earlier: ReplaceMode::Keep,
            legacy_created: None,
            limits: Limits::DEFAULT,
        }
    }

    /// Signs a statement about the image and verifies what was signed. `predicate` is what [`PredicateType::predicate`] makes.
    ///
    /// # Errors
    /// [`SignImageError::Sign`]; [`SignImageError::Rejected`] when the result would not verify.
    pub fn sign(
        &self,
        image: &FetchedManifest,
        predicate: Vec<u8>,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<SignedEntity, SignImageError> {
        let subject = [(self.name.as_str(), image.digest())];
        let statement = Statement::attest(&subject, &self.predicate_type, predicate)?;
        let artifact = Artifact::Digest(image.digest());
        let hash = if self.format == Format::Legacy { Hash::Legacy } else { Hash::OfKey };
        sign_as(statement, &self.predicate_type, Some(&artifact), signer, hash, now)
    }

    /// Stores what [`AttestOptions::sign`] made in `attestations`, which may be another repository than the image's.
    ///
    /// # Errors
    /// [`SignImageError::Attach`].
    pub async fn attach<S: TagWriter>(
        &self,
        attestations: &S,
        image: &FetchedManifest,
        entity: SignedEntity,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<WriteReceipt>, SignImageError> {
        let image = image.descriptor();
        let predicate_type = self.predicate_type.uri();
        let bundle = match self.format {
            Format::Bundle | Format::Both => entity.to_bundle()?,
            Format::Legacy => None,
        };
        let envelope = match (self.format, entity.content) {
            (Format::Legacy | Format::Both, Content::Envelope(envelope)) => Some(envelope),
            _ => None,
        };
        // A large statement exists once from here on: as base64 within the document to store.
        let mut receipts = Vec::new();
        if let Some(bundle) = bundle {
            let attachment = BundleAttachment { image, bundle: bundle.into(), predicate_type, created: now };
            receipts.push(attachment.attach(attestations).await?);
        }
        if let Some(envelope) = envelope {
            let replaces = match self.earlier {
                ReplaceMode::Replace => digests(&self.earlier_ones(attestations, &image.digest, signer, now).await?),
                ReplaceMode::Keep => Vec::new(),
            };
            let envelope = match self.format {
                Format::Both => again_for_legacy(envelope, signer)?,
                Format::Bundle | Format::Legacy => envelope,
            };
            let text = envelope.to_json()?;
            drop(envelope);
            let own = Digest::sha256(&text);
            let receipt = self.put(attestations, &image.digest, text, &replaces).await?;
            receipts.push(match self.earlier {
                ReplaceMode::Replace => {
                    let earlier: Vec<Digest> = replaces.into_iter().filter(|digest| *digest != own).collect();
                    let agreed = self.agree(attestations, &image.digest, signer, now, &earlier).await?;
                    agreed.unwrap_or(receipt)
                }
                ReplaceMode::Keep => receipt,
            });
        }
        Ok(receipts)
    }

    /// Stores an envelope next to the image, instead of those in `replaces`.
    async fn put<S: TagWriter>(
        &self,
        attestations: &S,
        image: &Digest,
        envelope: Vec<u8>,
        replaces: &[Digest],
    ) -> Result<WriteReceipt, SignImageError> {
        let (predicate_type, created) = (self.predicate_type.uri(), self.legacy_created);
        let attachment = EnvelopeAttachment { image, envelope: envelope.into(), predicate_type, created, replaces };
        Ok(attachment.attach(attestations).await?)
    }

    /// Several writers with one key that replace at the same time leave one attestation: a writer that then finds several keeps the one
    /// with the greatest digest instead of all others, so that all writers keep the same. What was there `earlier` is not
    /// kept, even where a signer of something else has put it back. When looking fails, what is there stays.
    async fn agree<S: TagWriter>(
        &self,
        attestations: &S,
        image: &Digest,
        signer: &dyn Signer,
        now: UnixTime,
        earlier: &[Digest],
    ) -> Result<Option<WriteReceipt>, SignImageError> {
        let mut receipt = None;
        for look in 0..MAX_READS {
            let Ok(present) = self.earlier_ones(attestations, image, signer, now).await else { break };
            let may_stay = |layer: &&Descriptor| look >= PATIENT_LOOKS || !earlier.contains(&layer.digest);
            let Some(kept) = present.iter().filter(may_stay).max_by_key(|layer| layer.digest) else { break };
            let mut others = digests(&present);
            others.retain(|digest| *digest != kept.digest);
            if others.is_empty() {
                break;
            }
            let envelope = attestations.blob(kept, self.limits.attachment_bytes).await?;
            receipt = Some(self.put(attestations, image, envelope, &others).await?);
        }
        Ok(receipt)
    }

    /// The attestations of this type in the legacy format that the signer's key verifies: those of others stay (H06).
    async fn earlier_ones<S: TagWriter>(
        &self,
        attestations: &S,
        image: &Digest,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<Descriptor>, SignImageError> {
        let wanted = AttachmentKind::Attestations(Some(&self.predicate_type));
        let policy = own_policy(signer, &self.predicate_type);
        let limits = &self.limits;
        let trust = Trust::default().with_limits(limits.clone());
        let judge = |layer: &Descriptor, blob: Vec<u8>| {
            let signatures = EvidenceItem::each(
                Origin::File(String::new()),
                SignedEntity::each_from_attachment(layer, blob, limits),
            );
            let predicate_type = signatures.first().and_then(|item| predicate_type(item, limits));
            // An envelope that others have signed as well is theirs, too.
            let own = signatures.into_iter().all(|signature| {
                let evidence = Evidence { items: vec![signature], problems: Vec::new() };
                Verifier::new(&trust).verify(&policy, &Artifact::Digest(*image), &evidence, now).is_ok()
            });
            (predicate_type, own.then(|| layer.clone()))
        };
        let found = parse_attachments(attestations, image, wanted, limits, std::future::pending(), judge).await;
        if let Some(problem) = found.problems.into_iter().next() {
            return Err(SignImageError::Earlier(problem));
        }
        let is_layer = |place: &Origin| matches!(place, Origin::Layer { .. });
        let own = found.items.into_iter().filter(|(origin, _)| origin.places().iter().any(is_layer));
        Ok(own.filter_map(|(_, layer)| layer.ok().flatten()).collect())
    }
}

fn predicate_type(item: &EvidenceItem, limits: &Limits) -> Option<String> {
    let Content::Envelope(envelope) = &item.entity.as_ref().ok()?.content else { return None };
    Some(Statement::parse(Arc::clone(&envelope.payload), limits).ok()?.predicate_type)
}

fn digests(layers: &[Descriptor]) -> Vec<Digest> {
    layers.iter().map(|layer| layer.digest).collect()
}

/// Signs the exact bytes of a statement, and verifies what was signed: that it parses, is of this type, and names the artifact,
/// if there is one.
///
/// # Errors
/// [`SignImageError::Sign`]; [`SignImageError::Rejected`] when the result would not verify.
pub fn sign_statement(
    statement: Vec<u8>,
    predicate_type: &PredicateType,
    artifact: Option<&Artifact<'_>>,
    signer: &dyn Signer,
    now: UnixTime,
) -> Result<SignedEntity, SignImageError> {
    sign_as(statement, predicate_type, artifact, signer, Hash::OfKey, now)
}

/// The hash under a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    /// The one that belongs to the key.
    OfKey,
    /// The one that readers of the legacy formats know.
    Legacy,
}

fn sign_as(
    statement: Vec<u8>,
    predicate_type: &PredicateType,
    artifact: Option<&Artifact<'_>>,
    signer: &dyn Signer,
    hash: Hash,
    now: UnixTime,
) -> Result<SignedEntity, SignImageError> {
    let draft = Draft::Statement { payload: statement };
    let signature = match hash {
        Hash::OfKey => signer.sign(&draft.bytes()),
        Hash::Legacy => signer.sign_legacy(&draft.bytes()),
    }?;
    let hint = VerificationMaterial::KeyHint(signer.public_key().fingerprint().hint());
    let entity = SignedEntity::new(draft.sign(signature), hint);
    let evidence = Evidence::of(Origin::File("the new attestation".to_owned()), Ok(entity.clone()));
    let policy = own_policy(signer, predicate_type);
    let trust = Trust::default();
    let verifier = Verifier::new(&trust);
    match artifact {
        Some(artifact) => verifier.verify(&policy, artifact, &evidence, now)?,
        None => verifier.verify(&policy.dangerous_without_claims(), &Artifact::Bytes(b""), &evidence, now)?,
    };
    Ok(entity)
}

/// The same statement for the legacy format, where its readers know another hash than that of the bundle.
fn again_for_legacy(envelope: Envelope, signer: &dyn Signer) -> Result<Envelope, SignImageError> {
    match signer.scheme().digest_algorithm() {
        None | Some(DigestAlgorithm::Sha256) => Ok(envelope),
        Some(_) => {
            let message = envelope.pae();
            let signature = signer.sign_legacy(&message)?;
            signer
                .public_key()
                .verify(&message, &signature)
                .map_err(|_| SignError::Backend { scheme: signer.scheme() })?;
            Ok(Envelope { signature, ..envelope })
        }
    }
}

fn own_policy(signer: &dyn Signer, predicate_type: &PredicateType) -> Policy {
    let authority = KeyAuthority::new("the signing key", signer.public_key().clone());
    Policy::key(Purpose::Attestation(predicate_type.clone()), authority)
}

/// Attests something about an image and stores it beside the image. A tag is resolved once.
///
/// `document` is checked and becomes the predicate as [`PredicateType::predicate`] says.
///
/// # Errors
/// [`SignImageError`].
pub async fn attest_image<S: TagWriter>(
    store: &S,
    target: &TagOrDigest,
    signer: &dyn Signer,
    attesting: &AttestOptions,
    document: Vec<u8>,
    now: UnixTime,
) -> Result<Vec<WriteReceipt>, SignImageError> {
    let predicate = attesting.predicate_type.predicate(document, now, &Limits::DEFAULT)?;
    let image = store.manifest(target).await?.answering(&store.name(), target)?;
    let entity = attesting.sign(&image, predicate, signer, now)?;
    attesting.attach(store, &image, entity, signer, now).await
}
