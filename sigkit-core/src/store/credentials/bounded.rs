use std::fs::File;
use std::io::{self, Read as _};

use zeroize::Zeroizing;

/// Returns what a stream gives until its end, and `None` if that is more than `limit` bytes.
///
/// # Errors
/// The operating system's.
pub(super) fn read_bounded(stream: File, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // A vector that grows leaves its old bytes behind, and these may be a password.
    let capacity = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX).min(128 << 10);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let within = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    Ok(within.then_some(bytes))
}
