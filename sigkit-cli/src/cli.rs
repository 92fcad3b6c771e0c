//! The verbs, and the way from arguments to one of them.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Args as _, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::args::{
    self, AttestArgs, AttestBlobArgs, Bound, BundleVerbArgs, CompletionArgs, DownloadArgs, EnvArgs, ExplainArgs,
    GenerateKeyPairArgs, GlobalArgs, ImportKeyPairArgs, LoginArgs, LogoutArgs, PolicyArgs, PublicKeyVerbArgs, SignArgs,
    SignBlobArgs, SigningConfigVerbArgs, TrustedRootVerbArgs, VerifyArgs, VerifyAttestationArgs, VerifyBlobArgs,
    VerifyBlobAttestationArgs, VersionArgs,
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

/// Makes the verbs, and the way to one of them alone.
macro_rules! verbs {
    ($(#[doc = $about:literal] $name:literal $verb:ident($args:ty),)+) => {
        /// What to do. Flags of a verb are made when it is built, so that a run pays for those of its own verb only.
        #[derive(Debug, Subcommand)]
        #[command(defer = true)]
        pub(crate) enum Verb {
            $(#[doc = $about] #[command(name = $name)] $verb($args),)+
        }

        impl Verb {
            /// The verb called `name` with its flags, and without a word of help.
            fn alone(name: &str) -> Option<Command> {
                match name {
                    $($name => Some(<$args as clap::Args>::augment_args(Command::new($name))),)+
                    _ => None,
                }
            }
        }
    };
}

verbs! {
    /// Make a key pair: an encrypted private key and its public key
    "generate-key-pair" GenerateKeyPair(GenerateKeyPairArgs),
    /// Encrypt a private key from elsewhere
    "import-key-pair" ImportKeyPair(ImportKeyPairArgs),
    /// Print the public key of a key pair
    "public-key" PublicKey(PublicKeyVerbArgs),
    /// Sign images
    "sign" Sign(Box<SignArgs>),
    /// Verify the signatures of images
    "verify" Verify(Box<VerifyArgs>),
    /// Attest something about images: provenance, an SBOM, the result of a scan
    "attest" Attest(Box<AttestArgs>),
    /// Verify the attestations about images
    "verify-attestation" VerifyAttestation(Box<VerifyAttestationArgs>),
    /// Download what is stored beside an image
    "download" Download(DownloadArgs),
    /// Sign files or standard input
    "sign-blob" SignBlob(SignBlobArgs),
    /// Verify the signature of a file or standard input
    "verify-blob" VerifyBlob(Box<VerifyBlobArgs>),
    /// Attest something about a file or standard input
    "attest-blob" AttestBlob(Box<AttestBlobArgs>),
    /// Verify the attestation about a file or standard input
    "verify-blob-attestation" VerifyBlobAttestation(Box<VerifyBlobAttestationArgs>),
    /// Look into policies
    "policy" Policy(PolicyArgs),
    /// Show and make bundles
    "bundle" Bundle(Box<BundleVerbArgs>),
    /// Make trusted roots
    "trusted-root" TrustedRoot(Box<TrustedRootVerbArgs>),
    /// Make signing configurations
    "signing-config" SigningConfig(Box<SigningConfigVerbArgs>),
    /// Keep the password of a registry for this and other tools, once the registry has taken it
    "login" Login(LoginArgs),
    /// Forget the password of a registry
    "logout" Logout(LogoutArgs),
    /// Explain a reason code
    "explain" Explain(ExplainArgs),
    /// Print the version
    "version" Version(VersionArgs),
    /// Print a completion script for a shell
    "completion" Completion(CompletionArgs),
    /// Print the environment variables that matter here
    "env" Env(EnvArgs),
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
    let alone = arguments.first().and_then(|word| verb_alone(word));
    match alone.map(|command| parse_with(command, arguments, environment)) {
        Some(Ok(parsed)) => Ok(parsed),
        // Help, and words about a mistake, are made from all that there is.
        Some(Err(_)) | None => parse_with(command(), arguments, environment),
    }
}

fn parse_with(mut command: Command, arguments: &[OsString], environment: &Environment) -> Result<Parsed, Output> {
    let line = args::normalise(&command, arguments);
    let verb = line.verb.iter().try_fold(&command, |verb, word| verb.find_subcommand(word)).unwrap_or(&command);
    let bound = if line.verb.is_empty() { Bound::default() } else { args::bind(verb, &line.given, environment) };
    let notes: Vec<String> = bound
        .refused
        .iter()
        .map(|variable| {
            format!("WARNING: {variable} is ignored: verification can be weakened on the command line only")
        })
        .collect();
    let line = std::iter::once(OsString::from("sigkit")).chain(line.verb).chain(bound.flags).chain(line.rest);
    let parsed = command.try_get_matches_from_mut(line).and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(cli) => Ok(Parsed { cli, notes }),
        Err(error) => Err(stopped(&error, &bound.sources)),
    }
}

/// The whole command, built, with Go's manner of switches.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    command.build();
    with_go_switches(command)
}

/// The command with one verb only, built in a fraction of the time. Its switches are clap's: a normalised line says them in full.
fn verb_alone(verb: &OsStr) -> Option<Command> {
    let verb = Verb::alone(verb.to_str()?)?;
    let alone = Command::new("sigkit").args_override_self(true).disable_help_subcommand(true);
    let mut command = GlobalArgs::augment_args(alone).subcommand(verb);
    command.build();
    Some(command)
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
    use std::collections::BTreeSet;

    use super::*;

    fn parsed(words: &[&str], variables: &[(&str, &str)]) -> Result<Parsed, Output> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        parse(&words, &Environment::of(variables))
    }

    #[test]
    fn a_verb_alone_reads_like_the_whole() {
        let lines = [
            "version",
            "explain not-found",
            "verify --key k img",
            "verify -key k -d --jobs=3 img --key l",
            "sign -t 1s -key k -y img",
        ];
        for line in lines {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let environment = Environment::of(&[("COSIGN_TIMEOUT", "9s"), ("SIGKIT_ALLOW_HTTP_REGISTRY", "true")]);
            let read = |command| format!("{:?}", parse_with(command, &words, &environment).unwrap());
            assert_eq!(read(verb_alone(&words[0]).unwrap()), read(command()), "{line}");
        }
        // What is wrong is said in the same words, with the names of all verbs and flags at hand.
        for line in ["verify", "verify --no-such-flag", "sign --help", "verify -h", "version x"] {
            let words: Vec<&str> = line.split(' ').collect();
            let whole =
                parse_with(command(), &words.iter().map(OsString::from).collect::<Vec<_>>(), &Environment::of(&[]));
            assert_eq!(format!("{:?}", parsed(&words, &[])), format!("{whole:?}"), "{line}");
        }
        assert!(verb_alone(OsStr::new("help")).is_none() && verb_alone(OsStr::new("--help")).is_none());
        for verb in command().get_subcommands().filter(|verb| verb.get_name() != "help") {
            let alone = verb_alone(OsStr::new(verb.get_name())).unwrap();
            let flags = |verb: &Command| verb.get_arguments().map(|arg| arg.get_id().clone()).collect::<BTreeSet<_>>();
            assert_eq!(flags(alone.find_subcommand(verb.get_name()).unwrap()), flags(verb), "{}", verb.get_name());
        }
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
        for flag in ["--identity-token", "-identity-token=x", "--rekor-url", "--sk"] {
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
