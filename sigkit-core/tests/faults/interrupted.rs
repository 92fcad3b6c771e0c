//! A signer that is killed at any of its requests.

use std::time::Duration;

use testkit::{Action, Rule};

use crate::world::{Access, Api, Deed, PATIENT, Scenario, World};

// threat: H07
// Fails when what an interrupted run leaves behind keeps another from finishing, or is signed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signer_killed_at_any_request_is_finished_by_the_next_run() {
    for (deed, api) in [
        (Deed::SignBundle, Api::On),
        (Deed::SignBundle, Api::Off),
        (Deed::SignLegacy, Api::On),
        (Deed::SignBoth, Api::Off),
    ] {
        let scenario = Scenario { deed, api, access: Access::Anybody };
        let template = World::new(scenario).await;
        let whole = template.copy();
        drop(whole.run(PATIENT).await);
        let requests = whole.registry.requests().len();
        assert!(requests >= 8, "{requests}");
        for nth in 1..=requests {
            // The request takes effect, or does not; its answer reaches nobody either way.
            for done in [false, true] {
                let world = template.copy();
                kill_at(&world, nth, done).await;
                drop(world.run(PATIENT).await);
                let census = world.census().await;
                let told = format!("{scenario:?}, killed at request {nth}, done: {done}");
                assert_eq!((census.own, census.lost), (vec![world.whole()], 0), "{told}");
            }
        }
    }
}

/// Runs until the nth request has arrived, which is never answered.
async fn kill_at(world: &World, nth: usize, done: bool) {
    let action = if done { Action::HangAfter } else { Action::Hang };
    world.registry.fault(Rule::new("*", "*").nth(nth), action);
    let arrived = async {
        while world.registry.requests().len() < nth {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // For its effect.
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    tokio::select! {
        () = arrived => {}
        _ = world.run(PATIENT) => panic!("not held up at request {nth}"),
    }
    world.registry.clear_faults();
}
