use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::values::duration;

/// Flags that every verb takes, before or after it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global flags")]
pub(crate) struct GlobalArgs {
    /// Longest time to spend on registries and services
    #[arg(long, short = 't', global = true, value_name = "TIME", default_value = "3m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Show every request to registries and services, without its secrets
    #[arg(long, short = 'd', global = true, action = ArgAction::Set, default_value_t = false)]
    pub(crate) verbose: bool,
    /// Write results to this file instead of stdout
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Show no progress on a terminal
    #[arg(long, global = true, action = ArgAction::Set, default_value_t = false)]
    pub(crate) no_progress: bool,
}
