//! The paved path without an async runtime in sight.
//!
//! Each call runs its work on a runtime of its own, which ends with the call. Inside a caller's tokio runtime the work moves to a
//! thread of its own, so that nothing panics; the caller's thread waits all the same, and an async task should prefer the async
//! twins in [`crate::image`].
//!
//! ```no_run
//! use std::time::SystemTime;
//! use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, blocking};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image: ImageReference = "registry.example.com/app:v1".parse()?;
//! let key = PublicKey::from_pem(&std::fs::read("cosign.pub")?)?;
//! let policy = Policy::key(Purpose::Image, KeyAuthority::new("release key", key));
//! let store = RegistryClient::default().repository(&image.repository);
//! let verified = blocking::verify_image(&store, &image.target(), &Trust::default(), &policy, SystemTime::now().into())?;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::thread;

use tokio::runtime::{Builder, Handle};

use crate::image::{self, ImageError, VerifiedImage};
#[cfg(feature = "sign")]
use crate::image::{SignImageError, SignOptions, SignedImage};
use crate::oci::TagOrDigest;
use crate::policy::Policy;
#[cfg(feature = "sign")]
use crate::sign::Signer;
#[cfg(feature = "sign")]
use crate::store::TagWriter;
use crate::store::{Store, StoreError};
use crate::time::UnixTime;
use crate::trust::Trust;

/// Verifies an image whose signatures are stored beside it; see [`image::verify_image`].
///
/// # Errors
/// [`ImageError`]; [`StoreError::Unavailable`] in it when no runtime could be started.
pub fn verify_image<S: Store>(
    store: &S,
    target: &TagOrDigest,
    trust: &Trust,
    policy: &Policy,
    now: UnixTime,
) -> Result<VerifiedImage, ImageError> {
    block_on(image::verify_image(store, target, trust, policy, now))?
}

/// Signs an image and stores the signature beside it; see [`image::sign_image`].
///
/// # Errors
/// [`SignImageError`]; [`StoreError::Unavailable`] in it when no runtime could be started, and then nothing was written.
#[cfg(feature = "sign")]
pub fn sign_image<S: TagWriter>(
    store: &S,
    target: &TagOrDigest,
    signer: &dyn Signer,
    signing: &SignOptions,
    now: UnixTime,
) -> Result<SignedImage, SignImageError> {
    block_on(image::sign_image(store, target, signer, signing, now))?
}

/// Runs anything else that this crate does asynchronously. Connections are kept within one call, so work on many images is best
/// put into one future.
///
/// # Errors
/// [`StoreError::Unavailable`] when no runtime could be started; nothing has run then.
pub fn block_on<F>(work: F) -> Result<F::Output, StoreError>
where
    F: Future<Output: Send> + Send,
{
    // On the heap at once: every move of a large future costs stack, and this thread may have little of it.
    let work = Box::pin(work);
    let outcome = match Handle::try_current() {
        Err(_) => drive(work),
        Ok(_) => thread::scope(|scope| {
            let worker = thread::Builder::new().name("sigkit".to_owned()).spawn_scoped(scope, || drive(work))?;
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        }),
    };
    outcome.map_err(|error| StoreError::Unavailable {
        place: "async runtime".to_owned(),
        detail: format!("cannot be started: {error}"),
    })
}

fn drive<F: Future>(work: F) -> io::Result<F::Output> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(work);
    // A name look-up still under way on a helper thread must not hold up an answer that no longer needs it.
    runtime.shutdown_background();
    Ok(output)
}
