use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Format, SignImageError};
use crate::attach::{AttachmentKind, BundleAttachment, EnvelopeAttachment, WriteReceipt, parse_attachments};
use crate::bundle::{Evidence, EvidenceItem, Origin, SignedEntity};
use crate::content::{Content, PredicateType, Readers, Statement, UnsignedDocument};
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::oci::{Descriptor, TagOrDigest};
use crate::policy::{Policy, Purpose};
use crate::sign::{Signer, sign_document};
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
#[must_use]
pub struct AttestOptions {
    predicate_type: PredicateType,
    format: Format,
    name: String,
    earlier: ReplaceMode,
    legacy_created: Option<UnixTime>,
    limits: Limits,
}

/// An attestation about an image, signed and verified, once for each format asked for.
#[derive(Debug)]
#[must_use]
pub struct SignedAttestation {
    bundle: Option<SignedEntity>,
    legacy: Option<SignedEntity>,
}

impl SignedAttestation {
    /// The one in the bundle format, if that was asked for.
    pub const fn bundle(&self) -> Option<&SignedEntity> {
        self.bundle.as_ref()
    }

    /// The one in the legacy format, if that was asked for.
    pub const fn legacy(&self) -> Option<&SignedEntity> {
        self.legacy.as_ref()
    }
}

/// What becomes of earlier attestations of the same type by the same signer.
///
/// There is nothing else to do, so matches may be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceMode {
    /// They stay.
    Keep,
    /// Those in the legacy format give place to the new one. A referrer stays until it is deleted.
    Replace,
}

impl AttestOptions {
    /// SignedAttestation of this type in this format, for images of `repository`, which the statement names for people; earlier ones stay.
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

    /// The same, for images of another repository.
    pub fn with_repository(mut self, repository: impl Into<String>) -> Self {
        self.name = repository.into();
        self
    }

    /// What becomes of earlier attestations.
    pub fn with_earlier(mut self, earlier: ReplaceMode) -> Self {
        self.earlier = earlier;
        self
    }

    /// Writes this time into the legacy configuration, instead of cosign's reproducible zero time.
    pub fn with_legacy_created(mut self, time: UnixTime) -> Self {
        self.legacy_created = Some(time);
        self
    }

    /// Bounds on the document and on the earlier attestations that are read.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Signs a statement about the image and verifies what was signed, once for each format. `predicate` is what
    /// [`PredicateType::predicate`] makes. It is not stored yet.
    ///
    /// # Errors
    /// [`SignImageError::Sign`]; [`SignImageError::Rejected`] when the result would not verify.
    pub async fn sign(
        &self,
        image: &FetchedManifest,
        predicate: Vec<u8>,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<SignedAttestation, SignImageError> {
        let subject = [(self.name.as_str(), image.digest())];
        let payload = Arc::new(Statement::attest(&subject, &self.predicate_type, predicate)?);
        let policy = self.own_policy(signer);
        let artifact = Artifact::Digest(image.digest());
        let sign = |payload: &Arc<Vec<u8>>, readers| {
            let document = UnsignedDocument::Statement { payload: Arc::clone(payload), readers };
            sign_document(signer, document, &policy, &artifact, now)
        };
        let bundle = if self.format.has_bundle() { Some(sign(&payload, Readers::Bundles).await?) } else { None };
        let legacy = match &bundle {
            _ if !self.format.has_legacy() => None,
            // Readers of the legacy format know its hash as well.
            Some(bundle) if matches!(signer.digest_algorithm(), None | Some(DigestAlgorithm::Sha256)) => {
                Some(bundle.clone())
            }
            _ => Some(sign(&payload, Readers::Legacy).await?),
        };
        Ok(SignedAttestation { bundle, legacy })
    }

    /// Stores what [`AttestOptions::sign`] made in `repository`, which may be another than the image's.
    ///
    /// # Errors
    /// [`SignImageError::Attach`].
    pub async fn attach<S: TagWriter>(
        &self,
        repository: &S,
        image: &FetchedManifest,
        attestation: SignedAttestation,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<WriteReceipt>, SignImageError> {
        let image = image.descriptor();
        let predicate_type = self.predicate_type.uri();
        let SignedAttestation { bundle, legacy } = attestation;
        // A large statement exists once from here on: as base64 within the document to store.
        let bundle = bundle.map(|entity| entity.to_bundle()).transpose()?.flatten();
        let mut receipts = Vec::new();
        if let Some(bundle) = bundle {
            let attachment = BundleAttachment { image, bundle: bundle.into(), predicate_type, created: now };
            receipts.push(attachment.attach(repository).await?);
        }
        if let Some(entity) = legacy
            && let Content::Envelope(envelope) = &entity.content
        {
            let replaces = match self.earlier {
                ReplaceMode::Replace => digests(&self.earlier_ones(repository, &image.digest, signer, now).await?),
                ReplaceMode::Keep => Vec::new(),
            };
            let text = envelope.to_json()?;
            let annotations = entity.layer_annotations();
            drop(entity);
            let own = Digest::sha256(&text);
            let receipt = self.put(repository, &image.digest, (text, &annotations), &replaces).await?;
            receipts.push(match self.earlier {
                ReplaceMode::Replace => {
                    let earlier: Vec<Digest> = replaces.into_iter().filter(|digest| *digest != own).collect();
                    let agreed = self.agree(repository, &image.digest, signer, now, &earlier).await?;
                    agreed.unwrap_or(receipt)
                }
                ReplaceMode::Keep => receipt,
            });
        }
        Ok(receipts)
    }

    fn own_policy(&self, signer: &dyn Signer) -> Policy {
        Policy::authority(Purpose::Attestation(self.predicate_type.clone()), signer.authority())
    }

    /// Stores an envelope next to the image, instead of those in `replaces`.
    async fn put<S: TagWriter>(
        &self,
        repository: &S,
        image: &Digest,
        (envelope, annotations): (Vec<u8>, &BTreeMap<String, String>),
        replaces: &[Digest],
    ) -> Result<WriteReceipt, SignImageError> {
        let attachment = EnvelopeAttachment {
            image,
            envelope: envelope.into(),
            annotations,
            predicate_type: self.predicate_type.uri(),
            created: self.legacy_created,
            replaces,
        };
        Ok(attachment.attach(repository).await?)
    }

    /// Several writers as one signer that replace at the same time leave one attestation: a writer that then finds several keeps the one
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
            receipt = Some(self.put(attestations, image, (envelope, &kept.annotations), &others).await?);
        }
        Ok(receipt)
    }

    /// The attestations of this type in the legacy format that are by the same signer: those of others stay (H06).
    async fn earlier_ones<S: TagWriter>(
        &self,
        attestations: &S,
        image: &Digest,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<Descriptor>, SignImageError> {
        let wanted = AttachmentKind::Attestations(Some(&self.predicate_type));
        let policy = self.own_policy(signer);
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
    let predicate = attesting.predicate_type.predicate(document, now, &attesting.limits)?;
    let image = store.manifest(target).await?.answering(&store.name(), target)?;
    let attestation = attesting.sign(&image, predicate, signer, now).await?;
    attesting.attach(store, &image, attestation, signer, now).await
}
