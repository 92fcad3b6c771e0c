//! What `--help` says of each verb: its group, one sentence, how it is called, the flags that most people want, and examples.

use clap::builder::{PossibleValuesParser, ValueHint};
use clap::{Arg, Command};
use sigkit_core::content::PredicateType;

use crate::explain::pages;

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
    const ALL: [Self; 8] =
        [Self::Sign, Self::Verify, Self::Keys, Self::Look, Self::Gates, Self::Trust, Self::Registry, Self::Help];

    const fn title(self) -> &'static str {
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
    group: Group,
    /// One sentence.
    about: &'static str,
    /// What else `--help` says, before the flags.
    more: &'static str,
    /// What follows the verb, one for each way to call it.
    usage: &'static [&'static str],
    /// Flags that `-h` shows; `--help` shows all.
    common: &'static [&'static str],
    /// What each does, and its command line.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

const VERIFYING: &str = "\
Name the signer with --key, with --certificate-identity and --certificate-oidc-issuer, or with --policy. Signatures of every \
format are read: sigstore bundles and cosign's .sig and .att tags. Verifying contacts the registry of the image and nothing else.

Exit codes: 0 verified, 1 refused, 10 no signatures, 11 no such image, 12 signatures exist but none matches, 13 no certificate where \
an identity was asked for, 14 undecided because something could not be read.";

const IDENTITY_IMAGE: &str = "--certificate-identity <ID> --certificate-oidc-issuer <URL> [FLAGS] <IMAGE>...";

const IDENTITY_BLOB: &str =
    "--certificate-identity <ID> --certificate-oidc-issuer <URL> --bundle <FILE> [FLAGS] <FILE>";

