//! Documents that all signers of an image share: read, merge, write, read back.
//!
//! Few registries make writes conditional, so a writer cannot exclude that another one, who read before it wrote, overwrites it
//! a moment later. Two rules close that window. A writer reads immediately before it writes, and starts over when too much time
//! passed in between. And having found its entry in place, it waits several times as long as its own reading and writing took,
//! longer when it saw others at work and where others may be far away, and looks again; what it saw and no longer sees, its own or
//! not, it puts back. What remains is a writer whose single request is under way for longer than that.

#![allow(clippy::disallowed_methods, reason = "how long a registry took decides how long to wait for other writers")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::missing_entries::Gone;
use super::written::Own;
use super::{AttachError, TagPrecheck, missing_tag};
use crate::digest::Digest;
use crate::json;
use crate::limits::MANIFEST_VALUES;
use crate::oci::{Descriptor, Manifest, Tag, TagOrDigest, media_type};
use crate::store::{FetchedManifest, Precondition, StoreError, StoreWrite, TagListed, WriteConsistency};

/// Writes before giving up.
const MAX_WRITES: u32 = 40;
/// Between the answer to a reading and the write that builds on it; a writer held up longer than this reads again.
const MAX_READ_AGE: Duration = Duration::from_millis(40);
/// Longest wait before another look.
const MAX_CONFIRMATION_WAIT: Duration = Duration::from_secs(2);
/// Shortest wait when others were seen at work.
const MIN_CONTENDED_WAIT: Duration = Duration::from_millis(300);
/// Looks, all with everything in place and each at a new document, after which others' changes no longer keep a writer waiting.
const MAX_CONFIRMATION_READS: u32 = 20;
/// Writes that may be refused as conflicts, one after the other, while the tag stays where it is.
const MAX_CONFLICTS_WITHOUT_CHANGE: u32 = 8;
/// Writes that may be refused as conflicts, one after the other, while the tag stays where it is, before conditions are taken for what
/// is refused.
const MAX_CONDITIONAL_CONFLICTS: u32 = 4;
/// Writes that the place may refuse for the moment before that is an error.
const MAX_TRANSIENT_REFUSALS: u32 = 8;

/// Which shared document.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The fallback index of referrers.
    ReferrersIndex,
    /// The manifest under cosign's legacy tag; `created` is RFC 3339.
    SignatureManifest {
        /// What follows the digest of the image in the tag.
        suffix: &'static str,
        /// Time of creation written into the configuration.
        created: String,
    },
}

impl Kind {
    /// What follows the digest of the image in the tag.
    const fn suffix(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "",
            Self::SignatureManifest { suffix, .. } => suffix,
        }
    }

    const fn list(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "manifests",
            Self::SignatureManifest { .. } => "layers",
        }
    }

    const fn expected(&self) -> &'static str {
        match self {
            Self::ReferrersIndex => "an index of referrers",
            Self::SignatureManifest { .. } => "a manifest of signatures",
        }
    }

    /// Returns true if the manifest is such a document, and not something that happens to have the tag: a copy tool may put the image
    /// itself under the tag of its referrers.
    fn holds(&self, fetched: &FetchedManifest, tag: &Tag) -> bool {
        match (self, &fetched.manifest) {
            (Self::ReferrersIndex, Manifest::Index(_)) => Tag::for_digest(&fetched.descriptor.digest, "") != *tag,
            (Self::SignatureManifest { .. }, Manifest::Image(manifest)) => {
                let signature = |layer: &Descriptor| {
                    layer.media_type == media_type::SIMPLE_SIGNING
                        || layer.media_type == media_type::DSSE_ENVELOPE
                        || layer.annotations.contains_key(media_type::ANNOTATION_SIGNATURE)
                };
                manifest.layers.is_empty() || manifest.layers.iter().any(signature)
            }
            _ => false,
        }
    }

    /// A document without entries.
    fn blank(&self) -> Document {
        let media_type = match self {
            Self::ReferrersIndex => media_type::OCI_INDEX,
            Self::SignatureManifest { .. } => media_type::OCI_MANIFEST,
        };
        let members = [("schemaVersion", json!(2)), ("mediaType", json!(media_type))];
        Document {
            media_type: media_type.to_owned(),
            members: members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            entries: Vec::new(),
            read_as: None,
            read_at: Instant::now(),
        }
    }
}

