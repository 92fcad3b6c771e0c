//! Signatures and timestamps in files of their own.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::bundle::SignedTimestamp;
use sigkit_core::crypto::Signature;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;

/// Longest detached signature, in bytes.
const MAX_SIGNATURE_BYTES: u64 = 64 * 1024;

impl Context {
    /// A signature given as a file, as `-`, or as the base64 itself; in base64, with its name for reports.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn signature_text(
        &self,
        option: &'static str,
        given: &str,
    ) -> Result<(String, Zeroizing<Vec<u8>>), CliError> {
        let path = Path::new(given);
        if given == "-" || path.exists() || Signature::from_base64_lines(given).is_err() {
            let bytes = self.read_or_stdin(option, path, "a signature", MAX_SIGNATURE_BYTES)?;
            if bytes.is_ascii() {
                return Ok((given.to_owned(), bytes));
            }
            // What --b64=false writes: the bytes themselves. No signature of any scheme is plain text by chance.
            let text = Signature::from_bytes(bytes.to_vec()).to_base64();
            return Ok((given.to_owned(), Zeroizing::new(text.into_bytes())));
        }
        Ok((format!("the value of {option}"), Zeroizing::new(given.as_bytes().to_vec())))
    }

    /// A signed timestamp in a file: the DER itself, or cosign's JSON around its base64.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn timestamp(&self, option: &'static str, path: &Path) -> Result<SignedTimestamp, FileError> {
        let expected = "an RFC 3161 timestamp";
        let file = self.files.read(option, path, expected, MAX_SIGNATURE_BYTES)?;
        let der = match serde_json::from_slice::<TimestampFile>(&file.bytes) {
            Ok(TimestampFile { timestamp }) => STANDARD.decode(timestamp).map_err(|error| FileError::Content {
                option,
                path: path.to_owned(),
                expected,
                found: error.to_string(),
            })?,
            Err(_) => file.bytes.to_vec(),
        };
        Ok(SignedTimestamp(der))
    }
}

/// What cosign writes for `--rfc3161-timestamp`.
#[derive(serde::Deserialize)]
struct TimestampFile {
    #[serde(rename = "SignedRFC3161Timestamp")]
    timestamp: String,
}
