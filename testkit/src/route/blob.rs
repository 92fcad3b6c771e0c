use crate::digest;
use crate::http::{Request, Response};
use crate::registry::{Core, Switch};

pub(super) fn get(core: &Core, repository: &str, digest: &str) -> Response {
    match core.content.blob(repository, digest) {
        None => Response::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        Some(bytes) => Response::new(200)
            .with_header("Content-Type", "application/octet-stream")
            .with_header("Docker-Content-Digest", digest)
            .with_body(bytes),
    }
}

pub(super) fn delete(core: &Core, repository: &str, digest: &str) -> Response {
    if core.content.remove_blob(repository, digest) {
        Response::new(202)
    } else {
        Response::error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    }
}

/// Begins an upload, or ends it at once: by mounting a blob of another repository, or with the whole body.
pub(super) fn start(core: &Core, request: &Request, repository: &str) -> Response {
    if let (Some(digest), Some(from)) = (request.query("mount"), request.query("from"))
        && let Some(bytes) = core.content.blob(&from, &digest)
    {
        core.content.put_blob_as(repository, &digest, &bytes);
        return created(core, repository, &digest);
    }
    if let Some(digest) = request.query("digest") {
        return store(core, repository, &digest, &request.body);
    }
    let upload = core.content.start_upload();
    Response::new(202).with_header("Location", format!("/v2/{repository}/blobs/uploads/{upload}"))
}

pub(super) fn append(core: &Core, request: &Request, repository: &str, upload: &str) -> Response {
    match core.content.append(upload, &request.body) {
        None => unknown(),
        Some(length) => Response::new(202)
            .with_header("Location", format!("/v2/{repository}/blobs/uploads/{upload}"))
            .with_header("Range", format!("0-{}", length.saturating_sub(1))),
    }
}

pub(super) fn finish(core: &Core, request: &Request, repository: &str, upload: &str) -> Response {
    let Some(digest) = request.query("digest") else {
        return Response::error(400, "DIGEST_INVALID", "no digest given");
    };
    let Some(mut bytes) = core.content.finish_upload(upload) else { return unknown() };
    bytes.extend_from_slice(&request.body);
    store(core, repository, &digest, &bytes)
}

fn store(core: &Core, repository: &str, digest: &str, bytes: &[u8]) -> Response {
    if digest::same_algorithm(digest, bytes).as_deref() != Some(digest) {
        return Response::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    }
    core.content.put_blob_as(repository, digest, bytes);
    created(core, repository, digest)
}

fn created(core: &Core, repository: &str, digest: &str) -> Response {
    let response = Response::new(201).with_header("Docker-Content-Digest", digest);
    match core.options.upload_location {
        Switch::On => response.with_header("Location", format!("/v2/{repository}/blobs/{digest}")),
        Switch::Off => response,
    }
}

fn unknown() -> Response {
    Response::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
}
