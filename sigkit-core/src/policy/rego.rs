//! Policies in Rego, as `cosign verify-attestation --policy` and policy-controller take them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::quantifier::Quantifier;
use super::rego_dialect::last_line;
use super::rego_functions::{OWN, exact_value};
use super::{rego_dialect, rego_limits};
use crate::time::UnixTime;

/// Most characters of what a policy says about its answer.
const MAX_ANSWER_CHARS: usize = 200;
/// Longest evaluation of one statement.
const MAX_EVALUATION_TIME: Duration = Duration::from_secs(5);
/// Steps between two looks at the clock.
const STEPS: u32 = 64;
/// What the interpreter says when it is stopped.
const STOPPED: &str = "execution exceeded time limit";
/// Largest statement that is evaluated, in bytes: it takes some ten times as much memory.
const MAX_INPUT_BYTES: usize = 32 << 20;

/// Which rule of which package answers, and which answers let something pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// cosign: `allow` of package `signature` is exactly `true`.
    Allow,
    /// policy-controller: `isCompliant` of package `sigstore` is `true`, or a set of answers `{result, error, warning}`.
    IsCompliant,
}

impl Entry {
    const fn package(self) -> &'static str {
        match self {
            Self::Allow => "signature",
            Self::IsCompliant => "sigstore",
        }
    }

    const fn query(self) -> &'static str {
        match self {
            Self::Allow => "data.signature.allow",
            Self::IsCompliant => "data.sigstore.isCompliant",
        }
    }

    fn judge(self, answer: &Value) -> Result<(), RegoRefusal> {
        match (self, answer) {
            (_, Value::Bool(true)) => Ok(()),
            (_, Value::Undefined) => Err(RegoRefusal::Denied("undefined".to_owned())),
            (Self::IsCompliant, Value::Set(answers)) => all_comply(answers.iter()),
            (Self::IsCompliant, Value::Array(answers)) => all_comply(answers.iter()),
            (_, other) => Err(RegoRefusal::denied(&other.to_string())),
        }
    }
}

/// Whether there are answers, and each says `result: true` without a warning: policy-controller refuses for a warning, too, and one
/// negative answer is never hidden by a positive one.
fn all_comply<'a>(answers: impl ExactSizeIterator<Item = &'a Value>) -> Result<(), RegoRefusal> {
    if answers.len() == 0 {
        return Err(RegoRefusal::denied("no answer"));
    }
    for answer in answers {
        let Value::Object(members) = answer else { return Err(RegoRefusal::denied(&answer.to_string())) };
        let member = |name: &str| members.get(&Value::from(name));
        let said = |name: &str| match member(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.to_string()),
            Some(other) => Err(RegoRefusal::denied(&format!("{name} is {other}"))),
        };
        let (error, warning) = (said("error")?, said("warning")?);
        match member("result") {
            Some(Value::Bool(true)) if warning.is_empty() => {}
            Some(Value::Bool(true)) => return Err(RegoRefusal::denied(&format!("warning: {warning}"))),
            None | Some(Value::Null | Value::Bool(false)) if error.is_empty() => {
                return Err(RegoRefusal::denied("false"));
            }
            None | Some(Value::Null | Value::Bool(false)) => return Err(RegoRefusal::denied(&error)),
            Some(other) => return Err(RegoRefusal::denied(&format!("result is {other}"))),
        }
    }
    Ok(())
}

/// A policy in Rego, version 0 of the language: of package `signature` for `allow`, of package `sigstore` for `isCompliant`. Its input is
/// the whole statement.
///
/// It has no network, files or clock: functions such as `http.send` do not exist, and `time.now_ns()` is the time of the
/// verification. It is stopped after five seconds. Its memory is bounded by that of the process alone.
#[derive(Clone, Debug)]
pub struct RegoPolicy {
    name: String,
    engine: Engine,
    entry: Entry,
    among: Quantifier,
}

/// Why a text is not such a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegoError(String);

/// Why a statement does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegoRefusal {
    /// `allow` is this, and not `true`.
    Denied(String),
    /// It could not be evaluated.
    Failed(String),
    /// There was less time for it than it may take.
    OutOfTime,
}

impl RegoRefusal {
    fn denied(found: &str) -> Self {
        Self::Denied(found.chars().take(MAX_ANSWER_CHARS).collect())
    }
}

