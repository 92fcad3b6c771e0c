//! Text from elsewhere within a message of ours.

/// Characters of a text that a message repeats.
const MAX_QUOTED_CHARS: usize = 200;

/// The beginning of a text, as much of it as a message repeats.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(MAX_QUOTED_CHARS).collect()
}

/// The text in quotation marks, and everything but printable ASCII as `\u{...}`, so that look-alikes show; cut to 200 characters.
pub(crate) fn quoted(text: &str) -> String {
    quote(text, |byte| byte != b'\\')
}

/// The same for what the caller required: a backslash stays as it was written, since most are those of regular expressions.
pub(crate) fn quoted_pattern(text: &str) -> String {
    quote(text, |_| true)
}

fn quote(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && stays(byte);
    if text.len() <= MAX_QUOTED_CHARS && text.bytes().all(plain) {
        return format!("\"{text}\"");
    }
    let shown = text.chars().take(MAX_QUOTED_CHARS).map(|c| match u8::try_from(c) {
        Ok(byte) if plain(byte) => c.to_string(),
        _ => c.escape_unicode().to_string(),
    });
    format!("\"{}\"", shown.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_printable_and_short() {
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("\"\\\n\u{e9}"), r#""\u{22}\u{5c}\u{a}\u{e9}""#);
        assert_eq!(quoted(&"a".repeat(200)), format!("\"{}\"", "a".repeat(200)));
        assert_eq!(quoted(&"a".repeat(300)), format!("\"{}\"", "a".repeat(200)));
        assert_eq!(quoted_pattern(r"a\.b"), r#""a\.b""#);
    }
}