/// Every verb that runs, in the order of its group.
pub(crate) const VERBS: &[VerbHelp] = &[
    VerbHelp {
        verb: "sign",
        group: Group::Sign,
        about: "Sign container images",
        more: "\
The signature is stored beside the image: in its registry, or in the layout or archive that holds it. Signing with a key contacts \
the registry and nothing else; no transparency log is used. A tag is resolved once, and the digest behind it is signed.",
        usage: &["--key <KEY> [FLAGS] <IMAGE>..."],
        common: &["key", "annotations", "format", "recursive", "platform", "images-from", "password-file", "yes"],
        examples: &[
            ("Sign an image in a registry", "sigkit sign --key cosign.key registry.example.com/app:v1"),
            (
                "Sign every platform of a multi-platform image",
                "sigkit sign --key cosign.key -r registry.example.com/app:v1",
            ),
            (
                "Also write the format that cosign 2, podman and skopeo read",
                "sigkit sign --key cosign.key --format both registry.example.com/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "attest",
        group: Group::Sign,
        about: "Sign a statement about images: provenance, an SBOM, a scan report",
        more: "The document is checked against its type and signed byte for byte.",
        usage: &["--key <KEY> --type <TYPE> --predicate <FILE> [FLAGS] <IMAGE>..."],
        common: &["key", "type", "predicate", "replace", "format", "platform", "password-file", "yes"],
        examples: &[
            (
                "Attach a signed SBOM",
                "sigkit attest --key cosign.key --type spdxjson --predicate sbom.json \\\n    registry.example.com/app:v1",
            ),
            (
                "Attach a vulnerability scan as Trivy or Grype writes it",
                "sigkit attest --key cosign.key --type vuln --predicate scan.json registry.example.com/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "sign-blob",
        group: Group::Sign,
        about: "Sign files or standard input",
        more: "Files of any size are read once, in constant memory.",
        usage: &["--key <KEY> [FLAGS] <FILE>..."],
        common: &["key", "bundle", "output-signature", "password-file", "yes"],
        examples: &[
            ("Sign a file", "sigkit sign-blob --key cosign.key --bundle app.sigstore.json app.tar.gz"),
            ("Print the signature alone, in base64", "sigkit sign-blob --key cosign.key app.tar.gz"),
        ],
    },
    VerbHelp {
        verb: "attest-blob",
        group: Group::Sign,
        about: "Sign a statement about a file",
        more: "The statement names the file by its SHA-256.",
        usage: &["--key <KEY> --type <TYPE> --predicate <FILE> [FLAGS] <FILE>"],
        common: &["key", "type", "predicate", "bundle", "statement", "password-file", "yes"],
        examples: &[(
            "Sign the provenance of a file",
            "sigkit attest-blob --key cosign.key --type slsaprovenance1 --predicate build.json \\\n    --bundle app.att.json app.tar.gz",
        )],
    },
    VerbHelp {
        verb: "verify",
        group: Group::Verify,
        about: "Verify the signatures of images",
        more: VERIFYING,
        usage: &["--key <KEY> [FLAGS] <IMAGE>...", IDENTITY_IMAGE, "--policy <FILE> [FLAGS] <IMAGE>..."],
        common: &[
            "key",
            "threshold",
            "certificate-identity",
            "certificate-oidc-issuer",
            "policy",
            "annotations",
            "output",
            "recursive",
            "platform",
            "images-from",
        ],
        examples: &[
            ("Verify with a public key", "sigkit verify --key cosign.pub registry.example.com/app:v1"),
            (
                "Verify that a GitHub workflow signed",
                "sigkit verify \\\n    --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1 \\\n    \
                 --certificate-oidc-issuer https://token.actions.githubusercontent.com ghcr.io/acme/app:v1",
            ),
            (
                "Verify with a policy file, and print a machine-readable report",
                "sigkit verify --policy policy.yaml -o report ghcr.io/acme/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "verify-attestation",
        group: Group::Verify,
        about: "Verify the attestations about images",
        more: VERIFYING,
        usage: &["--key <KEY> --type <TYPE> [FLAGS] <IMAGE>...", IDENTITY_IMAGE],
        common: &[
            "key",
            "threshold",
            "certificate-identity",
            "certificate-oidc-issuer",
            "type",
            "policy",
            "output",
            "recursive",
            "platform",
        ],
        examples: &[
            (
                "Verify a signed SBOM and print it",
                "sigkit verify-attestation --key cosign.pub --type spdxjson registry.example.com/app:v1",
            ),
            (
                "Verify provenance with a policy in Rego",
                "sigkit verify-attestation --key cosign.pub --type slsaprovenance1 --policy gate.rego \\\n    registry.example.com/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "verify-blob",
        group: Group::Verify,
        about: "Verify the signature of a file or standard input",
        more: VERIFYING_BLOBS,
        usage: &["--key <KEY> --bundle <FILE> [FLAGS] <FILE>", IDENTITY_BLOB],
        common: &[
            "key",
            "certificate-identity",
            "certificate-oidc-issuer",
            "bundle",
            "signature",
            "certificate",
            "output",
        ],
        examples: &[
            ("Verify with a bundle", "sigkit verify-blob --key cosign.pub --bundle app.sigstore.json app.tar.gz"),
            ("Verify with a detached signature", "sigkit verify-blob --key cosign.pub --signature app.sig app.tar.gz"),
        ],
    },
    VerbHelp {
        verb: "verify-blob-attestation",
        group: Group::Verify,
        about: "Verify the attestation about a file or standard input",
        more: VERIFYING_BLOBS,
        usage: &["--key <KEY> --bundle <FILE> --type <TYPE> [FLAGS] <FILE>", IDENTITY_BLOB],
        common: &["key", "certificate-identity", "certificate-oidc-issuer", "bundle", "type", "digest", "output"],
        examples: &[(
            "Verify the provenance of a file",
            "sigkit verify-blob-attestation --key cosign.pub --type slsaprovenance1 \\\n    --bundle app.att.json app.tar.gz",
        )],
    },
    VerbHelp {
        verb: "generate-key-pair",
        group: Group::Keys,
        about: "Create a key pair: an encrypted private key and its public key",
        more: "\
Writes the encrypted private key cosign.key, which only its owner can read, and the public key cosign.pub. The password is asked for \
on the terminal, or comes from --password-file, SIGKIT_PASSWORD or COSIGN_PASSWORD.",
        usage: &["[FLAGS]"],
        common: &["output-key-prefix", "algorithm", "password-file", "yes"],
        examples: &[
            ("Write cosign.key and cosign.pub", "sigkit generate-key-pair"),
            (
                "Choose algorithm and names",
                "sigkit generate-key-pair --algorithm ecdsa-p384 --output-key-prefix release",
            ),
        ],
    },
    VerbHelp {
        verb: "import-key-pair",
        group: Group::Keys,
        about: "Encrypt an existing private key for signing",
        more: "Reads PKCS#8, PKCS#1 and SEC1 keys in PEM, and writes a key pair as generate-key-pair does.",
        usage: &["--key <FILE> [FLAGS]"],
        common: &["key", "output-key-prefix", "password-file", "yes"],
        examples: &[(
            "Import a key made by openssl",
            "sigkit import-key-pair --key openssl.pem --output-key-prefix release",
        )],
    },
    VerbHelp {
        verb: "public-key",
        group: Group::Keys,
        about: "Print the public key of a private key",
        more: "",
        usage: &["--key <KEY> [FLAGS]"],
        common: &["key", "outfile", "password-file"],
        examples: &[("Print the public key", "sigkit public-key --key cosign.key")],
    },
    VerbHelp {
        verb: "download signature",
        group: Group::Look,
        about: "Print the stored signatures of an image, without verifying them",
        more: "One JSON document per line. Nothing is verified: use verify for that.",
        usage: &["[FLAGS] <IMAGE>"],
        common: &["platform"],
        examples: &[("Print the signatures", "sigkit download signature registry.example.com/app:v1")],
    },
    VerbHelp {
        verb: "download attestation",
        group: Group::Look,
        about: "Print the stored attestations of an image, without verifying them",
        more: "One JSON document per line. Nothing is verified: use verify-attestation for that.",
        usage: &["[FLAGS] <IMAGE>"],
        common: &["platform", "predicate-type"],
        examples: &[(
            "Print the attestations of one type",
            "sigkit download attestation --predicate-type spdxjson registry.example.com/app:v1",
        )],
    },
    VerbHelp {
        verb: "bundle inspect",
        group: Group::Look,
        about: "Show what a bundle contains and what is missing, without verifying it",
        more: "",
        usage: &["[FLAGS] <FILE>"],
        common: &[],
        examples: &[("Inspect a bundle", "sigkit bundle inspect app.sigstore.json")],
    },
    VerbHelp {
        verb: "policy check",
        group: Group::Gates,
        about: "Show what a policy file requires, and where it is weak",
        more: "Reads sigstore's ClusterImagePolicy, containers' policy.json and sigkit's own ImagePolicy. Nothing is contacted.",
        usage: &["[FLAGS] <FILE>"],
        common: &["trusted-root"],
        examples: &[("Check a policy before use", "sigkit policy check policy.yaml")],
    },
    VerbHelp {
        verb: "bundle create",
        group: Group::Trust,
        about: "Create a bundle from a signature and its verification material",
        more: "",
        usage: &["--artifact <FILE> [FLAGS]"],
        common: &["artifact", "signature", "certificate", "key", "bundle", "out"],
        examples: &[(
            "Put a detached signature into a bundle",
            "sigkit bundle create --artifact app.tar.gz --signature app.sig --key cosign.pub --ignore-tlog \\\n    --out app.sigstore.json",
        )],
    },
    VerbHelp {
        verb: "bundle upgrade",
        group: Group::Trust,
        about: "Convert a bundle to the current format",
        more: "",
        usage: &["[FLAGS] <FILE>"],
        common: &["out"],
        examples: &[("Upgrade a bundle", "sigkit bundle upgrade --out new.sigstore.json old.sigstore.json")],
    },
    VerbHelp {
        verb: "trusted-root create",
        group: Group::Trust,
        about: "Create a trusted root from certificates and keys",
        more: "A trusted root names the certificate authorities, transparency logs and timestamp authorities that verification trusts.",
        usage: &["[FLAGS]"],
        common: &["fulcio", "rekor", "ctfe", "tsa", "with-default-services", "out"],
        examples: &[(
            "Trust your own certificate authority and log",
            "sigkit trusted-root create --fulcio url=https://fulcio.example.com,certificate-chain=ca.pem \\\n    --rekor \
             url=https://rekor.example.com,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z \\\n    --out trusted_root.json",
        )],
    },
    VerbHelp {
        verb: "signing-config create",
        group: Group::Trust,
        about: "Create a signing configuration from URLs of services",
        more: "",
        usage: &["[FLAGS]"],
        common: &["fulcio", "oidc-provider", "rekor", "tsa", "with-default-services", "out"],
        examples: &[(
            "Start from the public services",
            "sigkit signing-config create --with-default-services --out signing_config.json",
        )],
    },
    VerbHelp {
        verb: "login",
        group: Group::Registry,
        about: "Check the password of a registry and store it",
        more: "Credentials stored by docker and podman are used without this. docker uses what is stored here, too.",
        usage: &["[FLAGS] <REGISTRY>"],
        common: &["username", "password-stdin", "password"],
        examples: &[("Log in", "sigkit login -u alice --password-stdin registry.example.com")],
    },
    VerbHelp {
        verb: "logout",
        group: Group::Registry,
        about: "Remove the stored password of a registry",
        more: "",
        usage: &["<REGISTRY>"],
        common: &[],
        examples: &[("Log out", "sigkit logout registry.example.com")],
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
        examples: &[("List them", "sigkit env")],
    },
    VerbHelp {
        verb: "completion",
        group: Group::Help,
        about: "Print a completion script for a shell",
        more: "\
Install it once:
  bash        sigkit completion bash > ~/.local/share/bash-completion/completions/sigkit
  zsh         sigkit completion zsh > \"${fpath[1]}/_sigkit\"
  fish        sigkit completion fish > ~/.config/fish/completions/sigkit.fish
  powershell  sigkit completion powershell >> $PROFILE",
        usage: &["<SHELL>"],
        common: &[],
        examples: &[("Print the script for bash", "sigkit completion bash")],
    },
    VerbHelp {
        verb: "man",
        group: Group::Help,
        about: "Print the manual page of sigkit or of one verb",
        more: "",
        usage: &["[VERB]..."],
        common: &[],
        examples: &[("Print the page of verify", "sigkit man verify")],
    },
    VerbHelp {
        verb: "version",
        group: Group::Help,
        about: "Print version, commit and platform",
        more: "",
        usage: &["[FLAGS]"],
        common: &["json"],
        examples: &[("For scripts", "sigkit version --json")],
    },
];

const VERIFYING_BLOBS: &str = "\
Name the signer with --key, or with --certificate-identity and --certificate-oidc-issuer. Files of any size are read once, \
in constant memory. Nothing is contacted.

Exit codes: 0 verified, 1 refused or failed, 12 signatures exist but none matches, 13 no certificate where an identity was asked for.";

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
    VERBS.iter().find(|help| help.verb == verb)
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
            let family = verb.about(*about).long_about(None::<&str>);
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
    let width = VERBS.iter().map(|help| help.verb.len()).max().unwrap_or_default();
    let mut text = String::new();
    for group in Group::ALL {
        text.push_str(group.title());
        text.push('\n');
        for help in VERBS.iter().filter(|help| help.group == group) {
            text.push_str(&format!("  {:width$}  {}\n", help.verb, help.about));
        }
    }
    text
}

impl VerbHelp {
    fn put_into(&self, verb: Command) -> Command {
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
        let mut described: Vec<_> = VERBS.iter().map(|help| help.verb.to_owned()).collect();
        verbs.sort();
        described.sort();
        assert_eq!(verbs, described);
    }

    #[test]
    fn every_example_is_a_command_line() {
        for help in VERBS {
            assert!(!help.examples.is_empty(), "{}", help.verb);
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
        for help in VERBS {
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
        for help in VERBS {
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
