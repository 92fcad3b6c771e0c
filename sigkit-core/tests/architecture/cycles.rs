//! No file of the crate uses another one that uses it, directly or around a corner.
//!
//! The rule is a function over sources, so that it is also shown sources that it must refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Cycles that are still to be broken, by the files in them. Nothing may be added.
const KNOWN: [&[&str]; 3] = [
    &["content/predicate.rs", "content/statement.rs"],
    &[
        "crypto/algorithm.rs",
        "crypto/curve.rs",
        "crypto/ed25519.rs",
        "crypto/error.rs",
        "crypto/public_key.rs",
        "crypto/spki.rs",
    ],
    // A requirement may hold a policy over several authorities, each with a requirement.
    &["policy/requirement.rs", "policy/whole_policy.rs", "verify/requirement.rs", "verify/whole_policy.rs"],
];
/// Front doors that still hold code which the files behind them use. Nothing may be added.
const DOORS_WITH_CODE: [&str; 9] = [
    "attach/mod.rs",
    "bundle/mod.rs",
    "content/mod.rs",
    "content/scan/mod.rs",
    "json/mod.rs",
    "policy/document/mod.rs",
    "policy/mod.rs",
    "verify/gate/mod.rs",
    "verify/mod.rs",
];

/// A source file of the crate, without comments, texts and unit tests.
struct Source {
    /// `verify/mod.rs`
    path: String,
    /// `["verify", "log"]`; none for `lib.rs`.
    module: Vec<String>,
    code: String,
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
        let module = if stem == "lib" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() };
        Self { path: path.to_owned(), module, code: plain(text) }
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
        let mut paths = Vec::new();
        super::walk(&super::root(), &mut paths);
        paths.sort();
        let name =
            |path: &std::path::PathBuf| path.strip_prefix(super::root()).unwrap().to_str().unwrap().replace('\\', "/");
        let sources: Vec<(String, String)> =
            paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
        Self::of(&sources.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    fn of(sources: &[(&str, &str)]) -> Self {
        let is_test = |path: &str| {
            let stem = path.trim_end_matches(".rs");
            let (directory, name) = stem.rsplit_once('/').unwrap_or(("", stem));
            let declared = format!("#[cfg(test)]\nmod {name};");
            let parents = [format!("{directory}/mod.rs"), format!("{directory}.rs"), "lib.rs".to_owned()];
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

    /// Whether `door` is one of those with code, and `number` lies behind it.
    fn is_own_crowded_door(&self, number: usize, door: usize) -> bool {
        let (source, door) = (&self.sources[number], &self.sources[door]);
        DOORS_WITH_CODE.contains(&door.path.as_str()) && source.module.starts_with(&door.module)
    }

    /// Every cycle: its files, and which of them uses which.
    fn cycles(&self) -> BTreeMap<Vec<&str>, String> {
        let uses = (0..self.sources.len()).map(|number| {
            let mut uses = self.uses(number);
            uses.retain(|used| !self.is_own_crowded_door(number, *used));
            uses
        });
        let uses: Vec<BTreeSet<usize>> = uses.collect();
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
        let name = |number: usize| self.sources[number].path.as_str();
        let mut cycles = BTreeMap::new();
        for number in 0..uses.len() {
            let together = |other: &usize| reached[number].contains(other) && reached[*other].contains(&number);
            let members: Vec<usize> = (0..uses.len()).filter(together).collect();
            let arrow = |from: &usize| {
                let to: Vec<&str> = uses[*from].iter().filter(|to| members.contains(to)).map(|to| name(*to)).collect();
                format!("{} -> {}", name(*from), to.join(", "))
            };
            if !members.is_empty() {
                let arrows: Vec<String> = members.iter().map(arrow).collect();
                cycles.insert(members.iter().map(|member| name(*member)).collect(), arrows.join("; "));
            }
        }
        cycles
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

#[test]
fn no_file_uses_one_that_uses_it() {
    let house = House::read();
    let uses: usize = (0..house.sources.len()).map(|number| house.uses(number).len()).sum();
    assert!(uses > 600, "only {uses} uses were found");
    let cycles = house.cycles();
    let known = |files: &Vec<&str>| KNOWN.iter().any(|known| files.iter().all(|file| known.contains(file)));
    let new: Vec<&String> = cycles.iter().filter(|(files, _)| !known(files)).map(|(_, arrows)| arrows).collect();
    assert!(new.is_empty(), "{new:#?}");
    let is_found = |known: &&[&str]| cycles.keys().any(|files| files.iter().all(|file| known.contains(file)));
    let stale: Vec<_> = KNOWN.iter().filter(|known| !is_found(known)).collect();
    assert!(stale.is_empty(), "broken in the meantime: {stale:#?}");
}

#[test]
fn cycle_in_any_spelling_is_refused() {
    let examples: [&[(&str, &str)]; 11] = [
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
        // Through the root of the crate.
        &[("lib.rs", "mod a;\nmod b;\npub use a::A;"), ("a.rs", "use crate::b::B;"), ("b.rs", "use crate::A;")],
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
fn use_that_only_looks_like_a_cycle_is_accepted() {
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
        &[("lib.rs", "mod a;\npub fn all() { a::run() }"), ("a.rs", "fn run() {}")],
    ];
    for example in examples {
        assert_eq!(House::of(example).cycles(), BTreeMap::new(), "{example:?}");
    }
}
