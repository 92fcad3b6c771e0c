//! The distribution specification's end points.

mod blob;
mod manifest;
mod referrer;

use crate::http::{Request, Response};
use crate::registry::Core;

/// An end point within a repository.
enum Place<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
    Tags,
    Referrers(&'a str),
}

/// The repository that a path speaks of.
pub(crate) fn repository(path: &str) -> Option<&str> {
    parse(path).map(|(repository, _)| repository)
}

fn parse(path: &str) -> Option<(&str, Place<'_>)> {
    let rest = path.strip_prefix("/v2/")?;
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        return Some((repository, Place::Tags));
    }
    if let Some((repository, upload)) = rest.split_once("/blobs/uploads/") {
        return Some((repository, if upload.is_empty() { Place::Uploads } else { Place::Upload(upload) }));
    }
    if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
        return Some((repository, Place::Uploads));
    }
    let (head, name) = rest.rsplit_once('/')?;
    let (repository, kind) = head.rsplit_once('/')?;
    let place = match kind {
        "manifests" => Place::Manifest(name),
        "blobs" => Place::Blob(name),
        "referrers" => Place::Referrers(name),
        _ => return None,
    };
    Some((repository, place))
}

/// The true answer to a request that may pass.
pub(crate) fn answer(core: &Core, request: &Request) -> Response {
    if request.path() == "/v2/" {
        return Response::new(200).with_header("Content-Type", "application/json").with_body("{}");
    }
    let Some((repository, place)) = parse(request.path()) else {
        return Response::new(404).with_header("Content-Type", "text/plain").with_body("404 page not found\n");
    };
    match (request.method.as_str(), place) {
        ("GET" | "HEAD", Place::Manifest(reference)) => manifest::get(core, repository, reference),
        ("PUT", Place::Manifest(reference)) => manifest::put(core, request, repository, reference),
        ("DELETE", Place::Manifest(reference)) => manifest::delete(core, repository, reference),
        ("GET" | "HEAD", Place::Blob(digest)) => blob::get(core, repository, digest),
        ("DELETE", Place::Blob(digest)) => blob::delete(core, repository, digest),
        ("POST", Place::Uploads) => blob::start(core, request, repository),
        ("PATCH", Place::Upload(upload)) => blob::append(core, request, repository, upload),
        ("PUT", Place::Upload(upload)) => blob::finish(core, request, repository, upload),
        ("GET", Place::Tags) => tags(core, request, repository),
        ("GET", Place::Referrers(digest)) => referrer::list(core, request, repository, digest),
        _ => Response::error(405, "UNSUPPORTED", "the operation is unsupported"),
    }
}

/// In lexical order, those after `last`, no more than `n`.
fn tags(core: &Core, request: &Request, repository: &str) -> Response {
    let Some(tags) = core.content.tags(repository) else {
        return Response::error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let most = request.query("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let last = request.query("last").unwrap_or_default();
    let page = tags.iter().filter(|tag| **tag > last).take(most);
    let list = page.map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(",");
    Response::new(200)
        .with_header("Content-Type", "application/json")
        .with_body(format!(r#"{{"name":"{repository}","tags":[{list}]}}"#))
}
