//! The command line is built as ARCHITECTURE.md says: no cycle between files, layers, pure parts, short files.
//!
//! The rules are functions over sources, so that each is also shown sources that it must refuse.
#![allow(clippy::disallowed_methods, reason = "sources are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules by layer; one uses only modules of its own layer and of those before it.
const LAYERS: [&[&str]; 7] = [
    &["error", "exit", "environment", "explain", "outcome", "spool", "style"],
    &["args"],
    &["render"],
    &["terminal", "files", "context", "runtime"],
    &["settings"],
    &["command"],
    &["main"],
];
/// Modules of pure functions and data: no clock, environment, file, socket, stream or thread.
const PURE: [&str; 7] = ["args", "error", "exit", "explain", "outcome", "render", "style"];
/// What pure code may not name.
const IMPURE: [&str; 16] = [
    "std::env::",
    "std::fs",
    "std::net",
    "std::os::fd",
    "std::os::unix::fs",
    "std::os::unix::net",
    "std::os::unix::process",
    "std::process::exit",
    "std::thread",
    "io::std",
    "Instant",
    "SystemTime",
    "tempfile",
    "tokio",
    "rustix",
    "reqwest",
];
/// What only `terminal` may name: everything that is printed goes through its streams, and others write to these by `Context::note`.
const PRINTING: [&str; 8] =
    ["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr", "context.stderr"];
/// Lines of a file, tests aside.
const MAX_LINES: usize = 600;
/// Lines of the middle file.
const MAX_MEDIAN_LINES: usize = 200;

/// A source file of the crate, without comments, texts and unit tests.
struct Source {
    /// `command/verify.rs`
    path: String,
    /// `["command", "verify"]`; none for `main.rs`.
    module: Vec<String>,
    code: String,
    lines: usize,
}

/// A name from elsewhere: `crate::a::{b, C as D}` gives `[a, b]` as `b` and `[a, C]` as `D`.
#[derive(Debug)]
struct Import {
    path: Vec<String>,
    name: String,
    exported: bool,
}

/// All sources, with what their names mean.
struct House {
    sources: Vec<Source>,
    /// Module -> place in `sources`.
    modules: BTreeMap<Vec<String>, usize>,
    /// By source.
    imports: Vec<Vec<Import>>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = if stem == "main" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() };
        Self { path: path.to_owned(), module, code: plain(text), lines: text.lines().count() }
    }

    /// The module right below the root.
    fn top(&self) -> &str {
        self.module.first().map_or("main", String::as_str)
    }
}

/// Code without comments and the contents of texts.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(body) = rest.strip_prefix("r#\"") {
            rest = body.find("\"#").map_or("", |end| &body[end + 2..]);
            plain.push_str("\"\"");
        } else if let Some(body) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = body.find(|c| match c {
                _ if escaped => {
                    escaped = false;
                    false
                }
                '\\' => {
                    escaped = true;
                    false
                }
                c => c == '"',
            });
            rest = end.map_or("", |end| &body[end + 1..]);
            plain.push_str("\"\"");
        } else if let Some(character) = ["'\"'", "'\\\"'", "'\\\\'"].iter().find(|it| rest.starts_with(**it)) {
            rest = &rest[character.len()..];
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    plain
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The leaves of a `use` tree, with the names that they get.
fn leaves(prefix: &[String], tree: &str, found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if let Some(list) = tree.strip_prefix('{').and_then(|list| list.strip_suffix('}')) {
        let mut depth = 0;
        let pieces = list.split(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        });
        pieces.filter(|piece| !piece.trim().is_empty()).for_each(|piece| leaves(prefix, piece, found));
        return;
    }
    let mut path = prefix.to_vec();
    if let Some((head, rest)) = tree.split_once("::") {
        path.push(head.trim().to_owned());
        return leaves(&path, rest, found);
    }
    let (last, name) = tree.split_once(" as ").unwrap_or((tree, tree));
    if last.trim() != "self" {
        path.push(last.trim().to_owned());
    }
    let name = if name.trim() == "self" { path.last().cloned().unwrap_or_default() } else { name.trim().to_owned() };
    found.push((path, name));
}

