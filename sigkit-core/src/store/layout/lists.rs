//! `manifest.json`, the second list of an archive or layout: what `docker save` writes beside the layout, and what loaders without
//! an eye for layouts go by. What they take must be what the layout means.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::files::{LayoutFile, protocol};
use super::index::{LayoutIndex, label};
use super::reader::Reader;
use crate::digest::Digest;
use crate::json::{self, JsonError, refuse_others};
use crate::oci::{Descriptor, ImageManifest, ImageReference, Manifest, Platform, Tag, TagOrDigest};
use crate::store::{Asked, FetchedManifest, StoreError};

/// Entry annotation with the full name of an image, as containerd and Docker write it.
pub(in crate::store) const IMAGE_NAME: &str = "io.containerd.image.name";
/// The list of names before `manifest.json`.
const REPOSITORIES: &str = "repositories";
/// Bytes of a configuration that are read for its platform.
const MAX_CONFIGURATION_BYTES: u64 = 4 << 20;
/// Members of an element that say which image it is.
const KNOWN: [&str; 3] = ["Config", "RepoTags", "Layers"];

/// One element of `manifest.json`.
#[derive(Debug)]
pub(in crate::store) struct Saved {
    pub(in crate::store) config: String,
    pub(in crate::store) names: Vec<String>,
    layers: Vec<String>,
}

impl Saved {
    fn parse(element: &RawValue) -> Result<Self, JsonError> {
        let members: BTreeMap<String, &RawValue> = json::from_slice(element.get().as_bytes())?;
        refuse_others(members.keys().map(String::as_str), &KNOWN)?;
        let list = |name: &str| -> Result<Vec<String>, JsonError> {
            let Some(list) = members.get(name) else { return Ok(Vec::new()) };
            Ok(json::from_slice::<Option<Vec<String>>>(list.get().as_bytes())?.unwrap_or_default())
        };
        let config = members.get("Config").map(|config| json::from_slice(config.get().as_bytes())).transpose()?;
        Ok(Self { config: config.unwrap_or_default(), names: list("RepoTags")?, layers: list("Layers")? })
    }

    /// Returns true if one of its names could be taken for what `fits` looks for; a name that we cannot read could be taken for anything.
    fn is_named(&self, fits: impl Fn(&ImageReference) -> bool) -> bool {
        self.names.iter().any(|name| name.parse::<ImageReference>().map_or(true, |name| fits(&name)))
    }
}

/// What `manifest.json` is.
enum List {
    /// Of `docker save`: what a loader may take.
    Saved(Vec<Saved>),
    /// The manifest of the one image of a directory in the format `dir:` of skopeo and podman.
    Manifest(Vec<u8>),
}

fn list(reader: &Reader<'_>) -> Result<List, StoreError> {
    let Some(bytes) = reader.read(LayoutFile::DockerManifest)? else { return Ok(List::Saved(Vec::new())) };
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(List::Manifest(bytes));
    }
    let saved = json::from_slice::<Option<Vec<&RawValue>>>(&bytes)
        .and_then(|list| list.unwrap_or_default().into_iter().map(Saved::parse).collect());
    saved.map(List::Saved).map_err(|error| protocol(&reader.place(LayoutFile::DockerManifest), error.to_string()))
}

/// What `docker save` lists; an archive with a layout may do without.
pub(in crate::store) fn saved(reader: &Reader<'_>) -> Result<Vec<Saved>, StoreError> {
    match list(reader)? {
        List::Saved(saved) => Ok(saved),
        List::Manifest(_) => Err(protocol(
            &reader.place(LayoutFile::DockerManifest),
            "expected the list of docker save, found an object",
        )),
    }
}

