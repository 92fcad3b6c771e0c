//! A failure in one line.

use crate::{escape, explain};

/// The line of a failure, and one that says what to do next; both escaped.
pub(crate) fn failure(name: &str, code: &str, message: &str) -> String {
    let (name, message) = (escape::one_line(name), escape::one_line(message));
    let next = explain::page(code).map(|page| format!("\nNext: {}", page.next)).unwrap_or_default();
    format!("Error: {name}: {code}: {message} (sigkit explain {code}){next}")
}
