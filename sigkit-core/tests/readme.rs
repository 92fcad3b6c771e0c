//! The README shows the program that the crate's documentation runs.
#![allow(clippy::disallowed_methods, reason = "documents are files")]

use std::fs;
use std::path::Path;

/// The first block of code that begins with ```` ``` ```` and one of these words, without its hidden lines.
fn block(text: &str, words: &[&str]) -> String {
    let mut lines = text.lines().skip_while(|line| !words.contains(line)).skip_while(|line| words.contains(line));
    let code = lines.by_ref().take_while(|line| *line != "```").filter(|line| !line.starts_with("# "));
    code.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_readme_shows_what_the_documentation_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("../README.md")).unwrap();
    let source = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let docs: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!").or_else(|| line.starts_with("#![cfg_attr(").then_some("```")))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let shown = block(&readme, &["```rust"]);
    assert!(shown.lines().filter(|line| !line.is_empty()).count() == 9, "{shown}");
    assert_eq!(shown, block(&docs.join("\n"), &["```"]));
}
