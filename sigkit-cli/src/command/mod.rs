//! One file per verb. A command returns what it found or did, or hands it to the printer piece by piece, and prints nothing itself
//! but questions and warnings.

mod attest;
mod attest_blob;
mod audience;
mod bundle;
mod completion;
mod download;
mod env;
mod explain;
mod generate_key_pair;
mod image_result;
mod images;
mod import_key_pair;
mod in_order;
mod key_pair;
mod login;
mod man;
mod policy;
mod public_key;
mod result_file;
mod run;
mod service_spec;
mod sign;
mod sign_blob;
mod signing_config;
mod trusted_root;
mod verify;
mod verify_attestation;
mod verify_blob;
mod verify_blob_attestation;
mod verify_images;
mod verify_policy;
mod version;

pub(crate) use self::run::run;
