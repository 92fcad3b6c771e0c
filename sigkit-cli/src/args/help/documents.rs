//! Help of the verbs about keys, bundles, policies and other documents.

use super::verb_help::{Group, VerbHelp};

const POLICY_FILES: &str = "\
Reads sigstore's ClusterImagePolicy, containers' policy.json and sigkit's own ImagePolicy. Nothing is contacted. An ImagePolicy:

  apiVersion: sigkit.dev/v1
  kind: ImagePolicy
  name: release
  images: ['registry.example.com/app']
  authorities:
    release: {key: cosign.pub}
  require:
  - signature: {by: [release], atLeast: 1}

Files are named relative to the policy. `sigkit verify --policy FILE IMAGE` uses it.";

pub(super) const VERBS: &[VerbHelp] = &[
    VerbHelp {
        verb: "generate-key-pair",
        group: Group::Keys,
        about: "Create a key pair: an encrypted private key and its public key",
        more: "\
Writes the encrypted private key cosign.key, which only its owner can read, and the public key cosign.pub. The password is asked for \
on the terminal, or comes from --password-file, SIGKIT_PASSWORD or COSIGN_PASSWORD; it may be empty.

Algorithms: ecdsa-p256 (the default), ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, rsa-3072, rsa-4096, rsa-8192. A build without \
aws-lc-rs makes no RSA keys.",
        usage: &["[FLAGS]"],
        common: &["output-key-prefix", "algorithm", "password-file", "yes"],
        examples: &[
            ("Write cosign.key and cosign.pub", "sigkit generate-key-pair"),
            (
                "Choose algorithm and names",
                "sigkit generate-key-pair --algorithm ecdsa-p384 --output-key-prefix release",
            ),
            ("Take the password from a file", "sigkit generate-key-pair --password-file password.txt"),
        ],
    },
    VerbHelp {
        verb: "import-key-pair",
        group: Group::Keys,
        about: "Encrypt an existing private key for signing",
        more: "Reads PKCS#8, PKCS#1 and SEC1 keys in PEM, and writes a key pair as generate-key-pair does.",
        usage: &["--key <FILE> [FLAGS]"],
        common: &["key", "output-key-prefix", "password-file", "yes"],
        examples: &[
            (
                "Import a key made by openssl",
                "sigkit import-key-pair --key openssl.pem --output-key-prefix release",
            ),
            (
                "Take the new password from a file",
                "sigkit import-key-pair --key openssl.pem --password-file password.txt",
            ),
        ],
    },
    VerbHelp {
        verb: "public-key",
        group: Group::Keys,
        about: "Print the public key of a private key",
        more: "",
        usage: &["--key <KEY> [FLAGS]"],
        common: &["key", "outfile", "password-file"],
        examples: &[
            ("Print the public key", "sigkit public-key --key cosign.key"),
            ("Write it to a file", "sigkit public-key --key cosign.key --outfile cosign.pub"),
        ],
    },
    VerbHelp {
        verb: "download signature",
        group: Group::Look,
        about: "Print the stored signatures of an image, without verifying them",
        more: "One JSON document per line. Nothing is verified: use verify for that.",
        usage: &["[FLAGS] <IMAGE>"],
        common: &["platform"],
        examples: &[
            ("Print the signatures", "sigkit download signature registry.example.com/app:v1"),
            (
                "Print those of one platform of a multi-platform image",
                "sigkit download signature --platform linux/arm64 registry.example.com/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "download attestation",
        group: Group::Look,
        about: "Print the stored attestations of an image, without verifying them",
        more: "One JSON document per line. Nothing is verified: use verify-attestation for that.",
        usage: &["[FLAGS] <IMAGE>"],
        common: &["platform", "predicate-type"],
        examples: &[
            ("Print the attestations", "sigkit download attestation registry.example.com/app:v1"),
            (
                "Print those of one type",
                "sigkit download attestation --predicate-type spdxjson registry.example.com/app:v1",
            ),
        ],
    },
    VerbHelp {
        verb: "bundle inspect",
        group: Group::Look,
        about: "Show what a bundle contains and what is missing, without verifying it",
        more: "",
        usage: &["[FLAGS] <FILE>"],
        common: &[],
        examples: &[
            ("Inspect a bundle", "sigkit bundle inspect app.sigstore.json"),
            ("Inspect one from standard input", "sigkit bundle inspect -"),
        ],
    },
    VerbHelp {
        verb: "policy check",
        group: Group::Gates,
        about: "Show what a policy file requires, and where it is weak",
        more: POLICY_FILES,
        usage: &["[FLAGS] <FILE>"],
        common: &["trusted-root"],
        examples: &[
            ("Check a policy before use", "sigkit policy check policy.yaml"),
            (
                "Read identities with the trusted root of private services",
                "sigkit policy check --trusted-root trusted_root.json policy.yaml",
            ),
        ],
    },
    VerbHelp {
        verb: "bundle create",
        group: Group::Trust,
        about: "Create a bundle from a signature and its verification material",
        more: "",
        usage: &["--artifact <FILE> [FLAGS]"],
        common: &["artifact", "signature", "certificate", "key", "bundle", "out"],
        examples: &[
            (
                "Put a detached signature into a bundle",
                "sigkit bundle create --artifact app.tar.gz --signature app.sig --key cosign.pub --ignore-tlog \\\n    --out app.sigstore.json",
            ),
            (
                "Take what a bundle in an older format holds",
                "sigkit bundle create --artifact app.tar.gz --bundle app.bundle --key cosign.pub --ignore-tlog \\\n    --out app.sigstore.json",
            ),
        ],
    },
    VerbHelp {
        verb: "bundle upgrade",
        group: Group::Trust,
        about: "Convert a bundle to the current format",
        more: "",
        usage: &["[FLAGS] <FILE>"],
        common: &["out"],
        examples: &[
            ("Upgrade a bundle", "sigkit bundle upgrade --out new.sigstore.json old.sigstore.json"),
            ("Print the upgraded bundle", "sigkit bundle upgrade old.sigstore.json"),
        ],
    },
    VerbHelp {
        verb: "trusted-root create",
        group: Group::Trust,
        about: "Create a trusted root from certificates and keys",
        more: "A trusted root names the certificate authorities, transparency logs and timestamp authorities that verification trusts.",
        usage: &["[FLAGS]"],
        common: &["fulcio", "rekor", "ctfe", "tsa", "with-default-services", "out"],
        examples: &[
            (
                "Start from the public services",
                "sigkit trusted-root create --with-default-services --out trusted_root.json",
            ),
            (
            "Trust your own certificate authority and log",
            "sigkit trusted-root create --fulcio url=https://fulcio.example.com,certificate-chain=ca.pem \\\n    --rekor \
             url=https://rekor.example.com,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z \\\n    --out trusted_root.json",
            ),
        ],
    },
    VerbHelp {
        verb: "signing-config create",
        group: Group::Trust,
        about: "Create a signing configuration from URLs of services",
        more: "",
        usage: &["[FLAGS]"],
        common: &["fulcio", "oidc-provider", "rekor", "tsa", "with-default-services", "out"],
        examples: &[
            (
                "Start from the public services",
                "sigkit signing-config create --with-default-services --out signing_config.json",
            ),
            ("Name no service, for signing with a key", "sigkit signing-config create --out signing_config.json"),
        ],
    },
];
