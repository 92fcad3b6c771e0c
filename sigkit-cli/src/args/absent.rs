//! Flags that cosign has and this build has not, so that a script learns why and not only that.

const KEYLESS: &str = "it belongs to signing with an identity, and this build signs and verifies with keys (--key)";
const LOG: &str = "it names a transparency log or timestamp authority, and with a key this build uses none";
const HARDWARE: &str = "hardware keys are not supported; --key takes a file, env://VARIABLE or - for standard input";
const CERTIFICATE: &str =
    "keys that come with a certificate are not supported; verify and sign with the key itself (--key)";
const ATTACHMENT: &str = "sign and verify an attached SBOM by its own reference, as any other artifact";

/// Why `flag` (with its dashes) does not exist here, if cosign has it.
pub(crate) fn why_absent(flag: &str) -> Option<&'static str> {
    let name = flag.trim_start_matches('-');
    Some(match name {
        "attachment" => ATTACHMENT,
        "sk" | "slot" => HARDWARE,
        "kms" => "keys in a key management service are not supported; leave it out to write the pair to files",
        "local-image" => "name the directory itself instead: oci:DIR",
        "output-certificate"
        | "output-cert"
        | "cert"
        | "certificate"
        | "certificate-chain"
        | "cert-chain"
        | "ca-roots"
        | "ca-intermediates"
        | "allow-certificate-chain"
        | "sct" => CERTIFICATE,
        "rekor-url" | "rfc3161-timestamp" | "use-signed-timestamps" | "signing-algorithm" => LOG,
        "identity-token"
        | "issue-certificate"
        | "insecure-skip-verify"
        | "insecure-ignore-sct"
        | "cert-email"
        | "cert-identity"
        | "cert-oidc-issuer" => KEYLESS,
        _ if name.starts_with("timestamp-") => LOG,
        _ if ["certificate-", "fulcio-", "oidc-"].iter().any(|prefix| name.starts_with(prefix)) => KEYLESS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn no_flag_is_both_here_and_absent() {
        for verb in command().get_subcommands().filter(|verb| !matches!(verb.get_name(), "help" | "generate-key-pair"))
        {
            for long in verb.get_arguments().filter_map(clap::Arg::get_long) {
                assert_eq!(why_absent(&format!("--{long}")), None, "{} --{long}", verb.get_name());
            }
        }
        assert_eq!(why_absent("--certificate-identity"), Some(KEYLESS));
        assert_eq!(why_absent("--no-such-flag"), None);
    }
}
