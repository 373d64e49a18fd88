//! The demo in virtual time: what the first page promises.

use zerogap_scenario::Scenario;
use zerogap_scenario::file::Testbed;

#[test]
fn the_demo_moves_the_service_and_the_client_does_not_notice() {
    let scenario = Scenario::new(Testbed::default());
    let finished = zerogap_sim::simulate(&scenario, &mut |_, _, _| {}).expect("the demo can be built");
    println!("{}", finished.recorder.journal.to_transcript(&scenario.topology.names));
    println!("{}", zerogap_scenario::results::report(&finished.result, false));
    assert_eq!(finished.result.verdict.name(), "uninterrupted");
}
