//! What an environment variable may set instead of a flag, and what an empty value means. A flag that has no row here takes nothing
//! from the environment.

/// Flags that say whose signatures are accepted.
const SIGNERS: [&str; 12] = [
    "key",
    "certificate",
    "certificate-identity",
    "certificate-identity-regexp",
    "certificate-oidc-issuer",
    "certificate-oidc-issuer-regexp",
    "certificate-oidc-issuer-absent",
    "certificate-github-workflow-trigger",
    "certificate-github-workflow-sha",
    "certificate-github-workflow-name",
    "certificate-github-workflow-repository",
    "certificate-github-workflow-ref",
];

/// Flags that say which authorities and logs to trust.
const TRUST: [&str; 5] =
    ["trusted-root", "certificate-chain", "ca-roots", "ca-intermediates", "timestamp-certificate-chain"];

/// Flags that give what is verified, instead of reading it from a store.
const EVIDENCE: [&str; 5] = ["bundle", "signature", "payload", "rfc3161-timestamp", "sct"];

/// Flags that select an image of an index.
const IMAGE: [&str; 2] = ["platform", "recursive"];

/// What the environment may do to a flag, and what an empty value of the flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A variable may set it, and an empty value counts as unset: what is written where, how long to wait.
    Free,
    /// It says whom or what to trust. A variable may set it only where the command line says nothing of its kind; that is told, and
    /// an empty value is a mistake.
    Belief(Kind),
    /// It makes verification ask for less, which only the command line may say, where it can be seen.
    Weaker,
    /// Only the command line may set it. An empty value is a mistake.
    CommandLine,
    /// The variable of that name means something else: `SIGKIT_PASSWORD` and `COSIGN_PASSWORD` are passwords of keys, which no registry
    /// must get to see.
    OtherMeaning,
}

/// What a flag is about, among those that say whom or what to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whose signatures are accepted.
    Signers,
    /// Which authorities and logs to trust.
    Trust,
    /// Which authorities to trust for certificates; not needed with a key or a policy.
    Authorities,
    /// What is verified.
    Evidence,
    /// Which image of an index to use.
    Image,
    /// Something of its own: a requirement more, a certificate of a registry.
    Own,
}

impl Kind {
    /// The flags that say something of this kind, `long` included; where one of them is given, no variable speaks for `long`.
    pub(super) fn flags(self, verb: &str, long: &str) -> Vec<String> {
        // The policy of attestations judges what they say, and not who signed them.
        let policy: &[&str] = if verb == "verify" { &["policy"] } else { &[] };
        let groups: [&[&str]; 3] = match self {
            Self::Signers => [&SIGNERS, policy, &[]],
            Self::Trust => [&TRUST, &[], &[]],
            Self::Authorities => [&TRUST, &["key"], policy],
            Self::Evidence => [&EVIDENCE, policy, if long == "sct" { &["key"] } else { &[] }],
            Self::Image => [&IMAGE, &[], &[]],
            Self::Own => [&[], &[], &[]],
        };
        groups.into_iter().flatten().copied().chain([long]).map(str::to_owned).collect()
    }
}

