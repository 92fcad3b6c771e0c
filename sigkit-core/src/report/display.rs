//! A report as text for people. What came from elsewhere is escaped here, and nowhere before.

use std::fmt;

use super::rows::{self, Tree};
use super::style;
use super::{Node, Outcome, Report, Rule, TextStyle, Verdict};
use crate::digest::Digest;
use crate::text::{escape, wrap};

/// A report as text: a line with the verdict, the tree of checks, and, unless it is verified, one line with the reason.
///
/// Control characters, bidirectional controls and invisible characters in names, messages and addresses are escaped, so that it can be
/// printed to any terminal or log.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ReportText<'r> {
    report: &'r Report,
    style: TextStyle,
    name: Option<&'r str>,
    resolved: Option<&'r str>,
    digest: Option<Digest>,
    sought: Sought,
}

/// What was looked for, as far as messages differ by it.
#[derive(Clone, Copy, Debug)]
enum Sought {
    Signatures,
    Attestations,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl Report {
    /// Returns the report as text, without color and in lines as long as they are; what is known of the artifact may be added.
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::time::UnixTime;
    /// use sigkit_core::verify::Artifact;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, Verifier};
    /// use sigkit_core::report::{Colors, TextStyle};
    ///
    /// let policy = Policy::key(Purpose::Blob, KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?));
    /// let evidence = Evidence::of(Origin::File("file.sig".to_owned()), SignedEntity::from_detached(SIGNATURE));
    /// let trust = Trust::default();
    /// let verified = Verifier::new(&trust).verify(&policy, &Artifact::Bytes(MESSAGE), &evidence, UnixTime(0))?;
    /// let terminal = TextStyle::new(Some(100), Colors::Off);
    /// let text = verified.report().text().with_style(terminal).with_name("message.txt").to_string();
    /// assert!(text.starts_with("✓ message.txt  VERIFIED\n"), "{text}");
    /// assert!(verified.report().to_string().starts_with("✓ VERIFIED\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn text(&self) -> ReportText<'_> {
        ReportText {
            report: self,
            style: TextStyle::PLAIN,
            name: None,
            resolved: None,
            digest: None,
            sought: Sought::Signatures,
        }
    }
}

impl<'r> ReportText<'r> {
    /// In this style.
    pub const fn with_style(self, style: TextStyle) -> Self {
        Self { style, ..self }
    }

    /// With the name of the artifact as the user gave it.
    pub const fn with_name(self, name: &'r str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// With what the name means: a repository and a digest.
    pub const fn with_resolved_name(self, name: &'r str) -> Self {
        Self { resolved: Some(name), ..self }
    }

    /// With the digest of the artifact, which is then not repeated in full.
    pub const fn with_digest(self, digest: Option<Digest>) -> Self {
        Self { digest, ..self }
    }

    /// In words for attestations instead of signatures.
    pub const fn of_attestations(self) -> Self {
        Self { sought: Sought::Attestations, ..self }
    }

    /// Returns one warning on a line for each source that could not be read although the rest was enough, and for each requirement that
    /// is not met and only warns.
    pub fn warnings(&self) -> String {
        let mut lines = Vec::new();
        warnings(&self.report.root, &mut lines);
        lines.concat()
    }

    /// The tree below the first line.
    fn checks(&self, headline: Option<&Outcome>) -> String {
        let tree = Tree { style: self.style, headline, digest: self.digest };
        let mut text = String::new();
        match &self.report.root {
            Node::Group { label, .. } => {
                let words = rows::words(label);
                // The rules about an image have its name, which is on the first line.
                if self.name.is_none_or(|name| words != escape::one_line(name)) {
                    text.push_str(&indented(&words, 2, self.style));
                }
                tree.show(tree.rows(&self.report.root), &mut text);
            }
            leaf @ Node::Leaf { .. } => tree.show(vec![tree.part(leaf)], &mut text),
        }
        text
    }

    /// The name of the artifact. A line of a log is read alone; on a terminal, the first line says what the name means.
    fn label(&self) -> Option<String> {
        match (self.name, self.resolved) {
            (Some(name), Some(resolved)) if name != resolved && self.style.columns().is_none() => {
                Some(format!("{name} ({resolved})"))
            }
            (name, resolved) => name.or(resolved).map(str::to_owned),
        }
    }

    /// Code and message of what decided.
    fn reason(&self) -> Option<(&'static str, String)> {
        let code = self.report.code()?;
        let message = self.report.message().unwrap_or_default();
        let message = match (code, self.sought) {
            ("predicate-type-mismatch", Sought::Signatures) => format!("an attestation is not a signature: {message}"),
            ("no-signatures", Sought::Attestations) => message.replacen("no signature", "no attestation", 1),
            _ => without_code(code, &message).to_owned(),
        };
        Some((code, message))
    }
}

impl fmt::Display for ReportText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.report.verdict();
        let headline = self.report.headline();
        if let (Verdict::Allowed, Some((code, message))) = (verdict, self.reason()) {
            let name = self.label().map(|name| format!(": {name}")).unwrap_or_default();
            let words = style::words(verdict);
            let line = format!("{words} by policy{name}: {code}: {message} (sigkit explain {code})");
            f.write_str(&paragraph(&escape::one_line(&line), self.style))?;
            return f.write_str(&self.checks(None));
        }
        f.write_str(&heading(verdict, self.name, self.resolved, self.style))?;
        f.write_str(&self.checks(headline.as_ref().map(|headline| headline.outcome)))?;
        let Some((code, message)) = self.reason() else { return Ok(()) };
        let place = headline.and_then(|headline| headline.place());
        let message = place.map_or_else(|| message.clone(), |place| format!("{message}; in {place}"));
        f.write_str(&error_line(self.label().as_deref(), code, &message, self.style))
    }
}

