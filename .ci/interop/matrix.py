"""Counting, and the cells that are the same for every pair of tools: keys, images, blobs."""

import concurrent.futures
import pathlib
import threading
import traceback

from gaps import gap
from stores import Image
from tools import BLOB_FORMATS, CURVE_HASH, Key, Tool

ALGORITHMS = ("p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096")


class Matrix:
    """The tools, the registries, the keys made so far, and the verdict of every cell."""

    def __init__(self, work, peers, tools, openssl, registries, jobs, only):
        self.work = pathlib.Path(work)
        self.peers = peers
        self.tools = tools
        self.openssl = openssl
        self.registries = registries
        self.jobs = jobs
        self.only = only
        self.keys = []
        self.passed = 0
        self.failures = []
        self.lock = threading.Lock()

    def check(self, cell, ok, detail=""):
        with self.lock:
            if ok:
                self.passed += 1
            else:
                self.failures.append(cell)
                print(f"FAIL {cell}: {detail}", flush=True)
        return ok

    def expect(self, cell, run, *codes):
        """The cell passes when the process ended with one of the codes (0 by default)."""
        wanted = codes or (0,)
        return self.check(cell, run.code in wanted, f"wanted exit {' or '.join(map(str, wanted))}, got {run}")

    def attempt(self, cell, verb, who, run, signer=None, form=None, algorithm=None, again=None):
        """Passes when the command succeeded or, where cosign has a gap, when it failed in the known way; `again` runs it with the flags of the way around."""
        known = gap(verb, who, signer, form, algorithm)
        if known is None:
            return self.expect(cell, run)
        if run.ok:
            return self.check(f"{cell} (gap)", False, f"this gap of {who} has closed, take it out of gaps.py: {known.why}")
        self.check(f"{cell} (gap)", known.says in run.err, f"{who} fails in another way than known ({known.says!r}): {run}")
        if known.rescue:
            flags = [CURVE_HASH[algorithm] if flag == "CURVE_HASH" else flag for flag in known.rescue]
            self.expect(f"{cell} with {' '.join(flags)}", again(*flags))
        return False

    def each(self, function, jobs):
        """Runs function(*job) for every job; an exception is a failed cell, not the end of the matrix."""
        def guarded(job):
            try:
                function(*job)
            except Exception:
                self.check(f"{function.__name__} {job_name(job)}", False, traceback.format_exc())
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(guarded, jobs))

    def wanted(self, stage):
        return not self.only or stage in self.only

    def program(self, name):
        return Tool(name, self.peers / name, self.work)

    def key(self, algorithm, maker):
        return next(k for k in self.keys if (k.algorithm, k.maker) == (algorithm, maker))


def job_name(job):
    return "/".join(getattr(word, "__name__", None) or getattr(word, "name", None) or str(word) for word in job if not isinstance(word, Matrix))


# --- keys: who can make and read which key file

def make_keys(m):
    m.each(openssl_key, [(m, a) for a in ALGORITHMS])
    jobs = [(m, tool, a) for a in ALGORITHMS for tool in m.tools.values()]
    m.each(import_key, jobs)
    m.each(generate_key, [job for job in jobs if job[1].name == "sigkit" or job[2] == "p256"])
    m.keys.sort(key=lambda key: (key.algorithm, key.maker))


def openssl_key(m, algorithm):
    m.expect(f"key/openssl/{algorithm}", m.openssl.generate(algorithm, m.work / f"{algorithm}.pem", m.work / f"{algorithm}.traditional.pem"))


def import_key(m, tool, algorithm):
    want = m.openssl.public_der("-in", m.work / f"{algorithm}.pem")
    for encoding, pem in (("pkcs8", m.work / f"{algorithm}.pem"), ("traditional", m.work / f"{algorithm}.traditional.pem")):
        if not pem.exists():
            continue
        cell = f"key/import/{tool.name}/{algorithm}/{encoding}"
        prefix = m.work / f"{tool.name}-imported-{algorithm}-{encoding}"
        if m.attempt(cell, "import", tool.name, tool.import_key(pem, prefix), algorithm=algorithm):
            got = m.openssl.public_der("-pubin", "-in", f"{prefix}.pub")
            m.check(f"{cell}/public half", got == want, f"{prefix}.pub is not openssl's public key")
            if encoding == "pkcs8":
                add_key(m, algorithm, f"{tool.name}-import", prefix)


