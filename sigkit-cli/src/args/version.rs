use clap::{ArgAction, Args};

/// `version`
#[derive(Args, Clone, Debug)]
pub(crate) struct VersionArgs {
    /// Print JSON
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) json: bool,
}
