//! What policies require, in words, and where they are weak.

use std::fmt;

#[cfg(feature = "rego")]
use super::Quantifier;
use super::{
    Authority, EnforcementMode, FindingFilter, Gate, ImageMatcher, ImageRule, PolicyRequirement, PolicySet, Purpose,
    Requirement,
};
use crate::report::Rule;
use crate::time::UnixTime;

/// A line of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutlineLine {
    /// How deep it is nested; 0 for a rule.
    pub depth: usize,
    /// What is required.
    pub text: String,
}

/// Where a rule asks for less than it seems to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyLint {
    /// The rule.
    pub rule: String,
    /// What is weak, and why.
    pub text: String,
}

impl PolicySet {
    /// What is required of which images, line by line.
    pub fn describe(&self) -> Vec<OutlineLine> {
        let mut lines = Vec::new();
        for rule in &self.rules {
            let mode = match rule.mode {
                EnforcementMode::Enforce => "",
                EnforcementMode::Warn => ", warning only",
            };
            lines.push(OutlineLine { depth: 0, text: format!("{}{mode}", rule.name) });
            lines.push(OutlineLine { depth: 1, text: format!("about {}", rule.images) });
            if let ImageMatcher::Globs(globs) = &rule.images {
                lines.extend(
                    globs.iter().map(|glob| OutlineLine { depth: 2, text: format!("{glob}: {}", glob.reading()) }),
                );
            }
            describe_requirement(&rule.requirement, 1, &mut lines);
        }
        lines
    }

    /// Where it asks for less than it seems to, at this time.
    pub fn lints(&self, now: UnixTime) -> Vec<PolicyLint> {
        let mut found = Vec::new();
        for rule in &self.rules {
            let texts = match &rule.images {
                ImageMatcher::None { why } => vec![format!("it matches no image: {why}")],
                _ => lint_rule(rule).into_iter().chain(lint_requirement(&rule.requirement, now)).collect(),
            };
            found.extend(texts.into_iter().map(|text| PolicyLint { rule: rule.name.clone(), text }));
        }
        found
    }
}

impl fmt::Display for ImageMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Globs(globs) => {
                let globs: Vec<String> = globs.iter().map(ToString::to_string).collect();
                f.write_str(&globs.join(", "))
            }
            Self::Scope(scope) => scope.fmt(f),
            Self::Transport(transport) => write!(f, "every image by transport {transport}"),
            Self::Rest => f.write_str("every image without another rule"),
            Self::None { why } => write!(f, "no image: {why}"),
        }
    }
}

fn describe_requirement(requirement: &Requirement, depth: usize, lines: &mut Vec<OutlineLine>) {
    let mut line = |depth, text| lines.push(OutlineLine { depth, text });
    match requirement {
        Requirement::Policy(requirement) => {
            line(depth, policy_words(requirement));
            for gate in &requirement.policy.gates {
                line(depth.saturating_add(1), gate.to_string());
            }
        }
        Requirement::Group { name, rule, parts } => {
            let words = match rule {
                Rule::All => "all of these must hold",
                Rule::AtLeast(_) => "one of these must hold",
                Rule::Advisory => "these should hold",
            };
            line(depth, format!("{name}: {words}"));
            parts.iter().for_each(|part| describe_requirement(part, depth.saturating_add(1), lines));
        }
        #[cfg(feature = "rego")]
        Requirement::Whole(whole) => {
            line(depth, format!("any of the authorities, and {} complies over all that are met", whole.rego.name()));
            for authority in &whole.authorities {
                describe_requirement(&authority.requirement, depth.saturating_add(1), lines);
            }
        }
        Requirement::Nothing => line(depth, "nothing: allowed without verification".to_owned()),
        Requirement::Refuse { why } => {
            line(depth, format!("refused{}", why.as_ref().map_or_else(String::new, |why| format!(": {why}"))));
        }
        Requirement::NoRule { .. } => line(depth, "refused: no rule applies to it".to_owned()),
    }
}

fn policy_words(requirement: &PolicyRequirement) -> String {
    let policy = &requirement.policy;
    let what = match &policy.purpose {
        Purpose::Image => "signed".to_owned(),
        Purpose::Blob => "signed as bytes".to_owned(),
        Purpose::Attestation(kind) => format!("attested {}", kind.uri()),
    };
    let who: Vec<String> = policy.authorities.iter().map(signer).collect();
    let mut words = match who.as_slice() {
        [one] => format!("{what} by {one}"),
        several => format!("{what} by {} of: {}", policy.threshold, several.join("; ")),
    };
    for (name, value) in &policy.annotations {
        words.push_str(&format!(", with {name}={value}"));
    }
    if let Some(name) = &requirement.signed_name {
        words.push_str(&format!(", for {name}"));
    }
    if let Some(source) = &requirement.source {
        words.push_str(&format!(", looked for in {source}"));
    }
    words
}

