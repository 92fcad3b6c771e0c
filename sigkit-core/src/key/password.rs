//! Passwords of key files.

use std::fmt;

use zeroize::Zeroizing;

/// The password of a key file: any bytes, wiped when dropped. The empty password is one too.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the bytes as they are; a newline at the end belongs to the password.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Returns true if it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
