//! The test registry as a program, for shell scripts: prints `127.0.0.1:PORT` and serves until it is killed.

use std::io::Write as _;
use std::process::ExitCode;

use testkit::{Auth, Registry, RegistryBuilder, Switch, TokenService, image};

const USAGE: &str = "testkit-registry [--listen ADDRESS:PORT] [--no-referrers] [--no-subject-header] [--etags] \
[--immutable-tags] [--latency-ms N] [--basic USER:PASSWORD | --token USER:PASSWORD] [--image REPOSITORY:TAG]...";

fn main() -> ExitCode {
    let mut builder = Registry::builder();
    let mut images = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        match configure(builder, &flag, &mut args, &mut images) {
            Some(configured) => builder = configured,
            None => {
                eprintln!("usage: {USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let registry = builder.start();
    for (repository, tag) in images {
        image::image(registry.content(), &repository, &tag, &format!("{repository}:{tag}"));
    }
    let mut stdout = std::io::stdout();
    if writeln!(stdout, "{}", registry.host()).and_then(|()| stdout.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    loop {
        std::thread::park();
    }
}

fn configure(
    builder: RegistryBuilder,
    flag: &str,
    args: &mut impl Iterator<Item = String>,
    images: &mut Vec<(String, String)>,
) -> Option<RegistryBuilder> {
    Some(match flag {
        "--listen" => builder.listen(args.next()?.parse().ok()?),
        "--no-referrers" => builder.referrers(Switch::Off),
        "--no-subject-header" => builder.oci_subject_header(Switch::Off),
        "--etags" => builder.etags(Switch::On),
        "--immutable-tags" => builder.immutable_tags(Switch::On),
        "--latency-ms" => builder.latency(std::time::Duration::from_millis(args.next()?.parse().ok()?)),
        "--basic" => {
            let account = args.next()?;
            let (user, password) = account.split_once(':')?;
            builder.auth(Auth::basic(user, password))
        }
        "--token" => {
            let account = args.next()?;
            let (user, password) = account.split_once(':')?;
            builder.auth(Auth::Token(TokenService::new(user, password)))
        }
        "--image" => {
            let name = args.next()?;
            let (repository, tag) = name.rsplit_once(':')?;
            images.push((repository.to_owned(), tag.to_owned()));
            builder
        }
        _ => return None,
    })
}