fn signer(authority: &Authority) -> String {
    match authority {
        Authority::Key(key) => format!("key {} ({})", key.name, key.key.fingerprint()),
        #[cfg(feature = "keyless")]
        Authority::Keyless(keyless) => format!("identity {}", keyless.name()),
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(gate) => {
                let counted = match gate.filter {
                    FindingFilter::All => "findings",
                    FindingFilter::Fixable => "fixable findings",
                };
                write!(f, "latest scan: no {counted} above severity {}", gate.maximum.name())?;
                if let Some(age) = gate.max_age {
                    write!(f, ", at most {age} old")?;
                }
                for exception in &gate.exceptions {
                    write!(f, ", except {} until {}", exception.id, exception.until)?;
                }
                let vex: Vec<String> =
                    gate.vex.iter().flat_map(|policy| policy.authorities.iter().map(signer)).collect();
                if let Some(first) = vex.first() {
                    write!(f, ", with VEX by {first}")?;
                }
                Ok(())
            }
            Self::Provenance(gate) => {
                f.write_str("one provenance says:")?;
                for (name, value) in [("builder", &gate.builder), ("source", &gate.source), ("ref", &gate.reference)] {
                    if let Some(value) = value {
                        write!(f, " {name} {value}")?;
                    }
                }
                for image in &gate.base_images {
                    write!(f, " base image {image}")?;
                }
                Ok(())
            }
            #[cfg(feature = "rego")]
            Self::Rego(policy) => match policy.among() {
                Quantifier::Any => write!(f, "{} allows one of the statements", policy.name()),
                Quantifier::Every => write!(f, "{} allows every statement", policy.name()),
            },
        }
    }
}

fn lint_rule(rule: &ImageRule) -> Vec<String> {
    let mut texts = Vec::new();
    if rule.mode == EnforcementMode::Warn {
        texts.push("it only warns: images that do not meet it are allowed".to_owned());
    }
    if let ImageMatcher::Globs(globs) = &rule.images {
        for glob in globs {
            if let Some((stem, advice)) = glob.open_end() {
                let advice = advice.map_or_else(String::new, |advice| format!("; {advice}"));
                texts.push(format!("{glob} also matches {stem}-something-else{advice}"));
            }
            if glob.names_tags_alone() {
                texts.push(format!("{glob} is about tags: it does not match an image that is named by digest alone"));
            }
        }
    }
    texts
}

fn lint_requirement(requirement: &Requirement, now: UnixTime) -> Vec<String> {
    match requirement {
        Requirement::Nothing => vec!["it allows images without verification".to_owned()],
        Requirement::Group { rule: Rule::AtLeast(_), parts, .. }
            if parts.iter().any(|part| matches!(part, Requirement::Nothing)) =>
        {
            vec!["one of the alternatives has no requirements, so the others have no effect".to_owned()]
        }
        Requirement::Group { parts, .. } => parts.iter().flat_map(|part| lint_requirement(part, now)).collect(),
        #[cfg(feature = "rego")]
        Requirement::Whole(whole) => {
            whole.authorities.iter().flat_map(|authority| lint_requirement(&authority.requirement, now)).collect()
        }
        Requirement::Policy(requirement) => lint_policy(requirement, now),
        Requirement::Refuse { why: Some(why) } => vec![format!("no image can pass: {why}")],
        Requirement::Refuse { why: None } | Requirement::NoRule { .. } => Vec::new(),
    }
}

fn lint_policy(requirement: &PolicyRequirement, now: UnixTime) -> Vec<String> {
    let policy = &requirement.policy;
    let mut texts = Vec::new();
    if let (Purpose::Attestation(kind), []) = (&policy.purpose, policy.gates.as_slice()) {
        texts.push(format!("the content of attestations of type {} is not checked", kind.uri()));
    }
    if policy.authorities.len() > policy.threshold.get() {
        texts.push(format!(
            "{} of {} signers suffice: the policy is as strong as the weakest of them",
            policy.threshold,
            policy.authorities.len()
        ));
    }
    for gate in &policy.gates {
        match gate {
            Gate::Scan(scan) => {
                let ended = scan.exceptions.iter().filter(|exception| exception.until <= now);
                texts.extend(ended.map(|exception| format!("the exception for {} has expired", exception.id)));
                if scan.max_age.is_none() {
                    texts.push("scans of any age are accepted".to_owned());
                }
            }
            Gate::Provenance(gate) if gate.builder.is_none() => {
                texts.push("the provenance may come from any builder".to_owned());
            }
            Gate::Provenance(_) => {}
            #[cfg(feature = "rego")]
            Gate::Rego(policy) if policy.among() == Quantifier::Any => {
                let text = "an old statement that it allows outweighs a newer one that it does not";
                texts.push(format!("{}: {text}", policy.name()));
            }
            #[cfg(feature = "rego")]
            Gate::Rego(_) => {}
        }
    }
    texts
}
