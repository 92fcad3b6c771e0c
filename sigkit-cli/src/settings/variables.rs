//! What variables without a flag say: the bounds on what is read, and the time to write down.

use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;

use crate::context::Context;
use crate::error::CliError;

impl Context {
    /// The time of creation to write down: that of `SOURCE_DATE_EPOCH`, so that the same input gives the same bytes, or else the time.
    ///
    /// # Errors
    /// [`CliError`] if the value is not a number of seconds.
    pub(crate) fn creation_time(&self) -> Result<UnixTime, CliError> {
        let Some(value) = self.environment.non_empty("SOURCE_DATE_EPOCH") else { return Ok(self.now()) };
        let text = value.to_string_lossy();
        text.parse().map(UnixTime).map_err(|_| {
            let expected = "expected the seconds since 1970 as a number, such as 1735689600";
            CliError::usage(format!("SOURCE_DATE_EPOCH: {expected}, found \"{text}\": set it so, or unset it"))
        })
    }

    /// The limits on what is read: the usual ones, except `COSIGN_MAX_ATTACHMENT_SIZE`.
    ///
    /// # Errors
    /// [`CliError::usage`] if the value is not a size.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::terminal::signals::Signals;

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
