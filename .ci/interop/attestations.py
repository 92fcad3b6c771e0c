"""Attestations: every predicate type, written by each tool in each format, read by all of them; about images and about files."""

import base64
import json
import pathlib

from special import NO_MATCH, UNSIGNED, fresh, readers
from tools import IMAGE_FORMATS

SCANS = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "scan"

URI = "https://example.com/attestation/v1"
# A document of each type, and its form in the statement if that is not the document itself.
DOCUMENTS = {
    "custom": 'any "text" <with> é\n',
    "slsaprovenance": '{"builder":{"id":"https://builder"},"buildType":"https://type","invocation":{},"metadata":null,"materials":[]}',
    "slsaprovenance02": '{"builder":{"id":"https://builder"},"buildType":"https://type","materials":[{"uri":"https://source","digest":{"sha1":"00"}}]}',
    "slsaprovenance1": '{"buildDefinition":{"buildType":"https://type","externalParameters":{"ref":"main"}},"runDetails":{"builder":{"id":"https://builder"}}}',
    "link": '{"_type":"link","name":"build","command":["make"],"materials":{},"products":{},"byproducts":{},"environment":{}}',
    "spdx": "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n",
    "spdxjson": '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","packages":[]}',
    "cyclonedx": '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}',
    "openvex": '{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex","author":"a","timestamp":"2026-11-23T05:03:30Z","version":1,"statements":[]}',
    "vuln": (SCANS / "cosign-vuln.json").read_text(),
    URI: '{ "z": 1, "a": [true, null, "é"] }',
}
BLOB_FORMS = ("bundle", "legacy-bundle", "envelope")


def run(m):
    m.key_a = m.key("p256", "cosign2-generate")
    m.key_b = m.key("p256", "cosign3-generate")
    for kind, text in DOCUMENTS.items():
        document(m, kind).write_text(text)
    jobs = []
    for turn, registry in enumerate(m.registries.values()):
        for kind in DOCUMENTS if turn == 0 else ("custom", "vuln"):
            jobs += [(image, m, registry, kind, signer, form) for signer in m.tools.values() for form in signer.formats]
        if "sigkit" in m.tools:
            jobs += [(scene, m, registry) for scene in (refusals, replacing, downloading)]
    jobs += [(blob, m, kind, signer, form) for kind in DOCUMENTS for signer in m.tools.values() for form in BLOB_FORMS]
    if "sigkit" in m.tools:
        jobs += [(reports, m, next(iter(m.registries.values())))]
    m.each(play, [job for job in jobs if m.wanted("attestations") or m.wanted(job[0].__name__)])


def play(function, *job):
    function(*job)


def document(m, kind):
    return m.work / f"predicate-{kind if kind != URI else 'uri'}"


# --- what the three command lines are told

def attest(tool, reference, key, form, kind, predicate, *more):
    how = {"sigkit": lambda: ["--format", form], "cosign3": lambda: tool.offline(form), "cosign2": lambda: ["--tlog-upload=false"]}[tool.name]()
    return tool.run("attest", "-y", "--key", key, *how, "--type", kind, "--predicate", predicate, *more, reference)


def verify(tool, reference, key, kind, *more):
    how = [] if tool.name == "sigkit" else ["--insecure-ignore-tlog"]
    return tool.run("verify-attestation", "--key", key, *how, "--type", kind, *more, reference)


def attest_blob(tool, file, key, form, kind, predicate, output):
    how = {"bundle": ["--bundle", output], "legacy-bundle": ["--bundle", output], "envelope": ["--output-signature", output]}[form]
    if tool.name == "sigkit":
        how += ["--new-bundle-format=false"] if form != "bundle" else []
    elif tool.name == "cosign3":
        how += tool.offline("bundle" if form == "bundle" else "legacy")
    else:
        how += ["--tlog-upload=false", *(["--new-bundle-format"] if form == "bundle" else [])]
    return tool.run("attest-blob", "-y", "--key", key, *how, "--type", kind, "--predicate", predicate, file)


