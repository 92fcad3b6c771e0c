"""Scenes: what no single pair of tools shows. Forgeries, several signers, platforms, layouts, other repositories, races."""

import concurrent.futures
import itertools
import json
import pathlib
import shutil

import forge
from stores import DISTRIBUTION, Image, Index, Registry, free_port
from tools import IMAGE_FORMATS

# Exit codes of sigkit that a pipeline may rely on.
REFUSED, UNSIGNED, ABSENT, NO_MATCH, UNDECIDED = 1, 10, 11, 12, 14


def run(m):
    m.key_a = m.key("p256", "cosign2-generate")
    m.key_b = m.key("p256", "cosign3-generate")
    everywhere = list(m.registries.values())
    jobs = [(m, registry) for registry in everywhere]
    scenes = [(scene, *job) for scene in (platforms, other_repository, docker_media_types, referrers_mode_of_two) for job in jobs]
    if "sigkit" in m.tools:
        scenes += [(forgeries, *job, form) for job in jobs for form in IMAGE_FORMATS]
        scenes += [(scene, *job) for scene in (many_signers, hidden_signature, attestation_alone, same_output, layouts) for job in jobs]
        scenes += [(credentials, m), (command_line, *jobs[0]), (blob_forgeries, m)]
    m.each(play, [scene for scene in scenes if m.wanted(scene[0].__name__)])
    if "sigkit" in m.tools and m.wanted("race"):
        # Alone, so that the eight signers meet each other and not the rest of the matrix.
        for job in jobs:
            for form in IMAGE_FORMATS:
                play(race, *job, form)


def play(scene, *job):
    scene(*job)


def fresh(registry, scene, kind=Image):
    """A repository of its own for every use: (repository, image, reference by tag)."""
    fresh.count = next(fresh.counter)
    repository = f"scene-{scene}-{fresh.count}"
    image = kind(f"{registry.name} {repository}")
    return repository, image, registry.push(repository, image)


fresh.counter = itertools.count()


def every_signer(m):
    return [(tool, form) for tool in m.tools.values() for form in tool.formats]


def readers(m, form):
    return [tool for tool in m.tools.values() if form in tool.reads]


# --- scenes that the peers alone play as well

def platforms(m, registry):
    """Index and children, signed with -r by one, verified by all, the children by digest."""
    for signer, form in every_signer(m):
        cell = f"platforms/{registry.name}/{signer.name}/{form}"
        repository, index, reference = fresh(registry, "platforms", Index)
        if not m.expect(f"{cell}/sign -r", signer.sign(reference, m.key_a.private, form, "-r")):
            continue
        children = [f"{registry.host}/{repository}@{child.digest}" for child in index.children]
        for reader in readers(m, form):
            for target in [reference, *children]:
                m.expect(f"{cell}/verify/{reader.name}/{target.rsplit('/')[-1][-20:]}", reader.verify(target, m.key_a.public, form))
        if "sigkit" in m.tools:
            m.expect(f"{cell}/verify -r", m.tools["sigkit"].verify(reference, m.key_a.public, form, "--recursive"))


def other_repository(m, registry):
    """COSIGN_REPOSITORY: the signatures of an image live in another repository."""
    for signer, form in every_signer(m):
        cell = f"other repository/{registry.name}/{signer.name}/{form}"
        _, _, reference = fresh(registry, "other")
        place = {"COSIGN_REPOSITORY": f"{registry.host}/signatures-of-{fresh.count}"}
        if not m.expect(f"{cell}/sign", signer.sign(reference, m.key_a.private, form, **place)):
            continue
        for reader in readers(m, form):
            m.expect(f"{cell}/verify/{reader.name}", reader.verify(reference, m.key_a.public, form, **place))
            m.check(f"{cell}/not beside the image/{reader.name}", not reader.verify(reference, m.key_a.public, form).ok, "found where it was not put")


def docker_media_types(m, registry):
    for signer, form in every_signer(m):
        if form != "legacy":
            continue
        cell = f"docker media types/{registry.name}/{signer.name}"
        _, _, reference = fresh(registry, "docker")
        if m.expect(f"{cell}/sign", signer.sign(reference, m.key_a.private, form, COSIGN_DOCKER_MEDIA_TYPES="1")):
            for reader in readers(m, form):
                m.expect(f"{cell}/verify/{reader.name}", reader.verify(reference, m.key_a.public, form))


