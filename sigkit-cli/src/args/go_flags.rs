//! The command line as Go programs read it, rewritten so that clap reads the same.
//!
//! A long flag may have one dash or two; a flag that takes a value takes the next argument whatever it looks like; a switch takes
//! a value only behind `=`; flags may precede the verb. What comes out is the verb, then every flag as `--name=value`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};

use super::Secret;
use super::flag_rules::{Rule, rule};
use super::key_source::KeySource;

/// A command line that says everything in one way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Normalised {
    /// The verb, in as many words as it has.
    pub(crate) verb: Vec<OsString>,
    /// Flags and what follows them.
    pub(crate) rest: Vec<OsString>,
    /// Long names of the flags that were given.
    pub(crate) given: BTreeSet<String>,
    /// Those of them that say whom or what to trust, and have an empty value.
    pub(crate) empty: Vec<String>,
    /// Long name of a flag that names one key and was given again.
    pub(crate) repeated: Option<String>,
}

/// Rewrites `arguments` (without the name of the program) for `root`, which is built.
pub(crate) fn normalise(root: &Command, arguments: &[OsString]) -> Normalised {
    let mut line = Normalised::default();
    let mut verb = root;
    let mut others = Vec::new();
    let mut waiting = arguments.iter();
    while let Some(argument) = waiting.next() {
        match Token::of(argument) {
            Token::End => {
                others.push(argument);
                break;
            }
            Token::Word => match verb.find_subcommand(argument) {
                Some(found) => {
                    line.verb.push(argument.clone());
                    verb = found;
                    if !verb.has_subcommands() {
                        break;
                    }
                }
                None => {
                    others.push(argument);
                    break;
                }
            },
            Token::Flag(text) => {
                others.push(argument);
                // Before the verb is known, its flags are looked for in every verb.
                if Flag::find_anywhere(verb, text).is_some_and(|flag| flag.takes_next()) {
                    others.extend(waiting.next());
                }
            }
        }
    }
    line.rewrite(verb, others.into_iter().chain(waiting));
    line
}

impl Normalised {
    fn rewrite<'a>(&mut self, verb: &Command, mut arguments: impl Iterator<Item = &'a OsString>) {
        while let Some(argument) = arguments.next() {
            match Token::of(argument) {
                Token::Word => self.rest.push(argument.clone()),
                Token::End => {
                    self.rest.push(argument.clone());
                    self.rest.extend(arguments.cloned());
                    return;
                }
                Token::Flag(text) => match Flag::find(verb, text) {
                    Some(Flag::Long(arg, value)) => self.push(verb, arg, value, &mut arguments),
                    // Short help is not long help.
                    Some(Flag::Shorts(arg, [])) if arg.get_long() == Some("help") => self.rest.push(argument.clone()),
                    Some(Flag::Shorts(arg, following)) => self.push_shorts(verb, arg, following, &mut arguments),
                    // With two dashes, clap can suggest the flag.
                    None if !text.starts_with(b"-") && text.len() > 1 => self.rest.push(join(b"--", text)),
                    None => self.rest.push(argument.clone()),
                },
            }
        }
    }

    /// `-rf`, `-a k=v`, `-ofile`, `-o=json`, and any mixture that ends in a value.
    fn push_shorts<'a>(
        &mut self,
        verb: &Command,
        first: &Arg,
        following: &[u8],
        arguments: &mut impl Iterator<Item = &'a OsString>,
    ) {
        let (mut arg, mut following) = (first, following);
        loop {
            let value = match following {
                [] => None,
                [b'=', value @ ..] => Some(value),
                value if takes_value(arg) => Some(value),
                [next, more @ ..] => match short(verb, *next) {
                    Some(found) => {
                        self.push(verb, arg, None, arguments);
                        (arg, following) = (found, more);
                        continue;
                    }
                    None => {
                        self.push(verb, arg, None, arguments);
                        return self.rest.push(join(b"-", following));
                    }
                },
            };
            return self.push(verb, arg, value, arguments);
        }
    }

    fn push<'a>(
        &mut self,
        verb: &Command,
        arg: &Arg,
        value: Option<&[u8]>,
        arguments: &mut impl Iterator<Item = &'a OsString>,
    ) {
        let Some(long) = arg.get_long() else { return };
        let is_free = rule(verb.get_name(), long) == Some(Rule::Free);
        let value = match value {
            None if takes_value(arg) => arguments.next().map(|next| next.as_bytes()),
            given => given,
        };
        let value = match value {
            Some(value) if is_switch(arg) => Some(go_bool(value).unwrap_or(value)),
            None if is_switch(arg) => Some(b"true".as_slice()),
            // A string set to nothing is a string not set: scripts pass `--output-file "$FILE"` unconditionally.
            Some(b"") if is_free && empty_is_absent(arg) => return,
            given => given,
        };
        // Not where it would drop a requirement, or leave to a default whom to trust.
        if value == Some(b"") && !is_free {
            self.empty.push(long.to_owned());
        }
        if !self.given.insert(long.to_owned()) && names_one_key(arg) {
            self.repeated = Some(long.to_owned());
        }
        let flag = join(b"--", long.as_bytes());
        self.rest.push(match value {
            Some(value) => join(join(flag.as_bytes(), b"=").as_bytes(), value),
            None => flag,
        });
    }
}

