//! Flags from the environment: `SIGKIT_<FLAG>`, then `COSIGN_<FLAG>`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, Command};

use super::flag_rules::{Kind, Rule, rule};
use crate::environment::Environment;

/// What the environment adds to a command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Flags with their values, as they would be given.
    pub(crate) flags: Vec<OsString>,
    /// Long name of each of these flags, and the variable it came from.
    pub(crate) sources: Vec<(String, String)>,
    /// Those of them that say whom or what to trust.
    pub(crate) beliefs: Vec<FromVariable>,
    /// What people should know: variables that count, and variables that do not.
    pub(crate) notes: Vec<String>,
    /// A variable that must say something and does not.
    pub(crate) mistake: Option<String>,
}

/// Something that is trusted because an environment variable says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FromVariable {
    /// The variable.
    pub(crate) variable: String,
    /// What it sets: a flag with its dashes, or part of the trusted root in words.
    pub(crate) sets: String,
}

const PREFIXES: [&str; 2] = ["SIGKIT_", "COSIGN_"];

/// Looks up every flag of `verb` that was not `given`.
pub(crate) fn bind(verb: &Command, given: &BTreeSet<String>, environment: &Environment) -> Bound {
    let notes = super::variables::notes(verb.get_name(), given, environment);
    let mut bound = Bound { notes, ..Bound::default() };
    let mut set = environment.names();
    // Few environments have any, and making the names of all flags would take a good part of the start.
    set.retain(|name| PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())));
    if set.is_empty() {
        return bound;
    }
    for arg in verb.get_arguments().filter(|arg| takes_value(arg)) {
        let Some(long) = arg.get_long() else { continue };
        // A flag without a rule takes nothing from variables.
        let rule = rule(verb.get_name(), long).unwrap_or(Rule::CommandLine);
        let kind = match rule {
            Rule::OtherMeaning => continue,
            Rule::Free | Rule::Weaker | Rule::CommandLine if given.contains(long) => continue,
            Rule::Free | Rule::Weaker | Rule::CommandLine => None,
            Rule::Belief(kind) => Some(kind),
        };
        let Some((variable, value)) = look_up(arg, long, &set, rule, environment) else { continue };
        if let Some(said) = kind.and_then(|kind| spoken(kind, verb.get_name(), long, given)) {
            bound.notes.push(format!("WARNING: {variable} is ignored: the command line decides by --{said}"));
            continue;
        }
        let why = match rule {
            Rule::Weaker => "verification can be weakened on the command line only".to_owned(),
            Rule::CommandLine => format!("--{long} is taken from the command line only"),
            _ => String::new(),
        };
        if !why.is_empty() {
            bound.notes.push(format!("WARNING: {variable} is ignored: {why}"));
            continue;
        }
        if kind.is_some() {
            if value.is_empty() {
                let why = format!("the environment variable {variable} is empty: --{long} needs a value");
                bound.mistake = Some(format!("Error: {why}: set one, or unset the variable"));
                continue;
            }
            bound.notes.push(format!("note: --{long} is set by the environment variable {variable}"));
            bound.beliefs.push(FromVariable { variable: variable.clone(), sets: format!("--{long}") });
        }
        let mut flag = OsString::from(format!("--{long}="));
        flag.push(value);
        bound.flags.push(flag);
        bound.sources.push((long.to_owned(), variable));
    }
    bound
}

/// The flag of this kind that the command line gives, if it gives one.
fn spoken(kind: Kind, verb: &str, long: &str, given: &BTreeSet<String>) -> Option<String> {
    kind.flags(verb, long).into_iter().find(|flag| given.contains(flag))
}

fn look_up(
    arg: &Arg,
    long: &str,
    set: &[OsString],
    rule: Rule,
    environment: &Environment,
) -> Option<(String, OsString)> {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    let names: Vec<&str> = std::iter::once(long).chain(aliases).collect();
    PREFIXES.iter().find_map(|prefix| {
        names.iter().find_map(|name| {
            let variable = set.iter().find_map(|variable| variable.to_str().filter(|it| spells(it, prefix, name)))?;
            let value = environment.get(variable)?;
            // Go's viper takes an empty variable for none; where it would say whom to trust, that is not ignored.
            let counts = !value.is_empty() || matches!(rule, Rule::Belief(_));
            counts.then(|| (variable.to_owned(), value))
        })
    })
}

