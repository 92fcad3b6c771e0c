use super::demand::Demand;
#[cfg(feature = "rego")]
use super::gate::Gate;
use super::glob::ImageGlob;
use super::scope::{Fit, Scope};
use crate::oci::ImageReference;
use crate::report::Rule;

/// Rules for many images: which images, and what each must show. An image that no rule is about is refused.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(super) rules: Vec<ImageRule>,
    pub(super) choice: Choice,
}

/// What images of a kind must show.
#[derive(Clone, Debug)]
pub struct ImageRule {
    /// The rule's name, for reports.
    pub name: String,
    /// Which images it is about.
    pub images: Images,
    /// What becomes of an image that does not meet it.
    pub mode: Mode,
    /// What they must show.
    pub demand: Demand,
}

/// Which images a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Images {
    /// Those in registries that fit one of these.
    Globs(Vec<ImageGlob>),
    /// Those in registries that lie within the scope.
    Scope(Scope),
    /// Those that come by this transport, named as in containers-policy.json(5): `docker`, `oci`, `oci-archive`, …
    Transport(String),
    /// All that no other rule is about.
    Rest,
}

/// What becomes of an image that does not meet a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// It is let in, and the report says what is wrong.
    Warn,
}

/// Which of the rules about an image apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// All of them, together.
    All,
    /// The one that fits most closely.
    #[cfg(any(test, feature = "policy-files"))]
    Closest,
}

/// What an image is called, as far as policies care.
#[derive(Clone, Copy, Debug)]
pub enum ImageName<'a> {
    /// An image in a registry.
    Registry(&'a ImageReference),
    /// An image in files.
    Local {
        /// How it comes, as in containers-policy.json(5): `oci`, `oci-archive`, `docker-archive`.
        transport: &'static str,
        /// As the user named it.
        given: &'a str,
    },
}

impl PolicySet {
    /// Rules of which all that are about an image must be met.
    pub const fn new(rules: Vec<ImageRule>) -> Self {
        Self { rules, choice: Choice::All }
    }

    /// The rules, in the order written.
    pub fn rules(&self) -> &[ImageRule] {
        &self.rules
    }

    /// Whether some attestation is judged by a policy in Rego, whose memory only the process can bound.
    #[cfg(feature = "rego")]
    pub fn evaluates_rego(&self) -> bool {
        let mut found = false;
        for rule in &self.rules {
            rule.demand.each_policy(&mut |demand| {
                found = found || demand.policy.gates.iter().any(|gate| matches!(gate, Gate::Rego(_)));
            });
        }
        found
    }

