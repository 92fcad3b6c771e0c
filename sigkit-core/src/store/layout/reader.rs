//! Reading an OCI image layout, wherever its members lie. Every byte that leaves here has been hashed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{ErrorKind, Read};

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::files::{
    LayoutFile, LayoutFiles, Opened, io_error, protocol, read, read_object, read_opened, stream, yield_now,
};
use super::index::{self, LayoutIndex};
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::json;
use crate::limits::Limits;
use crate::oci::media_type::{MANIFESTS, OCI_MANIFEST, SIMPLE_SIGNING};
use crate::oci::{Descriptor, ImageManifest, Manifest, TagOrDigest};
use crate::store::blob::CHUNK_BYTES;
use crate::store::{Asked, BlobStream, FetchedManifest, Referrers, StoreError, manifest, verified};

/// The only version of the layout there is.
const LAYOUT_VERSION: &str = "1.0.0";
/// Size of the configuration `{}`.
const EMPTY_CONFIG: u64 = 2;
/// What `oci-layout` says.
pub(in crate::store) const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A layout as it is read by one operation.
pub(in crate::store) struct Reader<'a> {
    members: &'a (dyn LayoutFiles + Sync),
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    pub(in crate::store) fn new(members: &'a (dyn LayoutFiles + Sync), limits: &'a Limits) -> Self {
        Self { members, limits }
    }

    /// Whether this is a layout of the version we know, with a readable index.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let place = self.members.place(LayoutFile::Marker);
        let bytes = self.required(LayoutFile::Marker)?;
        let marker: Marker = json::from_slice(&bytes).map_err(|error| {
            protocol(&place, format!("expected {{\"imageLayoutVersion\":\"{LAYOUT_VERSION}\"}}: {error}"))
        })?;
        if marker.image_layout_version != LAYOUT_VERSION {
            let found: String = marker.image_layout_version.chars().take(80).collect();
            return Err(protocol(&place, format!("expected image layout version {LAYOUT_VERSION}, found {found:?}")));
        }
        self.index().map(|_| ())
    }

    /// The layout's index.
    pub(in crate::store) fn index(&self) -> Result<LayoutIndex, StoreError> {
        LayoutIndex::parse(&self.index_place(), &self.index_bytes()?)
    }

    /// The same, as it is written.
    pub(in crate::store) fn index_bytes(&self) -> Result<Vec<u8>, StoreError> {
        self.required(LayoutFile::Index)
    }

    pub(in crate::store) fn index_place(&self) -> String {
        self.members.place(LayoutFile::Index)
    }

    pub(in crate::store) fn place(&self, member: LayoutFile) -> String {
        self.members.place(member)
    }

    /// A member of the size of a manifest at most.
    pub(in crate::store) fn read(&self, member: LayoutFile) -> Result<Option<Vec<u8>>, StoreError> {
        read(self.members, member, self.limits.manifest_bytes)
    }

    /// A member without which there is no layout; its absence is never "nothing there".
    fn required(&self, member: LayoutFile) -> Result<Vec<u8>, StoreError> {
        self.read(member)?
            .ok_or_else(|| protocol(&self.members.place(member), "expected a file of an OCI image layout, found none"))
    }

    /// A manifest by tag or digest.
    pub(in crate::store) fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let index = self.index()?;
        let place = self.index_place();
        let (digest, entry) = match target {
            TagOrDigest::Tag(tag) => match index.resolve(&place, tag)? {
                Some(entry) => (entry.digest, Some(entry)),
                None => return Err(StoreError::NotFound { place: format!("{place}, tag {tag}") }),
            },
            TagOrDigest::Digest(digest) => (*digest, index.entry(digest)),
        };
        match entry {
            Some(entry) => self.listed(entry),
            None => {
                let place = self.members.place(LayoutFile::Blob(digest));
                let bytes = self.hashed(&digest)?.ok_or_else(|| StoreError::NotFound { place: place.clone() })?;
                FetchedManifest::of_digest(&place, digest, bytes, None)
            }
        }
    }

    /// The image that was asked for.
    pub(in crate::store) fn image(&self, asked: &Asked) -> Result<FetchedManifest, StoreError> {
        match asked {
            Asked::Only => self.only_image(),
            Asked::Tag(tag) => self.manifest(&TagOrDigest::Tag(tag.clone())),
            Asked::Digest(digest) => self.manifest(&TagOrDigest::Digest(*digest)),
            Asked::Name(reference) => self.manifest(&reference.target()),
        }
    }

    /// A manifest that is there although the index does not lead to it. In a layout of `cosign save` that is as it should be.
    pub(in crate::store) fn unlisted(&self, digest: &Digest) -> Result<Option<FetchedManifest>, StoreError> {
        let index = self.index()?;
        if index.entry(digest).is_some() || index.is_cosigns() {
            return Ok(None);
        }
        match self.manifest(&TagOrDigest::Digest(*digest)) {
            Err(error) if error.is_absent() => Ok(None),
            found => found.map(Some),
        }
    }

    /// The manifest of an entry of `index.json` or of another index, which must be what the entry says.
    pub(in crate::store) fn listed(&self, entry: &Descriptor) -> Result<FetchedManifest, StoreError> {
        let place = self.members.place(LayoutFile::Blob(entry.digest));
        let bytes = self.listed_bytes(entry)?;
        let served_as = (!entry.media_type.is_empty()).then_some(entry.media_type.as_str());
        FetchedManifest::of_digest(&place, entry.digest, bytes, served_as)
    }

    fn listed_bytes(&self, entry: &Descriptor) -> Result<Vec<u8>, StoreError> {
        let place = self.members.place(LayoutFile::Blob(entry.digest));
        let bytes = self
            .hashed(&entry.digest)?
            .ok_or_else(|| protocol(&self.index_place(), format!("lists {}, but {place} is missing", entry.digest)))?;
        verified::compare_size(&place, entry.size, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        Ok(bytes)
    }

    /// The bytes of a manifest, compared with their name.
    fn hashed(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let member = LayoutFile::Blob(*digest);
        let Some(bytes) = read(self.members, member, self.limits.manifest_bytes)? else { return Ok(None) };
        verified::compare(&self.members.place(member), digest, &bytes)?;
        Ok(Some(bytes))
    }

    /// Whether there is a blob of that name; its bytes are not read.
    pub(in crate::store) fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.members.open(LayoutFile::Blob(*digest))?.is_some())
    }

    /// A blob by its descriptor.
    pub(in crate::store) fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'a>, StoreError> {
        let member = LayoutFile::Blob(descriptor.digest);
        let place = self.members.place(member);
        match self.members.open(member)? {
            Some(opened) => stream(place, descriptor, opened),
            None => Err(StoreError::NotFound { place }),
        }
    }

    /// The whole of a small blob, such as a configuration.
    pub(in crate::store) fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        let member = LayoutFile::Blob(descriptor.digest);
        let place = self.members.place(member);
        verified::within(&place, descriptor.size, limit)?;
        let opened = self.members.open(member)?.ok_or_else(|| StoreError::NotFound { place: place.clone() })?;
        verified::compare_size(&place, descriptor.size, opened.size)?;
        let bytes = read_opened(&place, opened, descriptor.size)?;
        verified::compare(&place, &descriptor.digest, &bytes)?;
        Ok(bytes)
    }

    /// Whether there is a blob of that name and size; its bytes are not read.
    pub(in crate::store) fn holds(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let opened = self.members.open(LayoutFile::Blob(descriptor.digest))?;
        Ok(opened.is_some_and(|opened| opened.size == descriptor.size))
    }

    /// Reads a blob through, in constant memory, and compares it with its descriptor.
    pub(in crate::store) async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        let mut stream = match self.read_blob(descriptor) {
            Err(StoreError::NotFound { place }) => return Err(protocol(&place, "named by the image, but missing")),
            opened => opened?,
        };
        while stream.chunk().await?.is_some() {}
        Ok(())
    }

    /// Opens a file beside the layout, by the name that it has in an archive.
    pub(in crate::store) fn other(&self, name: &str) -> Result<Option<Opened<'_>>, StoreError> {
        self.members.other(name)
    }

    /// The SHA-256 digest of such a file.
    pub(in crate::store) fn hash_other(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        let Some(opened) = self.members.other(name)? else { return Ok(None) };
        hash(&format!("{name:?}"), opened, DigestAlgorithm::Sha256).map(Some)
    }

    /// The images that a manifest refers to, as far as they are there: itself, or those below an index.
    pub(in crate::store) fn images_of(
        &self,
        root: &FetchedManifest,
    ) -> Result<Vec<(Digest, ImageManifest)>, StoreError> {
        let too_large =
            |what| StoreError::TooLarge { place: self.members.place(LayoutFile::Blob(root.digest())), limit: what };
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut level = vec![root.clone()];
        for depth in 0.. {
            let mut below = Vec::new();
            for manifest in level {
                let digest = manifest.digest();
                match manifest.into_manifest() {
                    Manifest::Image(image) => found.push((digest, *image)),
                    Manifest::Index(index) => below.extend(index.manifests),
                }
            }
            below.retain(|entry| seen.insert(entry.digest));
            if below.is_empty() {
                break;
            }
            if depth == self.limits.index_depth || seen.len() > self.limits.index_children {
                return Err(too_large(format!("{} manifests below an index", self.limits.index_children)));
            }
            level = Vec::new();
            for entry in below {
                if self.has_blob(&entry.digest)? {
                    level.push(self.manifest(&TagOrDigest::Digest(entry.digest))?);
                }
            }
        }
        Ok(found)
    }

    /// Every manifest about `subject`, or the first error of the list.
    pub(in crate::store) async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let (mut listed, mut trouble) = (Vec::new(), None);
        let mut each = |entry| match entry {
            Ok(entry) => listed.push(entry),
            Err(error) => {
                trouble.get_or_insert(error);
            }
        };
        self.list_referrers(subject, &mut each).await;
        trouble.map_or(Ok(Referrers::Listed(listed)), Err)
    }

    /// Every manifest about `subject`: those that the index lists, and those that lie loose among the blobs, where `cosign save`
    /// leaves them.
    ///
    /// A blob that looks like a manifest and is not what its name says might have been a referrer, so it is an error; the others are
    /// listed all the same.
    pub(in crate::store) async fn list_referrers(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) {
        let mut listing = Listing { subject, bytes: 0, entries: 0, limits: self.limits };
        let listed = self.listed_referrers(&mut listing, each).await;
        if let Err(error) = listed {
            each(Err(error));
        }
    }

    async fn listed_referrers(
        &self,
        listing: &mut Listing<'_>,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> Result<(), StoreError> {
        let index = self.index()?;
        let mut seen = BTreeSet::new();
        for entry in index.descriptors().filter(|entry| MANIFESTS.contains(&entry.media_type.as_str())) {
            if seen.insert(entry.digest) {
                match self.listed_bytes(entry) {
                    Ok(bytes) => {
                        listing.show(&self.members.place(LayoutFile::Blob(entry.digest)), entry.digest, bytes, each)?
                    }
                    Err(error) => each(Err(error)),
                }
                yield_now().await;
            }
        }
        drop(index);
        let mut left = self.limits.layout_scan_bytes;
        for (digest, size) in self.members.blobs(self.limits.layout_blobs)? {
            if size > self.limits.manifest_bytes || !seen.insert(digest) {
                continue;
            }
            let member = LayoutFile::Blob(digest);
            let place = self.members.place(member);
            match read_object(self.members, member, self.limits.manifest_bytes) {
                Ok(Some(bytes)) => {
                    left = left.checked_sub(size).ok_or_else(|| StoreError::TooLarge {
                        place: place.clone(),
                        limit: format!("{} bytes of JSON blobs in one layout", self.limits.layout_scan_bytes),
                    })?;
                    match verified::compare(&place, &digest, &bytes) {
                        Ok(()) => listing.show(&place, digest, bytes, each)?,
                        Err(error) => each(Err(error)),
                    }
                }
                Ok(None) => {}
                Err(error) => each(Err(error)),
            }
            yield_now().await;
        }
        Ok(())
    }

    /// Returns true if an entry of the index is an attachment of an image, not an image.
    fn is_attachment(&self, entry: &Descriptor, manifest: &FetchedManifest) -> Result<bool, StoreError> {
        let index = match manifest.manifest() {
            Manifest::Image(image) => return Ok(hangs(image, Some(entry))),
            Manifest::Index(index) => index,
        };
        // The list of referrers under the fallback tag, and an index of attachments.
        if index.subject.is_none() && !index::is_attachment(entry) {
            return Ok(false);
        }
        for child in &index.manifests {
            if self.has_blob(&child.digest)? {
                match self.manifest(&TagOrDigest::Digest(child.digest))?.manifest() {
                    Manifest::Image(image) if hangs(image, None) => {}
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// The layout's image, if it has only one besides attachments.
    pub(in crate::store) fn only_image(&self) -> Result<FetchedManifest, StoreError> {
        let index = self.index()?;
        let mut images: Vec<(String, FetchedManifest)> = Vec::new();
        for entry in index.descriptors() {
            if images.iter().any(|(_, image)| image.digest() == entry.digest) {
                continue;
            }
            let fetched = self.listed(entry)?;
            if !self.is_attachment(entry, &fetched)? {
                images.push((index::label(entry), fetched));
            }
        }
        let children: BTreeSet<Digest> = images.iter().flat_map(|(_, image)| children(image.manifest())).collect();
        images.retain(|(_, image)| !children.contains(&image.digest()));
        let place = self.index_place();
        let names: Vec<String> = images.iter().map(|(name, _)| name.clone()).collect();
        let mut images = images.into_iter();
        match (images.next(), images.next()) {
            (Some((_, image)), None) => Ok(image),
            (None, _) => Err(protocol(&place, "expected one image, found none")),
            (Some(_), Some(_)) => Err(protocol(
                &place,
                format!(
                    "expected one image, found {}; name one by its tag or digest: {}",
                    names.len(),
                    names.join(", ")
                ),
            )),
        }
    }
}

/// Returns true if an image manifest says that it is about something else, and holds nothing that could run: no layers to unpack.
///
/// What it is called is not enough: an image hidden from us by an annotation is still loaded by others.
fn hangs(image: &ImageManifest, called: Option<&Descriptor>) -> bool {
    let signs = !image.layers.is_empty() && image.layers.iter().all(|layer| layer.media_type == SIMPLE_SIGNING);
    let says = image.subject.is_some() || signs || called.is_some_and(index::is_attachment);
    let documents = image.layers.iter().all(|layer| is_document(&layer.media_type));
    // An empty configuration names no program; what oras attaches to an image has one, whatever its layers are.
    says && match image.config.size == EMPTY_CONFIG {
        true => image.subject.is_some() || documents,
        false => documents && !image.layers.is_empty(),
    }
}

fn is_document(media_type: &str) -> bool {
    let media_type = media_type.split_once(';').map_or(media_type, |(essence, _)| essence).trim_end();
    media_type.starts_with("text/") || ["json", "+xml", "/xml"].iter().any(|end| media_type.ends_with(end))
}

/// Reads to the end, in constant memory.
fn hash(place: &str, opened: Opened<'_>, algorithm: DigestAlgorithm) -> Result<Digest, StoreError> {
    let mut hasher = Hasher::new(algorithm);
    let mut reader = opened.reader.take(opened.size);
    let mut piece = vec![0_u8; CHUNK_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error(place, &error)),
        }
    }
}

/// A list of referrers as it grows.
struct Listing<'a> {
    subject: &'a Digest,
    /// What the entries have in annotations, in bytes.
    bytes: u64,
    entries: usize,
    limits: &'a Limits,
}

