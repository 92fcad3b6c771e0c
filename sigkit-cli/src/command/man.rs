use crate::args::ManArgs;
use crate::args::cli;
use crate::error::CliError;
use crate::outcome::Output;

pub(super) fn run(args: &ManArgs) -> Result<Output, CliError> {
    let root = cli::command();
    let mut page = &root;
    for word in &args.verb {
        page = page.find_subcommand(word).ok_or_else(|| {
            CliError::usage(format!("there is no verb {:?}; sigkit --help lists all", args.verb.join(" ")))
        })?;
    }
    let name = std::iter::once("sigkit").chain(args.verb.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let mut text = Vec::new();
    clap_mangen::Man::new(page.clone().name(name))
        .render(&mut text)
        .map_err(|error| CliError::system("write the manual page", error))?;
    Ok(Output::result(text))
}
