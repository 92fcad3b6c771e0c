//! Documents so large that nothing of them may be copied except one text, which is decoded in place.

/// From here on a document is large; also the most that is copied of one. In bytes.
pub(super) const LARGE_BYTES: usize = 2 << 20;

/// Checks that a large document is one long text under `name`, written without escapes, and little besides: readers copy all
/// other texts, and those with escapes.
///
/// # Errors
/// What there is too much of.
pub(super) fn check(bytes: &[u8], name: &str) -> Result<(), String> {
    if bytes.len() <= LARGE_BYTES {
        return Ok(());
    }
    let (mut besides, mut before, mut rest) = (bytes.len(), &b""[..], bytes);
    while let Some(at) = memchr::arch::all::memchr::One::new(b'"').find(rest) {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        let text = rest.get(..super::string_end(rest)).unwrap_or_default();
        rest = rest.get(text.len().saturating_add(1)..).unwrap_or_default();
        if text.len() > LARGE_BYTES {
            if before != name.as_bytes() {
                let before: String = String::from_utf8_lossy(before).chars().take(100).collect();
                return Err(format!(
                    "expected no long text but that of {name:?}, found {} bytes after {before:?}",
                    text.len()
                ));
            }
            if memchr::arch::all::memchr::One::new(b'\\').find(text).is_some() {
                return Err(format!("expected a text of {} bytes without escapes in {name:?}", text.len()));
            }
            besides = besides.saturating_sub(text.len());
        }
        before = text;
    }
    match besides > LARGE_BYTES {
        true => Err(format!("expected at most {LARGE_BYTES} bytes beside {name:?}, found {besides}")),
        false => Ok(()),
    }
}

/// Refuses a large document that is nested more deeply than any may be: skipping a value remembers each level.
///
/// # Errors
/// That it is.
pub(super) fn check_depth(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() <= LARGE_BYTES {
        return Ok(());
    }
    let (mut depth, mut rest) = (0_usize, bytes);
    while let Some((byte, more)) = rest.split_first() {
        rest = match byte {
            b'"' => more.get(super::string_end(more).saturating_add(1)..).unwrap_or_default(),
            _ => more,
        };
        depth = match byte {
            b'[' | b'{' => depth.saturating_add(1),
            b']' | b'}' => depth.saturating_sub(1),
            _ => depth,
        };
        if depth > super::validate::MAX_DEPTH {
            return Err("recursion limit exceeded".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R32
    #[test]
    fn depth_of_large_documents_is_bounded() {
        let within =
            |depth: usize| format!("{}\"[{}\"{}", "[{\"\":".repeat(depth), "[".repeat(LARGE_BYTES), "}]".repeat(depth));
        assert!(check_depth(within(64).as_bytes()).is_ok());
        assert!(check_depth(within(65).as_bytes()).is_err());
        assert!(check_depth("[".repeat(LARGE_BYTES + 1).as_bytes()).is_err());
    }

    // threat: R32
    #[test]
    fn large_document_is_one_plain_text_and_little_else() {
        let long = "A".repeat(LARGE_BYTES + 4);
        let checked = |text: &str| check(text.as_bytes(), "payload");
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
}
