use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::http::Secret;
use crate::store::registry::Credentials;
use zeroize::Zeroizing;

use super::auth_entry::Text;
use super::bounded::read_bounded;
use super::server_address::RegistryKey;

/// How long a helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest output of a helper, in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;
/// Characters of a helper's complaint that are passed on.
const MAX_QUOTED: usize = 200;
/// What helpers say when they know nothing.
const NOT_FOUND: &str = "credentials not found";
/// The user name of an identity token.
const IDENTITY: &str = "<token>";

/// The programs `docker-credential-…`.
#[derive(Debug)]
pub(super) struct Helpers {
    search_path: OsString,
    timeout: Duration,
}

/// Why a helper gave no credentials.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// A name that could lead elsewhere.
    #[error(
        "credential helper {name:?}: the name may have letters, digits, dots, underscores and hyphens only, and begins with none of the last"
    )]
    Name {
        /// As the file has it.
        name: String,
    },
    /// A registry that cannot be put on one line.
    #[error(
        "docker-credential-{name} is not called: the registry name is empty, or contains whitespace or control characters"
    )]
    Registry {
        /// The helper.
        name: String,
    },
    /// No such program.
    #[error(
        "docker-credential-{name}: no such program in an absolute directory of PATH; install it, or to do without it remove the name from \
         credsStore and credHelpers"
    )]
    Missing {
        /// The helper.
        name: String,
    },
    /// It could not be run.
    #[error("{}: cannot be run: {error}", program.display())]
    Run {
        /// The helper.
        program: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// It took too long.
    #[error("{} did not answer within {} s and was stopped", program.display(), timeout.as_secs())]
    Slow {
        /// The helper.
        program: PathBuf,
        /// How long it was given.
        timeout: Duration,
    },
    /// It said too much.
    #[error("{} printed more than {MAX_OUTPUT_BYTES} bytes", program.display())]
    Long {
        /// The helper.
        program: PathBuf,
    },
    /// It failed.
    #[error("{} failed ({status}){said}", program.display())]
    Failed {
        /// The helper.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its words, if they can be shown.
        said: String,
    },
    /// It did not say what it should.
    #[error("{} did not print {{\"ServerURL\":…,\"Username\":…,\"Secret\":…}} and nothing else: {why}", program.display())]
    Answer {
        /// The helper.
        program: PathBuf,
        /// What is wrong, without what it said.
        why: &'static str,
    },
}

#[derive(serde::Deserialize)]
struct Answer {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: Text,
}

/// What a helper is to keep.
#[derive(serde::Serialize)]
struct Account<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    #[serde(rename = "Username")]
    username: &'a str,
    #[serde(rename = "Secret")]
    secret: &'a str,
}

/// What a helper is to do.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Get,
    Store,
    Erase,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
        }
    }
}

/// A helper that has ended by itself.
struct Ended {
    status: ExitStatus,
    output: Zeroizing<Vec<u8>>,
    complaint: Zeroizing<Vec<u8>>,
}

impl Ended {
    fn said(&self) -> [Cow<'_, str>; 2] {
        [&self.output, &self.complaint].map(|bytes| String::from_utf8_lossy(bytes))
    }

    fn knows_nothing(&self) -> bool {
        let known = |text: &Cow<'_, str>| text.trim_start().to_ascii_lowercase().starts_with(NOT_FOUND);
        !self.status.success() && self.said().iter().any(known)
    }

