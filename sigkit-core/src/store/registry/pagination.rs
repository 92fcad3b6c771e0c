//! `Link`, RFC 8288: only as much as paging needs.

/// The target of the first link whose relation is `next`.
pub(super) fn next(header: &str) -> Option<&str> {
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
        assert_eq!(next(r#"</v2/a?n=1>; rel="next""#), Some("/v2/a?n=1"));
        assert_eq!(next(r#"<https://r/x,y>; title="a"; REL=next"#), Some("https://r/x,y"));
        assert_eq!(next(r#"</first>; rel="first", </second>; rel="prev next""#), Some("/second"));
        for none in ["", "</a>", r#"</a>; rel="first""#, "<", "</a; rel=next", r#"</a>; rev="next""#] {
            assert_eq!(next(none), None, "{none}");
        }
    }
}
