//! Private keys: making them, keeping them in files, bringing them from elsewhere, and signing with them.

mod error;
pub mod file;
pub mod import;
mod pair;
mod password;
mod rsa;
mod secretbox;
mod signing_key;
mod stream;

pub use self::error::{ImportError, KeyFileError, SignError};
pub use self::pair::KeyPair;
pub use self::password::Password;
pub(crate) use self::signing_key::WHOLE_MESSAGE;
pub use self::signing_key::{Blocking, SigningKey};
pub(crate) use self::stream::read_pieces;
pub use self::stream::{ReadSeek, SignedStream};
