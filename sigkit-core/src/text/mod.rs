//! Text for people: made harmless for terminals, quoted, and broken into lines.
//!
//! Values hold text as it was received. It passes through here when it is shown, and nowhere before.

pub mod escape;
mod quote;
mod wrap;

pub(crate) use quote::{clip, quoted, quoted_pattern};
pub use wrap::{wrap, wrap_lines};
