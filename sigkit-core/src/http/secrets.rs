//! Secrets in use, kept out of whatever a server says.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use reqwest::Url;
use zeroize::Zeroizing;

/// The replacement of a secret.
const REPLACEMENT: &str = "(secret)";
/// The shortest piece of a secret that is recognised, in bytes. A shorter one occurs in other words by chance.
const PIECE: usize = 8;
/// The shortest secret that is recognised within a word, in bytes.
const WITHIN_WORDS: usize = 4;
/// Secrets remembered; those that were used longest ago go first. There is a password, and one token for each repository in use.
const MAX_SECRETS: usize = 128;

/// The passwords and tokens that were sent to servers, or came from one, each in every form in which a server may repeat it. The one used
/// last is at the end.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Vec<Forms>>);

/// The forms of one secret, of which the first is the secret itself.
type Forms = Vec<Zeroizing<String>>;

impl Secrets {
    /// Remembers a secret as it is, as a URL has it, as JSON has it, and in base64. To be called whenever it is used.
    pub(crate) fn add(&self, secret: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.is_empty() {
            return;
        }
        let is_this = |forms: &Forms| forms.first().is_some_and(|form| form.as_str() == secret);
        if let Some(at) = known.iter().position(is_this) {
            let forms = known.remove(at);
            known.push(forms);
            return;
        }
        let json = serde_json::to_string(secret).unwrap_or_default();
        let forms = [
            secret.to_owned(),
            encoded(secret),
            encoded(secret).replace('+', "%20"),
            json.trim_matches('"').to_owned(),
            STANDARD.encode(secret),
            URL_SAFE.encode(secret),
        ];
        let mut different = Forms::new();
        for form in forms {
            if !different.iter().any(|other| **other == form) {
                different.push(Zeroizing::new(form));
            }
        }
        known.push(different);
        let excess = known.len().saturating_sub(MAX_SECRETS);
        known.drain(..excess);
    }

    /// Remembers a user name and a password as they are sent together.
    pub(crate) fn add_basic(&self, username: &str, password: &str) {
        self.add(password);
        // Not the name as it is: the user name is not a secret.
        self.add(&STANDARD.encode(format!("{username}:{password}")));
    }

    /// `text` without secrets, or pieces of them.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut secret = vec![false; text.len()];
        for form in known.iter().flatten().filter(|form| form.len() < PIECE) {
            mark_whole(text, form, &mut secret);
        }
        mark_pieces(text.as_bytes(), &pieces(&known), &mut secret);
        drop(known);
        if secret.iter().any(|marked| *marked) { Cow::Owned(without(text, &secret)) } else { Cow::Borrowed(text) }
    }

    /// The same for the body of an answer, in place.
    pub(crate) fn redact_bytes(&self, bytes: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(bytes);
        if let Cow::Owned(safe) = self.redact(&text) {
            *bytes = safe.into_bytes();
        }
    }
}

/// As a form encodes it.
fn encoded(secret: &str) -> String {
    let mut url = Url::parse("form:").ok();
    let pair = url.as_mut().map(|url| {
        url.query_pairs_mut().append_key_only(secret);
        url.query().unwrap_or_default().to_owned()
    });
    pair.unwrap_or_default()
}

/// Every run of [`PIECE`] bytes in the secrets, sorted.
fn pieces(known: &[Forms]) -> Zeroizing<Vec<u64>> {
    let runs = known.iter().flatten().flat_map(|form| form.as_bytes().windows(PIECE)).filter_map(number);
    let mut pieces = Zeroizing::new(Vec::new());
    pieces.reserve_exact(known.iter().flatten().fold(0, |sum: usize, form| sum.saturating_add(form.len())));
    pieces.extend(runs);
    pieces.sort_unstable();
    pieces
}

fn number(run: &[u8]) -> Option<u64> {
    run.try_into().ok().map(u64::from_le_bytes)
}

fn mark_pieces(text: &[u8], pieces: &[u64], secret: &mut [bool]) {
    for (start, run) in text.windows(PIECE).enumerate() {
        if number(run).is_some_and(|run| pieces.binary_search(&run).is_ok()) {
            mark(secret, start, PIECE);
        }
    }
}

/// A short secret is recognised as a whole only; a very short one, as a word.
fn mark_whole(text: &str, form: &str, secret: &mut [bool]) {
    for (start, found) in text.match_indices(form) {
        let end = start.saturating_add(found.len());
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        let is_word = !before.into_iter().chain(after).any(char::is_alphanumeric);
        if form.len() >= WITHIN_WORDS || is_word {
            mark(secret, start, found.len());
        }
    }
}

fn mark(secret: &mut [bool], start: usize, length: usize) {
    secret.iter_mut().skip(start).take(length).for_each(|marked| *marked = true);
}

/// `text` with every run of marked bytes replaced; a character of which a part is marked is marked.
fn without(text: &str, secret: &[bool]) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut within = false;
    for (start, character) in text.char_indices() {
        let marked = secret.iter().skip(start).take(character.len_utf8()).any(|marked| *marked);
        if marked && !within {
            safe.push_str(REPLACEMENT);
        }
        if !marked {
            safe.push(character);
        }
        within = marked;
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        let secrets = Secrets::default();
        secrets.add_basic("user", "S3C RET/pä\"ss");
        secrets.add("eyJhbGciOi.LIVE-TOKEN");
        secrets.add("pw");
        secrets.redact(text).into_owned()
    }

    // threat: R40
    #[test]
    fn secrets_are_replaced_in_every_form() {
        for form in [
            "S3C RET/pä\"ss".to_owned(),
            "S3C+RET%2Fp%C3%A4%22ss".to_owned(),
            "S3C%20RET%2Fp%C3%A4%22ss".to_owned(),
            "S3C RET/pä\\\"ss".to_owned(),
            STANDARD.encode("user:S3C RET/pä\"ss"),
            STANDARD.encode("user:S3C RET/pä\"ss").chars().take(12).collect(),
            "eyJhbGciOi.LIVE-TOKEN".to_owned(),
            "OTHER.LIVE-TOKEN".chars().skip(5).collect(),
        ] {
            assert_eq!(redacted(&format!("said: {form}; done")), "said: (secret); done", "{form}");
        }
        assert_eq!(redacted("pw, (pw) but spawn and the rest"), "(secret), ((secret)) but spawn and the rest");
    }

    #[test]
    fn other_words_stay() {
        for text in ["", "access denied", "user", "é pwé", "S3C RET", "403 Forbidden (DENIED: ä)"] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(Secrets::default().redact("anything"), "anything");
    }

    // threat: N05
    #[test]
    fn the_number_of_secrets_is_bounded() {
        let secrets = Secrets::default();
        (0..2000).for_each(|number| secrets.add(&format!("secret number {number}")));
        assert!(secrets.0.lock().unwrap().len() <= MAX_SECRETS);
        assert_eq!(secrets.redact("secret number 1999"), REPLACEMENT);
        // One that is used goes after those that are not.
        secrets.add("secret number 1990");
        (3000..3000 + MAX_SECRETS - 1).for_each(|number| secrets.add(&format!("unrelated {number}")));
        assert_eq!(secrets.redact("secret number 1990"), REPLACEMENT);
    }
}
