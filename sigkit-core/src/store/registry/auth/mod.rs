//! Authentication: which credentials a registry gets, in which form, and which token servers may see them.

mod authorization;
mod challenge;
mod credentials;
mod session;
mod token;
mod token_endpoint;

pub use credentials::{CredentialError, CredentialSource, Credentials, NoCredentials, StaticCredentials};

pub(super) use session::{AuthCaches, Session};
pub(super) use token::{Access, Scope};
