//! Copies a blob between any two stores, in constant memory: `copy_blob FROM TO DIGEST SIZE`
//!
//! FROM and TO are `oci:DIR`, `oci-archive:FILE` or a repository of a registry; a layout or archive that is not there is made. Prints the
//! most memory that the program had at once, where the system tells.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use sigkit_core::oci::{Descriptor, Repository, TagOrDigest, media_type};
use sigkit_core::store::registry::RegistryClient;
use sigkit_core::store::{ArchiveStore, BlobSource, DynStore, LayoutStore, Store as _, StoreWrite as _};

type Failure = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match copy(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(size) => println!("copied {size} bytes; peak memory {} KiB", peak_kib().unwrap_or_default()),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn copy(arguments: &[String]) -> Result<u64, Failure> {
    let [from, to, digest, size] = arguments else { return Err("usage: copy_blob FROM TO DIGEST SIZE".into()) };
    let blob = Descriptor::new("application/octet-stream", size.parse()?, digest.parse()?);
    let (from, to) = (open(from)?, open(to)?);
    to.push_blob(BlobSource::of_store(&from, &blob)).await?;
    // An archive is written once, with the manifest that names the blob.
    let config = Descriptor::of(media_type::OCI_EMPTY, b"{}");
    to.push_blob(BlobSource::bytes(b"{}".into(), &config.digest)).await?;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
        media_type::OCI_MANIFEST,
        named(&config),
        named(&blob)
    );
    let target = TagOrDigest::Tag("copied".parse()?);
    to.push_manifest(&target, media_type::OCI_MANIFEST, manifest.as_bytes()).await?;
    if !to.exists(&blob).await? {
        return Err("the blob is not there after it was copied".into());
    }
    Ok(blob.size)
}

fn named(blob: &Descriptor) -> String {
    format!(r#"{{"mediaType":"{}","size":{},"digest":"{}"}}"#, blob.media_type, blob.size, blob.digest)
}

fn open(name: &str) -> Result<DynStore, Failure> {
    if let Some(path) = name.strip_prefix("oci:") {
        let is_there = Path::new(path).join("oci-layout").exists();
        return Ok(DynStore::new(if is_there { LayoutStore::open(path)? } else { LayoutStore::create(path)? }));
    }
    if let Some(path) = name.strip_prefix("oci-archive:") {
        let is_there = Path::new(path).exists();
        return Ok(DynStore::new(if is_there { ArchiveStore::open(path)? } else { ArchiveStore::create(path)? }));
    }
    let (registry, path) = name.split_once('/').ok_or("expected REGISTRY/REPOSITORY")?;
    Ok(DynStore::new(RegistryClient::default().repository(&Repository::new(registry, path)?)))
}

/// The peak resident set size of this process, on Linux.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