/// Returns true if `variable` is that of the flag `long`: `SIGKIT_OUTPUT_FILE` of `output-file`.
fn spells(variable: &str, prefix: &str, long: &str) -> bool {
    let upper = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_uppercase() };
    variable.strip_prefix(prefix).is_some_and(|name| name.bytes().eq(long.bytes().map(upper)))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cli::command;

    fn bound(verb: &str, given: &[&str], variables: &[(&str, &str)]) -> Bound {
        let command = command();
        let given = given.iter().map(|name| (*name).to_owned()).collect();
        bind(command.find_subcommand(verb).unwrap(), &given, &Environment::of(variables))
    }

    #[test]
    fn a_flag_not_given_comes_from_the_environment() {
        let bound =
            bound("public-key", &[], &[("COSIGN_KEY", "a.key"), ("COSIGN_OUTFILE", "out"), ("COSIGN_TIMEOUT", "1m")]);
        assert_eq!(bound.sources.len(), 3);
        for flag in ["--key=a.key", "--outfile=out", "--timeout=1m"] {
            assert!(bound.flags.contains(&flag.into()), "{flag}: {bound:?}");
        }
    }

    #[test]
    fn ours_comes_before_cosigns() {
        let both = [("COSIGN_KEY", "theirs"), ("SIGKIT_KEY", "ours")];
        assert_eq!(bound("public-key", &[], &both).flags, ["--key=ours"]);
        let both = [("COSIGN_OUTFILE", "theirs"), ("SIGKIT_OUTFILE", "")];
        assert_eq!(bound("public-key", &[], &both).flags, ["--outfile=theirs"]);
    }

    // threat: R17
    #[test]
    fn an_empty_variable_that_must_name_someone_is_a_mistake() {
        for variable in ["SIGKIT_KEY", "COSIGN_POLICY", "SIGKIT_CERTIFICATE_GITHUB_WORKFLOW_REF", "SIGKIT_TRUSTED_ROOT"]
        {
            let bound = bound("verify", &[], &[(variable, "")]);
            assert!(bound.mistake.as_ref().is_some_and(|why| why.contains(variable)), "{bound:?}");
        }
        // One that the command line makes needless does not count.
        assert_eq!(bound("verify", &["key"], &[("SIGKIT_KEY", "")]).mistake, None);
        assert_eq!(bound("verify", &[], &[("SIGKIT_TIMEOUT", ""), ("SIGKIT_CHECK_CLAIMS", "")]), Bound::default());
    }

    #[test]
    fn the_command_line_comes_first() {
        assert_eq!(bound("public-key", &["outfile"], &[("SIGKIT_OUTFILE", "ours")]), Bound::default());
        assert_eq!(bound("public-key", &["key"], &[("SIGKIT_KEY", "ours")]).flags, Vec::<OsString>::new());
    }

    #[test]
    fn the_environment_cannot_weaken_verification() {
        let weakening = [
            ("COSIGN_INSECURE_IGNORE_TLOG", "true"),
            ("COSIGN_PRIVATE_INFRASTRUCTURE", "true"),
            ("SIGKIT_CHECK_CLAIMS", "false"),
            ("SIGKIT_ALLOW_HTTP_REGISTRY", "true"),
            ("COSIGN_ALLOW_INSECURE_REGISTRY", "true"),
        ];
        for (variable, value) in weakening {
            let bound = bound("verify", &[], &[(variable, value)]);
            assert!(bound.notes[0].starts_with(&format!("WARNING: {variable} is ignored: ")), "{bound:?}");
            assert_eq!(bound.flags, Vec::<OsString>::new());
        }
    }

    // threat: K10
    #[test]
    fn password_of_a_key_is_not_used_for_a_registry() {
        let passwords = [("COSIGN_PASSWORD", "of the key"), ("SIGKIT_PASSWORD", "of the key")];
        assert_eq!(bound("login", &[], &passwords), Bound::default());
    }

    #[test]
    fn an_alias_has_its_variable_too() {
        assert_eq!(bound("verify", &[], &[("COSIGN_MAX_WORKERS", "3")]).flags, ["--jobs=3"]);
    }
}
