//! Flags that cosign has and this build has not, so that a script learns why and not only that.

const KEYLESS: &str = "it belongs to signing with an identity, and this build signs with keys (--key)";
const LOG: &str = "it names a transparency log or timestamp authority to contact, and this build contacts none";
const HARDWARE: &str = "hardware keys are not supported: --key takes a file, env://VARIABLE or - for standard input";
const CERTIFICATE: &str =
    "signing keys that come with a certificate are not supported: sign with the key itself (--key)";
const REKOR_V2: &str =
    "no configuration of the public services with Rekor v2 is built in; name the log itself with --rekor";
const SERVICE_PARTS: &str =
    "a service is named in one value: --rekor or --ctfe url=...,public-key=FILE,start-time=TIME";
const AUTHORITY_PARTS: &str =
    "an authority is named in one value: --fulcio url=...,certificate-chain=FILE,start-time=TIME";
const TIMESTAMP_PARTS: &str =
    "an authority is named in one value: --tsa url=...,certificate-chain=FILE,start-time=TIME";
const TIMESTAMP_FILE: &str = "no timestamp authority is contacted, so that there is no timestamp to write";
const EMAIL: &str = "it was replaced by --certificate-identity, which needs --certificate-oidc-issuer beside it";
const ATTACHMENT: &str = "sign and verify an attached SBOM by its own reference, as any other artifact";

/// Why `flag` (with its dashes) of `verb` (in all its words) does not exist here, if cosign has it.
pub(crate) fn unsupported_reason(verb: &str, flag: &str) -> Option<&'static str> {
    let name = flag.trim_start_matches('-');
    of_verb(verb, name).or_else(|| of_any_verb(name))
}

/// Flags whose reason is another than that of their namesakes.
fn of_verb(verb: &str, name: &str) -> Option<&'static str> {
    Some(match (verb, name) {
        ("trusted-root create", "certificate-chain") => AUTHORITY_PARTS,
        ("trusted-root create", "timestamp-certificate-chain") => TIMESTAMP_PARTS,
        ("bundle create", "rekor-url") => "no log is asked here; --ignore-tlog makes a bundle without an entry of one",
        ("verify-blob-attestation", "rfc3161-timestamp") => "a timestamp is read from the bundle: --bundle",
        ("sign-blob" | "attest-blob", "rfc3161-timestamp" | "rfc3161-timestamp-bundle") => TIMESTAMP_FILE,
        _ => return None,
    })
}

fn of_any_verb(name: &str) -> Option<&'static str> {
    Some(match name {
        "attachment" => ATTACHMENT,
        "sk" | "slot" => HARDWARE,
        "kms" => "keys in a key management service are not supported; omit it to write the pair to files",
        "output-certificate" | "output-cert" | "certificate" | "cert" | "certificate-chain" | "cert-chain" => {
            CERTIFICATE
        }
        "allow-certificate-chain" => "authorities come from the trusted root or from --ca-roots, never from a bundle",
        "with-default-rekor-v2" => REKOR_V2,
        "ctfe-key" | "ctfe-start-time" | "rekor-key" | "rekor-start-time" => SERVICE_PARTS,
        "statement" => "a statement about an image is made from --predicate; attest-blob signs a ready one",
        "cert-email" | "certificate-email" => EMAIL,
        "signing-algorithm" => "the key decides by which algorithm it signs: generate-key-pair --algorithm",
        "rekor-url"
        | "rekor-entry-type"
        | "rfc3161-timestamp"
        | "rfc3161-timestamp-bundle"
        | "use-signed-timestamps" => LOG,
        "identity-token" | "issue-certificate" | "insecure-skip-verify" => KEYLESS,
        _ if name.starts_with("timestamp-") => LOG,
        _ if ["fulcio-", "oidc-"].iter().any(|prefix| name.starts_with(prefix)) => KEYLESS,
        _ => return None,
    })
}

