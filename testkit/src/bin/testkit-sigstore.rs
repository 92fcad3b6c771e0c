//! Writes what the Sigstore in memory makes into a directory, so that other tools can be asked what they think of it:
//! `testkit-sigstore DIR` leaves `artifact`, `trusted_root.json` and one bundle per kind of evidence.

use std::path::Path;
use std::process::ExitCode;

use testkit::sigstore::{Key, Kind, Sigstore};

fn main() -> ExitCode {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: testkit-sigstore DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{directory}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path) -> std::io::Result<()> {
    let stack = Sigstore::new();
    let artifact = b"what was signed\n";
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"artifact","digest":{"sha256":"85999f6d19ff813b250cfa60acfcdad6eb999d11c274ba890359ced8e5afc606"}}],"predicateType":"https://example.test/predicate","predicate":{}}"#;
    let blob = || stack.blob(artifact);
    let bundles = [
        ("rekor1", blob().seal().bundle()),
        ("rekor1-v01", blob().seal().older_bundle("0.1")),
        ("rekor1-stamped", blob().stamped().seal().bundle()),
        ("rekor1-p384", blob().key(Key::p384("signer")).seal().bundle()),
        ("rekor2", blob().kind(Kind::HashedRekord2).stamped().seal().bundle()),
        ("stamped", blob().unlogged().stamped().seal().bundle()),
        ("dsse", stack.statement(statement.as_bytes()).seal().bundle()),
        ("intoto", stack.statement(statement.as_bytes()).kind(Kind::Intoto2).seal().bundle()),
        ("rekor2-dsse", stack.statement(statement.as_bytes()).kind(Kind::HashedRekord2).stamped().seal().bundle()),
    ];
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join("artifact"), artifact)?;
    std::fs::write(directory.join("trusted_root.json"), stack.trusted_root().to_string())?;
    for (name, bundle) in bundles {
        std::fs::write(directory.join(format!("{name}.bundle.json")), bundle.to_string())?;
    }
    std::fs::write(directory.join("legacy.bundle"), blob().seal().blob_bundle().to_string())
}
