use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::descriptor::Descriptor;
use super::media_type;
use crate::json::{self, JsonError};
use crate::limits::MANIFEST_VALUES;

/// A manifest whose meaning is beyond doubt: an image (or artifact), or an index. Exhaustive, as the OCI image specification is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image or artifact.
    Image(Box<ImageManifest>),
    /// A list of manifests, one per platform.
    Index(Box<Index>),
}

/// OCI image specification, "Image Manifest"; also Docker schema 2.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageManifest {
    /// Type of the manifest itself.
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, base first.
    pub layers: Vec<Descriptor>,
    /// What this artifact is about.
    pub subject: Option<Descriptor>,
    /// Type of the artifact.
    pub artifact_type: Option<String>,
    /// Unsigned annotations.
    pub annotations: BTreeMap<String, String>,
}

/// OCI image specification, "Image Index"; also Docker's manifest list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Index {
    /// Type of the index itself.
    pub media_type: String,
    /// The manifests listed.
    pub manifests: Vec<Descriptor>,
    /// What this index is about.
    pub subject: Option<Descriptor>,
    /// Unsigned annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are not one unambiguous manifest (CVE-2021-41190).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not strict JSON of the right shape.
    #[error("not a manifest: {0}")]
    Json(JsonError),
    /// More values than the limit allows.
    #[error("more than {limit} values in one manifest")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Docker schema 1.
    #[error("expected schema version 2, found {found}; push the image again with a current tool")]
    SchemaVersion {
        /// The version, or what was found instead.
        found: String,
    },
    /// A kind of manifest that the specifications gave up: the artifact manifest of OCI 1.1's drafts, and that of ORAS.
    #[error(
        "expected an image manifest or an index, found the retired {media_type}; push the artifact again with a current tool"
    )]
    Retired {
        /// Its type.
        media_type: &'static str,
    },
    /// Members of two kinds of manifest at once.
    #[error("expected the members of one kind of manifest, found both `{first}` and `{second}`")]
    Ambiguous {
        /// A member of one kind.
        first: &'static str,
        /// A member of the other.
        second: &'static str,
    },
    /// Neither image nor index.
    #[error("expected `config` and `layers`, or `manifests`, found neither")]
    Shapeless,
    /// The declared type does not fit the shape or the `Content-Type` header.
    #[error("expected media type {expected:?}, found {found:?}")]
    MediaType {
        /// The type that the shape or the header calls for.
        expected: String,
        /// The type declared.
        found: String,
    },
}

