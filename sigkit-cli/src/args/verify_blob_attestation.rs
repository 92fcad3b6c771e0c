use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use sigkit_core::digest::{Digest, DigestAlgorithm, DigestError};

use super::{FormatsReadArgs, ReportFormat, SignatureDigest, TrustArgs, WantedTypeArgs};
use crate::error::CliError;

/// `verify-blob-attestation`
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyBlobAttestationArgs {
    /// A file, or - for standard input
    #[arg(value_name = "BLOB")]
    pub(crate) blob: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kind: WantedTypeArgs,
    /// Bundle that holds the attestation, in the sigstore or the legacy format
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(crate) bundle: Option<PathBuf>,
    /// Signed envelope of the attestation: a file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    pub(crate) signature: Option<PathBuf>,
    /// Compare the attested digest with that of the blob
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) check_claims: bool,
    /// Digest of the blob in hex, instead of the blob
    #[arg(long, value_name = "HEX", conflicts_with = "blob")]
    digest: Option<String>,
    /// Algorithm of --digest
    #[arg(long = "digestAlg", alias = "digest-alg", value_enum, value_name = "ALGORITHM", default_value = "sha256")]
    digest_algorithm: BlobDigest,
    /// Shape of the result on stdout, which is empty by default
    #[arg(long, short = 'o', value_enum, value_name = "SHAPE")]
    pub(crate) output: Option<ReportFormat>,
    /// Digest of the payload under the signature, where the key does not tell
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) signature_digest_algorithm: Option<SignatureDigest>,
    #[command(flatten)]
    formats: FormatsReadArgs,
    /// No effect: one blob is verified at a time
    #[arg(long, hide = true, value_name = "N")]
    max_workers: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Value of `--digestAlg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BlobDigest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl VerifyBlobAttestationArgs {
    /// The flags by which less is asked for than usual.
    pub(crate) fn weakened(&self) -> Vec<&'static str> {
        let mut flags = self.trust.weakened();
        if !self.check_claims {
            flags.push("--check-claims");
        }
        flags
    }

    /// The digest given instead of the blob.
    ///
    /// # Errors
    /// [`CliError::usage`] if it is not a digest of the algorithm.
    pub(crate) fn digest(&self) -> Result<Option<Digest>, CliError> {
        let algorithm = match self.digest_algorithm {
            BlobDigest::Sha256 => DigestAlgorithm::Sha256,
            BlobDigest::Sha384 => DigestAlgorithm::Sha384,
            BlobDigest::Sha512 => DigestAlgorithm::Sha512,
        };
        let Some(given) = self.digest.as_deref() else { return Ok(None) };
        let refused = |error: DigestError, advice: &str| CliError::usage(format!("--digest: {error}{advice}"));
        match Digest::from_hex(algorithm, given) {
            Ok(digest) => Ok(Some(digest)),
            Err(error @ DigestError::Length { found: 64, .. }) => Err(refused(error, ": add --digestAlg sha256")),
            Err(error @ DigestError::Length { found: 96, .. }) => Err(refused(error, ": add --digestAlg sha384")),
            Err(error @ DigestError::Length { found: 128, .. }) => Err(refused(error, ": add --digestAlg sha512")),
            Err(error) if given.parse::<Digest>().is_ok() => {
                Err(refused(error, ": give the digits alone, and the algorithm with --digestAlg"))
            }
            Err(error) => Err(refused(error, "")),
        }
    }

    /// Refuses what this build cannot do, and tells once what has no effect.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        if self.check_claims && self.blob.is_none() && self.digest.is_none() {
            let why = "name the BLOB, or give --digest; --check-claims=false verifies the attestation without either";
            return Err(CliError::usage(why.to_owned()));
        }
        self.formats.note(notes);
        self.kind.note(notes);
        if self.max_workers.is_some() {
            notes.push("note: --max-workers has no effect: one blob is verified at a time".to_owned());
        }
        self.trust.check("verify-blob-attestation", notes)
    }
}
