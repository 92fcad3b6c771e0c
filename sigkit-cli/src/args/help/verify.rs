//! Help of the verbs that verify.

use super::verb_help::{Group, VerbHelp};

const VERIFYING: &str = "\
Name the signer with --key, with --certificate-identity and --certificate-oidc-issuer, or with --policy. Signatures of every \
format are read: sigstore bundles and cosign's .sig and .att tags. Verifying contacts the registry of the image and nothing else.

Without -o a terminal gets a report, and a pipe or file gets cosign's JSON on stdout. A refusal is told on stderr, and with -o report \
on stdout as well.

Exit codes: 0 verified, 1 refused, 10 no signatures, 11 no such image, 12 signatures exist but none matches, 13 no certificate where \
an identity was asked for, 14 undecided because something could not be read. Of several images, the first of 1, 12, 13, 10, 11 and 14 \
that occurs; 0 only if all are verified.";

const VERIFYING_ATTESTATIONS: &str = "\
Name the signer with --key, or with --certificate-identity and --certificate-oidc-issuer. Attestations of every format are read: \
sigstore bundles and cosign's .att tag. Verifying contacts the registry of the image and nothing else.

Without -o a terminal gets a report, and a pipe or file gets the signed envelopes on stdout, one per line. A refusal is told on stderr, \
and with -o report on stdout as well.

Exit codes: 0 verified, 1 refused, 10 no signatures, 11 no such image, 12 signatures exist but none matches, 13 no certificate where \
an identity was asked for, 14 undecided because something could not be read. Of several images, the first of 1, 12, 13, 10, 11 and 14 \
that occurs; 0 only if all are verified.";

const IDENTITY_IMAGE: &str = "--certificate-identity <ID> --certificate-oidc-issuer <URL> [FLAGS] <IMAGE>...";

const IDENTITY_BLOB: &str =
    "--certificate-identity <ID> --certificate-oidc-issuer <URL> --bundle <FILE> [FLAGS] <FILE>";

const VERIFYING_BLOBS: &str = "\
Name the signer with --key, or with --certificate-identity and --certificate-oidc-issuer. Files of any size are read once, \
in constant memory. Nothing is contacted.

Exit codes: 0 verified, 1 refused or failed, 12 signatures exist but none matches, 13 no certificate where an identity was asked for.";

pub(super) const VERBS: &[VerbHelp] = &[
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
        more: VERIFYING_ATTESTATIONS,
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
        examples: &[
            (
                "Verify the provenance of a file",
                "sigkit verify-blob-attestation --key cosign.pub --type slsaprovenance1 \\\n    --bundle app.att.json app.tar.gz",
            ),
            (
                "Verify what a GitHub workflow attested",
                "sigkit verify-blob-attestation --type slsaprovenance1 --bundle app.att.json \\\n    --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1 \\\n    \
                 --certificate-oidc-issuer https://token.actions.githubusercontent.com app.tar.gz",
            ),
        ],
    },
];
