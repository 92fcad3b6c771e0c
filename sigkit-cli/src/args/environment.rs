//! Flags from the environment: `SIGKIT_<FLAG>`, then `COSIGN_<FLAG>`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, Command};

use crate::context::Environment;

/// What the environment adds to a command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Flags with their values, as they would be given.
    pub(crate) flags: Vec<OsString>,
    /// Long name of each of these flags, and the variable it came from.
    pub(crate) sources: Vec<(String, String)>,
    /// Variables that were left alone, since verification would become weaker by them.
    pub(crate) refused: Vec<String>,
}

const PREFIXES: [&str; 2] = ["SIGKIT_", "COSIGN_"];

/// Looks up every flag of `verb` that was not `given`.
pub(crate) fn bind(verb: &Command, given: &BTreeSet<String>, environment: &Environment) -> Bound {
    let mut bound = Bound::default();
    let mut set = environment.names();
    // Few environments have any, and making the names of all flags would take a good part of the start.
    set.retain(|name| PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())));
    if set.is_empty() {
        return bound;
    }
    for arg in verb.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !given.contains(*long) && takes_value(arg) && !is_taken(long))
        else {
            continue;
        };
        let Some((variable, value)) = look_up(arg, long, &set, environment) else { continue };
        if may_weaken(long) {
            bound.refused.push(variable);
            continue;
        }
        let mut flag = OsString::from(format!("--{long}="));
        flag.push(value);
        bound.flags.push(flag);
        bound.sources.push((long.to_owned(), variable));
    }
    bound
}

/// Whether the variable of that name means something else: `SIGKIT_PASSWORD` and `COSIGN_PASSWORD` are passwords of keys, which
/// no registry must get to see.
fn is_taken(long: &str) -> bool {
    long == "password"
}

/// The flags by which verification asks for less than it would otherwise; only a command line may say so, where it can be seen.
fn may_weaken(long: &str) -> bool {
    long.starts_with("insecure-")
        || long.starts_with("allow-")
        || long.starts_with("compat-")
        || matches!(long, "private-infrastructure" | "check-claims" | "certificate-oidc-issuer-absent")
}

fn look_up(arg: &Arg, long: &str, set: &[OsString], environment: &Environment) -> Option<(String, OsString)> {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    let names: Vec<&str> = std::iter::once(long).chain(aliases).collect();
    PREFIXES.iter().find_map(|prefix| {
        names.iter().find_map(|name| {
            let variable = set.iter().find_map(|variable| variable.to_str().filter(|it| spells(it, prefix, name)))?;
            // Go's viper takes an empty variable for none.
            environment.non_empty(variable).map(|value| (variable.to_owned(), value))
        })
    })
}

/// Whether `variable` is that of the flag `long`: `SIGKIT_OUTPUT_FILE` of `output-file`.
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
    use crate::cli::command;

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
    fn ours_comes_before_cosigns_and_an_empty_one_is_none() {
        let both = [("COSIGN_KEY", "theirs"), ("SIGKIT_KEY", "ours")];
        assert_eq!(bound("public-key", &[], &both).flags, ["--key=ours"]);
        assert_eq!(bound("public-key", &[], &[("COSIGN_KEY", "theirs"), ("SIGKIT_KEY", "")]).flags, ["--key=theirs"]);
    }

    #[test]
    fn the_command_line_comes_first() {
        assert_eq!(bound("public-key", &["key"], &[("SIGKIT_KEY", "ours")]), Bound::default());
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
            assert_eq!(bound.refused, [variable]);
            assert_eq!(bound.flags, Vec::<OsString>::new());
        }
    }

    // threat: K10
    #[test]
    fn the_password_of_a_key_is_none_for_a_registry() {
        let passwords = [("COSIGN_PASSWORD", "of the key"), ("SIGKIT_PASSWORD", "of the key")];
        assert_eq!(bound("login", &[], &passwords), Bound::default());
    }

    #[test]
    fn an_alias_has_its_variable_too() {
        assert_eq!(bound("verify", &[], &[("COSIGN_MAX_WORKERS", "3")]).flags, ["--jobs=3"]);
    }
}
