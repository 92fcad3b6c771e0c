//! What people and machines read of an outcome: the only writers of results.

mod bundle;
mod cosign;
mod cosign_bundle;
mod failure;
mod report;
mod summary;
mod text;
mod verification;

pub(crate) use self::bundle::{broken_bundle, bundle};
pub(crate) use self::failure::failure;
pub(crate) use self::verification::{Results, blob};
