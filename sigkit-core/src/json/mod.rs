//! JSON of documents that carry trust: read strictly, or not at all.
//!
//! RFC 8259 leaves the meaning of a repeated member open, and parsers differ; here it is an error at every depth. Bytes after
//! the document, nesting deeper than 128, an array where an object belongs, and names of members that mean something to the parser
//! itself are errors too.

mod member_names;
mod objects;
mod spelling;
mod validate;

#[cfg(feature = "policy-files")]
pub(crate) use member_names::check as check_name;
pub(crate) use objects::CowStr;
#[cfg(feature = "policy-files")]
pub(crate) use objects::Objects;
pub(crate) use spelling::refuse_others;

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::error::Category;

use self::validate::{Bounds, Fault, FaultKind};
use crate::cause::{LikelyCause, TextFormat, likely_cause};

/// Why bytes are not the JSON document they should be; the text names line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct JsonError {
    text: String,
    /// The bound on values that the document exceeds, which is then all that is known about it.
    exceeds: Option<usize>,
}

impl JsonError {
    /// What is wrong with `bytes`, and what probably happened to them.
    fn explained(error: &serde_json::Error, bytes: &[u8]) -> Self {
        let cause = match error.classify() {
            // What the document says is wrong, not how it is written, except for one that was put into a text.
            Category::Data => {
                likely_cause(bytes, TextFormat::Json).filter(|_| bytes.trim_ascii_start().starts_with(b"\""))
            }
            Category::Eof => likely_cause(bytes, TextFormat::Json).or(Some(LikelyCause::CutOff)),
            Category::Io | Category::Syntax => likely_cause(bytes, TextFormat::Json),
        };
        let of = Self::of(error, cause);
        let begins_otherwise = error.classify() == Category::Syntax && (error.line(), error.column()) <= (1, 1);
        if begins_otherwise { Self { text: format!("not JSON: {}", of.text), ..of } } else { of }
    }

    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), exceeds: None }
    }

    /// What is wrong with a text, unless it stops being JSON before that.
    fn of_fault(fault: Fault, text: &str, bounds: Bounds<'_>) -> Self {
        let (line, column) = fault.position;
        match (serde_json::from_str::<IgnoredAny>(text), fault.kind) {
            (Err(error), _) if (error.line(), error.column()) < (line, column) => {
                Self::explained(&error, text.as_bytes())
            }
            (_, FaultKind::Values) => {
                Self { text: format!("more than {} values", bounds.values), exceeds: Some(bounds.values) }
            }
            (_, FaultKind::Text(why)) => Self::new(format!("{why} at line {line} column {column}")),
        }
    }

    fn of(error: &serde_json::Error, cause: Option<LikelyCause>) -> Self {
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        Self { text: format!("{}{cause}", plain(&error.to_string())), exceeds: None }
    }

    pub(crate) const fn exceeds(&self) -> Option<usize> {
        self.exceeds
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self::of(&error, None)
    }
}

/// The words of the parser without the names of this program's types, and without more of the document than shows where it is.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, name)) =
        ["struct ", "enum "].iter().filter_map(|word| rest.split_once(word)).min_by_key(|(before, _)| before.len())
    {
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
        plain.push_str(before);
        plain.push_str(if is_type { "an object" } else { "struct " });
        rest = name.get(if is_type { end } else { 0 }..).unwrap_or_default();
    }
    plain.push_str(rest);
    if plain.chars().count() <= MAX_ERROR_CHARS {
        return plain;
    }
    let place = plain.rfind(" at line ").and_then(|at| plain.get(at..)).unwrap_or_default().to_owned();
    let beginning: String = plain.chars().take(MAX_ERROR_CHARS / 2).collect();
    format!("{beginning}…{place}")
}

/// Longest error of the parser that is shown whole, in characters: it repeats values of the document.
const MAX_ERROR_CHARS: usize = 400;

/// Reads one document of type `T`, which may borrow from the bytes.
pub(crate) fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JsonError> {
    read(bytes, Bounds::NONE)
}

