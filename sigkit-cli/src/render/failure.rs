//! A failure in one line.

use sigkit_core::report::{TextStyle, error_line};

use crate::explain::{self, Place};

/// The line of a failure in a registry, and one that says what to do next; both escaped.
pub(crate) fn failure(name: &str, code: &str, message: &str) -> String {
    failure_in(Place::Registry, name, code, message)
}

/// The same of a failure in this place.
pub(crate) fn failure_in(place: Place, name: &str, code: &str, message: &str) -> String {
    let next = explain::next(code, place);
    format!("{}Next: {next}", error_line(Some(name), code, message, TextStyle::PLAIN))
}