impl Listing<'_> {
    /// Shows a manifest as a referrers list does, if it is about the subject.
    ///
    /// One that says so but cannot be read is listed as well, so that reading it shows what is wrong.
    fn show(
        &mut self,
        place: &str,
        digest: Digest,
        bytes: Vec<u8>,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> Result<(), StoreError> {
        if !names_subject(&bytes, &self.subject.to_string()) {
            return Ok(());
        }
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.referrers {
            let limit = format!("{} referrers of one subject", self.limits.referrers);
            return Err(StoreError::TooLarge { place: place.to_owned(), limit });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let read = FetchedManifest::of_digest(place, digest, bytes, None).ok();
        let entry = read.as_ref().and_then(manifest::referrer).map(|(_, entry)| entry);
        let mut entry = entry.unwrap_or_else(|| Descriptor::new(OCI_MANIFEST, size, digest));
        let texts = entry.annotations.iter().flat_map(|(name, value)| [name.len(), value.len()]);
        let texts = texts.chain(entry.artifact_type.as_ref().map(String::len));
        let total = texts.fold(self.bytes, |sum, length| sum.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)));
        if total > self.limits.referrers_bytes {
            // Too much to be copied into a list; the manifest itself has it.
            entry = Descriptor::new(entry.media_type, size, digest);
        } else {
            self.bytes = total;
        }
        each(Ok(entry));
        Ok(())
    }
}

