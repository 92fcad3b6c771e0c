//! What several test files share.
#![allow(dead_code)] // each test file uses its own part

#[cfg(feature = "sign")]
pub(crate) mod cases;
#[cfg(all(feature = "keyless", feature = "sign"))]
pub(crate) mod keyless;
#[cfg(feature = "sign")]
pub(crate) mod keys;
pub(crate) mod random;
pub(crate) mod simulation;
pub(crate) mod stores;
pub(crate) mod vector;
