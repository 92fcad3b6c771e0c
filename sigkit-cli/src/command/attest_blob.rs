use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use sigkit_core::bundle::SignedEntity;
use sigkit_core::content::{Content, PredicateType, Statement};
use sigkit_core::digest::{Digest, DigestAlgorithm, Hasher};
use sigkit_core::sign::sign_statement;
use sigkit_core::verify::Artifact;

use super::attest::{envelope_line, predicate};
use super::result_file::told;
use crate::args::AttestBlobArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::files::OutputFile;
use crate::outcome::Output;
use crate::runtime;

/// Attests something about a file, standard input or a digest; of any size in constant memory.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &AttestBlobArgs, context: &Context) -> Result<Output, CliError> {
    let stdin =
        [&args.blob, &args.predicate, &args.statement].into_iter().flatten().filter(|path| *path == Path::new("-"));
    if stdin.count() > 1 {
        return Err(CliError::usage("standard input can be read only once: name a file instead of one -".to_owned()));
    }
    let now = context.now();
    let subject = match (&args.hash, &args.blob) {
        (Some(digest), _) => Some(*digest),
        (None, Some(blob)) => Some(hash(blob, context)?),
        (None, None) => None,
    };
    let (kind, statement) = match (&args.statement, &args.predicate, subject) {
        (Some(path), _, _) => ready(path, context)?,
        (None, Some(path), Some(digest)) => {
            let predicate = predicate(path, &args.kind.kind, now, context)?;
            let blob = args.blob.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let subject = [(blob.as_deref().unwrap_or_default(), digest)];
            (args.kind.kind.clone(), Arc::new(Statement::attest(&subject, &args.kind.kind, predicate)?))
        }
        _ => return Err(CliError::usage("--predicate needs the BLOB that it is about, or its --hash".to_owned())),
    };
    let signer = context.signer(&args.key)?;
    context.files.check(&[
        ("--output-attestation", args.output_attestation.as_deref()),
        ("--bundle", args.bundle.as_deref()),
        ("--output-signature", args.output_signature.as_deref()),
    ])?;
    let artifact = subject.map(Artifact::Digest);
    let entity = runtime::block_on(sign_statement(&*signer, statement, &kind, artifact.as_ref(), now))??;
    write(args, &entity, context)
}

fn write(args: &AttestBlobArgs, entity: &SignedEntity, context: &Context) -> Result<Output, CliError> {
    let mut files = Vec::new();
    if let (Some(path), Content::Envelope(envelope)) = (&args.output_attestation, &entity.content) {
        files.push(OutputFile::new("--output-attestation", path, envelope.payload.to_vec()));
    }
    if let Some(path) = &args.bundle {
        let bundle = match args.new_bundle_format {
            Some(false) => entity.to_blob_bundle()?,
            _ => entity.to_bundle()?,
        };
        files.push(OutputFile::new("--bundle", path, bundle.unwrap_or_default()));
    }
    if let Some(path) = &args.output_signature {
        files.push(OutputFile::new("--output-signature", path, envelope_line(entity)?.trim_ascii().to_vec()));
    }
    let told = told("Attested", args.blob.as_deref(), &files);
    context.files.write_all(files)?;
    let elsewhere = args.bundle.is_some() || args.output_signature.is_some();
    let mut output = Output::result(if elsewhere { Vec::new() } else { envelope_line(entity)? });
    output.notes.extend(told);
    Ok(output)
}

/// Reads a statement that is signed as it is, and its type.
fn ready(path: &Path, context: &Context) -> Result<(PredicateType, Arc<Vec<u8>>), CliError> {
    let limits = context.limits()?;
    let mut bytes = context.read_or_stdin("--statement", path, "an in-toto statement", limits.attachment_bytes)?;
    let bytes = Arc::new(std::mem::take(&mut *bytes));
    let wrong = |error| CliError::failed(format!("{}: {error}", path.display()));
    let kind = Statement::parse(Arc::clone(&bytes), &limits).map_err(wrong)?.predicate_type;
    let kind = kind.parse().map_err(|error| CliError::usage(format!("--statement: {}: {error}", path.display())))?;
    Ok((kind, bytes))
}

fn hash(blob: &Path, context: &Context) -> Result<Digest, CliError> {
    if blob == Path::new("-") {
        return hash_stream(&mut context.stdin.take()?);
    }
    context.files.unchanged("BLOB", blob, "a file to attest", hash_stream)?
}

fn hash_stream(file: &mut File) -> Result<Digest, CliError> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut buffer = vec![0_u8; super::verify_blob::CHUNK_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CliError::system("read the blob", error)),
        }
    }
}
