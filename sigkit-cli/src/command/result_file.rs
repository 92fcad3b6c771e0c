//! A result that goes to the file an option names, or else to standard output.

use std::path::Path;

use crate::context::Context;
use crate::files::{Access, FileError};
use crate::outcome::Output;

/// Writes `bytes` where `option` says.
///
/// # Errors
/// [`FileError`].
pub(super) fn written(
    option: &'static str,
    path: Option<&Path>,
    bytes: Vec<u8>,
    context: &Context,
) -> Result<Output, FileError> {
    let Some(path) = path else { return Ok(Output::result(bytes)) };
    context.files.write(option, path, &bytes, Access::Umask)?;
    Ok(Output::result(Vec::new()))
}