/// A shared document as it was read, or as it will be written.
#[derive(Clone, Debug)]
struct Document {
    media_type: String,
    members: Map<String, Value>,
    entries: Vec<Value>,
    read_as: Option<Digest>,
    read_at: Instant,
}

/// An entry in its place.
#[derive(Debug)]
pub(super) struct Inserted {
    /// The document in which it was last seen.
    pub(super) document: Digest,
    /// What was said before anything was written.
    pub(super) tag_precheck: TagPrecheck,
    /// Entries that are gone, and were left out.
    pub(super) left_out: Vec<Digest>,
}

impl Inserted {
    pub(super) const fn new(document: Digest, first_look: TagPrecheck) -> Self {
        Self { document, tag_precheck: first_look, left_out: Vec::new() }
    }
}

/// Puts `entry` into the document that the signers of `image` share, instead of entries with the digests in `replaces`. What another
/// writer puts back of those is left to it. What the entry names is `parts`, which is pushed again where the place says that it lacks it.
///
/// # Errors
/// [`AttachError::Occupied`], [`AttachError::NotConfirmed`], [`AttachError::LostOthers`], [`AttachError::Store`].
pub(super) async fn insert<S: StoreWrite>(
    store: &S,
    image: &Digest,
    kind: &Kind,
    entry: Value,
    replaces: &[Digest],
    parts: &Own,
) -> Result<Inserted, AttachError> {
    let tag = &Tag::for_digest(image, kind.suffix());
    let own = identity(&entry);
    let replaced = |entry: &Value| identity(entry) != own && replaces.iter().any(|digest| names(entry, digest));
    let mut known = HashSet::from([own.clone()]);
    let mut wanted = vec![entry];
    let mut watch = ConflictTracker::default();
    let (mut attempts, mut refusals, mut unmoved) = (0_u32, 0_u32, 0_u32);
    let mut first_look = TagPrecheck::Answered;
    let mut refused: Option<Option<Digest>> = None;
    let mut gone = Gone::default();
    let mut removal = Removal::Due;
    loop {
        let started = Instant::now();
        // A refusal to show the tag means an empty document only until this writer has written.
        let refusal = if attempts == 0 { first_look } else { TagPrecheck::Answered };
        let mut document = match read(store, tag, kind, refusal).await {
            Err(AttachError::Store(error @ StoreError::Denied { .. })) if attempts == 0 => {
                first_look = missing_tag::confirm_absent(store, image, tag, kind.suffix(), error).await?;
                continue;
            }
            read => read?,
        };
        let read_as = document.read_as;
        watch.see(document.read_as);
        document.entries.retain(|entry| !gone.has(entry));
        let present: HashSet<Identity> = document.entries.iter().map(identity).collect();
        wanted.retain(|entry| !gone.has(entry));
        wanted.extend(document.entries.iter().filter(|seen| !replaced(seen) && known.insert(identity(seen))).cloned());
        let missing: Vec<Value> = wanted.iter().filter(|entry| !present.contains(&identity(entry))).cloned().collect();
        let outdated = attempts == 0 && document.entries.iter().any(replaced);
        if let (true, false, Some(digest)) = (missing.is_empty(), outdated, document.read_as) {
            match store.atomicity() {
                WriteConsistency::Eventual { visibility_delay: settle } if !watch.is_settled() => {
                    store.pause(watch.settle(settle)).await
                }
                WriteConsistency::Eventual { .. } | WriteConsistency::Exact => {
                    return Ok(Inserted { document: digest, tag_precheck: first_look, left_out: gone.into_found() });
                }
            }
            continue;
        }
        if attempts == MAX_WRITES {
            let store = format!("{}:{tag}", store.name());
            let lost = missing.iter().filter(|entry| identity(entry) != own).count();
            return Err(if lost < missing.len() {
                AttachError::NotConfirmed { store, attempts }
            } else {
                AttachError::LostOthers { store, lost, attempts }
            });
        }
        if attempts > 0 {
            watch.notice_others();
        }
        attempts = attempts.saturating_add(1);
        // What comes back after it has been removed is left to the writer that put it back: two writers that replace each other would not end.
        if removal == Removal::Due {
            document.entries.retain(|entry| !replaced(entry));
        }
        // A condition that was refused while nothing had changed is one that this place does not keep.
        let expected = match (store.atomicity(), read_as) {
            (WriteConsistency::Eventual { .. }, _) if unmoved >= MAX_CONDITIONAL_CONFLICTS => Precondition::Any,
            (_, Some(read)) => Precondition::Unchanged(read),
            (_, None) => Precondition::Absent,
        };
        match write(store, tag, kind, document, missing, refusal, expected).await {
            Ok(Written::Yes { digest }) => {
                removal = Removal::Done;
                watch.wrote(digest, started.elapsed());
            }
            // No other writer, and yet a conflict: the error says in its own words that tags cannot move here.
            Err(AttachError::Store(StoreError::Conflict { place }))
                if unmoved == MAX_CONFLICTS_WITHOUT_CHANGE && read_as.is_some() =>
            {
                let detail =
                    format!("{unmoved} consecutive writes were rejected as conflicts although the tag did not change");
                return Err(StoreError::Immutable { place, detail }.into());
            }
            Ok(Written::Stale) | Err(AttachError::Store(StoreError::Conflict { .. })) => {
                unmoved = if refused == Some(read_as) { unmoved.saturating_add(1) } else { 0 };
                refused = Some(read_as);
                watch.notice_others();
                store.pause(jitter(&own, attempts)).await;
            }
            // Throttled, or cut off: whether it was written is seen by looking. The same bytes must not be sent again, since
            // others may have written meanwhile.
            Err(AttachError::Store(StoreError::Unavailable { .. })) if refusals < MAX_TRANSIENT_REFUSALS => {
                refusals = refusals.saturating_add(1);
                watch.notice_others();
                store.pause(MIN_CONTENDED_WAIT.saturating_mul(refusals).saturating_add(jitter(&own, attempts))).await;
            }
            // In a race some places say so of what they have; others say so of an entry that is gone.
            Err(AttachError::Store(StoreError::Lacks { .. })) if refusals < MAX_TRANSIENT_REFUSALS => {
                refusals = refusals.saturating_add(1);
                watch.notice_others();
                store.pause(MIN_CONTENDED_WAIT.saturating_mul(refusals).saturating_add(jitter(&own, attempts))).await;
                match parts.push_again(store).await {
                    Ok(()) | Err(StoreError::Lacks { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                let others: Vec<Value> = wanted.iter().filter(|entry| identity(entry) != own).cloned().collect();
                gone.look(store, kind, &others).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether what is replaced has been removed once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removal {
    Due,
    Done,
}

/// What a writer has noticed of others, and how long it must look until nothing more can happen to its entry.
#[derive(Default)]
struct ConflictTracker {
    /// The document as it was last read or written.
    last: Option<Digest>,
    /// The longest that reading and writing took.
    slowest: Duration,
    others: OtherWriters,
    /// Waits since the document last changed.
    quiet: u32,
    /// Looks in a row with everything in place.
    looks: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum OtherWriters {
    #[default]
    NotSeen,
    Seen,
}

impl ConflictTracker {
    /// The document was read.
    fn see(&mut self, document: Option<Digest>) {
        if self.last.is_some() && self.last != document {
            self.others = OtherWriters::Seen;
            self.quiet = 0;
        }
        self.last = document.or(self.last);
    }

    /// The document was written.
    fn wrote(&mut self, document: Digest, took: Duration) {
        self.last = Some(document);
        self.slowest = self.slowest.max(took);
        self.quiet = 0;
        self.looks = 0;
    }

    fn notice_others(&mut self) {
        self.others = OtherWriters::Seen;
        self.quiet = 0;
        self.looks = 0;
    }

    /// How long to wait before looking again.
    fn settle(&mut self, shortest: Duration) -> Duration {
        self.quiet = self.quiet.saturating_add(1);
        self.looks = self.looks.saturating_add(1);
        let floor = match self.others {
            OtherWriters::NotSeen => shortest,
            OtherWriters::Seen => shortest.max(MIN_CONTENDED_WAIT),
        };
        self.slowest.saturating_mul(3).clamp(floor, MAX_CONFIRMATION_WAIT)
    }

    /// Returns true if nothing changed while waiting with everything in place. Where others never rest, looking ends as well, after
    /// [`MOST_LOOKS`] that all found everything in place.
    const fn is_settled(&self) -> bool {
        self.quiet > 0 || self.looks >= MAX_CONFIRMATION_READS
    }
}

fn by(tag: &Tag) -> TagOrDigest {
    TagOrDigest::Tag(tag.clone())
}

/// Returns true if the error of reading the tag means that it does not exist.
fn says_nothing_there(error: &StoreError, refusal: TagPrecheck) -> bool {
    error.is_absent() || (refusal == TagPrecheck::Refused && matches!(error, StoreError::Denied { .. }))
}

async fn read<S: StoreWrite>(store: &S, tag: &Tag, kind: &Kind, refusal: TagPrecheck) -> Result<Document, AttachError> {
    let fetched = match store.manifest(&by(tag)).await {
        Ok(fetched) => fetched,
        Err(error) if says_nothing_there(&error, refusal) => {
            return Ok(kind.blank());
        }
        Err(error) => return Err(error.into()),
    };
    if !kind.holds(&fetched, tag) {
        return Err(AttachError::Occupied {
            store: store.name(),
            tag: tag.clone(),
            expected: kind.expected(),
            found: fetched.descriptor.media_type,
        });
    }
    let mut members: Map<String, Value> = json::from_slice_within(&fetched.bytes, MANIFEST_VALUES)?;
    let entries = match members.remove(kind.list()) {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    Ok(Document {
        media_type: fetched.descriptor.media_type,
        members,
        entries,
        read_as: Some(fetched.descriptor.digest),
        read_at: Instant::now(),
    })
}

enum Written {
    Yes { digest: Digest },
    Stale,
}

async fn write<S: StoreWrite>(
    store: &S,
    tag: &Tag,
    kind: &Kind,
    document: Document,
    missing: Vec<Value>,
    refusal: TagPrecheck,
    expected: Precondition,
) -> Result<Written, AttachError> {
    let Document { read_as, read_at, .. } = document;
    let plan = plan(kind, document, missing)?;
    for blob in &plan.blobs {
        store.push_blob(blob.into(), &Digest::sha256(blob)).await?;
    }
    match store.atomicity() {
        WriteConsistency::Exact => {}
        WriteConsistency::Eventual { .. } => {
            // The list of tags is asked first, so that nothing lies between the last look and the write.
            let listed = if read_as.is_none() { store.tag_listed(tag).await } else { TagListed::NotStated };
            // Pushing blobs took round trips in which others may have written; and before a new document is begun, the answer
            // that there is none must come twice: some registries say so for a moment about what they hold.
            let look_again = !plan.blobs.is_empty() || read_as.is_none() || read_at.elapsed() > MAX_READ_AGE;
            if look_again && current(store, tag, refusal).await? != read_as {
                return Ok(Written::Stale);
            }
            if listed == TagListed::Yes {
                return Err(contradicted(store, tag).into());
            }
        }
    }
    store.push_manifest(&by(tag), &plan.media_type, &plan.manifest, expected).await?;
    Ok(Written::Yes { digest: Digest::sha256(&plan.manifest) })
}

/// What the tag points to now.
async fn current<S: StoreWrite>(store: &S, tag: &Tag, refusal: TagPrecheck) -> Result<Option<Digest>, AttachError> {
    match store.manifest(&by(tag)).await {
        Ok(fetched) => Ok(Some(fetched.descriptor.digest)),
        Err(error) if says_nothing_there(&error, refusal) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Nothing is written over what may be there after all.
fn contradicted<S: StoreWrite>(store: &S, tag: &Tag) -> StoreError {
    let place = format!("{}:{tag}", store.name());
    let detail = "expected the manifest of a tag that the registry lists, found \"not found\": \
                  if it was deleted, delete the tag as well";
    StoreError::Unavailable { place, detail: detail.to_owned() }
}

/// What to write, computed without I/O.
#[derive(Debug)]
struct Plan {
    blobs: Vec<Vec<u8>>,
    media_type: String,
    manifest: Vec<u8>,
}

/// The document with `missing` entries added behind those it has; everything else in it stays.
fn plan(kind: &Kind, document: Document, missing: Vec<Value>) -> Result<Plan, AttachError> {
    let Document { media_type, mut members, mut entries, .. } = document;
    entries.extend(missing);
    let mut blobs = Vec::new();
    if let Kind::SignatureManifest { created, .. } = kind {
        let config = configuration(&entries, created)?;
        let config_type = members
            .get("config")
            .and_then(|config| config.get("mediaType"))
            .and_then(Value::as_str)
            .unwrap_or(media_type::OCI_CONFIG);
        members.insert(
            "config".to_owned(),
            serde_json::to_value(Descriptor::of(config_type, &config)).map_err(json::JsonError::from)?,
        );
        blobs.push(config);
    }
    members.insert(kind.list().to_owned(), Value::Array(entries));
    let manifest = serde_json::to_vec(&members).map_err(json::JsonError::from)?;
    Ok(Plan { blobs, media_type, manifest })
}

/// The image configuration that cosign writes beside signature layers: one history entry and one diff id per layer.
fn configuration(layers: &[Value], created: &str) -> Result<Vec<u8>, AttachError> {
    const ZERO: &str = "0001-01-01T00:00:00Z";
    let history: Vec<Value> = layers.iter().map(|_| json!({"created": ZERO})).collect();
    let diff_ids: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    let config = json!({
        "architecture": "",
        "created": created,
        "history": history,
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "config": {},
    });
    Ok(serde_json::to_vec(&config).map_err(json::JsonError::from)?)
}

/// What makes two entries the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    digest: String,
    /// Of a layer, the signature beside it.
    signature: String,
}

fn identity(entry: &Value) -> Identity {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let signature = entry.get("annotations").and_then(|annotations| annotations.get(media_type::ANNOTATION_SIGNATURE));
    Identity { digest: text(entry.get("digest")), signature: text(signature) }
}

/// Returns true if the entry is the one with this digest.
pub(super) fn names(entry: &Value, digest: &Digest) -> bool {
    entry.get("digest").and_then(Value::as_str).is_some_and(|found| found == digest.to_string())
}

/// A wait that differs between writers: up to 64 ms, growing with the attempts.
fn jitter(own: &Identity, attempt: u32) -> Duration {
    let hash = Digest::sha256(format!("{}{}{attempt}", own.digest, own.signature).as_bytes());
    let spread = hash.as_bytes().first().copied().map_or(0, u64::from) >> 2;
    Duration::from_millis(spread.saturating_mul(u64::from(attempt.min(8))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(signature: &str) -> Value {
        json!({"digest": "sha256:aa", "annotations": {media_type::ANNOTATION_SIGNATURE: signature}, "data": "kept"})
    }

    fn document(kind: &Kind, entries: Vec<Value>) -> Document {
        Document { entries, ..kind.blank() }
    }

    #[test]
    fn a_plan_keeps_all_entries_and_members_it_does_not_know() {
        let kind = Kind::SignatureManifest { suffix: ".sig", created: "0001-01-01T00:00:00Z".to_owned() };
        let mut before = document(&kind, vec![layer("one")]);
        before.members.insert("x-other".to_owned(), json!(1));
        let plan = plan(&kind, before, vec![layer("two")]).unwrap();
        let written: Value = serde_json::from_slice(&plan.manifest).unwrap();
        assert_eq!(written["layers"], json!([layer("one"), layer("two")]));
        assert_eq!(written["x-other"], 1);
        let config: Value = serde_json::from_slice(&plan.blobs[0]).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!(["sha256:aa", "sha256:aa"]));
        assert_eq!(written["config"]["digest"], Digest::sha256(&plan.blobs[0]).to_string());
        assert_eq!(written["config"]["size"], plan.blobs[0].len());
    }

    #[test]
    fn two_signatures_of_one_payload_are_two_entries() {
        assert_ne!(identity(&layer("one")), identity(&layer("two")));
        assert_eq!(identity(&layer("one")), identity(&layer("one")));
    }
}