impl From<JsonError> for ManifestError {
    fn from(error: JsonError) -> Self {
        match error.exceeds() {
            Some(limit) => Self::TooMany { limit },
            None => Self::Json(error),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    schema_version: Option<&'a RawValue>,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "written")]
    manifests: Option<Option<Vec<Descriptor>>>,
    fs_layers: Option<IgnoredAny>,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "crate::json::null_is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A member that is there, be it `null`, which Go writes for an empty list.
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Manifest {
    /// Judges `bytes`, served with the `Content-Type` header `served_as` when there was one.
    ///
    /// ```
    /// use sigkit_core::oci::{Manifest, media_type};
    ///
    /// let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    /// assert!(matches!(Manifest::parse(index, None)?, Manifest::Index(_)));
    /// assert!(Manifest::parse(index, Some(media_type::OCI_MANIFEST)).is_err(), "served as something else");
    /// # Ok::<(), sigkit_core::oci::ManifestError>(())
    /// ```
    ///
    /// # Errors
    /// [`ManifestError`]: anything that two readers could take for two things.
    pub fn parse(bytes: &[u8], served_as: Option<&str>) -> Result<Self, ManifestError> {
        let wire: Wire<'_> = json::from_slice_within(bytes, MANIFEST_VALUES)?;
        if wire.fs_layers.is_some() {
            return Err(ManifestError::SchemaVersion { found: "1 (`fsLayers`)".to_owned() });
        }
        let stated = wire.media_type.as_deref().or_else(|| served_as.map(essence));
        if let Some(media_type) = media_type::RETIRED.into_iter().find(|retired| Some(*retired) == stated) {
            return Err(ManifestError::Retired { media_type });
        }
        match wire.schema_version.map(RawValue::get) {
            Some("2") => {}
            other => {
                let found = other.unwrap_or("none").chars().take(120).collect();
                return Err(ManifestError::SchemaVersion { found });
            }
        }
        let manifests = match (&wire.config, &wire.layers, wire.manifests) {
            (None, None, Some(None)) => Some(Vec::new()),
            (_, _, manifests) => manifests.flatten(),
        };
        match (wire.config, wire.layers, manifests) {
            (Some(config), Some(layers), None) => Ok(Self::Image(Box::new(ImageManifest {
                media_type: Shape::Image.media_type(wire.media_type, served_as)?,
                config,
                layers,
                subject: wire.subject,
                artifact_type: wire.artifact_type,
                annotations: wire.annotations,
            }))),
            (None, None, Some(manifests)) => Ok(Self::Index(Box::new(Index {
                media_type: Shape::Index.media_type(wire.media_type, served_as)?,
                manifests,
                subject: wire.subject,
                annotations: wire.annotations,
            }))),
            (_, Some(_), Some(_)) => Err(ManifestError::Ambiguous { first: "layers", second: "manifests" }),
            (Some(_), None, Some(_)) => Err(ManifestError::Ambiguous { first: "config", second: "manifests" }),
            _ => Err(ManifestError::Shapeless),
        }
    }

    /// How many descriptors and annotations it has.
    pub(crate) fn parts(&self) -> usize {
        let (listed, config, subject, annotations) = match self {
            Self::Image(image) => (&image.layers, Some(&image.config), &image.subject, &image.annotations),
            Self::Index(index) => (&index.manifests, None, &index.subject, &index.annotations),
        };
        let descriptors = listed.iter().chain(config).chain(subject);
        descriptors.fold(annotations.len(), |sum, part| sum.saturating_add(part.annotations.len()).saturating_add(1))
    }

    /// Type of the manifest.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Image(image) => &image.media_type,
            Self::Index(index) => &index.media_type,
        }
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Image,
    Index,
}

impl Shape {
    const fn media_types(self) -> [&'static str; 2] {
        match self {
            Self::Image => [media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST],
            Self::Index => [media_type::OCI_INDEX, media_type::DOCKER_INDEX],
        }
    }

    /// The one type that shape, declaration and header agree on.
    fn media_type(self, declared: Option<String>, served_as: Option<&str>) -> Result<String, ManifestError> {
        let [oci, docker] = self.media_types();
        let fits = |found: &str| {
            if found == oci || found == docker {
                return Ok(());
            }
            Err(ManifestError::MediaType { expected: oci.to_owned(), found: found.chars().take(120).collect() })
        };
        let header = served_as.map(essence).filter(|header| !is_generic(header));
        match (declared, header) {
            (Some(declared), header) => {
                fits(&declared)?;
                match header {
                    Some(header) if header != declared => {
                        Err(ManifestError::MediaType { expected: declared, found: header.chars().take(120).collect() })
                    }
                    _ => Ok(declared),
                }
            }
            (None, Some(header)) => fits(header).map(|()| header.to_owned()),
            (None, None) => Ok(oci.to_owned()),
        }
    }
}

/// The type of a `Content-Type` header without its parameters.
fn essence(header: &str) -> &str {
    header.split_once(';').map_or(header, |(essence, _)| essence).trim()
}

/// What servers say when they do not know.
fn is_generic(header: &str) -> bool {
    matches!(header, "" | "application/json" | "application/octet-stream" | "text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTOR: &str = r#"{"mediaType":"m","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;

    fn document(members: &str) -> String {
        format!(r#"{{"schemaVersion":2,{}}}"#, members.replace('D', DESCRIPTOR))
    }

    #[test]
    fn an_image_and_an_index_are_told_apart() {
        let image = document(r#""config":D,"layers":[D]"#);
        assert!(matches!(Manifest::parse(image.as_bytes(), None), Ok(Manifest::Image(_))));
        let index = document(r#""manifests":[D],"annotations":null"#);
        assert!(matches!(Manifest::parse(index.as_bytes(), None), Ok(Manifest::Index(_))));
        let empty = Manifest::parse(document(r#""manifests":null"#).as_bytes(), None).unwrap();
        assert!(matches!(empty, Manifest::Index(index) if index.manifests.is_empty()));
        let image = document(r#""config":D,"layers":[D],"manifests":null"#);
        assert!(matches!(Manifest::parse(image.as_bytes(), None), Ok(Manifest::Image(_))));
    }

    // threat: E05
    #[test]
    fn members_of_two_kinds_are_refused() {
        for members in [
            r#""config":D,"layers":[D],"manifests":[D]"#,
            r#""layers":[D],"manifests":[D]"#,
            r#""config":D,"manifests":[D]"#,
        ] {
            let error = Manifest::parse(document(members).as_bytes(), None).expect_err(members);
            assert!(matches!(error, ManifestError::Ambiguous { .. }), "{members}: {error}");
        }
        let twice = document(r#""config":D,"layers":[D],"layers":[]"#);
        assert!(matches!(Manifest::parse(twice.as_bytes(), None), Err(ManifestError::Json(_))));
    }

    // threat: E06
    #[test]
    fn shape_declaration_and_header_must_agree() {
        let image = |declared: &str| document(&format!(r#"{declared}"config":D,"layers":[]"#));
        let oci = format!(r#""mediaType":"{}","#, media_type::OCI_MANIFEST);
        let index = format!(r#""mediaType":"{}","#, media_type::OCI_INDEX);
        for (declared, header) in [
            ("", None),
            ("", Some(media_type::DOCKER_MANIFEST)),
            ("", Some("application/json")),
            (oci.as_str(), None),
            (oci.as_str(), Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8")),
        ] {
            assert!(Manifest::parse(image(declared).as_bytes(), header).is_ok(), "{declared} {header:?}");
        }
        for (declared, header) in [
            ("", Some(media_type::OCI_INDEX)),
            (oci.as_str(), Some(media_type::OCI_INDEX)),
            (oci.as_str(), Some(media_type::DOCKER_MANIFEST)),
            (index.as_str(), None),
        ] {
            let error = Manifest::parse(image(declared).as_bytes(), header).expect_err("must be refused");
            assert!(matches!(error, ManifestError::MediaType { .. }), "{declared} {header:?}: {error}");
        }
    }

    // threat: E07
    #[test]
    fn schema_1_and_other_documents_are_refused() {
        for (text, check) in [
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, true),
            (r#"{"schemaVersion":1}"#, true),
            (r#"{"config":1}"#, false),
            ("hello", false),
            ("{}", true),
        ] {
            let error = Manifest::parse(text.as_bytes(), None).expect_err(text);
            assert_eq!(matches!(error, ManifestError::SchemaVersion { .. }), check, "{text}: {error}");
        }
        assert!(matches!(Manifest::parse(br#"{"schemaVersion":2}"#, None), Err(ManifestError::Shapeless)));
    }

    // threat: R22
    #[test]
    fn retired_manifest_is_refused_by_its_name() {
        for retired in media_type::RETIRED {
            let declared = format!(r#"{{"mediaType":"{retired}","artifactType":"x","blobs":[]}}"#);
            for (text, header) in [(declared.as_str(), None), (r#"{"artifactType":"x","blobs":[]}"#, Some(retired))] {
                let error = Manifest::parse(text.as_bytes(), header).expect_err(retired);
                assert!(matches!(error, ManifestError::Retired { media_type } if media_type == retired), "{error}");
            }
        }
    }

    // threat: R28
    #[test]
    fn annotation_of_null_is_absent_and_other_types_refused() {
        let read = |value: &str| {
            let image = document(&format!(r#""config":D,"layers":[],"annotations":{{"a":{value},"b":"c"}}"#));
            Manifest::parse(image.as_bytes(), None)
        };
        let Ok(Manifest::Image(image)) = read("null") else { panic!("an image") };
        assert_eq!(image.annotations.into_iter().collect::<Vec<_>>(), [("b".to_owned(), "c".to_owned())]);
        for value in ["1", "true", "[]", "{}"] {
            assert!(matches!(read(value), Err(ManifestError::Json(_))), "{value}");
        }
    }
}
