//! The help of one verb, and how it is put into its command.

use clap::{Arg, Command};

/// Groups of verbs, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Sign,
    Verify,
    Keys,
    Look,
    Gates,
    Trust,
    Registry,
    Help,
}

impl Group {
    pub(super) const ALL: [Self; 8] =
        [Self::Sign, Self::Verify, Self::Keys, Self::Look, Self::Gates, Self::Trust, Self::Registry, Self::Help];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Sign => "Sign",
            Self::Verify => "Verify",
            Self::Keys => "Keys",
            Self::Look => "Look",
            Self::Gates => "Gates",
            Self::Trust => "Trust",
            Self::Registry => "Registry",
            Self::Help => "Help",
        }
    }
}

/// The help of one verb.
#[derive(Debug)]
pub(crate) struct VerbHelp {
    /// The verb, in as many words as it has.
    pub(crate) verb: &'static str,
    pub(super) group: Group,
    /// One sentence.
    pub(super) about: &'static str,
    /// What else `--help` says, before the flags.
    pub(super) more: &'static str,
    /// What follows the verb, one for each way to call it.
    pub(super) usage: &'static [&'static str],
    /// Flags that `-h` shows; `--help` shows all.
    pub(super) common: &'static [&'static str],
    /// What each does, and its command line.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

impl VerbHelp {
    pub(super) fn put_into(&self, verb: Command) -> Command {
        let mut examples = String::from("Examples:");
        for (what, line) in self.examples {
            examples.push_str(&format!("\n  # {what}\n  {line}"));
        }
        let long =
            if self.more.is_empty() { format!("{}.", self.about) } else { format!("{}.\n\n{}", self.about, self.more) };
        let some_hidden = verb.get_arguments().any(|arg| !arg.is_hide_set() && self.only_in_long_help(arg));
        let short_end = if some_hidden {
            format!("`sigkit {} --help` shows all flags, with examples.", self.verb)
        } else {
            examples.clone()
        };
        verb.about(self.about)
            .long_about(long)
            .override_usage(self.usage.iter().map(|usage| self.usage_line(usage)).collect::<Vec<_>>().join("\n       "))
            .after_help(short_end)
            .after_long_help(examples)
            .mut_args(|arg| {
                let hidden = self.only_in_long_help(&arg);
                arg.hide_short_help(hidden)
            })
    }

    /// One way to call the verb; a long one in two lines.
    fn usage_line(&self, usage: &str) -> String {
        let line = format!("sigkit {} {usage}", self.verb);
        if line.len() < 90 {
            line
        } else {
            line.replacen(" --certificate-oidc-issuer", "\n           --certificate-oidc-issuer", 1)
        }
    }

    fn only_in_long_help(&self, arg: &Arg) -> bool {
        arg.get_long().is_some_and(|long| long != "help" && !self.common.is_empty() && !self.common.contains(&long))
    }
}