/// Returns the first line of a report, with the name of the artifact as it was given, and a second one with what the name means where that
/// differs. For artifacts that could not be read, so that there is no report.
pub fn heading(verdict: Verdict, name: Option<&str>, resolved: Option<&str>, style: TextStyle) -> String {
    let (mark, words) = (style.mark(verdict), style.verdict(verdict));
    let Some(name) = name else { return format!("{mark} {words}\n") };
    // Colors take no room.
    let around = rows::width(style::words(verdict)).saturating_add(4);
    let columns = style.columns().map(|columns| columns.saturating_sub(around));
    let lines = wrap(&escape::one_line(name), 0, 0, columns);
    let resolved = resolved.filter(|resolved| *resolved != name);
    let resolved = resolved.map(|resolved| indented(&escape::one_line(resolved), 2, style)).unwrap_or_default();
    format!("{mark} {}  {words}\n{resolved}", lines.join("\n    "))
}

/// Returns the line that says why something failed, with the name of what it is about; escaped, and as wide as the style says.
pub fn error_line(name: Option<&str>, code: &str, message: &str, style: TextStyle) -> String {
    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
    let message = without_code(code, message);
    paragraph(&escape::one_line(&format!("Error: {name}{code}: {message} (sigkit explain {code})")), style)
}

/// The message without the words that its code has said already.
fn without_code<'m>(code: &str, message: &'m str) -> &'m str {
    message.strip_prefix(&code.replace('-', " ")).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(message)
}

