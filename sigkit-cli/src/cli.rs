//! The verbs, and the way from arguments to one of them.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::args::{
    self, AttestArgs, AttestBlobArgs, Bound, CompletionArgs, DownloadArgs, EnvArgs, ExplainArgs, GenerateKeyPairArgs,
    GlobalArgs, ImportKeyPairArgs, PolicyArgs, PublicKeyVerbArgs, SignArgs, SignBlobArgs, VerifyArgs,
    VerifyAttestationArgs, VerifyBlobArgs, VerifyBlobAttestationArgs, VersionArgs,
};
use crate::context::Environment;
use crate::escape;
use crate::exit::ExitCode;
use crate::output::Output;

/// Sign container images, and verify them before they run
#[derive(Debug, Parser)]
#[command(name = "sigkit", version, args_override_self = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a key pair: an encrypted private key and its public key
    GenerateKeyPair(GenerateKeyPairArgs),
    /// Encrypt a private key from elsewhere
    ImportKeyPair(ImportKeyPairArgs),
    /// Print the public key of a key pair
    PublicKey(PublicKeyVerbArgs),
    /// Sign images
    Sign(Box<SignArgs>),
    /// Verify the signatures of images
    Verify(Box<VerifyArgs>),
    /// Attest something about images: provenance, an SBOM, the result of a scan
    Attest(Box<AttestArgs>),
    /// Verify the attestations about images
    VerifyAttestation(Box<VerifyAttestationArgs>),
    /// Download what is stored beside an image
    Download(DownloadArgs),
    /// Sign files or standard input
    SignBlob(SignBlobArgs),
    /// Verify the signature of a file or standard input
    VerifyBlob(VerifyBlobArgs),
    /// Attest something about a file or standard input
    AttestBlob(Box<AttestBlobArgs>),
    /// Verify the attestation about a file or standard input
    VerifyBlobAttestation(Box<VerifyBlobAttestationArgs>),
    /// Look into policies
    Policy(PolicyArgs),
    /// Explain a reason code
    Explain(ExplainArgs),
    /// Print the version
    Version(VersionArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
    /// Print the environment variables that matter here
    Env(EnvArgs),
}

/// A command line that makes sense.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// What to do.
    pub(crate) cli: Cli,
    /// What people should know about it.
    pub(crate) notes: Vec<String>,
}

/// Reads `arguments`, without the name of the program.
///
/// # Errors
/// What to print instead of running: help, or what is wrong.
pub(crate) fn parse(arguments: &[OsString], environment: &Environment) -> Result<Parsed, Output> {
    let mut command = command();
    let line = args::normalise(&command, arguments);
    let verb = line.verb.iter().try_fold(&command, |verb, word| verb.find_subcommand(word)).unwrap_or(&command);
    let bound = if line.verb.is_empty() { Bound::default() } else { args::bind(verb, &line.given, environment) };
    let mut notes: Vec<String> = bound
        .refused
        .iter()
        .map(|variable| {
            format!("WARNING: {variable} is ignored: verification can be weakened on the command line only")
        })
        .collect();
    let line = std::iter::once(OsString::from("sigkit")).chain(line.verb).chain(bound.flags).chain(line.rest);
    let parsed = command.try_get_matches_from_mut(line).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            if cli.global.verbose {
                notes.push("note: --verbose has no effect in this build: requests are not shown".to_owned());
            }
            Ok(Parsed { cli, notes })
        }
        Err(error) => Err(stopped(&error, &bound.sources)),
    }
}

/// The whole command, built, with Go's manner of switches.
pub(crate) fn command() -> Command {
    let mut command = Cli::command().mut_args(go_switch).mut_subcommands(|verb| verb.mut_args(go_switch));
    command.build();
    command
}