def generate_key(m, tool, algorithm):
    prefix = m.work / f"{tool.name}-generated-{algorithm}"
    if m.expect(f"key/generate/{tool.name}/{algorithm}", tool.generate(algorithm, prefix)):
        add_key(m, algorithm, f"{tool.name}-generate", prefix)


def add_key(m, algorithm, maker, prefix):
    key = Key(algorithm, maker, f"{prefix}.key", f"{prefix}.pub")
    want = m.openssl.public_der("-pubin", "-in", key.public)
    # A file of one tool is read by all of them; sigkit's and cosign 3's own `public-key` represent all of cosign's readers.
    for reader in m.tools.values():
        run = reader.public_key(key.private)
        if m.expect(f"key/read/{reader.name}/{maker}/{algorithm}", run):
            printed = m.work / f"{reader.name}-{maker}-{algorithm}.printed"
            printed.write_text(run.out)
            m.check(f"key/read/{reader.name}/{maker}/{algorithm}/public half", want and m.openssl.public_der("-pubin", "-in", printed) == want, run.out)
    with m.lock:
        m.keys.append(key)


# --- images: every key, signer and format on the first registry; every algorithm, signer and format on the others

def image_jobs(m):
    for turn, registry in enumerate(m.registries.values()):
        for algorithm in ALGORITHMS:
            keys = [k for k in m.keys if k.algorithm == algorithm]
            for number, (signer, form) in enumerate((t, f) for t in m.tools.values() for f in t.formats):
                for key in keys if turn == 0 else [keys[(number + turn) % len(keys)]]:
                    yield m, registry, key, signer, form


def image(m, registry, key, signer, form):
    cell = f"image/{registry.name}/{key.algorithm}/{key.maker}/{signer.name}/{form}"
    repository = cell.replace("/", "-")
    reference = registry.push(repository, Image(cell))
    signed = signer.sign(reference, key.private, form)
    if not m.attempt(f"{cell}/sign", "sign", signer.name, signed, signer.name, form, key.algorithm):
        return
    for reader in m.tools.values():
        def verify(*more):
            return reader.verify(reference, key.public, form, *more)
        m.attempt(f"{cell}/verify/{reader.name}", "verify", reader.name, verify(), signer.name, form, key.algorithm, verify)


# --- blobs: every algorithm, signer and format; openssl joins for detached signatures

def blob_jobs(m):
    for algorithm in ALGORITHMS:
        keys = [k for k in m.keys if k.algorithm == algorithm]
        for number, (signer, form) in enumerate((t, f) for t in m.tools.values() for f in BLOB_FORMATS):
            yield m, keys[number % len(keys)], signer, form


def blob(m, key, signer, form):
    cell = f"blob/{key.algorithm}/{key.maker}/{signer.name}/{form}"
    data = m.work / (cell.replace("/", "-") + ".data")
    data.write_bytes(cell.encode() * 4096)
    signature = data.with_suffix(".signature")
    signed = signer.sign_blob(data, key.private, form, signature)
    if not m.attempt(f"{cell}/sign", "sign-blob", signer.name, signed, signer.name, form, key.algorithm):
        return
    for reader in m.tools.values():
        def verify(*more):
            return reader.verify_blob(data, key.public, form, signature, *more)
        m.attempt(f"{cell}/verify/{reader.name}", "verify-blob", reader.name, verify(), signer.name, form, key.algorithm, verify)
    if form == "detached":
        hash_name = "sha256" if signer.name == "cosign2" else CURVE_HASH.get(key.algorithm, "sha256")
        m.expect(f"{cell}/verify/openssl", m.openssl.verify_blob(data, key.public, key.algorithm, signature, hash_name))
