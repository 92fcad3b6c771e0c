//! The report as JSON, with the members that `sigkit verify -o report` prints. Text is as it was received.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Label, Node, Outcome, Report, Rule};

/// The members `checks`, `code`, `message`, `time` and `verdict`.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("checks", &self.root)?;
        map.serialize_entry("code", &self.code())?;
        map.serialize_entry("message", &self.message())?;
        map.serialize_entry("time", &self.time.to_string())?;
        map.serialize_entry("verdict", self.verdict().name())?;
        map.end()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Leaf { check, outcome } => {
                let (name, reason) = match outcome {
                    Outcome::Pass(_) => ("pass", None),
                    Outcome::Fail(reason) => ("fail", Some(reason)),
                    Outcome::Skip(_) => ("skip", None),
                    Outcome::Unknown(_) => ("unknown", None),
                };
                map.serialize_entry("actual", &reason.and_then(|reason| reason.actual()))?;
                map.serialize_entry("check", check.name())?;
                map.serialize_entry("code", &outcome.code())?;
                map.serialize_entry("expected", &reason.and_then(|reason| reason.expected()))?;
                map.serialize_entry("message", &outcome.to_string())?;
                map.serialize_entry("outcome", name)?;
            }
            Self::Group { label, rule, parts } => {
                let group = match label {
                    Label::Policy { threshold, authorities } => {
                        map.serialize_entry("authorities", authorities)?;
                        map.serialize_entry("threshold", threshold)?;
                        "policy"
                    }
                    Label::Requirements { name } => {
                        map.serialize_entry("name", name)?;
                        "demands"
                    }
                    Label::Key { name, fingerprint } => {
                        map.serialize_entry("fingerprint", &fingerprint.to_string())?;
                        map.serialize_entry("name", name)?;
                        "key"
                    }
                    Label::Identity { name } => {
                        map.serialize_entry("name", name)?;
                        "identity"
                    }
                    Label::Signature { number, origin } => {
                        map.serialize_entry("number", number)?;
                        map.serialize_entry("origin", &origin.to_string())?;
                        "signature"
                    }
                };
                map.serialize_entry("group", group)?;
                map.serialize_entry("parts", parts)?;
                map.serialize_entry("rule", rule)?;
                map.serialize_entry("verdict", self.verdict().name())?;
            }
        }
        map.end()
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::AtLeast(threshold) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("atLeast", threshold)?;
                map.end()
            }
            Self::Advisory => serializer.serialize_str("advisory"),
        }
    }
}
