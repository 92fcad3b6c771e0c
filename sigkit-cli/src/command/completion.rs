use crate::args::CompletionArgs;
use crate::cli;
use crate::output::Output;

pub(super) fn run(args: &CompletionArgs) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "sigkit", &mut script);
    Output::result(script)
}