/// `--flag`, `--flag=true`, `--flag=false`.
fn go_switch(arg: Arg) -> Arg {
    if !args::is_switch(&arg) {
        return arg;
    }
    let off = arg.get_default_values().first().is_none_or(|value| value == "false");
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("BOOL")
        .hide_possible_values(true)
        .hide_default_value(off)
}

fn stopped(error: &clap::Error, sources: &[(String, String)]) -> Output {
    // Plain text: what clap shows may repeat an argument, and that is escaped.
    let text = escape::multi_line(&error.render().to_string());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Output::result(text);
    }
    let mut notes = vec![text.trim_end().to_owned()];
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.split([' ', '=', '[']).next().unwrap_or_default(),
        _ => "",
    };
    if let Some((_, variable)) = sources.iter().find(|(long, _)| flag.strip_prefix("--") == Some(long)) {
        notes.push(format!("note: {flag} was set by the environment variable {variable}"));
    }
    if let (ErrorKind::UnknownArgument, Some(why)) = (error.kind(), args::why_absent(flag)) {
        notes.push(format!("note: {flag} is not in this build: {why}"));
    }
    Output::notes(notes, ExitCode::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str], variables: &[(&str, &str)]) -> Result<Parsed, Output> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        parse(&words, &Environment::of(variables))
    }

    #[test]
    fn the_tree_of_verbs_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_has_one_sentence_of_help() {
        for verb in command().get_subcommands().filter(|verb| verb.get_name() != "help") {
            for arg in verb.get_arguments() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{} {}", verb.get_name(), arg.get_id());
                assert!(!help.ends_with('.') && !help.contains(". "), "{}: {help}", verb.get_name());
            }
        }
    }

    #[test]
    fn the_last_of_a_repeated_flag_counts() {
        let parsed = parsed(&["-t", "1m", "public-key", "--key", "a", "-t=2m", "-key", "b"], &[]).unwrap();
        assert_eq!(parsed.cli.global.timeout.as_secs(), 120);
        let Verb::PublicKey(args) = parsed.cli.verb else { panic!("{:?}", parsed.cli.verb) };
        assert_eq!(args.key.to_string(), "b");
    }

    #[test]
    fn a_bad_value_from_the_environment_names_its_variable() {
        let stopped = parsed(&["version"], &[("COSIGN_JSON", "maybe")]).unwrap_err();
        assert_eq!(stopped.exit, ExitCode::Usage);
        assert!(
            stopped.notes.iter().any(|note| note.ends_with("set by the environment variable COSIGN_JSON")),
            "{stopped:?}"
        );
    }

    #[test]
    fn a_flag_of_another_build_is_refused_with_a_reason() {
        for flag in ["--certificate-identity", "-certificate-identity=x", "--rekor-url", "--sk"] {
            let stopped = parsed(&["public-key", "--key", "k", flag, "x"], &[]).unwrap_err();
            assert_eq!(stopped.exit, ExitCode::Usage);
            assert!(stopped.notes.iter().any(|note| note.contains("is not in this build: ")), "{flag}: {stopped:?}");
        }
    }

    // threat: L01
    #[test]
    fn a_hostile_argument_is_shown_harmless() {
        for argument in ["\x1b[2J\u{202e}", "\x1b]52;c;aGk=\x07\u{202e}", "a\rb\u{202e}", "--\u{9b}2J\u{202e}"] {
            let shown = parsed(&[argument], &[]).unwrap_err().notes.concat();
            assert_eq!(escape::multi_line(&shown), shown);
            assert!(shown.contains("\\u{202e}"), "{shown}");
        }
    }

    #[test]
    fn help_and_version_are_results() {
        for words in [&["--help"][..], &["-h"], &["-help"], &["help"], &["public-key", "--help"], &["--version"]] {
            let stopped = parsed(words, &[]).unwrap_err();
            assert_eq!(stopped.exit, ExitCode::Done, "{words:?}");
            assert!(!stopped.stdout.is_empty() && stopped.notes.is_empty(), "{words:?}");
        }
    }
}