    /// What it printed, if it did what it should; else its words, without `secret`.
    fn succeeded(self, program: &Path, secret: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, HelperError> {
        if self.status.success() {
            return Ok(self.output);
        }
        let leaks = |text: &str| secret.is_some_and(|secret| text.contains(secret.expose()));
        let said =
            self.said().iter().filter(|text| !leaks(text)).map(|text| quoted(text)).find(|said| !said.is_empty());
        Err(HelperError::Failed { program: program.to_owned(), status: self.status, said: said.unwrap_or_default() })
    }
}

/// A process that does not outlive its handle.
struct Running(Arc<Mutex<Child>>);

/// Helpers that are running, which must not outlive this program either.
static RUNNING: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Ends the helper processes that are running. A program that ends while credentials are looked up calls this, also when a signal ends it.
pub fn stop_helpers() {
    for child in std::mem::take(&mut *lock(&RUNNING)).iter().filter_map(Weak::upgrade) {
        // It fails only for a process that has ended.
        lock(&child).kill().unwrap_or_default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Helpers {
    /// Helpers in the directories of `search_path`, which is written like `PATH`.
    pub(super) fn new(search_path: OsString) -> Self {
        Self { search_path, timeout: HELPER_TIMEOUT }
    }

    /// What the helper `name` knows about `server`.
    ///
    /// # Errors
    /// [`HelperError`]. That it knows nothing is `None`.
    pub(super) fn get(&self, name: &str, server: &RegistryKey<'_>) -> Result<Option<Credentials>, HelperError> {
        let (program, url) = self.find(name, server)?;
        let ended = self.run(&program, Verb::Get, url.as_bytes())?;
        if ended.knows_nothing() {
            return Ok(None);
        }
        let output = ended.succeeded(&program, None)?;
        read(&output, server).map_err(|why| HelperError::Answer { program, why })
    }

    /// Lets the helper `name` keep a password for `server`; it is given on standard input.
    ///
    /// # Errors
    /// [`HelperError`].
    pub(super) fn store(
        &self,
        name: &str,
        server: &RegistryKey<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<(), HelperError> {
        let (program, url) = self.find(name, server)?;
        let account = Account { server: url, username, secret: password.expose() };
        let input = serde_json::to_vec(&account).map(Zeroizing::new);
        let input = input.map_err(|error| HelperError::Run { program: program.clone(), error: error.into() })?;
        self.run(&program, Verb::Store, &input)?.succeeded(&program, Some(password)).map(drop)
    }

    /// Lets the helper `name` forget `server`.
    ///
    /// # Errors
    /// [`HelperError`]. It is not an error if it has no credentials.
    pub(super) fn erase(&self, name: &str, server: &RegistryKey<'_>) -> Result<(), HelperError> {
        let (program, url) = self.find(name, server)?;
        let ended = self.run(&program, Verb::Erase, url.as_bytes())?;
        if ended.knows_nothing() { Ok(()) } else { ended.succeeded(&program, None).map(drop) }
    }

    /// The program of a helper, and what to call `server` there. A name may come from a file that someone else wrote, so it has
    /// nothing in it that could lead elsewhere.
    fn find<'a>(&self, name: &str, server: &RegistryKey<'a>) -> Result<(PathBuf, &'a str), HelperError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.starts_with(['-', '.']) || !name.bytes().all(allowed) {
            return Err(HelperError::Name { name: name.to_owned() });
        }
        let url = server.url().ok_or_else(|| HelperError::Registry { name: name.to_owned() })?;
        let program = self.program(name).ok_or_else(|| HelperError::Missing { name: name.to_owned() })?;
        Ok((program, url))
    }

    /// Searched for in absolute directories only, never in the current directory.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let file = format!("docker-credential-{name}");
        std::env::split_paths(&self.search_path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(&file))
            .find(|path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
    }

    fn run(&self, program: &Path, verb: Verb, input: &[u8]) -> Result<Ended, HelperError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::TimedOut => HelperError::Slow { program: program.to_owned(), timeout: self.timeout },
            io::ErrorKind::FileTooLarge => HelperError::Long { program: program.to_owned() },
            _ => HelperError::Run { program: program.to_owned(), error },
        };
        let now = Instant::now();
        let deadline = now.checked_add(self.timeout).unwrap_or(now);
        let mut command = Command::new(program);
        command.arg(verb.name()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        secret_variables(std::env::vars_os().map(|(name, _)| name)).for_each(|name| {
            command.env_remove(name);
        });
        let mut child = command.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Running::new(child);
        let output = collect(stdout.map(OwnedFd::from)).map_err(failed)?;
        let complaint = collect(stderr.map(OwnedFd::from)).map_err(failed)?;
        if let Some(mut stdin) = stdin {
            // It fits into the pipe; a helper that does not read it may still answer.
            stdin.write_all(input).unwrap_or_default();
        }
        let output = wait(&output, deadline).map_err(failed)?;
        let complaint = wait(&complaint, deadline).map_err(failed)?;
        let status = running.wait(deadline).map_err(failed)?;
        Ok(Ended { status, output, complaint })
    }
}

/// Names of variables that are for this program alone: passwords, and flags that may be passwords.
fn secret_variables(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let ours = |name: &OsStr| [&b"SIGKIT_"[..], b"COSIGN_"].iter().any(|p| name.as_encoded_bytes().starts_with(p));
    names.filter(move |name| ours(name))
}

/// Reads a stream on a thread of its own, since it may stay open for longer than anybody waits. Too many bytes are
/// [`io::ErrorKind::FileTooLarge`].
fn collect(stream: Option<OwnedFd>) -> io::Result<Receiver<io::Result<Zeroizing<Vec<u8>>>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let stream = stream.ok_or(io::ErrorKind::BrokenPipe)?;
    std::thread::Builder::new().name("helper".to_owned()).spawn(move || {
        let bytes = read_bounded(File::from(stream), MAX_OUTPUT_BYTES);
        let bytes = bytes.and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::FileTooLarge.into()));
        // The receiver is gone once the time is over.
        sender.send(bytes).unwrap_or_default();
    })?;
    Ok(receiver)
}

