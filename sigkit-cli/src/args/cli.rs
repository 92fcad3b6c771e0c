//! The verbs, and the way from arguments to one of them.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::args::mistake;
use crate::args::{
    self, AttestArgs, AttestBlobArgs, Bound, BundleVerbArgs, CompletionArgs, DownloadArgs, EnvArgs, ExplainArgs,
    FromVariable, GenerateKeyPairArgs, GlobalArgs, ImportKeyPairArgs, LoginArgs, LogoutArgs, ManArgs, NoLogArgs,
    PolicyArgs, PublicKeyVerbArgs, SignArgs, SignBlobArgs, SigningConfigVerbArgs, TrustedRootVerbArgs, VerifyArgs,
    VerifyAttestationArgs, VerifyBlobArgs, VerifyBlobAttestationArgs, VersionArgs,
};
use crate::environment::Environment;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::outcome::Output;

/// A command line, read.
#[derive(Debug, Parser)]
#[command(name = "sigkit", version, args_override_self = true, max_term_width = 100, about = None)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// `generate-key-pair`
    GenerateKeyPair(GenerateKeyPairArgs),
    /// `import-key-pair`
    ImportKeyPair(ImportKeyPairArgs),
    /// `public-key`
    PublicKey(PublicKeyVerbArgs),
    /// `sign`
    Sign(Box<SignArgs>),
    /// `verify`
    Verify(Box<VerifyArgs>),
    /// `attest`
    Attest(Box<AttestArgs>),
    /// `verify-attestation`
    VerifyAttestation(Box<VerifyAttestationArgs>),
    /// `download`
    Download(DownloadArgs),
    /// `sign-blob`
    SignBlob(SignBlobArgs),
    /// `verify-blob`
    VerifyBlob(Box<VerifyBlobArgs>),
    /// `attest-blob`
    AttestBlob(Box<AttestBlobArgs>),
    /// `verify-blob-attestation`
    VerifyBlobAttestation(Box<VerifyBlobAttestationArgs>),
    /// `policy`
    Policy(PolicyArgs),
    /// `bundle`
    Bundle(Box<BundleVerbArgs>),
    /// `trusted-root`
    TrustedRoot(Box<TrustedRootVerbArgs>),
    /// `signing-config`
    SigningConfig(Box<SigningConfigVerbArgs>),
    /// `login`
    Login(LoginArgs),
    /// `logout`
    Logout(LogoutArgs),
    /// `explain`
    Explain(ExplainArgs),
    /// `man`
    Man(ManArgs),
    /// `version`
    Version(VersionArgs),
    /// `completion`
    Completion(CompletionArgs),
    /// `env`
    Env(EnvArgs),
}

impl Verb {
    /// Refuses flags that exclude each other where clap cannot tell, and notes those that have no effect.
    ///
    /// # Errors
    /// [`CliError::usage`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        match self {
            Self::Sign(args) => args.check(notes),
            Self::Verify(args) => args.check(notes),
            Self::Attest(args) => args.check(notes),
            Self::VerifyAttestation(args) => args.check(notes),
            Self::VerifyBlob(args) => args.check(notes),
            Self::VerifyBlobAttestation(args) => args.check(notes),
            Self::SignBlob(args) => args.log.check(),
            Self::AttestBlob(args) => args.log.check(),
            Self::Download(args) => args.registry().check(notes),
            Self::Login(args) => {
                args.check(notes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The flags by which signers of cosign choose services, where the verb signs.
    pub(crate) fn services(&self) -> Option<&NoLogArgs> {
        match self {
            Self::Sign(args) => Some(&args.log),
            Self::Attest(args) => Some(&args.log),
            Self::SignBlob(args) => Some(&args.log),
            Self::AttestBlob(args) => Some(&args.log),
            _ => None,
        }
    }
}

/// A command line that makes sense.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// What to do.
    pub(crate) cli: Cli,
    /// What people should know about it.
    pub(crate) notes: Vec<String>,
    /// What is trusted because environment variables say so.
    pub(crate) beliefs: Vec<FromVariable>,
}

/// Reads `arguments`, without the name of the program.
///
/// # Errors
/// What to print instead of running: help, or what is wrong.
pub(crate) fn parse(arguments: &[OsString], environment: &Environment) -> Result<Parsed, Output> {
    let mut command = command();
    let line = args::normalise(&command, arguments);
    if let Some(flag) = &line.repeated {
        return Err(mistake::repeated(&command, arguments, flag));
    }
    let verb = line.verb.iter().try_fold(&command, |verb, word| verb.find_subcommand(word)).unwrap_or(&command);
    let bound = if line.verb.is_empty() { Bound::default() } else { args::bind(verb, &line.given, environment) };
    if holds_a_private_key(arguments.iter().chain(&bound.flags)) {
        return Err(Output::notes(vec![A_PRIVATE_KEY.to_owned()], ExitCode::Usage));
    }
    let words = std::iter::once(OsString::from("sigkit")).chain(line.verb).chain(bound.flags).chain(line.rest);
    let read = command.try_get_matches_from_mut(words).and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    match read {
        Ok(_) if !line.empty.is_empty() => Err(Output::notes(vec![empty(&line.empty)], ExitCode::Usage)),
        Ok(_) if bound.mistake.is_some() => Err(Output::notes(bound.mistake.into_iter().collect(), ExitCode::Usage)),
        Ok(cli) => Ok(Parsed { cli, notes: bound.notes, beliefs: bound.beliefs }),
        Err(error) => Err(mistake::output(&error, &command, arguments, &bound.sources)),
    }
}

const A_PRIVATE_KEY: &str = "Error: expected the name of a file or env://VARIABLE, found the text of a private key (not shown): write the key to \
                             a file and give its name, or put it in a variable and give --key env://VARIABLE";

/// Returns true if a private key in PEM is among the words: quoted in one, or without quotes in several. No message may repeat them.
fn holds_a_private_key<'a>(words: impl Iterator<Item = &'a OsString>) -> bool {
    let line = words.fold(String::new(), |line, word| line + " " + &word.to_string_lossy());
    line.contains("PRIVATE KEY-----")
}

