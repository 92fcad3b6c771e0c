//! Lists in pages: `Link`, RFC 8288, only as much as that needs.

use reqwest::Url;
use reqwest::header::LINK;

use crate::http::Response;
use crate::http::sanitize::printable;
use crate::store::StoreError;

/// The URL of the next page of a list of `what`, which must be on the origin of the `current` page.
pub(super) fn next_page(page: &Response, current: &Url, what: &str) -> Result<Option<Url>, StoreError> {
    let links = page.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let Some(target) = links.into_iter().find_map(next_link) else { return Ok(None) };
    match current.join(target) {
        Ok(next) if next.origin() == current.origin() && next.username().is_empty() => Ok(Some(next)),
        _ => Err(StoreError::Protocol {
            place: page.place.clone(),
            detail: format!(
                "expected the next page of {what} on the same registry, found {}",
                printable(target.split('?').next().unwrap_or_default(), 200)
            ),
        }),
    }
}

/// The target of the first link whose relation is `next`.
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, parameters) = after.split_once('>')?;
        // Parameters end where the next link begins; a `<` within a quoted value only ends them early.
        let end = parameters.find('<').unwrap_or(parameters.len());
        let (own, following) = parameters.split_at_checked(end)?;
        if own.split([';', ',']).any(is_next) {
            return Some(target.trim());
        }
        rest = following;
    }
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("rel")
        && value.trim().trim_matches('"').split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        assert_eq!(next_link(r#"</v2/a?n=1>; rel="next""#), Some("/v2/a?n=1"));
        assert_eq!(next_link(r#"<https://r/x,y>; title="a"; REL=next"#), Some("https://r/x,y"));
        assert_eq!(next_link(r#"</first>; rel="first", </second>; rel="prev next""#), Some("/second"));
        for none in ["", "</a>", r#"</a>; rel="first""#, "<", "</a; rel=next", r#"</a>; rev="next""#] {
            assert_eq!(next_link(none), None, "{none}");
        }
    }
}
