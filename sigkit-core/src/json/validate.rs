//! Text of JSON values that is kept as it is.
//!
//! serde_json checks only that such text follows the grammar. Here it is held to what holds for all other values:
//! no object repeats a member, strings are Unicode, numbers have a value, and nesting ends. Documents of many megabytes pass through,
//! so nothing is built of them.

use std::borrow::Cow;

use super::member_names::MemberNames;

/// Nesting from which on text is refused; serde_json's bound for what it reads.
pub(super) const MAX_DEPTH: usize = 128;
/// Digits of the longest number that has a value whatever its digits are.
const MAX_UNCHECKED_DIGITS: usize = 300;
/// Names of members in objects that are open at the same time, each of which takes several times its bytes.
const MAX_OPEN_NAMES: usize = 200_000;
/// As many bytes of a name with escapes, which is copied, count as one more name.
const NAME_BYTES: usize = 64;

/// The message for an escape that is not a character.
const LONE_SURROGATE: &str = "half of a surrogate pair";

/// Whether the escapes of a string, of which the grammar is known to be right, are characters; nothing is copied.
fn pairs(text: &str) -> Result<(), String> {
    let mut rest = text.as_bytes();
    let unit = |rest: &[u8]| {
        let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while let Some(at) = memchr::arch::all::memchr::One::new(b'\\').find(rest) {
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
    at: usize,
    frames: Vec<Frame<'a>>,
    /// Room for the names of more objects.
    pool: Vec<MemberNames<'a>>,
    /// Names in all levels.
    names: usize,
    /// Whether a string that comes now is the name of a member.
    name_next: bool,
}

/// Checks the text of one value, of which the grammar is known to be right.
///
/// # Errors
/// What is wrong, with line and column.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut walk = Scanner { text, at: 0, frames: Vec::new(), pool: Vec::new(), names: 0, name_next: false };
    walk.run().map_err(|why| {
        let before = text.as_bytes().get(..walk.at).unwrap_or_default();
        let (mut line, mut column) = (1_usize, 0_usize);
        for byte in before {
            (line, column) =
                if *byte == b'\n' { (line.saturating_add(1), 0) } else { (line, column.saturating_add(1)) };
        }
        format!("{why} at line {line} column {column}")
    })
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            self.at = self.at.saturating_add(1);
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
        Ok(())
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
        let escaped = memchr::arch::all::memchr::One::new(b'\\').find(inner.as_bytes()).is_some();
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
    use serde::de::IgnoredAny;
    use serde_json::value::RawValue;

    use super::super::member_names::MAX_LINEAR_NAMES;
    use super::*;

    /// What the reader of all other values says.
    fn read(text: &str) -> Result<IgnoredAny, super::super::JsonError> {
        super::super::from_slice(text.as_bytes())
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
    fn nesting_ends_where_it_ends_for_other_values() {
        for depth in [1, 126, 127, 128, 129, 100_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(check(&text).is_ok(), depth < MAX_DEPTH, "{depth}");
                assert_eq!(read(&text).is_ok(), depth < MAX_DEPTH, "{depth}");
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
    fn says_what_the_reader_of_all_other_values_says() {
        let mut random = Random(7);
        let (mut right, mut wrong) = (0, 0);
        for _ in 0..20_000 {
            let text = random.value(4);
            let kept: Box<RawValue> = serde_json::from_str(&text).unwrap();
            let verdict = check(kept.get());
            assert_eq!(verdict.is_ok(), read(&text).is_ok(), "{text}: {verdict:?}");
            if verdict.is_ok() { right += 1 } else { wrong += 1 }
        }
        assert!(right > 2_000 && wrong > 2_000, "{right} right, {wrong} wrong");
    }
}