def referrers_mode_of_two(m, registry):
    """cosign 2 can put its legacy signature among the referrers, as an experiment."""
    _, _, reference = fresh(registry, "oci11")
    cell = f"legacy referrer/{registry.name}"
    signer = m.tools["cosign2"]
    if m.expect(f"{cell}/sign", signer.sign(reference, m.key_a.private, "legacy", "--registry-referrers-mode=oci-1-1", COSIGN_EXPERIMENTAL="1")):
        # cosign 2 asks for the referrers of one artifactType, and ociserve names none in its list.
        m.expect(f"{cell}/verify/cosign2", signer.verify(reference, m.key_a.public, "legacy", "--experimental-oci11", COSIGN_EXPERIMENTAL="1"),
                 UNSIGNED if registry.name == "ociserve" else 0)
        if "sigkit" in m.tools:
            m.expect(f"{cell}/verify/sigkit", m.tools["sigkit"].verify(reference, m.key_a.public, "legacy"))


# --- scenes with sigkit

def forgeries(m, registry, form):
    """Each change alone turns a verified image into a refused one, and the exit code says which kind of refusal it is."""
    sigkit = m.tools["sigkit"]
    signers = [tool for tool in m.tools.values() if form in tool.formats]
    cell = f"forgery/{registry.name}/{form}"

    repository, image, reference = fresh(registry, "unsigned")
    m.expect(f"{cell}/unsigned", sigkit.verify(reference, m.key_a.public, form), UNSIGNED)
    m.expect(f"{cell}/no such tag", sigkit.verify(reference.replace(":v1", ":v2"), m.key_a.public, form), ABSENT)
    m.expect(f"{cell}/no such repository", sigkit.verify(f"{registry.host}/nothing/here:v1", m.key_a.public, form), ABSENT)

    for signer in signers:
        made = f"{cell}/{signer.name}"
        repository, image, reference = fresh(registry, "forgery")
        commit = "commit=abc=def" if signer.name == "sigkit" else "commit=abc"  # cosign takes no value with an equals sign
        if not m.expect(f"{made}/sign", signer.sign(reference, m.key_a.private, form, "-a", "stage=release", "-a", commit)):
            continue
        def verify(*more, key=m.key_a.public):
            return sigkit.verify(reference, key, form, *more)
        m.expect(f"{made}/as signed", verify())
        m.expect(f"{made}/annotations as signed", verify("-a", "stage=release", "-a", commit))
        m.expect(f"{made}/other annotation", verify("-a", "stage=debug"), NO_MATCH)
        m.expect(f"{made}/annotation not signed", verify("-a", "approved=yes"), NO_MATCH)
        m.expect(f"{made}/wrong key", verify(key=m.key_b.public), NO_MATCH)
        m.expect(f"{made}/wrong kind of key", verify(key=m.key("rsa2048", "cosign3-import").public), NO_MATCH)

        other = Image(f"{repository} other")
        other_reference = registry.push(repository, other, "other")
        forge.replay(registry, repository, form, image, other)
        m.expect(f"{made}/signature of another image", sigkit.verify(other_reference, m.key_a.public, form), NO_MATCH)

        forge.tamper(registry, repository, form, image)
        m.expect(f"{made}/payload changed", verify(), NO_MATCH)


def many_signers(m, registry):
    """Every tool and format signs the same image, each with its own key: no signature is lost or hidden."""
    sigkit = m.tools["sigkit"]
    keys = sorted((k for k in m.keys if k.algorithm in ("p256", "rsa2048")), key=lambda k: k.maker)
    for turn, order in enumerate((every_signer(m), every_signer(m)[::-1])):
        cell = f"many signers/{registry.name}/{'sigkit first' if turn == 0 else 'sigkit last'}"
        repository, image, reference = fresh(registry, "many")
        used = list(zip(order, keys))
        for (signer, form), key in used:
            m.expect(f"{cell}/sign/{signer.name}/{form}", signer.sign(reference, key.private, form))
        for (signer, form), key in used:
            m.expect(f"{cell}/verify {signer.name}/{form}", sigkit.verify(reference, key.public, form))
        legacy = [key for (_, form), key in used if form == "legacy"]
        for key in legacy:
            m.expect(f"{cell}/cosign2 reads {key.maker}", m.tools["cosign2"].verify(reference, key.public, "legacy"))
        layers = registry.manifest(repository, forge.signature_tag(image))["layers"]
        m.check(f"{cell}/layers of the tag", len(layers) == len(legacy), f"{len(layers)} layers for {len(legacy)} signers")
        pair = [used[0][1].public, used[-1][1].public]
        m.expect(f"{cell}/two of two", sigkit.verify(reference, pair[0], "bundle", "--key", pair[1], "--threshold", "2"))
        # Reached already: another signature by the same key must not count twice.
        m.check(f"{cell}/one of two", not sigkit.verify(reference, pair[0], "bundle", "--key", m.key("p384", "cosign3-import").public, "--threshold", "2").ok,
                "one key met a threshold of two")


