use clap::Args;

/// `explain`
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// Reason code, as reports and errors name it; without one, all are listed
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}
