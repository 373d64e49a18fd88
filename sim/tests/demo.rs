//! The demo in virtual time: what the first page promises.

use crate::run::run;

#[test]
fn the_demo_moves_the_service_and_the_client_does_not_notice() {
    let demo = run::<&str>(&[]);
    assert_eq!(demo.result().verdict.name(), "uninterrupted", "{}", demo.transcript());
    assert_eq!(demo.result().migrations_completed(), 1);
}
