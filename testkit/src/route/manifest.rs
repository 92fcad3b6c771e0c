use crate::content::{Put, StoredManifest};
use crate::http::{Request, Response};
use crate::registry::{Core, Switch};
use crate::{digest, json};

pub(super) fn get(core: &Core, repository: &str, reference: &str) -> Response {
    let Some((digest, manifest)) = core.content.resolve(repository, reference) else {
        return match core.options.missing_tags_denied {
            Switch::On if !reference.contains(':') => Response::error(403, "DENIED", "forbidden"),
            _ => unknown(),
        };
    };
    let response = Response::new(200)
        .with_header("Content-Type", manifest.media_type)
        .with_header("Docker-Content-Digest", &*digest)
        .with_body(manifest.bytes);
    with_etag(core, response, &digest)
}

pub(super) fn put(core: &Core, request: &Request, repository: &str, reference: &str) -> Response {
    let (digest, tag) = if reference.contains(':') {
        if digest::same_algorithm(reference, &request.body).as_deref() != Some(reference) {
            return Response::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        (reference.to_owned(), None)
    } else {
        (digest::sha256(&request.body), Some(reference))
    };
    let media_type = request.header("content-type").unwrap_or_default().to_owned();
    let manifest = StoredManifest { media_type, bytes: request.body.clone() };
    let put = core.content.push(repository, &digest, manifest, tag, |current| {
        if core.options.immutable_tags == Switch::On && tag.is_some() && current.is_some_and(|found| found != digest) {
            return Put::Immutable;
        }
        match core.options.etags {
            Switch::On => conditions(request, current),
            Switch::Off => Put::Done,
        }
    });
    match put {
        Put::ConditionFailed => Response::error(412, "PRECONDITION_FAILED", "the tag changed"),
        Put::Immutable => Response::error(400, "TAG_INVALID", "the tag is immutable and cannot be overwritten"),
        Put::Done => {
            let mut response = Response::new(201).with_header("Docker-Content-Digest", &*digest);
            if core.options.upload_location == Switch::On {
                response = response.with_header("Location", format!("/v2/{repository}/manifests/{digest}"));
            }
            let subject = json::string(&request.body, &["subject", "digest"]);
            if let (Some(subject), Switch::On, Switch::On) =
                (subject, core.options.referrers, core.options.subject_header)
            {
                response = response.with_header("OCI-Subject", subject);
            }
            with_etag(core, response, &digest)
        }
    }
}

pub(super) fn delete(core: &Core, repository: &str, reference: &str) -> Response {
    if core.content.remove_manifest(repository, reference) { Response::new(202) } else { unknown() }
}

/// RFC 9110 §13.1: `If-Match` wants the current tag among those listed, `If-None-Match` wants it absent.
fn conditions(request: &Request, current: Option<&str>) -> Put {
    let listed = |header: &str| {
        header
            .split(',')
            .any(|tag| tag.trim() == "*" && current.is_some() || Some(tag.trim()) == current.map(etag).as_deref())
    };
    let fails = request.header("if-match").is_some_and(|header| !listed(header))
        || request.header("if-none-match").is_some_and(listed);
    if fails { Put::ConditionFailed } else { Put::Done }
}

fn with_etag(core: &Core, response: Response, digest: &str) -> Response {
    match core.options.etags {
        Switch::On => response.with_header("ETag", etag(digest)),
        Switch::Off => response,
    }
}

fn etag(digest: &str) -> String {
    format!("\"etag-of-{digest}\"")
}

fn unknown() -> Response {
    Response::error(404, "MANIFEST_UNKNOWN", "manifest unknown to registry")
}
