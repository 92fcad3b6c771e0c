use clap::Args;
use clap_complete::Shell;

/// `completion`
#[derive(Args, Clone, Debug)]
pub(crate) struct CompletionArgs {
    /// Shell to write the script for
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}