/// The rule for the flag `long` of `verb`; `None` for a flag that has none.
pub(super) fn rule(verb: &str, long: &str) -> Option<Rule> {
    let verifies = verb.starts_with("verify");
    Some(match long {
        "password" => Rule::OtherMeaning,
        _ if ["insecure-", "allow-", "compat-"].iter().any(|weaker| long.starts_with(weaker)) => Rule::Weaker,
        "private-infrastructure" | "check-claims" | "certificate-oidc-issuer-absent" => Rule::Weaker,
        "ignore-tlog" | "show-sensitive-values" | "images-from" | "local-image" => Rule::CommandLine,
        // Documents that say whom to trust are made of what the command line says.
        "fulcio"
        | "rekor"
        | "ctfe"
        | "tsa"
        | "oidc-provider"
        | "rekor-config"
        | "tsa-config"
        | "base-config"
        | "with-default-services" => Rule::CommandLine,
        _ if long.starts_with("no-default-") => Rule::CommandLine,
        "policy" if verb == "verify" => Rule::Belief(Kind::Signers),
        _ if SIGNERS.contains(&long) => Rule::Belief(Kind::Signers),
        "signature-digest-algorithm" => Rule::Belief(Kind::Signers),
        "trusted-root" | "timestamp-certificate-chain" => Rule::Belief(Kind::Trust),
        "certificate-chain" | "ca-roots" | "ca-intermediates" => Rule::Belief(Kind::Authorities),
        // When signing, the bundle is what is written.
        "bundle" if !verifies && verb != "create" => Rule::Free,
        "bundle" | "signature" | "payload" | "rfc3161-timestamp" | "sct" | "attestation" | "artifact" => {
            Rule::Belief(Kind::Evidence)
        }
        "platform" | "recursive" => Rule::Belief(Kind::Image),
        "policy"
        | "threshold"
        | "require-log"
        | "use-signed-timestamps"
        | "check-reference"
        | "annotations"
        | "type"
        | "predicate-type"
        | "digest"
        | "digestAlg"
        | "hash"
        | "sign-container-identity"
        | "registry-cacert"
        | "registry-server-name" => Rule::Belief(Kind::Own),
        "timeout" | "verbose" | "no-progress" | "jobs" | "max-workers" | "offline" | "rekor-url" | "yes" | "force"
        | "replace" | "json" | "show-descriptions" => Rule::Free,
        "output" | "output-file" | "out" | "outfile" | "output-signature" | "output-payload" | "output-attestation"
        | "output-key-prefix" | "b64" => Rule::Free,
        "format"
        | "new-bundle-format"
        | "experimental-oci11"
        | "record-creation-timestamp"
        | "upload"
        | "no-upload"
        | "tlog-upload"
        | "use-signing-config"
        | "signing-config"
        | "predicate"
        | "statement"
        | "algorithm"
        | "kms" => Rule::Free,
        "password-file"
        | "username"
        | "password-stdin"
        | "registry-username"
        | "registry-password"
        | "registry-token"
        | "registry-client-cert"
        | "registry-client-key"
        | "registry-referrers-mode"
        | "k8s-keychain"
        | "signature-repo"
        | "attachment-tag-prefix" => Rule::Free,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cli::command;
    use crate::args::{Bound, bind};
    use crate::environment::Environment;

    /// Every flag of every verb.
    fn each_flag(mut see: impl FnMut(&clap::Command, &str)) {
        fn walk(verb: &clap::Command, see: &mut impl FnMut(&clap::Command, &str)) {
            for long in verb.get_arguments().filter_map(clap::Arg::get_long) {
                see(verb, long);
            }
            verb.get_subcommands().for_each(|verb| walk(verb, see));
        }
        let command = command();
        command.get_subcommands().filter(|verb| verb.get_name() != "help").for_each(|verb| walk(verb, &mut see));
    }

    // threat: R16
    #[test]
    fn every_flag_of_every_verb_has_a_rule() {
        let mut without = std::collections::BTreeSet::new();
        let mut seen = 0;
        each_flag(|verb, long| {
            seen += 1;
            if rule(verb.get_name(), long).is_none() && !matches!(long, "help" | "version") {
                without.insert(format!("{} --{long}", verb.get_name()));
            }
        });
        assert!(without.is_empty(), "say in flag_rules.rs what variables may set of these: {without:?}");
        assert!(seen > 300, "{seen}");
    }

    // threat: R16
    #[test]
    fn a_variable_speaks_for_a_flag_only_as_its_rule_allows() {
        each_flag(|verb, long| {
            let Some(rule) = rule(verb.get_name(), long) else { return };
            for prefix in ["SIGKIT_", "COSIGN_"] {
                let variable = format!("{prefix}{}", long.replace('-', "_").to_uppercase());
                let at = format!("{} {variable}", verb.get_name());
                let environment = Environment::of(&[(&variable, "1")]);
                let nothing = std::collections::BTreeSet::new();
                let bound = bind(verb, &nothing, &environment);
                let is_set = bound.flags == [format!("--{long}=1").as_str()];
                match rule {
                    Rule::Free => {
                        assert!(is_set && bound.beliefs.is_empty() && bound.notes.is_empty(), "{at}: {bound:?}")
                    }
                    Rule::Belief(kind) => {
                        assert!(is_set && bound.beliefs.len() == 1, "{at}: {bound:?}");
                        assert!(bound.notes[0].contains(&variable), "{at}: {bound:?}");
                        // Where the command line says anything of the kind, the variable does not count, and that is told.
                        for said in kind.flags(verb.get_name(), long) {
                            let bound = bind(verb, &[said.clone()].into(), &environment);
                            assert_eq!((&bound.flags[..], bound.beliefs.len()), (&[][..], 0), "{at} beside --{said}");
                            assert!(bound.notes.iter().any(|note| note.contains(&variable)), "{at} beside --{said}");
                        }
                        let empty = bind(verb, &nothing, &Environment::of(&[(&variable, "")]));
                        assert!(empty.mistake.is_some_and(|why| why.contains(&variable)), "{at}");
                    }
                    Rule::Weaker | Rule::CommandLine => {
                        assert!(bound.flags.is_empty() && bound.notes[0].starts_with("WARNING"), "{at}: {bound:?}");
                    }
                    Rule::OtherMeaning => assert_eq!(bound, Bound::default(), "{at}"),
                }
            }
        });
    }
}
