use clap::Args;

/// `man`
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// Verb whose page to print; without one, that of sigkit
    #[arg(value_name = "VERB")]
    pub(crate) verb: Vec<String>,
}
