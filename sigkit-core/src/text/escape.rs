//! Makes text from registries, certificates and files harmless to a terminal.

use std::convert::Infallible;
use std::fmt::Write as _;

/// Returns `text` with every character that a terminal could obey, or that a reader could not see, written as an escape.
///
/// Line feeds and tabs stay. Escaped are the other C0 controls, DEL, the C1 controls (ECMA-48), bidirectional controls (UAX 9)
/// and zero-width characters.
pub fn multi_line(text: &str) -> String {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

/// Returns the same for text that must stay on its line: line feeds and tabs are escaped too.
///
/// ```
/// use sigkit_core::text::escape;
///
/// assert_eq!(escape::one_line("app\u{1b}[2J\n\u{202e}"), r"app\u{1b}[2J\n\u{202e}");
/// ```
pub fn one_line(text: &str) -> String {
    escape(text, |_| false)
}

/// Returns JSON whose strings hold no such character as it is, and are the same strings.
///
/// Outside of strings JSON has none of them but line feeds, carriage returns and tabs, which stay.
///
/// ```
/// use sigkit_core::text::escape;
///
/// let shown = escape::json("{\"a\":\"\u{202e}\"}");
/// assert_eq!(shown, r#"{"a":"\u202e"}"#);
/// ```
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut take = |piece: &str| {
        safe.push_str(piece);
        Ok::<_, Infallible>(())
    };
    json_pieces(text, &mut take).unwrap_or_default();
    safe
}

/// Passes the same to `take` in pieces, so that no copy of a large document is made.
///
/// # Errors
/// Those of `take`.
pub fn json_pieces<E>(text: &str, take: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut from = 0;
    let treacherous = |(_, c): &(usize, char)| is_treacherous(*c) && !matches!(c, '\n' | '\r' | '\t');
    for (at, c) in text.char_indices().filter(treacherous) {
        take(text.get(from..at).unwrap_or_default())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            take(&format!("\\u{unit:04x}"))?;
        }
        from = at.saturating_add(c.len_utf8());
    }
    take(text.get(from..).unwrap_or_default())
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if stays(c) || !is_treacherous(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            // Writing to a String cannot fail.
            c => write!(safe, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default(),
        }
    }
    safe
}

const fn is_treacherous(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: L01
    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        for code in (0..0x3000).chain(0xfe00..0xffff).chain(0xe_0000..0xe_0080) {
            let Some(c) = char::from_u32(code) else { continue };
            let shown = multi_line(&format!("a{c}b"));
            for out in shown.chars() {
                let code = u32::from(out);
                assert!(code >= 0x20 || out == '\n' || out == '\t', "U+{code:04X}");
                assert!(!(0x7f..=0x9f).contains(&code), "U+{code:04X}");
                assert!(!(0x202a..=0x202e).contains(&code) && !(0x2066..=0x2069).contains(&code), "U+{code:04X}");
                assert!(!(0x200b..=0x200f).contains(&code) && code != 0xfeff, "U+{code:04X}");
            }
        }
    }

    // threat: R41
    #[test]
    fn json_is_the_same_and_harmless() {
        let text = "\u{9b}31m \u{7f}\u{202e}\u{200b}\u{2066}\u{ad}\u{feff}\u{e0041} é 漢字 🙂 \u{1b}[2J\r\n";
        let given = serde_json::to_string(&serde_json::json!({ text: [text] })).unwrap();
        let shown = json(&given);
        assert_eq!(one_line(&shown), shown);
        assert!(
            shown.contains("\\u009b31m") && shown.contains("\\udb40\\udc41") && shown.contains("漢字 🙂"),
            "{shown}"
        );
        let (given, shown): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&given).unwrap(), serde_json::from_str(&shown).unwrap());
        assert_eq!(given, shown);
        assert_eq!(json("{\n\t\"a\":\r\n1}"), "{\n\t\"a\":\r\n1}");
    }

    // threat: L01
    #[test]
    fn an_escape_shows_what_was_there() {
        for (given, shown) in [
            ("\x1b[2J", "\\u{1b}[2J"),
            ("\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
            ("denied\rVerified OK", "denied\\rVerified OK"),
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("user\u{202e}moc.live", "user\\u{202e}moc.live"),
            ("pay\u{200b}pal", "pay\\u{200b}pal"),
            ("grün 漢字 🙂 e\u{301}", "grün 漢字 🙂 e\u{301}"),
        ] {
            assert_eq!(multi_line(given), shown);
            assert_eq!(one_line(given), shown);
        }
        assert_eq!(multi_line("a\n\tb"), "a\n\tb");
        assert_eq!(one_line("a\n\tb"), "a\\n\\tb");
    }
}
