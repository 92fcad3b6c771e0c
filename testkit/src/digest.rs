use sha2::Digest as _;

/// `sha256:` and the lowercase hex of the hash of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&sha2::Sha256::digest(bytes)))
}

/// `sha512:` and the lowercase hex of the hash of `bytes`.
pub fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex(&sha2::Sha512::digest(bytes)))
}

/// The digest of `bytes` by the algorithm that `like` names; `None` for an unknown one.
pub(crate) fn same_algorithm(like: &str, bytes: &[u8]) -> Option<String> {
    match like.split_once(':')?.0 {
        "sha256" => Some(sha256(bytes)),
        "sha512" => Some(sha512(bytes)),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
