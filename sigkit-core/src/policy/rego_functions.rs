//! Functions of Rego whose answers in the interpreter differ from OPA's, or are missing there.
//!
//! What cannot be answered alike is an error, and an error refuses.

use std::fmt::Write as _;

use regex::Regex;
use regorus::Value;

use crate::time::UnixTime;

type Answer = Result<Value, String>;

type Function = fn(&[Value]) -> Answer;

/// Name, number of arguments, function.
pub(super) const OWN: &[(&str, usize, Function)] = &[
    ("all", 1, |arguments| items(arguments, |items| items.iter().all(|item| *item == Value::Bool(true)).into())),
    ("any", 1, |arguments| items(arguments, |items| items.contains(&Value::Bool(true)).into())),
    ("count", 1, count),
    ("glob.match", 3, glob_match),
    ("indexof", 2, indexof),
    ("json.unmarshal", 1, json_unmarshal),
    ("lower", 1, |arguments| text(arguments, 0).map(|text| mapped(text, |c| c.to_lowercase().next()).into())),
    ("re_match", 2, regex_match),
    ("regex.match", 2, regex_match),
    ("sprintf", 2, sprintf),
    ("time.parse_rfc3339_ns", 1, parse_rfc3339),
    ("to_number", 1, to_number),
    ("upper", 1, |arguments| text(arguments, 0).map(|text| mapped(text, one_upper).into())),
];

/// The interpreter's functions that answer as OPA's do, and how many arguments each takes.
pub(super) const KNOWN: &[(&str, usize)] = &[
    ("abs", 1),
    ("array.concat", 2),
    ("array.reverse", 1),
    ("array.slice", 3),
    ("base64.decode", 1),
    ("base64.encode", 1),
    ("base64.is_valid", 1),
    ("base64url.decode", 1),
    ("base64url.encode", 1),
    ("base64url.encode_no_pad", 1),
    ("bits.and", 2),
    ("bits.negate", 1),
    ("bits.or", 2),
    ("bits.xor", 2),
    ("ceil", 1),
    ("concat", 2),
    ("contains", 2),
    ("endswith", 2),
    ("floor", 1),
    ("format_int", 2),
    ("hex.decode", 1),
    ("hex.encode", 1),
    ("indexof_n", 2),
    ("intersection", 1),
    ("is_array", 1),
    ("is_boolean", 1),
    ("is_null", 1),
    ("is_number", 1),
    ("is_object", 1),
    ("is_set", 1),
    ("is_string", 1),
    ("json.filter", 2),
    ("json.is_valid", 1),
    ("json.remove", 2),
    ("max", 1),
    ("min", 1),
    ("numbers.range", 2),
    ("numbers.range_step", 3),
    ("object.filter", 2),
    ("object.get", 3),
    ("object.keys", 1),
    ("object.remove", 2),
    ("object.subset", 2),
    ("object.union", 2),
    ("object.union_n", 1),
    ("print", 1),
    ("product", 1),
    ("replace", 3),
    ("round", 1),
    ("semver.compare", 2),
    ("semver.is_valid", 1),
    ("sort", 1),
    ("split", 2),
    ("startswith", 2),
    ("strings.any_prefix_match", 2),
    ("strings.any_suffix_match", 2),
    ("strings.replace_n", 2),
    ("strings.reverse", 1),
    ("substring", 3),
    ("sum", 1),
    ("time.now_ns", 0),
    ("trace", 1),
    ("trim", 2),
    ("trim_left", 2),
    ("trim_prefix", 2),
    ("trim_right", 2),
    ("trim_space", 1),
    ("trim_suffix", 2),
    ("type_name", 1),
    ("union", 1),
    ("units.parse", 1),
    ("units.parse_bytes", 1),
];

/// Most memory of a compiled regular expression, in bytes.
const MAX_REGEXP_BYTES: usize = 1 << 20;
/// Most repetitions that a regular expression may count, as in Go.
const MAX_REPEAT: u32 = 1000;
/// Most digits of an integer.
const MAX_INTEGER_DIGITS: usize = 100;
/// Most digits of a decimal that 64 bits hold and give back.
const MAX_DECIMAL_DIGITS: usize = 15;
/// Greatest power of ten of a decimal, either way.
const MAX_EXPONENT: i32 = 18;

