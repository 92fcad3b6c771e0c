use std::fmt::Write as _;

use crate::args::{EnvArgs, Shown, VARIABLES};
use crate::context::Context;
use crate::outcome::Output;
use sigkit_core::text::escape;

pub(super) fn run(args: &EnvArgs, context: &Context) -> Output {
    let mut text = String::new();
    if args.show_descriptions {
        text.push_str(
            "# Flags can be set by SIGKIT_<FLAG> or COSIGN_<FLAG>: --output-key-prefix by SIGKIT_OUTPUT_KEY_PREFIX.\n\
             # Those that weaken verification cannot. Those that say whom or what to trust count only if the command line has none\n\
             # for the same purpose; they are named on standard error and in the report, and must not be empty.\n\
             # For all others an empty variable counts as unset.\n",
        );
    }
    for (name, kind, description) in VARIABLES {
        if args.show_descriptions {
            // Writing to a String cannot fail.
            writeln!(text, "# {name}: {description}").unwrap_or_default();
        }
        let found = context.environment.get(name);
        let value = match (found, kind) {
            (None, _) => String::new(),
            (Some(_), Shown::Hidden) if !args.show_sensitive_values => "\"******\"".to_owned(),
            (Some(value), _) => format!("\"{}\"", escape::one_line(&value.to_string_lossy())),
        };
        writeln!(text, "{name}={value}").unwrap_or_default();
    }
    Output::result(text)
}
