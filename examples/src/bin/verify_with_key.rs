//! Verifies a file with a public key and a detached signature: `verify_with_key COSIGN.PUB FILE FILE.SIG`
//!
//! This is all that `sigkit-core` without any feature but a backend can do, and no more than that is linked.

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use sigkit_core::PublicKey;
use sigkit_core::crypto::{Signature, SignatureScheme};

fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(scheme) => println!("verified, signed with {scheme}"),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn verify(arguments: &[String]) -> Result<SignatureScheme, Box<dyn Error>> {
    let [key, file, signature] = arguments else {
        return Err("usage: verify_with_key COSIGN.PUB FILE FILE.SIG".into());
    };
    let key = PublicKey::from_pem(&fs::read(key)?)?;
    let signature = Signature::from_base64_file(&fs::read(signature)?)?;
    Ok(key.verify(&fs::read(file)?, &signature)?)
}
