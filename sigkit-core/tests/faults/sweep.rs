use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use testkit::{Action, Extent, Rule, catalogue};

use crate::tally::{Tally, Wrong};
use crate::world::{IMPATIENT, Outcome, PATIENT, Scenario, World};

/// No run may take longer: each makes some twenty operations, of which none may take longer than half a second.
const LIMIT: Duration = Duration::from_secs(20);
/// Runs under way at once; most of their time is waiting.
const WIDTH: usize = 12;

/// Which requests a fault befalls.
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
    let tally = runtime.block_on(async {
        let template = Arc::new(World::new(scenario).await);
        let requests = record(&template).await;
        let (extent, faults) = match std::env::var("SIGKIT_SWEEP").as_deref() {
            Ok("full") => (Extent::All, catalogue(Extent::All)),
            _ => (Extent::Kinds, catalogue(Extent::Kinds)),
        };
        let mut tally = Tally::new(requests.len(), faults.len());
        let runs = cases(&requests, &faults, extent).into_iter().map(|case| {
            let template = Arc::clone(&template);
            tokio::spawn(async move { run(&template, scenario, &case).await })
        });
        // Spawned as they come to be polled, so that no more than WIDTH are under way.
        let mut runs = futures_util::stream::iter(runs).buffer_unordered(WIDTH);
        while let Some(one) = runs.next().await {
            tally.add(one.unwrap());
        }
        tally
    });
    println!("sweep: {name}: {tally}");
    tally.assert_clean();
}

/// Method and place of the requests that a run without faults makes.
async fn record(template: &World) -> Vec<(String, String)> {
    let world = template.copy();
    let outcomes = world.run(&world.open(PATIENT)).await;
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Trouble(_))), "{outcomes:?}");
    world.registry.requests().into_iter().map(|request| (request.method, request.target)).collect()
}

fn cases(requests: &[(String, String)], faults: &[(String, Action)], extent: Extent) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut places = BTreeSet::new();
    for (number, (method, target)) in requests.iter().enumerate() {
        let nth = number + 1;
        let mut reaches = vec![Reach::Once(nth)];
        if places.insert((method, target)) {
            reaches.push(Reach::Place(method.clone(), target.clone()));
        }
        if extent == Extent::All {
            reaches.push(Reach::Onwards(nth));
        }
        for reach in reaches {
            for (fault, action) in faults {
                let place = format!("{method} {target}");
                cases.push(Case { fault: fault.clone(), action: action.clone(), reach: reach.clone(), place });
            }
        }
    }
    cases
}

/// One run in a registry of its own, and what was wrong with it.
async fn run(template: &World, scenario: Scenario, case: &Case) -> Tally {
    let world = template.copy();
    let rule = match &case.reach {
        Reach::Once(nth) => Rule::new("*", "*").nth(*nth),
        Reach::Place(method, target) => Rule::new(method, target),
        Reach::Onwards(nth) => Rule::new("*", "*").from(*nth),
    };
    world.registry.fault(rule, case.action.clone());
    let mut tally = Tally::default();
    tally.runs = 1;
    let began = Instant::now();
    let outcomes = tokio::time::timeout(LIMIT, async { world.run(&world.open(IMPATIENT)).await }).await;
    tally.slowest = began.elapsed();
    world.registry.clear_faults();
    let told = format!("{} at {:?} ({}): {outcomes:?}", case.fault, case.reach, case.place);
    let Ok(outcomes) = outcomes else {
        tally.note(Wrong::Hang, &told);
        return tally;
    };
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Done if scenario.may_succeed(number) => {}
            Outcome::Done => tally.note(Wrong::FalseSuccess, &told),
            Outcome::Refused(_) if scenario.may_succeed(number) && !may_deny(&case.action) => {
                tally.note(Wrong::FalseRefusal, &told);
            }
            Outcome::Refused(_) | Outcome::Trouble(_) => {}
        }
    }
    tally.succeeded = usize::from(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done)));
    if world.signs() {
        after_signing(&world, &outcomes, &told, &mut tally).await;
    }
    tally
}

async fn after_signing(world: &World, outcomes: &[Outcome], told: &str, tally: &mut Tally) {
    let census = world.census().await;
    let told = format!("{told}, {census:?}");
    if census.lost > 0 {
        tally.note(Wrong::Lost(census.lost), &told);
    }
    for (outcome, own) in outcomes.iter().zip(&census.own) {
        let whole = world.whole();
        if matches!(outcome, Outcome::Done) && (own.0 < whole.0 || own.1 < whole.1) {
            tally.note(Wrong::FalseSuccess, &told);
        }
    }
    // Whatever was left half done, the next run finishes, and signs nothing twice.
    let again = world.run(&world.open(PATIENT)).await;
    let finished = world.census().await;
    let once = finished.own.iter().all(|own| *own == world.whole());
    if !once || finished.lost > census.lost || again.iter().any(|outcome| !matches!(outcome, Outcome::Done)) {
        tally.note(Wrong::Unfinished, &format!("{told}, then {again:?}, {finished:?}"));
    }
}

/// Whether what the registry says amounts to "there is none", truly or not, or to other bytes for what a tag means.
fn may_deny(action: &Action) -> bool {
    match action {
        Action::Respond(response) => response.status == 404 && response.body.is_empty(),
        Action::Change(_) => true,
        _ => false,
    }
}
