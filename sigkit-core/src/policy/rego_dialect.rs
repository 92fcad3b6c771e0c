//! Policies in Rego as the interpreter reads them right: what it would answer otherwise than OPA is written so that it answers alike, or is
//! refused with its line.
//!
//! - OPA takes the parts of a negated expression out of the negation: `not startswith(input.a, "x")` is undefined where `input.a` is. The
//!   interpreter would call it true.
//! - Functions whose answers differ are called under names of our own (`rego_functions`); a function that is neither there nor known to
//!   answer alike is refused, whether or not it is ever called.
//! - Member names with escapes are written without them.
//! - Decimals that 64 bits do not hold, and arithmetic whose result they do not hold, are refused as far as the text tells.

use std::collections::BTreeSet;

use regorus::unstable::{
    ArithOp, AssignOp, BoolOp, Expr, Literal, LiteralStmt, Module, Parser, Query, Rule, RuleHead, Span,
};
use regorus::{Source, Value};

use super::rego_functions::{KNOWN, OWN, exact_number, format_verbs, is_regexp};

/// Before the names of our own functions and variables.
const OWN_PREFIX: &str = "sigkit__";
/// The name under which the interpreter knows a function of our own.
pub(super) fn own_name(name: &str) -> String {
    format!("{OWN_PREFIX}.{name}")
}

/// The policy in the interpreter's dialect, line by line the same.
pub(super) fn translate(source: &str) -> Result<String, String> {
    let read = |error: &dyn std::fmt::Display| last_line(&error.to_string());
    let file = Source::from_contents("policy".to_owned(), source.to_owned()).map_err(|error| read(&error))?;
    let mut parser = Parser::new(&file).map_err(|error| read(&error))?;
    let module = parser.parse().map_err(|error| read(&error))?;
    let mut walk = Walk::new(source, &module);
    module.policy.iter().try_for_each(|rule| walk.rule(rule))?;
    walk.finish()
}

/// The words of an error, without the picture of the place.
pub(super) fn last_line(error: &impl ToString) -> String {
    let text = error.to_string();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().chars().take(200).collect()
}

fn refused(span: &Span, why: impl std::fmt::Display) -> String {
    format!("line {}: {why}", span.line)
}

/// A piece of the text and what takes its place.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// A negation from which parts are taken out.
struct Negation {
    start: usize,
    end: usize,
    parts: Vec<(usize, usize)>,
    with: Option<(usize, usize)>,
}

struct Walk<'s> {
    source: &'s str,
    /// Names of rules and functions, and of imports.
    names: BTreeSet<String>,
    functions: BTreeSet<String>,
    edits: Vec<Edit>,
    negations: Vec<Negation>,
}

/// Whether a reference may stay inside a negation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outermost,
    Within,
}

/// Variables that have a value.
type Bound = BTreeSet<String>;

