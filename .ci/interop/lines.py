"""Command lines of cosign's documentation and of public workflows, run in the same words by cosign 2, cosign 3 and sigkit.

    python3 .ci/interop/lines.py --sigkit PROGRAM --peers DIR --testkit-sigstore PROGRAM [--write] [--only TEXT]

`lines.tsv` holds each line with what it needs, and what each program does with it: its exit code, what it prints, the files and the tags
that it leaves. One line per difference from the table, then `lines: P/N`. A row in which sigkit ends or answers otherwise than a cosign
names the rows of docs/from-cosign.md that say why. Lines that need a Sigstore run when the environment names one (STACK and OIDC_PROGRAM,
as `.ci/run lines` sets them) and are counted as skipped otherwise. `--write` writes what was found into the table.

All programs run with COSIGN_TLOG_UPLOAD=false, COSIGN_INSECURE_IGNORE_TLOG=true and COSIGN_USE_SIGNING_CONFIG=false, as on a machine that uses keys
without a public log; a row with `public` runs without them.
"""

import argparse
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import stores

HERE = pathlib.Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs/from-cosign.md"
PASSWORD = "command lines"
PROGRAMS = ("cosign2", "cosign3", "sigkit")
COLUMNS = ("from", "needs", "line", *(f"{name} exits" for name in PROGRAMS), "sigkit leaves", "cosign2 leaves", "cosign3 leaves", "why")
KEYS_ONLY = {"COSIGN_TLOG_UPLOAD": "false", "COSIGN_INSECURE_IGNORE_TLOG": "true", "COSIGN_USE_SIGNING_CONFIG": "false"}

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  template:
    spec:
      containers: [{name: app, image: IMAGE}]
