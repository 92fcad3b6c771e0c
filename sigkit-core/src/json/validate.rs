//! The one pass over a JSON text that says whether it means the same to every reader.
//!
//! serde_json checks the grammar, and no more. Here no object repeats a member, strings are Unicode, numbers have a value, nesting ends,
//! and there are at most as many values as allowed. Documents of many megabytes are checked, so nothing is built of them.

use std::borrow::Cow;

use super::member_names::MemberNames;

/// Nesting from which on text is refused; serde_json's bound for what it reads.
pub(super) const MAX_DEPTH: usize = 128;
/// From here on a document is large; also the most that is copied of one. In bytes.
pub(super) const LARGE_BYTES: usize = 2 << 20;
/// Digits of the longest number that has a value whatever its digits are.
const MAX_UNCHECKED_DIGITS: usize = 300;
/// Names of members in objects that are open at the same time, each of which takes several times its bytes.
const MAX_OPEN_NAMES: usize = 200_000;
/// As many bytes of a name with escapes, which is copied, count as one more name.
const NAME_BYTES: usize = 64;

/// The message for an escape that is not a character.
const LONE_SURROGATE: &str = "half of a surrogate pair";

/// What a document may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'n> {
    /// The most values: objects, lists, strings, numbers and literals at every depth.
    pub(super) values: usize,
    /// The member with the one text of a large document that may be long; it has no escapes, so that readers need not copy it.
    pub(super) long_text: Option<&'n str>,
}

impl Bounds<'_> {
    pub(super) const NONE: Self = Self { values: usize::MAX, long_text: None };
}

/// The first thing that is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// Line and column behind it, as serde_json counts them.
    pub(super) position: (usize, usize),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// There are more values than allowed.
    Values,
    /// What is wrong.
    Text(String),
}

