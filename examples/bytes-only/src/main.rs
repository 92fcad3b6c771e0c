//! Verifies a file with a public key and a detached signature, and links no more than that takes: `bytes-only KEY.PUB FILE FILE.SIG`

use std::error::Error;
use std::{env, fs};

use sigkit_core::PublicKey;
use sigkit_core::crypto::{Signature, SignatureScheme};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [key, file, signature] = arguments.as_slice() else {
        return Err("usage: bytes-only KEY.PUB FILE FILE.SIG".into());
    };
    println!("verified, signed with {}", verify(&fs::read(key)?, &fs::read(file)?, &fs::read(signature)?)?);
    Ok(())
}

fn verify(key: &[u8], file: &[u8], signature: &[u8]) -> Result<SignatureScheme, Box<dyn Error>> {
    Ok(PublicKey::from_pem(key)?.verify(file, &Signature::from_base64_file(signature)?)?)
}

#[cfg(test)]
mod tests {
    macro_rules! vector {
        ($name:literal) => {
            include_bytes!(concat!("../../../testdata/vectors/key/", $name))
        };
    }

    #[test]
    fn bytes_verify_and_other_bytes_do_not() {
        let (key, signature) = (vector!("cosign-3.1-ecdsa-p256.pub"), vector!("cosign-3.1-ecdsa-p256.sig"));
        assert!(super::verify(key, vector!("message.txt"), signature).is_ok());
        assert!(super::verify(key, b"other bytes", signature).is_err());
    }
}
