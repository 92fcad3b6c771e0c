use crate::http::{Request, Response};
use crate::registry::{Core, Switch};

pub(super) fn list(core: &Core, request: &Request, repository: &str, digest: &str) -> Response {
    if core.options.referrers == Switch::Off {
        return Response::new(404).with_header("Content-Type", "text/plain").with_body("404 page not found\n");
    }
    let mut all = core.content.referrers(repository, digest);
    let filter = request.query("artifactType");
    if let Some(wanted) = &filter {
        let member = format!(r#""artifactType":"{wanted}""#);
        all.retain(|descriptor| descriptor.contains(&member));
    }
    let from = request.query("from").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0).min(all.len());
    let page = &all[from..from.saturating_add(core.options.referrers_page).min(all.len())];
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
        page.join(",")
    );
    let mut response =
        Response::new(200).with_header("Content-Type", "application/vnd.oci.image.index.v1+json").with_body(body);
    if filter.is_some() {
        response = response.with_header("OCI-Filters-Applied", "artifactType");
    }
    let next = from + page.len();
    if next < all.len() {
        let link = format!("</v2/{repository}/referrers/{digest}?from={next}>; rel=\"next\"");
        response = response.with_header("Link", link);
    }
    response
}
