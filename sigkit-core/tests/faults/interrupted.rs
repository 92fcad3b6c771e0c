//! A signer that is killed at any of its requests.

use std::time::Duration;

use testkit::{Action, Rule};

use crate::fixture::{Access, Api, Fixture, LONG_TIMEOUTS, Operation, Scenario};

// threat: H07
// Fails when what an interrupted run leaves behind keeps another from finishing, or is signed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signer_killed_at_any_request_is_finished_by_the_next_run() {
    for (operation, api) in [
        (Operation::SignBundle, Api::On),
        (Operation::SignBundle, Api::Off),
        (Operation::SignLegacy, Api::On),
        (Operation::SignBoth, Api::Off),
    ] {
        let scenario = Scenario { operation, api, access: Access::Anybody };
        let template = Fixture::new(scenario).await;
        let whole = template.copy();
        drop(whole.run(LONG_TIMEOUTS).await);
        let requests = whole.registry.requests().len();
        assert!(requests >= 8, "{requests}");
        for nth in 1..=requests {
            // The request takes effect, or does not; its answer is lost either way.
            for done in [false, true] {
                let fixture = template.copy();
                kill_at(&fixture, nth, done).await;
                drop(fixture.run(LONG_TIMEOUTS).await);
                let census = fixture.census().await;
                let told = format!("{scenario:?}, killed at request {nth}, done: {done}");
                assert_eq!((census.own, census.lost), (vec![fixture.whole()], 0), "{told}");
            }
        }
    }
}

/// Runs until the nth request has arrived, which is never answered.
async fn kill_at(fixture: &Fixture, nth: usize, done: bool) {
    let action = if done { Action::HangAfter } else { Action::Hang };
    fixture.registry.fault(Rule::new("*", "*").nth(nth), action);
    let arrived = async {
        while fixture.registry.requests().len() < nth {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // For its effect.
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    tokio::select! {
        () = arrived => {}
        _ = fixture.run(LONG_TIMEOUTS) => panic!("not held up at request {nth}"),
    }
    fixture.registry.clear_faults();
}
