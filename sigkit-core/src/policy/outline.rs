//! What policies demand, in words, and where they are weak.

use std::fmt;

#[cfg(feature = "rego")]
use super::Among;
use super::{Authority, Counted, Demand, Gate, ImageRule, Images, Mode, PolicyDemand, PolicySet, Purpose};
use crate::report::Rule;
use crate::time::UnixTime;

/// A line of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How deep it is nested; 0 for a rule.
    pub depth: usize,
    /// What is demanded.
    pub text: String,
}

/// Where a rule asks for less than it seems to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// The rule.
    pub rule: String,
    /// What is weak, and why.
    pub text: String,
}

impl PolicySet {
    /// What is demanded of which images, line by line.
    pub fn outline(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for rule in &self.rules {
            let mode = match rule.mode {
                Mode::Enforce => "",
                Mode::Warn => ", warning only",
            };
            lines.push(Line { depth: 0, text: format!("{}{mode}", rule.name) });
            lines.push(Line { depth: 1, text: format!("about {}", rule.images) });
            if let Images::Globs(globs) = &rule.images {
                lines.extend(globs.iter().map(|glob| Line { depth: 2, text: format!("{glob}: {}", glob.reading()) }));
            }
            outline(&rule.demand, 1, &mut lines);
        }
        lines
    }

    /// Where it asks for less than it seems to, at this time.
    pub fn weaknesses(&self, now: UnixTime) -> Vec<Weakness> {
        let mut found = Vec::new();
        for rule in &self.rules {
            let texts = match &rule.images {
                Images::None { why } => vec![format!("it matches no image: {why}")],
                _ => rule_weaknesses(rule).into_iter().chain(demand_weaknesses(&rule.demand, now)).collect(),
            };
            found.extend(texts.into_iter().map(|text| Weakness { rule: rule.name.clone(), text }));
        }
        found
    }
}

impl fmt::Display for Images {
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

fn outline(demand: &Demand, depth: usize, lines: &mut Vec<Line>) {
    let mut line = |depth, text| lines.push(Line { depth, text });
    match demand {
        Demand::Policy(demand) => {
            line(depth, policy_words(demand));
            for gate in &demand.policy.gates {
                line(depth.saturating_add(1), gate.to_string());
            }
        }
        Demand::Group { name, rule, parts } => {
            let words = match rule {
                Rule::All => "all of these must hold",
                Rule::AtLeast(_) => "one of these must hold",
                Rule::Advisory => "these should hold",
            };
            line(depth, format!("{name}: {words}"));
            parts.iter().for_each(|part| outline(part, depth.saturating_add(1), lines));
        }
        #[cfg(feature = "rego")]
        Demand::Whole(whole) => {
            line(depth, format!("any of the authorities, and {} complies over all that are met", whole.rego.name()));
            for authority in &whole.authorities {
                outline(&authority.demand, depth.saturating_add(1), lines);
            }
        }
        Demand::Nothing => line(depth, "nothing: allowed without verification".to_owned()),
        Demand::Refuse { why } => {
            line(depth, format!("refused{}", why.as_ref().map_or_else(String::new, |why| format!(": {why}"))));
        }
        Demand::NoRule { .. } => line(depth, "refused: no rule applies to it".to_owned()),
    }
}

fn policy_words(demand: &PolicyDemand) -> String {
    let policy = &demand.policy;
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
    if let Some(name) = &demand.signed_name {
        words.push_str(&format!(", for {name}"));
    }
    if let Some(source) = &demand.source {
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
                let counted = match gate.counted {
                    Counted::All => "findings",
                    Counted::Fixable => "fixable findings",
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
                Among::Any => write!(f, "{} allows one of the statements", policy.name()),
                Among::Every => write!(f, "{} allows every statement", policy.name()),
            },
        }
    }
}

fn rule_weaknesses(rule: &ImageRule) -> Vec<String> {
    let mut texts = Vec::new();
    if rule.mode == Mode::Warn {
        texts.push("it only warns: images that do not meet it are allowed".to_owned());
    }
    if let Images::Globs(globs) = &rule.images {
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

fn demand_weaknesses(demand: &Demand, now: UnixTime) -> Vec<String> {
    match demand {
        Demand::Nothing => vec!["it allows images without verification".to_owned()],
        Demand::Group { rule: Rule::AtLeast(_), parts, .. }
            if parts.iter().any(|part| matches!(part, Demand::Nothing)) =>
        {
            vec!["one of the alternatives has no requirements, so the others have no effect".to_owned()]
        }
        Demand::Group { parts, .. } => parts.iter().flat_map(|part| demand_weaknesses(part, now)).collect(),
        #[cfg(feature = "rego")]
        Demand::Whole(whole) => {
            whole.authorities.iter().flat_map(|authority| demand_weaknesses(&authority.demand, now)).collect()
        }
        Demand::Policy(demand) => policy_weaknesses(demand, now),
        Demand::Refuse { why: Some(why) } => vec![format!("no image can pass: {why}")],
        Demand::Refuse { why: None } | Demand::NoRule { .. } => Vec::new(),
    }
}

fn policy_weaknesses(demand: &PolicyDemand, now: UnixTime) -> Vec<String> {
    let policy = &demand.policy;
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
            Gate::Rego(policy) if policy.among() == Among::Any => {
                let text = "an old statement that it allows outweighs a newer one that it does not";
                texts.push(format!("{}: {text}", policy.name()));
            }
            #[cfg(feature = "rego")]
            Gate::Rego(_) => {}
        }
    }
    texts
}