impl<'s> Walk<'s> {
    fn new(source: &'s str, module: &Module) -> Self {
        let mut names: BTreeSet<String> = ["input", "data"].map(str::to_owned).into();
        let mut functions = BTreeSet::new();
        for rule in &module.policy {
            let (refr, is_function) = match rule.as_ref() {
                Rule::Spec { head: RuleHead::Func { refr, .. }, .. } => (refr, true),
                Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => (refr, false),
                Rule::Default { refr, args, .. } => (refr, !args.is_empty()),
            };
            names.extend(root(refr).map(str::to_owned));
            if is_function {
                functions.insert(compact(refr.span()));
            }
        }
        for import in &module.imports {
            let path = compact(import.refr.span());
            let last = path.rsplit(['.', '"']).find(|part| !part.is_empty() && *part != "]").unwrap_or_default();
            names.insert(import.r#as.as_ref().map_or(last, |name| name.text()).to_owned());
        }
        Self { source, names, functions, edits: Vec::new(), negations: Vec::new() }
    }

    fn rule(&mut self, rule: &Rule) -> Result<(), String> {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expr(value, &Bound::new()),
        };
        let mut bound = Bound::new();
        let mut shown: Vec<&Expr> = Vec::new();
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                shown.extend(keys(refr));
                shown.extend(assign.iter().map(|assign| assign.value.as_ref()));
            }
            RuleHead::Set { refr, key, .. } => {
                shown.extend(keys(refr));
                shown.extend(key.iter().map(|key| key.as_ref()));
            }
            RuleHead::Func { args, assign, .. } => {
                for argument in args {
                    variables(argument, &mut bound);
                    self.expr(argument, &bound)?;
                }
                shown.extend(assign.iter().map(|assign| assign.value.as_ref()));
            }
        }
        if bodies.is_empty() {
            return shown.into_iter().try_for_each(|expr| self.shown(expr, &bound));
        }
        for (number, body) in bodies.iter().enumerate() {
            let within = self.query(&body.query, &bound)?;
            match &body.assign {
                Some(assign) => self.shown(&assign.value, &within)?,
                None if number == 0 => shown.iter().try_for_each(|expr| self.shown(expr, &within))?,
                None => {}
            }
        }
        Ok(())
    }

    /// An expression of a head: what it names must have a value.
    fn shown(&mut self, expr: &Expr, bound: &Bound) -> Result<(), String> {
        self.safe(expr, bound)?;
        self.expr(expr, bound)
    }

    fn safe(&self, expr: &Expr, bound: &Bound) -> Result<(), String> {
        let mut found = Bound::new();
        variables(expr, &mut found);
        match found.iter().find(|name| !bound.contains(*name) && !self.names.contains(*name)) {
            Some(name) => Err(refused(expr.span(), format!("variable {name} has no value there"))),
            None => Ok(()),
        }
    }

    /// Walks a query; returns the variables that have a value behind it.
    fn query(&mut self, query: &Query, outer: &Bound) -> Result<Bound, String> {
        let mut bound = outer.clone();
        for statement in &query.stmts {
            match &statement.literal {
                Literal::Expr { expr, .. } => variables(expr, &mut bound),
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().for_each(|key| variables(key, &mut bound));
                    variables(value, &mut bound);
                    variables(collection, &mut bound);
                }
                Literal::Every { domain, .. } => variables(domain, &mut bound),
                Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
            }
        }
        for statement in &query.stmts {
            self.statement(statement, &bound)?;
        }
        Ok(bound)
    }

    fn statement(&mut self, statement: &LiteralStmt, bound: &Bound) -> Result<(), String> {
        for modifier in &statement.with_mods {
            let target = root(&modifier.refr).unwrap_or_default();
            if target != "input" && target != "data" {
                return Err(refused(&modifier.span, "`with` replaces `input` and `data`, and no function or rule"));
            }
            self.expr(&modifier.r#as, bound)?;
        }
        match &statement.literal {
            Literal::SomeVars { .. } => Ok(()),
            Literal::SomeIn { key, value, collection, .. } => {
                key.iter().try_for_each(|key| self.expr(key, bound))?;
                self.expr(value, bound)?;
                self.expr(collection, bound)
            }
            Literal::Expr { expr, .. } => self.expr(expr, bound),
            Literal::Every { key, value, domain, query, .. } => {
                self.expr(domain, bound)?;
                let mut within = bound.clone();
                within.extend(key.iter().chain([value]).map(|name| name.text().to_owned()));
                self.query(query, &within).map(|_| ())
            }
            Literal::NotExpr { span, expr } => {
                self.negated_is_safe(expr, bound)?;
                self.expr(expr, bound)?;
                let mut parts = Vec::new();
                self.parts(expr, Place::Outermost, &mut parts);
                let (Some(start), Some(end)) = (at(span.start), at(statement.span.end)) else { return Ok(()) };
                let first = statement.with_mods.first().and_then(|modifier| at(modifier.span.start));
                let last = statement.with_mods.last().and_then(|modifier| at(modifier.r#as.span().end));
                if !parts.is_empty() {
                    self.negations.push(Negation { start, end, parts, with: first.zip(last) });
                }
                Ok(())
            }
        }
    }

    fn negated_is_safe(&self, expr: &Expr, bound: &Bound) -> Result<(), String> {
        let mut found = Bound::new();
        variables(expr, &mut found);
        if found.contains("_") {
            return Err(refused(
                expr.span(),
                "`_` in a negated expression: write a rule without negation and negate that",
            ));
        }
        self.safe(expr, bound)
    }

    /// The parts of a negated expression that OPA evaluates before it negates.
    fn parts(&self, expr: &Expr, place: Place, found: &mut Vec<(usize, usize)>) {
        let mut take = |span: &Span| found.extend(at(span.start).zip(at(span.end)));
        match expr {
            Expr::Var { span, .. } if place == Place::Within && self.names.contains(span.text()) => take(span),
            Expr::RefDot { span, .. } | Expr::RefBrack { span, .. } | Expr::Call { span, .. }
                if place == Place::Within =>
            {
                take(span);
            }
            Expr::RefDot { refr, .. } => self.base(refr, found),
            Expr::RefBrack { refr, index, .. } => {
                self.base(refr, found);
                self.parts(index, Place::Within, found);
            }
            Expr::Call { params, .. } => params.iter().for_each(|param| self.parts(param, Place::Within, found)),
            Expr::BoolExpr { op: BoolOp::Eq, lhs, rhs, .. } | Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => {
                for side in [lhs, rhs] {
                    let is_name =
                        matches!(side.as_ref(), Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. });
                    self.parts(side, if is_name { Place::Outermost } else { Place::Within }, found);
                }
            }
            Expr::BoolExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::BinExpr { lhs, rhs, .. } => {
                self.parts(lhs, Place::Within, found);
                self.parts(rhs, Place::Within, found);
            }
            Expr::Membership { key, value, collection, .. } => {
                for part in key.iter().chain([value, collection]) {
                    self.parts(part, Place::Within, found);
                }
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.parts(item, Place::Within, found));
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.parts(key, Place::Within, found);
                    self.parts(value, Place::Within, found);
                }
            }
            _ => {}
        }
    }

    /// What a reference that may stay begins with.
    fn base(&self, refr: &Expr, found: &mut Vec<(usize, usize)>) {
        let place = match refr {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => Place::Outermost,
            _ => Place::Within,
        };
        self.parts(refr, place, found);
    }

    fn expr(&mut self, expr: &Expr, bound: &Bound) -> Result<(), String> {
        match expr {
            Expr::Number { span, .. } => match exact_number(span.text()) {
                true => Ok(()),
                false => Err(refused(span, format!("number {} is too large to be compared exactly", span.text()))),
            },
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().try_for_each(|item| self.expr(item, bound))
            }
            Expr::Object { fields, .. } => fields.iter().try_for_each(|(_, key, value)| {
                self.expr(key, bound)?;
                self.expr(value, bound)
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                let within = self.query(query, bound)?;
                self.expr(term, &within)
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                let within = self.query(query, bound)?;
                self.expr(key, &within)?;
                self.expr(value, &within)
            }
            Expr::Call { span, fcn, params, .. } => self.call(span, fcn, params, bound),
            // OPA does not have this expression; the interpreter would negate all that follows, comparisons included.
            Expr::UnaryExpr { span, .. } => {
                Err(refused(span, "`-` must be right before a number, or between two values"))
            }
            Expr::RefDot { refr, .. } => self.expr(refr, bound),
            Expr::RefBrack { refr, index, .. } => {
                self.expr(refr, bound)?;
                self.member(index)?;
                self.expr(index, bound)
            }
            Expr::ArithExpr { span, op, lhs, rhs, .. } => {
                arithmetic(span, op, lhs, rhs)?;
                self.expr(lhs, bound)?;
                self.expr(rhs, bound)
            }
            Expr::BinExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs, bound)?;
                self.expr(rhs, bound)
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().chain([value, collection]).try_for_each(|part| self.expr(part, bound))
            }
            _ => Ok(()),
        }
    }

    /// A member's name in brackets is written without escapes.
    fn member(&mut self, index: &Expr) -> Result<(), String> {
        let Expr::String { span, value: Value::String(name), .. } = index else { return Ok(()) };
        let (Some(start), Some(end)) = (at(span.start), at(span.end)) else { return Ok(()) };
        // The interpreter's span is without the quotes.
        let (start, end) = (start.saturating_sub(1), end.saturating_add(1));
        let Some(written) = self.source.get(start..end).filter(|text| text.contains('\\')) else { return Ok(()) };
        if name.contains(['`', '\r', '\n']) {
            return Err(refused(span, format!("member name {written} cannot be written without escapes")));
        }
        self.edits.push(Edit { start, end, text: format!("`{name}`") });
        Ok(())
    }

    fn call(
        &mut self,
        span: &Span,
        fcn: &Expr,
        params: &[regorus::unstable::Ref<Expr>],
        bound: &Bound,
    ) -> Result<(), String> {
        let name = compact(fcn.span());
        params.iter().try_for_each(|param| self.expr(param, bound))?;
        let own_package = name.strip_prefix("data.signature.").or_else(|| name.strip_prefix("data.sigstore."));
        if self.functions.contains(own_package.unwrap_or(&name)) {
            return Ok(());
        }
        let known = |table: &[(&str, usize)]| table.iter().find(|(known, _)| *known == name).map(|(_, count)| *count);
        let own: Vec<_> = OWN.iter().map(|(known, count, _)| (*known, *count)).collect();
        let expected = known(&own).or_else(|| known(KNOWN));
        match expected {
            None => Err(refused(span, format!("function {name} is not supported"))),
            Some(expected) if expected != params.len() => {
                let found = params.len();
                Err(refused(span, format!("function {name}: expected {expected} arguments, found {found}")))
            }
            Some(_) => {
                check_literals(&name, span, params)?;
                if known(&own).is_some()
                    && let (Some(start), Some(end)) = (at(fcn.span().start), at(fcn.span().end))
                {
                    self.edits.push(Edit { start, end, text: own_name(&name) });
                }
                Ok(())
            }
        }
    }

    /// The text with all edits. Parts are taken out of the innermost negations first, for they may lie inside others' parts.
    fn finish(mut self) -> Result<String, String> {
        self.negations.sort_by_key(|negation| std::cmp::Reverse(negation.start));
        let mut count = 0_usize;
        for negation in std::mem::take(&mut self.negations) {
            let with = negation.with.map_or_else(|| Ok(String::new()), |(start, end)| self.slice(start, end))?;
            let mut before = String::new();
            for (start, end) in negation.parts {
                count = count.saturating_add(1);
                before.push_str(&format!("{OWN_PREFIX}{count} := {} {with}; ", self.slice(start, end)?));
            }
            // A body of one expression without braces gets them.
            let bare = self.source.get(..negation.start).unwrap_or_default().trim_end().ends_with("if");
            if bare {
                before.insert_str(0, "{ ");
                self.edits.push(Edit { start: negation.end, end: negation.end, text: " }".to_owned() });
            }
            self.edits.push(Edit { start: negation.start, end: negation.start, text: before });
        }
        self.slice(0, self.source.len())
    }

    fn slice(&self, start: usize, end: usize) -> Result<String, String> {
        let mut edits: Vec<&Edit> = self.edits.iter().filter(|edit| edit.start >= start && edit.end <= end).collect();
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut text = String::new();
        let mut at = start;
        let broken = || "the policy could not be read".to_owned();
        for edit in edits {
            // The same place may have been looked at twice.
            if edit.start < at {
                continue;
            }
            text.push_str(self.source.get(at..edit.start).ok_or_else(broken)?);
            text.push_str(&edit.text);
            at = edit.end;
        }
        text.push_str(self.source.get(at..end).ok_or_else(broken)?);
        Ok(text)
    }
}

