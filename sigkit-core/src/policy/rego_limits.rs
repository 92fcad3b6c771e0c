//! How deep a policy in Rego can make its interpreter call itself, read off its text before the interpreter sees it.
//!
//! The interpreter keeps no count of functions that call each other, nor of chains of rules, and dies where the stack ends. Rego
//! forbids recursion, so nothing is lost by refusing. Where the text alone does not tell, more is assumed rather than less.

use std::collections::{BTreeMap, BTreeSet};

/// Longest policy, in bytes: the interpreter's own bound.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Most rules and functions, counting every definition of a name.
const MAX_RULES: usize = 2_000;
/// Deepest evaluation, in units of some 5 KiB of stack where the interpreter is built without optimisation, 1.2 KiB with it.
///
/// A thread's 2 MiB bear about twice as many units without optimisation, six times with it: measured on chains of rules and of
/// functions and on loops. Policies as people write them take some 15 units for each nested rule.
const MAX_DEPTH: usize = 200;
/// Deepest nesting of brackets: with each level the interpreter's parser may read twice as often.
const MAX_BRACKETS: usize = 12;
/// Units of a rule or a call.
const CALL: usize = 4;
/// Units of a level of brackets, which may be a comprehension.
const BRACKET: usize = 2;
/// Units of a loop: the rest of the body runs inside it.
const LOOP: usize = 2;
/// The node for `data` read by a name that is not written out: it leads to everything.
const ANYTHING: &str = "data";

/// Checks that no function of the package calls itself, and that rules and functions lean on each other only so deep.
pub(super) fn check(source: &str, package: &str) -> Result<(), String> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(format!("expected at most {MAX_SOURCE_BYTES} bytes, found {}", source.len()));
    }
    let tokens = tokens(source);
    let mut reader = Reader::new(package, keywords(&tokens, package)?);
    reader.read(&tokens);
    let count = reader.rules.len();
    if count > MAX_RULES {
        return Err(format!("expected at most {MAX_RULES} rules, found {count}"));
    }
    if reader.nested > MAX_BRACKETS {
        return Err(format!("expected brackets at most {MAX_BRACKETS} deep, found {}", reader.nested));
    }
    let graph = Graph::new(reader);
    if let Some(name) = graph.recursive_function() {
        return Err(format!("function {name} is recursive"));
    }
    match graph.depth() {
        depth if depth > MAX_DEPTH => Err(format!("expected rules at most {MAX_DEPTH} units deep, found {depth}")),
        _ => Ok(()),
    }
}

/// The words that imports make keywords. Imports that would hide who calls whom are refused.
fn keywords<'a>(mut rest: &[Token<'a>], own: &str) -> Result<BTreeSet<&'a str>, String> {
    let mut found = BTreeSet::new();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != Token::Name("import") {
            continue;
        }
        let (path, next) = path(rest);
        match *path.as_slice() {
            ["data", package, ..] if package != own => {}
            ["data", ..] => return Err("a policy does not import itself".to_owned()),
            ["future" | "rego", ..] if next == Some(&Token::Symbol('[')) => {
                return Err("expected import with dots, found brackets".to_owned());
            }
            ["future", "keywords"] | ["rego", "v1"] => found.extend(["every", "if", "in"]),
            ["future", "keywords", "every"] => found.extend(["every", "in"]),
            ["future", "keywords", word] => {
                found.insert(word);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The first names with points between them, and what follows.
fn path<'a, 't>(tokens: &'t [Token<'a>]) -> (Vec<&'a str>, Option<&'t Token<'a>>) {
    let mut found = Vec::new();
    let mut rest = tokens;
    while let [Token::Name(name), after @ ..] = rest {
        found.push(*name);
        let [Token::Symbol('.'), members @ ..] = after else { return (found, after.first()) };
        rest = members;
    }
    (found, rest.first())
}

/// One definition of a rule or function.
#[derive(Default)]
struct Rule<'a> {
    name: &'a str,
    kind: Kind,
    arguments: BTreeSet<&'a str>,
    mentions: Vec<&'a str>,
    /// Levels of brackets and operators.
    depth: usize,
    loops: usize,
}

impl Rule<'_> {
    fn units(&self) -> usize {
        CALL.saturating_add(self.depth).saturating_add(self.loops.saturating_mul(LOOP))
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Rule,
    Function,
}

