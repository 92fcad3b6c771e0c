use clap::{ArgAction, Args};

use super::{ConnectionArgs, Secret};

/// `login`
#[derive(Args, Clone, Debug)]
pub(crate) struct LoginArgs {
    /// Registry: HOST or HOST:PORT
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: String,
    /// User name
    #[arg(long, short = 'u', value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Password; other users of this machine can read it there
    #[arg(long, short = 'p', value_name = "PASSWORD", conflicts_with = "password_stdin")]
    pub(crate) password: Option<Secret>,
    /// Read the password from standard input
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl LoginArgs {
    /// Notes what puts the password at risk.
    pub(crate) fn check(&self, notes: &mut Vec<String>) {
        if self.password.is_some() {
            let why = "other users of this machine can read a password on the command line: --password-stdin keeps it private";
            notes.push(format!("WARNING: {why}"));
        }
    }
}

/// `logout`
#[derive(Args, Clone, Debug)]
pub(crate) struct LogoutArgs {
    /// Registry: HOST or HOST:PORT
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: String,
}
