//! How both streams show text.

use sigkit_core::report::TextStyle;

/// The styles of both streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Styles {
    /// Of standard output.
    pub(crate) stdout: TextStyle,
    /// Of standard error.
    pub(crate) stderr: TextStyle,
}