fn warnings(node: &Node, lines: &mut Vec<String>) {
    match node {
        Node::Leaf { outcome: Outcome::Unknown(problem), .. } => {
            let (code, message) = (problem.code, escape::one_line(&problem.to_string()));
            let line = format!("WARNING: not everything could be read: {code}: {message} (sigkit explain {code})\n");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        Node::Leaf { .. } => {}
        Node::Group { label, rule: Rule::Advisory, .. } if node.verdict() != Verdict::Verified => {
            lines.push(format!("WARNING: {} is not met, and only warns\n", rows::headline(label).0));
        }
        Node::Group { parts, .. } => parts.iter().for_each(|part| warnings(part, lines)),
    }
}

/// Lines that begin at a column.
fn indented(text: &str, column: usize, style: TextStyle) -> String {
    let indent = " ".repeat(column);
    wrap(text, column, column, style.columns()).into_iter().map(|line| format!("{indent}{line}\n")).collect()
}

/// A line of its own, of which further ones are indented.
fn paragraph(text: &str, style: TextStyle) -> String {
    let mut lines = wrap(text, 0, 2, style.columns()).join("\n  ");
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::bundle::{LookupError, Origin};
    use crate::reason::Reason;
    use crate::report::{CheckId, Colors, Fact, Label, Waiver};
    use crate::time::UnixTime;

    const HOSTILE: &str = "\u{1b}[2J\u{202e}evil\r\nVERIFIED\u{200b}";

    fn report(parts: Vec<Node>) -> Report {
        let label = Label::Signature { number: 1, origin: Origin::File(HOSTILE.to_owned()) };
        let signature = Node::Group { label, rule: Rule::All, parts };
        let label = Label::Policy { threshold: NonZeroUsize::MIN, authorities: 1 };
        Report::new(UnixTime(0), Node::Group { label, rule: Rule::All, parts: vec![signature] })
    }

    fn fail() -> Node {
        let reason = Reason::PolicyDenies { policy: HOSTILE.to_owned(), found: HOSTILE.to_owned() };
        Node::Leaf { check: CheckId::Rego, outcome: Outcome::Fail(reason) }
    }

    fn harmless(text: &str) -> bool {
        text.lines().all(|line| escape::one_line(line) == line)
    }

    // threat: L01
    #[test]
    fn hostile_text_is_escaped_when_shown_and_whole_in_value_and_json() {
        let problem = LookupError { target: HOSTILE.to_owned(), code: "store-unavailable", detail: HOSTILE.to_owned() };
        let unknown = Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Unknown(problem) };
        let fact = Fact::CertificateFound { subject: HOSTILE.to_owned() };
        let pass = Node::Leaf { check: CheckId::Material, outcome: Outcome::Pass(fact.clone()) };
        let allowed = Node::Leaf { check: CheckId::Policy, outcome: Outcome::Skip(Waiver::NotRequired) };
        for parts in [vec![fail()], vec![pass.clone(), unknown], vec![pass], vec![allowed]] {
            let report = report(parts);
            for text in [
                report.to_string(),
                report.text().with_name(HOSTILE).with_resolved_name("x").to_string(),
                report.text().with_style(TextStyle::new(Some(40), Colors::Off)).with_name(HOSTILE).to_string(),
                report.text().warnings(),
            ] {
                assert!(harmless(&text), "{text:?}");
            }
            let json = serde_json::to_value(&report).unwrap();
            assert_eq!(json["checks"]["parts"][0]["origin"], HOSTILE);
        }
        let report = report(vec![fail()]);
        assert!(report.to_string().contains("\\u{1b}[2J\\u{202e}evil\\r\\nVERIFIED\\u{200b}"));
        let json = serde_json::to_value(&report).unwrap();
        let message = format!("{HOSTILE}: expected data.signature.allow to be true, found {HOSTILE}");
        assert_eq!((&json["message"], &json["code"]), (&message.into(), &"policy-denies".into()));
        assert_eq!(fact, Fact::CertificateFound { subject: HOSTILE.to_owned() });
    }

    #[test]
    fn text_has_the_verdict_the_tree_and_the_reason() {
        let report = report(vec![fail()]);
        let plain = report.text().with_name("app:v1").with_resolved_name("r.io/app@sha256:0").to_string();
        let first: Vec<_> = plain.lines().take(3).collect();
        assert_eq!(first, ["✗ app:v1  REJECTED", "  r.io/app@sha256:0", "  this signer must have signed"]);
        let last = plain.lines().last().unwrap();
        assert!(last.starts_with("Error: app:v1 (r.io/app@sha256:0): policy-denies: "), "{last}");
        assert!(last.ends_with("(sigkit explain policy-denies)"), "{last}");
        assert!(report.to_string().starts_with("✗ REJECTED\n"));
        let colored = report.text().with_style(TextStyle::new(None, Colors::On)).to_string();
        assert!(colored.starts_with("\u{1b}[31m✗\u{1b}[0m \u{1b}[31;1mREJECTED\u{1b}[0m\n"), "{colored:?}");
    }

    #[test]
    fn verified_report_has_no_reason() {
        let pass = Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(Fact::Message) };
        let report = report(vec![pass]);
        assert_eq!((report.code(), report.message(), report.headline().is_none()), (None, None, true));
        assert!(report.to_string().starts_with("✓ VERIFIED\n") && !report.to_string().contains("Error"));
    }
}
