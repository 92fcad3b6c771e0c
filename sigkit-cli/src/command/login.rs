use sigkit_core::http::Secret;
use sigkit_core::oci::Repository;
use sigkit_core::store::credentials::{StoredIn, registry_of};
use sigkit_core::store::registry::{Credentials, LoginOutcome};

use crate::args::{GlobalArgs, LoginArgs, LogoutArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::outcome::Output;
use crate::render::failure;
use crate::runtime::{self, Deadline};
use crate::settings::credentials;
use crate::settings::registry;
use crate::terminal::streams::IsTerminal;

/// Longest password, in bytes: it must fit a header of a request, and a helper's pipe.
const MAX_PASSWORD_BYTES: usize = 32 * 1024;

/// Keeps the account of a registry, once that registry has taken it.
///
/// # Errors
/// [`CliError`].
pub(super) fn run(args: &LoginArgs, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    let registry = named(&args.registry)?;
    let store = credentials::store(context)?;
    let client = registry::client_of(&args.connection, &registry, context)?;
    let (username, password) = account(args, context)?;
    let credentials = Credentials::Basic { username: username.clone(), password: password.clone() };
    let deadline = Deadline::after(global.timeout);
    let Some(asked) = runtime::block_on(deadline.bound(client.log_in(&registry, credentials)))? else {
        let message = format!("no answer within {:?}: nothing was stored", global.timeout);
        return Ok(Output::notes(vec![failure(&registry, "timed-out", &message)], ExitCode::Undecided));
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let exit = ExitCode::of_log_in(&error);
            return Ok(Output::notes(vec![failure(&registry, error.code(), &error.to_string())], exit));
        }
    };
    let place = match store.store(&registry, &username, &password)? {
        StoredIn::File(path) => format!("in {} (readable by its owner only, not encrypted)", path.display()),
        StoredIn::Helper(helper) => format!("with {helper}"),
    };
    let mut notes = vec![format!("Logged in to {registry} as {username}: credentials stored {place}")];
    if asked == LoginOutcome::NotRequired {
        notes.push(format!("WARNING: {registry} did not request authentication: the password could not be checked"));
    }
    Ok(Output::notes(notes, ExitCode::Done))
}

/// Forgets the account of a registry.
///
/// # Errors
/// [`CliError`].
pub(super) fn log_out(args: &LogoutArgs, context: &Context) -> Result<Output, CliError> {
    let registry = named(&args.registry)?;
    let store = credentials::store(context)?;
    let forgotten = store.erase(&registry)?;
    let mut notes = vec![match forgotten.as_slice() {
        [] => format!("Not logged in to {registry}"),
        places => format!("Logged out of {registry}: credentials removed from {}", places.join(" and ")),
    }];
    for path in store.also_known_in(&registry) {
        notes.push(format!(
            "note: {} has credentials of {registry} as well: podman logout removes them",
            path.display()
        ));
    }
    Ok(Output::notes(notes, ExitCode::Done))
}

/// The registry as in references.
fn named(text: &str) -> Result<String, CliError> {
    let usage = |why: String| CliError::usage(format!("{text:?} is not a registry: {why}"));
    let registry = registry_of(text).ok_or_else(|| usage("expected HOST or HOST:PORT, without a path".to_owned()))?;
    match Repository::new(&registry, "any") {
        Ok(repository) => Ok(repository.registry().to_owned()),
        Err(error) => Err(usage(error.to_string())),
    }
}

fn account(args: &LoginArgs, context: &Context) -> Result<(String, Secret), CliError> {
    let usage = |why: &str| CliError::usage(why.to_owned());
    let at_terminal = context.stdin.is_terminal() == IsTerminal::Yes;
    let username = match &args.username {
        Some(username) => username.clone(),
        None if at_terminal && !args.password_stdin => {
            let asked = context.ask("Username: ");
            asked.map_err(|error| CliError::system("ask for the user name", error))?
        }
        None => return Err(usage("there is no terminal to ask for the user name: give it with --username")),
    };
    // RFC 7617 §2: a colon would end the name, and control characters have no place in either.
    if username.is_empty() || username.contains(|c: char| c == ':' || c.is_control()) {
        return Err(usage("expected a user name of at least one character, without colons and control characters"));
    }
    let password = if let Some(password) = &args.password {
        Secret::new(password.expose())
    } else if args.password_stdin {
        Secret::new(&*text(context.password_on_stdin()?)?)
    } else if at_terminal {
        let asked = context.ask_hidden("Password: ");
        Secret::new(&*text(asked.map_err(|error| CliError::system("ask for the password", error))?)?)
    } else {
        return Err(usage("there is no terminal to ask for the password: give it with --password-stdin"));
    };
    let length = password.expose().len();
    if length == 0 || length > MAX_PASSWORD_BYTES || password.expose().contains(char::is_control) {
        return Err(CliError::usage(format!(
            "expected a password of 1 to {MAX_PASSWORD_BYTES} bytes without control characters, found {length} bytes"
        )));
    }
    Ok((username, password))
}

fn text(bytes: zeroize::Zeroizing<Vec<u8>>) -> Result<zeroize::Zeroizing<String>, CliError> {
    let text = std::str::from_utf8(&bytes);
    text.map(|text| zeroize::Zeroizing::new(text.to_owned()))
        .map_err(|_| CliError::usage("expected a password in UTF-8, found other bytes".to_owned()))
}
