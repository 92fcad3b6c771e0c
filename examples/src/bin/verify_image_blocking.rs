//! Verifies an image in a registry with a public key, without an async runtime: `verify_image_blocking COSIGN.PUB IMAGE`
//!
//! Prints the name to run the image by. It has the digest that was verified: the tag may move at any time.

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, blocking};

fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(name) => println!("{name}"),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn verify(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let [key, image] = arguments else { return Err("usage: verify_image_blocking COSIGN.PUB IMAGE".into()) };
    let image: ImageReference = image.parse()?;
    let policy = Policy::key(Purpose::Image, KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?));
    let store = RegistryClient::default().repository(&image.repository);
    let verified =
        blocking::verify_image(&store, &image.target(), &Trust::default(), &policy, SystemTime::now().into())?;
    Ok(format!("{}@{}", image.repository, verified.image.digest()))
}
