use std::fmt::Write as _;

use crate::args::EnvArgs;
use crate::context::Context;
use crate::escape;
use crate::outcome::Output;

/// Whether a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Secret,
}

/// What is read from the environment, beside flags.
const VARIABLES: &[(&str, Kind, &str)] = &[
    ("SIGKIT_PASSWORD", Kind::Secret, "password of the private key; set but empty is the empty password"),
    ("COSIGN_PASSWORD", Kind::Secret, "the same, where SIGKIT_PASSWORD is not set"),
    (
        "SIGKIT_MAX_ATTACHMENT_SIZE",
        Kind::Plain,
        "largest attestation, 128MiB unless set, and largest signature, 1MiB unless set",
    ),
    ("COSIGN_MAX_ATTACHMENT_SIZE", Kind::Plain, "the same, where SIGKIT_MAX_ATTACHMENT_SIZE is not set"),
    ("SIGSTORE_ROOT_FILE", Kind::Plain, "certificate authorities, PEM, instead of those of the built-in trusted root"),
    (
        "SIGSTORE_REKOR_PUBLIC_KEY",
        Kind::Plain,
        "key of the transparency log, PEM, instead of those of the built-in trusted root",
    ),
    ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", Kind::Plain, "the same for the certificate transparency log"),
    (
        "SIGSTORE_TSA_CERTIFICATE_FILE",
        Kind::Plain,
        "chain of the timestamp authority, PEM, instead of the built-in one",
    ),
    ("NO_COLOR", Kind::Plain, "no colour on a terminal, when set and not empty"),
    ("HTTPS_PROXY", Kind::Secret, "proxy for registries; it may hold credentials"),
    ("HTTP_PROXY", Kind::Secret, "proxy for registries without TLS; it may hold credentials"),
    ("ALL_PROXY", Kind::Secret, "proxy where no other is set; it may hold credentials"),
    ("NO_PROXY", Kind::Plain, "names and networks reached without a proxy"),
    ("DOCKER_CONFIG", Kind::Plain, "directory of the docker config.json that holds registry credentials"),
    ("REGISTRY_AUTH_FILE", Kind::Plain, "auth.json of podman that holds registry credentials"),
    ("SSL_CERT_FILE", Kind::Plain, "certificate authorities for registries, PEM, instead of those of the system"),
    ("SSL_CERT_DIR", Kind::Plain, "directory of the same"),
];

pub(super) fn run(args: &EnvArgs, context: &Context) -> Output {
    let mut text = String::new();
    if args.show_descriptions {
        text.push_str(
            "# Flags can be set by SIGKIT_<FLAG> or COSIGN_<FLAG>: --output-key-prefix by SIGKIT_OUTPUT_KEY_PREFIX.\n\
             # Those that weaken verification cannot. Those that say whom or what is believed can only where the command line says\n\
             # nothing of the kind; they are named on standard error and in the report, and must not be empty.\n\
             # For all others an empty variable is none.\n",
        );
    }
    for (name, kind, description) in VARIABLES {
        if args.show_descriptions {
            // Writing to a String cannot fail.
            writeln!(text, "# {name}: {description}").unwrap_or_default();
        }
        let value = context.environment.get(name);
        let shown = match (value, kind) {
            (None, _) => String::new(),
            (Some(_), Kind::Secret) if !args.show_sensitive_values => "\"******\"".to_owned(),
            (Some(value), _) => format!("\"{}\"", escape::one_line(&value.to_string_lossy())),
        };
        writeln!(text, "{name}={shown}").unwrap_or_default();
    }
    Output::result(text)
}