def hidden_signature(m, registry):
    """A bundle by a stranger must not hide a good legacy signature; cosign 3 lets it."""
    _, _, reference = fresh(registry, "hidden")
    cell = f"hidden signature/{registry.name}"
    m.expect(f"{cell}/sign legacy", m.tools["cosign2"].sign(reference, m.key_a.private, "legacy"))
    m.expect(f"{cell}/sign bundle", m.tools["cosign3"].sign(reference, m.key_b.private, "bundle"))
    m.expect(f"{cell}/sigkit", m.tools["sigkit"].verify(reference, m.key_a.public, "legacy"))
    m.expect(f"{cell}/cosign3 (gap)", m.tools["cosign3"].verify(reference, m.key_a.public, "bundle"), 1)


def attestation_alone(m, registry):
    """An attestation is not a signature; cosign 3 accepts it as one."""
    _, _, reference = fresh(registry, "attestation")
    cell = f"attestation alone/{registry.name}"
    predicate = m.work / "predicate.json"
    predicate.write_text('{"components":[]}')
    cosign3 = m.tools["cosign3"]
    m.expect(f"{cell}/attest", cosign3.run(
        "attest", "-y", "--key", m.key_a.private, *cosign3.offline("bundle"), "--type", "https://example.com/sbom", "--predicate", predicate, reference))
    m.expect(f"{cell}/sigkit", m.tools["sigkit"].verify(reference, m.key_a.public, "bundle"), NO_MATCH)
    m.expect(f"{cell}/cosign3 (gap)", cosign3.verify(reference, m.key_a.public, "bundle"))


def same_output(m, registry):
    """`-o json` is what a pipeline parses: the same document from all."""
    for form, peer in (("legacy", "cosign2"), ("bundle", "cosign3")):
        for signer in [tool for tool in m.tools.values() if form in tool.formats]:
            cell = f"same output/{registry.name}/{signer.name}/{form}"
            _, _, reference = fresh(registry, "output")
            if not m.expect(f"{cell}/sign", signer.sign(reference, m.key_a.private, form, "-a", "stage=release")):
                continue
            ours = m.tools["sigkit"].verify(reference, m.key_a.public, form, "-o", "json")
            theirs = m.tools[peer].verify(reference, m.key_a.public, form, "-o", "json")
            m.check(f"{cell}/{peer}", ours.ok and signed_part(ours.out, form) == signed_part(theirs.out, form),
                    f"\n  sigkit  {ours.out.strip()} {ours.err[-300:]}\n  {peer} {theirs.out.strip()}")
            ours, theirs = (m.tools[name].run("download", "signature", reference) for name in ("sigkit", peer))
            m.check(f"{cell}/downloaded as by {peer}", ours.ok and ours.out and ours.out == theirs.out, f"\n  sigkit  {ours.out}{ours.err[-300:]}\n  {peer} {theirs.out}")


def signed_part(output, form):
    """Of a bundle cosign prints the reference that it was asked for as if that had been signed; sigkit prints what is signed."""
    entries = json.loads(output)
    for entry in entries if form == "bundle" else []:
        del entry["critical"]["identity"]
    return entries


def race(m, registry, form):
    """Eight signers at once: each that exits 0 is there afterwards, and all exit 0."""
    sigkit = m.tools["sigkit"]
    keys = [k for k in m.keys if k.algorithm in ("p256", "ed25519", "rsa2048")][:8]
    _, _, reference = fresh(registry, "race")
    cell = f"race/{registry.name}/{form}"
    with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        signed = list(pool.map(lambda key: sigkit.sign(reference, key.private, form), keys))
    for key, run_ in zip(keys, signed):
        if m.expect(f"{cell}/sign/{key.maker}/{key.algorithm}", run_):
            m.expect(f"{cell}/verify/{key.maker}/{key.algorithm}", sigkit.verify(reference, key.public, form))


