use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sigkit_core::bundle::SignedEntity;
use sigkit_core::key::ReadSeek;
use sigkit_core::sign::{Signer, SigningError, sign_blob};

use super::result_file::told;
use crate::args::{GlobalArgs, SignBlobArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::files::OutputFile;
use crate::outcome::Output;
use crate::runtime;

/// Signs files or standard input, of any size in constant memory.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(args: &SignBlobArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    if args.blobs.len() > 1 && (args.bundle.is_some() || args.output_signature.is_some()) {
        let why = "--bundle and --output-signature hold one signature: sign one blob at a time";
        return Err(CliError::usage(why.to_owned()));
    }
    let prints = args.output_signature.is_none() && (args.bundle.is_none() || args.new_bundle_format == Some(false));
    if !args.b64 && prints && global.output_file.is_none() && context.styles().stdout.columns().is_some() {
        let why = "--b64=false prints binary data, and this is a terminal: give --output-signature FILE";
        return Err(CliError::usage(why.to_owned()));
    }
    let signer = context.signer(&args.key)?;
    context
        .files
        .check(&[("--bundle", args.bundle.as_deref()), ("--output-signature", args.output_signature.as_deref())])?;
    let mut output = Output::result(Vec::new());
    for blob in &args.blobs {
        let signed = sign(&*signer, blob, context)?;
        write(args, (blob, &signed), &mut output, context)?;
    }
    Ok(output)
}

fn write(
    args: &SignBlobArgs,
    (blob, signed): (&Path, &SignedEntity),
    output: &mut Output,
    context: &Context,
) -> Result<(), CliError> {
    let legacy = args.new_bundle_format == Some(false);
    let mut files = Vec::new();
    if let Some(path) = &args.bundle {
        let bundle = if legacy { signed.to_blob_bundle()? } else { signed.to_bundle()? };
        files.push(OutputFile::new("--bundle", path, bundle.unwrap_or_default()));
    }
    let signature = signed.content.signature();
    let text = signature.to_base64();
    let bytes = if args.b64 { text.as_bytes() } else { signature.as_bytes() };
    match (&args.output_signature, &args.bundle) {
        (Some(path), _) => files.push(OutputFile::new("--output-signature", path, bytes.to_vec())),
        (None, Some(_)) if !legacy => {}
        (None, _) => {
            output.stdout.extend_from_slice(bytes);
            if args.b64 {
                output.stdout.push(b'\n');
            }
        }
    }
    let told = told("Signed", Some(blob), &files);
    context.files.write_all(files)?;
    output.notes.extend(told);
    Ok(())
}

fn sign(signer: &dyn Signer, blob: &Path, context: &Context) -> Result<SignedEntity, CliError> {
    let failed = |error: SigningError| CliError::failed(format!("{}: {error}", blob.display()));
    let sign = |stream: &mut (dyn ReadSeek + Send)| runtime::block_on(sign_blob(signer, stream, context.now()));
    if blob != Path::new("-") {
        let signed = context.files.unchanged("BLOB", blob, "a file to sign", |file| sign(file))?;
        return signed?.map_err(failed);
    }
    let mut stdin = context.stdin.take()?;
    if signer.digest_algorithm().is_some() {
        return sign(&mut OnePass { stream: stdin, read: Progress::AtStart })?.map_err(failed);
    }
    // Ed25519 reads its message several times, and standard input can be read once.
    let mut spool = tempfile::tempfile().map_err(|error| CliError::system("make a temporary file", error))?;
    std::io::copy(&mut stdin, &mut spool)
        .map_err(|error| CliError::system("keep standard input in a temporary file", error))?;
    sign(&mut spool)?.map_err(failed)
}

/// A stream for a signer that reads it once: it is at its start until the first byte is read.
struct OnePass<R> {
    stream: R,
    read: Progress,
}

#[derive(PartialEq, Eq)]
enum Progress {
    AtStart,
    Begun,
}

impl<R: Read> Read for OnePass<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.read = Progress::Begun;
        self.stream.read(buffer)
    }
}

impl<R> Seek for OnePass<R> {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        match (position, &self.read) {
            (SeekFrom::Start(0) | SeekFrom::Current(0), Progress::AtStart) => Ok(0),
            _ => Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "standard input can be read only once")),
        }
    }
}