fn at(offset: u32) -> Option<usize> {
    usize::try_from(offset).ok()
}

/// The text without blanks.
fn compact(span: &Span) -> String {
    span.text().chars().filter(|c| !c.is_whitespace()).collect()
}

/// The name that a reference begins with.
fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Var { span, .. } => Some(span.text()),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => root(refr),
        _ => None,
    }
}

/// The text in brackets after the name of a rule.
fn keys(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::RefDot { refr, .. } => keys(refr),
        Expr::RefBrack { refr, index, .. } => {
            let mut found = keys(refr);
            found.push(index);
            found
        }
        _ => Vec::new(),
    }
}

/// The variables of an expression, those of comprehensions apart.
fn variables(expr: &Expr, found: &mut Bound) {
    match expr {
        Expr::Var { span, .. } => drop(found.insert(span.text().to_owned())),
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| variables(item, found)),
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                variables(key, found);
                variables(value, found);
            }
        }
        Expr::Call { params, .. } => params.iter().for_each(|param| variables(param, found)),
        Expr::RefDot { refr, .. } => variables(refr, found),
        Expr::RefBrack { refr, index, .. } => {
            variables(refr, found);
            variables(index, found);
        }
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            variables(lhs, found);
            variables(rhs, found);
        }
        Expr::Membership { key, value, collection, .. } => {
            key.iter().chain([value, collection]).for_each(|part| variables(part, found));
        }
        _ => {}
    }
}

/// Refuses arithmetic whose result the interpreter rounds otherwise than OPA, as far as the text tells.
fn arithmetic(span: &Span, op: &ArithOp, lhs: &Expr, rhs: &Expr) -> Result<(), String> {
    let number = |expr: &Expr| match expr {
        Expr::Number { span, .. } => Some(span.text().to_owned()),
        _ => None,
    };
    let (left, right) = (number(lhs), number(rhs));
    let is_decimal = |text: &Option<String>| text.as_ref().is_some_and(|text| text.parse::<i64>().is_err());
    if is_decimal(&left) || is_decimal(&right) {
        return Err(refused(
            span,
            "arithmetic with a decimal or beyond 64 bits: its result would be rounded otherwise than by OPA",
        ));
    }
    let integer = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    match (op, integer(left), integer(right)) {
        (ArithOp::Div, _, divisor) if !divisor.is_some_and(divides_evenly) => Err(refused(
            span,
            "division: its result would be rounded otherwise than by OPA; multiply the other side instead",
        )),
        (ArithOp::Mul, Some(left), Some(right)) if left.checked_mul(right).is_none() => {
            Err(refused(span, "the product is too large to be compared exactly"))
        }
        _ => Ok(()),
    }
}

/// Returns true if a decimal holds each quotient by this number: it has no prime factor but 2 and 5.
const fn divides_evenly(divisor: i64) -> bool {
    let mut rest = divisor;
    while let (Some(0), Some(next)) = (rest.checked_rem(10), rest.checked_div(10)) {
        if rest == 0 {
            return false;
        }
        rest = next;
    }
    while let (Some(0), Some(next)) = (rest.checked_rem(2), rest.checked_div(2)) {
        rest = next;
    }
    while let (Some(0), Some(next)) = (rest.checked_rem(5), rest.checked_div(5)) {
        rest = next;
    }
    rest == 1
}

