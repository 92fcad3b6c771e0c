//! What `--help` says of each verb: its group, one sentence, how it is called, the flags that most people want, and examples.

mod documents;
mod general;
mod sign;
mod verb_help;
mod verify;

use clap::builder::{PossibleValuesParser, ValueHint};
use clap::{Arg, Command};
use sigkit_core::content::PredicateType;

use self::verb_help::Group;
pub(crate) use self::verb_help::VerbHelp;
use crate::explain::pages;

/// The help of every verb that runs, in the order of its group.
pub(crate) fn every_verb() -> impl Iterator<Item = &'static VerbHelp> {
    [sign::VERBS, verify::VERBS, documents::VERBS, general::VERBS].into_iter().flatten()
}

/// The verbs that only hold others.
const FAMILIES: [(&str, &str); 5] = [
    ("bundle", "Inspect and create bundles"),
    ("download", "Print stored signatures and attestations"),
    ("policy", "Check policy files"),
    ("signing-config", "Create signing configurations"),
    ("trusted-root", "Create trusted roots"),
];

const EVERYWHERE: &str = "\
Images: app:v1 and user/app@sha256:... on Docker Hub, registry.example.com/app:v1, oci:DIR[:TAG], oci-archive:FILE[:TAG], \
docker-archive:FILE[:NAME:TAG] (to verify). Long flags take one dash or two; switches also --flag=true and --flag=false.

Every flag can be set by a variable SIGKIT_<FLAG>, or COSIGN_<FLAG> where cosign has it: SIGKIT_KEY for --key. Variables never weaken \
verification. `sigkit env` lists them.

Exit codes: 0 done or verified, 1 refused or failed, 2 wrong usage, 10 no signatures, 11 no such image or tag, 12 signatures exist but \
none matches, 13 no certificate where an identity was asked for, 14 undecided because something could not be read, 70 internal error, \
130 interrupted.";

/// The help of `verb`, which may have two words.
pub(crate) fn of(verb: &str) -> Option<&'static VerbHelp> {
    every_verb().find(|help| help.verb == verb)
}

/// Puts the help of all verbs into the whole command.
pub(crate) fn describe(root: Command) -> Command {
    let overview = overview();
    let root = root
        .help_template("{about}\n\n{usage-heading} {usage}\n\n{before-help}Flags of every verb\n{options}{after-help}")
        .override_usage("sigkit <VERB> [FLAGS] [ARGUMENTS]")
        .about("Signs container images and verifies them before they run.")
        .before_help(overview.clone())
        .before_long_help(overview)
        .after_help("`sigkit <VERB> -h` shows the common flags of a verb, `sigkit <VERB> --help` all of them.")
        .after_long_help(format!(
            "{EVERYWHERE}\n\n`sigkit <VERB> --help` shows a verb with all its flags and examples."
        ));
    root.mut_subcommands(|verb| {
        let name = verb.get_name().to_owned();
        if let Some((_, about)) = FAMILIES.iter().find(|(family, _)| *family == name) {
            let family = verb.about(*about).long_about(None::<&str>).after_long_help(None::<&str>);
            return family.mut_subcommands(|verb| {
                let words = format!("{name} {}", verb.get_name());
                match of(&words) {
                    Some(help) => help.put_into(verb),
                    None => verb,
                }
            });
        }
        match of(&name) {
            Some(help) => help.put_into(verb),
            None => verb,
        }
    })
}

/// The verbs by group, one line each.
fn overview() -> String {
    let width = every_verb().map(|help| help.verb.len()).max().unwrap_or_default();
    let mut text = String::new();
    for group in Group::ALL {
        text.push_str(group.title());
        text.push('\n');
        for help in every_verb().filter(|help| help.group == group) {
            text.push_str(&format!("  {:width$}  {}\n", help.verb, help.about));
        }
    }
    text
}

/// Tells completion scripts what a value can be; parsing is not concerned.
pub(crate) fn with_completions(command: Command) -> Command {
    command.mut_args(completed).mut_subcommands(with_completions)
}