/// Returns true if the interpreter holds the number as it is written in Rego, if the text is one.
pub(super) fn exact_number(text: &str) -> bool {
    if is_integer(text) {
        return text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    let exponent = exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() <= MAX_EXPONENT);
    digits == 0 || exponent && digits <= MAX_DECIMAL_DIGITS
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A JSON text as a value with every integer as it is written: the interpreter's own reader rounds those that 64 bits do not hold.
pub(super) fn exact_value(json: &str) -> Result<Value, String> {
    let read = |json: &str| Value::from_json_str(json).map_err(|error| error.to_string());
    let rounded = read(json)?;
    let large = large_integers(json);
    if large.is_empty() {
        return Ok(rounded);
    }
    if let Some((start, end)) = large.iter().find(|(start, end)| end.saturating_sub(*start) > MAX_INTEGER_DIGITS) {
        let number = json.get(*start..*end).unwrap_or_default();
        return Err(format!("number {number:.40}… has more than {MAX_INTEGER_DIGITS} digits"));
    }
    // Each is written as a text that is nowhere else, and read again.
    let known = rounded.to_string();
    let mark =
        (0_u64..).map(|n| format!("integer-{n}:")).find(|mark| !known.contains(mark.as_str())).unwrap_or_default();
    let mut marked = String::new();
    let mut at = 0;
    for (start, end) in large {
        marked.push_str(json.get(at..start).unwrap_or_default());
        marked.push_str(&format!("\"{mark}{}\"", json.get(start..end).unwrap_or_default()));
        at = end;
    }
    marked.push_str(json.get(at..).unwrap_or_default());
    let mut value = read(&marked)?;
    unmark(&mut value, &mark)?;
    Ok(value)
}

fn unmark(value: &mut Value, mark: &str) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    match value {
        Value::String(text) => {
            if let Some(number) = text.strip_prefix(mark) {
                *value = Value::from_numeric_string(number).map_err(|error| wrong(&error))?;
            }
            Ok(())
        }
        Value::Array(_) => {
            let items = value.as_array_mut().map_err(|error| wrong(&error))?;
            items.iter_mut().try_for_each(|item| unmark(item, mark))
        }
        Value::Object(_) => {
            let members = value.as_object_mut().map_err(|error| wrong(&error))?;
            members.values_mut().try_for_each(|member| unmark(member, mark))
        }
        _ => Ok(()),
    }
}