/// What arrives before `deadline`, or else [`io::ErrorKind::TimedOut`].
fn wait<T>(receiver: &Receiver<io::Result<T>>, deadline: Instant) -> io::Result<T> {
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(io::ErrorKind::TimedOut.into()),
        RecvTimeoutError::Disconnected => Err(io::ErrorKind::BrokenPipe.into()),
    })
}

impl Running {
    fn new(child: Child) -> Self {
        let child = Arc::new(Mutex::new(child));
        let mut running = lock(&RUNNING);
        running.retain(|other| other.strong_count() > 0);
        running.push(Arc::downgrade(&child));
        Self(child)
    }

    /// How it ended before `deadline`, or else [`io::ErrorKind::TimedOut`].
    fn wait(&self, deadline: Instant) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = lock(&self.0).try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // It has closed its output already and is about to end.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails only for a process that has ended.
        let mut child = lock(&self.0);
        child.kill().unwrap_or_default();
        child.wait().map(drop).unwrap_or_default();
    }
}

/// The first line of what a helper that failed said, unless it may hold a secret.
fn quoted(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.is_empty() || text.to_ascii_lowercase().contains("secret\"") {
        return String::new();
    }
    format!(": {:?}", line.chars().take(MAX_QUOTED).collect::<String>())
}