impl RegoPolicy {
    /// Reads a policy as `cosign verify-attestation` does; `name` is for reports, `among` says which of several statements must pass.
    ///
    /// # Errors
    /// [`RegoError`]: not Rego, another package, or a function that does not exist here.
    pub fn new(name: impl Into<String>, source: &str, among: Quantifier) -> Result<Self, RegoError> {
        Self::read(name.into(), source, Entry::Allow, among)
    }

    /// Reads a policy of a `ClusterImagePolicy`, of package `sigstore`: one statement that complies is enough.
    ///
    /// # Errors
    /// As [`RegoPolicy::new`].
    pub fn of_policy_controller(name: impl Into<String>, source: &str) -> Result<Self, RegoError> {
        Self::read(name.into(), source, Entry::IsCompliant, Quantifier::Any)
    }

    fn read(name: String, source: &str, entry: Entry, among: Quantifier) -> Result<Self, RegoError> {
        guarded(|| {
            rego_limits::check(source, entry.package())?;
            let source = rego_dialect::translate(source)?;
            let mut engine = Engine::new();
            engine.set_rego_v0(true);
            engine.set_strict_builtin_errors(true);
            engine.set_gather_prints(true);
            engine.set_execution_timer_config(within(MAX_EVALUATION_TIME));
            for (own, arguments, answer) in OWN {
                let answer = move |arguments: Vec<Value>| answer(&arguments).map_err(|error| RegoError(error).into());
                let arguments = u8::try_from(*arguments).unwrap_or(u8::MAX);
                let added = engine.add_extension(rego_dialect::own_name(own), arguments, Box::new(answer));
                added.map_err(|error| error.to_string())?;
            }
            let package = engine.add_policy(name.clone(), source).map_err(|error| last_line(&error))?;
            if package.strip_prefix("data.") != Some(entry.package()) {
                return Err(format!("expected package {}, found {package}", entry.package()));
            }
            Ok(engine)
        })
        .map(|engine| Self { name, engine, entry, among })
        .map_err(RegoError)
    }

    /// The name, for reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of several statements must pass.
    pub const fn among(&self) -> Quantifier {
        self.among
    }

    /// Evaluates it for as long as it may take, and no longer than is `left`.
    pub(crate) fn check(&self, statement: &[u8], now: UnixTime, left: Duration) -> Result<(), RegoRefusal> {
        if left.is_zero() {
            return Err(RegoRefusal::OutOfTime);
        }
        if statement.len() > MAX_INPUT_BYTES {
            return Err(RegoRefusal::Failed(format!(
                "expected at most {MAX_INPUT_BYTES} bytes, found {}",
                statement.len()
            )));
        }
        let value = guarded(|| {
            let text = std::str::from_utf8(statement).map_err(|error| error.to_string())?;
            let mut engine = self.engine.clone();
            engine.set_execution_timer_config(within(left.min(MAX_EVALUATION_TIME)));
            let nanoseconds = now.0.saturating_mul(1_000_000_000);
            let clock = move |_: Vec<Value>| Ok(Value::from(nanoseconds));
            engine.add_extension("time.now_ns".to_owned(), 0, Box::new(clock)).map_err(|error| error.to_string())?;
            engine.set_input(exact_value(text)?);
            let results = engine.eval_query(self.entry.query().to_owned(), false).map_err(|error| last_line(&error))?;
            let value = results.result.first().and_then(|result| result.expressions.first());
            Ok(value.map_or(Value::Undefined, |expression| expression.value.clone()))
        });
        let failed = |why: String| match left < MAX_EVALUATION_TIME && why.contains(STOPPED) {
            true => RegoRefusal::OutOfTime,
            false => RegoRefusal::Failed(why),
        };
        self.entry.judge(&value.map_err(failed)?)
    }
}

fn within(limit: Duration) -> ExecutionTimerConfig {
    let check_interval = std::num::NonZeroU32::new(STEPS).unwrap_or(std::num::NonZeroU32::MIN);
    ExecutionTimerConfig { limit, check_interval }
}