impl From<String> for FaultKind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Whether the escapes of a string, of which the grammar is known to be right, are characters; nothing is copied.
fn pairs(text: &str) -> Result<(), String> {
    let mut rest = text.as_bytes();
    let unit = |rest: &[u8]| {
        let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while let Some(at) = memchr::memchr(b'\\', rest) {
        rest = rest.get(at..).unwrap_or_default();
        let length = match unit(rest) {
            None => 2,
            Some(0xd800..=0xdbff) => match rest.get(6..).and_then(unit) {
                Some(0xdc00..=0xdfff) => 12,
                _ => return Err(LONE_SURROGATE.to_owned()),
            },
            Some(0xdc00..=0xdfff) => return Err(LONE_SURROGATE.to_owned()),
            Some(_) => 6,
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// What encloses a value.
enum Frame<'a> {
    List,
    /// With the number of its names.
    Object(MemberNames<'a>, usize),
}

struct Scanner<'a> {
    text: &'a str,
    bounds: Bounds<'a>,
    at: usize,
    frames: Vec<Frame<'a>>,
    /// Room for the names of more objects.
    pool: Vec<MemberNames<'a>>,
    /// Names in all levels.
    names: usize,
    /// Whether a string that comes now is the name of a member.
    name_next: bool,
    /// Whether a value that comes now is the first within its brackets.
    first_next: bool,
    values: usize,
    /// The last string, and the bytes of all but long texts.
    last: &'a str,
    besides: usize,
}

/// Checks a text. Of one that does not follow the grammar, the result says nothing that matters.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check<'a>(text: &'a str, bounds: Bounds<'a>) -> Result<(), Fault> {
    let mut scanner = Scanner {
        text,
        bounds,
        at: 0,
        frames: Vec::new(),
        pool: Vec::new(),
        names: 0,
        name_next: false,
        first_next: false,
        values: 1,
        last: "",
        besides: text.len(),
    };
    scanner.run().map_err(|kind| {
        let before = text.as_bytes().get(..scanner.at).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at.saturating_add(1));
        let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
        Fault { kind, position: (line, before.len().saturating_sub(line_start)) }
    })
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), FaultKind> {
        if self.values > self.bounds.values {
            return Err(FaultKind::Values);
        }
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            self.at = self.at.saturating_add(1);
            // Every value but the first of all follows a comma, or is the first within its brackets.
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => continue,
                b',' => self.count()?,
                b']' | b'}' => {}
                _ if self.first_next => self.count()?,
                _ => {}
            }
            self.first_next = matches!(byte, b'[' | b'{');
            match byte {
                b'"' => self.string()?,
                b'{' => {
                    let names = self.pool.pop().unwrap_or_default();
                    self.open(Frame::Object(names, 0))?;
                }
                b'[' => self.open(Frame::List)?,
                b'}' | b']' => self.close(),
                b',' => self.name_next = matches!(self.frames.last(), Some(Frame::Object(..))),
                b'-' | b'0'..=b'9' => self.number()?,
                _ => {}
            }
        }
        match self.bounds.long_text {
            Some(name) if self.besides > LARGE_BYTES => {
                Err(format!("expected at most {LARGE_BYTES} bytes beside {name:?}, found {}", self.besides).into())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self) -> Result<(), FaultKind> {
        self.values = self.values.saturating_add(1);
        if self.values > self.bounds.values { Err(FaultKind::Values) } else { Ok(()) }
    }

    fn open(&mut self, level: Frame<'a>) -> Result<(), String> {
        self.name_next = matches!(level, Frame::Object(..));
        self.frames.push(level);
        if self.frames.len() < MAX_DEPTH { Ok(()) } else { Err("recursion limit exceeded".to_owned()) }
    }

    fn close(&mut self) {
        self.name_next = false;
        if let Some(Frame::Object(names, count)) = self.frames.pop() {
            self.names = self.names.saturating_sub(count);
            self.pool.push(names.cleared());
        }
    }

    /// A string, behind its opening quote.
    fn string(&mut self) -> Result<(), String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let inner = rest.get(..super::string_end(rest.as_bytes())).unwrap_or_default();
        let quoted = self.text.get(self.at.saturating_sub(1)..self.at.saturating_add(inner.len()).saturating_add(1));
        self.at = self.at.saturating_add(inner.len()).saturating_add(1);
        let escaped = memchr::memchr(b'\\', inner.as_bytes()).is_some();
        let before = std::mem::replace(&mut self.last, inner);
        if let Some(name) = self.bounds.long_text.filter(|_| inner.len() > LARGE_BYTES) {
            if before != name {
                let before: String = before.chars().take(100).collect();
                let found = inner.len();
                return Err(format!(
                    "expected no long text but that of {name:?}, found {found} bytes after {before:?}"
                ));
            }
            if escaped {
                return Err(format!("expected a text of {} bytes without escapes in {name:?}", inner.len()));
            }
            self.besides = self.besides.saturating_sub(inner.len());
        }
        let is_name = std::mem::take(&mut self.name_next);
        let (true, Some(Frame::Object(names, count))) = (is_name, self.frames.last_mut()) else {
            return if escaped { pairs(inner) } else { Ok(()) };
        };
        let cost = if escaped { inner.len().saturating_div(NAME_BYTES).saturating_add(1) } else { 1 };
        *count = count.saturating_add(cost);
        self.names = self.names.saturating_add(cost);
        if self.names > MAX_OPEN_NAMES {
            return Err(format!("more than {MAX_OPEN_NAMES} members in objects within each other"));
        }
        let name = match escaped {
            true => match serde_json::from_str(quoted.unwrap_or_default()) {
                Ok(name) => Cow::Owned(name),
                Err(_) => return Err(LONE_SURROGATE.to_owned()),
            },
            false => Cow::Borrowed(inner),
        };
        names.add(name)
    }

    /// A number, behind its first character.
    fn number(&mut self) -> Result<(), String> {
        let start = self.at.saturating_sub(1);
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length =
            rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')).count();
        self.at = self.at.saturating_add(length);
        let number = self.text.get(start..self.at).unwrap_or_default();
        if number.len() <= MAX_UNCHECKED_DIGITS && !number.contains(['e', 'E']) {
            return Ok(());
        }
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(()),
            _ => Err("number out of range".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

    use super::super::member_names::MAX_LINEAR_NAMES;
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        within(text, Bounds::NONE)
    }

    fn within(text: &str, bounds: Bounds<'_>) -> Result<(), String> {
        super::check(text, bounds).map_err(|fault| match fault.kind {
            FaultKind::Values => "values".to_owned(),
            FaultKind::Text(why) => format!("{why} at line {} column {}", fault.position.0, fault.position.1),
        })
    }

    /// What serde_json makes of a text, with all names of an object compared.
    struct Oracle;

    impl<'de> Deserialize<'de> for Oracle {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Self)
        }
    }

    impl<'de> Visitor<'de> for Oracle {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_unit<E>(self) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
            while let Some(Oracle) = seq.next_element()? {}
            Ok(self)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
            let mut names = HashSet::new();
            while let Some((name, Oracle)) = map.next_entry::<String, _>()? {
                if !names.insert(name) {
                    return Err(A::Error::custom("twice"));
                }
            }
            Ok(self)
        }
    }

    // threat: D09
    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, why) in [
            (r#"{"a":{"b":1},"c":[{"b":1,"b":2}]}"#, r#"member "b" appears twice at line 1 column 28"#),
            ("{\"a\":1,\n \"\\u0061\":2}", r#"member "a" appears twice at line 2 column 9"#),
            ("[1e999]", "number out of range at line 1 column 6"),
            (r#"["\ud800"]"#, "half of a surrogate pair at line 1 column 9"),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
    }

    // threat: D11
    #[test]
    fn nesting_ends_where_it_ends_for_serde() {
        for depth in [1, 126, 127, 128, 129, 100_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(check(&text).is_ok(), depth < MAX_DEPTH, "{depth}");
                assert_eq!(serde_json::from_str::<Oracle>(&text).is_ok(), depth < MAX_DEPTH, "{depth}");
            }
        }
    }

    #[test]
    fn many_members_are_compared_like_few() {
        for members in [MAX_LINEAR_NAMES - 1, MAX_LINEAR_NAMES, MAX_LINEAR_NAMES + 1, 40] {
            for twice in [0, MAX_LINEAR_NAMES - 2, MAX_LINEAR_NAMES - 1, members - 1, members] {
                let names = (0..members).chain([twice]).map(|name| format!(r#""{name}":{{"0":[]}}"#));
                // The next object may have the same names again.
                let again = (0..members).map(|name| format!(r#""{name}":0"#)).collect::<Vec<_>>().join(",");
                let text = format!("[{{{}}},{{{again}}}]", names.collect::<Vec<_>>().join(","));
                assert_eq!(check(&text).is_ok(), twice == members, "{members} {twice}");
            }
        }
    }

    // threat: R32
    #[test]
    fn names_of_open_objects_are_bounded_together() {
        let members = |from: usize, count: usize| {
            (from..from + count).map(|name| format!(r#""{name:x}":0"#)).collect::<Vec<_>>().join(",")
        };
        let half = MAX_OPEN_NAMES / 2;
        let one = |count| format!("{{{}}}", members(0, count));
        let within = |count| format!(r#"{{{},"x":[{{{}}}]}}"#, members(0, count), members(0, count));
        assert!(check(&one(MAX_OPEN_NAMES)).is_ok() && check(&format!("[{},{}]", one(half + 1), one(half))).is_ok());
        assert!(check(&within(half - 1)).is_ok());
        for text in
            [one(MAX_OPEN_NAMES + 1), within(half), format!(r#"{{"\\{}":0}}"#, "x".repeat(MAX_OPEN_NAMES * NAME_BYTES))]
        {
            let why = check(&text).unwrap_err();
            assert!(why.starts_with("more than 200000 members in objects within each other"), "{why}");
        }
        let names = MemberNames { many: (0..2000).collect(), ..MemberNames::default() };
        assert_eq!(names.cleared().many.capacity(), 0);
    }

    /// Random documents of few words, so that many are odd.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
            texts[usize::try_from(self.below(texts.len() as u64)).unwrap()]
        }

        fn string(&mut self) -> &'static str {
            self.of(&[
                r#""a""#,
                r#""b""#,
                r#""\u0061""#,
                r#""c\"""#,
                r#""\\""#,
                r#""""#,
                r#""\ud83d\ude00""#,
                r#""{[,:""#,
                r#""\udc00""#,
            ])
        }

        fn value(&mut self, depth: u32) -> String {
            let space = self.of(&["", "", " ", "\n\t"]);
            match self.below(if depth == 0 { 3 } else { 5 }) {
                0 => self.string().to_owned(),
                1 => self
                    .of(&[
                        "0",
                        "-1.5e3",
                        "true",
                        "false",
                        "null",
                        "12345678901234567890123",
                        "1e-999",
                        "1E308",
                        "2e308",
                    ])
                    .to_owned(),
                2 => self.of(&["[]", "{}", "[ ]", "{ }"]).to_owned(),
                3 => {
                    let values: Vec<String> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
                    format!("{space}[{}{space}]", values.join(","))
                }
                _ => {
                    let members =
                        (0..self.below(4)).map(|_| format!("{}{space}:{}", self.string(), self.value(depth - 1)));
                    format!("{{{space}{}}}{space}", members.collect::<Vec<_>>().join(","))
                }
            }
        }
    }

    // threat: D09
    // threat: D12
    #[test]
    fn random_text_is_refused_exactly_where_serde_or_a_set_would() {
        let mut random = Random(7);
        let (mut right, mut wrong) = (0, 0);
        for _ in 0..20_000 {
            let text = random.value(4);
            let verdict = check(&text);
            assert_eq!(verdict.is_ok(), serde_json::from_str::<Oracle>(&text).is_ok(), "{text}: {verdict:?}");
            if verdict.is_ok() { right += 1 } else { wrong += 1 }
        }
        assert!(right > 2_000 && wrong > 2_000, "{right} right, {wrong} wrong");
    }

    // threat: R32
    #[test]
    fn large_document_is_one_plain_text_and_little_else() {
        let long = "A".repeat(LARGE_BYTES + 4);
        let checked = |text: &str| within(text, Bounds { long_text: Some("payload"), ..Bounds::NONE });
        for text in [
            format!(r#"{{"payload":"{long}"}}"#),
            format!(r#"{{"a":{{"payload" : "{long}"}},"payloadType":"a\u0041","b":[1,"{{\""]}}"#),
            format!(r#"{{"x":"\\{}"}}"#, &long[20..]),
        ] {
            assert_eq!(checked(&text), Ok(()), "{:.60}", text);
        }
        for (text, why) in [
            (format!(r#"{{"payloadType":"{long}"}}"#), "after \"payloadType\""),
            (format!(r#"["{long}"]"#), "after \"\""),
            (format!(r#"{{"payload":"\/{long}"}}"#), "without escapes"),
            (format!(r#"{{"payload":"{long}","x":[{}0]}}"#, "0,".repeat(LARGE_BYTES / 2)), "beside \"payload\""),
        ] {
            assert!(checked(&text).unwrap_err().contains(why), "{why}");
        }
    }

    #[test]
    fn what_comes_first_in_a_text_is_told() {
        let said = |text: &str| super::super::from_slice_within::<Vec<u8>>(text.as_bytes(), 4).unwrap_err().to_string();
        assert_eq!(said("[1,2,3,4,"), "more than 4 values");
        assert!(said("<a,b,c,d,e>").starts_with("not JSON: "), "{}", said("<a,b,c,d,e>"));
        assert!(said(r#"[{"a":1,"a" 2}]"#).starts_with("member \"a\" appears twice"));
        assert!(said(r#"[{"a" 1,"a":2}]"#).starts_with("expected `:`"));
    }
}
