//! Text files that a reviewer reads.

use std::path::Path;

/// Compares `text` with the file of this name in `tests/snapshots`, or writes it.
#[track_caller]
pub fn held(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("SIGKIT_SNAPSHOTS").is_some_and(|value| value == "write") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (expected, found)) in (1..).zip(expected.lines().zip(text.lines())) {
        assert_eq!(expected, found, "{name}:{number} (SIGKIT_SNAPSHOTS=write writes it anew)");
    }
    assert_eq!(expected.lines().count(), text.lines().count(), "{name} (SIGKIT_SNAPSHOTS=write writes it anew)");
}
