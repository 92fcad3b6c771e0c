//! Signs an image in a registry and stores the signature beside it: `sign_and_push COSIGN.KEY IMAGE`
//!
//! The password of the key is `COSIGN_PASSWORD`; the registry's account is `REGISTRY_USERNAME` and `REGISTRY_PASSWORD`, where it
//! wants one. Success means that the signature was read back from where it was stored.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::http::Secret;
use sigkit_core::image::{Attached, SignedImage};
use sigkit_core::key::{self, Password};
use sigkit_core::store::registry::{Credentials, RegistryOptions, StaticCredentials};
use sigkit_core::{Format, ImageReference, RegistryClient, SignOptions, sign_image};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match sign(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(signed) => signed.attached.iter().for_each(|attached| match attached {
            Attached::Written(receipt) => println!("signed, see {receipt}"),
            Attached::AlreadySigned(origin) | Attached::Completed(origin) => println!("signed before, see {origin}"),
        }),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn sign(arguments: &[String]) -> Result<SignedImage, Box<dyn Error>> {
    let [key, image] = arguments else { return Err("usage: sign_and_push COSIGN.KEY IMAGE".into()) };
    let image: ImageReference = image.parse()?;
    let key = key::file::decrypt(&fs::read(key)?, &Password::new(env::var("COSIGN_PASSWORD")?))?;
    let client = RegistryClient::new(options(image.repository.registry()))?;
    let store = client.repository(&image.repository);
    let signing = SignOptions::new(Format::Bundle, image.repository.to_string());
    Ok(sign_image(&store, &image.target(), &key, &signing, SystemTime::now().into()).await?)
}

fn options(registry: &str) -> RegistryOptions {
    let (Ok(username), Ok(password)) = (env::var("REGISTRY_USERNAME"), env::var("REGISTRY_PASSWORD")) else {
        return RegistryOptions::default();
    };
    let credentials = Credentials::Basic { username, password: Secret::new(password) };
    RegistryOptions::default().with_credentials(Arc::new(StaticCredentials::new(registry, credentials)))
}
