use crate::args::PublicKeyVerbArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::files::Access;
use crate::outcome::Output;

pub(super) fn run(args: &PublicKeyVerbArgs, context: &Context) -> Result<Output, CliError> {
    let key = context.public_key_of(&args.key, args.password.password_file.as_deref())?;
    let pem = key.to_pem();
    let Some(path) = &args.outfile else { return Ok(Output::result(pem)) };
    context.files.write("--outfile", path, pem.as_bytes(), Access::Umask)?;
    Ok(Output::notes(vec![format!("Public key written to {}", path.display())], ExitCode::Done))
}
