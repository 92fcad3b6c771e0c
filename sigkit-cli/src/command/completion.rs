use clap_complete::Shell;

use crate::args::cli;
use crate::args::{CompletionArgs, help};
use crate::outcome::Output;

pub(super) fn run(args: &CompletionArgs) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::with_completions(cli::command()), "sigkit", &mut script);
    match (args.shell, String::from_utf8(script)) {
        (Shell::Bash, Ok(script)) => Output::result(one_dash_as_two(&script)),
        (_, Ok(script)) => Output::result(script),
        (_, Err(error)) => Output::result(error.into_bytes()),
    }
}

/// What follows `-key` is completed as what follows `--key`.
fn one_dash_as_two(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    for line in script.lines() {
        let flag = line.trim_start().strip_prefix("--").and_then(|rest| rest.strip_suffix(')'));
        match flag.filter(|name| name.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())) {
            Some(name) => {
                let indent = line.len() - line.trim_start().len();
                text.push_str(&format!("{:indent$}--{name}|-{name})\n", ""));
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(shell: Shell) -> String {
        String::from_utf8(run(&CompletionArgs { shell }).stdout).unwrap()
    }

    #[test]
    fn completion_knows_files_and_values() {
        let bash = script(Shell::Bash);
        for expected in ["--key|-key)", "ecdsa-p384", "spdxjson", "signature-invalid", "verify-attestation"] {
            assert!(bash.contains(expected), "{expected}");
        }
        let zsh = script(Shell::Zsh);
        assert!(zsh.contains(":KEY:_files"), "{zsh}");
    }
}
