//! A command line that cannot run, in plain words: what is wrong with it, what was probably meant, and how it is written.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use std::ffi::OsString;

use crate::args::{self, help};
use crate::exit::ExitCode;
use crate::outcome::Output;
use sigkit_core::text::escape;

/// What to print instead of running: help, the version, or what is wrong with `arguments`.
///
/// `sources` names the variable that each flag from the environment came from.
pub(crate) fn output(
    error: &clap::Error,
    root: &Command,
    arguments: &[OsString],
    sources: &[(String, String)],
) -> Output {
    // Plain text: what clap shows may repeat an argument, and that is escaped.
    let text = escape::multi_line(&error.render().to_string());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Output::result(text);
    }
    let line = Line::of(root, arguments);
    if matches!(error.kind(), ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        let help = escape::multi_line(&line.command.clone().render_help().to_string());
        return Output::notes(vec![help.trim_end().to_owned()], ExitCode::Usage);
    }
    let named = [flags(error, ContextKind::InvalidArg), flags(error, ContextKind::PriorArg)].concat();
    let flag = named.first().map_or("", String::as_str);
    let mut notes = vec![match error.kind() {
        ErrorKind::InvalidSubcommand => line.unknown_verb(error),
        ErrorKind::UnknownArgument if flag.starts_with('-') => line.unknown_flag(flag),
        ErrorKind::UnknownArgument => format!("Error: {}unexpected argument {flag:?}", line.front()),
        ErrorKind::MissingRequiredArgument => line.missing(error),
        ErrorKind::ArgumentConflict => line.conflict(error),
        _ => format!("Error: {}{}", line.front(), first_paragraph(&text)),
    }];
    for flag in &named {
        if let Some((_, variable)) = sources.iter().find(|(long, _)| flag.strip_prefix("--") == Some(long)) {
            notes.push(format!("note: {flag} was set by the environment variable {variable}"));
        }
    }
    if let Some(help) = line.help().filter(|_| error.kind() == ErrorKind::MissingRequiredArgument) {
        notes.extend(
            help.examples.iter().take(2).map(|(what, line)| format!("  {what}:\n    {}", line.replace('\n', "\n    "))),
        );
    }
    notes.push(format!("`sigkit {}--help` shows {}.", line.words(), line.behind_help()));
    Output::notes(notes.iter().map(|note| escape::multi_line(note)).collect(), ExitCode::Usage)
}

/// A flag that may be given once was given again.
pub(crate) fn repeated(root: &Command, arguments: &[OsString], flag: &str) -> Output {
    let line = Line::of(root, arguments);
    let why = format!("Error: {}--{flag} was given more than once, and one is used: keep one", line.front());
    Output::notes(vec![why], ExitCode::Usage)
}

/// The command line as far as it makes sense.
struct Line<'c> {
    /// The verb, in as many words as are known.
    verb: Vec<&'c str>,
    /// Its command, or the whole one.
    command: &'c Command,
}

impl<'c> Line<'c> {
    fn of(root: &'c Command, arguments: &[OsString]) -> Self {
        let mut line = Self { verb: Vec::new(), command: root };
        for word in &args::normalise(root, arguments).verb {
            let Some(found) = line.command.find_subcommand(word) else { break };
            line.verb.push(found.get_name());
            line.command = found;
        }
        line
    }

    fn help(&self) -> Option<&'static help::VerbHelp> {
        help::of(&self.verb.join(" "))
    }

    /// What its help shows.
    fn behind_help(&self) -> &'static str {
        match (self.verb.is_empty(), self.help()) {
            (true, _) => "all verbs",
            (false, None) => "its verbs",
            (false, Some(_)) => "all flags, with examples",
        }
    }

    /// The verb and a blank.
    fn words(&self) -> String {
        self.verb.iter().map(|word| format!("{word} ")).collect()
    }

    /// What a message begins with.
    fn front(&self) -> String {
        if self.verb.is_empty() { String::new() } else { format!("{}: ", self.verb.join(" ")) }
    }

    fn missing(&self, error: &clap::Error) -> String {
        let names = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(names)) => names.join(", "),
            Some(ContextValue::String(name)) => name.clone(),
            _ => String::new(),
        };
        let signs = matches!(self.verb.first(), Some(&("sign" | "attest" | "sign-blob" | "attest-blob")));
        let identity = if signs && names.contains("--key") {
            ": name the private key (signing with an identity instead of a key is not in this version)"
        } else if names.starts_with("--registry-username") || names.starts_with("--registry-password") {
            ": user name and password go together: give both, or --registry-token, or neither"
        } else {
            ""
        };
        format!("Error: {}missing {names}{identity}", self.front())
    }

    fn conflict(&self, error: &clap::Error) -> String {
        let flag = flags(error, ContextKind::InvalidArg).concat();
        let others = flags(error, ContextKind::PriorArg);
        let among = |names: &[&str]| names.iter().any(|name| *name == flag || others.iter().any(|other| other == name));
        let advice = if among(&["--policy"]) {
            "the policy says what to verify: omit one"
        } else if among(&["--payload"]) {
            "the payload is signed as it is: write annotations and the name of the image into it"
        } else if among(&["--registry-token"]) {
            "give a token, or a user name and a password"
        } else if among(&["--key"]) {
            "a signer is known by a key or by a certificate: omit one"
        } else {
            "omit one"
        };
        format!("Error: {}{flag} cannot be used with {}: {advice}", self.front(), others.join(" and "))
    }

    fn unknown_flag(&self, flag: &str) -> String {
        let front = self.front();
        if let Some(why) = args::unsupported_reason(&self.verb.join(" "), flag) {
            return format!("Error: {front}{flag} is not in this build: {why}");
        }
        let longs = self.command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long);
        match nearest(flag.trim_start_matches('-'), longs) {
            Some(near) => format!("Error: {front}unknown flag {flag}: did you mean --{near}?"),
            None => format!("Error: {front}unknown flag {flag}"),
        }
    }

    fn unknown_verb(&self, error: &clap::Error) -> String {
        let found = match error.get(ContextKind::InvalidSubcommand) {
            Some(ContextValue::String(found)) => found.as_str(),
            _ => "",
        };
        let verb = format!("{}{found}", self.words());
        if let Some(instead) = args::instead_of_verb(&verb) {
            return format!("Error: {verb}: this verb of cosign is not in this version: {instead}");
        }
        let verbs = self.command.get_subcommands().map(Command::get_name);
        let what = if self.verb.is_empty() {
            "unknown verb".to_owned()
        } else {
            format!("{} unknown verb", self.front().trim_end())
        };
        match nearest(found, verbs) {
            Some(near) => format!("Error: {what} {found:?}: did you mean {}{near}?", self.words()),
            None => format!("Error: {what} {found:?}"),
        }
    }
}