"""
REGO = 'package signature\n\ndefault allow = false\n\nallow {\n  input.predicateType == "https://spdx.dev/Document"\n}\n'
CUE = 'predicateType: "https://spdx.dev/Document"\n'
SPDX = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "app", "dataLicense": "CC0-1.0", "documentNamespace": "https://example.test/app",
        "creationInfo": {"created": "2024-01-01T00:00:00Z", "creators": ["Tool: test"]}}
PROVENANCE = {"buildDefinition": {"buildType": "https://example.test/build", "externalParameters": {}}, "runDetails": {"builder": {"id": "https://example.test/builder"}}}
NO_SERVICES = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}


class World:
    """The programs, a registry, and what the lines need, made once by the real cosign."""

    def __init__(self, options, work):
        self.work = work
        peers = pathlib.Path(options.peers).resolve()
        self.programs = {"cosign2": peers / "cosign2", "cosign3": peers / "cosign", "sigkit": pathlib.Path(options.sigkit).resolve()}
        self.paths = {}
        for name, program in self.programs.items():
            self.paths[name] = work / "bin" / name
            self.paths[name].mkdir(parents=True)
            (self.paths[name] / "cosign").symlink_to(program)
        self.registry = registry(peers)
        self.base = work / "base"
        self.base.mkdir()
        self.images = {}
        self.testkit = options.testkit_sigstore

    def environment(self, program, home, **more):
        return {"PATH": f"{self.paths[program]}:{os.environ['PATH']}", "HOME": str(home / ".home"), "TMPDIR": str(self.work), "NO_PROXY": "127.0.0.1",
                "HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "COSIGN_PASSWORD": PASSWORD, "REGISTRY": self.registry.host, **more}

    def run(self, program, line, cwd, **more):
        return subprocess.run(["bash", "-c", line], env=self.environment(program, cwd, **more), cwd=cwd, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=60)

    def must(self, program, line, **more):
        done = self.run(program, line, self.base, **{**KEYS_ONLY, "COSIGN_YES": "true", **more})
        if done.returncode:
            sys.exit(f"lines: {program}: {line}: exit {done.returncode}\n{done.stderr}")

    def push(self, repository, image=None):
        return self.registry.push(repository, image or stores.Image(repository))

    def prepare(self):
        base = self.base
        self.must("cosign2", "cosign generate-key-pair && cosign generate-key-pair --output-key-prefix other")
        subprocess.run(["bash", "-euc", "openssl ecparam -name prime256v1 -genkey -noout -out openssl.key; openssl ec -in openssl.key -pubout -out openssl.pub; "
                        "openssl req -x509 -new -key openssl.key -subj /CN=app -days 30 -out cosign.crt; cp cosign.crt chain.crt"], cwd=base, check=True, capture_output=True)
        for name, text in {"README.md": "read me\n", "artifact": "an artifact\n", "policy.rego": REGO, "policy.cue": CUE, "predicate.json": json.dumps({"built": "here"}),
                           "sbom.spdx.json": json.dumps(SPDX), "provenance.json": json.dumps(PROVENANCE), "signing-config.json": json.dumps(NO_SERVICES)}.items():
            (base / name).write_text(text)
        for name, how in {"signed": ("cosign2", "cosign sign --key cosign.key -a sig=original $IMAGE"),
                          "bundled": ("cosign3", "cosign sign --key cosign.key --signing-config signing-config.json -a sig=original $IMAGE"),
                          "attested": ("cosign2", "cosign attest --key cosign.key --type spdxjson --predicate sbom.spdx.json $IMAGE"),
                          "unsigned": None, "empty": None}.items():
            self.images[name] = self.push(f"prepared/{name}")
            if how:
                self.must(how[0], how[1], IMAGE=self.images[name], **({"COSIGN_TLOG_UPLOAD": "", "COSIGN_USE_SIGNING_CONFIG": ""} if how[0] == "cosign3" else {}))
        (base / "Dockerfile").write_text(f"FROM {self.images['signed']}\nRUN true\n")
        (base / "deployment.yaml").write_text(DEPLOYMENT.replace("IMAGE", self.images["signed"]))
        self.must("cosign2", "cosign sign-blob --key cosign.key --output-signature artifact.sig artifact")
        self.must("cosign2", "cosign sign-blob --key cosign.key --bundle artifact.bundle artifact")
        self.must("cosign2", "cosign sign-blob --key cosign.key --new-bundle-format --bundle artifact.sigstore.json artifact")
        self.must("cosign2", "cosign attest-blob --key cosign.key --type slsaprovenance1 --predicate provenance.json --new-bundle-format --bundle artifact.intoto.json artifact")
        self.must("cosign2", "cosign attest-blob --key cosign.key --type slsaprovenance1 --predicate provenance.json --output-signature artifact.dsse artifact")
        self.must("cosign2", "cosign save --dir saved $IMAGE", IMAGE=self.images["signed"])
        self.must("cosign2", "cosign generate $IMAGE > payload.json && openssl dgst -sha256 -sign openssl.key payload.json | base64 -w0 > payload.sig", IMAGE=self.images["unsigned"])
        if "STACK" in os.environ:
            self.images["keyless"] = self.push("prepared/keyless")
            self.must("cosign3", "cosign sign $IMAGE", IMAGE=self.images["keyless"], **sigstore("cosign3"))
            self.must("cosign2", "cosign sign $IMAGE", IMAGE=self.images["keyless"], **sigstore("cosign2"))
        shutil.rmtree(base / ".home", ignore_errors=True)
        subprocess.run([self.testkit, base / "keyless"], check=True)

    def directory(self, name, needs):
        """A copy of the files in which a line runs."""
        cwd = self.work / "runs" / name
        cwd.mkdir(parents=True)
        if "empty" not in needs:
            shutil.copytree(self.base, cwd, dirs_exist_ok=True, symlinks=True)
        return cwd


def sigstore(program):
    """The variables by which a program finds the Sigstore on this machine."""
    stack = os.environ
    mint = [sys.executable, stack["OIDC_PROGRAM"], "mint", stack["OIDC"], f"{stack['STACK']}/keys", "email=alice@stack.test"]
    minted = subprocess.run(mint, capture_output=True, text=True, check=True).stdout.strip()
    token = {"SIGSTORE_ID_TOKEN": minted, **dict.fromkeys(KEYS_ONLY, "")}
    if program != "cosign2":
        return token | {"COSIGN_SIGNING_CONFIG": stack["SIGNING_CONFIG_V1"], "COSIGN_TRUSTED_ROOT": stack["TRUSTED_ROOT"]}
    keys = f"{stack['STACK']}/keys"
    return token | {
        "COSIGN_FULCIO_URL": stack["FULCIO_URL"], "COSIGN_REKOR_URL": stack["REKOR1_URL"], "COSIGN_OIDC_ISSUER": stack["OIDC"],
        "SIGSTORE_ROOT_FILE": f"{keys}/fulcio-chain.pem", "SIGSTORE_REKOR_PUBLIC_KEY": f"{keys}/rekor1.pub", "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": f"{keys}/ctlog.pub",
    }


def registry(peers):
    return stores.Registry("distribution", [f"{peers}/docker-registry", "serve", "CONFIG"], stores.DISTRIBUTION)


def members(value, depth):
    """The names of the members of a JSON value, two levels of them."""
    if isinstance(value, list):
        return f"[{members(value[0], depth)}]" if value else "[]"
    if isinstance(value, dict) and depth:
        return "{" + ",".join(name + members(value[name], depth - 1) for name in sorted(value)) + "}"
    return ""


def shape(text):
    """What a text is, without its values."""
    if not text.strip():
        return "nothing"
    try:
        return "json" + members(json.loads(text), 2)
    except ValueError:
        pass
    lines = text.strip().splitlines()
    try:
        return f"{'' if len(lines) == 1 else 'many '}json" + members(json.loads(lines[0]), 2)
    except ValueError:
        pass
    label = re.search(r"-----BEGIN ([A-Z ]+)-----", text)
    if label:
        return f"pem {label[1]}"
    try:
        if len(lines) == 1 and len(lines[0]) > 40:
            base64.b64decode(lines[0], validate=True)
            return "base64"
    except ValueError:
        pass
    return "text"


def files(cwd):
    found = {}
    for path in cwd.rglob("*"):
        name = path.relative_to(cwd).as_posix()
        if path.is_file() and not name.startswith(".home/.sigstore"):
            found[name] = path.read_bytes()
    return found


def tags(world, repositories):
    found = []
    for repository in repositories:
        response, data = world.registry.request("GET", f"/v2/{repository}/tags/list")
        if response.status == 200:
            found += [f"{repository}:{tag}" for tag in json.loads(data).get("tags") or []]
    return found


def kind(tag):
    """The kind of a tag that a line left."""
    name = tag.rpartition(":")[2]
    place = "elsewhere:" if tag.startswith("elsewhere") else ""
    short = re.sub(r"^sha256-[0-9a-f]{64}", "", name)
    return place + (name if short == name else short or "referrers")


def leaves(world, cwd, before, repositories, tags_before, done):
    """What a line that succeeded left behind, in words."""
    parts = [shape(done.stdout)]
    after = files(cwd)
    changed = sorted(name for name, data in after.items() if before.get(name) != data)
    if any(name.startswith("saved-here/") for name in changed):
        changed = [name for name in changed if not name.startswith("saved-here/")] + ["saved-here/"]
    parts += [name + ("" if name.endswith("/") else "=" + shape(after[name].decode(errors="replace"))) for name in changed]
    parts += sorted({f"tag {kind(tag)}" for tag in set(tags(world, repositories)) - set(tags_before)})
    parts += sorted({f"no tag {kind(tag)}" for tag in set(tags_before) - set(tags(world, repositories))})
    return "; ".join(parts).replace(world.registry.host, "HOST")


def ask(world, number, row, program):
    needs = row["needs"].split(",")
    name = f"line{number}-{program}"
    cwd = world.directory(name, needs)
    shared = next((need for need in needs if need in world.images), None)
    more = {}
    if shared and "own" not in needs:
        image = world.images[shared]
    else:
        image = world.push(f"{name}/app", stores.Index(name) if "index" in needs else None)
        if "own" in needs:
            world.must("cosign2", "cosign sign --key cosign.key $IMAGE", IMAGE=image)
    repository = image.removeprefix(world.registry.host + "/").rpartition(":")[0]
    if "stack" in needs:
        more = {"OIDC": os.environ["OIDC"], **sigstore(program)}
    elif "public" not in needs:
        more = dict(KEYS_ONLY)
    manifest = world.registry.must("GET", f"/v2/{repository}/manifests/v1", headers={"Accept": f"{stores.MANIFEST}, {stores.INDEX}"})[1]
    more |= {"IMAGE": image, "IMAGE_DIGEST": f"{image.rpartition(':')[0]}@{stores.digest(manifest)}", "OTHER_IMAGE": world.images["signed"], "NAME": name,
             "ELSEWHERE": f"{world.registry.host}/elsewhere/{name}"}
    if "variable" in needs:
        more |= {"COSIGN_PRIVATE_KEY": (cwd / "cosign.key").read_text(), "COSIGN_PUBLIC_KEY": (cwd / "cosign.pub").read_text()}
    repositories = [repository, f"elsewhere/{name}"]
    (cwd / ".home").mkdir(exist_ok=True)
    before, tags_before = files(cwd), tags(world, repositories)
    try:
        done = world.run(program, row["line"], cwd, **more)
    except subprocess.TimeoutExpired:
        return {"code": "hangs", "leaves": "-", "said": "no end within 60 seconds"}
    left = leaves(world, cwd, before, repositories, tags_before, done) if done.returncode == 0 else "-"
    shutil.rmtree(cwd)
    return {"code": str(done.returncode), "leaves": left, "said": (done.stderr.strip() or done.stdout.strip())[-400:]}


def differs(row):
    """Whether sigkit ends otherwise than a cosign, or leaves something else than all that succeeded as well."""
    codes = [row[f"{name} exits"] for name in PROGRAMS]
    others = [row[f"{name} leaves"] for name in PROGRAMS[:2] if row[f"{name} exits"] == "0"]
    return len(set(codes)) > 1 or bool(others) and row["sigkit exits"] == "0" and "same" not in others


def reasons():
    """The first cells of the tables that say what differs."""
    text = DOCUMENT.read_text(encoding="utf-8").split("## Flags")[0]
    return {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}


def read():
    rows = []
    for line in (HERE / "lines.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        rows.append(dict(zip(COLUMNS, cells + [""] * (len(COLUMNS) - len(cells)))))
    return rows


def main():
    parser = argparse.ArgumentParser(prog="lines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigkit", required=True, help="the program under test")
    parser.add_argument("--peers", required=True, help="folder with cosign, cosign2 and docker-registry (see .ci/peers.sh)")
    parser.add_argument("--testkit-sigstore", required=True, help="program that writes what the Sigstore in memory makes")
    parser.add_argument("--write", action="store_true", help="write what was found into the table")
    parser.add_argument("--only", help="only the lines that contain this text")
    parser.add_argument("--say", action="store_true", help="show the last words of each program")
    options = parser.parse_args()
    rows, good, skipped, known = read(), 0, 0, reasons()
    with tempfile.TemporaryDirectory(prefix="sigkit-lines-") as work:
        world = World(options, pathlib.Path(work))
        try:
            world.prepare()
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                asked = {}
                for number, row in enumerate(rows):
                    if "stack" in row["needs"] and "STACK" not in os.environ or options.only and options.only not in row["line"]:
                        skipped += 1
                        continue
                    asked[number] = {name: pool.submit(ask, world, number, row, name) for name in PROGRAMS}
                for number, answers in asked.items():
                    good += judge(rows[number], {name: answer.result() for name, answer in answers.items()}, options, known)
        finally:
            world.registry.stop()
    if options.write:
        table = ["\t".join(COLUMNS)] + ["\t".join(row[column] for column in COLUMNS).rstrip("\t") for row in rows]
        (HERE / "lines.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    summary(rows)
    print(f"  {skipped} skipped")
    print(f"lines: {good}/{len(rows) - skipped}")
    return good != len(rows) - skipped


def judge(row, found, options, known):
    found_row = dict(row)
    for name in PROGRAMS:
        found_row[f"{name} exits"] = found[name]["code"]
        same = name != "sigkit" and found["sigkit"]["code"] == "0" and found[name]["leaves"] == found["sigkit"]["leaves"]
        found_row[f"{name} leaves"] = "same" if same else found[name]["leaves"]
    if options.say:
        print(f"--- {row['line']}")
        for name in PROGRAMS:
            print(f"    {name} {found[name]['code']} {found_row[f'{name} leaves']}\n        {found[name]['said']}")
    wrong = []
    if options.write:
        row.update(found_row)
    for column in COLUMNS:
        if row[column] != found_row[column]:
            program = column.split()[0]
            wrong.append(f"{column}: {row[column]!r} in the table, {found_row[column]!r} found: {found[program]['said']}")
    whys = [why for why in row["why"].split("; ") if why]
    if differs(found_row) and not whys:
        wrong.append("it differs, and names no reason")
    wrong += [f"{why!r} is not a row of {DOCUMENT.name}" for why in whys if why not in known]
    for why in wrong:
        print(f"FAIL {row['line']}: {why}", flush=True)
    return not wrong


def summary(rows):
    for name in PROGRAMS[:2]:
        equal = sum(row[f"{name} exits"] == row["sigkit exits"] for row in rows)
        print(f"  {equal} of {len(rows)} lines end as with {name}")
    print(f"  {sum(not differs(row) for row in rows)} of {len(rows)} are the same for all three")


if __name__ == "__main__":
    sys.exit(main())