/// Reads an answer. Words of the JSON parser are not passed on: they may quote the secret.
fn read(output: &[u8], server: &RegistryKey<'_>) -> Result<Option<Credentials>, &'static str> {
    let answer: Answer = serde_json::from_slice(output).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "a member is missing, repeated or not a string",
        _ => "that is not one JSON document",
    })?;
    if !answer.server.is_empty() && !server.whole().is_named(&answer.server) {
        return Err("ServerURL is another registry");
    }
    let Text(secret) = answer.secret;
    match (answer.username.as_str(), secret.expose().is_empty()) {
        ("", true) => Ok(None),
        (_, true) => Err("Secret is empty"),
        (IDENTITY, false) => Ok(Some(Credentials::Identity(Secret::new(secret.expose())))),
        (_, false) => Ok(Some(Credentials::Basic { username: answer.username, password: secret })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "a.example:5000";

    /// A directory of one helper, `docker-credential-fake`. The file is written by a process of its own: a descriptor open for
    /// writing here might be inherited by a child of another test, and a program that is being written cannot be run.
    fn helper(script: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let install = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
        let path = directory.path().join("docker-credential-fake");
        let done = Command::new("/bin/sh").arg("-c").arg(install).arg(path).arg(script).status().unwrap();
        assert!(done.success());
        directory
    }

    fn ask(script: &str) -> Result<Option<Credentials>, HelperError> {
        ask_within(HELPER_TIMEOUT, script)
    }

    fn ask_within(timeout: Duration, script: &str) -> Result<Option<Credentials>, HelperError> {
        let directory = helper(script);
        Helpers { search_path: directory.path().as_os_str().to_owned(), timeout }.get("fake", &RegistryKey::new(SERVER))
    }

    fn basic(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password) })
    }

    #[test]
    fn a_helper_is_asked_for_the_server_on_standard_input() {
        let echo = r#"[ "$*" = get ] && read -r url; printf '{"ServerURL":"%s","Username":"u","Secret":"of %s"}' "$url" "$url""#;
        assert_eq!(ask(echo).unwrap(), basic("u", "of a.example:5000"));
        let other_forms = [
            (r#"echo '{"Username":"u","Secret":"p"}'"#, basic("u", "p")),
            (r#"echo '{"ServerURL":"","Username":"u","Secret":"p","Expires":1}'"#, basic("u", "p")),
            (r#"echo '{"ServerURL":"https://a.example:5000/v2/","Username":"u","Secret":"p"}'"#, basic("u", "p")),
            (r#"echo '{"Username":"<token>","Secret":"t"}'"#, Some(Credentials::Identity(Secret::new("t")))),
            (r#"echo '{"Username":"","Secret":""}'"#, None),
        ];
        for (script, expected) in other_forms {
            assert_eq!(ask(script).unwrap(), expected, "{script}");
        }
    }

    // threat: G08
    #[test]
    fn helper_without_credentials_does_not_fail() {
        for script in [
            "echo credentials not found in native keychain; exit 1",
            "echo credentials not found; exit 1",
            "echo Credentials not found >&2; exit 2",
        ] {
            assert_eq!(ask(script).unwrap(), None, "{script}");
        }
    }

    // threat: G08
    #[test]
    fn a_helper_that_fails_is_quoted_but_its_secrets_are_not() {
        for (script, said) in [
            ("echo the keychain is locked; exit 1", ": \"the keychain is locked\""),
            ("echo no display >&2; exit 1", ": \"no display\""),
            ("printf 'a\\033[2Jb\\nsecond'; exit 1", ": \"a\\u{1b}[2Jb\""),
            ("exit 3", ""),
            (r#"echo '{"Username":"u","Secret":"S3CRET"}'; exit 1"#, ""),
            ("kill -9 $$", ""),
        ] {
            let error = ask(script).unwrap_err();
            let HelperError::Failed { said: found, .. } = &error else { panic!("{script}: {error:?}") };
            assert_eq!(found, said, "{script}");
            assert!(error.to_string().contains("docker-credential-fake failed ("), "{error}");
        }
        let HelperError::Failed { said, .. } = ask("printf '%9999d' 0 | tr ' ' x; exit 1").unwrap_err() else {
            panic!()
        };
        assert_eq!(said.len(), MAX_QUOTED + 4);
    }

    // threat: G08
    #[test]
    fn invalid_answer_is_refused_without_its_contents() {
        for script in [
            "true",
            "echo S3CRET",
            r#"echo '{"Username":"u","Secret":"S3CRET"} extra'"#,
            r#"echo warning; echo '{"Username":"u","Secret":"S3CRET"}'"#,
            r#"echo '{"Username":"u","Secret":"S3CRET","Secret":"S3CRET"}'"#,
            r#"echo '{"Username":"u","Secret":["S3CRET"]}'"#,
            r#"echo '{"Username":{"S3CRET":1},"Secret":"S3CRET"}'"#,
            r#"echo '{"Secret":"S3CRET"}'"#,
            r#"echo '{"Username":"S3CRET"}'"#,
            r#"echo '{"Username":"S3CRET","Secret":""}'"#,
            r#"printf '"S3CRET"'"#,
            r"printf '\377\376'",
        ] {
            let error = ask(script).unwrap_err();
            assert!(matches!(error, HelperError::Answer { .. }), "{script}: {error:?}");
            assert!(!error.to_string().contains("S3CRET") && !format!("{error:?}").contains("S3CRET"), "{error}");
        }
    }

    // threat: G05
    #[test]
    fn an_answer_about_another_registry_is_refused() {
        for server in ["b.example:5000", "a.example", "https://index.docker.io/v1/"] {
            let error = ask(&format!(r#"echo '{{"ServerURL":"{server}","Username":"u","Secret":"p"}}'"#)).unwrap_err();
            let HelperError::Answer { why: "ServerURL is another registry", .. } = error else { panic!("{error:?}") };
        }
    }

    // threat: G08
    #[test]
    fn output_without_end_is_cut_off() {
        for script in ["exec yes", "exec yes >&2", "head -c 65537 /dev/zero"] {
            let error = ask(script).unwrap_err();
            assert!(matches!(error, HelperError::Long { .. }), "{script}: {error:?}");
        }
        // As many bytes as may be.
        let most = r#"printf '{"Username":"u","Secret":"p"}'; printf '%65507s' ''"#;
        assert_eq!(ask(most).unwrap(), basic("u", "p"));
    }

    // threat: G08
    #[test]
    fn a_helper_that_hangs_is_stopped() {
        let patience = Duration::from_millis(300);
        for script in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600", "sleep 600 & exit 0"] {
            let started = Instant::now();
            // Three seconds at the most for what stays behind in the last case.
            let error = ask_within(patience, &script.replace("600", "3")).unwrap_err();
            assert!(matches!(error, HelperError::Slow { .. }), "{script}: {error:?}");
            assert!(started.elapsed() < Duration::from_millis(2500), "{script}");
        }
    }

    // threat: G08
    // threat: G09
    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["", "../x", "a/b", "/bin/sh", "a\nb", "a b", "a\0", "ä", "a;b", "$(x)", "-x", "--", "..", "."] {
            let error = Helpers::new("/usr/bin:/bin".into()).get(name, &RegistryKey::new(SERVER)).unwrap_err();
            assert!(matches!(error, HelperError::Name { .. }), "{name}: {error:?}");
        }
    }

    // threat: G08
    #[test]
    fn registry_name_of_several_lines_is_not_sent() {
        let helpers = Helpers::new("/nowhere".into());
        for registry in ["", "a.example\nb.example", "a.example\0"] {
            let error = helpers.get("fake", &RegistryKey::new(registry)).unwrap_err();
            assert!(matches!(error, HelperError::Registry { .. }), "{error:?}");
        }
    }

    // threat: G08
    #[test]
    fn helpers_are_programs_in_absolute_directories() {
        let directory = helper("true");
        let absolute = directory.path().to_str().unwrap();
        let up = "../".repeat(64);
        let relative = format!("{up}{}", absolute.trim_start_matches('/'));
        assert!(Path::new(&relative).join("docker-credential-fake").exists());
        let found = |search_path: &str| Helpers::new(search_path.into()).program("fake");
        assert_eq!(found(&format!("/nowhere::{absolute}")), Some(directory.path().join("docker-credential-fake")));
        for search_path in [String::new(), ".".to_owned(), ":".to_owned(), "/nowhere".to_owned(), relative] {
            assert_eq!(found(&search_path), None, "{search_path}");
        }
        std::fs::set_permissions(
            directory.path().join("docker-credential-fake"),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        assert_eq!(found(absolute), None);
        let error = Helpers::new(absolute.into()).get("fake", &RegistryKey::new(SERVER)).unwrap_err();
        assert!(matches!(error, HelperError::Missing { .. }), "{error:?}");
    }

    // threat: K10
    #[test]
    fn our_variables_are_not_for_helpers() {
        let names =
            ["PATH", "SIGKIT_PASSWORD", "AWS_PROFILE", "COSIGN_PASSWORD", "COSIGN_REGISTRY_TOKEN", "MY_SIGKIT_X"];
        let removed: Vec<OsString> = secret_variables(names.iter().map(OsString::from)).collect();
        assert_eq!(removed, ["SIGKIT_PASSWORD", "COSIGN_PASSWORD", "COSIGN_REGISTRY_TOKEN"]);
    }
}
