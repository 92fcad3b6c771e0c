//! A failure in one line.

use crate::escape;
use crate::explain::{self, Place};

/// The line of a failure in a registry, and one that says what to do next; both escaped.
pub(crate) fn failure(name: &str, code: &str, message: &str) -> String {
    failure_in(Place::Registry, name, code, message)
}

/// The same of a failure in this place.
pub(crate) fn failure_in(place: Place, name: &str, code: &str, message: &str) -> String {
    let (name, message) = (escape::one_line(name), escape::one_line(without_code(code, message)));
    let next = explain::next(code, place);
    format!("Error: {name}: {code}: {message} (sigkit explain {code})\nNext: {next}")
}

/// The message without the words that its code has said already.
pub(super) fn without_code<'m>(code: &str, message: &'m str) -> &'m str {
    message.strip_prefix(&code.replace('-', " ")).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(message)
}