def layouts(m, registry):
    """OCI layouts written by crane, oras and sigkit, and what survives the way to a registry and back."""
    sigkit, cosign3 = m.tools["sigkit"], m.tools["cosign3"]
    crane, oras = m.program("crane"), m.program("oras")
    cell = f"layout/{registry.name}"

    repository, image, reference = fresh(registry, "layout")
    place = m.work / f"layout-{registry.name}-crane"
    m.expect(f"{cell}/crane pull", crane.run("pull", "--format=oci", reference, place))
    for form in IMAGE_FORMATS:
        key = m.key_a if form == "legacy" else m.key_b
        m.expect(f"{cell}/crane's/sign/{form}", sigkit.sign(f"oci:{place}", key.private, form))
        m.expect(f"{cell}/crane's/verify/{form}", sigkit.verify(f"oci:{place}", key.public, form))
    m.expect(f"{cell}/crane's/wrong key", sigkit.verify(f"oci:{place}", m.key("rsa2048", "cosign3-import").public, "bundle"), NO_MATCH)

    place = m.work / f"layout-{registry.name}-oras"
    m.expect(f"{cell}/oras cp to layout", oras.run("cp", "--from-plain-http", "--to-oci-layout", reference, f"{place}:v1"))
    m.expect(f"{cell}/oras'/unsigned", sigkit.verify(f"oci:{place}:v1", m.key_a.public, "bundle"), UNSIGNED)
    m.expect(f"{cell}/oras'/no such tag", sigkit.verify(f"oci:{place}:v2", m.key_a.public, "bundle"), ABSENT)
    m.expect(f"{cell}/oras'/sign", sigkit.sign(f"oci:{place}:v1", m.key_a.private, "bundle"))
    m.expect(f"{cell}/oras'/verify", sigkit.verify(f"oci:{place}:v1", m.key_a.public, "bundle"))
    target = f"{registry.host}/{repository}-copied:v1"
    m.expect(f"{cell}/oras cp -r to registry", oras.run("cp", "-r", "--to-plain-http", "--from-oci-layout", f"{place}:v1", target))
    for reader in (cosign3, sigkit):
        m.expect(f"{cell}/sigkit's bundle through oras/{reader.name}", reader.verify(target, m.key_a.public, "bundle"))

    _, image, reference = fresh(registry, "layout")
    place = m.work / f"layout-{registry.name}-back"
    m.expect(f"{cell}/cosign3 sign", cosign3.sign(reference, m.key_b.private, "bundle"))
    m.expect(f"{cell}/oras cp -r to layout", oras.run("cp", "-r", "--from-plain-http", "--to-oci-layout", reference, f"{place}:v1"))
    m.expect(f"{cell}/cosign3's bundle through oras/sigkit", sigkit.verify(f"oci:{place}:v1", m.key_b.public, "bundle"))
    m.expect(f"{cell}/cosign2 sign", m.tools["cosign2"].sign(reference, m.key_a.private, "legacy"))
    tag = forge.signature_tag(image)
    m.expect(f"{cell}/oras cp signature tag", oras.run(
        "cp", "--from-plain-http", "--to-oci-layout", reference.replace(":v1", f":{tag}"), f"{place}:{tag}"))
    m.expect(f"{cell}/cosign2's tag through oras/sigkit", sigkit.verify(f"oci:{place}:v1", m.key_a.public, "legacy"))

    broken = shutil.copytree(place, f"{place}-broken")
    manifest = pathlib.Path(broken) / "blobs" / image.digest.replace(":", "/")
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b"layer", b"lager"))
    m.expect(f"{cell}/manifest changed on disk", sigkit.verify(f"oci:{broken}:v1", m.key_b.public, "bundle"), REFUSED)


def credentials(m):
    """A registry that asks for a password: docker's config.json, flags, and none."""
    work = m.work
    (work / "htpasswd").write_text(PASSWORD_FILE)
    config = DISTRIBUTION + f"auth: {{htpasswd: {{realm: interop, path: {work / 'htpasswd'}}}}}\n"
    registry = Registry("locked", [str(m.peers / "docker-registry"), "serve", "CONFIG"], config)
    try:
        basic = "aW50ZXJvcDppbnRlcm9wLXBhc3N3b3Jk"  # interop:interop-password
        registry.headers = {"Authorization": f"Basic {basic}"}
        _, _, reference = fresh(registry, "locked")
        folder = work / "docker-config"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": basic}}}))
        known = {"DOCKER_CONFIG": str(folder)}
        for signer, form in every_signer(m):
            m.expect(f"credentials/sign/{signer.name}/{form}", signer.sign(reference, m.key_a.private, form, **known))
        for reader in m.tools.values():
            m.expect(f"credentials/verify/{reader.name}", reader.verify(reference, m.key_a.public, "legacy", **known))
            m.expect(f"credentials/flags/{reader.name}", reader.verify(
                reference, m.key_a.public, "legacy", "--registry-username", "interop", "--registry-password", "interop-password"))
        m.expect("credentials/none", m.tools["sigkit"].verify(reference, m.key_a.public, "legacy"), UNDECIDED)
        m.expect("credentials/wrong", m.tools["sigkit"].verify(
            reference, m.key_a.public, "legacy", "--registry-username", "interop", "--registry-password", "guess"), UNDECIDED)
    finally:
        registry.stop()


