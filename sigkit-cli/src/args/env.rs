use clap::{ArgAction, Args};

/// `env`
#[derive(Args, Clone, Debug)]
pub(crate) struct EnvArgs {
    /// Say what each variable does
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) show_descriptions: bool,
    /// Show the values of variables that hold secrets
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) show_sensitive_values: bool,
}
