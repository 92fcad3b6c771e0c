//! Help of the verbs about registries, and about the program.

use super::verb_help::{Group, VerbHelp};

pub(super) const VERBS: &[VerbHelp] = &[
    VerbHelp {
        verb: "login",
        group: Group::Registry,
        about: "Check the password of a registry and store it",
        more: "Credentials stored by docker and podman are used without this. docker uses what is stored here, too.",
        usage: &["[FLAGS] <REGISTRY>"],
        common: &["username", "password-stdin", "password"],
        examples: &[
            ("Log in, and be asked for the password", "sigkit login -u alice registry.example.com"),
            (
                "Log in with the password on standard input",
                "sigkit login -u alice --password-stdin registry.example.com",
            ),
        ],
    },
    VerbHelp {
        verb: "logout",
        group: Group::Registry,
        about: "Remove the stored password of a registry",
        more: "",
        usage: &["<REGISTRY>"],
        common: &[],
        examples: &[
            ("Log out", "sigkit logout registry.example.com"),
            ("Log out of a registry at a port", "sigkit logout registry.example.com:5000"),
        ],
    },
    VerbHelp {
        verb: "explain",
        group: Group::Help,
        about: "Explain a reason code of a report or an error",
        more: "",
        usage: &["[CODE]"],
        common: &[],
        examples: &[("Explain a refusal", "sigkit explain signature-invalid"), ("List all codes", "sigkit explain")],
    },
    VerbHelp {
        verb: "env",
        group: Group::Help,
        about: "List the environment variables that are read, with their values",
        more: "",
        usage: &["[FLAGS]"],
        common: &["show-descriptions", "show-sensitive-values"],
        examples: &[("List them", "sigkit env"), ("With what each is for", "sigkit env --show-descriptions")],
    },
    VerbHelp {
        verb: "completion",
        group: Group::Help,
        about: "Print a completion script for a shell",
        more: "\
In this shell only:
  bash        source <(sigkit completion bash)
  zsh         source <(sigkit completion zsh)

Install it for good:
  bash        sigkit completion bash > ~/.local/share/bash-completion/completions/sigkit
  zsh         sigkit completion zsh > \"${fpath[1]}/_sigkit\"
  fish        sigkit completion fish > ~/.config/fish/completions/sigkit.fish
  powershell  sigkit completion powershell >> $PROFILE",
        usage: &["<SHELL>"],
        common: &[],
        examples: &[
            ("Print the script for bash", "sigkit completion bash"),
            ("Print the script for fish", "sigkit completion fish"),
        ],
    },
    VerbHelp {
        verb: "man",
        group: Group::Help,
        about: "Print the manual page of sigkit or of one verb",
        more: "Prints the source of the page. To read it: sigkit man verify | man -l -",
        usage: &["[VERB]..."],
        common: &[],
        examples: &[("Print the page of verify", "sigkit man verify"), ("Print the page of sigkit", "sigkit man")],
    },
    VerbHelp {
        verb: "version",
        group: Group::Help,
        about: "Print version, commit and platform",
        more: "",
        usage: &["[FLAGS]"],
        common: &["json"],
        examples: &[("Print the version", "sigkit version"), ("For scripts", "sigkit version --json")],
    },
];