/// Where a JSON text has integers that do not fit into 64 bits.
fn large_integers(json: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    let find = |from: usize, wanted: &dyn Fn(char) -> bool| {
        json.get(from..).and_then(|rest| rest.find(wanted)).map(|offset| from.saturating_add(offset))
    };
    while let Some(start) = find(at, &|c| c == '"' || c == '-' || c.is_ascii_digit()) {
        if json.get(start..).is_some_and(|rest| rest.starts_with('"')) {
            at = start.saturating_add(1);
            while let Some(mark) = find(at, &|c| c == '"' || c == '\\') {
                let is_end = json.get(mark..).is_some_and(|rest| rest.starts_with('"'));
                at = mark.saturating_add(if is_end { 1 } else { 2 });
                if is_end {
                    break;
                }
            }
            continue;
        }
        let end = find(start, &|c| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(json.len());
        let number = json.get(start..end).unwrap_or_default();
        if is_integer(number) && number.parse::<i64>().is_err() {
            found.push((start, end));
        }
        at = end;
    }
    found
}

fn text(arguments: &[Value], number: usize) -> Result<&str, String> {
    match arguments.get(number) {
        Some(Value::String(text)) => Ok(text),
        other => Err(format!("expected a string, found {}", shown(other))),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(80).collect())
}

fn items(arguments: &[Value], judge: impl Fn(&[Value]) -> Value) -> Answer {
    match arguments.first() {
        Some(Value::Array(items)) => Ok(judge(items)),
        Some(Value::Set(items)) => Ok(judge(&items.iter().cloned().collect::<Vec<_>>())),
        other => Err(format!("expected an array or a set, found {}", shown(other))),
    }
}

fn count(arguments: &[Value]) -> Answer {
    let length = match arguments.first() {
        Some(Value::String(text)) => text.chars().count(),
        Some(Value::Array(items)) => items.len(),
        Some(Value::Set(items)) => items.len(),
        Some(Value::Object(members)) => members.len(),
        other => return Err(format!("count: expected a collection or a string, found {}", shown(other))),
    };
    Ok(Value::from(u64::try_from(length).unwrap_or(u64::MAX)))
}

/// Each character by its simple mapping.
fn mapped(text: &str, map: impl Fn(char) -> Option<char>) -> String {
    text.chars().map(|c| map(c).unwrap_or(c)).collect()
}

fn one_upper(c: char) -> Option<char> {
    let mut upper = c.to_uppercase();
    upper.next().filter(|_| upper.next().is_none())
}

fn indexof(arguments: &[Value]) -> Answer {
    let (haystack, needle) = (text(arguments, 0)?, text(arguments, 1)?);
    if needle.is_empty() {
        return Err("indexof: expected something to look for, found an empty string".to_owned());
    }
    let before = haystack.find(needle).and_then(|at| haystack.get(..at)).map(|before| before.chars().count());
    Ok(before.and_then(|count| i64::try_from(count).ok()).map_or_else(|| Value::from(-1_i64), Value::from))
}

fn json_unmarshal(arguments: &[Value]) -> Answer {
    let json = text(arguments, 0)?;
    exact_value(json).map_err(|error| format!("json.unmarshal: {error}"))
}

fn to_number(arguments: &[Value]) -> Answer {
    match arguments.first() {
        Some(Value::Null) => Ok(Value::from(0_u64)),
        Some(Value::Bool(value)) => Ok(Value::from(u64::from(*value))),
        Some(number @ Value::Number(_)) => Ok(number.clone()),
        Some(Value::String(text)) => {
            let is_number = text.trim() == &**text && exact_number(text);
            match exact_value(text) {
                Ok(number @ Value::Number(_)) if is_number => Ok(number),
                _ => Err(format!("to_number: expected a number, found {text:?}")),
            }
        }
        other => Err(format!("to_number: expected a number, found {}", shown(other))),
    }
}

fn parse_rfc3339(arguments: &[Value]) -> Answer {
    let given = text(arguments, 0)?;
    let wrong = || format!("time.parse_rfc3339_ns: expected a time such as 2024-01-31T12:00:00Z, found {given:?}");
    let (time, nanoseconds) = UnixTime::parse(given).filter(|_| !given.contains(['t', 'z'])).ok_or_else(wrong)?;
    let total = time.0.checked_mul(1_000_000_000).and_then(|start| start.checked_add(i64::from(nanoseconds)));
    total.map(Value::from).ok_or_else(wrong)
}

/// The verbs of a format: `%s`, `%v`, `%d`, and `%%`.
pub(super) fn format_verbs(format: &str) -> Result<Vec<char>, String> {
    let mut verbs = Vec::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', Some('%')) => {}
            ('%', Some(verb @ ('s' | 'v' | 'd'))) => verbs.push(verb),
            ('%', _) => return Err(format!("sprintf: expected %s, %v, %d or %%, found {format:?}")),
            _ => {}
        }
    }
    Ok(verbs)
}

fn sprintf(arguments: &[Value]) -> Answer {
    let format = text(arguments, 0)?;
    let verbs = format_verbs(format)?;
    let Some(Value::Array(values)) = arguments.get(1) else { return Err("sprintf: expected an array".to_owned()) };
    if verbs.len() != values.len() {
        return Err(format!("sprintf: expected {} values, found {}", verbs.len(), values.len()));
    }
    let mut values = values.iter();
    let mut written = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', Some('%')) => written.push('%'),
            ('%', Some(verb)) => match (verb, values.next()) {
                ('s' | 'v', Some(Value::String(text))) => written.push_str(text),
                ('v', Some(value)) => print(value, &mut written)?,
                ('d', Some(value @ Value::Number(_))) if value.as_i64().is_ok() => print(value, &mut written)?,
                ('s', Some(value)) if !matches!(value, Value::Number(_)) => print(value, &mut written)?,
                (verb, value) => return Err(format!("sprintf: %{verb} does not fit {}", shown(value))),
            },
            _ => written.push(c),
        }
    }
    Ok(written.into())
}

