//! The tables of `docs/from-cosign.md`: what becomes of each flag, verb and variable of cosign, from those of this program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Command;

use super::unsupported::UNSUPPORTED_VERBS;
use super::unsupported_reason;
use super::variables::{VARIABLES, WITHOUT_EFFECT};
use crate::args::cli;

/// Flags with the same name that do not do quite the same, and how they differ.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "certificate-identity-regexp",
        "must match the whole identity; --compat-unanchored-regexp matches any part, as cosign does",
    ),
    (
        "certificate-oidc-issuer-regexp",
        "must match the whole issuer; --compat-unanchored-regexp matches any part, as cosign does",
    ),
    ("tlog-upload", "only false, which is the default: signing with a key uses no log"),
    ("use-signing-config", "only false, which is the default"),
    ("signing-config", "must name no log and no timestamp authority"),
    ("insecure-ignore-tlog", "no effect with --key, which asks for no log entry; with an identity as in cosign"),
    ("offline", "no effect: verifying contacts the registry of the image and nothing else"),
    ("local-image", "each IMAGE is a directory, as oci:IMAGE names it"),
    (
        "key",
        "files, env://VARIABLE and - as in cosign; keys in key management services, in tokens and behind URLs are refused",
    ),
    ("max-workers", "the same; --jobs is its other name"),
    ("output", "json and text as in cosign; report is the whole report, for success and failure"),
];

/// One row: a flag, and the verbs that treat it in one way.
fn rows() -> BTreeMap<(String, String), (Vec<String>, String)> {
    let root = cli::command();
    let mut rows: BTreeMap<(String, String), (Vec<String>, String)> = BTreeMap::new();
    for line in include_str!("cosign_flags.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [verb, flag, versions] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let Some(command) = verb.split(' ').try_fold(&root, |command, word| command.find_subcommand(word)) else {
            continue;
        };
        let (verbs, seen) = rows.entry((flag.to_owned(), treatment(verb, command, flag))).or_default();
        verbs.push(verb.to_owned());
        for version in versions.split(',').filter(|version| !seen.contains(version)).collect::<Vec<_>>() {
            seen.push_str(version);
        }
    }
    rows
}

fn treatment(verb: &str, command: &Command, flag: &str) -> String {
    let found = command.get_arguments().find(|arg| {
        arg.get_long() == Some(flag) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&flag))
    });
    let Some(arg) = found else {
        return match unsupported_reason(verb, &format!("--{flag}")) {
            Some(why) => format!("refused: {why}"),
            None => "refused as unknown".to_owned(),
        };
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let long = arg.get_long().unwrap_or_default();
    if let Some((_, difference)) = DIFFERENCES.iter().find(|(name, _)| *name == flag || *name == long) {
        return (*difference).to_owned();
    }
    match help.split_once(": ") {
        Some(("No effect", why)) => format!("accepted, no effect: {why}"),
        Some(("Not supported", what)) => format!("refused: not supported ({what})"),
        _ if long != flag => format!("the same as --{long}"),
        _ => "the same".to_owned(),
    }
}

fn table() -> String {
    let mut text = String::from("| flag | verbs | cosign | here |\n|---|---|---|---|\n");
    for ((flag, treatment), (verbs, versions)) in rows() {
        let mut versions: Vec<String> = versions.chars().map(String::from).collect();
        versions.sort();
        writeln!(
            text,
            "| `--{flag}` | {} | {} | {} |",
            verbs.join(", "),
            versions.join(", "),
            treatment.replace('|', "\\|")
        )
        .unwrap();
    }
    text
}

/// What becomes of each verb that is not here.
fn verbs() -> String {
    let rows = UNSUPPORTED_VERBS.iter().map(|(verb, instead)| format!("| `{verb}` | {instead} |\n"));
    std::iter::once("| verb | in its place |\n|---|---|\n".to_owned()).chain(rows).collect()
}

/// What becomes of each variable that `cosign env` lists.
fn variables() -> String {
    let rows = include_str!("cosign_variables.txt").lines().filter(|line| !line.starts_with('#')).map(|name| {
        let here = match WITHOUT_EFFECT.iter().find(|variable| variable.name == name) {
            Some(variable) => format!("no effect: {}", variable.instead),
            None => {
                let (_, _, what) = VARIABLES.iter().find(|(variable, ..)| *variable == name).expect(name);
                (*what).to_owned()
            }
        };
        format!("| `{name}` | {here} |\n")
    });
    std::iter::once("| variable | here |\n|---|---|\n".to_owned()).chain(rows).collect()
}

#[test]
fn the_tables_say_what_happens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/from-cosign.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    let write = std::env::var_os("SIGKIT_SNAPSHOTS").is_some_and(|value| value == "write");
    for (name, table) in [("flags", table()), ("verbs", verbs()), ("variables", variables())] {
        let (before, rest) = page.split_once(&format!("<!-- {name} -->\n")).expect("the place of the table");
        let (found, after) = rest.split_once(&format!("<!-- end of {name} -->")).expect("the end of the table");
        if write {
            page = format!("{before}<!-- {name} -->\n{table}<!-- end of {name} -->{after}");
            continue;
        }
        for (found, expected) in found.lines().zip(table.lines()) {
            assert_eq!(found, expected, "docs/from-cosign.md (SIGKIT_SNAPSHOTS=write writes the tables)");
        }
        assert_eq!(found.lines().count(), table.lines().count(), "{name}");
    }
    if write {
        std::fs::write(&path, page).unwrap();
    }
}

#[test]
fn every_flag_of_cosign_has_an_answer() {
    let unknown: Vec<String> = rows()
        .into_iter()
        .filter(|((_, how), _)| how == "refused as unknown")
        .map(|((flag, _), (verbs, _))| format!("--{flag} ({})", verbs.join(", ")))
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
}