/// Verbs that cosign has and this build has not, and what to use in their place.
pub(crate) const UNSUPPORTED_VERBS: &[(&str, &str)] = &[
    ("attach", "sign with `sigkit sign` and attest with `sigkit attest`, which store the result with the image"),
    ("clean", "delete single referrers or tags with the registry's own tools"),
    (
        "copy",
        "copy the image with `oras cp -r`, which copies its referrers too, and the .sig and .att tags with `crane cp`",
    ),
    ("dockerfile", "verify each image with `sigkit verify`, which takes many: --images-from FILE"),
    (
        "download sbom",
        "an SBOM as an attestation is printed by `sigkit download attestation`; one that is attached is pulled with `oras`",
    ),
    ("generate", "`sigkit sign --payload FILE` signs a payload of your own, --output-payload writes the usual one"),
    ("initialize", "the trusted root of the public services is built in; --trusted-root names another"),
    (
        "load",
        "`oras cp -r --from-oci-layout DIR:TAG REGISTRY/APP:TAG` brings an image with its bundles into a registry; `skopeo copy` \
         leaves signatures behind",
    ),
    ("manifest", "verify each image with `sigkit verify`, which takes many: --images-from FILE"),
    ("piv-tool", "hardware keys are not supported: --key takes a file, env://VARIABLE or -"),
    ("pkcs11-tool", "hardware keys are not supported: --key takes a file, env://VARIABLE or -"),
    ("policy init", "policies are files: `sigkit policy check FILE`, `sigkit verify --policy FILE`"),
    ("policy sign", "sign the file of policies with `sigkit sign-blob`"),
    (
        "save",
        "`oras cp -r REGISTRY/APP:TAG --to-oci-layout DIR:TAG` takes an image with its bundles, which `sigkit verify oci:DIR:TAG` \
         reads; `skopeo copy` leaves signatures behind",
    ),
    ("tree", "`sigkit download signature` and `sigkit download attestation` print what is stored with an image"),
    ("triangulate", "signatures are listed by `sigkit download signature`; the legacy tag is sha256-<hex>.sig"),
    ("upload", "push files with `oras push`"),
    ("attest-predicate", "there is no counterpart"),
    ("debug", "there is no counterpart"),
];

/// What to use instead of `verb` (all its words), if cosign has it and this build does not.
pub(crate) fn instead_of_verb(verb: &str) -> Option<&'static str> {
    UNSUPPORTED_VERBS.iter().find(|(absent, _)| *absent == verb).map(|(_, instead)| *instead)
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
                assert_eq!(
                    unsupported_reason(verb.get_name(), &format!("--{long}")),
                    None,
                    "{} --{long}",
                    verb.get_name()
                );
            }
        }
        assert_eq!(unsupported_reason("sign", "--identity-token"), Some(KEYLESS));
        assert_eq!(unsupported_reason("sign", "--no-such-flag"), None);
    }

    #[test]
    fn a_flag_is_refused_for_the_reason_of_its_verb() {
        for (verb, flag, reason) in [
            ("trusted-root create", "--certificate-chain", "--fulcio url="),
            ("trusted-root create", "--timestamp-certificate-chain", "--tsa url="),
            ("sign", "--certificate-chain", "keys that come with a certificate"),
            ("sign", "--timestamp-server-url", "contact"),
            ("verify-blob-attestation", "--rfc3161-timestamp", "--bundle"),
            ("sign-blob", "--signing-algorithm", "the key decides"),
        ] {
            let why = unsupported_reason(verb, flag).unwrap_or_default();
            assert!(why.contains(reason), "{verb} {flag}: {why}");
        }
    }

    #[test]
    fn no_verb_is_both_here_and_absent() {
        let root = command();
        for (verb, _) in UNSUPPORTED_VERBS {
            let found = verb.split(' ').try_fold(&root, |command, word| command.find_subcommand(word));
            assert!(found.is_none(), "{verb}");
        }
    }
}
