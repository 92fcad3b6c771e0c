"""The measurements behind examples/bench/run.sh.

Compared commands take turns, a few runs each, so that a busy moment hits both, and the small one does not always start with caches that the
large one has left cold; wall time is the median of the runs, CPU the median of user plus system.
Peak memory comes from a run of its own under /usr/bin/time where that is installed. Without it a bare Python starts the command, and since
Linux counts what a process was before it became the program, nothing below 8.5 MiB can be told apart then.
"""

import argparse
import base64
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".ci" / "interop"))
import stores  # noqa: E402
import tools  # noqa: E402
from sbom import attestations  # noqa: E402

MIB = 1024 * 1024
DISTANCE = 20  # milliseconds there and back
BLOCK = 5  # runs of one command in a row
# Who signed the bundles of sigstore's conformance suite.
IDENTITY = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
LAUNCHER = "import posix,sys; p=posix.posix_spawn(sys.argv[1],sys.argv[1:],posix.environ); print(posix.wait4(p,0)[2].ru_maxrss,file=sys.stderr)"


class Bench:
    def __init__(self, work, runs):
        self.work = pathlib.Path(work)
        self.runs = runs
        self.rows = []
        self.sink = open(os.devnull, "r+")
        # In memory: a file that is emptied and written again is flushed to disk when it is closed, and the command would wait for that.
        self.errors = open(os.memfd_create("stderr"), "w+b", buffering=0)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": work, "DOCKER_CONFIG": work, "COSIGN_PASSWORD": tools.PASSWORD, "NO_PROXY": "127.0.0.1"}

    def once(self, argv):
        """(wall seconds, CPU seconds) of one run that must succeed."""
        actions = [(os.POSIX_SPAWN_DUP2, self.sink.fileno(), descriptor) for descriptor in (0, 1)]
        actions.append((os.POSIX_SPAWN_DUP2, self.errors.fileno(), 2))
        self.errors.truncate(0)
        self.errors.seek(0)
        begin = time.perf_counter()
        process = os.posix_spawn(argv[0], argv, self.environment, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - begin
        if status != 0:
            raise SystemExit(f"bench: {' '.join(argv)} failed: {self.said()[-2000:]}")
        return wall, usage.ru_utime + usage.ru_stime

    def said(self):
        """What the last command wrote to stderr."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def alternate(self, runs, *commands):
        """Medians (wall, CPU) per command; a command may be a function of the run's number."""
        samples = [[] for _ in commands]
        for first in range(-1, runs, BLOCK):  # run -1 warms caches and is not counted
            for command, taken in zip(commands, samples):
                for number in range(first, min(first + BLOCK, runs)):
                    argv = command(number) if callable(command) else command
                    result = self.once([str(word) for word in argv])
                    if number >= 0:
                        taken.append(result)
        return [tuple(statistics.median(column) for column in zip(*taken)) for taken in samples]

    def peak(self, argv):
        """Peak resident memory in bytes."""
        timer = pathlib.Path("/usr/bin/time")
        prefix = [str(timer), "-f", "%M"] if timer.exists() else [sys.executable, "-I", "-S", "-c", LAUNCHER]
        done = subprocess.run([*prefix, *map(str, argv)], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        return int(done.stderr.split()[-1]) * 1024

    def row(self, measure, ours, theirs, ratio, target, ok):
        self.rows.append((measure, ours, theirs, ratio, target, {True: "yes", False: "NO", None: ""}[ok]))
        print("  ".join(filter(None, self.rows[-1])), file=sys.stderr, flush=True)

    def times(self, measure, ours, theirs, target=None):
        """A row of two durations; `target` is ("faster", N) or ("at most", N)."""
        ratio = theirs / ours if target is None or target[0] == "faster" else ours / theirs
        ok = target and (ratio >= target[1] if target[0] == "faster" else ratio <= target[1])
        wording = {"faster": "≥ {} × faster", "at most": "≤ {} ×"}[target[0]].format(target[1]) if target else ""
        self.row(measure, milli(ours), milli(theirs), f"{ratio:.2f} ×", wording, ok)

    def print(self):
        head = ("measure", "sigkit", "peer", "ratio", "target", "ok")
        widths = [max(len(row[i]) for row in [head, *self.rows]) for i in range(len(head))]
        for row in [head, tuple("-" * w for w in widths), *self.rows]:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip())
        missed = [row[0] for row in self.rows if row[5] == "NO"]
        print(f"targets met: {sum(row[5] == 'yes' for row in self.rows)}, missed: {len(missed)}")
        return 1 if missed else 0


def milli(seconds):
    return f"{seconds * 1000:.1f} ms"


def mebi(size):
    return f"{size / MIB:.1f} MiB"


def offline(b, form):
    """What keeps cosign from asking public services while it signs in this format."""
    return {
        "bundle": ["--signing-config", b.work / "no-services.json", "--trusted-root", b.work / "no-root.json"],
        "legacy": ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"],
    }[form]


def verifying(b, sigkit, cosign, registry, keys, target=None):
    """One image. The registry's own time is in both, so the target is for the registry that takes least of it."""
    public, private = keys + ".pub", keys + ".key"
    for form in ("bundle", "legacy"):
        reference = registry.push(f"verify-{form}", stores.Image(form))
        b.once([str(w) for w in (cosign, "sign", "-y", "--key", private, *offline(b, form), reference)])
        ours = [sigkit, "verify", "--key", public, reference]
        theirs = [cosign, "verify", "--key", public, "--insecure-ignore-tlog", reference]
        (wall, cpu), (peer_wall, peer_cpu) = b.alternate(4 * b.runs, ours, theirs)
        measure = f"verify image, {form}, {registry.name}"
        b.times(f"{measure}: wall, against cosign", wall, peer_wall, target)
        b.times(f"{measure}: CPU, against cosign", cpu, peer_cpu)
        memory, peer_memory = b.peak(ours), b.peak(theirs)
        b.row(f"{measure}: peak memory", mebi(memory), mebi(peer_memory), f"{peer_memory / memory:.2f} ×", "≤ 16 MiB", memory <= 16 * MIB)


def signing(b, sigkit, cosign, registry, keys):
    private = keys + ".key"
    for form in ("bundle", "legacy"):
        repositories = {}

        def fresh(who, number):
            name = f"sign-{form}-{who}-{number + 1}"
            if name not in repositories:
                repositories[name] = registry.push(name, stores.Image(name))
            return repositories[name]
        for number in range(-1, b.runs):
            fresh("sigkit", number), fresh("cosign", number)
        sign, peer, own_kdf, openssl_kdf = b.alternate(
            b.runs,
            lambda n: [sigkit, "sign", "-y", "--key", private, "--format", form, fresh("sigkit", n)],
            lambda n: [cosign, "sign", "-y", "--key", private, *offline(b, form), fresh("cosign", n)],
            [sigkit, "public-key", "--key", private],
            [shutil.which("openssl"), "kdf", "-keylen", "32", "-kdfopt", "pass:password", "-kdfopt", "salt:0123456789abcdef0123456789abcdef", "-kdfopt", "n:65536",
             "-kdfopt", "r:8", "-kdfopt", "p:1", "-kdfopt", "maxmem_bytes:134217728", "SCRYPT"])
        b.times(f"sign image, {form}: wall, against opening the key alone", sign[0], own_kdf[0], ("at most", 1.1))
        b.times(f"sign image, {form}: wall, against the scrypt of openssl", sign[0], openssl_kdf[0])
        b.times(f"sign image, {form}: wall, against cosign", sign[0], peer[0])
        b.times(f"sign image, {form}: CPU, against cosign", sign[1], peer[1])


def bulk(b, sigkit, cosign, registry, keys, count):
    """Many images, in a registry at a distance."""
    names = [registry.push(f"bulk-{number}", stores.Image(f"bulk-{number}")) for number in range(count)]
    b.once([sigkit, "sign", "-y", "--key", keys + ".key", "--jobs", "32", *names])
    ours = [sigkit, "verify", "--key", keys + ".pub", *names]
    theirs = [cosign, "verify", "--key", keys + ".pub", "--insecure-ignore-tlog", *names]
    (wall, cpu), = b.alternate(3, ours)
    peer_wall, peer_cpu = b.once([str(word) for word in theirs])
    measure = f"verify {count} images, {DISTANCE} ms away"
    b.times(f"{measure}: wall, against cosign", wall, peer_wall, ("faster", 10))
    b.times(f"{measure}: CPU, against cosign", cpu, peer_cpu)
    memory, peer_memory = b.peak(ours), b.peak(theirs)
    b.row(f"{measure}: peak memory", mebi(memory), mebi(peer_memory), f"{peer_memory / memory:.2f} ×", "", None)
    memory_of_one = b.peak(ours[:5])
    b.row(f"{measure}: peak memory, against one image", mebi(memory), mebi(memory_of_one), f"{memory / memory_of_one:.2f} ×", "≤ 2 ×", memory <= 2 * memory_of_one)


def signatures(b, sigkit, cosign, registry, count=1000):
    """Many signatures of one image: different ones of one payload, and bundles that differ."""
    keys = pathlib.Path(__file__).resolve().parents[2] / "keys"
    public, private = keys / "TEST-ONLY-ecdsa-p256.pub", keys / "TEST-ONLY-ecdsa-p256-pkcs8.pem"
    for form in ("legacy", "bundle"):
        image = stores.Image(f"many-{form}")
        repository = f"many-{form}"
        reference = registry.push(repository, image)
        payload = stores.compact({
            "critical": {"identity": {"docker-reference": reference.split(":v1")[0]}, "image": {"docker-manifest-digest": image.digest},
                         "type": "cosign container image signature"}, "optional": None})
        statement = stores.compact({
            "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": image.digest.split(":")[1]}}],
            "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": {}})
        pae = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(statement), statement)
        message = b.work / "message"
        message.write_bytes(payload if form == "legacy" else pae)
        # ECDSA signatures differ each time; bundles differ by what they say of the key.
        sign = ["openssl", "dgst", "-sha256", "-sign", private, message]
        many = [subprocess.run(sign, capture_output=True, check=True).stdout for _ in range(count if form == "legacy" else 1)]
        many = [base64.b64encode(signature).decode() for signature in many]
        registry.push_blob(repository, b"{}")
        config = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": stores.digest(b"{}")}
        if form == "legacy":
            registry.push_blob(repository, payload)
            layer = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "size": len(payload), "digest": stores.digest(payload)}
            layers = [{**layer, "annotations": {"dev.cosignproject.cosign/signature": signature}} for signature in many]
            registry.push_manifest(repository, image.digest.replace(":", "-") + ".sig", stores.compact(
                {"schemaVersion": 2, "mediaType": stores.MANIFEST, "config": config, "layers": layers}))
        for hint in range(count) if form == "bundle" else []:
            kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
            bundle = stores.compact({
                "mediaType": kind, "verificationMaterial": {"publicKey": {"hint": str(hint)}},
                "dsseEnvelope": {"payload": base64.b64encode(statement).decode(), "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": many[0]}]}})
            registry.push_blob(repository, bundle)
            manifest = stores.compact({
                "schemaVersion": 2, "mediaType": stores.MANIFEST, "artifactType": kind, "config": config,
                "layers": [{"mediaType": kind, "size": len(bundle), "digest": stores.digest(bundle)}],
                "subject": {"mediaType": stores.MANIFEST, "size": len(image.manifest), "digest": image.digest}})
            registry.push_manifest(repository, stores.digest(manifest), manifest)
        ours = [sigkit, "verify", "--key", public, reference]
        theirs = [cosign, "verify", "--key", public, "--insecure-ignore-tlog", reference]
        (wall, cpu), = b.alternate(3, ours)
        # With bundles, cosign takes minutes.
        peer_wall, peer_cpu = b.once([str(word) for word in theirs]) if form == "legacy" else (None, None)
        b.once([str(word) for word in [*ours, "--verbose"]])
        requests = sum(line.startswith("GET ") for line in b.said().splitlines())
        measure = f"verify {count} signatures, {form}"
        first = form == "legacy"
        b.row(f"{measure}: CPU", milli(cpu), milli(peer_cpu) if peer_cpu else "", f"{peer_cpu / cpu:.2f} ×" if peer_cpu else "", "≤ 1500 ms", cpu <= 1.5)
        b.row(f"{measure}: requests", str(requests), "", "", "≤ 50" if first else "", requests <= 50 if first else None)
        if peer_wall:
            b.times(f"{measure}: wall, against cosign", wall, peer_wall)
        memory = b.peak(ours)
        b.row(f"{measure}: peak memory", mebi(memory), "", "", "≤ 64 MiB", memory <= 64 * MIB)


