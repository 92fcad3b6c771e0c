//! YAML as far as policies need it: maps, lists and scalars, each written out in place.
//!
//! Anchors, aliases, tags and merge keys are refused: they let a document say something other than what is written in one place, and
//! let a small one grow large. A repeated key is refused. Plain scalars follow the core schema of YAML 1.2 for `null`, booleans and
//! integers; everything else is text, dates and numbers with a fraction included.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Value};

use super::DocumentError;
use crate::json::check_name;
use crate::limits::Limits;

/// The documents of a text, without empty ones.
pub(super) fn documents(text: &str, limits: &Limits) -> Result<Vec<Value>, DocumentError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), limits, nodes: 0 };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(_), _) => match reader.document()? {
                Value::Null => {}
                document => documents.push(document),
            },
            _ => {}
        }
        if documents.len() > limits.policy_documents {
            return Err(DocumentError::TooMany { what: "documents", limit: limits.policy_documents });
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    limits: &'t Limits,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), DocumentError> {
        match self.parser.next() {
            Some(event) => Ok(event.map_err(syntax)?),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Value, DocumentError> {
        match self.next()? {
            (Event::DocumentEnd, _) => Ok(Value::Null),
            (event, span) => self.value(event, span, 0),
        }
    }

    fn value(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Value, DocumentError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.policy_nodes {
            return Err(DocumentError::TooMany { what: "values", limit: self.limits.policy_nodes });
        }
        if depth > self.limits.policy_depth {
            return Err(DocumentError::TooMany { what: "levels", limit: self.limits.policy_depth });
        }
        let refused =
            |problem: &str| Err(DocumentError::syntax(span.start.line(), span.start.col(), problem.to_owned()));
        match event {
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                refused("anchors are refused: write out the value")
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                refused("tags are refused: quote strings")
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => Ok(plain(&text)),
            Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
            Event::SequenceStart(..) => self.list(depth),
            Event::MappingStart(..) => self.map(depth),
            _ => refused("expected a value"),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, DocumentError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.value(event, span, depth.saturating_add(1))?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, DocumentError> {
        let mut members = Map::new();
        loop {
            let (key, span) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Object(members)),
                (Event::Scalar(key, _, 0, None), span) => (key.into_owned(), span),
                (_, span) => {
                    let problem = "expected a key that is plain text".to_owned();
                    return Err(DocumentError::syntax(span.start.line(), span.start.col(), problem));
                }
            };
            check_name(&key).map_err(|problem| DocumentError::syntax(span.start.line(), span.start.col(), problem))?;
            let (event, value_span) = self.next()?;
            let value = self.value(event, value_span, depth.saturating_add(1))?;
            if members.contains_key(&key) {
                let problem = format!("key {key:?} appears twice");
                return Err(DocumentError::syntax(span.start.line(), span.start.col(), problem));
            }
            members.insert(key, value);
        }
    }
}

fn syntax(error: ScanError) -> DocumentError {
    DocumentError::syntax(error.marker().line(), error.marker().col(), error.info().to_owned())
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<Value>, String> {
        documents(text, &Limits::DEFAULT).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_what_they_look_like() {
        let text = "a: 1\nb: [x, \"2\", ~, true, 2026-12-31, 1.10, 0x10]\nc:\n  - d: |\n      line\n      line\n---\n---\ne: 'f'\n...\n";
        let first = json!({
            "a": 1, "b": ["x", "2", null, true, "2026-12-31", "1.10", "0x10"], "c": [{"d": "line\nline\n"}],
        });
        assert_eq!(read(text), Ok(vec![first, json!({"e": "f"})]));
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("# nothing\n"), Ok(vec![]));
        assert_eq!(read(r#"{"a": {"b": []}}"#), Ok(vec![json!({"a": {"b": []}})]));
    }

    // threat: I02
    // threat: R18
    #[test]
    fn what_could_mean_something_else_is_refused() {
        for (text, problem) in [
            ("a: 1\na: 2\n", "key \"a\" appears twice"),
            ("x:\n  a: 1\n  \"a\": 2\n", "key \"a\" appears twice"),
            ("a: &x 1\nb: 2\n", "anchors are refused"),
            ("a: &x {b: 1}\n", "anchors are refused"),
            ("a: &x [1]\n", "anchors are refused"),
            ("&x a: 1\n", "expected a key"),
            ("a: !!str 1\n", "tags are refused"),
            ("a: !x {}\n", "tags are refused"),
            ("? [a]\n: 1\n", "expected a key"),
            ("a: *x\n", "unknown anchor"),
            ("a: [1\n", "expected"),
            ("\tb: 1\n\tc: 2\n", "tab"),
            ("a: b: c\n", "mapping values"),
            ("a: {\"\\u0024serde_json::private::RawValue\": '[]'}\n", "some JSON readers do not take it for a name"),
            ("$serde_json::private::Number: '5'\n", "some JSON readers do not take it for a name"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(problem) && error.contains("line "), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_refused() {
        let limits = Limits { policy_depth: 3, policy_nodes: 20, policy_documents: 2, ..Limits::DEFAULT };
        let read = |text: &str| documents(text, &limits).map_err(|error| error.to_string());
        assert!(read("[[[1]]]").is_ok());
        assert!(read("[[[[1]]]]").expect_err("deep").contains("more than 3 levels"));
        assert!(read(&format!("[{}]", "1,".repeat(19))).is_ok());
        assert!(read(&format!("[{}]", "1,".repeat(20))).expect_err("much").contains("more than 20 values"));
        assert!(read("a: 1\n---\na: 1\n").is_ok());
        assert!(read("a: 1\n---\na: 1\n---\na: 1\n").expect_err("many").contains("more than 2 documents"));
        assert!(super::documents(&"[".repeat(100_000), &Limits::DEFAULT).is_err());
        assert!(super::documents(&"- ".repeat(100_000), &Limits::DEFAULT).is_err());
    }
}