/// Reads one document of at most so many values: objects, lists, strings, numbers and literals at every depth. In memory a value may
/// take a hundred times the bytes in which it is written, so that a bound on the bytes alone bounds little.
pub(crate) fn from_slice_within<'a, T: Deserialize<'a>>(bytes: &'a [u8], most: usize) -> Result<T, JsonError> {
    read(bytes, Bounds { values: most, ..Bounds::NONE })
}

/// The same for a document that may be large, of which nothing is copied but little texts: all of it but those is one text called
/// `name`, written without escapes.
pub(crate) fn from_large_slice_within<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    most: usize,
    name: &'a str,
) -> Result<T, JsonError> {
    read(bytes, Bounds { values: most, long_text: Some(name) })
}

/// Checks the text, and reads it as serde does, except that a struct is an object.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], bounds: Bounds<'a>) -> Result<T, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let grammar = serde_json::from_slice::<IgnoredAny>(bytes).err();
        let cause = || JsonError::new(format!("not UTF-8 from byte {} on", error.valid_up_to()));
        grammar.map_or_else(cause, |error| JsonError::explained(&error, bytes))
    })?;
    validate::check(text, bounds).map_err(|fault| JsonError::of_fault(fault, text, bounds))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = objects::read(&mut deserializer).map_err(|error| JsonError::explained(&error, bytes))?;
    deserializer.end().map_err(|error| match many(bytes) {
        true => JsonError::of(&error, Some(LikelyCause::Several)),
        false => JsonError::explained(&error, bytes),
    })?;
    Ok(document)
}

/// Whether another document follows the first.
fn many(bytes: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    documents.next().is_some_and(|first| first.is_ok()) && documents.next().is_some_and(|next| next.is_ok())
}

/// Whether so many bytes are more than anything but one text of a document may have.
pub(crate) const fn is_large(bytes: usize) -> bool {
    bytes > validate::LARGE_BYTES
}

/// Where `part`, which was borrowed from `whole`, is in it.
pub(crate) fn position(whole: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Where the string ends that begins here: at its closing quote, or with the text.
fn string_end(text: &[u8]) -> usize {
    let mut from = 0_usize;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        from = from.saturating_add(at);
        if text.get(from) == Some(&b'"') {
            return from;
        }
        from = from.saturating_add(2);
    }
    text.len()
}