/// A value as OPA prints it.
fn print(value: &Value, out: &mut String) -> Result<(), String> {
    let list =
        |open: char, items: &mut dyn Iterator<Item = &Value>, close: char, out: &mut String| -> Result<(), String> {
            out.push(open);
            for (number, item) in items.enumerate() {
                out.push_str(if number == 0 { "" } else { ", " });
                print(item, out)?;
            }
            out.push(close);
            Ok(())
        };
    match value {
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => list('{', &mut items.iter(), '}', out)?,
        Value::Array(items) => list('[', &mut items.iter(), ']', out)?,
        Value::Object(members) => {
            out.push('{');
            for (number, (key, value)) in members.iter().enumerate() {
                out.push_str(if number == 0 { "" } else { ", " });
                print(key, out)?;
                out.push_str(": ");
                print(value, out)?;
            }
            out.push('}');
        }
        other => write!(out, "{other}").map_err(|error| error.to_string())?,
    }
    Ok(())
}

fn regex_match(arguments: &[Value]) -> Answer {
    let pattern = regexp(text(arguments, 0)?)?;
    Ok(pattern.is_match(text(arguments, 1)?).into())
}

/// Whether the pattern is one that is read as Go does.
pub(super) fn is_regexp(pattern: &str) -> Result<(), String> {
    regexp(pattern).map(|_| ())
}