enum Token<'a> {
    Word,
    End,
    /// Without its first dash.
    Flag(&'a [u8]),
}

impl<'a> Token<'a> {
    fn of(argument: &'a OsStr) -> Self {
        match argument.as_bytes() {
            b"--" => Self::End,
            [b'-', flag @ ..] if !flag.is_empty() => Self::Flag(flag),
            _ => Self::Word,
        }
    }
}

enum Flag<'c, 't> {
    Long(&'c Arg, Option<&'t [u8]>),
    /// The first of a row of letters, and what follows it.
    Shorts(&'c Arg, &'t [u8]),
}

impl<'c, 't> Flag<'c, 't> {
    /// `text` lacks its first dash.
    fn find(verb: &'c Command, text: &'t [u8]) -> Option<Self> {
        let (name, dashes) = match text {
            [b'-', name @ ..] => (name, 2),
            name => (name, 1),
        };
        let (name, value) = match name.iter().position(|byte| *byte == b'=') {
            Some(at) => (&name[..at], Some(&name[at + 1..])),
            None => (name, None),
        };
        match (long(verb, name), text) {
            (Some(arg), _) => Some(Self::Long(arg, value)),
            (None, [letter, following @ ..]) if dashes == 1 => {
                short(verb, *letter).map(|arg| Self::Shorts(arg, following))
            }
            (None, _) => None,
        }
    }

    fn find_anywhere(verb: &'c Command, text: &'t [u8]) -> Option<Self> {
        let mut below = verb.get_subcommands();
        Self::find(verb, text).or_else(|| below.find_map(|verb| Self::find_anywhere(verb, text)))
    }

    fn takes_next(&self) -> bool {
        match self {
            Self::Long(arg, value) => value.is_none() && takes_value(arg),
            Self::Shorts(arg, following) => following.is_empty() && takes_value(arg),
        }
    }
}

fn long<'c>(verb: &'c Command, name: &[u8]) -> Option<&'c Arg> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    verb.get_arguments().find(|arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    })
}

fn short(verb: &Command, letter: u8) -> Option<&Arg> {
    verb.get_arguments().find(|arg| arg.get_short() == Some(char::from(letter)) && arg.get_long().is_some())
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !is_switch(arg)
}

/// Returns true if the flag is true or false.
pub(crate) fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == ValueParser::bool().type_id()
}

/// Returns true if the flag names the one key that is used.
fn names_one_key(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set)
        && arg.get_value_parser().type_id() == std::any::TypeId::of::<KeySource>()
}

fn empty_is_absent(arg: &Arg) -> bool {
    let type_id = arg.get_value_parser().type_id();
    matches!(arg.get_action(), ArgAction::Set)
        && (type_id == std::any::TypeId::of::<PathBuf>()
            || type_id == std::any::TypeId::of::<String>()
            || type_id == std::any::TypeId::of::<Secret>())
}

/// What Go's `strconv.ParseBool` takes.
fn go_bool(value: &[u8]) -> Option<&'static [u8]> {
    match value {
        b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Some(b"true"),
        b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Some(b"false"),
        _ => None,
    }
}

