//! Help of the verbs that sign.

use super::verb_help::{Group, VerbHelp};

pub(super) const VERBS: &[VerbHelp] = &[
    VerbHelp {
        verb: "sign",
        group: Group::Sign,
        about: "Sign container images",
        more: "\
The signature is stored beside the image: in its registry, or in the layout or archive that holds it. Signing with a key contacts \
the registry and nothing else; no transparency log is used. A tag is resolved once, and the digest behind it is signed.

Without a terminal, as in CI, the password of the key comes from --password-file, SIGKIT_PASSWORD or COSIGN_PASSWORD, and the key can \
come from a variable: --key env://COSIGN_PRIVATE_KEY.",
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
            (
                "Sign in CI, with key and password in COSIGN_PRIVATE_KEY and COSIGN_PASSWORD",
                "sigkit sign --key env://COSIGN_PRIVATE_KEY --yes registry.example.com/app:v1",
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
        examples: &[
            (
                "Sign the provenance of a file",
                "sigkit attest-blob --key cosign.key --type slsaprovenance1 --predicate build.json \\\n    --bundle app.att.json app.tar.gz",
            ),
            (
                "Sign an SBOM of a file",
                "sigkit attest-blob --key cosign.key --type cyclonedx --predicate sbom.cdx.json \\\n    --bundle app.sbom.json app.tar.gz",
            ),
        ],
    },
];