/// Refuses a place whose lists mean different images.
///
/// `image` is what the layout has for what was `asked`; with a `platform`, one image below it is selected.
pub(in crate::store) fn check(
    reader: &Reader<'_>,
    asked: &Asked,
    image: &FetchedManifest,
    platform: Option<&Platform>,
) -> Result<(), StoreError> {
    let index = reader.index()?;
    let meant = image.digest();
    check_index(reader, &index, asked, meant)?;
    let place = reader.place(LayoutFile::DockerManifest);
    match list(reader)? {
        List::Saved(saved) if saved.is_empty() => match reader.other(REPOSITORIES)? {
            Some(_) => Err(protocol(
                &reader.index_place(),
                format!(
                    "means {meant}, but older loaders use the file `{REPOSITORIES}`, which names no digest: create the \
                     archive again with Docker 25 or later"
                ),
            )),
            None => Ok(()),
        },
        List::Saved(saved) => {
            let mut images = reader.images_of(image)?;
            if let Some(platform) = platform {
                images = meant_on(reader, image, images, platform)?;
            }
            Lists { reader, index: &index, meant, images, hashed: BTreeMap::new() }.check(&saved, asked)
        }
        List::Manifest(bytes) => {
            let found = Digest::sha256(&bytes);
            if found == meant || reader.images_of(image)?.iter().any(|(digest, _)| *digest == found) {
                return Ok(());
            }
            let detail =
                format!("is {found} for readers of the `dir:` format, but {meant} in index.json: keep one of the two");
            Err(protocol(&place, detail))
        }
    }
}

/// Other readers of `index.json` go by other annotations; none of those may give the name to another image.
fn check_index(reader: &Reader<'_>, index: &LayoutIndex, asked: &Asked, meant: Digest) -> Result<(), StoreError> {
    let wanted = |name: &ImageReference| match asked {
        Asked::Only | Asked::Digest(_) => false,
        Asked::Tag(tag) => loaded_as(name) == TagOrDigest::Tag(tag.clone()),
        Asked::Name(wanted) => is_same_name(name, wanted),
    };
    let read = |entry: &&Descriptor| {
        let names = entry.annotations.get(IMAGE_NAME).into_iter();
        names.filter_map(|name| name.parse().ok()).any(|name| wanted(&name))
    };
    match index.descriptors().filter(|entry| entry.digest != meant).find(read) {
        Some(other) => Err(protocol(
            &reader.index_place(),
            format!(
                "expected one image of the requested name, found {meant}, and {} by the annotation {IMAGE_NAME}: keep one of them",
                label(other)
            ),
        )),
        None => Ok(()),
    }
}

/// What of `images` may be loaded when one for `platform` was asked for: that one, and what is made for another.
fn meant_on(
    reader: &Reader<'_>,
    root: &FetchedManifest,
    images: Vec<(Digest, ImageManifest)>,
    platform: &Platform,
) -> Result<Vec<(Digest, ImageManifest)>, StoreError> {
    let Manifest::Index(index) = root.manifest() else { return Ok(images) };
    let serves = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|entry| entry.serves(platform));
    let chosen = index.manifests.iter().find(serves).map(|entry| entry.digest);
    let mut meant = Vec::new();
    for (digest, image) in images {
        // Readers of the second list see the configuration, and not what the index says.
        let other = match chosen == Some(digest) {
            true => true,
            false => {
                let bytes = reader.blob(&image.config, MAX_CONFIGURATION_BYTES)?;
                json::from_slice::<Platform>(&bytes).is_ok_and(|runs_on| !runs_on.serves(platform))
            }
        };
        if other {
            meant.push((digest, image));
        }
    }
    Ok(meant)
}

struct Lists<'a> {
    reader: &'a Reader<'a>,
    index: &'a LayoutIndex,
    meant: Digest,
    /// What may be loaded.
    images: Vec<(Digest, ImageManifest)>,
    /// Digests of files that are not named by their digest.
    hashed: BTreeMap<String, Option<Digest>>,
}