/// Refuses formats and patterns that are written out and cannot be judged as OPA does.
fn check_literals(name: &str, span: &Span, params: &[regorus::unstable::Ref<Expr>]) -> Result<(), String> {
    let first = params.first().map(std::convert::AsRef::as_ref);
    let text = match first {
        Some(Expr::String { value: Value::String(text), .. } | Expr::RawString { value: Value::String(text), .. }) => {
            Some(text)
        }
        _ => None,
    };
    match (name, text) {
        ("sprintf", None) => Err(refused(span, "sprintf: expected a literal format string")),
        ("sprintf", Some(format)) => format_verbs(format).map(|_| ()).map_err(|error| refused(span, error)),
        ("regex.match" | "re_match", Some(pattern)) => is_regexp(pattern).map_err(|error| refused(span, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Quantifier, RegoPolicy};
    use crate::time::UnixTime;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Answer {
        Yes,
        No,
        /// When it is read, with its line.
        Refused,
    }
    const YES: Answer = Answer::Yes;
    const NO: Answer = Answer::No;
    const REFUSED: Answer = Answer::Refused;

    const STATEMENT: &str = r#"{"predicateType":"https://example.com/t","predicate":{"one":1,"ab":1,"big":18446744073709551617,"big0":18446744073709551616,"q\"q":1,"back\\slash":1,"sl/ash":1,"tab\tx":1,"é":1,"list":[0,2,3],"obj":{"1":"one"},"f":1.10,"null":null,"nested":{"a":{"b":["x","y"]}},"ts":"2020-01-01T00:00:00Z"}}"#;

    fn ask(policy: &str) -> Result<bool, String> {
        let policy = RegoPolicy::new("x", &format!("package signature\n{policy}\n"), Quantifier::Every);
        let policy = policy.map_err(|error| error.to_string())?;
        Ok(policy.check(STATEMENT.as_bytes(), UnixTime(1_800_000_000), std::time::Duration::MAX).is_ok())
    }

    /// What OPA answers, as evaluated by cosign.
    #[rustfmt::skip]
    const ANSWERS: &[(&str, Answer)] = &[
        (r#"allow { 18446744073709551617 != 18446744073709551616 }"#, REFUSED),
        (r#"allow { 9007199254740993 != 9007199254740992 }"#, YES),
        (r#"allow { 9007199254740993 == 9007199254740993.0 }"#, REFUSED),
        (r#"allow { -9223372036854775809 < -9223372036854775808 }"#, REFUSED),
        (r#"allow { -9223372036854775809 != -9223372036854775808 }"#, REFUSED),
        (r#"allow { 4294967296 * 4294967296 == 18446744073709551616 }"#, REFUSED),
        (r#"allow { 9223372036854775807 * 9223372036854775807 == 85070591730234615847396907784232501249 }"#, REFUSED),
        (r#"allow { 0.1 + 0.2 == 0.3 }"#, REFUSED),
        (r#"allow { 0.1 + 0.2 == 0.30000000000000004 }"#, REFUSED),
        (r#"allow { 1 / 3 == 0.3333333333333333 }"#, REFUSED),
        (r#"allow { 6 / 3 == 2 }"#, REFUSED),
        (r#"allow { not 1 / 0 }"#, REFUSED),
        (r#"allow { 7 % 3 == 1 }"#, YES),
        (r#"allow { -7 % 3 == -1 }"#, YES),
        (r#"allow { 7 % -3 == 1 }"#, YES),
        (r#"allow { not 7.5 % 2 }"#, REFUSED),
        (r#"allow { 1e2 == 100 }"#, YES),
        (r#"allow { 1e400 > 1e300 }"#, REFUSED),
        (r#"allow { 1e-400 > 0 }"#, REFUSED),
        (r#"allow { 1.10 == 1.1 }"#, YES),
        (r#"allow { sprintf("%v", [1.0]) == "1" }"#, YES),
        (r#"allow { sprintf("%v", [1.10]) == "1.1" }"#, YES),
        (r#"allow { sprintf("%v", [1.10]) == "1.10" }"#, NO),
        (r#"allow { sprintf("%d", [5]) == "5" }"#, YES),
        (r#"allow { sprintf("%v", [1e3]) == "1000" }"#, YES),
        (r#"allow { sprintf("%v", [0.1]) == "0.1" }"#, YES),
        (r#"allow { sprintf("%v", [1e21]) == "1e+21" }"#, REFUSED),
        (r#"allow { format_int(15, 16) == "f" }"#, YES),
        (r#"allow { format_int(15.9, 10) == "15" }"#, YES),
        (r#"allow { format_int(-15, 2) == "-1111" }"#, YES),
        (r#"allow { round(2.5) == 3 }"#, YES),
        (r#"allow { round(-2.5) == -3 }"#, YES),
        (r#"allow { round(3.5) == 4 }"#, YES),
        (r#"allow { to_number("1e2") == 100 }"#, YES),
        (r#"allow { to_number(true) == 1 }"#, YES),
        (r#"allow { to_number(null) == 0 }"#, YES),
        (r#"allow { to_number("18446744073709551617") != 18446744073709551616 }"#, REFUSED),
        (r#"allow { "\ud83d\ude00" == "😀" }"#, YES),
        (r#"allow { count("héllo") == 5 }"#, YES),
        (r#"allow { count("😀") == 1 }"#, YES),
        (r#"allow { substring("héllo", 1, 3) == "éll" }"#, YES),
        (r#"allow { indexof("héllo", "l") == 2 }"#, YES),
        (r#"allow { indexof("abc", "x") == -1 }"#, YES),
        (r#"allow { indexof_n("sad", "a") == [1] }"#, YES),
        (r#"allow { indexof_n("aaa", "aa") == [0, 1] }"#, YES),
        (r#"allow { upper("straße") == "STRASSE" }"#, NO),
        (r#"allow { upper("straße") == "STRAßE" }"#, YES),
        (r#"allow { lower("İ") == "i̇" }"#, NO),
        (r#"allow { lower("ÄÖ") == "äö" }"#, YES),
        (r#"allow { strings.count("cheese", "e") == 3 }"#, REFUSED),
        (r#"allow { strings.count("five", "") == 5 }"#, REFUSED),
        (r#"allow { sprintf("%s", ["a"]) == "a" }"#, YES),
        (r#"allow { sprintf("%q", ["a\"b"]) == "\"a\\\"b\"" }"#, REFUSED),
        (r#"allow { sprintf("%v", ["a"]) == "a" }"#, YES),
        (r#"allow { sprintf("%v", [["a", 1]]) == "[\"a\", 1]" }"#, YES),
        (r#"allow { sprintf("%v", [{"a": 1}]) == "{\"a\": 1}" }"#, YES),
        (r#"allow { sprintf("%v", [{"b", "a"}]) == "{\"a\", \"b\"}" }"#, YES),
        (r#"allow { sprintf("%v", [null]) == "null" }"#, YES),
        (r#"allow { sprintf("%t", [true]) == "true" }"#, REFUSED),
        (r#"allow { sprintf("%05d", [42]) == "00042" }"#, REFUSED),
        (r#"allow { sprintf("%-5d|", [42]) == "42   |" }"#, REFUSED),
        (r#"allow { sprintf("%+d", [42]) == "+42" }"#, REFUSED),
        (r#"allow { sprintf("%.2f", [3.14159]) == "3.14" }"#, REFUSED),
        (r#"allow { sprintf("%f", [1.5]) == "1.500000" }"#, REFUSED),
        (r#"allow { sprintf("%f", [1]) == "%!f(int=1)" }"#, REFUSED),
        (r#"allow { sprintf("%.1f", [1]) == "1.0" }"#, REFUSED),
        (r#"allow { sprintf("%e", [1234.5678]) == "1.234568e+03" }"#, REFUSED),
        (r#"allow { sprintf("%g", [0.00001]) == "1e-05" }"#, REFUSED),
        (r#"allow { sprintf("%x", [255]) == "ff" }"#, REFUSED),
        (r#"allow { sprintf("%X", [255]) == "FF" }"#, REFUSED),
        (r#"allow { sprintf("%x", ["hi"]) == "6869" }"#, REFUSED),
        (r#"allow { sprintf("%b", [5]) == "101" }"#, REFUSED),
        (r#"allow { sprintf("%o", [8]) == "10" }"#, REFUSED),
        (r#"allow { sprintf("%c", [65]) == "A" }"#, REFUSED),
        (r#"allow { sprintf("%U", [65]) == "U+0041" }"#, REFUSED),
        (r#"allow { sprintf("100%%", []) == "100%" }"#, YES),
        (r#"allow { sprintf("%z", ["a"]) == "%!z(string=a)" }"#, REFUSED),
        (r#"allow { sprintf("%5s|", ["ab"]) == "   ab|" }"#, REFUSED),
        (r#"allow { sprintf("%.2s", ["abc"]) == "ab" }"#, REFUSED),
        (r#"allow { sprintf("%[2]s %[1]s", ["a", "b"]) == "b a" }"#, REFUSED),
        (r#"allow { sprintf("%#x", [255]) == "0xff" }"#, REFUSED),
        (r#"allow { sprintf("%T", ["a"]) == "string" }"#, REFUSED),
        (r#"allow { sprintf("%*d", [5, 42]) == "   42" }"#, REFUSED),
        (r#"allow { sprintf("% d", [42]) == " 42" }"#, REFUSED),
        (r#"allow { sprintf("plain", []) == "plain" }"#, YES),
        (r#"allow { re_match("b", "abc") }"#, YES),
        (r#"allow { regex.match("[[:alpha:]]+", "abc") }"#, YES),
        (r#"allow { regex.match("\\p{Greek}", "α") }"#, REFUSED),
        (r#"allow { regex.match(`\s`, "a b") }"#, YES),
        (r#"allow { regex.match("^\\w$", "é") }"#, NO),
        (r#"allow { regex.match("^\\s$", "\u00a0") }"#, NO),
        (r#"allow { regex.match(`^\w+@acme\.example$`, "bob@acme.example") }"#, YES),
        (r#"allow { regex.match("^\\s$", "\u000b") }"#, NO),
        (r#"allow { regex.match("(?i)ABC", "abc") }"#, YES),
        (r#"allow { regex.match("(?i)^ſ$", "s") }"#, YES),
        (r#"allow { regex.match("(?P<x>a)", "a") }"#, YES),
        (r#"allow { regex.match("(?<x>a)", "a") }"#, YES),
        (r#"allow { regex.is_valid("(a)\\1") }"#, REFUSED),
        (r#"allow { regex.match("\\Qa.b\\E", "a.b") }"#, REFUSED),
        (r#"allow { regex.match("^a$", "a\n") }"#, NO),
        (r#"allow { regex.match("^.$", "\n") }"#, NO),
        (r#"allow { regex.is_valid("(?x)a b") }"#, REFUSED),
        (r#"allow { regex.is_valid("a{1001}") }"#, REFUSED),
        (r#"allow { regex.match("^a{2}$", "aa") }"#, YES),
        (r#"allow { regex.match("^a{,2}$", "a{,2}") }"#, REFUSED),
        (r#"allow { regex.match("^{$", "{") }"#, REFUSED),
        (r#"allow { regex.match("^[a-z&&[^b]]$", "b") }"#, NO),
        (r#"allow { regex.match("^[a&&b]$", "&") }"#, YES),
        (r#"allow { regex.match("^[a--b]$", "-") }"#, REFUSED),
        (r#"allow { regex.match("^[a~~b]$", "~") }"#, YES),
        (r#"allow { regex.match("^[[]$", "[") }"#, YES),
        (r#"allow { regex.is_valid("\\<a") }"#, REFUSED),
        (r#"allow { regex.replace("abc", "b", "x") == "axc" }"#, REFUSED),
        (r#"allow { regex.replace("abc", "(b)", "[$1]") == "a[b]c" }"#, REFUSED),
        (r#"allow { regex.replace("abc", "(?P<n>b)", "${n}${n}") == "abbc" }"#, REFUSED),
        (r#"allow { regex.replace("abc", "(b)", "$1x") == "ac" }"#, REFUSED),
        (r#"allow { regex.split("a*", "baac") == ["b", "c"] }"#, REFUSED),
        (r#"allow { regex.split("/", "a/b") == ["a", "b"] }"#, REFUSED),
        (r#"allow { regex.split("a*", "abaabaccadaaae") == ["", "b", "b", "c", "c", "d", "e"] }"#, REFUSED),
        (r#"allow { glob.match("*.github.com", [], "api.github.com") }"#, YES),
        (r#"allow { glob.match("*.github.com", [], "api.cdn.github.com") }"#, NO),
        (r#"allow { glob.match("*hub.com", null, "api.cdn.github.com") }"#, YES),
        (r#"allow { glob.match("api.**.com", [], "api.github.com") }"#, YES),
        (r#"allow { glob.match("api.**.com", [], "api.cdn.github.com") }"#, YES),
        (r#"allow { glob.match("[!abc]at", [], "lat") }"#, YES),
        (r#"allow { glob.match("{cat,bat,[fr]at}", [], "rat") }"#, YES),
        (r#"allow { glob.match("a/*", ["/"], "a/b/c") }"#, NO),
        (r#"allow { glob.match("a/**", ["/"], "a/b/c") }"#, YES),
        (r#"allow { glob.match("*", ["/"], "a/b") }"#, NO),
        (r#"allow { glob.match("a\\*", [], "a*") }"#, YES),
        (r#"allow { glob.match("**/c", ["/"], "a/b/c") }"#, YES),
        (r#"allow { glob.match("**/c", ["/"], "c") }"#, NO),
        (r#"allow { glob.match("[^a]b", [], "cb") }"#, NO),
        (r#"allow { glob.match("a}b,c", [], "a}b,c") }"#, YES),
        (r#"allow { glob.match("[a-b-c]", [], "a") }"#, NO),
        (r#"allow { glob.match("[a-]", [], "a") }"#, NO),
        (r#"allow { glob.match("[a\\]", [], "a") }"#, NO),
        (r#"allow { {1} | {2} == {1, 2} }"#, YES),
        (r#"allow { {1, 2} & {2} == {2} }"#, YES),
        (r#"allow { {1, 2}[1] }"#, YES),
        (r#"allow { count({1, 1.0}) == 1 }"#, YES),
        (r#"allow { null < false }"#, YES),
        (r#"allow { array.slice([1, 2, 3], 1, 2) == [2] }"#, YES),
        (r#"allow { object.get({"a": 1}, "a", 2) == 1 }"#, YES),
        (r#"allow { object.get({"a": 1}, "b", 2) == 2 }"#, YES),
        (r#"allow { object.get({"a": {"b": 1}}, ["a", "b"], 2) == 1 }"#, YES),
        (r#"allow { object.get({"a": {"b": 1}}, ["a", "c"], 2) == 2 }"#, YES),
        (r#"allow { object.get({"a": [1, 2]}, ["a", 1], 0) == 2 }"#, YES),
        (r#"allow { object.get({"a": 1}, [], 2) == {"a": 1} }"#, YES),
        (r#"allow { object.get({"a": null}, "a", 2) == null }"#, YES),
        (r#"allow { object.get({"a": false}, "a", true) == false }"#, YES),
        (r#"allow { {"a\u0062": 1}.ab == 1 }"#, YES),
        (r#"allow { {"ab": 1}["a\u0062"] == 1 }"#, YES),
        (r#"allow { input.predicate["a\u0062"] == 1 }"#, YES),
        (r#"allow { input.predicate["\u0061b"] == 1 }"#, YES),
        (r#"allow { input.predicate["q\"q"] == 1 }"#, YES),
        (r#"allow { input.predicate["back\\slash"] == 1 }"#, YES),
        (r#"allow { input.predicate["sl\/ash"] == 1 }"#, YES),
        (r#"allow { input.predicate["tab\tx"] == 1 }"#, YES),
        (r#"allow { {"q\"q": 1} == {"q\"q": 1} }"#, YES),
        (r#"allow { x := {"q\"q": 1}; x["q\"q"] == 1 }"#, YES),
        (r#"allow { input.predicate[`q"q`] == 1 }"#, YES),
        (r#"allow { input.predicate["é"] == 1 }"#, YES),
        (r#"allow { input.predicate["\u00e9"] == 1 }"#, YES),
        (r#"allow { k := "q\"q"; input.predicate[k] == 1 }"#, YES),
        (r#"allow { input.predicate["q\"q"] }"#, YES),
        (r#"allow { not input.predicate["q\"q"] }"#, NO),
        (r#"allow { object.get(input.predicate, "q\"q", 0) == 1 }"#, YES),
        (r#"allow { count([1 | walk({"a": [1]}, _)]) == 3 }"#, REFUSED),
        (r#"allow { walk({"a": 1}, [["a"], 1]) }"#, REFUSED),
        (r#"allow { json.marshal({"b": 1, "a": [true, null]}) == "{\"a\":[true,null],\"b\":1}" }"#, REFUSED),
        (r#"allow { json.unmarshal("{\"a\":1}") == {"a": 1} }"#, YES),
        (r#"allow { json.unmarshal("{\"a\":1,\"a\":2}") == {"a": 2} }"#, YES),
        (r#"allow { json.unmarshal("18446744073709551617") != 18446744073709551616 }"#, REFUSED),
        (r#"allow { time.parse_rfc3339_ns("2020-01-01T00:00:00Z") == 1577836800000000000 }"#, YES),
        (r#"allow { crypto.sha256("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" }"#, REFUSED),
        (r#"allow { any([true, false]) }"#, YES),
        (r#"allow { all([true, true]) }"#, YES),
        (r#"allow { all([]) }"#, YES),
        (r#"allow { any([]) }"#, NO),
        (r#"allow { count({"a": 1}) == 1 }"#, YES),
        (r#"allow { count({1, 2}) == 2 }"#, YES),
        (r#"allow { opa.runtime() }"#, REFUSED),
        (r#"allow { not input.nope }"#, YES),
        (r#"allow { input.nope == input.nope }"#, NO),
        (r#"allow { not input.nope.more }"#, YES),
        (r#"allow { [x | x := input.nope] == [] }"#, YES),
        (r#"allow { {"a": input.nope} == {} }"#, NO),
        (r#"allow { not [input.nope] == [] }"#, NO),
        (r#"allow { some i; [1, 2][i] == 2 }"#, YES),
        (r#"allow { input.predicate.one == 2 with input as {"predicate": {"one": 2}} }"#, YES),
        (r#"allow { input.predicate.one == 2 with input.predicate.one as 2 }"#, YES),
        (r#"allow { count([1]) == 5 with count as 5 }"#, REFUSED),
        (r#"allow { input.predicate.list[_] == 2 }"#, YES),
        (r#"allow { not input.predicate.list[_] == 5 }"#, REFUSED),
        (r#"allow { 1 == "1" }"#, NO),
        (r#"allow { not startswith(input.nope, "a") }"#, NO),
        (r#"allow { not count(input.nope) > 0 }"#, NO),
        (r#"allow { not lower(input.nope) == "a" }"#, NO),
        (r#"allow { not input.nope == input.nope2 }"#, YES),
        (r#"allow { not {"a": input.nope} == {} }"#, NO),
        (r#"allow { not [input.nope] }"#, NO),
        (r#"allow { not [input.nope][0] == 1 }"#, NO),
        (r#"allow { not [1, input.nope] == [1, 2] }"#, NO),
        (r#"allow { not input.predicate.list[input.nope] }"#, NO),
        (r#"allow { not input.nope + 1 == 2 }"#, NO),
        (r#"allow { not {input.nope} == {1} }"#, NO),
        (r#"allow { not (count(input.nope) > 0) }"#, NO),
        (r#"allow { not startswith(lower(input.nope), "a") }"#, NO),
        (r#"allow { not count([input.nope]) == 1 }"#, NO),
        (r#"allow { not count({input.nope}) == 1 }"#, NO),
        (r#"allow { not count([x | x := input.nope]) == 1 }"#, YES),
        (r#"allow { not input.predicate.list[i] == 5 }"#, REFUSED),
        (r#"allow { i := 0; not input.predicate.list[i] == 5 }"#, YES),
        (r#"allow { some i; not input.predicate.list[i] == 5 }"#, REFUSED),
        (r#"allow { some i; input.predicate.list[i] == 2; not input.predicate.list[i] == 3 }"#, YES),
        (r#"allow { not {"a"}[_] == "b" }"#, REFUSED),
        (r#"allow { not x := 1 }"#, REFUSED),
        (r#"allow { not x = 1 }"#, REFUSED),
        (r#"allow = false { input.predicate.one == 2 } else = true"#, YES),
        (r#"allow { count([1], 2) == 1 }"#, REFUSED),
        (r#"allow { count() == 1 }"#, REFUSED),
        (r#"allow { count("e\u0301") == 2 }"#, YES),
        (r#"allow { glob.match("a**b", [], "a.x.b") }"#, YES),
        (r#"allow { glob.match("?", [], "é") }"#, YES),
        (r#"allow { glob.match("a/**/b", ["/"], "a/b") }"#, NO),
        (r#"allow { regex.match("^v\\d+\\.\\d+$", "v1.2") }"#, YES),
        (r#"allow { regex.match("[^\\s]+", " a") }"#, YES),
        (r#"allow { regex.match("(?i)^abc$", "ABC") }"#, YES),
        (r#"allow { regex.match("^\\w+$", "abc_1") }"#, YES),
        (r#"allow { regex.match("\\bfoo\\b", "a foo b") }"#, YES),
        (r#"allow { regex.match("[\\d.]+", "1.2") }"#, YES),
        (r#"allow { regex.match("a**", "a") }"#, REFUSED),
        (r#"allow { regex.match("x*+", "a") }"#, REFUSED),
        (r#"allow { not input.nope < 1 }"#, NO),
        (r#"allow { not input.nope != 1 }"#, NO),
        (r#"allow { not 1 > input.nope }"#, NO),
        (r#"allow { not count(input.nope) == 1 }"#, NO),
        (r#"allow { not startswith(data.signature.zz, "a") }"#, NO),
        (r#"allow { x := 1; not startswith(input.predicate.ts, "1999"); x == 1 }"#, YES),
        (r#"allow { x := input.predicate; not startswith(x.nope, "a") }"#, NO),
        (r#"allow { x := input.predicate; not startswith(x.ts, "1999") }"#, YES),
        (r#"allow { i := 7; not input.predicate.list[i] == 1 }"#, YES),
        (r#"allow { i := 7; not count(input.predicate.list[i]) == 1 }"#, NO),
        (r#"allow { not input.predicate.list[count(input.nope)] }"#, NO),
        (r#"allow { not input.nope.a == input.predicate.one }"#, YES),
        (r#"allow { not {"a": 1} == input.nope }"#, YES),
        (r#"allow { not startswith(input.nope, "a") with input as {"nope": "b"} }"#, YES),
        (r#"allow { not startswith(input.nope, "a") with input as {} }"#, NO),
        (r#"allow { not count([1 | input.nope]) == 1 }"#, YES),
        (r#"allow { not count([x | x := input.predicate.list[_]; x > 0]) == 5 }"#, YES),
        (r#"allow { count([1 | not startswith(input.nope, "a")]) == 1 }"#, NO),
        (r#"allow { not {x | x := input.nope} == set() }"#, NO),
        (r#"allow { not {"a": 1}[input.nope] }"#, NO),
        (r#"allow { not (input.nope == 1) }"#, YES),
        (r#"allow { not (input.nope < 1) }"#, NO),
        (r#"allow { not (input.predicate.one == 2) }"#, YES),
        (r#"allow { not [x, 1] = [2, input.nope] }"#, REFUSED),
        (r#"allow { not input.predicate.one != 1 }"#, YES),
        (r#"allow { not startswith(lower(input.predicate.ts), "1999") }"#, YES),
        (r#"allow { not contains(concat("", ["a", input.nope]), "a") }"#, NO),
        (r#"allow { not input.predicate[lower("ONE")] }"#, NO),
        (r#"allow { not input.predicate[lower(input.nope)] }"#, NO),
        (r#"allow { not input.predicate.list[0] == 5 }"#, YES),
        (r#"allow { not input.predicate.one + 1 == 3 }"#, YES),
        (r#"allow { not {1} & input.nope == {1} }"#, NO),
        (r#"allow { {"a": 18446744073709551617} != {"a": 18446744073709551616} }"#, REFUSED),
        (r#"allow { {k: v | v := input.predicate.obj[k]} == {"1": "one"} }"#, YES),
        (r#"allow { count({k: nosuch(1) | k := 1}) == 0 }"#, REFUSED),
        (r#"allow { nosuch(1).a }"#, REFUSED),
        (r#"allow { not {"a": i} == {"a": 1} }"#, REFUSED),
        (r#"allow { not count(i) == 1 }"#, REFUSED),
        (r#"allow { not i.a == 1 }"#, REFUSED),
        (r#"allow { 6 / 2 == 3 }"#, YES),
        (r#"allow { 2147483648 * 2 == 4294967296 }"#, YES),
        (r#"allow { 9223372036854775807 * 2 > 0 }"#, REFUSED),
        (r#"allow { to_number("abc") == 0 }"#, NO),
        (r#"allow { to_number("0.0") == 0 }"#, YES),
        (r#"allow { json.unmarshal("{\"a\":\"18446744073709551617\"}").a == "18446744073709551617" }"#, YES),
        (r#"allow { json.unmarshal("[\"\\\"18446744073709551617\"]")[0] == "\"18446744073709551617" }"#, YES),
        (r#"allow { sprintf("%d", [1.5]) == "1.5" }"#, NO),
        (r#"allow { sprintf("%s", [1]) == "1" }"#, NO),
        (r#"allow { regex.match("^a{1001}$", "a") }"#, REFUSED),
        (r#"allow { regex.match("^a{1,1001}$", "a") }"#, REFUSED),
        (r#"allow { regex.match("^a{2,3}$", "aaa") }"#, YES),
        (r#"allow { regex.match("^a+?$", "aa") }"#, YES),
        (r#"allow { regex.match("^[[:alpha:]]+$", "abc") }"#, YES),
        (r#"allow { regex.match("^[[:digit:]]$", "a") }"#, NO),
        (r#"allow { not startswith(input.predicate.ts, "1999"); lower("A") == "a" }"#, YES),
        (r#"allow { not upper("straße") == "STRASSE" }"#, YES),
        (r#"allow { not regex.match("a", "b") == true }"#, YES),
        (r#"allow { -input.predicate.one == -1 }"#, REFUSED),
        (r#"allow { not -input.nope == 1 }"#, REFUSED),
        (r#"allow { x := 1; -x < 0 }"#, REFUSED),
        (r#"allow { any({false, true}) }"#, YES),
        (r#"allow { all({true}) }"#, YES),
        (r#"allow { any([1]) }"#, NO),
        (r#"allow { all([1]) }"#, NO),
        (r#"allow { sprintf("%v %v", [input.predicate.one, input.predicate.list]) == "1 [0, 2, 3]" }"#, YES),
        (r#"allow { sprintf("%v", [input.predicate.obj]) == "{\"1\": \"one\"}" }"#, YES),
        (r#"allow { sprintf("%s", [["a"]]) == "[\"a\"]" }"#, YES),
        (r#"allow { sprintf("%v", [true]) == "true" }"#, YES),
        (r#"allow { sprintf("%s", [true]) == "true" }"#, YES),
        (r#"allow { sprintf("%s", [{"a": 1}]) == "{\"a\": 1}" }"#, YES),
        (r#"allow { sprintf("%s", [null]) == "null" }"#, YES),
        (r#"allow { sprintf("%v", [1.5]) == "1.5" }"#, YES),
        (r#"allow { sprintf("%v", [1e5]) == "100000" }"#, YES),
        (r#"allow { sprintf("%v", ["é\n"]) == "é\n" }"#, YES),
        (r#"allow { sprintf("%v", [["é\n\""]]) == "[\"é\\n\\\"\"]" }"#, YES),
        (r#"allow { sprintf("%v", [set()]) == "set()" }"#, YES),
        (r#"allow { sprintf("%v", [{}]) == "{}" }"#, YES),
        (r#"allow { sprintf("%v", [{"b": 1, "a": [true, null]}]) == "{\"a\": [true, null], \"b\": 1}" }"#, YES),
        (r#"allow { sprintf("%d%%", [5]) == "5%" }"#, YES),
        (r#"allow { time.parse_rfc3339_ns("2020-01-01T00:00:00.123456789Z") == 1577836800123456789 }"#, YES),
        (r#"allow { time.parse_rfc3339_ns("2020-01-01T00:00:00+02:00") == 1577829600000000000 }"#, YES),
        (r#"allow { time.parse_rfc3339_ns("1700-01-01T00:00:00Z") < 0 }"#, YES),
        ("import future.keywords\nallow { \"q\\\"q\" in object.keys(input.predicate) }", YES),
        ("import future.keywords\nallow { 1 in [1, 2] }", YES),
        ("import future.keywords\nallow { nosuch(1) in [1] }", REFUSED),
        ("import future.keywords\nallow { not i in [1] }", REFUSED),
        ("import future.keywords\nallow { 0, 1 in [1, 2] }", YES),
        ("import future.keywords\nallow { not input.nope in [1] }", NO),
        ("import future.keywords\nallow { not 1 in input.nope }", NO),
        ("import future.keywords\nallow { not 1 in [input.nope] }", NO),
        ("f(x) = true { x == 1 }\nallow { not f(input.nope) }", NO),
        ("f(x) = true { x == 1 }\nallow { not f([input.nope]) }", NO),
        ("r { input.nope }\nallow { not r }", YES),
        ("default allow = false\nallow { input.predicate.one == 1 }", YES),
        ("default allow = true\nallow = false { input.predicate.one == 1 }", NO),
        ("default allow = true\nallow = false { input.predicate.one == 2 }", YES),
        ("default x = 5\nallow { x == 5 }", YES),
        ("default f(x) = 5\nallow { f(1) == 5 }", YES),
        ("x = 1 { false } else = 2 { true }\nallow { x == 2 }", YES),
        ("x = 1 { false } else = 2 { false } else = 3\nallow { x == 3 }", YES),
        ("f(x) = 1 { x == 1 } else = 2 { x == 2 }\nallow { f(2) == 2 }", YES),
        ("x = 1 { input.nope } else = 2\nallow { x == 2 }", YES),
        ("x { false } else { true }\nallow { x }", YES),
        ("x = y { y := 1; y == 2 } else { true }\nallow { x }", YES),
        ("f(x) = {\"a\": 1} { x == 1 }\nallow { not f(2).a }", NO),
        ("f(x) = x\nallow { not f(input.predicate).nope }", YES),
        ("s[x] { x := input.predicate.list[_] }\nallow { s == {0, 2, 3} }", YES),
        ("s[\"a\"] { false }\nallow { s == set() }", YES),
        ("s[\"a\"] { false }\nallow { count(s) == 0 }", YES),
        ("s[\"a\"]\nallow { s.a }", YES),
        ("s[\"a\"] { true }\nallow { s[\"a\"] }", YES),
        ("s[\"a\"] { true }\nallow { not s[\"b\"] }", YES),
        ("deny[msg] { input.predicate.one == 2; msg := \"x\" }\nallow { count(deny) == 0 }", YES),
        ("deny[msg] { input.predicate.one == 1; msg := \"x\" }\nallow { count(deny) == 0 }", NO),
        ("deny[msg] { input.predicate.one == 1; msg := \"x\" }\nallow { not deny[_] }", REFUSED),
        ("deny[msg] { input.predicate.one == 2; msg := \"x\" }\nallow { not deny[_] }", REFUSED),
        ("o[k] = v { v := input.predicate.obj[k] }\nallow { o == {\"1\": \"one\"} }", YES),
        ("o[\"a\"] = 1 { false }\nallow { o == {} }", YES),
        ("o[k] = 1 { true }\nallow { true }", REFUSED),
        ("o[k].b = 1 { true }\nallow { true }", REFUSED),
        ("o[\"a\"] = 1\no[\"b\"] = 2\nallow { o == {\"a\": 1, \"b\": 2} }", YES),
        ("r = input.a\nallow { r == 5 with input as {\"a\": 5} }", YES),
        ("f(x) = x\ng(x) = 7\nallow { f(1) == 7 with f as g }", REFUSED),
        ("f(x) = x\nallow { f(1) == 7 with f as 7 }", REFUSED),
        ("import future.keywords\nallow { every x in [1, 2] { x > 1 } }", NO),
        ("import future.keywords\nallow { every x in [] { x > 1 } }", YES),
        ("import future.keywords\nallow { \"a\" in \"abc\" }", NO),
        ("import future.keywords\nallow { 1 in {\"a\": 1} }", YES),
        ("import future.keywords\nallow { \"a\", 1 in {\"a\": 1} }", YES),
        ("import future.keywords\nallow { 1 in input.nope }", NO),
        ("import future.keywords\nallow { 1 in {1} }", YES),
        ("f(x) { nosuch(x) }\nallow { true }", REFUSED),
        ("f(x) { time.sleep(x) }\nallow { true }", REFUSED),
        ("f(x) { count(1, 2) }\nallow { true }", REFUSED),
        ("f(x) = y\nallow { true }", REFUSED),
        ("s[x] { true }\nallow { true }", REFUSED),
        ("r { input.nope }\nallow { not count(r) > 0 }", NO),
        ("r { input.nope }\nf(x) { x == 1 }\nallow { not f(r) }", NO),
        ("r { input.nope }\nallow { not r < 1 }", NO),
        ("r { input.nope }\nallow { not 1 in r }", REFUSED),
        ("f(x) = 1 { x == 2 }\nallow { not f(1) }", YES),
        ("f(x) = 1 { x == 2 }\nallow { not f(1) == 1 }", NO),
        ("f(x) = 1 { x == 2 }\nallow { not f(1) > 0 }", NO),
        ("f(x) = 1 { x == 2 }\ng(x) { x == 1 }\nallow { not g(f(1)) }", NO),
        ("import future.keywords\nallow { every x in [1] { not startswith(input.nope, \"a\") } }", NO),
        ("import future.keywords\nallow { not input.predicate.one in [5, 6] }", YES),
        ("import future.keywords\nallow { not input.predicate.one in [1] }", NO),
        ("import future.keywords\nallow { not \"x\" in input.predicate.nested.a.b }", NO),
    ];

    // threat: R20
    #[test]
    fn answers_are_those_of_opa_or_refused_when_read() {
        let answer = |policy: &str| match ask(policy) {
            Ok(true) => YES,
            Ok(false) => NO,
            Err(_) => REFUSED,
        };
        let other = ANSWERS.iter().filter(|(policy, expected)| answer(policy) != *expected);
        let other: Vec<_> = other.map(|(policy, expected)| (policy, expected, ask(policy))).collect();
        assert!(other.is_empty(), "{other:#?}");
    }

    // threat: R20
    #[test]
    fn what_is_refused_names_its_line() {
        for (policy, line, words) in [
            ("allow { nosuch(1) }", 2, "function nosuch is not supported"),
            ("f(x) {\n  time.sleep(x)\n}\nallow { true }", 3, "function time.sleep is not supported"),
            ("allow { count([1], 2) == 1 }", 2, "function count: expected 1 arguments, found 2"),
            ("allow { 18446744073709551616 > 1 }", 2, "number 18446744073709551616 is too large"),
            ("allow { 0.12345678901234567 > 0 }", 2, "is too large to be compared exactly"),
            ("allow { 0.1 + 0.2 == 0.3 }", 2, "arithmetic with a decimal"),
            ("allow { 1 / 3 > 0 }", 2, "division"),
            ("allow { sprintf(input.a, []) == 1 }", 2, "expected a literal format string"),
            ("allow { sprintf(\"%q\", [1]) == 1 }", 2, "expected %s, %v, %d"),
            ("allow { regex.match(`(?x)a`, \"a\") }", 2, "expected flags of i, m, s and U"),
            ("f(x) = x\nallow { f(1) == 7 with f as 7 }", 3, "`with` replaces `input` and `data`"),
            ("allow { not input.a[_] == 1 }", 2, "`_` in a negated expression"),
            ("allow { not input.a[i] == 1 }", 2, "variable i has no value"),
            ("f(x) = y\nallow { true }", 2, "variable y has no value"),
            ("allow { input[\"a\\n\"] }", 2, "cannot be written without escapes"),
            ("allow { x := 1; -x < 0 }", 2, "`-` must be right before a number"),
        ] {
            let error = ask(policy).expect_err(policy);
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(words), "{policy}: {error}");
        }
    }

    // threat: R20
    #[test]
    fn numbers_of_a_statement_are_compared_as_they_are_written() {
        for (policy, expected) in [
            ("allow { input.predicate.big > input.predicate.big0 }", true),
            ("allow { input.predicate.big != input.predicate.big0 }", true),
            ("allow { input.predicate.big == input.predicate.big0 }", false),
            ("allow { input.predicate.big == input.predicate.big }", true),
            ("allow { json.unmarshal(\"18446744073709551617\") == input.predicate.big }", true),
            ("allow { json.unmarshal(\"[18446744073709551616]\")[0] == input.predicate.big }", false),
            ("allow { is_number(input.predicate.big); input.predicate.big > 5 }", true),
            ("allow { input.predicate.f == 1.1 }", true),
            ("allow { json.unmarshal(\"[18446744073709551617]\")[0] == input.predicate.big }", true),
            // What is not held exactly is an error, and no other number.
            ("allow { to_number(\"18446744073709551617\") > 0 }", false),
            ("allow { to_number(\" 1\") == 1 }", false),
            ("allow { to_number(\"1 \") == 1 }", false),
        ] {
            assert_eq!(ask(policy), Ok(expected), "{policy}");
        }
        for (number, expected) in [
            ("9".repeat(100), true),
            ("9".repeat(101), false),
            // Only integers are held digit by digit.
            (format!("1.{}", "0".repeat(120)), true),
        ] {
            assert_eq!(ask(&format!("allow {{ json.unmarshal(\"{number}\") >= 1 }}")), Ok(expected), "{number}");
        }
    }
}
