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
    // A flag that is left out of the short help would have no text here.
    let page = page.clone().mut_args(|arg| arg.hide_short_help(false)).name(name);
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|error| CliError::system("write the manual page", error))?;
    let text = String::from_utf8(text).map_err(|_| CliError::failed("the manual page is not text".to_owned()))?;
    let text = text.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n").replace(".SH EXTRA\n", ".SH NOTES\n");
    Ok(Output::result(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::help::every_verb;

    #[test]
    fn pages_have_examples_and_a_text_for_every_flag() {
        for help in every_verb() {
            let verb = help.verb.split(' ').map(str::to_owned).collect();
            let page = String::from_utf8(run(&ManArgs { verb }).unwrap().stdout).unwrap();
            assert!(page.contains("\n.SH EXAMPLES\n") && !page.contains("EXTRA"), "{page}");
            let lines: Vec<&str> = page.lines().collect();
            for three in lines.windows(3).filter(|three| three[0] == ".TP") {
                assert!(!three[2].trim().is_empty(), "{}: {}", help.verb, three[1]);
            }
        }
    }
}