impl Lists<'_> {
    fn check(&mut self, saved: &[Saved], asked: &Asked) -> Result<(), StoreError> {
        let images = std::mem::take(&mut self.images);
        let (mut meant, mut others) = (Vec::new(), Vec::new());
        for one in saved {
            match self.is_any(one, &images)? {
                true => meant.push(one),
                false => others.push(one),
            }
        }
        for other in &others {
            if self.may_be_taken(other, &meant, asked)? {
                return Err(self.refused(other));
            }
        }
        match (meant.is_empty(), others.first()) {
            // Who reads this list never finds what was asked for.
            (true, Some(other)) => Err(self.refused(other)),
            _ => Ok(()),
        }
    }

    /// Whether a loader may take this element, which is another image, for what was asked for.
    fn may_be_taken(&mut self, other: &Saved, meant: &[&Saved], asked: &Asked) -> Result<bool, StoreError> {
        Ok(match asked {
            Asked::Only => true,
            Asked::Tag(tag) => other.is_named(|name| loaded_as(name) == TagOrDigest::Tag(tag.clone())),
            Asked::Name(wanted) => {
                other.is_named(|name| is_same_name(name, wanted))
                    || wanted.digest.is_some() && self.is_astray(other, meant)?
            }
            Asked::Digest(_) => self.is_astray(other, meant)?,
        })
    }

    /// No loader of this list goes by digests, so that the whole list must agree with the other: whether this element is not one of the
    /// layout's images, or has a name of the image meant.
    fn is_astray(&mut self, other: &Saved, meant: &[&Saved]) -> Result<bool, StoreError> {
        let listed = self.index.descriptors().filter(|entry| entry.digest == self.meant);
        let listed = listed.filter_map(|entry| entry.annotations.get(IMAGE_NAME));
        let names = meant.iter().flat_map(|meant| &meant.names).chain(listed).filter_map(|name| name.parse().ok());
        if names.into_iter().any(|name| other.is_named(|other| is_same_name(other, &name))) {
            return Ok(true);
        }
        let (index, meant) = (self.index, self.meant);
        for entry in index.descriptors().filter(|entry| entry.digest != meant) {
            let images = self.reader.images_of(&self.reader.listed(entry)?)?;
            if self.is_any(other, &images)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_any(&mut self, saved: &Saved, images: &[(Digest, ImageManifest)]) -> Result<bool, StoreError> {
        if images.is_empty() {
            return Ok(false);
        }
        let config = self.digest(&saved.config)?;
        let layers = saved.layers.iter().map(|layer| self.digest(layer)).collect::<Result<Vec<_>, _>>()?;
        Ok(images.iter().any(|(_, image)| {
            config == Some(image.config.digest)
                && layers.iter().copied().eq(image.layers.iter().map(|layer| Some(layer.digest)))
        }))
    }

    /// The digest of a file that the list names. One named by its digest is compared with it where the image is read.
    fn digest(&mut self, path: &str) -> Result<Option<Digest>, StoreError> {
        if let Some(digest) = blob_digest(path) {
            return Ok(Some(digest));
        }
        if let Some(known) = self.hashed.get(path) {
            return Ok(*known);
        }
        let digest = self.reader.hash_other(path)?;
        self.hashed.insert(path.to_owned(), digest);
        Ok(digest)
    }

    fn refused(&self, other: &Saved) -> StoreError {
        let names = match other.names.as_slice() {
            [] => "without a name".to_owned(),
            names => format!("as {}", names.join(", ")),
        };
        protocol(
            &self.reader.place(LayoutFile::DockerManifest),
            format!(
                "expected the image of index.json, {}, found another {names}: configuration {:?}, layers {:?}; docker, podman, \
                 skopeo and crane may load that one: create the archive again with this image only, or name one on which both lists agree",
                self.meant, other.config, other.layers
            ),
        )
    }
}

/// Whether a name is the one asked for.
pub(in crate::store) fn is_same_name(name: &ImageReference, wanted: &ImageReference) -> bool {
    name.repository == wanted.repository && loaded_as(name) == loaded_as(wanted)
}

/// What a name is to loaders: its tag; `latest` where there is neither tag nor digest.
fn loaded_as(name: &ImageReference) -> TagOrDigest {
    match (&name.tag, name.digest) {
        (Some(tag), _) => TagOrDigest::Tag(tag.clone()),
        (None, Some(digest)) => TagOrDigest::Digest(digest),
        (None, None) => TagOrDigest::Tag(Tag::latest()),
    }
}

/// `blobs/sha256/<hex>`
pub(in crate::store) fn blob_digest(path: &str) -> Option<Digest> {
    path.strip_prefix("blobs/")?.replacen('/', ":", 1).parse().ok()
}
