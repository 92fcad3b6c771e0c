//! Verifies an image in a registry with a public key, in async code: `verify_image COSIGN.PUB IMAGE`
//!
//! Prints the name to run the image by. It has the digest that was verified: the tag may move at any time.

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, verify_image};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(name) => println!("{name}"),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn verify(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let [key, image] = arguments else { return Err("usage: verify_image COSIGN.PUB IMAGE".into()) };
    let image: ImageReference = image.parse()?;
    let policy = Policy::key(Purpose::Image, KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?));
    let store = RegistryClient::default().repository(&image.repository);
    let verified = verify_image(&store, &image.target(), &Trust::default(), &policy, SystemTime::now().into()).await?;
    Ok(format!("{}@{}", image.repository, verified.image.digest()))
}