def blobs(b, sigkit, cosign, keys, mib):
    blob, bundle = b.work / "blob", b.work / "blob.sigstore.json"
    with open(blob, "wb") as file:
        chunk = os.urandom(MIB)
        for _ in range(mib):
            file.write(chunk)
    b.once([str(w) for w in (cosign, "sign-blob", "-y", "--key", keys + ".key", "--signing-config", b.work / "no-services.json",
                             "--trusted-root", b.work / "no-root.json", "--bundle", bundle, blob)])
    ours = [sigkit, "verify-blob", "--key", keys + ".pub", "--bundle", bundle, blob]
    digest = [shutil.which("openssl"), "dgst", "-sha256", blob]
    theirs = [cosign, "verify-blob", "--key", keys + ".pub", "--insecure-ignore-tlog", "--trusted-root", b.work / "no-root.json", "--bundle", bundle, blob]
    few = max(5, b.runs // 3)
    (wall, cpu), (peer_wall, peer_cpu) = b.alternate(few, ours, digest)
    b.times(f"verify blob, {mib} MiB: wall, against openssl dgst -sha256", wall, peer_wall, ("at most", 1.2))
    b.times(f"verify blob, {mib} MiB: CPU, against openssl dgst -sha256", cpu, peer_cpu, ("at most", 1.2))
    (wall, _), (peer_wall, _) = b.alternate(3, ours, theirs)
    b.times(f"verify blob, {mib} MiB: wall, against cosign", wall, peer_wall)
    memory, peer_memory = b.peak(ours), b.peak(theirs)
    b.row(f"verify blob, {mib} MiB: peak memory", mebi(memory), mebi(peer_memory), f"{peer_memory / memory:.2f} ×", "≤ 16 MiB", memory <= 16 * MIB)


def identities(b, sigkit, cosign):
    """Signatures by an identity, genuine ones of both generations of the log, verified by a trusted root in a file, without a network."""
    root = pathlib.Path(__file__).resolve().parents[2]
    vectors = root / "testdata" / "vectors" / "sigstore"
    for log, folder, trusted_root in (
            ("Rekor v1", "happy-path-v0.1", root / "sigkit-core" / "data" / "public-good-trusted-root.json"),
            ("Rekor v2", "rekor2-happy-path", vectors / "rekor2-happy-path" / "trusted_root.json")):
        words = ["verify-blob", "--bundle", vectors / folder / "bundle.json", "--trusted-root", trusted_root,
                 "--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER, vectors / "a.txt"]
        (wall, cpu), (peer_wall, peer_cpu) = b.alternate(4 * b.runs, [sigkit, *words], [cosign, *words])
        measure = f"verify blob by identity, {log}"
        b.times(f"{measure}: wall, against cosign", wall, peer_wall, ("faster", 10))
        b.times(f"{measure}: CPU, against cosign", cpu, peer_cpu, ("faster", 10))


def start_up(b, sigkit, cosign):
    (wall, _), (peer_wall, _) = b.alternate(2 * b.runs, [sigkit, "version"], [cosign, "version"])
    b.row("start and print the version: wall", milli(wall), milli(peer_wall), f"{peer_wall / wall:.2f} ×", "< 5 ms", wall < 0.005)
    size, peer_size = os.path.getsize(sigkit), os.path.getsize(cosign)
    b.row("program on disk", mebi(size), mebi(peer_size), f"{peer_size / size:.2f} ×", "≤ 12 MiB", size <= 12 * MIB)


def with_keys(b, sigkit, cosign, peers, arguments):
    (b.work / "no-services.json").write_text(tools.NO_SERVICES)
    (b.work / "no-root.json").write_text(tools.NO_ROOT)
    keys = str(b.work / "cosign")
    b.once([cosign, "generate-key-pair", "--output-key-prefix", keys])
    registry = stores.Registry("crane", [str(peers / "crane"), "registry", "serve", "--address", "ADDRESS"])
    try:
        start_up(b, sigkit, cosign)
        verifying(b, sigkit, cosign, registry, keys)
        signing(b, sigkit, cosign, registry, keys)
        attestations(b, sigkit, cosign, registry, keys)
    finally:
        registry.stop()
    for measure, options in ((lambda far: bulk(b, sigkit, cosign, far, keys, arguments.images), ["--latency-ms", str(DISTANCE)]),
                             (lambda near: verifying(b, sigkit, cosign, near, keys, ("faster", 10)), []),
                             (lambda near: signatures(b, sigkit, cosign, near), [])):
        registry = stores.Registry("testkit", [arguments.testkit, "--listen", "ADDRESS", *options])
        try:
            measure(registry)
        finally:
            registry.stop()
    blobs(b, sigkit, cosign, keys, arguments.mib)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sigkit", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--testkit", help="testkit-registry, which can be at a distance; without it only identities are measured")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--mib", type=int, default=1024)
    arguments = parser.parse_args()
    peers = pathlib.Path(arguments.peers).resolve()
    with tempfile.TemporaryDirectory(prefix="sigkit-bench-") as work:
        b = Bench(work, arguments.runs)
        # Both as they are after an installation: a program just linked lies in the page cache page by page, and starts more slowly.
        sigkit, cosign = (shutil.copy(program, b.work) for program in (arguments.sigkit, peers / "cosign"))
        identities(b, sigkit, cosign)
        if arguments.testkit:
            with_keys(b, sigkit, cosign, peers, arguments)
        print(f"{arguments.runs} runs each and more of short ones, in turns of {BLOCK}, medians; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        return b.print()


if __name__ == "__main__":
    sys.exit(main())
