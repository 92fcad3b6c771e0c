//! Unencrypted private keys made by other tools.

use der::Decode as _;

use crate::crypto::{Curve, KeyError, PemError, pem, spki};
use crate::key::{ImportError, KeyPair};

/// What can be imported, and what is refused by name.
const WANTED: &[&str] = &["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];
const EC_PARAMETERS: &str = "EC PARAMETERS";

/// Imports the one private key of a PEM file: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (RFC 5915) or `RSA PRIVATE KEY`
/// (PKCS#1). A block `EC PARAMETERS`, as `openssl ecparam -genkey` writes it, may precede an `EC PRIVATE KEY`.
///
/// ```
/// # const PEM: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p384-pkcs8.pem"));
/// use sigkit_core::key::{Password, file, import};
///
/// let key = import::from_pem(PEM)?;
/// let encrypted = file::encrypt(&key, &Password::new("secret"))?;
/// assert!(encrypted.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ImportError`]; encrypted and foreign formats are named with the way to convert them.
pub fn from_pem(text: &[u8]) -> Result<KeyPair, ImportError> {
    let blocks = pem::blocks(text)?;
    if let [parameters, key] = blocks.as_slice()
        && parameters.label() == EC_PARAMETERS
        && key.label() == "EC PRIVATE KEY"
    {
        return from_ec(key, Some(curve(parameters)?));
    }
    if let [block] = blocks.as_slice() {
        match block.label() {
            "ENCRYPTED PRIVATE KEY" => return Err(ImportError::EncryptedPkcs8),
            "OPENSSH PRIVATE KEY" => return Err(ImportError::OpenSsh),
            label @ ("ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY") => {
                return Err(ImportError::AlreadySealed { label: label.to_owned() });
            }
            _ => {}
        }
    }
    let block = pem::single(text, WANTED)?;
    match block.label() {
        "EC PRIVATE KEY" => from_ec(&block, None),
        "RSA PRIVATE KEY" => Ok(KeyPair::from_pkcs1_der(&block.decode()?)?),
        _ => Ok(KeyPair::from_pkcs8_der(&block.decode()?)?),
    }
}

fn from_ec(block: &pem::Block<'_>, curve: Option<Curve>) -> Result<KeyPair, ImportError> {
    Ok(KeyPair::from_sec1(&block.decode()?, curve, None)?)
}

/// The curve that an `EC PARAMETERS` block names.
fn curve(block: &pem::Block<'_>) -> Result<Curve, ImportError> {
    let bytes = block.decode().map_err(|error: PemError| ImportError::Pem(error))?;
    let parameters = der::asn1::AnyRef::from_der(&bytes).map_err(spki::malformed("ECParameters"))?;
    spki::named_curve(Some(parameters)).map_err(|error: KeyError| ImportError::Key(error))
}
