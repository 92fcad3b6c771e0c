//! `WWW-Authenticate`, RFC 9110 §11.6.1: read in one pass through a bounded text.

/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 16 << 10;
/// Challenges and parameters read from one header.
const MAX_PARTS: usize = 64;

/// One way in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The parameter of that lower-case name, if it is given exactly once.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// All challenges of one header value, as far as they are well-formed.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    if header.len() > MAX_HEADER {
        return challenges;
    }
    let mut rest = header;
    for _ in 0..MAX_PARTS {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            break;
        }
        rest = after.trim_start_matches([' ', '\t']);
        let Some(value) = rest.strip_prefix('=') else {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            continue;
        };
        let Some((value, after)) = parameter_value(value.trim_start_matches([' ', '\t'])) else { break };
        rest = after;
        if let Some(challenge) = challenges.last_mut() {
            challenge.parameters.push((word.to_ascii_lowercase(), value));
        }
    }
    challenges
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, after) = token(text);
        // The padding of a token68 (`Negotiate abc==`) leaves only `=` behind.
        return Some((word.to_owned(), after.trim_start_matches('=')));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            c => value.push(c),
        }
    }
}

/// The token that `text` begins with, and what follows.
fn token(text: &str) -> (&str, &str) {
    let end =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c))).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_send() {
        let found = parse(r#"Bearer realm="https://a.example/t?x=1,2",service="r",scope="repository:a/b:pull,push""#);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scheme, "bearer");
        assert_eq!(found[0].parameter("realm"), Some("https://a.example/t?x=1,2"));
        assert_eq!(found[0].parameter("scope"), Some("repository:a/b:pull,push"));
        assert_eq!(found[0].parameter("error"), None);
    }

    #[test]
    fn reads_several_challenges_and_odd_spelling() {
        let found =
            parse(r#"Negotiate abc==, BASIC Realm = "a \"b\" , Bearer c" , charset=UTF-8,Bearer realm=https://x/y"#);
        let schemes: Vec<&str> = found.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!(found[1].parameter("realm"), Some(r#"a "b" , Bearer c"#));
        assert_eq!(found[1].parameter("charset"), Some("UTF-8"));
        assert_eq!(found[2].parameter("realm"), Some("https://x/y"));
    }

    // threat: G01
    #[test]
    fn parameter_given_twice_is_ignored() {
        let found = parse(r#"Bearer realm="https://a",realm="https://b",service="s""#);
        assert_eq!((found[0].parameter("realm"), found[0].parameter("service")), (None, Some("s")));
    }

    // threat: N05
    #[test]
    fn junk_is_not_a_challenge_and_takes_no_time() {
        for junk in ["", ",,, ,", "=", "\"", "Bearer realm=\"open", "Bearer realm=\"a\\", "é", "=\"a\",b=c"] {
            assert!(parse(junk).iter().all(|challenge| challenge.parameter("realm").is_none()), "{junk}");
        }
        assert!(parse(&"a ".repeat(1 << 20)).is_empty());
        assert!(parse(&"a ".repeat(4000)).len() <= MAX_PARTS);
    }
}
