//! Variables beside those of flags: those that are read, and those that cosign reads and this program does not, with what holds here in
//! their place.

use std::collections::BTreeSet;

use crate::environment::Environment;

/// Whether a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Always.
    Always,
    /// Only when asked for: it is a secret, or may hold one.
    Hidden,
}

/// What is read from the environment, beside flags.
pub(crate) const VARIABLES: &[(&str, Shown, &str)] = &[
    ("SIGKIT_PASSWORD", Shown::Hidden, "password of the private key; set but empty is the empty password"),
    ("COSIGN_PASSWORD", Shown::Hidden, "the same, where SIGKIT_PASSWORD is not set"),
    (
        "SIGKIT_MAX_ATTACHMENT_SIZE",
        Shown::Always,
        "largest attestation, 128MiB unless set, memory for those of an image, 48MiB unless set, and largest signature, 1MiB unless set",
    ),
    ("COSIGN_MAX_ATTACHMENT_SIZE", Shown::Always, "the same, where SIGKIT_MAX_ATTACHMENT_SIZE is not set"),
    ("COSIGN_REPOSITORY", Shown::Always, "repository of the signatures, instead of the image's own"),
    (
        "SIGSTORE_ROOT_FILE",
        Shown::Always,
        "certificate authorities, PEM, instead of those of the built-in trusted root",
    ),
    (
        "SIGSTORE_REKOR_PUBLIC_KEY",
        Shown::Always,
        "key of the transparency log, PEM, instead of those of the built-in trusted root",
    ),
    ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", Shown::Always, "the same for the certificate transparency log"),
    (
        "SIGSTORE_TSA_CERTIFICATE_FILE",
        Shown::Always,
        "chain of the timestamp authority, PEM, instead of the built-in one",
    ),
    (
        "SOURCE_DATE_EPOCH",
        Shown::Always,
        "time of creation that --record-creation-timestamp writes, in seconds since 1970",
    ),
    ("NO_COLOR", Shown::Always, "no colour on a terminal, when set and not empty"),
    ("HTTPS_PROXY", Shown::Hidden, "proxy for registries; it may hold credentials"),
    ("HTTP_PROXY", Shown::Hidden, "proxy for registries without TLS; it may hold credentials"),
    ("ALL_PROXY", Shown::Hidden, "proxy where no other is set; it may hold credentials"),
    ("NO_PROXY", Shown::Always, "names and networks reached without a proxy"),
    ("DOCKER_CONFIG", Shown::Always, "directory of the docker config.json that holds registry credentials"),
    ("REGISTRY_AUTH_FILE", Shown::Always, "auth.json of podman that holds registry credentials"),
    ("SSL_CERT_FILE", Shown::Always, "certificate authorities for registries, PEM, instead of those of the system"),
    ("SSL_CERT_DIR", Shown::Always, "directory of the same"),
];

/// A variable of cosign without effect here.
pub(super) struct WithoutEffect {
    pub(super) name: &'static str,
    /// What holds here.
    pub(super) instead: &'static str,
    told: Told,
}

/// To whom a variable without effect is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Who signs or attests.
    Signing,
    /// Who verifies and names neither a key nor a trusted root.
    TrustingDefaults,
    /// Both.
    Both,
    /// Never: it is often set without intent, or the flag that needs it is refused by itself.
    Never,
}

const IDENTITY: &str = "it belongs to signing with an identity, and this build signs with keys (--key)";
const HARDWARE: &str = "hardware keys are not supported: --key takes a file, env://VARIABLE or - for standard input";
const SECRETS: &str = "keys are kept in files, not with GitHub or GitLab";
const ROOT: &str = "the trusted root of the public services is built in; --trusted-root names another";