/// What is wrong with flags that are given, and say nothing.
fn empty(flags: &[String]) -> String {
    let flags: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
    let flags = flags.join(", ");
    format!("Error: {flags}: expected a value, found an empty one: give one, or omit the flag")
}

/// The whole command, built, with Go's manner of switches and the help of every verb.
pub(crate) fn command() -> Command {
    let mut command = with_two_helps(Cli::command());
    command.build();
    args::help::describe(with_go_switches(command))
}

/// While it is built, clap decides whether `--help` of a verb says more than `-h`; every verb has examples there, which come later.
fn with_two_helps(command: Command) -> Command {
    command.after_long_help("Examples").mut_subcommands(with_two_helps)
}

fn with_go_switches(command: Command) -> Command {
    command.mut_args(go_switch).mut_subcommands(with_go_switches)
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

#[cfg(test)]
mod tests {
    use super::*;
    use sigkit_core::text::escape;

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
        let parsed = parsed(&["-t", "1m", "public-key", "--key", "a", "-t=2m"], &[]).unwrap();
        assert_eq!(parsed.cli.global.timeout.as_secs(), 120);
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
        for flag in ["--identity-token", "-identity-token=x", "--rekor-url", "--sk"] {
            let stopped = parsed(&["public-key", "--key", "k", flag, "x"], &[]).unwrap_err();
            assert_eq!(stopped.exit, ExitCode::Usage);
            assert!(stopped.notes.iter().any(|note| note.contains("is not in this build: ")), "{flag}: {stopped:?}");
        }
    }

    #[test]
    fn a_private_key_on_the_command_line_is_not_repeated() {
        const KEY: &str = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n";
        let unquoted: Vec<&str> = ["sign", "--key"].into_iter().chain(KEY.split_whitespace()).collect();
        let inline = format!("--key={KEY}");
        let cosign = KEY.replace("PRIVATE", "ENCRYPTED SIGSTORE PRIVATE");
        for (words, variables) in [
            (&["sign", "--key", KEY, "app:v1"][..], &[][..]),
            (&["sign", "-key", &cosign, "app:v1"], &[]),
            (&["public-key", &inline], &[]),
            (&["nonsense", KEY], &[]),
            (&unquoted, &[]),
            (&["sign", "app:v1"], &[("COSIGN_KEY", KEY)]),
        ] {
            let stopped = parsed(words, variables).unwrap_err();
            assert_eq!(
                (stopped.exit, &*stopped.notes),
                (ExitCode::Usage, &[A_PRIVATE_KEY.to_owned()][..]),
                "{words:?}"
            );
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
    fn long_help_of_every_verb_has_its_examples_and_more_than_the_short_one() {
        for help in args::help::every_verb() {
            let shown = |flag| {
                let words: Vec<&str> = help.verb.split(' ').chain([flag]).collect();
                String::from_utf8(parsed(&words, &[]).unwrap_err().stdout).unwrap()
            };
            let (short, long) = (shown("-h"), shown("--help"));
            assert!(help.examples.iter().all(|(_, line)| long.contains(line)), "{}: {long}", help.verb);
            assert!(long.len() > short.len() && !long.contains("shows all flags"), "{}: {long}", help.verb);
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
