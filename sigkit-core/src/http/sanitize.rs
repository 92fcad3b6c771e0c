//! Remote text on its way into an error message.

/// `text` with everything escaped that could act on a terminal or mislead a reader, cut to `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut shown: String = String::new();
    let mut characters = text.chars();
    for c in characters.by_ref().take(max) {
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Zero-width characters, bidirectional controls, line separators and tags.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: M9
    #[test]
    fn nothing_that_acts_on_a_terminal_remains() {
        let hostile = "\u{1b}[2J\u{1b}]0;x\u{7}\rVerified OK\u{9b}31m\u{202e}\u{200b}\u{7f}é\n";
        let shown = printable(hostile, 1000);
        assert!(shown.chars().all(|c| !c.is_control() && !is_invisible(c)), "{shown}");
        assert!(shown.contains("Verified OK") && shown.contains('é') && shown.starts_with("\\u{1b}[2J"));
    }

    #[test]
    fn is_cut() {
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
    }
}