def verify_blob(tool, file, key, form, kind, output):
    how = ["--signature" if form == "envelope" else "--bundle", output]
    if tool.name != "sigkit":
        how += ["--insecure-ignore-tlog"]
        if form == "bundle":
            how += ["--trusted-root", tool.home / "no-root.json", *(["--new-bundle-format"] if tool.name == "cosign2" else [])]
        elif tool.name == "cosign3":
            how += ["--new-bundle-format=false"]
    return tool.run("verify-blob-attestation", "--key", key, *how, "--type", kind, file)


def statements(output):
    """The statements in printed envelopes, as text."""
    return [base64.b64decode(json.loads(line)["payload"]).decode() for line in output.splitlines()]


# --- every type, signer, format and reader

def image(m, registry, kind, signer, form):
    cell = f"attestation/{registry.name}/{short(kind)}/{signer.name}/{form}"
    _, _, reference = fresh(registry, "attestation")
    made = attest(signer, reference, m.key_a.private, form, kind, document(m, kind))
    if not m.attempt(f"{cell}/attest", "attest", signer.name, made, signer.name, form, kind):
        return
    for reader in m.tools.values():
        read = verify(reader, reference, m.key_a.public, kind)
        known = m.attempt(f"{cell}/verify/{reader.name}", "verify-attestation", reader.name, read, signer.name, form, kind)
        if known and reader.name == "sigkit":
            compare(m, cell, signer, kind, read)


def compare(m, cell, signer, kind, read):
    """What sigkit signs is the document, byte for byte; what cosign signs is what cosign made of it."""
    [statement] = statements(read.out)
    text = DOCUMENTS[kind]
    predicate = json.loads(statement)["predicate"]
    if kind == "custom":
        m.check(f"{cell}/data", predicate["Data"] == text, statement)
    elif signer.name == "sigkit":
        wanted = json.dumps(text, ensure_ascii=False) if kind == "spdx" else text
        m.check(f"{cell}/bytes", f'"predicate":{wanted}}}' in statement, statement)
    elif kind in ("spdxjson", "cyclonedx", "openvex", URI):
        m.check(f"{cell}/document", predicate == json.loads(text), statement)


def blob(m, kind, signer, form):
    cell = f"blob attestation/{short(kind)}/{signer.name}/{form}"
    name = cell.replace("/", "-").replace(" ", "-")
    file, output = m.work / f"{name}.data", m.work / f"{name}.out"
    file.write_text(cell)
    made = attest_blob(signer, file, m.key_a.private, form, kind, document(m, kind), output)
    if not m.attempt(f"{cell}/attest", "attest-blob", signer.name, made, signer.name, form, kind):
        return
    for reader in m.tools.values():
        read = verify_blob(reader, file, m.key_a.public, form, kind, output)
        m.attempt(f"{cell}/verify/{reader.name}", "verify-blob-attestation", reader.name, read, signer.name, form, kind)
    if "sigkit" in m.tools:
        other = m.work / f"{name}.other"
        other.write_text("another file")
        sigkit = m.tools["sigkit"]
        m.expect(f"{cell}/other file", verify_blob(sigkit, other, m.key_a.public, form, kind, output), NO_MATCH)
        m.expect(f"{cell}/other key", verify_blob(sigkit, file, m.key_b.public, form, kind, output), NO_MATCH)


def short(kind):
    return "uri" if kind == URI else kind


# --- scenes with sigkit

