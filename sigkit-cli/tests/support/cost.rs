//! What a run of the program costs.

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Run;

/// Most resident memory for any answer of a registry, in KiB.
pub const MAX_MEMORY_KIB: u64 = 64 * 1024;

/// The same for runs that open a key file: scrypt alone takes 64 MiB before the registry is asked for anything.
pub const KEY_MEMORY: u64 = 96 * 1024;

/// What a run cost.
#[derive(Debug)]
pub struct Cost {
    pub code: i32,
    pub stderr: String,
    /// Largest resident set seen, in KiB.
    pub memory: u64,
    pub took: Duration,
}

/// Runs and watches; the high-water mark is the kernel's, so that a look after the peak is enough.
pub fn cost(run: Run) -> Cost {
    let mut command = run.command;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut stderr = child.stderr.take().unwrap();
    let words = std::thread::spawn(move || {
        let mut words = Vec::new();
        stderr.read_to_end(&mut words).unwrap();
        words
    });
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        // Until the program has begun, its process has the name of the test, and may still have the memory of the test.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let text = text.strip_prefix("Name:\tsigkit\n").unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed();
    let stderr = String::from_utf8_lossy(&words.join().unwrap()).into_owned();
    Cost { code: child.wait().unwrap().code().unwrap(), stderr, memory, took }
}

#[track_caller]
pub fn refused(run: Run, code: i32, why: &str) {
    bounded(run, code, why, Duration::from_secs(20));
}

#[track_caller]
pub fn bounded(run: Run, code: i32, why: &str, time: Duration) {
    within(MAX_MEMORY_KIB, run, code, why, time);
}

#[track_caller]
pub fn within(memory: u64, run: Run, code: i32, why: &str, time: Duration) {
    let cost = cost(run);
    println!("{} KiB, {:?}: {why}", cost.memory, cost.took);
    assert_eq!(cost.code, code, "{cost:#?}");
    assert!(cost.stderr.contains(why), "expected {why:?} in {cost:#?}");
    assert!(cost.memory > 0 && cost.memory <= memory, "{} KiB", cost.memory);
    assert!(cost.took < time, "{:?}", cost.took);
}