fn completed(arg: Arg) -> Arg {
    let known: Option<Vec<&'static str>> = match (arg.get_long(), arg.get_id().as_str()) {
        (Some("algorithm"), _) => Some(super::key_source::ALGORITHMS.to_vec()),
        (Some("type" | "predicate-type"), _) => Some(PredicateType::names().collect()),
        (None, "code") => Some(pages().map(|page| page.code).collect()),
        _ => None,
    };
    if let Some(known) = known {
        return arg.value_parser(PossibleValuesParser::new(known));
    }
    let file = arg.get_value_names().is_some_and(|names| {
        names.iter().any(|name| matches!(name.as_str(), "FILE" | "KEY" | "BUNDLE" | "BLOB" | "SIGNATURE"))
    });
    if file { arg.value_hint(ValueHint::FilePath) } else { arg }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::args::cli;
    use crate::environment::Environment;

    #[test]
    fn every_verb_has_help_and_every_help_a_verb() {
        let root = cli::command();
        let mut verbs = Vec::new();
        for verb in root.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let below: Vec<_> = verb.get_subcommands().filter(|below| below.get_name() != "help").collect();
            if below.is_empty() {
                verbs.push(verb.get_name().to_owned());
            } else {
                assert!(FAMILIES.iter().any(|(family, _)| *family == verb.get_name()), "{}", verb.get_name());
            }
            verbs.extend(below.iter().map(|below| format!("{} {}", verb.get_name(), below.get_name())));
        }
        let mut described: Vec<_> = every_verb().map(|help| help.verb.to_owned()).collect();
        verbs.sort();
        described.sort();
        assert_eq!(verbs, described);
    }

    #[test]
    fn every_example_is_a_command_line() {
        for help in every_verb() {
            assert!(help.examples.len() >= 2, "{}", help.verb);
            for (_, line) in help.examples {
                assert!(line.lines().all(|line| line.len() <= 100), "{line}");
                let joined = line.replace("\\\n", " ");
                let words: Vec<OsString> = joined.split_whitespace().skip(1).map(OsString::from).collect();
                assert!(joined.starts_with(&format!("sigkit {}", help.verb)), "{line}");
                if let Err(stopped) = cli::parse(&words, &Environment::of(&[])) {
                    panic!("{line}: {stopped:?}");
                }
            }
        }
    }

    #[test]
    fn common_flags_exist_and_short_help_fits_a_screen() {
        let mut root = cli::command();
        for help in every_verb() {
            let words = help.verb.split(' ').collect::<Vec<_>>();
            let verb = words.iter().try_fold(&mut root, |verb, word| verb.find_subcommand_mut(word)).unwrap();
            for flag in help.common {
                assert!(verb.get_arguments().any(|arg| arg.get_long() == Some(flag)), "{} --{flag}", help.verb);
            }
            let short = verb.render_help().to_string();
            assert!(short.lines().count() <= 40, "{}: {short}", help.verb);
        }
    }

    /// A heading over flags of another group tells people something false.
    #[test]
    fn headings_hold_only_their_own_flags() {
        for verb in cli::command().get_subcommands() {
            for arg in verb.get_arguments() {
                let (Some(long), Some(heading)) = (arg.get_long(), arg.get_help_heading()) else { continue };
                let fits = match heading {
                    "Key" => ["key", "threshold", "password-file"].contains(&long),
                    "Registry" => {
                        long.contains("registry")
                            || ["signature-repo", "attachment-tag-prefix", "k8s-keychain"].contains(&long)
                    }
                    "Identity" => long.starts_with("certificate-") || long.starts_with("compat-"),
                    "Certificates" => long.contains("certificate") || long.starts_with("ca-") || long.contains("sct"),
                    "Global flags" => ["timeout", "verbose", "output-file", "no-progress"].contains(&long),
                    _ => ["log", "root", "time", "offline", "signing-config", "private", "rekor"]
                        .iter()
                        .any(|word| long.contains(word)),
                };
                assert!(fits, "{}: --{long} under {heading:?}", verb.get_name());
            }
        }
    }

    /// Flags, short forms, aliases and defaults that pipelines rely on: a contract, which changes on purpose only.
    #[test]
    fn flags_with_aliases_and_defaults() {
        let mut text = String::new();
        for help in every_verb() {
            let root = cli::command();
            let verb = help.verb.split(' ').try_fold(&root, |verb, word| verb.find_subcommand(word)).unwrap();
            text.push_str(&format!("{}\n", help.verb));
            let mut args: Vec<_> = verb.get_arguments().filter(|arg| arg.get_long().is_some()).collect();
            args.sort_by_key(|arg| arg.get_long());
            for arg in args {
                let mut line = format!("  --{}", arg.get_long().unwrap_or_default());
                if let Some(short) = arg.get_short() {
                    line.push_str(&format!(" -{short}"));
                }
                for alias in arg.get_all_aliases().unwrap_or_default() {
                    line.push_str(&format!(" --{alias}"));
                }
                for default in arg.get_default_values() {
                    line.push_str(&format!(" = {}", default.to_string_lossy()));
                }
                if arg.is_hide_set() {
                    line.push_str(" (hidden)");
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/flags.txt");
        if std::env::var_os("SIGKIT_SNAPSHOTS").is_some_and(|value| value == "write") {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        for (expected, found) in expected.lines().zip(text.lines()) {
            assert_eq!(expected, found, "tests/snapshots/flags.txt");
        }
        assert_eq!(expected.lines().count(), text.lines().count(), "tests/snapshots/flags.txt");
    }
}