/// All of them.
pub(super) const WITHOUT_EFFECT: &[WithoutEffect] = &[
    row("ACTIONS_ID_TOKEN_REQUEST_TOKEN", IDENTITY, Told::Never),
    row("ACTIONS_ID_TOKEN_REQUEST_URL", IDENTITY, Told::Never),
    row("BUILDKITE_AGENT_ACCESS_TOKEN", IDENTITY, Told::Never),
    row("BUILDKITE_AGENT_ENDPOINT", IDENTITY, Told::Never),
    row("BUILDKITE_AGENT_LOG_LEVEL", IDENTITY, Told::Never),
    row("BUILDKITE_JOB_ID", IDENTITY, Told::Never),
    row("COSIGN_DOCKER_MEDIA_TYPES", "signatures are stored with the media types of OCI", Told::Signing),
    row(
        "COSIGN_EXPERIMENTAL",
        "a key needs no log, an identity is asked for by --certificate-identity, and every format is read",
        Told::Both,
    ),
    row("COSIGN_PKCS11_IGNORE_CERTIFICATE", HARDWARE, Told::Never),
    row("COSIGN_PKCS11_MODULE_PATH", HARDWARE, Told::Both),
    row("COSIGN_PKCS11_PIN", HARDWARE, Told::Never),
    row("GITHUB_HOST", SECRETS, Told::Never),
    row("GITHUB_TOKEN", SECRETS, Told::Never),
    row("GITLAB_HOST", SECRETS, Told::Never),
    row("GITLAB_TOKEN", SECRETS, Told::Never),
    row("GOOGLE_SERVICE_ACCOUNT_NAME", IDENTITY, Told::Never),
    row("SIGSTORE_ID_TOKEN", IDENTITY, Told::Never),
    row("SPIFFE_ENDPOINT_SOCKET", IDENTITY, Told::Never),
    row("TUF_MIRROR", ROOT, Told::TrustingDefaults),
    row("TUF_ROOT", ROOT, Told::TrustingDefaults),
    row("TUF_ROOT_JSON", ROOT, Told::TrustingDefaults),
];

const fn row(name: &'static str, instead: &'static str, told: Told) -> WithoutEffect {
    WithoutEffect { name, instead, told }
}

/// What people should know who set such a variable for `verb`.
pub(super) fn notes(verb: &str, given: &BTreeSet<String>, environment: &Environment) -> Vec<String> {
    let signs = verb.starts_with("sign") || verb.starts_with("attest");
    let verifies = verb.starts_with("verify");
    if !signs && !verifies {
        return Vec::new();
    }
    let told = |told| match told {
        Told::Signing => signs,
        Told::TrustingDefaults => {
            verifies && !["key", "trusted-root", "policy"].iter().any(|flag| given.contains(*flag))
        }
        Told::Both => true,
        Told::Never => false,
    };
    WITHOUT_EFFECT
        .iter()
        .filter(|variable| told(variable.told))
        .filter(|variable| environment.non_empty(variable.name).is_some_and(|value| value != "0" && value != "false"))
        .map(|variable| format!("note: {} has no effect: {}", variable.name, variable.instead))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verb: &str, given: &[&str], variable: &str, value: &str) -> bool {
        let given = given.iter().map(|flag| (*flag).to_owned()).collect();
        let notes = notes(verb, &given, &Environment::of(&[(variable, value)]));
        notes.iter().any(|note| note.starts_with(&format!("note: {variable} has no effect: ")))
    }

    #[test]
    fn a_variable_of_cosign_without_effect_is_named() {
        assert!(told("sign", &["key"], "COSIGN_EXPERIMENTAL", "1"));
        assert!(told("verify-blob", &["key"], "COSIGN_EXPERIMENTAL", "1"));
        assert!(told("attest", &["key"], "COSIGN_DOCKER_MEDIA_TYPES", "1"));
        assert!(told("verify", &["certificate-identity"], "TUF_MIRROR", "https://tuf.example.test"));
    }

    #[test]
    fn a_variable_that_would_change_nothing_is_not_named() {
        assert!(!told("sign", &["key"], "COSIGN_EXPERIMENTAL", "0"));
        assert!(!told("verify", &["key"], "COSIGN_DOCKER_MEDIA_TYPES", "1"));
        assert!(!told("verify", &["trusted-root"], "TUF_MIRROR", "https://tuf.example.test"));
        assert!(!told("sign", &["key"], "ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example.test"));
        assert!(!told("version", &[], "COSIGN_EXPERIMENTAL", "1"));
    }
}