/// Go writes an absent map as `null`, and reads a text that is `null` as none.
pub(crate) fn null_is_empty<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let map: Option<BTreeMap<String, Option<String>>> = Option::deserialize(deserializer)?;
    Ok(map.unwrap_or_default().into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// Writes compact JSON as Go's `encoding/json` does, which is what cosign signs: members in the order of the type, and
/// `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub(crate) fn to_go_string(value: &impl serde::Serialize) -> Result<String, JsonError> {
    // Outside strings none of these characters can occur in JSON, so replacing them in the text is exact.
    Ok(serde_json::to_string(value)?
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_no_type_of_this_program_and_no_whole_document() {
        #[derive(Debug, serde::Deserialize)]
        struct Wire {
            #[expect(dead_code, reason = "it is only read")]
            member: String,
        }
        let error = |text: &str| from_slice::<Wire>(text.as_bytes()).unwrap_err().to_string();
        for text in ["3", "\"text\"", "null", r#""{\"member\":\"x\"}""#] {
            let said = error(text);
            assert!(!said.contains("Wire") && said.contains("an object"), "{said}");
        }
        assert!(error(r#""{\"member\":\"x\"}""#).ends_with("decode it with `jq -r .`"));
        let long = error(&format!("\"{}\"", "x".repeat(10_000)));
        assert!(long.len() < 400 && long.contains("… at line 1 column"), "{long}");
        assert_eq!(plain("a struct of its own"), "a struct of its own");
        assert!(error("{\"member\":").ends_with(": its end is missing: it was probably cut off"));
        assert!(error("{\"member\":\"a\"}\n{\"member\":\"b\"}").ends_with("give one, each in a file of its own"));
    }

    // threat: D09
    #[test]
    fn a_repeated_member_is_refused_at_every_depth() {
        for text in
            [r#"{"a":1,"a":2}"#, r#"{"x":{"b":null,"b":null}}"#, r#"[{"c":[],"c":[]}]"#, r#"{"a":1,"\u0061":2}"#]
        {
            let error = from_slice::<serde_json::Value>(text.as_bytes()).expect_err(text);
            assert!(error.to_string().contains("appears twice"), "{text}: {error}");
        }
        assert!(from_slice::<serde_json::Value>(br#"{"a":{"a":1},"b":{"a":2}}"#).is_ok());
        // However many members there are, and wherever the second one is.
        let members = |twice: usize| {
            let names = (0..40).chain([twice]).map(|name| format!(r#""{name}":0"#));
            format!("{{{}}}", names.collect::<Vec<_>>().join(","))
        };
        for twice in [0, 15, 16, 39] {
            assert!(from_slice::<serde_json::Value>(members(twice).as_bytes()).is_err(), "{twice}");
        }
        assert!(from_slice::<serde_json::Value>(members(40).as_bytes()).is_ok());
    }

    // threat: D09
    #[test]
    fn repeated_member_is_refused_where_it_is_not_read() {
        let document = |raw: &str, unknown: &str| {
            let text = format!(r#"{{"list":[],"raw":{raw},"kind":"Plain","unknown":{unknown}}}"#);
            from_slice::<Outer>(text.as_bytes()).map(|outer| outer.raw.get().to_owned())
        };
        let (good, bad) = (r#"[{"x":{"y":1}}]"#, r#"[{"x":{"y":1,"y":1}}]"#);
        assert_eq!(document(good, good).unwrap(), good);
        for (raw, unknown) in [(bad, good), (good, bad), (good, "[1e999]"), ("[1e999]", good), (good, "[tru]")] {
            assert!(document(raw, unknown).is_err(), "{raw} {unknown}");
        }
        let borrowed = from_slice::<BTreeMap<&str, &serde_json::value::RawValue>>(br#"{"a":{"b":[ ]}}"#).unwrap();
        assert_eq!(borrowed["a"].get(), r#"{"b":[ ]}"#);
        assert!(from_slice::<BTreeMap<&str, &serde_json::value::RawValue>>(br#"{"a":{"b":1,"b":2}}"#).is_err());
    }

    // threat: R18
    #[test]
    fn parser_member_name_is_refused_at_every_depth() {
        for token in ["RawValue", "Number", "Datetime", ""] {
            for name in [format!("$serde_json::private::{token}"), format!("\\u0024serde_json::private\\u003a:{token}")]
            {
                for text in [
                    format!(r#"{{"{name}":"[1]"}}"#),
                    format!(r#"{{"{name}":"5","a":1}}"#),
                    format!(r#"{{"a":1,"{name}":"5"}}"#),
                    format!(r#"{{"a":[{{"b":{{"{name}":"{{\"a\":1,\"a\":2}}"}}}}]}}"#),
                ] {
                    let error = from_slice::<serde_json::Value>(text.as_bytes()).expect_err(&text);
                    assert!(error.to_string().contains("is refused"), "{text}: {error}");
                    // Also where it is not read, where it is kept as text, and where a type names its members.
                    let outer = format!(r#"{{"list":[],"raw":{text},"kind":"Plain"}}"#);
                    assert!(from_slice::<Outer>(outer.as_bytes()).is_err(), "{outer}");
                    let outer = format!(r#"{{"list":[],"raw":1,"kind":"Plain","unknown":{text}}}"#);
                    assert!(from_slice::<Outer>(outer.as_bytes()).is_err(), "{outer}");
                    assert!(from_slice::<serde::de::IgnoredAny>(text.as_bytes()).is_err(), "{text}");
                    assert!(from_slice::<BTreeMap<String, serde::de::IgnoredAny>>(text.as_bytes()).is_err(), "{text}");
                }
            }
        }
        let text = br#"{"serde_json::private::RawValue":"$serde_json::private::RawValue","$schema":"x"}"#;
        assert!(from_slice::<serde_json::Value>(text).is_ok());
    }

    // threat: F02
    #[test]
    fn values_are_counted_at_every_depth() {
        for (text, values) in [
            ("1", 1),
            ("[ ]", 1),
            ("[[],[\n]]", 3),
            (r#"{"a":"]","b,":",{\"[\\"}"#, 3),
            (r#"{"a":[1,-2,3.5,"x",null,true],"b" : {"c":[[]]}}"#, 11),
        ] {
            let read = |most| from_slice_within::<serde_json::Value>(text.as_bytes(), most);
            assert!(read(values).is_ok(), "{text}");
            assert_eq!(read(values - 1).unwrap_err().exceeds(), Some(values - 1), "{text}");
        }
        assert_eq!(from_slice_within::<serde_json::Value>(b"[1,", 9).unwrap_err().exceeds(), None);
        for text in ["\"", "\"\\", "[\"a\\\"", ""] {
            assert!(from_slice_within::<serde_json::Value>(text.as_bytes(), 9).is_err(), "{text}");
        }
    }

    // threat: D11
    // threat: D12
    #[test]
    fn oddities_are_errors_and_never_panics() {
        let deep = "[".repeat(100_000);
        for text in
            ["", "{", "NaN", "1e999", "{} {}", "\u{feff}{}", "/*c*/{}", "{'a':1}", "\"\\ud800\"", "[1,]", "01", &deep]
        {
            assert!(from_slice::<serde_json::Value>(text.as_bytes()).is_err(), "{}", &text[..text.len().min(20)]);
        }
        assert!(from_slice::<serde_json::Value>(b"\xff").is_err());
    }

    #[derive(Debug, serde::Deserialize)]
    struct Outer {
        list: Vec<Inner>,
        inner: Option<Inner>,
        raw: Box<serde_json::value::RawValue>,
        kind: Kind,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        #[serde(default)]
        name: String,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Kind {
        Plain,
        With { inner: Inner },
    }

    impl PartialEq<&str> for Inner {
        fn eq(&self, other: &&str) -> bool {
            self.name == *other
        }
    }

    // threat: D13
    // threat: N04
    #[test]
    fn array_is_not_an_object() {
        let good = r#"{"list":[{"name":"a"},{}],"inner":{"name":"b"},"raw":[{"x":[1]}],"kind":{"With":{"inner":{}}}}"#;
        let read = |text: &str| from_slice::<Outer>(text.as_bytes());
        let outer = read(good).unwrap();
        assert_eq!(outer.list, ["a", ""]);
        assert_eq!(outer.inner.unwrap(), "b");
        assert_eq!(outer.raw.get(), r#"[{"x":[1]}]"#);
        assert_eq!(outer.kind, Kind::With { inner: Inner { name: String::new() } });
        assert_eq!(read(&good.replace(r#"{"With":{"inner":{}}}"#, r#""Plain""#)).unwrap().kind, Kind::Plain);
        for (object, array) in [
            (r#"{"name":"a"}"#, r#"["a"]"#),
            (r#"{"name":"b"}"#, r#"["b"]"#),
            (r#"{"inner":{}}"#, r#"{"inner":[]}"#),
            (r#"{"inner":{}}"#, "[{}]"),
        ] {
            let text = good.replace(object, array);
            assert_ne!(text, good);
            assert!(read(&text).is_err(), "{text}");
        }
        assert!(read(r#"[[],null,1,"Plain"]"#).is_err());
    }

    #[test]
    fn writes_what_go_writes() {
        assert_eq!(to_go_string(&["<a>&\u{2028}\u{2029}é"]).unwrap(), "[\"\\u003ca\\u003e\\u0026\\u2028\\u2029é\"]");
    }
}
