"""Loopback registries, and the images in them."""

import hashlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Image:
    """A one-layer image, different for every seed; the layer need not be a real archive."""

    def __init__(self, seed, architecture="amd64"):
        self.layer = f"layer of {seed}\n".encode()
        self.config = compact({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]},
        })
        self.manifest = compact({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(self.config), "digest": digest(self.config)},
            "layers": [{"mediaType": LAYER, "size": len(self.layer), "digest": digest(self.layer)}],
        })
        self.digest = digest(self.manifest)


class Index:
    """An image index of two platforms."""

    def __init__(self, seed):
        self.children = [Image(f"{seed}-{a}", a) for a in ("amd64", "arm64")]
        self.manifest = compact({
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{
                "mediaType": MANIFEST, "size": len(child.manifest), "digest": child.digest,
                "platform": {"os": "linux", "architecture": architecture},
            } for child, architecture in zip(self.children, ("amd64", "arm64"))],
        })
        self.digest = digest(self.manifest)


class Remote:
    """A registry over plain HTTP, as far as pushing and forging need it."""

    def __init__(self, host):
        self.name = host
        self.host = host
        self.headers = {}

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def must(self, method, path, body=None, headers=None):
        response, data = self.request(method, path, body, headers)
        if response.status >= 300:
            raise RuntimeError(f"{self.name}: {method} {path}: {response.status} {data[:200]!r}")
        return response, data

    def push_blob(self, repository, data):
        response, _ = self.must("POST", f"/v2/{repository}/blobs/uploads/", b"")
        location = response.getheader("Location").replace(f"http://{self.host}", "")
        separator = "&" if "?" in location else "?"
        self.must("PUT", f"{location}{separator}digest={digest(data)}", data, {"Content-Type": "application/octet-stream"})

    def push_manifest(self, repository, reference, manifest):
        media_type = json.loads(manifest)["mediaType"]
        self.must("PUT", f"/v2/{repository}/manifests/{reference}", manifest, {"Content-Type": media_type})

    def push(self, repository, image, tag="v1"):
        """Pushes an Image or an Index and returns its reference by tag."""
        for child in image.children if isinstance(image, Index) else [image]:
            self.push_blob(repository, child.config)
            self.push_blob(repository, child.layer)
            self.push_manifest(repository, child.digest, child.manifest)
        self.push_manifest(repository, tag, image.manifest)
        return f"{self.host}/{repository}:{tag}"

    def manifest(self, repository, reference):
        accept = {"Accept": f"{MANIFEST}, {INDEX}, application/vnd.docker.distribution.manifest.v2+json"}
        _, data = self.must("GET", f"/v2/{repository}/manifests/{reference}", headers=accept)
        return json.loads(data)


class Registry(Remote):
    """One registry process on a free port of 127.0.0.1, ended by its process id."""

    def __init__(self, name, command, config=None):
        for _ in range(5):
            super().__init__(f"127.0.0.1:{free_port()}")
            self.name = name
            self.log = tempfile.TemporaryFile()
            environment = dict(os.environ, OTEL_TRACES_EXPORTER="none")
            if config:
                self.config = tempfile.NamedTemporaryFile("w", suffix=".yml")
                self.config.write(config.replace("ADDRESS", self.host))
                self.config.flush()
            argv = [a.replace("ADDRESS", self.host).replace("CONFIG", self.config.name if config else "") for a in command]
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
            if self.up():
                return
            self.stop()
        self.log.seek(0)
        raise SystemExit(f"interop: {name} did not start: {self.log.read().decode(errors='replace')[-2000:]}")

    def up(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.request("GET", "/v2/")
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


DISTRIBUTION = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {inmemory: {}, delete: {enabled: true}}
http: {addr: "ADDRESS"}
"""


def start_all(peers, servers, testkit):
    """The registries by name: two without the referrers API, the project's own test registry that has it and, where `servers` holds them, two more."""
    registries = {
        "distribution": Registry("distribution", [f"{peers}/docker-registry", "serve", "CONFIG"], DISTRIBUTION),
        "crane": Registry("crane", [f"{peers}/crane", "registry", "serve", "--address", "ADDRESS"]),
    }
    if testkit:
        registries["testkit"] = Registry("testkit", [testkit, "--listen", "ADDRESS"])
    for name in ("ggcrserve", "ociserve"):
        if servers and (pathlib.Path(servers) / name).exists():
            registries[name] = Registry(name, [f"{servers}/{name}", "ADDRESS"])
    return registries
