//! Everything impure that a command may touch, passed in.

mod environment;
mod password;
mod prompt;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use environment::Environment;
pub(crate) use password::{PasswordError, PasswordUse};
pub(crate) use prompt::Answer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::bundle::SignedTimestamp;
use sigkit_core::crypto::Signature;
use sigkit_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::files::{FileError, Files};
use crate::signals::Interrupts;
use crate::streams::{Stderr, Stdin};

/// Longest detached signature, in bytes.
const MOST_SIGNATURE_BYTES: u64 = 64 * 1024;

/// Whether people see every request to registries and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    /// As `--verbose` asks.
    Shown,
    /// They do not.
    Hidden,
}

/// Environment, streams, files, prompts and the clock.
#[derive(Debug)]
pub(crate) struct Context {
    /// Environment variables.
    pub(crate) environment: Environment,
    /// Standard input.
    pub(crate) stdin: Stdin,
    /// What people read.
    pub(crate) stderr: Stderr,
    /// Files named by options.
    pub(crate) files: Files,
    /// Whether people see every request.
    pub(crate) requests: Requests,
    interrupts: Interrupts,
}

impl Context {
    /// The context of this process.
    pub(crate) fn new(environment: Environment, interrupts: Interrupts) -> Self {
        Self {
            environment,
            stdin: Stdin::default(),
            stderr: Stderr::default(),
            files: Files::new(interrupts.clone()),
            requests: Requests::Hidden,
            interrupts,
        }
    }

    /// Shows requests from now on, if `requests` says so.
    pub(crate) fn with_requests(self, requests: Requests) -> Self {
        Self { requests, ..self }
    }

    /// The time; 1970 for a clock set before that.
    pub(crate) fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        UnixTime(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Reads the file that `option` names, or standard input for `-`.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn read_or_stdin(
        &self,
        option: &'static str,
        path: &Path,
        expected: &'static str,
        limit: u64,
    ) -> Result<Zeroizing<Vec<u8>>, CliError> {
        if path != Path::new("-") {
            return Ok(self.files.read(option, path, expected, limit)?.bytes);
        }
        let failed = |error| CliError::System { action: "read standard input", error };
        let bytes = self.stdin.read_to_end(limit).map_err(failed)?;
        bytes.ok_or_else(|| CliError::Usage(format!("{option}: more than {limit} bytes on standard input")))
    }

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
        if given == "-" || path.exists() || Signature::from_base64(given).is_err() {
            let bytes = self.read_or_stdin(option, path, "a signature", MOST_SIGNATURE_BYTES)?;
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
        let file = self.files.read(option, path, expected, MOST_SIGNATURE_BYTES)?;
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

/// Keeps keys out of core files, and other processes of the same user out of this one. What the system refuses is no harm.
pub(crate) fn forbid_core_dumps() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or_default();
}
