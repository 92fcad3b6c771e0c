//! Flags that cosign has and this build has not, so that a script learns why and not only that.

const KEYLESS: &str = "it belongs to signing with an identity, and this build signs with keys (--key)";
const LOG: &str = "it names a transparency log or timestamp authority to contact, and this build contacts none";
const HARDWARE: &str = "hardware keys are not supported; --key takes a file, env://VARIABLE or - for standard input";
const CERTIFICATE: &str =
    "signing keys that come with a certificate are not supported; sign with the key itself (--key)";
const REKOR_V2: &str =
    "no configuration of the public services with Rekor v2 is built in; name the log itself with --rekor";
const SERVICE_PARTS: &str =
    "a service is named in one value: --rekor or --ctfe url=...,public-key=FILE,start-time=TIME";
const EMAIL: &str = "it was replaced by --certificate-identity, which needs --certificate-oidc-issuer beside it";
const ATTACHMENT: &str = "sign and verify an attached SBOM by its own reference, as any other artifact";

/// Why `flag` (with its dashes) does not exist here, if cosign has it.
pub(crate) fn unsupported_reason(flag: &str) -> Option<&'static str> {
    let name = flag.trim_start_matches('-');
    Some(match name {
        "attachment" => ATTACHMENT,
        "sk" | "slot" => HARDWARE,
        "kms" => "keys in a key management service are not supported; leave it out to write the pair to files",
        "local-image" => "name the directory itself instead: oci:DIR",
        "output-certificate" | "output-cert" | "certificate" | "cert" | "certificate-chain" | "cert-chain" => {
            CERTIFICATE
        }
        "allow-certificate-chain" => "authorities come from the trusted root or from --ca-roots, never from a bundle",
        "with-default-rekor-v2" => REKOR_V2,
        "ctfe-key" | "ctfe-start-time" | "rekor-key" | "rekor-start-time" => SERVICE_PARTS,
        "statement" => "a statement about an image is made from --predicate; attest-blob signs a ready one",
        "cert-email" | "certificate-email" => EMAIL,
        "rekor-url"
        | "rekor-entry-type"
        | "rfc3161-timestamp"
        | "rfc3161-timestamp-bundle"
        | "use-signed-timestamps"
        | "signing-algorithm" => LOG,
        "identity-token" | "issue-certificate" | "insecure-skip-verify" => KEYLESS,
        _ if name.starts_with("timestamp-") => LOG,
        _ if ["fulcio-", "oidc-"].iter().any(|prefix| name.starts_with(prefix)) => KEYLESS,
        _ => return None,
    })
}

/// What to use in place of `verb`, if cosign has it and this build has not.
pub(crate) fn instead_of_verb(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "copy" => {
            "copy the image with `oras cp -r`, which takes its referrers along, and the .sig and .att tags with `crane cp`"
        }
        "save" | "load" => {
            "`skopeo copy` between registry and oci:DIR moves an image; sign and verify work on oci:DIR directly"
        }
        "tree" => "`sigkit download signature` and `sigkit download attestation` print what is stored beside an image",
        "triangulate" => "signatures are listed by `sigkit download signature`; the legacy tag is sha256-<hex>.sig",
        "attach" => {
            "sign with `sigkit sign` and attest with `sigkit attest`, which store what they make beside the image"
        }
        "clean" => "delete single referrers or tags with the registry's own tools",
        "generate" => "`sigkit sign --payload FILE` signs a payload of your own, --output-payload writes the usual one",
        "initialize" => "the trusted root of the public services is built in; --trusted-root names another",
        "upload" => "push files with `oras push`",
        "manifest" | "dockerfile" => "verify each image with `sigkit verify`, which takes many: --images-from FILE",
        "pkcs11-tool" | "piv-tool" => "hardware keys are not supported; --key takes a file, env://VARIABLE or -",
        "attest-predicate" | "debug" => "it has no counterpart here",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cli::command;

    /// Flags that some verbs take and others do not.
    const SOME_VERBS: [&str; 7] = [
        "certificate",
        "certificate-chain",
        "rekor-url",
        "rfc3161-timestamp",
        "statement",
        "timestamp-certificate-chain",
        "use-signed-timestamps",
    ];

    #[test]
    fn no_flag_is_both_here_and_absent() {
        for verb in command().get_subcommands().filter(|verb| !matches!(verb.get_name(), "help" | "generate-key-pair"))
        {
            let longs = verb.get_arguments().filter_map(clap::Arg::get_long);
            for long in longs.filter(|long| !SOME_VERBS.contains(long)) {
                assert_eq!(unsupported_reason(&format!("--{long}")), None, "{} --{long}", verb.get_name());
            }
        }
        assert_eq!(unsupported_reason("--identity-token"), Some(KEYLESS));
        assert_eq!(unsupported_reason("--no-such-flag"), None);
    }
}
