//! Policies that files hold.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sigkit_core::policy::document::{CUE, DocumentResolver};
use sigkit_core::policy::{Gate, PolicySet};
use sigkit_core::trust::{RootName, Trust, TrustedRoot};

use crate::context::Context;
use crate::error::CliError;
use crate::settings::trusted_root::FLAGS_ROOT;

/// Largest file of policies, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The trusted root, read when a document needs it.
type Root<'r> = dyn Fn() -> Result<TrustedRoot, CliError> + 'r;

/// What documents refer to: files, seen from the directory of the document, and the trusted root of the flags.
struct Around<'c> {
    context: &'c Context,
    directory: PathBuf,
    root: &'c Root<'c>,
    /// The trusted root, once a document has named it.
    named: OnceCell<Arc<TrustedRoot>>,
}

impl DocumentResolver for Around<'_> {
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        let path = self.directory.join(path);
        let read = self.context.files.read("--policy", &path, "what the policy names", limit);
        read.map(|file| file.bytes.to_vec()).map_err(|error| error.to_string())
    }

    fn default_root(&self) -> RootName {
        FLAGS_ROOT
    }

    /// Documents name no root, so that this is always that of the flags.
    fn trusted_root(&self, _: &RootName) -> Result<Arc<TrustedRoot>, String> {
        if let Some(root) = self.named.get() {
            return Ok(Arc::clone(root));
        }
        let root = (self.root)().map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.named.get_or_init(|| Arc::new(root))))
    }
}

impl Context {
    /// The policies of a file, or of standard input for `-`, and what they are judged in.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn policies(&self, path: &Path, root: &Root<'_>) -> Result<(PolicySet, Trust), CliError> {
        if let Some(extension) = path.extension().filter(|extension| *extension == "rego" || *extension == "cue") {
            let extension = extension.to_string_lossy();
            let why = format!("a policy in {extension} judges one attestation: give it to verify-attestation --policy");
            return Err(CliError::usage(format!("--policy: {}: {why}", path.display())));
        }
        let bytes = self.read_or_stdin("--policy", path, "a file of policies", MAX_BYTES)?;
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        let around = Around { context: self, directory, root, named: OnceCell::new() };
        let trust = Trust::default().with_limits(self.limits()?);
        let policies = PolicySet::from_file(&bytes, &around, trust.limits())
            .map_err(|error| CliError::usage(format!("--policy: {}: {error}", path.display())))?;
        let root = around.named.into_inner();
        Ok((policies, root.into_iter().fold(trust, |trust, root| trust.with_root(FLAGS_ROOT, root))))
    }

    /// A policy in Rego over every attestation of the type asked for, as `verify-attestation --policy` names it.
    ///
    /// # Errors
    /// [`CliError`], also for a policy in another language.
    pub(crate) fn rego_policy(&self, path: &Path) -> Result<Gate, CliError> {
        let refused = |why: &dyn std::fmt::Display| CliError::usage(format!("--policy: {}: {why}", path.display()));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rego") => {}
            Some("cue") => return Err(refused(&CUE)),
            _ => {
                return Err(refused(
                    &"expected a file named *.rego; policies over whole images are for verify --policy",
                ));
            }
        }
        let bytes = self.files.read("--policy", path, "a policy in Rego", MAX_BYTES)?.bytes;
        let source = std::str::from_utf8(&bytes).map_err(|_| refused(&"expected UTF-8"))?;
        rego(path, source).map_err(|why| refused(&why))
    }
}

#[cfg(feature = "rego")]
fn rego(path: &Path, source: &str) -> Result<Gate, String> {
    use sigkit_core::policy::{Quantifier, RegoPolicy};
    let policy = RegoPolicy::new(path.display().to_string(), source, Quantifier::Every);
    policy.map(|policy| Gate::Rego(Box::new(policy))).map_err(|error| error.to_string())
}

#[cfg(not(feature = "rego"))]
fn rego(_: &Path, _: &str) -> Result<Gate, String> {
    Err("policies in Rego are not in this build: build sigkit-cli with its feature `rego`".to_owned())
}

/// Keeps what a policy in Rego may take of the memory within bounds: more than that ends the process, which verifies nothing.
pub(crate) fn bound_memory() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const MAX_MEMORY: u64 = 2 << 30;
        let Rlimit { current, maximum } = getrlimit(Resource::Data);
        let wanted = current.map_or(MAX_MEMORY, |current| current.min(MAX_MEMORY));
        setrlimit(Resource::Data, Rlimit { current: Some(wanted), maximum }).unwrap_or_default();
    }
}
