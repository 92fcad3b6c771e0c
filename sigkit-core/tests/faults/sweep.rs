use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use testkit::{Action, Extent, Rule, catalogue};

use crate::fixture::{Fixture, LONG_TIMEOUTS, Outcome, SHORT_TIMEOUTS, Scenario};
use crate::outcomes::{OutcomeCounts, Wrong};

/// No run may take longer: each makes some twenty operations, of which none may take longer than 2.5 seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// Runs under way at once; most of their time is waiting.
const WIDTH: usize = 16;

/// In the default sample one case in so many is run.
const FEW: usize = 9;

/// How many of the cases are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    /// A few of each scenario, each fault somewhere.
    Few,
    /// Every request and one fault of each kind.
    Kinds,
    /// Every request and the whole catalogue.
    Everything,
}

impl Sample {
    fn wanted() -> Self {
        match std::env::var("SIGKIT_SWEEP").as_deref() {
            Ok("everything") => Self::Everything,
            Ok("kinds") => Self::Kinds,
            _ => Self::Few,
        }
    }
}

/// Which requests a fault is injected into.
#[derive(Clone, Debug)]
enum Reach {
    /// The nth request alone.
    Once(usize),
    /// Every request to that place.
    Place(String, String),
    /// The nth and all that follow.
    Onwards(usize),
}

struct Case {
    fault: String,
    action: Action,
    reach: Reach,
    place: String,
}

/// Sweeps a scenario, prints the totals, and fails unless all is as it must be.
pub(crate) fn sweep(name: &str, scenario: Scenario) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let counts = runtime.block_on(async {
        let template = Arc::new(Fixture::new(scenario).await);
        let requests = record(&template, scenario).await;
        let sample = Sample::wanted();
        let faults = catalogue(if sample == Sample::Everything { Extent::All } else { Extent::Kinds });
        let mut counts = OutcomeCounts::new(requests.len(), faults.len());
        let runs = cases(&requests, &faults, sample).into_iter().map(|case| {
            let template = Arc::clone(&template);
            tokio::spawn(async move { run(&template, scenario, &case).await })
        });
        // Spawned as they come to be polled, so that no more than WIDTH are under way.
        let mut runs = futures_util::stream::iter(runs).buffer_unordered(WIDTH);
        while let Some(one) = runs.next().await {
            counts.add(one.unwrap());
        }
        counts
    });
    println!("sweep: {name}: {counts}");
    counts.assert_clean();
}

/// Method and place of the requests that a run without faults makes.
async fn record(template: &Fixture, scenario: Scenario) -> Vec<(String, String)> {
    let fixture = template.copy();
    let outcomes = fixture.run(LONG_TIMEOUTS).await;
    assert!(truthful(scenario, &outcomes), "{outcomes:?}");
    fixture.registry.requests().into_iter().map(|request| (request.method, request.target)).collect()
}

fn cases(requests: &[(String, String)], faults: &[(String, Action)], sample: Sample) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut places = BTreeSet::new();
    for (number, (method, target)) in requests.iter().enumerate() {
        let nth = number + 1;
        let mut reaches = vec![Reach::Once(nth)];
        if places.insert((method, target)) {
            reaches.push(Reach::Place(method.clone(), target.clone()));
        }
        if sample == Sample::Everything {
            reaches.push(Reach::Onwards(nth));
        }
        for reach in reaches {
            for (fault, action) in faults {
                let place = format!("{method} {target}");
                cases.push(Case { fault: fault.clone(), action: action.clone(), reach: reach.clone(), place });
            }
        }
    }
    // The number of faults is prime to the step, so that each of them is among the cases of some request.
    let step = if sample == Sample::Few { FEW } else { 1 };
    cases.into_iter().step_by(step).collect()
}

/// One run in a registry of its own, and what was wrong with it.
async fn run(template: &Fixture, scenario: Scenario, case: &Case) -> OutcomeCounts {
    let fixture = template.copy();
    let rule = match &case.reach {
        Reach::Once(nth) => Rule::new("*", "*").nth(*nth),
        Reach::Place(method, target) => Rule::new(method, target),
        Reach::Onwards(nth) => Rule::new("*", "*").from(*nth),
    };
    fixture.registry.fault(rule, case.action.clone());
    let mut counts = OutcomeCounts::one();
    let began = Instant::now();
    let outcomes = tokio::time::timeout(LIMIT, async { fixture.run(SHORT_TIMEOUTS).await }).await;
    counts.slowest = began.elapsed();
    fixture.registry.clear_faults();
    let told = format!("{} at {:?} ({}): {outcomes:?}", case.fault, case.reach, case.place);
    let Ok(outcomes) = outcomes else {
        counts.note(Wrong::Hang, &told);
        return counts;
    };
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Done if scenario.may_succeed(number) => {}
            Outcome::Done => counts.note(Wrong::FalseSuccess, &told),
            Outcome::Refused(_) if scenario.may_succeed(number) && !may_deny(&case.action) => {
                counts.note(Wrong::FalseRefusal, &told);
            }
            Outcome::Refused(_) | Outcome::Trouble(_) => {}
        }
    }
    let as_it_is =
        |(number, outcome): (usize, &Outcome)| matches!(outcome, Outcome::Done) == scenario.may_succeed(number);
    counts.as_usual = usize::from(outcomes.iter().enumerate().all(as_it_is));
    if fixture.signs() {
        after_signing(&fixture, &outcomes, &told, &mut counts).await;
    }
    counts
}

async fn after_signing(fixture: &Fixture, outcomes: &[Outcome], told: &str, counts: &mut OutcomeCounts) {
    let census = fixture.census().await;
    let told = format!("{told}, {census:?}");
    if census.lost > 0 {
        counts.note(Wrong::Lost(census.lost), &told);
    }
    let whole = fixture.whole();
    let missing = |own: &(usize, usize)| own.0 < whole.0 || own.1 < whole.1;
    let done = |outcome: &Outcome| matches!(outcome, Outcome::Done);
    if outcomes.iter().zip(&census.own).any(|(outcome, own)| done(outcome) && missing(own)) {
        counts.note(Wrong::FalseSuccess, &told);
    }
    // Whatever was left half done, the next run finishes, and signs nothing twice.
    if !outcomes.iter().all(done) {
        let again = fixture.run(LONG_TIMEOUTS).await;
        let finished = fixture.census().await;
        let once = finished.own.iter().all(|own| *own == whole);
        if !once || finished.lost > census.lost || !again.iter().all(done) {
            counts.note(Wrong::Unfinished, &format!("{told}, then {again:?}, {finished:?}"));
        }
    }
}

/// Whether each image came out as without faults.
fn truthful(scenario: Scenario, outcomes: &[Outcome]) -> bool {
    let mut numbered = outcomes.iter().enumerate();
    numbered.all(|(number, outcome)| matches!(outcome, Outcome::Done) == scenario.may_succeed(number))
}

/// Whether what the registry says amounts to "there is none", truly or not, or to other bytes for what a tag means.
fn may_deny(action: &Action) -> bool {
    match action {
        Action::Respond(response) => response.status == 404 && response.body.is_empty(),
        Action::Change(_) => true,
        _ => false,
    }
}
