use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::file_store::AuthFileError;

/// A JSON object whose members keep their order, and their bytes unless they are changed.
#[derive(Debug, Default)]
pub(super) struct Document(Vec<(String, Member)>);

/// The value of a member.
#[derive(Debug)]
enum Member {
    /// As it was read.
    Raw(Box<RawValue>),
    /// As it was taken apart.
    Document(Document),
    /// A new one.
    Text(Zeroizing<String>),
}

impl Document {
    /// Reads a file; an empty one is an empty object.
    ///
    /// # Errors
    /// [`AuthFileError`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, AuthFileError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|error| AuthFileError::of(&error))
    }

    /// The object under `name`, made if there is none.
    ///
    /// # Errors
    /// [`AuthFileError`] when something else is there.
    pub(super) fn object(&mut self, name: &str) -> Result<&mut Self, AuthFileError> {
        let at = self.place_of(name);
        let Some((_, member)) = self.0.get_mut(at) else { return Err(AuthFileError::Kind) };
        if let Member::Raw(raw) = member {
            let object: Option<Self> = serde_json::from_str(raw.get()).map_err(|error| AuthFileError::of(&error))?;
            *member = Member::Document(object.unwrap_or_default());
        }
        match member {
            Member::Document(object) => Ok(object),
            Member::Raw(_) | Member::Text(_) => Err(AuthFileError::Kind),
        }
    }

    /// An object of one text.
    pub(super) fn of(name: &str, text: Zeroizing<String>) -> Self {
        Self(vec![(name.to_owned(), Member::Text(text))])
    }

    /// Sets `name` to an object, replacing what was there.
    pub(super) fn put(&mut self, name: &str, object: Self) {
        let at = self.place_of(name);
        if let Some((_, member)) = self.0.get_mut(at) {
            *member = Member::Document(object);
        }
    }

    /// Takes away the members that are not wanted, and says how many.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|(name, _)| wanted(name));
        before.saturating_sub(self.0.len())
    }

    fn place_of(&mut self, name: &str) -> usize {
        self.0.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), Member::Document(Self::default())));
            self.0.len().saturating_sub(1)
        })
    }

    /// The text of the file, indented as docker does.
    ///
    /// # Errors
    /// None that these types can cause.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut *bytes, tabs))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, member) in &self.0 {
            match member {
                Member::Raw(raw) => map.serialize_entry(name, raw)?,
                Member::Document(object) => map.serialize_entry(name, object)?,
                Member::Text(text) => map.serialize_entry(name, text.as_str())?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut members: Vec<(String, Member)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a repeated member"));
            }
            members.push((name, Member::Raw(value)));
        }
        Ok(Document(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bytes_and_its_place() {
        let before = "{\n\t\"psFormat\": \"\\u0041\",\n\t\"auths\": {\n\t\t\"b\": {\"auth\" :\"x\"},\n\t\t\"a\": {}\n\t},\n\t\"n\": 1e400\n}\n";
        let mut document = Document::parse(before.as_bytes()).unwrap();
        assert_eq!(*document.to_bytes().unwrap(), before.as_bytes());
        let auths = document.object("auths").unwrap();
        assert_eq!(auths.retain(|name| name != "a"), 1);
        auths.put("c", Document::of("auth", Zeroizing::new("y".to_owned())));
        let after = String::from_utf8(document.to_bytes().unwrap().to_vec()).unwrap();
        let expected = before.replace("\t\t\"a\": {}", "\t\t\"c\": {\n\t\t\t\"auth\": \"y\"\n\t\t}");
        assert_eq!(after, expected);
    }

    // threat: G10
    #[test]
    fn another_shape_is_not_written_over() {
        for json in ["[]", "{\"auths\":{}", "{\"a\":1,\"a\":2}", "{} {}", "\"S3CRET\""] {
            let error = Document::parse(json.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
        for json in [r#"{"auths":["S3CRET"]}"#, r#"{"auths":{"a":1,"a":2}}"#] {
            assert!(Document::parse(json.as_bytes()).unwrap().object("auths").is_err(), "{json}");
        }
        for json in ["", " \n", "{}", r#"{"auths":null}"#] {
            assert!(Document::parse(json.as_bytes()).unwrap().object("auths").is_ok(), "{json}");
        }
    }
}
