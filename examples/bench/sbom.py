"""A large SBOM attested and verified: time, and peak memory against the size of the document."""

import json
import statistics

import stores

MIB = 1024 * 1024


def attestations(b, sigkit, cosign, registry, keys, mib=51):
    sbom = b.work / "sbom.json"
    write_sbom(sbom, mib * MIB)
    size = sbom.stat().st_size
    offline = ["--signing-config", b.work / "no-services.json", "--trusted-root", b.work / "no-root.json"]
    common = ["--type", "cyclonedx", "--predicate", sbom]

    def image(who, number):
        name = f"attest-{who}-{number}"
        return registry.push(name, stores.Image(name))

    def run(argv):
        return b.once([str(word) for word in argv])[0]

    # cosign takes so long that one run of it says enough.
    few, references = 3, [image("sigkit", number) for number in range(4)]
    attest = [[sigkit, "attest", "-y", "--key", keys + ".key", *common, reference] for reference in references]
    peer = image("cosign", 0)
    peer_attest = [cosign, "attest", "-y", "--key", keys + ".key", *offline, *common, peer]
    verify = [sigkit, "verify-attestation", "--key", keys + ".pub", "--type", "cyclonedx"]
    peer_verify = [cosign, "verify-attestation", "--key", keys + ".pub", "--insecure-ignore-tlog", "--type", "cyclonedx", peer]
    ours, theirs = statistics.median(map(run, attest[:few])), run(peer_attest)
    b.times(f"attest SBOM, {mib} MiB: wall, against cosign", ours, theirs, ("faster", 20))
    ours, theirs = statistics.median(run([*verify, reference]) for reference in references[:few]), run(peer_verify)
    b.times(f"verify attested SBOM, {mib} MiB: wall, against cosign", ours, theirs, ("faster", 20))
    for verb, ours, theirs in (
        ("attest", attest[few], [*peer_attest[:-1], image("cosign", 1)]),
        ("verify attested", [*verify, references[0]], peer_verify),
    ):
        memory, peer_memory = b.peak(ours), b.peak(theirs)
        b.row(f"{verb} SBOM, {mib} MiB: peak memory", f"{memory / MIB:.1f} MiB", f"{peer_memory / MIB:.1f} MiB", f"{peer_memory / memory:.2f} ×",
              "≤ 3 × the document", memory <= 3 * size)


def write_sbom(path, size):
    """A CycloneDX document of at least so many bytes."""
    with open(path, "w") as file:
        file.write('{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[')
        number = 0
        while file.tell() < size:
            component = {
                "type": "library", "bom-ref": f"pkg:npm/package-{number}@1.{number % 97}.0", "name": f"package-{number}", "version": f"1.{number % 97}.0",
                "purl": f"pkg:npm/package-{number}@1.{number % 97}.0", "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [{"alg": "SHA-256", "content": f"{number:064x}"}],
                "properties": [{"name": "location", "value": f"/app/node_modules/package-{number}/package.json"}],
            }
            file.write(("," if number else "") + json.dumps(component))
            number += 1
        file.write("]}")