/// The flags that an error names, without their values.
fn flags(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    let bare = |flag: &String| flag.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
    match error.get(kind) {
        Some(ContextValue::String(flag)) => vec![bare(flag)],
        Some(ContextValue::Strings(flags)) => flags.iter().map(bare).collect(),
        _ => Vec::new(),
    }
}

/// The name that was probably meant. One that asks for less, or takes a secret, only when a single letter is wrong.
pub(super) fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // A text this long is not a mistyped name.
    if given.len() > 64 {
        return None;
    }
    let harmful = |name: &str| {
        ["insecure", "allow", "ignore", "compat", "token", "password", "force", "yes"]
            .iter()
            .any(|word| name.contains(word))
    };
    names
        .map(|name| (strsim::osa_distance(given, name), name))
        .filter(|(distance, name)| *distance <= if harmful(name) { 1 } else { (given.len() / 3).clamp(1, 4) })
        .min()
        .map(|(_, name)| name)
}

/// What clap says is wrong, without its advice.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split("\n\n").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cli;
    use crate::environment::Environment;

    fn said(line: &str) -> String {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let stopped = cli::parse(&words, &Environment::of(&[])).unwrap_err();
        assert_eq!(stopped.exit, ExitCode::Usage, "{line}: {stopped:?}");
        stopped.notes.join("\n")
    }

    #[test]
    fn mistyped_names_get_the_obvious_suggestion() {
        for (line, expected) in [
            ("verfy", "Error: unknown verb \"verfy\": did you mean verify?"),
            ("sgin", "did you mean sign?"),
            ("verify-atestation", "did you mean verify-attestation?"),
            ("bundle inspct x", "Error: bundle: unknown verb \"inspct\": did you mean bundle inspect?"),
            ("sign --kye k img", "Error: sign: unknown flag --kye: did you mean --key?"),
            ("sign -kye k img", "did you mean --key?"),
            ("verify --certificate-identiy x img", "did you mean --certificate-identity?"),
            ("sign --recursiv --key k img", "did you mean --recursive?"),
        ] {
            assert!(said(line).contains(expected), "{line}: {}", said(line));
        }
    }

    #[test]
    fn a_suggestion_never_asks_for_less_or_for_a_secret() {
        for (line, harmful) in [
            ("sign --identity-token x img", "registry-token"),
            ("verify --key k --ignore-tlog img", "insecure-ignore-tlog"),
            ("verify --key k --allow-registry img", "allow-http"),
            ("frobnicate", "did you mean"),
        ] {
            assert!(!said(line).contains(harmful), "{line}: {}", said(line));
        }
    }

    #[test]
    fn what_is_missing_is_named_with_an_example() {
        let text = said("sign registry.example.com/app:v1");
        assert!(text.starts_with("Error: sign: missing --key <KEY>: name the private key"), "{text}");
        assert!(text.contains("sigkit sign --key cosign.key registry.example.com/app:v1"), "{text}");
        assert!(text.ends_with("`sigkit sign --help` shows all flags, with examples."), "{text}");
        assert!(said("verify --key k").starts_with("Error: verify: missing <IMAGE>"), "{}", said("verify --key k"));
    }

    #[test]
    fn a_verb_of_cosign_that_is_not_built_says_what_to_use() {
        for verb in [
            "copy",
            "save",
            "load",
            "tree",
            "triangulate",
            "attach",
            "clean",
            "generate",
            "initialize",
            "upload",
            "download sbom",
        ] {
            let text = said(verb);
            assert!(
                text.starts_with(&format!("Error: {verb}: this verb of cosign is not in this version: ")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_second_key_where_one_signs_is_refused() {
        let text = said("sign --key a --key b img");
        assert_eq!(text, "Error: sign: --key was given more than once, and one is used: keep one");
        let words = ["verify", "--key", "a", "--key", "b", "img"].map(OsString::from);
        cli::parse(&words, &Environment::of(&[])).unwrap();
    }

    #[test]
    fn no_message_keeps_the_words_of_the_library_behind_it() {
        for line in [
            "verify",
            "sign",
            "x",
            "sign --no-such",
            "verify -o xml --key k img",
            "sign --jobs 0 --key k i",
            "explain a b",
            "sign --key k --upload=maybe i",
        ] {
            let text = said(line);
            assert!(
                text.starts_with("Error: ") && !text.contains("error: ") && !text.contains("tip:"),
                "{line}: {text}"
            );
            assert!(!text.contains("For more information"), "{line}: {text}");
        }
    }
}