/// A fault of the interpreter refuses, and takes nothing else with it.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the interpreter failed".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn check(source: &str, input: &str) -> Result<(), RegoRefusal> {
        RegoPolicy::new("test.rego", &format!("package signature\n{source}"), Quantifier::Every)
            .map_err(|error| RegoRefusal::Failed(error.to_string()))?
            .check(input.as_bytes(), NOW, Duration::MAX)
    }

    fn denied(source: &str, found: &str) {
        assert_eq!(check(source, "{}"), Err(RegoRefusal::Denied(found.to_owned())), "{source}");
    }

    fn failed(source: &str) -> String {
        match check(source, "{}") {
            Err(RegoRefusal::Failed(problem)) => problem,
            other => panic!("{source}: {other:?}"),
        }
    }

    // threat: F08
    #[test]
    fn a_statement_is_bounded() {
        let statement = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
        assert_eq!(check("allow { true }", &statement(MAX_INPUT_BYTES)), Ok(()));
        let refusal = RegoRefusal::Failed("expected at most 33554432 bytes, found 33554433".to_owned());
        assert_eq!(check("allow { true }", &statement(MAX_INPUT_BYTES + 1)), Err(refusal));
    }

    #[test]
    fn exactly_true_allows() {
        let policy = "allow { input.predicate.scanner == \"a\"\n startswith(input.predicateType, \"https://\") }";
        let statement = |scanner| format!(r#"{{"predicateType":"https://x","predicate":{{"scanner":"{scanner}"}}}}"#);
        assert_eq!(check(policy, &statement("a")), Ok(()));
        assert_eq!(check(policy, &statement("b")), Err(RegoRefusal::Denied("undefined".to_owned())));
        assert_eq!(check("default allow = false\nallow = true { input.n > 1.5 }", r#"{"n":2}"#), Ok(()));
        assert_eq!(check("allow { time.now_ns() == 1800000000000000000 }", "{}"), Ok(()));
    }

    // threat: I11
    #[test]
    fn anything_else_denies() {
        denied("", "undefined");
        denied("allow { false }", "undefined");
        denied("default allow = false", "false");
        denied("allow = \"true\" { true }", "\"true\"");
        denied("allow = 1 { true }", "1");
        denied("allow[x] { x := true }", "[true]");
        denied("deny { true }", "undefined");
        denied("allow { input.missing.member }", "undefined");
    }

    #[test]
    fn what_a_function_cannot_take_is_named() {
        for (source, words) in [
            ("allow { lower(input.a) }", "expected a string, found 7"),
            ("allow { any(input.a) }", "expected an array or a set, found 7"),
            ("allow { glob.match(\"{a\", [], \"a\") }", "a list of alternatives has no end"),
        ] {
            match check(source, r#"{"a":7}"#) {
                Err(RegoRefusal::Failed(problem)) => assert!(problem.contains(words), "{source}: {problem}"),
                other => panic!("{source}: {other:?}"),
            }
        }
    }

    // threat: I11
    #[test]
    fn there_is_no_network_no_file_and_no_other_package() {
        for call in [
            "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1:1\"})",
            "opa.runtime()",
            "net.lookup_ip_addr(\"localhost\")",
            "rego.parse_module(\"a\", \"package a\")",
            "time.sleep(\"1s\")",
        ] {
            failed(&format!("allow {{ {call} }}"));
        }
        assert!(RegoPolicy::new("x", "package other\nallow { true }", Quantifier::Any).is_err());
        assert!(RegoPolicy::new("x", "package signature\nallow {", Quantifier::Any).is_err());
        assert!(RegoPolicy::new("x", "", Quantifier::Any).is_err());
        assert!(
            RegoPolicy::new(
                "x",
                &format!("package signature\nallow {{ {}1{} }}", "[".repeat(900), "]".repeat(900)),
                Quantifier::Any
            )
            .is_err()
        );
    }

    // threat: F08
    #[test]
    fn the_stack_holds() {
        let many = |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<String>();
        for function in ["if", "in", "every", "else", "not", "with"] {
            failed(&format!("import future.keywords\n{function}(x) {{ {function}(x) }}\nallow {{ {function}(1) }}"));
        }
        failed(&many(5000, &|i| format!("f{i}(x) {{ f{}(x) }}\n", i + 1)));
        failed(&many(5000, &|i| format!("r{i} {{ r{} }}\n", i + 1)));
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for input in [deep("[", "]"), deep("{\"a\":", "}")] {
            let result = check("allow { count(input) > 0 }", &input);
            assert!(
                matches!(&result, Err(RegoRefusal::Failed(problem)) if problem.contains("recursion limit")),
                "{result:?}"
            );
        }
        // The deepest that is accepted, in each way to be deep.
        let chain = |step: &dyn Fn(usize) -> String| {
            let policy =
                |n| format!("{}allow {{ f{n}(1) }}\n", many(n, &|i| step(i).replace("NEXT", &format!("f{i}(x)"))));
            let depths = 1..200;
            depths
                .map(|n| format!("f0(x) = x\n{}", policy(n)))
                .take_while(|policy| rego_limits::check(policy, "signature").is_ok())
                .last()
        };
        for step in [
            "y := NEXT",
            "y := [a | a := [b | b := [c | c := NEXT]]]",
            "y := [[[[[[NEXT]]]]]]",
            "input.a[_]; input.a[_]; input.a[_]; input.a[_]; y := NEXT",
            "y := 0 + 0 + 0 + 0 + 0 + 0 + NEXT",
        ] {
            let policy = chain(&|i| format!("f{}(x) = y {{ {step} }}\n", i + 1)).unwrap();
            assert_eq!(check(&policy, "{\"a\":[1]}"), Ok(()), "{step}");
        }
        let deepest = |policy: &dyn Fn(usize) -> String| {
            (1..1000).map(policy).take_while(|policy| rego_limits::check(policy, "signature").is_ok()).last().unwrap()
        };
        for policy in [
            deepest(&|n| format!("r0 = true\n{}allow {{ r{n} }}", many(n, &|i| format!("r{} {{ r{i} }}\n", i + 1)))),
            deepest(&|n| format!("allow {{ {} }}", many(n, &|_| "input.a[_]\n".to_owned()))),
            deepest(&|n| format!("allow {{ 1 {} > 1 }}", many(n, &|_| "\n+ 1".to_owned()))),
        ] {
            assert_eq!(check(&policy, "{\"a\":[1]}"), Ok(()), "{policy}");
        }
    }

    // threat: I11
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a bound on time is tested with a clock")]
    fn nesting_takes_no_time() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{", "}"),
            ("[1 | ", "]"),
            ("f(", ")"),
            ("input[", "]"),
            ("{\"a\": ", "}"),
            ("- ", ""),
        ] {
            for depth in [4, 12, 13, 200] {
                let started = std::time::Instant::now();
                let rule = format!("f(x) = x\nallow {{ x := {}1{} }}", open.repeat(depth), close.repeat(depth));
                let read = RegoPolicy::new("x", &format!("package signature\n{rule}"), Quantifier::Any);
                assert!(read.is_err() || depth < 13 || close.is_empty(), "{open} {depth}");
                assert!(started.elapsed() < Duration::from_secs(2), "{open} {depth}: {:?}", started.elapsed());
            }
        }
    }

    // threat: I11
    // threat: F08
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a bound on time is tested with a clock")]
    fn endless_work_is_stopped() {
        let started = std::time::Instant::now();
        let problem = failed(
            "n := numbers.range(1, 2000)\nallow { count([1 | n[_] = a; n[_] = b; n[_] = c; a + b + c == -1]) > 0 }",
        );
        assert!(problem.contains("time limit"), "{problem}");
        // An evaluation with less time decides nothing, and sooner.
        let endless =
            "n := numbers.range(1, 2000)\nallow { count([1 | n[_] = a; n[_] = b; n[_] = c; a + b + c == -1]) > 0 }";
        let policy = RegoPolicy::new("x", &format!("package signature\n{endless}"), Quantifier::Any).unwrap();
        for left in [Duration::ZERO, Duration::from_millis(300)] {
            let started = std::time::Instant::now();
            assert_eq!(policy.check(b"{}", NOW, left), Err(RegoRefusal::OutOfTime));
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        }
        failed("allow { allow }");
        assert_eq!(failed("f(x) = y { y := f(x) }\nallow { f(1) }"), "function f is recursive");
        assert_eq!(
            check("allow { regex.match(`^(a+)+$`, input.a) }", &format!(r#"{{"a":"{}b"}}"#, "a".repeat(100_000))),
            Err(RegoRefusal::Denied("undefined".to_owned()))
        );
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}