def refusals(m, registry):
    sigkit = m.tools["sigkit"]
    cell = f"attestation refused/{registry.name}"
    _, _, reference = fresh(registry, "attestation")
    m.expect(f"{cell}/none", verify(sigkit, reference, m.key_a.public, "custom"), UNSIGNED)
    for signer in m.tools.values():
        for form in signer.formats:
            made = f"{cell}/{signer.name}/{form}"
            _, _, reference = fresh(registry, "attestation")
            m.expect(f"{made}/attest", attest(signer, reference, m.key_a.private, form, "custom", document(m, "custom")))
            other = verify(sigkit, reference, m.key_a.public, "vuln")
            m.expect(f"{made}/other type", other, NO_MATCH)
            m.check(f"{made}/types found", "found: https://cosign.sigstore.dev/attestation/v1" in other.err, other.err)
            m.expect(f"{made}/other key", verify(sigkit, reference, m.key_b.public, "custom"), NO_MATCH)
            m.expect(f"{made}/is no signature", sigkit.verify(reference, m.key_a.public, form), NO_MATCH if form == "bundle" else UNSIGNED)
            m.expect(f"{made}/sign", signer.sign(reference, m.key_b.private, form))
            m.expect(f"{made}/a signature is none", verify(sigkit, reference, m.key_b.public, "custom"), NO_MATCH)


def replacing(m, registry):
    """--replace replaces attestations of the same type by the same key, made by any tool, and no others."""
    sigkit = m.tools["sigkit"]
    cell = f"attestation replaced/{registry.name}"
    _, _, reference = fresh(registry, "attestation")
    steps = [(tool, key, kind) for tool in m.tools.values() for key in (m.key_a, m.key_b) for kind in ("custom", URI)]
    for tool, key, kind in steps:
        m.expect(f"{cell}/{tool.name}/{short(kind)}", attest(tool, reference, key.private, "legacy", kind, document(m, kind)))
    m.expect(f"{cell}/replace", attest(sigkit, reference, m.key_a.private, "legacy", "custom", document(m, "custom"), "--replace"))
    for key, kind, count in ((m.key_a, "custom", 1), (m.key_b, "custom", 3), (m.key_a, URI, 3), (m.key_b, URI, 3)):
        found = len(verify(sigkit, reference, key.public, kind).out.splitlines())
        m.check(f"{cell}/left/{short(kind)}", found == count, f"{found} of {count}")
        m.expect(f"{cell}/cosign2 reads on/{short(kind)}", verify(m.tools["cosign2"], reference, key.public, kind))


def downloading(m, registry):
    """What is downloaded is what cosign downloads, line for line: bundles to the byte, envelopes as cosign arranges them."""
    for form in IMAGE_FORMATS:
        cell = f"attestation downloaded/{registry.name}/{form}"
        _, _, reference = fresh(registry, "attestation")
        for kind in ("custom", URI):
            m.expect(f"{cell}/attest/{short(kind)}", attest(m.tools["sigkit"], reference, m.key_a.private, form, kind, document(m, kind)))
        for more in ([], ["--predicate-type", URI]):
            ours, theirs = (m.tools[name].run("download", "attestation", *more, reference) for name in ("sigkit", "cosign3"))
            same = arranged(ours.out, form) == arranged(theirs.out, form)
            m.check(f"{cell}/{len(more) and 'one type' or 'all'}", ours.ok and ours.out and same, f"\n  sigkit  {ours.out} {ours.err}\n  cosign3 {theirs.out}")


def arranged(output, form):
    if form == "bundle":
        return sorted(output.splitlines())
    envelopes = map(json.loads, output.splitlines())
    return sorted((e["payload"], e["payloadType"], *(s["sig"] for s in e["signatures"])) for e in envelopes)


def reports(m, registry):
    """Reports of scanners as they come become predicates that all read."""
    sigkit = m.tools["sigkit"]
    for report in sorted(SCANS.glob("*.json")):
        for form in IMAGE_FORMATS:
            cell = f"scan report/{report.stem}/{form}"
            _, _, reference = fresh(registry, "scan")
            if not m.expect(f"{cell}/attest", attest(sigkit, reference, m.key_a.private, form, "vuln", report)):
                continue
            for reader in readers(m, form):
                read = verify(reader, reference, m.key_a.public, "vuln")
                if m.expect(f"{cell}/verify/{reader.name}", read):
                    result = json.loads(statements(read.out)[0])["predicate"]["scanner"]["result"]
                    wanted = json.loads(report.read_text())
                    m.check(f"{cell}/report/{reader.name}", result == wanted.get("scanner", {}).get("result", wanted), str(result)[:300])
