use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::auth_entry::Entry;
use super::bounded::read_bounded;
use super::server_address::RegistryKey;

/// Longest file of credentials, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a file says about one registry.
#[derive(Debug, Default)]
pub(super) struct AuthFile {
    /// The entries of `auths` that fit, with their keys.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Its helper in `credHelpers`.
    pub(super) helper: Option<String>,
    /// The helper of all registries, `credsStore`.
    pub(super) store: Option<String>,
}

/// Why a file cannot be used. Contents are not shown: they may be passwords.
#[derive(Debug, thiserror::Error)]
pub enum AuthFileError {
    /// The operating system's words.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Not a place to read from.
    #[error("is not a regular file")]
    Kind,
    /// Too long.
    #[error("has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// RFC 8259.
    #[error("is not JSON, at line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON of another shape.
    #[error(
        "does not have the format that docker and podman write, at line {line}, column {column}: \"auths\" and \"credHelpers\" must be objects without \
         repeated members, helpers and all values of an entry are texts"
    )]
    Shape {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

impl AuthFile {
    /// The entries, the one that fits closest first.
    pub(super) fn closest_first(self, server: &RegistryKey<'_>) -> Vec<(String, Entry)> {
        let mut entries: Vec<(String, Entry)> = self.entries.into_iter().collect();
        entries.sort_by_key(|(key, _)| std::cmp::Reverse(server.specificity(key)));
        entries
    }

    /// Reads what `path` says about `server`; `None` when there is no such file.
    ///
    /// # Errors
    /// [`AuthFileError`]. Entries of other registries are not checked.
    pub(super) fn read(path: &Path, server: &RegistryKey<'_>) -> Result<Option<Self>, AuthFileError> {
        read_file(path)?.map(|bytes| Self::parse(&bytes, server)).transpose()
    }

    /// Reads what the bytes of a file say about `server`.
    ///
    /// # Errors
    /// [`AuthFileError`].
    pub(super) fn parse(bytes: &[u8], server: &RegistryKey<'_>) -> Result<Self, AuthFileError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let file = deserializer.deserialize_map(FileVisitor(server));
        file.and_then(|file| deserializer.end().map(|()| file)).map_err(|error| AuthFileError::of(&error))
    }
}

impl AuthFileError {
    /// The parser's error without its words, which may quote what it found.
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => Self::Shape { line, column },
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax { line, column },
        }
    }
}

/// The bytes of a file of credentials; `None` when there is no such file.
///
/// # Errors
/// [`AuthFileError`].
pub(super) fn read_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, AuthFileError> {
    // Without O_NONBLOCK, opening a named pipe waits for a writer.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(nonblocking).open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened?,
    };
    let file_type = file.metadata()?.file_type();
    // REGISTRY_AUTH_FILE=/dev/null is how people say "no credentials".
    if !file_type.is_file() && !file_type.is_char_device() {
        return Err(AuthFileError::Kind);
    }
    read_bounded(file, MAX_BYTES)?.ok_or(AuthFileError::TooLarge).map(Some)
}

/// Reads the file, with an eye for one registry.
struct FileVisitor<'s>(&'s RegistryKey<'s>);

impl<'de> Visitor<'de> for FileVisitor<'_> {
    type Value = AuthFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AuthFile, A::Error> {
        let (mut auths, mut helpers, mut store) = (None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "auths" => once(&mut auths, map.next_value_seed(Named::<Entry>::of(self.0))?)?,
                // Helpers are asked for registries, never for repositories.
                "credHelpers" => once(&mut helpers, map.next_value_seed(Named::<String>::of(&self.0.whole()))?)?,
                "credsStore" => once(&mut store, map.next_value::<Option<String>>()?)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(AuthFile {
            entries: auths.unwrap_or_default(),
            helper: helpers.unwrap_or_default().into_values().find(|helper| !helper.is_empty()),
            store: store.flatten(),
        })
    }
}

fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a repeated member")),
    }
}

/// The members of an object whose names are names of one registry.
struct Named<'s, T> {
    server: &'s RegistryKey<'s>,
    values: PhantomData<T>,
}