/// The path from the root of the crate, for one that begins with `crate`, `self` or `super`, or with a module right below `module`.
fn absolute(module: &[String], path: &[String], modules: &BTreeMap<Vec<String>, usize>) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        child => {
            let below: Vec<String> = module.iter().cloned().chain([child.to_owned()]).collect();
            return modules.contains_key(&below).then(|| module.iter().chain(path).cloned().collect());
        }
    };
    for part in &path[1..] {
        match part.as_str() {
            "super" => drop(base.pop()),
            part => base.push(part.to_owned()),
        }
    }
    Some(base)
}

impl House {
    fn new(sources: Vec<Source>) -> Self {
        let modules: BTreeMap<Vec<String>, usize> =
            sources.iter().enumerate().map(|(number, source)| (source.module.clone(), number)).collect();
        let imports = sources
            .iter()
            .map(|source| {
                let mut imports = Vec::new();
                for (at, _) in source.code.match_indices("use ") {
                    let line = source.code[..at].rfind('\n').map_or(0, |end| end + 1);
                    let before = source.code[line..at].trim();
                    if !(before.is_empty() || before.starts_with("pub")) {
                        continue;
                    }
                    let Some(end) = source.code[at..].find(';') else { continue };
                    let mut found = Vec::new();
                    leaves(&[], &source.code[at + 4..at + end], &mut found);
                    imports.extend(found.into_iter().filter_map(|(path, name)| {
                        let path = absolute(&source.module, &path, &modules)?;
                        Some(Import { path, name, exported: !before.is_empty() })
                    }));
                }
                imports
            })
            .collect();
        Self { sources, modules, imports }
    }

    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        walk(&root, &mut paths);
        paths.sort();
        assert!(paths.len() > 80, "only {} files were found", paths.len());
        let sources: Vec<(String, String)> = paths
            .iter()
            .map(|path| {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        Self::of(&sources.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    fn of(sources: &[(&str, &str)]) -> Self {
        let is_test = |path: &str| {
            let stem = path.trim_end_matches(".rs");
            let (directory, name) = stem.rsplit_once('/').unwrap_or(("", stem));
            let declared = format!("#[cfg(test)]\nmod {name};");
            let parents = [format!("{directory}/mod.rs"), format!("{directory}.rs"), "main.rs".to_owned()];
            sources.iter().any(|(path, text)| parents.iter().any(|parent| parent == path) && text.contains(&declared))
        };
        let sources = sources.iter().filter(|(path, _)| !is_test(path));
        Self::new(sources.map(|(path, text)| Source::new(path, text)).collect())
    }

    /// The source that defines what `path` names, through all `pub use`; or the module that it names.
    fn resolve(&self, path: &[String]) -> Result<usize, Vec<String>> {
        let mut module: Vec<String> = Vec::new();
        for (place, part) in path.iter().enumerate() {
            module.push(part.clone());
            if self.modules.contains_key(&module) {
                continue;
            }
            module.pop();
            let Some(source) = self.modules.get(&module) else { return Err(Vec::new()) };
            let exported = self.imports[*source].iter().find(|import| import.exported && import.name == *part);
            return match exported {
                Some(import) => {
                    let path: Vec<String> = import.path.iter().chain(&path[place + 1..]).cloned().collect();
                    self.resolve(&path)
                }
                None => Ok(*source),
            };
        }
        Err(module)
    }

    /// The sources that one uses. A front door's `mod` and `pub use` do not count; what is taken through it counts where it is taken.
    fn uses(&self, number: usize) -> BTreeSet<usize> {
        let source = &self.sources[number];
        let mut paths: Vec<Vec<String>> = Vec::new();
        let mut aliases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        // What a front door hands on is not a use of its own, unless it uses it as well.
        let used = |import: &&Import| !import.exported || words(&source.code, &import.name) > 1;
        for import in self.imports[number].iter().filter(used) {
            match self.resolve(&import.path) {
                Ok(_) => paths.push(import.path.clone()),
                Err(module) => drop(aliases.insert(&import.name, module)),
            }
        }
        for (at, _) in source.code.match_indices("::") {
            let head = source.code[..at].rsplit(|c| !is_name(c)).next().unwrap_or_default();
            let before = &source.code[..at - head.len()];
            if head.is_empty() || before.ends_with("::") {
                continue;
            }
            let tail: String = source.code[at..].chars().take_while(|c| is_name(*c) || *c == ':').collect();
            let tail: Vec<String> = tail.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            match aliases.get(head) {
                Some(module) => paths.push(module.iter().cloned().chain(tail).collect()),
                None => {
                    let path: Vec<String> = std::iter::once(head.to_owned()).chain(tail).collect();
                    // A tree of imports has been read already, and what a front door hands on is not a use of its own.
                    let line = source.code[..at].rfind([';', '\n']).map_or("", |end| &source.code[end + 1..at]);
                    if !line.contains("use ") {
                        paths.extend(absolute(&source.module, &path, &self.modules));
                    }
                }
            }
        }
        paths.iter().filter_map(|path| self.resolve(path).ok()).filter(|used| *used != number).collect()
    }

    /// The files of every cycle, one line for each.
    fn cycles(&self) -> Vec<String> {
        let uses: Vec<BTreeSet<usize>> = (0..self.sources.len()).map(|number| self.uses(number)).collect();
        let reached = |from: usize| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<usize> = uses[from].iter().copied().collect();
            while let Some(number) = next.pop() {
                if seen.insert(number) {
                    next.extend(&uses[number]);
                }
            }
            seen
        };
        let reached: Vec<BTreeSet<usize>> = (0..uses.len()).map(reached).collect();
        let members = |number: usize| -> Vec<usize> {
            (0..uses.len())
                .filter(|other| reached[number].contains(other) && reached[*other].contains(&number))
                .collect()
        };
        let circles: BTreeSet<Vec<usize>> = (0..uses.len()).map(members).filter(|circle| !circle.is_empty()).collect();
        let arrows = |circle: &Vec<usize>| {
            let name = |number: &usize| self.sources[*number].path.as_str();
            let arrow = |from: &usize| {
                let to: Vec<&str> = uses[*from].iter().filter(|to| circle.contains(to)).map(name).collect();
                format!("{} -> {}", name(from), to.join(", "))
            };
            circle.iter().map(arrow).collect::<Vec<_>>().join("; ")
        };
        circles.iter().map(arrows).collect()
    }

    fn uses_of_lower_layers(&self) -> Vec<String> {
        let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
        let mut broken = Vec::new();
        for (number, source) in self.sources.iter().enumerate() {
            let Some(own) = layer(source.top()) else {
                broken.push(format!("{}: its module is in no layer", source.path));
                continue;
            };
            for used in self.uses(number) {
                let used = &self.sources[used];
                if layer(used.top()).is_none_or(|other| other > own) {
                    broken.push(format!("{} uses {}", source.path, used.path));
                }
            }
        }
        broken
    }

    fn impurities(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for source in &self.sources {
            let words = IMPURE.iter().filter(|_| PURE.contains(&source.top()));
            let words = words.chain(PRINTING.iter().filter(|_| source.top() != "terminal"));
            broken
                .extend(words.filter(|word| names(&source.code, word)).map(|word| format!("{}: {word}", source.path)));
        }
        broken
    }

    /// Files called `mod.rs` that hold more than `mod` and `use`.
    fn crowded_front_doors(&self) -> Vec<String> {
        let doors = self.sources.iter().filter(|source| source.path.ends_with("/mod.rs"));
        let crowded = doors.filter(|door| {
            let code = door.code.replace("#[cfg(test)]", "");
            let mut items = code.split(';').map(|item| item.trim()).filter(|item| !item.is_empty());
            items.any(|item| {
                let item = item.strip_prefix("pub(crate) ").or(item.strip_prefix("pub(super) ")).unwrap_or(item);
                !(item.starts_with("mod ") || item.starts_with("use "))
            })
        });
        crowded.map(|door| door.path.clone()).collect()
    }

    fn long_files(&self) -> Vec<String> {
        let long = self.sources.iter().filter(|source| source.lines > MAX_LINES);
        long.map(|source| format!("{}: {} lines", source.path, source.lines)).collect()
    }
}

/// How often a name is in the code.
fn words(code: &str, name: &str) -> usize {
    let ends = |at: usize| {
        let (before, after) = (code[..at].chars().next_back(), code[at + name.len()..].chars().next());
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    };
    code.match_indices(name).filter(|(at, _)| ends(*at)).count()
}

/// Whether `word` is in the code, and not as the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].chars().next_back().is_some_and(is_name))
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

#[test]
fn no_files_use_each_other_in_a_circle() {
    let house = House::read();
    let uses: usize = (0..house.sources.len()).map(|number| house.uses(number).len()).sum();
    assert!(uses > 300, "only {uses} uses were found");
    assert_eq!(house.cycles(), Vec::<String>::new());
}

#[test]
fn every_module_uses_only_its_own_layer_and_those_above() {
    assert_eq!(House::read().uses_of_lower_layers(), Vec::<String>::new());
}

#[test]
fn pure_modules_do_no_io_and_only_the_terminal_prints() {
    assert_eq!(House::read().impurities(), Vec::<String>::new());
}

#[test]
fn front_doors_hold_no_code() {
    assert_eq!(House::read().crowded_front_doors(), Vec::<String>::new());
}

#[test]
fn code_in_a_front_door_is_refused() {
    for code in ["mod a;\nfn f() {}", "pub(crate) struct A;", "use a::B;\nconst C: u8 = 1;"] {
        assert_eq!(House::of(&[("x/mod.rs", code)]).crowded_front_doors(), ["x/mod.rs"], "{code}");
    }
    let sound =
        "//! Docs.\n\nmod a;\n#[cfg(test)]\nmod b;\npub(crate) mod c;\n\npub(crate) use self::a::{\n    B, C,\n};\n";
    assert_eq!(House::of(&[("x/mod.rs", sound), ("x/a.rs", "fn f() {}")]).crowded_front_doors(), Vec::<String>::new());
}

#[test]
fn files_are_short() {
    let house = House::read();
    assert_eq!(house.long_files(), Vec::<String>::new());
    let mut lines: Vec<usize> = house.sources.iter().map(|source| source.lines).collect();
    lines.sort_unstable();
    assert!(lines[lines.len() / 2] <= MAX_MEDIAN_LINES, "{lines:?}");
}

#[test]
fn a_circle_is_refused_in_every_spelling() {
    let examples: [&[(&str, &str)]; 10] = [
        &[("a.rs", "use crate::b::B;\npub struct A;"), ("b.rs", "use crate::a::A;\npub struct B;")],
        &[("a.rs", "fn f() { crate::b::g() }"), ("b.rs", "fn g() { crate::a::f() }")],
        &[("a.rs", "use crate::{c::C, b::{self, B}};"), ("b.rs", "use crate::a;\nfn g() { a::f() }"), ("c.rs", "")],
        &[("x/mod.rs", "mod a;\nmod b;"), ("x/a.rs", "use super::b::B;"), ("x/b.rs", "use super::a::A;")],
        // Through front doors.
        &[
            ("x/mod.rs", "mod a;\npub(crate) use a::A;"),
            ("x/a.rs", "use crate::b::B;\npub struct A;"),
            ("b.rs", "use crate::x::A;\npub struct B;"),
        ],
        &[
            ("x/mod.rs", "mod a;\npub(crate) use self::a::{A as Renamed, C};"),
            ("x/a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::x::{\n    C,\n    Renamed,\n};"),
        ],
        // A front door that has something of its own.
        &[("x/mod.rs", "mod a;\nuse a::A;\npub struct X;"), ("x/a.rs", "use super::X;\npub struct A;")],
        &[("x/mod.rs", "mod a;\nfn x() { a::f() }"), ("x/a.rs", "fn f() { super::x() }")],
        &[("x.rs", "mod a;\npub use a::A;\nfn x(_: A) {}"), ("x/a.rs", "use super::x;\npub struct A;")],
        &[
            ("a.rs", "use crate::b as other;\nfn f() { other::g() }"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::a::A;"),
        ],
    ];
    for example in examples {
        assert_eq!(House::of(example).cycles().len(), 1, "{example:?}");
    }
}

#[test]
fn what_only_looks_like_a_circle_is_accepted() {
    let examples: [&[(&str, &str)]; 5] = [
        // A front door names what lies behind it.
        &[("x/mod.rs", "mod a;\nmod b;\npub(crate) use a::A;"), ("x/a.rs", "use super::b::B;"), ("x/b.rs", "")],
        // Comments, texts, tests and other crates.
        &[
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "// crate::a::A\nfn f() { \"\\\"crate::a::A\" }\nuse b::a;\n#[cfg(test)]\nmod tests { use crate::a; }",
            ),
        ],
        &[
            ("a.rs", "use crate::x::B;"),
            ("x/mod.rs", "mod b;\nmod c;\npub use b::B;\npub use c::C;"),
            ("x/b.rs", ""),
            ("x/c.rs", "use crate::a::A;"),
        ],
        &[("a.rs", "use crate::b;\nfn f() { b::g() }"), ("b.rs", "fn g() { a::f() }")],
        &[("main.rs", "mod a;\nfn main() { a::run() }"), ("a.rs", "fn run() {}")],
    ];
    for example in examples {
        assert_eq!(House::of(example).cycles(), Vec::<String>::new(), "{example:?}");
    }
}

#[test]
fn a_use_of_a_lower_layer_is_refused() {
    for (user, text, used) in [
        ("args/verify.rs", "use crate::context::Context;", "context.rs"),
        ("render/verification.rs", "use crate::context::Context;", "context.rs"),
        ("render/text.rs", "fn f() { crate::command::run() }", "command/mod.rs"),
        ("outcome.rs", "use crate::settings::Target;", "settings/mod.rs"),
    ] {
        let broken = House::of(&[(user, text), (used, "")]).uses_of_lower_layers();
        assert_eq!(broken, [format!("{user} uses {used}")]);
    }
    assert_eq!(House::of(&[("elsewhere/x.rs", "")]).uses_of_lower_layers().len(), 1);
    let sound = [("command/verify.rs", "use crate::args::VerifyArgs;"), ("args/mod.rs", "pub struct VerifyArgs;")];
    assert_eq!(House::of(&sound).uses_of_lower_layers(), Vec::<String>::new());
}

#[test]
fn io_in_pure_modules_and_printing_elsewhere_are_refused() {
    for (path, text) in [
        ("args/verify.rs", "fn f() { std::fs::read(x) }"),
        ("args/log.rs", "let now = SystemTime::now();"),
        ("render/text.rs", "use std::io::stdout;\nio::stdout()"),
        ("outcome.rs", "use std::env::var;"),
        ("command/sign.rs", "println!(\"\")"),
        ("settings/keys.rs", "fn f() { eprintln!(\"\") }"),
        ("context.rs", "std::io::stderr().write(b)"),
        ("command/login.rs", "context.stderr.line(b)"),
    ] {
        assert!(!House::of(&[(path, text)]).impurities().is_empty(), "{path}: {text}");
    }
    for (path, text) in [
        ("terminal/streams.rs", "io::stdout()"),
        ("settings/keys.rs", "std::fs::read(x)"),
        ("args/verify.rs", "// std::fs\n\"println!\""),
    ] {
        assert_eq!(House::of(&[(path, text)]).impurities(), Vec::<String>::new());
    }
}

#[test]
fn a_long_file_is_refused() {
    let long = "\n".repeat(MAX_LINES + 1);
    assert_eq!(House::of(&[("args/help.rs", &long)]).long_files().len(), 1);
    let tested = format!("{}\n#[cfg(test)]\nmod tests {{{long}}}", "\n".repeat(MAX_LINES - 1));
    assert_eq!(House::of(&[("args/help.rs", &tested)]).long_files(), Vec::<String>::new());
}
