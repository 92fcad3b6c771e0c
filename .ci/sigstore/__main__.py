#!/usr/bin/env python3
"""Signatures made without a key by the real cosign, against a Sigstore that runs on this machine, judged by sigkit.

Everything that is expected to hold must hold; everything else must be refused with the exact exit code; and of every bundle, each
field changed alone must be refused. The last line is `sigstore: P/N`.

The stack is told by environment variables: STACK (its folder, with the issuer's keys), OIDC, TRUSTED_ROOT, SIGNING_CONFIG (Rekor v2),
SIGNING_CONFIG_V1 (Rekor v1), REGISTRY, REGISTRY_REFERRERS.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import mutants

EMAIL = "alice@stack.test"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CLAIMS = {
    "sub": "repo:acme/app:ref:refs/heads/main", "event_name": "push", "sha": COMMIT, "workflow": "release", "repository": "acme/app",
    "ref": "refs/heads/main", "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main", "job_workflow_sha": COMMIT,
    "workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main", "workflow_sha": COMMIT,
    "runner_environment": "github-hosted", "repository_id": "1", "repository_owner": "acme", "repository_owner_id": "2",
    "repository_visibility": "public", "run_id": "3", "run_attempt": "1",
}
WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


class Stack:
    """The programs, the services, and the count of what was tried."""

    def __init__(self, options, work):
        self.work = pathlib.Path(work)
        self.sigkit, self.peers = options.sigkit, pathlib.Path(options.peers)
        self.repositories = options.repositories
        self.passed = self.tried = 0
        env = os.environ
        self.oidc = env["OIDC"]
        self.root = env["TRUSTED_ROOT"]
        self.configs = {"rekor2": env["SIGNING_CONFIG"], "rekor1": env["SIGNING_CONFIG_V1"]}
        self.tokens = {
            "email": self.token(options.oidc, self.oidc, {"email": EMAIL}),
            "workflow": self.token(options.oidc, f"{self.oidc}/gha", CLAIMS),
        }
        self.registries = [env["REGISTRY"], env["REGISTRY_REFERRERS"]]
        self.environment = {"PATH": env["PATH"], "HOME": str(work), "TMPDIR": str(work), "DOCKER_CONFIG": str(work), "NO_PROXY": "127.0.0.1"}

    def token(self, oidc, issuer, claims):
        """A file with a fresh token."""
        words = [f"{name}={value}" for name, value in claims.items()]
        done = subprocess.run([sys.executable, oidc, "mint", issuer, f"{os.environ['STACK']}/keys", *words], capture_output=True, text=True, check=True)
        path = self.work / f"token-{len(claims)}"
        path.write_text(done.stdout)
        return path

    def run(self, *argv):
        return subprocess.run([str(word) for word in argv], capture_output=True, text=True, env=self.environment, timeout=120, cwd=self.work)

    def cosign(self, *argv):
        done = self.run(self.peers / "cosign", *argv)
        if done.returncode:
            sys.exit(f"cosign {' '.join(map(str, argv))}: exit {done.returncode}\n{done.stderr}")
        return done

    def expect(self, name, code, *argv):
        """sigkit must end with `code`."""
        done = self.run(self.sigkit, *argv)
        self.count(name, done.returncode == code, f"expected exit {code}, found {done.returncode}: {done.stderr.strip()[-600:]}")
        return done

    def count(self, name, good, why):
        self.tried += 1
        self.passed += bool(good)
        print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": {why}"), flush=True)

    def identity(self, who):
        """Flags that name the signer."""
        subject, issuer = (EMAIL, self.oidc) if who == "email" else (WORKFLOW, f"{self.oidc}/gha")
        return ["--certificate-identity", subject, "--certificate-oidc-issuer", issuer]

    def image(self, registry, name):
        layer = self.work / "layer.tar"
        (self.work / "content").write_text(name)
        subprocess.run(["tar", "-C", str(self.work), "-cf", str(layer), "content"], check=True)
        tag = f"{registry}/{self.repositories}/{name}:1"
        self.run(self.peers / "crane", "append", "-f", layer, "-t", tag)
        digest = self.run(self.peers / "crane", "digest", tag).stdout.strip()
        return f"{registry}/{self.repositories}/{name}@{digest}"


def in_memory(stack, testkit):
    """The Sigstore of the tests makes what cosign and sigkit both accept."""
    made = stack.work / "in-memory"
    subprocess.run([testkit, made], check=True)
    signer = ["--certificate-identity", EMAIL, "--certificate-oidc-issuer", "https://oidc.stack.test"]
    for bundle in sorted(made.glob("*.bundle.json")):
        verb = ["verify-blob"]
        if "dsse" in bundle.name or "intoto" in bundle.name:
            verb = ["verify-blob-attestation", "--type", "https://example.test/predicate"]
        more = ["--insecure-ignore-tlog", "--use-signed-timestamps"] if bundle.name.startswith("stamped") else []
        words = ["--bundle", bundle, "--trusted-root", made / "trusted_root.json", *signer, *more, made / "artifact"]
        done = stack.run(stack.peers / "cosign", *verb, *words)
        stack.count(f"in memory, cosign, {bundle.name}", done.returncode == 0, done.stderr)
        stack.expect(f"in memory, {bundle.name}", 0, "verify-blob", *words)


def documents(stack):
    """Trusted roots and signing configurations are what cosign makes of the same words."""
    root = json.loads(pathlib.Path(stack.root).read_text())
    words = ["trusted-root", "create"]
    for flag, member in (("--fulcio", "certificateAuthorities"), ("--tsa", "timestampAuthorities")):
        for number, authority in enumerate(root[member]):
            chain = stack.work / f"{member}-{number}.pem"
            chain.write_text("".join(pem("CERTIFICATE", each["rawBytes"]) for each in authority["certChain"]["certificates"]))
            words += [flag, f"url={authority['uri']},certificate-chain={chain},start-time={authority['validFor']['start']}"]
    for flag, member in (("--rekor", "tlogs"), ("--ctfe", "ctlogs")):
        for number, log in enumerate(root[member]):
            key = stack.work / f"{member}-{number}.pub"
            key.write_text(pem("PUBLIC KEY", log["publicKey"]["rawBytes"]))
            origin = ",origin=127.0.0.1" if log["publicKey"]["keyDetails"] == "PKIX_ED25519" else ""
            words += [flag, f"url={log['baseUrl']},public-key={key},start-time={log['publicKey']['validFor']['start']}{origin}"]
    same(stack, "trusted-root create", words, lambda made: [each.pop("subject", None) for member in made.values() if isinstance(member, list) for each in member])
    service = "url=https://services.test,api-version=2,start-time=2024-01-01T00:00:00Z,operator=stack"
    same(stack, "signing-config create", ["signing-config", "create", "--fulcio", service, "--oidc-provider", service, "--rekor", service,
                                          "--rekor-config", "EXACT:2", "--tsa", f"{service},end-time=2031-01-01T00:00:00Z", "--tsa-config", "ANY"])


def same(stack, name, words, ignore=lambda made: None):
    ours, theirs = stack.run(stack.sigkit, *words), stack.cosign(*words)
    if ours.returncode:
        return stack.count(name, False, ours.stderr)
    ours, theirs = json.loads(ours.stdout), json.loads(theirs.stdout)
    ignore(ours), ignore(theirs)
    stack.count(name, ours == theirs, f"{ours} is not {theirs}")


def pem(label, base64):
    lines = [base64[at:at + 64] for at in range(0, len(base64), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def bundles(stack, made):
    """Bundles taken apart and put together again verify here and with cosign."""
    for name, who, blob, bundle in made:
        whole = json.loads(bundle.read_text())
        leaf = stack.work / f"{name}.leaf.pem"
        leaf.write_text(pem("CERTIFICATE", whole["verificationMaterial"]["certificate"]["rawBytes"]))
        signature = whole["messageSignature"]["signature"]
        again = stack.work / f"{name}.again.json"
        stack.expect(f"{name}, bundle create", 0, "bundle", "create", "--artifact", blob, "--bundle", bundle, "--signature", signature,
                     "--certificate", leaf, "--out", again)
        old = stack.work / f"{name}.old.json"
        material = whole["verificationMaterial"]
        material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
        old.write_text(json.dumps({**whole, "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"}))
        upgraded = stack.work / f"{name}.upgraded.json"
        stack.expect(f"{name}, bundle upgrade", 0, "bundle", "upgrade", "--out", upgraded, old)
        stack.expect(f"{name}, bundle inspect", 0, "bundle", "inspect", bundle)
        for path in (again, upgraded):
            words = ["verify-blob", "--trusted-root", stack.root, "--bundle", path, *stack.identity(who), blob]
            stack.expect(f"{path.name}", 0, *words)
            done = stack.run(stack.peers / "cosign", *words)
            stack.count(f"{path.name}, cosign", done.returncode == 0, done.stderr)


def blobs(stack):
    """A bundle for each log and identity, and one in the legacy format."""
    made = []
    for log, config in stack.configs.items():
        for who, token in stack.tokens.items():
            name = f"blob-{log}-{who}"
            blob, bundle = stack.work / name, stack.work / f"{name}.json"
            blob.write_text(name)
            stack.cosign("sign-blob", "--yes", "--identity-token", token, "--signing-config", config, "--trusted-root", stack.root,
                         "--bundle", bundle, blob)
            made.append((name, who, blob, bundle))
    for name, who, blob, bundle in made:
        verify = ["verify-blob", "--trusted-root", stack.root, "--bundle", bundle]
        stack.expect(f"{name}", 0, *verify, *stack.identity(who), blob)
        stack.expect(f"{name}, required log and timestamp", 0, *verify, "--require-log", "--use-signed-timestamps", *stack.identity(who), blob)
        refusals(stack, name, verify, who, blob)
        stack.expect(f"{name}, another artifact", 12, *verify, *stack.identity(who), bundle)
        stack.expect(f"{name}, public root", 12, "verify-blob", "--bundle", bundle, *stack.identity(who), blob)
        fields(stack, name, who, blob, bundle)
    return made


def refusals(stack, name, verify, who, target):
    """Wrong signers, and trusted roots that lack a part."""
    subject, issuer = stack.identity(who)[1::2]
    for what, words in {
        "another identity": ["--certificate-identity", "mallory@stack.test", "--certificate-oidc-issuer", issuer],
        "another issuer": ["--certificate-identity", subject, "--certificate-oidc-issuer", "https://other.test"],
        "part of the identity as a pattern": ["--certificate-identity-regexp", subject[:-1].replace(".", r"\."), "--certificate-oidc-issuer", issuer],
        "another workflow": ["--certificate-identity", subject, "--certificate-oidc-issuer", issuer, "--certificate-github-workflow-ref", "refs/heads/evil"],
    }.items():
        stack.expect(f"{name}, {what}", 12, *verify, *words, target)
    for part in ("certificateAuthorities", "ctlogs"):
        root = json.loads(pathlib.Path(stack.root).read_text())
        del root[part]
        lacking = stack.work / f"root-without-{part}.json"
        lacking.write_text(json.dumps(root))
        words = [lacking if word == stack.root else word for word in verify]
        stack.expect(f"{name}, trusted root without {part}", 12, *words, *stack.identity(who), target)


def fields(stack, name, who, blob, bundle):
    """Each field of the bundle changed alone."""
    original = json.loads(bundle.read_text())
    cases = list(mutants.of(original))

    def judge(case):
        number, (what, mutant) = case
        path = stack.work / f"{name}-{number}.mutant.json"
        path.write_text(json.dumps(mutant))
        done = stack.run(stack.sigkit, "verify-blob", "--trusted-root", stack.root, "--bundle", path, "--require-log", "--use-signed-timestamps",
                         *stack.identity(who), blob)
        path.unlink()
        return what, done.returncode

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(judge, enumerate(cases)))
    accepted = [what for what, code in results if code == 0]
    broken = [f"{what} (exit {code})" for what, code in results if code not in (0, 12)]
    stack.count(f"{name}, {len(results)} mutants, {len(accepted)} accepted", results and not accepted and not broken, f"accepted {accepted}, other exits {broken}")


def images(stack):
    """Images signed in both formats and both kinds of log."""
    for registry in stack.registries:
        for log, config in stack.configs.items():
            for who, token in stack.tokens.items():
                name = f"image-{log}-{who}"
                image = stack.image(registry, name)
                stack.cosign("sign", "--yes", "--allow-http-registry", "--identity-token", token, "--signing-config", config,
                             "--trusted-root", stack.root, image)
                judge_image(stack, f"{registry} {name}", image, who)
        image = stack.image(registry, "image-legacy")
        services = json.loads(pathlib.Path(stack.configs["rekor1"]).read_text())
        stack.cosign("sign", "--yes", "--allow-http-registry", "--identity-token", stack.tokens["email"], "--new-bundle-format=false",
                     "--use-signing-config=false", "--trusted-root", stack.root, "--fulcio-url", services["caUrls"][0]["url"],
                     "--rekor-url", services["rekorTlogUrls"][0]["url"], image)
        judge_image(stack, f"{registry} image-legacy", image, "email")


def judge_image(stack, name, image, who):
    verify = ["verify", "--trusted-root", stack.root, "--allow-http-registry", "-o", "json"]
    done = stack.expect(name, 0, *verify, *stack.identity(who), image)
    subject, issuer = stack.identity(who)[1::2]
    optional = json.loads(done.stdout)[0]["optional"] if done.returncode == 0 else {}
    stack.count(f"{name}, names the signer", (optional.get("Subject"), optional.get("Issuer")) == (subject, issuer), optional)
    refusals(stack, name, verify, who, image)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sigkit", required=True, help="the program under test")
    parser.add_argument("--peers", required=True, help="folder with cosign and crane")
    parser.add_argument("--testkit", required=True, help="program that writes what the Sigstore in memory makes")
    parser.add_argument("--oidc", required=True, help="program that mints tokens of the stack's issuer")
    parser.add_argument("--repositories", default="sigkit", help="first part of the names of repositories")
    with tempfile.TemporaryDirectory() as work:
        options = parser.parse_args()
        stack = Stack(options, work)
        in_memory(stack, options.testkit)
        documents(stack)
        bundles(stack, blobs(stack))
        images(stack)
    print(f"sigstore: {stack.passed}/{stack.tried}")
    return stack.passed != stack.tried


sys.exit(main())
