//! The house is built as its plan says: layers, sizes, and what pure code may not touch.
#![allow(clippy::disallowed_methods, reason = "sources are files")]

#[path = "architecture/cycles.rs"]
mod cycles;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules by layer; one uses only modules of its own layer and of those before it.
const LAYERS: [&[&str]; 8] = [
    &["backend", "cause", "digest", "limits", "json", "text", "time"],
    &["crypto", "key"],
    &["oci", "content", "bundle", "trust"],
    &["reason", "report", "policy", "verify"],
    &["http"],
    &["store"],
    &["attach", "sign"],
    &["image", "blocking"],
];
/// Layers of pure functions: the rest may do I/O.
const PURE: usize = 4;
/// What pure code may not name.
const IMPURE: [&str; 14] = [
    "std::env",
    "std::fs",
    "std::net::{", // an address is a value; what follows is not
    "std::net::Tcp",
    "std::net::To",
    "std::net::Udp",
    "std::os",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
    "getrandom::",
    "reqwest::",
    "tokio::",
];
/// Where randomness may come from: the operating system, for keys.
const RANDOM: &str = "key/pair.rs";
/// Lines of a file, tests aside.
const MAX_LINES: usize = 600;
/// Lines of the middle file.
const MEDIAN_LINES: usize = 200;

struct Source {
    /// `verify/mod.rs`
    path: String,
    /// `verify`
    module: String,
    /// Without comments and unit tests.
    code: String,
    lines: usize,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    paths.sort();
    assert!(paths.len() > 50, "only {} files were found", paths.len());
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            let module = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let lines = code.lines().count();
            let code = code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
            Source { path, module, code, lines }
        })
        .collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The first parts of all paths that begin with `crate::`, those in braces included: `crate::{a, b::c}` gives `a` and `b`.
fn used(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(list) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    found.push(name(&list[i..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn paths_are_found_in_every_form() {
    let code = "use crate::a::B;\nuse crate::{c, d::{E, f}, g};\nfn x() { crate::h::i() }\nuse mycrate::z; $crate::y";
    assert_eq!(used(code), ["a", "c", "d", "g", "h"]);
}

#[test]
fn every_module_is_in_a_layer_and_uses_none_below_its_own() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for source in sources().iter().filter(|source| source.path != "lib.rs") {
        let Some(own) = layer(&source.module) else {
            broken.push(format!("{}: its module is in no layer", source.path));
            continue;
        };
        for used in used(&source.code) {
            seen += 1;
            match layer(&used) {
                Some(other) if other <= own => {}
                Some(other) => broken.push(format!("{} (layer {own}) uses crate::{used} (layer {other})", source.path)),
                None => broken.push(format!("{} uses crate::{used}, which is in no layer", source.path)),
            }
        }
    }
    assert!(seen > 200, "only {seen} uses were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn pure_layers_name_no_clock_environment_file_or_socket() {
    let mut broken = Vec::new();
    for source in sources() {
        if layer(&source.module).is_some_and(|layer| layer < PURE) {
            let allowed = |word: &str| word == "getrandom::" && source.path == RANDOM;
            let words = IMPURE.iter().filter(|word| source.code.contains(**word) && !allowed(word));
            broken.extend(words.map(|word| format!("{}: {word}", source.path)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn files_are_short() {
    let sources = sources();
    let long: BTreeMap<&str, usize> = sources
        .iter()
        .filter(|source| source.lines > MAX_LINES)
        .map(|source| (source.path.as_str(), source.lines))
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
    let mut lines: Vec<usize> = sources.iter().map(|source| source.lines).collect();
    lines.sort_unstable();
    assert!(lines[lines.len() / 2] <= MEDIAN_LINES, "{lines:?}");
}

/// The files and folders at the top of the workspace.
fn top(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

// threat: F15
#[test]
fn a_release_stops_where_numbers_end() {
    let release = top("Cargo.toml").split("[profile.release]").nth(1).unwrap().to_owned();
    assert!(release.lines().any(|line| line == "overflow-checks = true"), "{release}");
    let lints = fs::read_to_string(root().join("lib.rs")).unwrap();
    for lint in ["arithmetic_side_effects", "as_conversions"] {
        assert!(lints.contains(lint), "{lint}");
    }
}

// threat: C21 C22 F13 F14
#[test]
fn crates_with_known_holes_are_not_locked() {
    // The first version without the hole: floods of frames in h2; the stack of RFC 2822 dates in time; what scalars of
    // curve25519-dalek let the clock tell; a panic of rustls-webpki; headers of tar.
    for (name, floor) in [
        ("h2", [0, 4, 2]),
        ("time", [0, 3, 47]),
        ("curve25519-dalek", [4, 1, 3]),
        ("rustls-webpki", [0, 103, 13]),
        ("tar", [0, 4, 45]),
    ] {
        for version in versions(name) {
            assert!(version >= floor, "{name} {version:?}");
        }
    }
    // No version is good: the private operations of rsa tell time, the others are abandoned.
    for name in ["rsa", "xsalsa20poly1305", "rustls-pemfile", "serde_yml", "tokio-tar", "atty", "ansi_term"] {
        assert_eq!(versions(name), Vec::<[u64; 3]>::new(), "{name}");
    }
    assert!(!versions("h2").is_empty(), "the lock file is read as it is written");
}

/// The versions of a crate in the lock file.
fn versions(name: &str) -> Vec<[u64; 3]> {
    let lock = top("Cargo.lock");
    let entries = lock.split("[[package]]\nname = ").filter(|entry| entry.starts_with(&format!("\"{name}\"\n")));
    let version = |entry: &str| {
        let text = entry.split("version = \"").nth(1).unwrap().split(['"', '-', '+']).next().unwrap().to_owned();
        let numbers: Vec<u64> = text.split('.').map(|number| number.parse().unwrap()).collect();
        <[u64; 3]>::try_from(numbers).unwrap()
    };
    entries.map(version).collect()
}
