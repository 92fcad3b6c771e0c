"""The three command lines under test behind one set of verbs, and openssl as a fourth opinion."""

import base64
import dataclasses
import os
import pathlib
import subprocess

PASSWORD = "interop matrix"
IMAGE_FORMATS = ("legacy", "bundle")
BLOB_FORMATS = ("bundle", "legacy-bundle", "detached")

# Signing configuration and trust root without any service: cosign 3 asks the public ones otherwise.
NO_SERVICES = '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
NO_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

# The hash that goes with a key where cosign 3 has to be told; see gaps.py.
CURVE_HASH = {"p384": "sha384", "p521": "sha512"}


@dataclasses.dataclass
class Run:
    """One finished process."""
    argv: list
    code: int
    out: str
    err: str

    @property
    def ok(self):
        return self.code == 0

    def __str__(self):
        tail = " | ".join(self.err.strip().splitlines()[-3:])
        return f"exit {self.code}: {tail[-500:] or '(nothing on stderr)'}"


@dataclasses.dataclass(frozen=True)
class Key:
    """A key file and its public half; `maker` says who wrote the file."""
    algorithm: str
    maker: str
    private: str
    public: str


class Tool:
    """A program in an environment that holds nothing of the user's and no way out of this machine."""

    def __init__(self, name, program, home):
        self.name = name
        self.program = str(program)
        self.home = pathlib.Path(home)
        (self.home / "no-services.json").write_text(NO_SERVICES)
        (self.home / "no-root.json").write_text(NO_ROOT)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "DOCKER_CONFIG": str(home),
            "COSIGN_PASSWORD": PASSWORD, "NO_PROXY": "127.0.0.1", "HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1",
        }

    def run(self, *argv, stdin=None, **environment):
        argv = [self.program, *map(str, argv)]
        done = subprocess.run(
            argv, env={**self.environment, **environment}, cwd=self.home, capture_output=True, text=True, timeout=120,
            **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
        return Run(argv, done.returncode, done.stdout, done.stderr)

    def import_key(self, pem, prefix):
        return self.run("import-key-pair", "--key", pem, "--output-key-prefix", prefix, "-y")

    def public_key(self, private):
        return self.run("public-key", "--key", private)


class Sigkit(Tool):
    formats = IMAGE_FORMATS
    reads = IMAGE_FORMATS

    def generate(self, algorithm, prefix):
        name = {"p256": "ecdsa-p256", "p384": "ecdsa-p384", "p521": "ecdsa-p521"}.get(algorithm, algorithm.replace("rsa", "rsa-"))
        return self.run("generate-key-pair", "--algorithm", name, "--output-key-prefix", prefix)

    def sign(self, reference, key, form, *more, **environment):
        return self.run("sign", "-y", "--key", key, "--format", form, *more, reference, **environment)

    def verify(self, reference, key, form, *more, **environment):
        return self.run("verify", "--key", key, *more, reference, **environment)

    def sign_blob(self, blob, key, form, output):
        how = {"bundle": ["--bundle", output], "legacy-bundle": ["--new-bundle-format=false", "--bundle", output],
               "detached": ["--output-signature", output]}[form]
        return self.run("sign-blob", "-y", "--key", key, *how, blob)

    def verify_blob(self, blob, key, form, signature, *more):
        how = ["--signature", signature] if form == "detached" else ["--bundle", signature]
        return self.run("verify-blob", "--key", key, *how, *more, blob)


class Cosign3(Tool):
    formats = IMAGE_FORMATS
    reads = IMAGE_FORMATS

    def generate(self, algorithm, prefix):
        return self.run("generate-key-pair", "--output-key-prefix", prefix)

    def offline(self, form):
        if form == "bundle":
            return ["--signing-config", self.home / "no-services.json", "--trusted-root", self.home / "no-root.json"]
        return ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"]

    def sign(self, reference, key, form, *more, **environment):
        return self.run("sign", "-y", "--key", key, *self.offline(form), *more, reference, **environment)

    def verify(self, reference, key, form, *more, **environment):
        return self.run("verify", "--key", key, "--insecure-ignore-tlog", *more, reference, **environment)

    def sign_blob(self, blob, key, form, output):
        how = ["--output-signature" if form == "detached" else "--bundle", output]
        return self.run("sign-blob", "-y", "--key", key, *self.offline(form), *how, blob)

    def verify_blob(self, blob, key, form, signature, *more):
        how = {"bundle": ["--bundle", signature, "--trusted-root", self.home / "no-root.json"],
               "legacy-bundle": ["--new-bundle-format=false", "--bundle", signature],
               "detached": ["--new-bundle-format=false", "--signature", signature]}[form]
        return self.run("verify-blob", "--key", key, "--insecure-ignore-tlog", *how, *more, blob)


class Cosign2(Tool):
    formats = ("legacy",)
    reads = ("legacy",)

    def generate(self, algorithm, prefix):
        return self.run("generate-key-pair", "--output-key-prefix", prefix)

    def sign(self, reference, key, form, *more, **environment):
        return self.run("sign", "-y", "--key", key, "--tlog-upload=false", *more, reference, **environment)

    def verify(self, reference, key, form, *more, **environment):
        return self.run("verify", "--key", key, "--insecure-ignore-tlog", *more, reference, **environment)

    def sign_blob(self, blob, key, form, output):
        how = {"bundle": ["--new-bundle-format", "--bundle", output], "legacy-bundle": ["--bundle", output],
               "detached": ["--output-signature", output]}[form]
        return self.run("sign-blob", "-y", "--key", key, "--tlog-upload=false", *how, blob)

    def verify_blob(self, blob, key, form, signature, *more):
        how = {"bundle": ["--new-bundle-format", "--trusted-root", self.home / "no-root.json", "--bundle", signature],
               "legacy-bundle": ["--bundle", signature], "detached": ["--signature", signature]}[form]
        return self.run("verify-blob", "--key", key, "--insecure-ignore-tlog", *how, *more, blob)


class Openssl(Tool):
    """Makes the keys that are imported, and verifies detached signatures with no code of ours or cosign's."""

    def generate(self, algorithm, pem, traditional):
        curve = {"p256": "P-256", "p384": "P-384", "p521": "P-521"}.get(algorithm)
        how = (["EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"] if curve else
               ["RSA", "-pkeyopt", f"rsa_keygen_bits:{algorithm[3:]}"] if algorithm.startswith("rsa") else [algorithm])
        made = self.run("genpkey", "-algorithm", *how, "-out", pem)
        if made.ok and algorithm != "ed25519":  # Ed25519 has no older encoding than PKCS#8
            return self.run("pkey", "-in", pem, "-traditional", "-out", traditional)
        return made

    def public_der(self, *source):
        done = subprocess.run([self.program, "pkey", *source, "-pubout", "-outform", "DER"], env=self.environment, capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def verify_blob(self, blob, key, algorithm, signature, hash_name):
        raw = self.home / (pathlib.Path(signature).name + ".raw")
        raw.write_bytes(base64.b64decode(pathlib.Path(signature).read_text()))
        if algorithm == "ed25519":
            return self.run("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", blob, "-sigfile", raw)
        return self.run("dgst", f"-{hash_name}", "-verify", key, "-signature", raw, blob)
