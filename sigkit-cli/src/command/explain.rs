use std::fmt::Write as _;

use crate::args::ExplainArgs;
use crate::error::CliError;
use crate::explain::{nearest, page, pages};
use crate::outcome::Output;

pub(super) fn run(args: &ExplainArgs) -> Result<Output, CliError> {
    let mut text = String::new();
    match &args.code {
        None => {
            let width = pages().map(|page| page.code.len()).max().unwrap_or_default();
            for page in pages() {
                // Writing to a String cannot fail.
                writeln!(text, "{:width$}  {}", page.code, page.meaning).unwrap_or_default();
            }
        }
        Some(code) => {
            let Some(page) = page(code) else {
                let near = nearest(code).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
                return Err(CliError::failed(format!(
                    "there is no reason code {code:?}{near}; sigkit explain lists all"
                )));
            };
            writeln!(
                text,
                "{}\n\nMeaning:     {}\nUsual cause: {}\nNext step:   {}",
                page.code, page.meaning, page.cause, page.next
            )
            .unwrap_or_default();
        }
    }
    Ok(Output::result(text))
}
