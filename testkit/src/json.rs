//! Just enough JSON to find a member: the registry copies values unchanged and never interprets them.

/// The raw text of the member reached by `path` from a top-level object, as in `document`.
pub(crate) fn member<'a>(document: &'a [u8], path: &[&str]) -> Option<&'a str> {
    let mut value = std::str::from_utf8(document).ok()?;
    for name in path {
        value = child(value, name)?;
    }
    Some(value)
}

/// The text of a string member, which must hold no escapes.
pub(crate) fn string<'a>(document: &'a [u8], path: &[&str]) -> Option<&'a str> {
    member(document, path)?.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
}

fn child<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = object.trim_start().strip_prefix('{')?;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if !rest.starts_with('"') {
            return None;
        }
        let key = skip(rest)?;
        let after = rest[key..].trim_start().strip_prefix(':')?.trim_start();
        let value = skip(after)?;
        if rest[1..key - 1] == *name {
            return Some(after[..value].trim_end());
        }
        rest = &after[value..];
    }
}

/// Length of the value that `text` begins with.
fn skip(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => continue,
            }
            if !in_string && depth == 0 {
                return Some(at + 1);
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_unchanged() {
        let document = br#" {"a" : "x\"}", "n":[1,{"b":2}], "s": {"digest":"sha256:ab","z":null} , "t":true}"#;
        assert_eq!(member(document, &["a"]), Some(r#""x\"}""#));
        assert_eq!(member(document, &["n"]), Some(r#"[1,{"b":2}]"#));
        assert_eq!(string(document, &["s", "digest"]), Some("sha256:ab"));
        assert_eq!(member(document, &["t"]), Some("true"));
        assert_eq!(member(document, &["none"]), None);
        assert_eq!(member(b"hello", &["a"]), None);
        assert_eq!(string(document, &["a"]), None);
    }
}
