//! Breaks long lines where a terminal is narrow.

/// No line has less room than this, however far it is indented.
const MIN_ROOM: usize = 16;
/// A word that is cut begins on a line with this much room at least.
const MIN_PIECE: usize = 24;

/// Returns `text` in lines, of which the first begins at column `start` and the others at column `indent`; broken at spaces, and within words
/// that are longer than a line. Without a number of columns it stays one line.
///
/// ```
/// use sigkit_core::text::wrap;
///
/// let lines = wrap("words that need more than one line", 0, 2, Some(20));
/// assert_eq!(lines, ["words that need more", "than one line"]);
/// ```
pub fn wrap(text: &str, start: usize, indent: usize, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns else { return vec![text.to_owned()] };
    let room = |lines: &[String]| {
        let used = if lines.is_empty() { start } else { indent };
        columns.saturating_sub(used).max(MIN_ROOM)
    };
    let mut done: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let used = line.chars().count();
            let space = usize::from(used > 0);
            let left = room(&done).saturating_sub(used).saturating_sub(space);
            let length = word.chars().count();
            if length <= left {
                line.extend((space > 0).then_some(' '));
                line.push_str(word);
                break;
            }
            if used > 0 && (length <= columns.saturating_sub(indent).max(MIN_ROOM) || left < MIN_PIECE) {
                done.push(std::mem::take(&mut line));
                continue;
            }
            let at = cut(word, left);
            let (piece, rest) = word.split_at(at);
            line.extend((space > 0).then_some(' '));
            line.push_str(piece);
            done.push(std::mem::take(&mut line));
            word = rest;
        }
    }
    done.push(line);
    done
}

/// Returns a text of several lines, each wrapped, with further lines of each indented.
pub fn wrap_lines(text: &str, columns: Option<usize>) -> String {
    let wrapped = |line: &str| wrap(line, 0, 2, columns).join("\n  ");
    text.split('\n').map(wrapped).collect::<Vec<_>>().join("\n")
}

/// Where to cut a word so that at most `left` characters come before: after a separator, if there is one in the second half.
fn cut(word: &str, left: usize) -> usize {
    let mut ends = word.char_indices().map(|(at, c)| (at.saturating_add(c.len_utf8()), c)).take(left.max(1));
    let all: Vec<(usize, char)> = ends.by_ref().collect();
    let late = all.iter().skip(left / 2).rev().find(|(_, c)| matches!(c, '/' | '@' | ',' | '?' | '&'));
    late.or(all.last()).map_or(word.len(), |(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_within_long_words() {
        for (text, lines) in [
            ("", &[""][..]),
            ("a short line", &["a short line"]),
            ("words that need more than one line", &["words that need more", "than one line"]),
            ("x sha256:0123456789abcdef0123456789abcdef", &["x", "sha256:0123456789abcdef0", "123456789abcdef"]),
            ("https://example.test/one/two/three/four", &["https://example.test/", "one/two/three/four"]),
            ("ééééééééééééééééééééééééé", &["éééééééééééééééééééééééé", "é"]),
        ] {
            assert_eq!(wrap(text, 6, 6, Some(30)), lines, "{text}");
            assert_eq!(wrap(text, 6, 6, None), [text]);
        }
        // However narrow, it ends.
        for columns in 0..60 {
            let lines = wrap("one sha256:0123456789abcdef0123456789abcdef two", 30, 40, Some(columns));
            assert_eq!(lines.concat().replace(' ', "").len(), 46 - 1, "{lines:?}");
        }
    }
}
