//! Migrations that succeed.

use crate::program::{run, simulate, stage};

#[test]
fn one_migration_and_the_client_does_not_notice() {
    let Some(_stage) = stage() else { return };
    let run = run(&[], &[]);
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), ["complete"]);
    let review = &run.migrations()[0]["review"];
    assert_eq!((&review["required"], &review["disagreed"]), (&20.into(), &0.into()));
    assert!(review["agreed"].as_u64() >= Some(20));
    let serving: Vec<&String> = run.result["state_digests"].as_object().expect("digests").keys().collect();
    assert_eq!(serving, ["edge-b1", "edge-b2"]);
}

#[test]
fn both_worlds_go_through_the_same_phases() {
    let Some(_stage) = stage() else { return };
    for set in [&[][..], &["controllers.handover=reactive"]] {
        let (real, simulated) = (run(&[], set), simulate(&[], set));
        assert_eq!(real.phases(0), simulated.phases(0), "{set:?}");
        assert_eq!(real.outcomes(), simulated.outcomes());
        assert_eq!(
            (&real.result["world"], &simulated.result["world"]),
            (&"real".into(), &"simulated".into())
        );
    }
}

#[test]
fn ten_shuttled_migrations() {
    let Some(_stage) = stage() else { return };
    let run = run(
        &["--migrations", "10"],
        &["client.route=[{x_mm: 10500, y_mm: 10000}, {x_mm: 14500, y_mm: 10000}]"],
    );
    run.assert_unnoticed();
    assert_eq!(run.outcomes(), ["complete"; 10]);
}

#[test]
fn a_control_run_moves_nothing() {
    let Some(_stage) = stage() else { return };
    let run = run(&["--migrations", "0", "--duration", "4s"], &[]);
    run.assert_unnoticed();
    assert!(run.outcomes().is_empty());
}

#[test]
fn handing_over_back_and_forth_during_a_migration_changes_the_path_only() {
    let Some(_stage) = stage() else { return };
    let set = [
        // The transfer takes longer than the AGV needs to come back.
        "links.defaults.rate=40 Mbit/s",
        "client.route=[{x_mm: 11500, y_mm: 10000}, {x_mm: 13500, y_mm: 10000}]",
        "client.dwell=100 ms",
        "client.hysteresis_mm=200",
    ];
    let run = run(&[], &set);
    run.assert_whole();
    assert_eq!(run.outcomes(), ["complete"]);
    let (_, since) = run.told.split_once("Transfer ").expect("a transfer");
    let (during, _) = since.split_once("Complete ").expect("an end");
    assert!(during.contains("agv now comes in by s1"), "{}", run.told);
}
