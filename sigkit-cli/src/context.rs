//! Everything impure that a command may touch, passed in.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use crate::environment::Environment;
pub(crate) use crate::terminal::password::{PasswordError, PasswordUse};
pub(crate) use crate::terminal::prompt::Answer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigkit_core::bundle::SignedTimestamp;
use sigkit_core::crypto::Signature;
use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::args::FromVariable;
use crate::error::CliError;
use crate::files::{FileError, Files};
use crate::terminal::signals::Signals;
use crate::terminal::streams::{Stderr, Stdin};

/// Longest detached signature, in bytes.
const MAX_SIGNATURE_BYTES: u64 = 64 * 1024;

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
    /// What is believed because variables of the environment say so.
    beliefs: Mutex<Vec<FromVariable>>,
    /// What `--timeout` gives.
    pub(crate) timeout: Duration,
    /// How this process answers to signals.
    pub(crate) signals: Signals,
}

impl Context {
    /// The context of this process.
    pub(crate) fn new(environment: Environment, signals: Signals) -> Self {
        Self {
            environment,
            stdin: Stdin::default(),
            stderr: Stderr::default(),
            files: Files::new(signals.clone()),
            requests: Requests::Hidden,
            beliefs: Mutex::default(),
            timeout: Duration::MAX,
            signals,
        }
    }

    /// Gives work on registries this much time.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Shows requests from now on, if `requests` says so.
    pub(crate) fn with_requests(self, requests: Requests) -> Self {
        Self { requests, ..self }
    }

    /// Takes what flags got from the environment.
    pub(crate) fn with_beliefs(self, beliefs: Vec<FromVariable>) -> Self {
        Self { beliefs: Mutex::new(beliefs), ..self }
    }

    /// Keeps for the report that something is believed because a variable says so. People are told by whoever knows more.
    pub(crate) fn believe(&self, variable: &str, sets: &str) {
        let belief = FromVariable { variable: variable.to_owned(), sets: sets.to_owned() };
        self.beliefs.lock().unwrap_or_else(PoisonError::into_inner).push(belief);
    }

    /// What is believed because variables of the environment say so.
    pub(crate) fn beliefs(&self) -> Vec<FromVariable> {
        self.beliefs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time; 1970 for a clock set before that.
    pub(crate) fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        UnixTime(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// The time of creation to write down: that of `SOURCE_DATE_EPOCH`, so that the same input gives the same bytes, or else the time.
    ///
    /// # Errors
    /// [`CliError`] for a value that is no number of seconds.
    pub(crate) fn creation_time(&self) -> Result<UnixTime, CliError> {
        let Some(value) = self.environment.non_empty("SOURCE_DATE_EPOCH") else { return Ok(self.now()) };
        let text = value.to_string_lossy();
        text.parse().map(UnixTime).map_err(|_| {
            let expected = "expected the seconds since 1970 as a number, such as 1735689600";
            CliError::usage(format!("SOURCE_DATE_EPOCH: {expected}, found \"{text}\": set it so, or unset it"))
        })
    }

    /// The bounds on what is read: the usual ones, but for `COSIGN_MAX_ATTACHMENT_SIZE`.
    ///
    /// # Errors
    /// [`CliError::usage`] for a value that is no size.
    pub(crate) fn limits(&self) -> Result<Limits, CliError> {
        let mut limits = Limits::DEFAULT;
        for name in ["SIGKIT_MAX_ATTACHMENT_SIZE", "COSIGN_MAX_ATTACHMENT_SIZE"] {
            let Some(value) = self.environment.non_empty(name) else { continue };
            let text = value.to_string_lossy();
            limits.attachment_bytes = size(&text).ok_or_else(|| {
                CliError::usage(format!("{name}: expected a size such as 128MiB or 1GB, found {text:?}"))
            })?;
            limits.signature_bytes = limits.attachment_bytes;
            limits.attachments_total_bytes = limits.attachments_total_bytes.max(limits.attachment_bytes);
            limits.signatures_total_bytes = limits.signatures_total_bytes.max(limits.signature_bytes);
            break;
        }
        Ok(limits)
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
        let failed = |error| CliError::system("read standard input", error);
        let bytes = self.stdin.read_to_end(limit).map_err(failed)?;
        bytes.ok_or_else(|| CliError::usage(format!("{option}: more than {limit} bytes on standard input")))
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

/// A number of bytes as people write it: `1048576`, `10MB` (decimal), `10MiB` (binary), `0.5 gb`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit)?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "ki" | "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mi" | "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).filter(|bytes| *bytes > 0);
    }
    // A fraction such as 1.5GB, exact enough for a bound.
    let (whole, fraction) = number.split_once('.')?;
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(factor)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(fraction).filter(|bytes| *bytes > 0)
}

/// Keeps keys out of core files, and other processes of the same user out of this one. What the system refuses is no harm.
pub(crate) fn forbid_core_dumps() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &str) -> Result<u64, CliError> {
        let environment = Environment::of(&[("COSIGN_MAX_ATTACHMENT_SIZE", value)]);
        Ok(Context::new(environment, Signals::default()).limits()?.attachment_bytes)
    }

    #[test]
    fn the_time_of_creation_is_that_of_the_source() {
        let at =
            |value| Context::new(Environment::of(&[("SOURCE_DATE_EPOCH", value)]), Signals::default()).creation_time();
        assert_eq!(at("1000000000").unwrap(), UnixTime(1_000_000_000));
        assert!(at("").unwrap().0 > 1_700_000_000);
        for text in ["yesterday", "1.5", "0x10", "99999999999999999999"] {
            assert!(at(text).unwrap_err().to_string().contains("seconds since 1970"), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_cosign_reads_them() {
        for (text, expected) in [
            ("", 128 << 20),
            ("1048576", 1 << 20),
            ("10MB", 10_000_000),
            ("10MiB", 10 << 20),
            ("10 mb", 10_000_000),
            ("1GB", 1_000_000_000),
            ("500KB", 500_000),
            ("512k", 512_000),
            ("1.5GB", 1_500_000_000),
        ] {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        for text in [
            "0",
            "-1",
            "ten",
            "10XB",
            "1.2.3MB",
            ".",
            "99999999999999999999",
            "99999999999GB",
            "1.99999999999999999999GB",
        ] {
            assert!(bytes(text).unwrap_err().to_string().contains("expected a size such as 128MiB"), "{text}");
        }
    }
}