/// Returns true if a JSON text is an object with a `subject` of this digest; in constant memory, whatever else is in it.
fn names_subject(bytes: &[u8], subject: &str) -> bool {
    struct Subject<'s>(&'s str);
    impl<'de> Visitor<'de> for Subject<'_> {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut named = false;
            // One that is named twice is not a manifest, but another reader may take it for one.
            while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                if name == "subject" {
                    named |= map.next_value::<&RawValue>().is_ok_and(|value| has_digest(value.get(), self.0));
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(named)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let named = deserializer.deserialize_map(Subject(subject)).unwrap_or(false);
    named && deserializer.end().is_ok()
}

/// Returns true if a JSON text is an object with this `digest`.
fn has_digest(text: &str, digest: &str) -> bool {
    #[derive(Deserialize)]
    struct SizeCheck<'a> {
        #[serde(borrow)]
        digest: Cow<'a, str>,
    }
    match serde_json::from_str::<SizeCheck<'_>>(text) {
        Ok(claim) => text.starts_with('{') && claim.digest == digest,
        // Named twice, perhaps: the reader of its bytes says what is wrong.
        Err(_) => text.starts_with('{') && text.contains(digest),
    }
}

fn children(manifest: &Manifest) -> Vec<Digest> {
    match manifest {
        Manifest::Image(_) => Vec::new(),
        Manifest::Index(index) => index.manifests.iter().map(|child| child.digest).collect(),
    }
}