/// Splits a policy into its rules: one begins where, outside of all brackets, a name follows what is complete.
struct Reader<'a> {
    package: &'a str,
    keywords: BTreeSet<&'a str>,
    rules: Vec<Rule<'a>>,
    /// `with` first `as` second.
    replaced: Vec<(&'a str, &'a str)>,
    /// What the last `with` named.
    target: Option<&'a str>,
    /// Operators so far in the expression of each open bracket.
    open: Vec<usize>,
    /// Levels of all open brackets together.
    depth: usize,
    /// Most brackets that were open at once.
    nested: usize,
    operators: usize,
    part: Part,
}

/// Where in a rule the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Arguments,
    Rest,
}

impl<'a> Reader<'a> {
    fn new(package: &'a str, keywords: BTreeSet<&'a str>) -> Self {
        Self {
            package,
            keywords,
            rules: Vec::new(),
            replaced: Vec::new(),
            target: None,
            open: Vec::new(),
            depth: 0,
            nested: 0,
            operators: 0,
            part: Part::Rest,
        }
    }

    fn read(&mut self, mut rest: &[Token<'a>]) {
        let mut complete = true;
        let mut last = Token::Symbol(';');
        while let Some((&token, after)) = rest.split_first() {
            rest = after;
            match token {
                // A member of what is before the point.
                Token::Name(_) if last == Token::Symbol('.') => complete = true,
                Token::Name(word) if self.joins(word) => {
                    self.join(word);
                    complete = false;
                }
                Token::Name(_) | Token::Literal => {
                    if complete {
                        self.operators = 0;
                    }
                    if let Token::Name(name) = token {
                        if complete && self.open.is_empty() {
                            self.part = Part::Name;
                            self.rules.push(Rule { name, ..Rule::default() });
                        } else if let Some(name) = mentioned(self.package, name, after) {
                            self.mention(name, last);
                        }
                    }
                    complete = true;
                }
                Token::Symbol(symbol) => {
                    self.symbol(symbol, complete, after);
                    complete = matches!(symbol, ')' | ']' | '}');
                    if symbol == '(' && last == Token::Name("as") {
                        continue;
                    }
                }
            }
            self.nested = self.nested.max(self.open.len());
            let deep = self.depth.saturating_add(self.operators);
            self.rule(|rule| rule.depth = rule.depth.max(deep));
            last = token;
        }
    }

    /// Returns true if this word wants something after it. `contains` is a name, too, but not right after the name of a rule.
    fn joins(&self, word: &str) -> bool {
        match word {
            "as" | "else" | "import" | "not" | "package" | "some" | "with" => true,
            "contains" => self.open.is_empty() && self.part == Part::Name,
            _ => self.keywords.contains(word),
        }
    }

    fn join(&mut self, word: &str) {
        if word == "in" {
            self.operators = self.operators.saturating_add(1);
            self.rule(|rule| rule.loops = rule.loops.saturating_add(1));
        } else {
            self.operators = 0;
        }
        if self.open.is_empty() {
            self.part = Part::Rest;
        }
    }

    fn mention(&mut self, name: &'a str, last: Token<'a>) {
        if last == Token::Name("with") {
            self.target = Some(name);
        }
        if last == Token::Name("as")
            && let Some(target) = self.target.take()
        {
            self.replaced.push((target, name));
        }
        let part = self.part;
        self.rule(|rule| {
            if part == Part::Arguments {
                rule.arguments.insert(name);
            }
            rule.mentions.push(name);
        });
    }

    fn symbol(&mut self, symbol: char, complete: bool, after: &[Token<'a>]) {
        match symbol {
            '(' | '[' | '{' => {
                if self.open.is_empty() && self.part == Part::Name {
                    self.part = match symbol {
                        '(' => Part::Arguments,
                        '[' => Part::Name,
                        _ => Part::Rest,
                    };
                    if symbol == '(' {
                        self.rule(|rule| rule.kind = Kind::Function);
                    }
                }
                // `a[b]` goes through all of `a` where `b` is free.
                if symbol == '[' && complete && !matches!(after, [Token::Literal, Token::Symbol(']'), ..]) {
                    self.rule(|rule| rule.loops = rule.loops.saturating_add(1));
                }
                self.depth = self.depth.saturating_add(self.operators).saturating_add(BRACKET);
                self.open.push(std::mem::take(&mut self.operators));
            }
            ')' | ']' | '}' => {
                self.operators = self.open.pop().unwrap_or_default();
                self.depth = self.depth.saturating_sub(self.operators.saturating_add(BRACKET));
                if self.open.is_empty() && self.part == Part::Arguments {
                    self.part = Part::Rest;
                }
            }
            ',' | ';' => self.operators = 0,
            '.' => {}
            _ => {
                // The sign of a number that has not been read yet: the parser calls itself.
                self.operators = self.operators.saturating_add(if complete { 1 } else { CALL });
                if self.open.is_empty() {
                    self.part = Part::Rest;
                }
            }
        }
    }

    fn rule(&mut self, change: impl FnOnce(&mut Rule<'a>)) {
        if let Some(rule) = self.rules.last_mut() {
            change(rule);
        }
    }
}

/// The rule that a name in an expression refers to, if it is one of this package.
fn mentioned<'a>(own: &str, name: &'a str, after: &[Token<'a>]) -> Option<&'a str> {
    if name != ANYTHING {
        return Some(name);
    }
    match after {
        [Token::Symbol('.'), Token::Name(package), Token::Symbol('.'), Token::Name(name), ..] if *package == own => {
            Some(name)
        }
        [Token::Symbol('.'), Token::Name(package), ..] if *package != own => None,
        _ => Some(ANYTHING),
    }
}

/// All definitions of a name.
#[derive(Default)]
struct Node<'a> {
    kind: Kind,
    leads: BTreeSet<&'a str>,
    /// The deepest definition.
    units: usize,
    /// All definitions, one inside the other.
    total: usize,
    definitions: usize,
}

struct Graph<'a>(BTreeMap<&'a str, Node<'a>>);

impl<'a> Graph<'a> {
    fn new(reader: Reader<'a>) -> Self {
        let mut nodes = BTreeMap::<_, Node<'a>>::new();
        for rule in &reader.rules {
            let node = nodes.entry(rule.name).or_default();
            if rule.kind == Kind::Function {
                node.kind = Kind::Function;
            }
            node.units = node.units.max(rule.units());
            node.total = node.total.saturating_add(rule.units());
            node.definitions = node.definitions.saturating_add(1);
        }
        for (target, by) in reader.replaced {
            // Under a name that is not written out, any function may be the one that is replaced: the new one by itself, too.
            let target = if target == ANYTHING { by } else { target };
            let node = nodes.entry(target).or_default();
            if node.definitions == 0 {
                node.kind = Kind::Function;
            }
            node.leads.insert(by);
        }
        let names = nodes.keys().copied().collect();
        nodes.insert(ANYTHING, Node { kind: Kind::Function, leads: names, ..Node::default() });
        let functions: BTreeSet<_> =
            nodes.iter().filter(|(_, node)| node.kind == Kind::Function).map(|(name, _)| *name).collect();
        for rule in reader.rules {
            let Some(node) = nodes.get_mut(rule.name) else { continue };
            // An argument hides a rule of its name, but no function.
            let visible = |name: &&str| functions.contains(name) || !rule.arguments.contains(name);
            node.leads.extend(rule.mentions.iter().copied().filter(visible));
        }
        Self(nodes)
    }

    /// The units down from each of these nodes that leads to no cycle among them.
    fn settled(&self, these: impl Fn(&Node<'_>) -> bool) -> BTreeMap<&'a str, usize> {
        let known = |name: &&str| self.0.get(name).is_some_and(&these);
        let mut callers = BTreeMap::<_, Vec<_>>::new();
        let mut waiting = BTreeMap::<_, usize>::new();
        let mut ready = Vec::new();
        for (name, node) in self.0.iter().filter(|(_, node)| these(node)) {
            let leads: Vec<_> = node.leads.iter().filter(|name| known(name)).collect();
            if leads.is_empty() {
                ready.push(*name);
            }
            waiting.insert(*name, leads.len());
            for callee in leads {
                callers.entry(*callee).or_default().push(*name);
            }
        }
        let mut settled = BTreeMap::new();
        while let Some(name) = ready.pop() {
            let Some(node) = self.0.get(name) else { continue };
            let below = node.leads.iter().filter_map(|callee| settled.get(callee)).max().copied().unwrap_or(0);
            settled.insert(name, node.units.saturating_add(below));
            for caller in callers.remove(name).unwrap_or_default() {
                if let Some(left) = waiting.get_mut(caller) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        ready.push(caller);
                    }
                }
            }
        }
        settled
    }

    fn recursive_function(&self) -> Option<&'a str> {
        let function = |node: &Node<'_>| node.kind == Kind::Function;
        let settled = self.settled(function);
        let endless = |name: &&str| !settled.contains_key(name) && self.0.get(name).is_some_and(function);
        let mut name = self.0.keys().copied().find(endless)?;
        // A function that leads to a cycle is unsettled too: a walk of as many steps as there are names ends inside it.
        for _ in 0..self.0.len() {
            name = self.0.get(name)?.leads.iter().copied().find(endless)?;
        }
        Some(name)
    }

    /// Units of the deepest evaluation.
    ///
    /// The interpreter stops when a rule leads back to itself: it has then been in every definition of the cycle once, and before each
    /// in every function.
    fn depth(&self) -> usize {
        let settled = self.settled(|_| true);
        let (mut rules, mut functions, mut definitions) = (0_usize, 0_usize, 1_usize);
        for (_, node) in self.0.iter().filter(|(name, _)| !settled.contains_key(*name)) {
            if node.kind == Kind::Function {
                functions = functions.saturating_add(node.units);
            } else {
                rules = rules.saturating_add(node.total);
                definitions = definitions.saturating_add(node.definitions);
            }
        }
        let deepest = settled.values().max().copied().unwrap_or(0);
        deepest.saturating_add(rules).saturating_add(definitions.saturating_mul(functions))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    /// A number or a string.
    Literal,
    /// A bracket, a mark, or the first character of an operator.
    Symbol(char),
}

/// The tokens of a policy, comments left out. Text that is not Rego gives tokens too: the interpreter refuses it.
fn tokens(mut text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    while let Some(first) = text.chars().next() {
        let (length, token) = match first {
            '#' => (span(text, |c| c != '\n'), None),
            c if c.is_ascii_whitespace() => (first.len_utf8(), None),
            '`' => (quoted(text, None), Some(Token::Literal)),
            '"' => (quoted(text, Some('\\')), Some(Token::Literal)),
            c if c.is_ascii_digit() => (span(text, |c| word(c) || c == '.'), Some(Token::Literal)),
            c if word(c) => {
                let length = span(text, word);
                (length, text.get(..length).map(Token::Name))
            }
            c if operator(c) => (span(text, operator), Some(Token::Symbol(c))),
            c => (c.len_utf8(), Some(Token::Symbol(c))),
        };
        found.extend(token);
        text = text.get(length..).unwrap_or_default();
    }
    found
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns true if it may be one of two that make an operator.
fn operator(c: char) -> bool {
    matches!(c, ':' | '=' | '!' | '<' | '>')
}

/// Bytes of the characters that are so from the start on.
fn span(text: &str, so: impl Fn(char) -> bool) -> usize {
    text.find(|c| !so(c)).unwrap_or(text.len())
}

/// Bytes of the string that this begins with, up to and with the quote that ends it.
fn quoted(text: &str, escape: Option<char>) -> usize {
    let mut characters = text.char_indices();
    let quote = characters.next().map(|(_, c)| c);
    while let Some((at, c)) = characters.next() {
        if Some(c) == escape {
            characters.next();
        } else if Some(c) == quote {
            return at.saturating_add(c.len_utf8());
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        check(&format!("package signature\n{source}"), "signature")
            .expect_err(source.get(..source.len().min(200)).unwrap())
    }

    fn accepted(source: &str) {
        assert_eq!(check(&format!("package signature\n{source}"), "signature"), Ok(()), "{source}");
    }

    // threat: F08
    #[test]
    fn functions_that_call_themselves_are_refused() {
        for source in [
            "f(x) = y { y := f(x) }\nallow { f(1) }",
            "f(x) = f(x)",
            "f(x) = 1 { false } else = f(x) { true }",
            "f(x) { true\n f(x) }",
            "f(x) = 1e5 { f(x) }",
            "allow { f(1) } f(x) { f(x) }",
            "f(x) { [1 | f(x)] }",
            "f(x) { data.signature.f(x) }",
            "f(x) { data[\"signature\"].f(x) }",
            "f(x) { data.signature[\"f\"](x) }",
            "f(x) { data # a comment\n .signature.f(x) }",
            "f(f) = f(1)",
            "f(x) { \"\\\"\" == `\\`; f(x) } # `",
            "f(x) { x[f(x)] }",
            "if(x) { if(x) }",
            "import future.keywords.in\nif(x) { if(x) }",
            "contains(x) { contains(x) }",
            "import input.a\ncontains(x) { contains(x) }",
            "f(x) = 1\ncontains(x) { contains(x) }",
            "import future.keywords\nf(x) if not f(x)",
            "import future.keywords\nf(x) if some y in f(x)",
            "import future.keywords.every\nimport future.keywords.if\nf(x) if every y in f(x) { y }",
            "import future.keywords\nf(x) if f(x)",
            "import future.keywords\nf(x) := y if { some y in [1]; f(y) }",
            "lib.f(x) { lib.f(x) }",
            "lib[\"f\"](x) { lib[\"f\"](x) }",
        ] {
            let problem = refused(source);
            assert!(problem.starts_with("function ") && problem.ends_with(" is recursive"), "{source}: {problem}");
        }
        assert_eq!(refused("a(x) { f(x) }\nf(x) { g(x) }\ng(x) { h(x) }\nh(x) { g(x) }"), "function h is recursive");
        assert_eq!(
            refused("import future.keywords[\"if\"]\nf(x) if f(x)"),
            "expected import with dots, found brackets"
        );
        assert_eq!(refused("import data.signature as s\nf(x) { s.f(x) }"), "a policy does not import itself");
    }

    // threat: F08
    #[test]
    fn recursion_under_another_name_is_refused() {
        for source in [
            "f(x) { count(x) }\nallow { f(1) with count as f }",
            "f(x) { count(x) }\nallow { f(1) with count as (f) }",
            "f(x) { count(x) }\nallow { f(1) with input as {} with count as data.signature.f }",
            "f(x) { json.patch(x, []) }\nallow { f(1) with json.patch as f }",
            "f(x) { g(x) }\ng(x) { true }\nallow { f(1) with g as f }",
            "f(x) { g(x) }\ng(x) { true }\nallow { f(1) with data.signature[\"g\"] as f }",
        ] {
            assert!(refused(source).ends_with(" is recursive"), "{source}");
        }
    }

    // threat: F08
    #[test]
    fn deep_policies_are_refused() {
        let many = |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<String>();
        for source in [
            many(1900, &|i| format!("f{i}(x) {{ f{}(x) }}\n", i + 1)),
            many(1900, &|i| format!("r{i} {{ r{} }}\n", i + 1)),
            many(1900, &|i| format!("r{i} = r{} ", i + 1)),
            many(50, &|i| format!("r{i} {{ r{} }}\n", (i + 1) % 50)),
            many(50, &|i| format!("r{i} {{ data.signature[x] }}\n")),
            many(50, &|i| format!("r{i} contains 1 {{ r{} }}\n", i + 1)),
            format!("allow {{ {} }}", many(500, &|_| "input.a[_]\n".to_owned())),
            format!("allow {{ 1 {} }}", many(500, &|_| "\n+ 1".to_owned())),
            format!("allow {{ {} 1 }}", "-".repeat(900)),
        ] {
            assert!(refused(&source).starts_with("expected rules at most 200 units deep, found "), "{source:.200}");
        }
        for source in [
            many(5000, &|i| format!("f{i}(x) {{ f{}(x) }}\n", i + 1)),
            many(5000, &|i| format!("r{i} {{ r{} }}\n", i + 1)),
        ] {
            assert_eq!(refused(&source), "expected at most 2000 rules, found 5000");
        }
        let brackets = |n: usize| format!("allow {{ x := {}1{} }}", "(".repeat(n), ")".repeat(n));
        assert_eq!(check(&brackets(MAX_BRACKETS - 1), "signature"), Ok(()));
        assert_eq!(refused(&brackets(MAX_BRACKETS)), "expected brackets at most 12 deep, found 13");
        accepted(&many(2000, &|i| format!("r{i} {{ true }}\n")));
        let sum = |n: usize| format!("allow {{ 1{} }}", "+ 1".repeat(n));
        accepted(&sum(194));
        assert_eq!(refused(&sum(195)), "expected rules at most 200 units deep, found 201");
        let spaces = " ".repeat(MAX_SOURCE_BYTES - "package signature\n".len());
        accepted(&spaces);
        assert_eq!(refused(&(spaces + " ")), "expected at most 1048576 bytes, found 1048577");
    }

    fn units(source: &str) -> usize {
        let tokens = tokens(source);
        let mut reader = Reader::new("signature", keywords(&tokens, "signature").unwrap());
        reader.read(&tokens);
        Graph::new(reader).depth()
    }

    // threat: F08
    #[test]
    fn what_lies_inside_each_other_adds_up() {
        for (source, expected) in [
            // A rule, its brackets, its operators.
            ("r { true }", 4 + 2),
            ("r { 1 == 1 }", 4 + 2 + 1),
            ("r { 1 + 1 == 2 }", 4 + 2 + 2),
            ("r { 1 + 1\n 1 + 1 }", 4 + 2 + 1),
            ("r { 1 + 1; 1 + 1 }", 4 + 2 + 1),
            ("r { [1 + 1, 1 + 1] }", 4 + 2 + 2 + 1),
            ("r { 1 + (1 + 1) }", 4 + 2 + 1 + 2 + 1),
            ("r { not 1 + 1\n not 1 + 1 }", 4 + 2 + 1),
            // What goes through all members: a name in brackets, not a number or a text, nor a list or a call.
            ("r { input.a[i] }", 4 + 2 + 2 + 2),
            ("r { input.a[1.5] }", 4 + 2 + 2),
            ("r { input[\"a\"] }", 4 + 2 + 2),
            ("r { [i] }", 4 + 2 + 2),
            ("r { count(i) }", 4 + 2 + 2),
            ("import future.keywords\nr { some i in input }", 4 + 2 + 1 + 2),
            // What is called, unless an argument hides it.
            ("r { s }\ns { t }\nt { true }", 6 + 6 + 6),
            ("r { true }\nf(x) { r }", 6 + 6),
            ("r { true }\nf(r) { r }", 6),
            ("r { true }\nf([x], r) { r }", 4 + 2 + 2),
            ("r { true }\nr { 1 == 1 }", 4 + 2 + 1),
            // A circle: every definition once, and every function before each and behind the last.
            ("r { s }\ns { r }\ns { true }", 6 + 6 + 6),
            ("r { f(1) }\nf(x) { r }", 8 + 2 * 6),
        ] {
            assert_eq!(units(source), expected, "{source}");
        }
    }

    #[test]
    fn policies_as_people_write_them_are_accepted() {
        for source in [
            "default allow = false\nallow { count(deny) == 0 }\ndeny[msg] { some i\n not ok(input.subject[i])\n msg := sprintf(\"%v\", [i]) }\nok(subject) { subject.name == name }\nname := lower(input.name)",
            "subject := normal(input.subject)\nnormal(subject) = lower(subject)",
            "f(x) = 1 { x.f == \"f(x)\" } # f(x)\nf(x) = 2 { input.f[`f(x)`] } else = 3 { not input[\"f\"] }\nallow { f(input) > 1 }",
            "import future.keywords\nallow if { every s in input.subject { ok(s) } }\nok(s) if s.name in names\nnames contains n if { n := data.names[_] }",
            "f(x) { g(x) }\ng(x) { true }\nh(x) { false }\nallow { f(1) with input as {\"f\": 1} with g as h }",
            "allow { allow }",
            "import data.lib\nallow { lib.f(1) }",
            "f(x) { data.lib[x] }",
            "f(x) { data.lib.f(x) }",
            "f(x) { input[0] == x }\nallow { f(1) with input as [f(2)] }",
            "f(x) { data.signature.g(x) }\ng(x) { true }",
            &(0..300).map(|i| format!("deny[m] {{ input.a[_] == {i}; m := \"{i}\" }}\n")).collect::<String>(),
            &(0..300).map(|i| format!("allow {{ input.a == {i}\n input.b[\"c\"] != {i} }}\n")).collect::<String>(),
        ] {
            accepted(source);
        }
    }
}
