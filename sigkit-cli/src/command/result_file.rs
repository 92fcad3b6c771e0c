//! A result that goes to the file an option names, or else to standard output.

use std::path::Path;

use crate::context::Context;
use crate::files::{Access, FileError, OutputFile};
use crate::outcome::Output;

/// What to say of files that are about to be written, about what was `done` with a blob; nothing where there are none.
pub(super) fn told(done: &str, blob: Option<&Path>, files: &[OutputFile<'_>]) -> Option<String> {
    if files.is_empty() {
        return None;
    }
    let file = |file: &OutputFile<'_>| {
        let kind = match file.option {
            "--bundle" => "bundle",
            "--output-attestation" => "statement",
            _ => "signature",
        };
        format!("{kind} written to {}", file.path.display())
    };
    let files = files.iter().map(file).collect::<Vec<_>>().join(", ");
    let blob = blob.map(|blob| {
        format!(" {}", if blob == Path::new("-") { "standard input".into() } else { blob.display().to_string() })
    });
    Some(format!("{done}{}; {files}", blob.unwrap_or_default()))
}

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
