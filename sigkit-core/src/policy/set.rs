use super::glob::{ImageGlob, Near};
use super::names::NameMatching;
use super::requirement::Requirement;
use super::scope::{ImageScope, Specificity};
use crate::oci::{ImageReference, Repository};
use crate::report::Rule;

/// Rules for many images: which images, and what each must show. An image that no rule is about is refused.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(super) rules: Vec<ImageRule>,
    pub(super) choice: Choice,
    /// Documents of the file that are about other things.
    pub(super) passed_over: Vec<String>,
}

/// What images of a kind must show.
#[derive(Clone, Debug)]
pub struct ImageRule {
    /// The rule's name, for reports.
    pub name: String,
    /// Which images it is about.
    pub images: ImageMatcher,
    /// What becomes of an image that does not meet it.
    pub mode: EnforcementMode,
    /// What they must show.
    pub requirement: Requirement,
}

/// Which images a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageMatcher {
    /// Those in registries that fit one of these.
    Globs(Vec<ImageGlob>),
    /// Those in registries that lie within the scope.
    Scope(ImageScope),
    /// Those that come by this transport, named as in containers-policy.json(5): `docker`, `oci`, `oci-archive`, …
    Transport(String),
    /// All that no other rule is about.
    Rest,
    /// None, whatever it is called.
    None {
        /// Why, in words.
        why: String,
    },
}

/// What becomes of an image that does not meet a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnforcementMode {
    /// It is refused.
    Enforce,
    /// It is allowed, and the report says what is wrong.
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
#[non_exhaustive]
pub enum ImageIdentity<'a> {
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
        Self { rules, choice: Choice::All, passed_over: Vec::new() }
    }

    /// Documents beside the policies, each by its kind: they are about other things and require nothing here.
    pub fn skipped_documents(&self) -> &[String] {
        &self.passed_over
    }

    /// The rules, in the order written.
    pub fn rules(&self) -> &[ImageRule] {
        &self.rules
    }

    /// Returns true if some attestation is judged by a policy in Rego, whose memory only the process can bound.
    #[cfg(feature = "rego")]
    pub fn evaluates_rego(&self) -> bool {
        self.rules.iter().any(|rule| rule.requirement.evaluates_rego())
    }

    /// What the image must show.
    ///
    /// Tag and digest of a name both count. A rule that requires or refuses is also about the name without its digest, so that nothing is
    /// escaped by adding to it; one that allows without verification applies to the name as it is.
    pub fn requirement_for(&self, image: ImageIdentity<'_>) -> Requirement {
        let rules: Vec<&ImageRule> = match self.choice {
            Choice::All => self.rules.iter().filter(|rule| specificity(rule, image).is_some()).collect(),
            #[cfg(any(test, feature = "policy-files"))]
            Choice::Closest => self.most_specific(image),
        };
        let (name, reference) = match image {
            ImageIdentity::Registry(reference) => (reference.to_string(), Some(reference)),
            ImageIdentity::Local { given, .. } => (given.to_owned(), None),
        };
        if rules.is_empty() {
            let near = match image {
                ImageIdentity::Registry(image) => self.near(image).or_else(|| nearest(&self.rules, image)),
                ImageIdentity::Local { transport, .. } => self.near_local(transport),
            };
            return Requirement::NoRule { image: name, near };
        }
        let parts = rules.iter().map(|rule| Requirement::Group {
            name: rule.name.clone(),
            rule: match rule.mode {
                EnforcementMode::Enforce => Rule::All,
                EnforcementMode::Warn => Rule::Advisory,
            },
            parts: vec![rule.requirement.of_image(reference)],
        });
        Requirement::all(name, parts.collect())
    }

    /// The rule that fits most closely. A name with tag and digest is held to the rule about either.
    #[cfg(any(test, feature = "policy-files"))]
    fn most_specific(&self, image: ImageIdentity<'_>) -> Vec<&ImageRule> {
        let fitting = |image: ImageIdentity<'_>| {
            let fitting = self.rules.iter().filter_map(|rule| Some((specificity(rule, image)?, rule)));
            fitting.max_by_key(|(fit, _)| *fit)
        };
        let closest = |image| fitting(image).map(|(_, rule)| rule);
        let ImageIdentity::Registry(reference @ ImageReference { tag: Some(_), digest: Some(_), .. }) = image else {
            return closest(image).into_iter().collect();
        };
        let by_tag = ImageReference { digest: None, ..reference.clone() };
        let by_digest = ImageReference { tag: None, ..reference.clone() };
        let by_tag = closest(ImageIdentity::Registry(&by_tag));
        let by_digest = closest(ImageIdentity::Registry(&by_digest));
        let again = by_tag.zip(by_digest).is_some_and(|(one, other)| std::ptr::eq(one, other));
        // A rule about this very pair is one more.
        let by_both = fitting(image).filter(|(fit, _)| *fit == RuleSpecificity::Named(Some(Specificity::Image)));
        let by_both = by_both.map(|(_, rule)| rule);
        by_digest.into_iter().chain(by_tag.filter(|_| !again)).chain(by_both).collect()
    }

    /// A rule about the same repository that is about other names of it.
    fn near(&self, image: &ImageReference) -> Option<String> {
        let patterns = self.rules.iter().flat_map(|rule| match &rule.images {
            ImageMatcher::Globs(globs) => globs.iter().map(|glob| (rule, glob)).collect::<Vec<_>>(),
            ImageMatcher::Scope(_) | ImageMatcher::Transport(_) | ImageMatcher::Rest | ImageMatcher::None { .. } => {
                Vec::new()
            }
        });
        patterns.into_iter().find_map(|(rule, glob)| {
            let why = match glob.near(image)? {
                Near::NamesTags => "is about tags, and this image is named by digest: name it by its tag alone",
                Near::NamesDigest => "is about one digest: name the image by that digest",
            };
            Some(format!("{} about {glob} {why}, or add a pattern without tag and digest", rule.name))
        })
    }

    /// A rule that would be about an image in files, were it in a registry.
    fn near_local(&self, transport: &str) -> Option<String> {
        let named = |rule: &&ImageRule| {
            matches!(rule.images, ImageMatcher::Globs(_) | ImageMatcher::Scope(_) | ImageMatcher::Transport(_))
        };
        let rule = self.rules.iter().find(named)?;
        Some(format!(
            "{} is about images of registries, and this image is in {transport}: it has no name there",
            rule.name
        ))
    }
}

