//! What a command line can say: shared groups of flags, and one struct per verb.

pub(crate) mod cli;
mod environment;
mod flag_rules;
#[cfg(test)]
mod from_cosign;
mod go_flags;
pub(crate) mod help;
mod mistake;
mod unsupported;
mod values;
mod variables;

mod certificate;
mod global;
mod groups;
mod identity;
mod key_source;
mod log;
mod signer;

mod attest;
mod attest_blob;
mod bundle;
mod completion;
mod download;
mod env;
mod explain;
mod generate_key_pair;
mod import_key_pair;
mod login;
mod man;
mod policy;
mod public_key;
mod services;
mod sign;
mod sign_blob;
mod verify;
mod verify_attestation;
mod verify_blob;
mod verify_blob_attestation;
mod version;

pub(crate) use attest::{AttestArgs, PredicateTypeArgs, WantedTypeArgs};
pub(crate) use attest_blob::AttestBlobArgs;
pub(crate) use bundle::{BundleCreateArgs, BundleUpgradeArgs, BundleVerb, BundleVerbArgs};
pub(crate) use certificate::CertificateArgs;
pub(crate) use completion::CompletionArgs;
pub(crate) use download::{BesideArgs, Download, DownloadArgs};
pub(crate) use env::EnvArgs;
pub(crate) use environment::{Bound, FromVariable, bind};
pub(crate) use explain::ExplainArgs;
pub(crate) use generate_key_pair::GenerateKeyPairArgs;
pub(crate) use global::GlobalArgs;
pub(crate) use go_flags::{is_switch, normalise};
pub(crate) use groups::{
    AnnotationArgs, ConnectionArgs, FormatsReadArgs, ImagesArgs, LocalImageArgs, PasswordArgs, PublicKeyArgs,
    RegistryArgs, SigningKeyArgs,
};
pub(crate) use identity::{IdentityArgs, Wanted, WantedIdentity};
pub(crate) use import_key_pair::ImportKeyPairArgs;
pub(crate) use key_source::KeySource;
pub(crate) use log::{LogRequirement, NoLogArgs, VerifyLogArgs};
pub(crate) use login::{LoginArgs, LogoutArgs};
pub(crate) use man::ManArgs;
pub(crate) use policy::{PolicyArgs, PolicyVerb};
pub(crate) use public_key::PublicKeyVerbArgs;
pub(crate) use services::{
    Selector, ServiceSpec, SigningConfigCreateArgs, SigningConfigVerb, SigningConfigVerbArgs, TrustedRootCreateArgs,
    TrustedRootVerb, TrustedRootVerbArgs,
};
pub(crate) use sign::{SignArgs, WrittenFormat};
pub(crate) use sign_blob::SignBlobArgs;
pub(crate) use signer::{SignersBy, TrustArgs};
pub(crate) use unsupported::{instead_of_verb, unsupported_reason};
pub(crate) use values::{ReportFormat, Secret, SignatureDigest};
pub(crate) use variables::{Shown, VARIABLES};
pub(crate) use verify::VerifyArgs;
pub(crate) use verify_attestation::VerifyAttestationArgs;
pub(crate) use verify_blob::VerifyBlobArgs;
pub(crate) use verify_blob_attestation::VerifyBlobAttestationArgs;
pub(crate) use version::VersionArgs;