    /// What the image must show.
    pub fn demand_for(&self, image: ImageName<'_>) -> Demand {
        let fitting = self.rules.iter().filter_map(|rule| Some((closeness(&rule.images, image)?, rule)));
        let rules: Vec<&ImageRule> = match self.choice {
            Choice::All => fitting.map(|(_, rule)| rule).collect(),
            #[cfg(any(test, feature = "policy-files"))]
            Choice::Closest => fitting.max_by_key(|(fit, _)| *fit).map(|(_, rule)| rule).into_iter().collect(),
        };
        let (name, reference) = match image {
            ImageName::Registry(reference) => (reference.to_string(), Some(reference)),
            ImageName::Local { given, .. } => (given.to_owned(), None),
        };
        if rules.is_empty() {
            return Demand::NoRule { image: name };
        }
        let parts = rules.iter().map(|rule| Demand::Group {
            name: rule.name.clone(),
            rule: match rule.mode {
                Mode::Enforce => Rule::All,
                Mode::Warn => Rule::Advisory,
            },
            parts: vec![rule.demand.of_image(reference)],
        });
        Demand::all(name, parts.collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Rest,
    Transport,
    Named(Option<Fit>),
}

fn closeness(images: &Images, image: ImageName<'_>) -> Option<Closeness> {
    match (images, image) {
        (Images::Rest, _) => Some(Closeness::Rest),
        (Images::Transport(transport), ImageName::Registry(_)) => {
            (transport == "docker").then_some(Closeness::Transport)
        }
        (Images::Transport(wanted), ImageName::Local { transport, .. }) => {
            (wanted == transport).then_some(Closeness::Transport)
        }
        (Images::Globs(globs), ImageName::Registry(reference)) => {
            globs.iter().any(|glob| glob.matches(reference)).then_some(Closeness::Named(None))
        }
        (Images::Scope(scope), ImageName::Registry(reference)) => {
            scope.fit(reference).map(|fit| Closeness::Named(Some(fit)))
        }
        // What lies in files has no name that a pattern could be compared with; `**` needs none.
        (Images::Globs(globs), ImageName::Local { .. }) => {
            globs.iter().any(ImageGlob::is_every_image).then_some(Closeness::Named(None))
        }
        (Images::Scope(_), ImageName::Local { .. }) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, images: Images) -> ImageRule {
        ImageRule { name: name.to_owned(), images, mode: Mode::Enforce, demand: Demand::Nothing }
    }

    fn names(set: &PolicySet, image: ImageName<'_>) -> Vec<String> {
        match set.demand_for(image) {
            Demand::Group { rule: Rule::All, parts, .. } => parts
                .into_iter()
                .map(|part| match part {
                    Demand::Group { name, .. } => name,
                    other => panic!("{other:?}"),
                })
                .collect(),
            Demand::NoRule { .. } => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    // threat: I07
    #[test]
    fn no_rule_means_no_and_several_apply_together() {
        let globs = |text: &str| Images::Globs(vec![text.parse().unwrap()]);
        let set =
            PolicySet::new(vec![rule("a", globs("registry.example/**")), rule("b", globs("registry.example/team/*"))]);
        let name = |text: &str| text.parse::<ImageReference>().unwrap();
        assert_eq!(names(&set, ImageName::Registry(&name("registry.example/team/app"))), ["a", "b"]);
        assert_eq!(names(&set, ImageName::Registry(&name("registry.example/app"))), ["a"]);
        assert!(matches!(set.demand_for(ImageName::Registry(&name("other.example/app"))), Demand::NoRule { .. }));
        assert!(matches!(PolicySet::new(vec![]).demand_for(ImageName::Registry(&name("a"))), Demand::NoRule { .. }));
        let local = ImageName::Local { transport: "oci", given: "oci:dir" };
        assert!(matches!(set.demand_for(local), Demand::NoRule { .. }));
        assert_eq!(names(&PolicySet::new(vec![rule("all", globs("**"))]), local), ["all"]);
    }

    #[test]
    fn the_closest_scope_applies_alone() {
        let scope = |text: &str| Images::Scope(text.parse().unwrap());
        let rules = vec![
            rule("rest", Images::Rest),
            rule("docker", Images::Transport("docker".to_owned())),
            rule("oci", Images::Transport("oci".to_owned())),
            rule("subdomains", scope("*.example")),
            rule("host", scope("registry.example")),
            rule("team", scope("registry.example/team")),
            rule("tag", scope("registry.example/team/app:v1")),
        ];
        let set = PolicySet { rules, choice: Choice::Closest };
        for (image, expected) in [
            ("registry.example/team/app:v1", "tag"),
            ("registry.example/team/app:v2", "team"),
            ("registry.example/app", "host"),
            ("other.example/app", "subdomains"),
            ("other.test/app", "docker"),
        ] {
            assert_eq!(names(&set, ImageName::Registry(&image.parse().unwrap())), [expected], "{image}");
        }
        assert_eq!(names(&set, ImageName::Local { transport: "oci", given: "oci:dir" }), ["oci"]);
        assert_eq!(names(&set, ImageName::Local { transport: "oci-archive", given: "oci-archive:f" }), ["rest"]);
    }
}