# bcrypt of "interop-password", as htpasswd -B writes it; the registry has no other scheme.
PASSWORD_FILE = "interop:$2y$04$B1sJOJlagEXbhim5s3PBy.k//UuYt4yDXgAZPX.pbP6eEfFp1glQe\n"


def command_line(m, registry):
    """The spellings that pipelines use, with only the program's name changed."""
    _, _, reference = fresh(registry, "spelling")
    public = pathlib.Path(m.key_a.public).read_text()
    private = pathlib.Path(m.key_a.private).read_text()
    for tool in (m.tools["cosign2"], m.tools["sigkit"]):
        cell = f"command line/{tool.name}"
        for name, argv, environment, stdin in (
            ("sign --key=", ["sign", "--yes", f"--key={m.key_a.private}", "--tlog-upload=false", reference], {}, None),
            ("sign COSIGN_KEY", ["sign", "-y", "--tlog-upload=false", reference], {"COSIGN_KEY": m.key_a.private}, None),
            ("sign env://", ["sign", "-y", "--key", "env://PRIVATE", "--tlog-upload=false", reference], {"PRIVATE": private}, None),
            ("verify --insecure-ignore-tlog", ["verify", "--key", m.key_a.public, "--insecure-ignore-tlog", reference], {}, None),
            ("verify =true", ["verify", "--key", m.key_a.public, "--insecure-ignore-tlog=true", "--output=text", reference], {}, None),
            ("verify env://", ["verify", "--key", "env://PUBLIC", "--insecure-ignore-tlog=true", reference], {"PUBLIC": public}, None),
            ("verify two", ["verify", "--key", m.key_a.public, "--insecure-ignore-tlog=true", reference, reference], {}, None),
            ("public-key", ["public-key", "--key", m.key_a.private], {}, None),
        ):
            m.expect(f"{cell}/{name}", tool.run(*argv, stdin=stdin, **environment))
    sigkit = m.tools["sigkit"]
    m.expect("command line/sigkit/sign -key", sigkit.run("sign", "-key", m.key_a.private, reference))
    m.expect("command line/sigkit/verify -key", sigkit.run("verify", "-key", m.key_a.public, reference))
    m.expect("command line/sigkit/no such flag", sigkit.run("verify", "--key", m.key_a.public, "--insecure-ignore-everything", reference), 2)
    m.expect("command line/sigkit/registry is down", sigkit.verify(f"127.0.0.1:{free_port()}/app:v1", m.key_a.public, "bundle"), UNDECIDED)


def blob_forgeries(m):
    sigkit = m.tools["sigkit"]
    for signer in m.tools.values():
        for form in ("bundle", "legacy-bundle", "detached"):
            cell = f"blob forgery/{signer.name}/{form}"
            data = m.work / f"forged-{signer.name}-{form}"
            data.write_bytes(b"release 1.0\n")
            signature = data.with_suffix(".signature")
            if not m.expect(f"{cell}/sign", signer.sign_blob(data, m.key_a.private, form, signature)):
                continue
            m.expect(f"{cell}/as signed", sigkit.verify_blob(data, m.key_a.public, form, signature))
            m.expect(f"{cell}/wrong key", sigkit.verify_blob(data, m.key_b.public, form, signature), NO_MATCH)
            data.write_bytes(b"release 1.1\n")
            m.expect(f"{cell}/blob changed", sigkit.verify_blob(data, m.key_a.public, form, signature), NO_MATCH)
    # GHSA-fx35-mq7g-6g98: a key inside the bundle must not replace the user's.
    data = m.work / "forged-key"
    data.write_bytes(b"release 1.0\n")
    bundle = m.work / "forged-key.bundle"
    if m.expect("blob forgery/key in the bundle/sign", m.tools["cosign3"].sign_blob(data, m.key_b.private, "legacy-bundle", bundle)):
        forge.key_into_bundle(bundle, m.key_b.public)
        for peer in ("cosign2", "cosign3"):
            m.expect(f"blob forgery/key in the bundle/{peer} (gap)", m.tools[peer].verify_blob(data, m.key_a.public, "legacy-bundle", bundle))
        m.expect("blob forgery/key in the bundle/sigkit", sigkit.verify_blob(data, m.key_a.public, "legacy-bundle", bundle), NO_MATCH)