fn regexp(pattern: &str) -> Result<Regex, String> {
    let wrong = |why: &str| format!("regular expression {pattern:?}: {why}");
    compiled(&as_in_go(pattern).map_err(|why| wrong(&why))?).map_err(|why| wrong(&why))
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(pattern).size_limit(MAX_REGEXP_BYTES).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

/// A pattern of Go's syntax in that of ours: classes are those of ASCII, and what only one of the two knows is refused.
fn as_in_go(pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    let mut repeated = false;
    while let Some(c) = rest.next() {
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '\\' => {
                let escaped = rest.next().ok_or("it ends in a backslash")?;
                let written = match escaped {
                    'd' | 'w' | 's' => format!("[{}]", class(escaped)),
                    'D' | 'W' | 'S' => format!("[^{}]", class(escaped)),
                    'b' | 'B' => format!("(?-u:\\{escaped})"),
                    'A' | 'z' => format!("\\{escaped}"),
                    other => escape(other)?,
                };
                out.push_str(&written);
            }
            '[' => {
                out.push('[');
                in_class(&mut rest, &mut out)?;
            }
            '(' => {
                out.push('(');
                if rest.next_if_eq(&'?').is_some() {
                    out.push('?');
                    let flags: String =
                        std::iter::from_fn(|| rest.next_if(|c| !matches!(c, ')' | ':' | '<'))).collect();
                    if flags != "P" && !flags.chars().all(|flag| "imsU-".contains(flag)) {
                        return Err(format!("expected flags of i, m, s and U, found {flags:?}"));
                    }
                    out.push_str(&flags);
                }
            }
            '*' | '+' | '{' | '?' => {
                if was_repeated && c != '?' {
                    return Err(format!("{c:?} repeats a repetition"));
                }
                out.push(c);
                if c == '{' {
                    let bounds: String = std::iter::from_fn(|| rest.next_if(|c| *c != '}')).collect();
                    let fits = |bound: &str| bound.parse::<u32>().is_ok_and(|bound| bound <= MAX_REPEAT);
                    let (from, to) = bounds.split_once(',').unwrap_or((bounds.as_str(), ""));
                    if !fits(from) || !(to.is_empty() || fits(to)) {
                        return Err(format!("expected repetitions up to {MAX_REPEAT}, found {bounds:?}"));
                    }
                    out.push_str(&bounds);
                    out.extend(rest.next());
                }
                repeated = !was_repeated;
                if was_repeated && rest.peek().is_some_and(|next| matches!(next, '*' | '+' | '?' | '{')) {
                    return Err("a repetition repeats a repetition".to_owned());
                }
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// The rest of a class in brackets.
fn in_class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Result<(), String> {
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    loop {
        match rest.next().ok_or("a class has no end")? {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '[' if rest.peek() == Some(&':') => {
                let name: String = std::iter::from_fn(|| rest.next_if(|c| *c != ']')).collect();
                rest.next();
                out.push_str(&format!("[{name}]"));
            }
            c @ ('[' | '&' | '~') => {
                out.push('\\');
                out.push(c);
            }
            '-' if rest.peek() == Some(&'-') => return Err("`--` in a class".to_owned()),
            '\\' => match rest.next().ok_or("it ends in a backslash")? {
                c @ ('d' | 'w' | 's') => out.push_str(class(c)),
                c => out.push_str(&escape(c)?),
            },
            c => out.push(c),
        }
    }
}

const fn class(letter: char) -> &'static str {
    match letter {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        _ => "\\t\\n\\x0C\\r ",
    }
}

/// An escape that both read alike.
fn escape(c: char) -> Result<String, String> {
    match c {
        'n' | 't' | 'r' | 'f' | 'a' | 'v' | 'x' => Ok(format!("\\{c}")),
        c if c.is_ascii_punctuation() => Ok(format!("\\x{{{:x}}}", u32::from(c))),
        c => Err(format!("the escape \\{c} is not supported")),
    }
}

/// The pattern fits the whole text; wildcards stop at the delimiters, which are `.` where the list is empty and none where it is null.
fn glob_match(arguments: &[Value]) -> Answer {
    let (pattern, given) = (text(arguments, 0)?, text(arguments, 2)?);
    let wrong = |why: &str| format!("glob.match: pattern {pattern:?}: {why}");
    let mut delimiters = String::new();
    match arguments.get(1) {
        Some(Value::Null) => {}
        Some(Value::Array(list)) if list.is_empty() => delimiters.push('.'),
        Some(Value::Array(list)) => {
            for one in list.iter() {
                let mut characters = match one {
                    Value::String(one) => one.chars(),
                    _ => "".chars(),
                };
                match (characters.next(), characters.next()) {
                    (Some(delimiter), None) => delimiters.push(delimiter),
                    _ => return Err(wrong("expected delimiters of one character")),
                }
            }
        }
        other => return Err(wrong(&format!("expected a list of delimiters or null, found {}", shown(other)))),
    }
    let quoted = |c: char| format!("\\x{{{:x}}}", u32::from(c));
    let but = if delimiters.is_empty() {
        ".".to_owned()
    } else {
        format!("[^{}]", delimiters.chars().map(quoted).collect::<String>())
    };
    let mut out = String::from("(?s)\\A(?:");
    let mut depth = 0_usize;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.push_str(&format!("{but}*")),
            '?' => out.push_str(&but),
            '{' => {
                depth = depth.saturating_add(1);
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => {
                let negated = if rest.next_if_eq(&'!').is_some() { "^" } else { "" };
                let inside: Vec<char> = std::iter::from_fn(|| rest.next_if(|c| *c != ']')).collect();
                rest.next().ok_or_else(|| wrong("a class has no end"))?;
                match inside.as_slice() {
                    [from, '-', to] => out.push_str(&format!("[{negated}{}-{}]", quoted(*from), quoted(*to))),
                    list if list.is_empty() || list.contains(&'-') || list.contains(&'\\') => {
                        return Err(wrong("expected a class of characters, or of one range"));
                    }
                    list => {
                        out.push_str(&format!("[{negated}{}]", list.iter().map(|c| quoted(*c)).collect::<String>()))
                    }
                }
            }
            '\\' => out.push_str(&quoted(rest.next().ok_or_else(|| wrong("it ends in a backslash"))?)),
            other => out.push_str(&quoted(other)),
        }
    }
    if depth > 0 {
        return Err(wrong("a list of alternatives has no end"));
    }
    out.push_str(")\\z");
    Ok(compiled(&out).map_err(|why| wrong(&why))?.is_match(given).into())
}