fn join(front: &[u8], back: &[u8]) -> OsString {
    OsString::from_vec([front, back].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cli::command;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    fn normalised(text: &str) -> String {
        let line = normalise(&command(), &words(text));
        let all: Vec<String> = line.verb.iter().chain(&line.rest).map(|w| w.to_string_lossy().into_owned()).collect();
        all.join(" ")
    }

    #[test]
    fn go_and_clap_agree() {
        for (given, expected) in [
            // One dash or two, with or without `=`.
            ("sign -key x img", "sign --key=x img"),
            ("sign --key x img", "sign --key=x img"),
            ("sign -key=x img", "sign --key=x img"),
            ("sign --key=x=y img", "sign --key=x=y img"),
            ("verify -output json img", "verify --output=json img"),
            ("verify -output=json img", "verify --output=json img"),
            // A value is a value, whatever it looks like.
            ("sign --key - img", "sign --key=- img"),
            ("sign --payload -x img", "sign --payload=-x img"),
            ("sign --key -- img", "sign --key=-- img"),
            ("sign --key --recursive img", "sign --key=--recursive img"),
            // Short flags.
            ("verify -a k=v -r -o json img", "verify --annotations=k=v --recursive=true --output=json img"),
            (
                "sign -ak=v -y -f -d -t 3m img",
                "sign --annotations=k=v --yes=true --force=true --verbose=true --timeout=3m img",
            ),
            ("sign -a=k=v img", "sign --annotations=k=v img"),
            ("verify -ojson img", "verify --output=json img"),
            ("verify -o=json img", "verify --output=json img"),
            ("sign -rya k=v img", "sign --recursive=true --yes=true --annotations=k=v img"),
            ("sign -ryak=v img", "sign --recursive=true --yes=true --annotations=k=v img"),
            ("sign -y=false img", "sign --yes=false img"),
            ("generate-key-pair -o p", "generate-key-pair --output-key-prefix=p"),
            ("import-key-pair -k f -o p -y", "import-key-pair --key=f --output-key-prefix=p --yes=true"),
            ("import-key-pair -key f", "import-key-pair --key=f"),
            // Switches take a value behind `=` only.
            ("sign --recursive img", "sign --recursive=true img"),
            ("sign --recursive false", "sign --recursive=true false"),
            ("sign --upload=F --tlog-upload=0", "sign --upload=false --tlog-upload=false"),
            ("sign --upload=TRUE --yes=t", "sign --upload=true --yes=true"),
            ("sign --upload=maybe", "sign --upload=maybe"),
            // Aliases.
            ("verify --max-workers 3", "verify --jobs=3"),
            ("sign-blob --output f b", "sign-blob --output-signature=f b"),
            // `--` ends flags; a dash alone is not a flag.
            ("sign --key k -- -r img", "sign --key=k -- -r img"),
            ("verify-blob --key k -", "verify-blob --key=k -"),
            // Flags before the verb.
            ("-d sign img", "sign --verbose=true img"),
            ("--timeout 3m sign img", "sign --timeout=3m img"),
            ("-t 3m -d sign img", "sign --timeout=3m --verbose=true img"),
            ("--key sign verify img", "verify --key=sign img"),
            ("-key=k sign img", "sign --key=k img"),
            // What is missing or unknown is left for clap to name.
            ("sign img --key", "sign img --key"),
            ("sign --kye x img", "sign --kye x img"),
            ("sign -kye x img", "sign --kye x img"),
            ("sign -rZ img", "sign --recursive=true -Z img"),
            ("sign -Z img", "sign -Z img"),
            ("sign --=x", "sign --=x"),
            ("sign ---key x", "sign ---key x"),
            ("nothing --key x", "nothing --key x"),
            ("-h", "-h"),
            ("sign -help", "sign --help"),
            ("help sign", "help sign"),
            ("", ""),
        ] {
            assert_eq!(normalised(given), expected, "{given}");
        }
    }

    #[test]
    fn empty_string_is_absent_but_empty_key_is_a_mistake() {
        let given = ["sign", "--bundle", "", "--registry-token=", "--key", "", "-a", ""].map(OsString::from);
        let line = normalise(&command(), &given);
        assert_eq!(line.rest, ["--key=", "--annotations="]);
        assert!(!line.given.contains("bundle") && line.given.contains("key"));
    }

    #[test]
    fn what_was_given_is_known_by_its_long_name() {
        let line = normalise(&command(), &words("verify -key k -a x=y --max-workers=2 img --rubbish"));
        assert_eq!(line.given.into_iter().collect::<Vec<_>>(), ["annotations", "jobs", "key"]);
    }

    // threat: L06
    #[test]
    fn no_argument_is_too_strange() {
        let mut command = command();
        let strange: Vec<OsString> = [
            &b""[..],
            b"-",
            b"--",
            b"---",
            b"-=",
            b"--=",
            b"-\xff",
            b"--\xff=\xfe",
            b"\xff",
            b"-r\xff",
            b"--key=\xff",
            b"-a\xff",
            b"-o",
            b"--key",
            b"-t",
            b"sign",
            b"help",
            b"-\0",
            b"=",
            b"--upload=\xff",
            b"-ry=",
            b"-y=\xff",
        ]
        .into_iter()
        .map(|bytes| OsString::from_vec(bytes.to_vec()))
        .collect();
        for one in &strange {
            for two in &strange {
                for verb in ["", "sign", "verify", "generate-key-pair"] {
                    let line = [OsString::from(verb), one.clone(), two.clone()];
                    let line = normalise(&command, &line);
                    let line = std::iter::once("sigkit".into()).chain(line.verb).chain(line.rest);
                    // Any answer will do, but there must be one.
                    drop(command.try_get_matches_from_mut(line));
                }
            }
        }
    }
}