/// The rule that has most of its pattern in common with the name of the image, and why it does not fit.
fn nearest(rules: &[ImageRule], image: &ImageReference) -> Option<String> {
    let name = image.repository.to_string();
    let host = |text: &str| Repository::expand(text).0.into_owned();
    let common = |text: &str| {
        let (host, path) = Repository::expand(text);
        let full = format!("{host}/{path}");
        let fixed = full.split('*').next().unwrap_or_default();
        fixed.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count()
    };
    let candidates = rules.iter().flat_map(|rule| {
        let texts = match &rule.images {
            ImageMatcher::Globs(globs) => {
                globs.iter().map(|glob| (glob.to_string(), glob.is_short_of(image))).collect()
            }
            ImageMatcher::Scope(scope) => vec![(scope.text().to_owned(), false)],
            ImageMatcher::Transport(_) | ImageMatcher::Rest | ImageMatcher::None { .. } => Vec::new(),
        };
        texts.into_iter().map(move |(text, short)| (rule, text, short))
    });
    let closeness = |(_, text, short): &(&ImageRule, String, bool)| (*short, common(text));
    // Of several that are equally near, the first.
    let (rule, text, short) =
        candidates.reduce(|near, other| if closeness(&other) > closeness(&near) { other } else { near })?;
    let (theirs, ours) = (host(&text), image.repository.registry());
    let why = match short {
        true => "`*` matches one part of a path, `**` any number of them".to_owned(),
        false if theirs != ours && !theirs.contains('*') => format!("it is about {theirs}, and the image is on {ours}"),
        false => "it is about other images".to_owned(),
    };
    Some(format!("the nearest is {} about {text}: {why}", rule.name))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RuleSpecificity {
    Rest,
    Transport,
    Named(Option<Specificity>),
}

fn specificity(rule: &ImageRule, image: ImageIdentity<'_>) -> Option<RuleSpecificity> {
    match (&rule.images, image) {
        (ImageMatcher::Rest, _) => Some(RuleSpecificity::Rest),
        (ImageMatcher::None { .. }, _) => None,
        (ImageMatcher::Transport(transport), ImageIdentity::Registry(_)) => {
            (transport == "docker").then_some(RuleSpecificity::Transport)
        }
        (ImageMatcher::Transport(wanted), ImageIdentity::Local { transport, .. }) => {
            (wanted == transport).then_some(RuleSpecificity::Transport)
        }
        (ImageMatcher::Globs(globs), ImageIdentity::Registry(reference)) => {
            let reach = match rule.mode == EnforcementMode::Warn || rule.requirement.allows() {
                true => NameMatching::Exact,
                false => NameMatching::Generous,
            };
            globs.iter().any(|glob| glob.fits(reference, reach)).then_some(RuleSpecificity::Named(None))
        }
        (ImageMatcher::Scope(scope), ImageIdentity::Registry(reference)) => {
            scope.specificity(reference).map(|fit| RuleSpecificity::Named(Some(fit)))
        }
        // What lies in files has no name that a pattern could be compared with; `**` needs none.
        (ImageMatcher::Globs(globs), ImageIdentity::Local { .. }) => {
            globs.iter().any(ImageGlob::is_every_image).then_some(RuleSpecificity::Named(None))
        }
        (ImageMatcher::Scope(_), ImageIdentity::Local { .. }) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, images: ImageMatcher) -> ImageRule {
        ImageRule { name: name.to_owned(), images, mode: EnforcementMode::Enforce, requirement: Requirement::Nothing }
    }

    fn names(set: &PolicySet, image: ImageIdentity<'_>) -> Vec<String> {
        match set.requirement_for(image) {
            Requirement::Group { rule: Rule::All, parts, .. } => parts
                .into_iter()
                .map(|part| match part {
                    Requirement::Group { name, .. } => name,
                    other => panic!("{other:?}"),
                })
                .collect(),
            Requirement::NoRule { .. } => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    // threat: I07
    #[test]
    fn no_rule_means_no_and_several_apply_together() {
        let globs = |text: &str| ImageMatcher::Globs(vec![text.parse().unwrap()]);
        let set =
            PolicySet::new(vec![rule("a", globs("registry.example/**")), rule("b", globs("registry.example/team/*"))]);
        let name = |text: &str| text.parse::<ImageReference>().unwrap();
        assert_eq!(names(&set, ImageIdentity::Registry(&name("registry.example/team/app"))), ["a", "b"]);
        assert_eq!(names(&set, ImageIdentity::Registry(&name("registry.example/app"))), ["a"]);
        assert!(matches!(
            set.requirement_for(ImageIdentity::Registry(&name("other.example/app"))),
            Requirement::NoRule { .. }
        ));
        assert!(matches!(
            PolicySet::new(vec![]).requirement_for(ImageIdentity::Registry(&name("a"))),
            Requirement::NoRule { .. }
        ));
        let local = ImageIdentity::Local { transport: "oci", given: "oci:dir" };
        assert!(matches!(set.requirement_for(local), Requirement::NoRule { .. }));
        assert_eq!(names(&PolicySet::new(vec![rule("all", globs("**"))]), local), ["all"]);
    }

    #[test]
    fn the_nearest_rule_is_named_with_what_keeps_it_from_fitting() {
        let globs = |text: &str| ImageMatcher::Globs(vec![text.parse().unwrap()]);
        let scope = |text: &str| ImageMatcher::Scope(text.parse().unwrap());
        let near = |rules: Vec<ImageRule>, image: &str| {
            let image: ImageReference = image.parse().unwrap();
            match PolicySet::new(rules).requirement_for(ImageIdentity::Registry(&image)) {
                Requirement::NoRule { near, .. } => near.unwrap_or_default(),
                other => panic!("{other:?}"),
            }
        };
        let rules = || {
            vec![
                rule("far", globs("other.example/**")),
                rule("near", globs("registry.example/team/*")),
                rule("scope", scope("docker.io/acme")),
            ]
        };
        let other_images = "the nearest is near about registry.example/team/*: it is about other images";
        assert_eq!(near(rules(), "registry.example/app"), other_images);
        let parts = "the nearest is near about registry.example/team/*: `*` matches one part of a path, `**` any number of them";
        assert_eq!(near(rules(), "registry.example/team/a/b"), parts);
        let host =
            "the nearest is far about other.example/**: it is about other.example, and the image is on index.docker.io";
        assert_eq!(near(vec![rule("far", globs("other.example/**"))], "app"), host);
        assert!(
            near(rules(), "acme2/app")
                .starts_with("the nearest is scope about docker.io/acme: it is about other images")
        );
        assert_eq!(near(vec![], "app"), "");
        let local = ImageIdentity::Local { transport: "oci", given: "oci:dir" };
        let Requirement::NoRule { near: Some(why), .. } = PolicySet::new(rules()).requirement_for(local) else {
            panic!()
        };
        assert_eq!(why, "far is about images of registries, and this image is in oci: it has no name there");
    }

    // threat: R03
    #[test]
    fn all_allow_when_each_allows_and_there_is_one() {
        let refuse = Requirement::Refuse { why: None };
        for (parts, expected) in [
            (vec![], false),
            (vec![Requirement::Nothing], true),
            (vec![Requirement::Nothing, Requirement::Nothing], true),
            (vec![Requirement::Nothing, refuse.clone()], false),
            (vec![refuse], false),
        ] {
            assert_eq!(Requirement::all("x", parts.clone()).allows(), expected, "{parts:?}");
        }
    }

    // threat: R03
    #[test]
    fn a_rule_that_refuses_is_not_escaped_by_a_digest() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        let name = |text: &str| text.parse::<ImageReference>().unwrap();
        let globs = |text: &str| ImageMatcher::Globs(vec![ImageGlob::of_policy_controller(text).unwrap()]);
        let refuse =
            |name: &str, images| ImageRule { requirement: Requirement::Refuse { why: None }, ..rule(name, images) };
        let set = PolicySet::new(vec![
            rule("allows", globs("registry.example/app:v1")),
            refuse("refuses", globs("registry.example/app:v1")),
            refuse("refuses all", globs("registry.example/other")),
            ImageRule { mode: EnforcementMode::Warn, ..refuse("warns", globs("registry.example/app:v1")) },
        ]);
        for (image, expected) in [
            ("registry.example/app:v1".to_owned(), &["allows", "refuses", "warns"][..]),
            (format!("registry.example/app:v1{digest}"), &["refuses"]),
            (format!("registry.example/app{digest}"), &[]),
            ("registry.example/other:v1".to_owned(), &["refuses all"]),
            (format!("registry.example/other{digest}"), &["refuses all"]),
        ] {
            assert_eq!(names(&set, ImageIdentity::Registry(&name(&image))), expected, "{image}");
        }
        let Requirement::NoRule { near, .. } =
            set.requirement_for(ImageIdentity::Registry(&name(&format!("registry.example/app{digest}"))))
        else {
            panic!("a rule is about it")
        };
        let near = near.unwrap();
        assert!(near.starts_with("allows about registry.example/app:v1 is about tags, and this image"), "{near}");
        let scope = |text: &str| ImageMatcher::Scope(text.parse().unwrap());
        let set = PolicySet {
            rules: vec![
                rule("rest", ImageMatcher::Rest),
                refuse("tag", scope("registry.example/app:v1")),
                refuse("both", scope(&format!("registry.example/app:v3{digest}"))),
            ],
            choice: Choice::Closest,
            passed_over: Vec::new(),
        };
        for (image, expected) in [
            (format!("registry.example/app:v1{digest}"), &["rest", "tag"][..]),
            (format!("registry.example/app:v2{digest}"), &["rest"]),
            (format!("registry.example/app:v3{digest}"), &["rest", "both"]),
            ("registry.example/app:v1".to_owned(), &["tag"]),
        ] {
            assert_eq!(names(&set, ImageIdentity::Registry(&name(&image))), expected, "{image}");
        }
    }

    #[test]
    fn the_closest_scope_applies_alone() {
        let scope = |text: &str| ImageMatcher::Scope(text.parse().unwrap());
        let rules = vec![
            rule("rest", ImageMatcher::Rest),
            rule("docker", ImageMatcher::Transport("docker".to_owned())),
            rule("oci", ImageMatcher::Transport("oci".to_owned())),
            rule("subdomains", scope("*.example")),
            rule("host", scope("registry.example")),
            rule("team", scope("registry.example/team")),
            rule("tag", scope("registry.example/team/app:v1")),
        ];
        let set = PolicySet { rules, choice: Choice::Closest, passed_over: Vec::new() };
        for (image, expected) in [
            ("registry.example/team/app:v1", "tag"),
            ("registry.example/team/app:v2", "team"),
            ("registry.example/app", "host"),
            ("other.example/app", "subdomains"),
            ("other.test/app", "docker"),
        ] {
            assert_eq!(names(&set, ImageIdentity::Registry(&image.parse().unwrap())), [expected], "{image}");
        }
        assert_eq!(names(&set, ImageIdentity::Local { transport: "oci", given: "oci:dir" }), ["oci"]);
        assert_eq!(names(&set, ImageIdentity::Local { transport: "oci-archive", given: "oci-archive:f" }), ["rest"]);
    }
}
