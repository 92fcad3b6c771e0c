"""What the real cosign cannot do, each established by running it. Where a gap covers a cell, the matrix asserts that the gap is still
there (so that this table cannot rot) and, where one exists, that the named flags get cosign over it. sigkit has no row here: it verifies
every cell."""

import dataclasses

ECDSA_RSA = ("p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096")
CURVES = ("p384", "p521")
ANY = ()


@dataclasses.dataclass(frozen=True)
class Gap:
    """`algorithms` are those of keys, and of attestations their types; `says` is a part of the message that cosign gives; `rescue` the flags with which the same command succeeds."""
    verb: str
    who: tuple
    why: str
    says: str
    signers: tuple = ANY
    forms: tuple = ANY
    algorithms: tuple = ANY
    rescue: tuple = ()

    def covers(self, verb, who, signer, form, algorithm):
        return self.verb == verb and who in self.who and all(
            not choice or actual in choice
            for choice, actual in ((self.signers, signer), (self.forms, form), (self.algorithms, algorithm)))


GAPS = [
    # --- keys
    Gap("import", ("cosign2",), "the 2.5 that Debian ships takes Ed25519 only: its allow-list does not know the other key types of its own build",
        "unsupported public key type", algorithms=ECDSA_RSA),
    # --- signing
    Gap("sign", ("cosign3",), "signs Ed25519 as Ed25519ph, then checks its own bundle and cannot", "failed to verify signature",
        forms=("bundle",), algorithms=("ed25519",)),
    Gap("sign-blob", ("cosign3",), "signs Ed25519 as Ed25519ph, then checks its own bundle and cannot", "message is missing artifact digest",
        forms=("bundle",), algorithms=("ed25519",)),
    # --- images
    Gap("verify", ("cosign2",), "2.5 does not look for bundles among the referrers of an image, with --new-bundle-format either",
        "no signatures found", forms=("bundle",)),
    Gap("verify", ("cosign3",), "assumes SHA-256 for every key while the signature carries the hash of its curve", "accepted signatures do not match threshold",
        signers=("cosign3", "sigkit"), forms=("bundle",), algorithms=CURVES, rescue=("--signature-digest-algorithm", "CURVE_HASH")),
    Gap("verify", ("cosign2", "cosign3"), "assumes SHA-256 for every key while the signature carries the hash of its curve", "invalid signature",
        signers=("cosign3",), forms=("legacy",), algorithms=CURVES, rescue=("--signature-digest-algorithm", "CURVE_HASH")),
    Gap("verify", ("cosign2", "cosign3"), "has no verifier for the Ed25519ph that cosign 3 writes, its own included", "failed to verify signature",
        signers=("cosign3",), forms=("legacy",), algorithms=("ed25519",)),
    # --- blobs
    Gap("verify-blob", ("cosign2", "cosign3"), "assumes SHA-256 for every key, and no flag changes that for a bundle", "invalid signature",
        signers=("cosign3", "sigkit"), forms=("bundle", "legacy-bundle"), algorithms=CURVES),
    Gap("verify-blob", ("cosign3",), "assumes SHA-256 for every key while the signature carries the hash of its curve", "invalid signature",
        signers=("cosign3", "sigkit"), forms=("detached",), algorithms=CURVES, rescue=("--signature-digest-algorithm", "CURVE_HASH")),
    Gap("verify-blob", ("cosign2",), "assumes SHA-256 for every key, and has no flag for it", "invalid signature",
        signers=("cosign3", "sigkit"), forms=("detached",), algorithms=CURVES),
    # --- attestations
    Gap("verify-attestation", ("cosign2",), "2.5 does not look for bundles among the referrers of an image", "no matching attestations", forms=("bundle",)),
    *[Gap(verb, who, "reads a predicate as a JSON object, and SPDX text is a string", "invalid attestation: decoding json", forms=("bundle",), algorithms=("spdx",))
      for verb, who in (("attest", ("cosign3",)), ("attest-blob", ("cosign3",)), ("verify-attestation", ("cosign3",)),
                        ("verify-blob-attestation", ("cosign2", "cosign3")))],
    Gap("verify-attestation", ("cosign3",), "reads a predicate as a JSON object, and SPDX text is a string", "matched the predicate type: spdx, found:",
        forms=("legacy",), algorithms=("spdx",)),
    Gap("verify-blob-attestation", ("cosign3",), "reads a predicate as a JSON object, and SPDX text is a string", "expected spdx got",
        forms=("legacy-bundle", "envelope"), algorithms=("spdx",)),
]


def gap(verb, who, signer=None, form=None, algorithm=None):
    return next((g for g in GAPS if g.covers(verb, who, signer, form, algorithm)), None)