impl<'s, T> Named<'s, T> {
    fn of(server: &'s RegistryKey<'s>) -> Self {
        Self { server, values: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Named<'_, T> {
    type Value = BTreeMap<String, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<'_, T> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.server.specificity(&name).is_none() {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = map.next_value::<Option<T>>()?
                && found.insert(name, value).is_some()
            {
                return Err(A::Error::custom("a repeated member"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_entry_comes_first() {
        let repository = "a.example/team/app".parse().unwrap();
        let server = RegistryKey::of(&repository);
        let json = r#"{"auths":{"a.example":{},"a.example/team":{},"a.example/team/app":{},"a.example/other":{},
            "b.example/team":{}},"credHelpers":{"a.example/team":"passed-over"}}"#;
        let file = AuthFile::parse(json.as_bytes(), &server).unwrap();
        assert_eq!(file.helper, None);
        let keys: Vec<String> = file.closest_first(&server).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a.example/team/app", "a.example/team", "a.example"]);
    }

    fn parse(json: &str) -> Result<AuthFile, AuthFileError> {
        AuthFile::parse(json.as_bytes(), &RegistryKey::new("a.example"))
    }

    // threat: G10
    #[test]
    fn entries_of_other_servers_are_ignored() {
        for json in [
            "",
            " \n",
            "{}",
            r#"{"auths":null,"credHelpers":null,"credsStore":null}"#,
            r#"{"auths":{"b.example":7,"c.example":{"auth":["%"]}},"credHelpers":{"b.example":{}}}"#,
            r#"{"auths":{"a.example":null},"HttpHeaders":{"X":[1]},"psFormat":"table"}"#,
        ] {
            let file = parse(json).unwrap();
            assert!(file.entries.is_empty() && file.helper.is_none() && file.store.is_none(), "{json}");
        }
    }

    #[test]
    fn entries_and_helpers_of_the_registry_are_found() {
        let file = parse(
            r#"{"auths":{"https://a.example/v1/":{},"a.example":{},"a.example/app":{},"b.example":{}},
                "credHelpers":{"b.example":"other","a.example":"ours"},"credsStore":"all"}"#,
        )
        .unwrap();
        assert_eq!(file.entries.into_keys().collect::<Vec<_>>(), ["a.example", "https://a.example/v1/"]);
        assert_eq!(file.helper.as_deref(), Some("ours"));
        assert_eq!(file.store.as_deref(), Some("all"));
    }

    // threat: G10
    #[test]
    fn other_shapes_are_refused_without_their_contents() {
        for json in [
            r#""S3CRET""#,
            r#"["S3CRET"]"#,
            r#"{"auths":"S3CRET"}"#,
            r#"{"auths":{"a.example":"S3CRET"}}"#,
            r#"{"auths":{"a.example":{"auth":["S3CRET"]}}}"#,
            r#"{"auths":{"a.example":{"auth":"S3CRET","auth":"S3CRET"}}}"#,
            r#"{"auths":{"a.example":{"auth":"S3CRET"},"a.example":{}}}"#,
            r#"{"auths":{},"auths":{"a.example":{"auth":"S3CRET"}}}"#,
            r#"{"credHelpers":{"a.example":{"S3CRET":1}}}"#,
            r#"{"credsStore":["S3CRET"]}"#,
        ] {
            let error = parse(json).unwrap_err();
            assert!(matches!(error, AuthFileError::Shape { line: 1, .. }), "{json}: {error:?}");
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
        for json in ["{", "S3CRET", "{\"auths\":{}}S3CRET", "{\"auths\":\n{S3CRET}}", "\u{feff}{}"] {
            let error = parse(json).unwrap_err();
            assert!(matches!(error, AuthFileError::Syntax { .. }), "{json}: {error:?}");
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
    }

    // threat: N03 G10
    #[test]
    fn a_file_cut_short_is_refused_at_every_byte() {
        let json =
            r#"{"auths":{"a.example":{"auth":"S3CRET=="}},"credHelpers":{"a.example":"ours"},"credsStore":"all"}"#;
        assert!(parse(json).is_ok());
        // A file without a byte is one that holds nothing yet, as for docker.
        for length in 1..json.len() {
            let error = parse(&json[..length]).unwrap_err();
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
    }

    // threat: G10
    #[test]
    fn deep_nesting_does_no_harm() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&format!(r#"{{"x":{deep}}}"#)).is_ok());
        assert!(matches!(parse(&format!(r#"{{"auths":{{"a.example":{deep}}}}}"#)), Err(AuthFileError::Shape { .. })));
    }

    // threat: G10
    #[test]
    fn files_are_read_within_bounds_and_may_be_missing() {
        let directory = tempfile::tempdir().unwrap();
        let read = |name: &str| AuthFile::read(&directory.path().join(name), &RegistryKey::new("a.example"));
        assert!(matches!(read("missing"), Ok(None)));
        assert!(matches!(read("."), Err(AuthFileError::Kind)));
        assert!(matches!(read("/dev/null"), Ok(Some(_))));
        let most = usize::try_from(MAX_BYTES).unwrap();
        std::fs::write(directory.path().join("full"), format!("{{}}{}", " ".repeat(most - 2))).unwrap();
        assert!(matches!(read("full"), Ok(Some(_))));
        assert!(matches!(read("full/below"), Ok(None)));
        std::fs::write(directory.path().join("large"), format!("{{}}{}", " ".repeat(most - 1))).unwrap();
        assert!(matches!(read("large"), Err(AuthFileError::TooLarge)));
        assert!(matches!(read("/dev/zero"), Err(AuthFileError::TooLarge)));
    }
}
