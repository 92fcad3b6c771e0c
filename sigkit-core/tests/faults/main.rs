//! Every fault at every request that signing, verifying and logging in make: no false success, no lost signature, no hang.
//!
//! The requests of a scenario are those that a run without faults makes. Then each fault of the test registry's catalogue is injected into
//! each of them: that one alone, and all requests to the same place. The totals are printed. Without more, a sample is run:
//!
//!     SIGKIT_SWEEP=kinds      cargo test --workspace --test faults -- --nocapture    every request, one fault of each kind
//!     SIGKIT_SWEEP=everything cargo test --workspace --test faults -- --nocapture    the whole catalogue, and for all later requests
#![cfg(all(feature = "registry", feature = "sign"))]
#![allow(clippy::disallowed_methods, reason = "the sweep measures how long it was made to wait")]

mod fixture;
mod interrupted;
#[path = "../support/keys.rs"]
#[allow(dead_code, reason = "shared with tests that need more keys")]
mod keys;
mod outcomes;
mod store;
mod sweep;

use fixture::{Access, Api, Operation, Scenario};
use sweep::sweep;

const SIGNING: Scenario = Scenario { operation: Operation::SignBundle, api: Api::On, access: Access::Anybody };

// threat: N05 H01 H05 H07 M8
#[test]
fn sign_bundles_on_the_referrers_list() {
    sweep("sign, bundle, referrers API", SIGNING);
}

// threat: N05 H01 H05 H07 M8
#[test]
fn sign_bundles_under_the_fallback_tag() {
    sweep("sign, bundle, fallback tag", Scenario { api: Api::Off, ..SIGNING });
}

// threat: N05 H01 H05 H07 M8
#[test]
fn sign_legacy() {
    sweep("sign, legacy", Scenario { operation: Operation::SignLegacy, ..SIGNING });
}

// threat: N05 H01 H05 H07 M8
#[test]
fn sign_both() {
    sweep("sign, both", Scenario { operation: Operation::SignBoth, api: Api::Off, ..SIGNING });
}

// threat: N05 G14
#[test]
fn sign_with_tokens() {
    sweep("sign, bundle, token server", Scenario { access: Access::Token, ..SIGNING });
}

// threat: N05 H01
#[test]
fn sign_many() {
    sweep("sign, three images", Scenario { operation: Operation::SignMany, ..SIGNING });
}

// threat: N05 H05 M6 E14
#[test]
fn verify() {
    sweep("verify", Scenario { operation: Operation::Verify, ..SIGNING });
}

// threat: N05 M6 I06
#[test]
fn verify_what_is_not_signed() {
    sweep("verify, not signed by this key", Scenario { operation: Operation::VerifyUnsigned, ..SIGNING });
}

// threat: N05 M6
#[test]
fn verify_with_tokens() {
    sweep("verify, token server", Scenario { operation: Operation::Verify, access: Access::Token, ..SIGNING });
}

// threat: N05 M6
#[test]
fn verify_many() {
    sweep("verify, three images", Scenario { operation: Operation::VerifyMany, ..SIGNING });
}

// threat: N05
#[test]
fn log_in() {
    sweep("login, password", Scenario { operation: Operation::LogIn, access: Access::Password, ..SIGNING });
    sweep("login, token server", Scenario { operation: Operation::LogIn, access: Access::Token, ..SIGNING });
}

// threat: N05
#[test]
fn log_in_wrongly() {
    sweep(
        "login, wrong password",
        Scenario { operation: Operation::LogInWrongly, access: Access::Password, ..SIGNING },
    );
    sweep(
        "login, wrong password, token server",
        Scenario { operation: Operation::LogInWrongly, access: Access::Token, ..SIGNING },
    );
}
