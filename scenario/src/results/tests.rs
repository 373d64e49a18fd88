//! The results as a whole: small runs written by hand, their exact figures, and one golden file.

use super::testing::{MS, Story, answered, at, every_10_ms, facts, lost, names, stall};
use super::*;
use proptest::prelude::*;
use zerogap_proto::{AbortReason, DropReason, Event, Goal, MigrationId, NodeId, Outcome, Phase};

/// Milliseconds until each of `count` requests, sent every 10 ms, was answered.
fn steady(count: usize) -> Vec<Option<u64>> {
    vec![Some(1); count]
}

fn result(rtts_ms: &[Option<u64>], story: Story, facts: &Facts) -> RunResult {
    compute(&every_10_ms(rtts_ms), &story.0, facts, &names())
}

/// start, end (ms), requests, phase, cause.
fn shown(result: &RunResult) -> Vec<(u64, u64, u64, Phase, Cause)> {
    let row = |i: &Interruption| (i.start_ns / MS, i.end_ns / MS, i.requests, i.phase, i.cause);
    result.interruptions.iter().map(row).collect()
}

fn spans(m: &MigrationFigures) -> Vec<(&str, u64, u64)> {
    m.phases.iter().map(|p| (p.name.as_str(), p.start_ns / MS, p.end_ns / MS)).collect()
}

#[test]
fn a_migration_runs_from_the_packet_in_and_its_phases_follow_each_other() {
    let result = result(&steady(40), Story::default().packet_in(0).migration(100, 1), &facts(1));
    assert_eq!(
        spans(&result.migrations[0]),
        [
            ("Handover", 100, 105),
            ("Migration", 105, 145),
            ("Snapshot", 105, 115),
            ("Transfer", 115, 125),
            ("Restore", 125, 135),
            ("Replay", 135, 145),
            ("Review", 145, 165),
            ("SwitchOver", 165, 170),
            ("Complete", 170, 170),
        ]
    );
    assert_eq!(result.migration_time_ns, Some(70 * MS));
    assert_eq!(result.migrations[0].requests_replayed, 7);
    assert_eq!(result.migrations[0].review.absent, 1);
    assert_eq!(result.verdict, Verdict::Uninterrupted);
}

#[test]
fn an_aborted_migration_s_last_phase_lasts_to_its_end_and_a_retry_is_its_own_trigger() {
    let story = Story::default()
        .packet_in(100)
        .begun(101, 1, Goal::SwitchOver)
        .phase(101, 1, Phase::Snapshot)
        .phase(110, 1, Phase::Transfer)
        .packet_in(120)
        .ended(130, 1, Outcome::Aborted(AbortReason::TransferFailed))
        .begun(200, 2, Goal::SwitchOver);
    let result = result(&steady(40), story, &facts(1));
    let [first, second] = &result.migrations[..] else { panic!("two migrations") };
    assert_eq!(
        spans(first),
        [("Handover", 100, 101), ("Migration", 101, 130), ("Snapshot", 101, 110), ("Transfer", 110, 130)]
    );
    assert_eq!((first.outcome, first.reason), (Ending::Aborted, Some(AbortReason::TransferFailed)));
    assert_eq!((first.migration_time_ns, result.migration_time_ns), (None, None));
    assert_eq!(spans(second), [("Migration", 200, 391), ("Snapshot", 200, 391)], "to the end of the run");
    assert_eq!(second.outcome, Ending::Unfinished);
    assert_eq!(
        (result.verdict, result.because.as_slice()),
        (Verdict::Failed, &["0 of 1 migrations completed".to_owned()][..])
    );
}

#[test]
fn a_reseeding_does_not_count_as_a_wanted_migration() {
    let story = Story::default().packet_in(50).begun(100, 1, Goal::Reseed).ended(120, 1, Outcome::Complete);
    let result = result(&steady(40), story, &facts(1));
    assert_eq!(result.migrations[0].phases[0].name, "Migration", "no handover");
    assert_eq!(result.migrations[0].phases.last().unwrap().name, "Complete");
    assert_eq!(result.verdict, Verdict::Failed);
}

#[test]
fn the_request_that_waits_at_the_trigger_is_the_migration_s() {
    let mut rtts = steady(40);
    rtts[9] = Some(6); // due at 90, held until 96
    rtts[12] = Some(4);
    rtts[20] = Some(9); // after the end at 165
    let result = result(&rtts, Story::default().migration(95, 1), &facts(1));
    let windows = result.windows;
    assert_eq!((windows.before.count, windows.migration.count, windows.after.count), (9, 8, 23));
    assert_eq!(windows.migration.max, Some(6 * MS));
    assert_eq!(result.added_delay_max_ns, Some(5 * MS), "6 ms less the median of 1 ms");
    assert_eq!(result.migrations[0].rtt_ns, windows.migration);
}

#[test]
fn each_migration_is_held_against_what_went_before_it_and_the_worst_counts() {
    let mut rtts = steady(60);
    rtts[12] = Some(3); // in the first: + 2 ms
    rtts[18..30].fill(Some(2)); // between them
    rtts[34] = Some(8); // in the second: + 6 ms
    let result = result(&rtts, Story::default().migration(100, 1).migration(305, 2), &facts(2));
    let delays: Vec<_> = result.migrations.iter().map(|m| m.added_delay_max_ns).collect();
    assert_eq!(delays, [Some(2 * MS), Some(6 * MS)]);
    assert_eq!(result.added_delay_max_ns, Some(6 * MS));
    assert_eq!(result.windows.between.count, 13, "due at 180 to 300");
}

#[test]
fn a_control_run_has_only_a_before() {
    let result = result(&steady(30), Story::default().packet_in(0), &facts(0));
    assert_eq!(result.windows.before.count, 30);
    assert_eq!((result.windows.migration, result.windows.after), (Figures::default(), Figures::default()));
    assert_eq!(
        (result.added_delay_max_ns, result.migration_time_ns, result.downtime_ns),
        (Some(0), Some(0), 0)
    );
    assert_eq!(result.verdict, Verdict::Uninterrupted);
}

#[test]
fn late_and_lost_requests_in_a_row_are_one_interruption() {
    let mut rtts = steady(30);
    rtts[3] = Some(11); // its own answer ends it, at 41; the next comes at 41 too
    rtts[10] = None;
    rtts[11] = None; // the answer to the next ends it, at 121
    rtts[20] = Some(35);
    rtts[21] = None;
    rtts[22] = Some(15); // at 235, but the next answer comes at 231
    let result = result(&rtts, Story::default(), &facts(0));
    let unknown = |start, end, requests| (start, end, requests, Phase::Initial, Cause::Unknown);
    assert_eq!(shown(&result), [unknown(30, 41, 1), unknown(100, 121, 2), unknown(200, 231, 3)]);
    assert_eq!(result.downtime_ns, 31 * MS);
    assert_eq!((result.requests.late, result.requests.lost, result.requests.answered), (3, 3, 27));
    assert_eq!(result.rtt_ns.count, 27, "a lost request is no sample");
    assert_eq!(result.verdict, Verdict::Interrupted);
}

#[test]
fn an_answer_exactly_at_the_threshold_is_in_time() {
    assert!(
        compute(&[answered(0, 0, 10 * MS)], &Journal::default(), &facts(0), &names())
            .interruptions
            .is_empty()
    );
    let late = compute(&[answered(0, 0, 10 * MS + 1)], &Journal::default(), &facts(0), &names());
    assert_eq!((late.interruptions.len(), late.requests.late), (1, 1));
}

#[test]
fn an_interruption_that_nothing_ends_lasts_until_its_last_request_was_late() {
    let mut rtts = steady(30);
    rtts[27] = None;
    rtts[28] = None;
    rtts[29] = None;
    assert_eq!(shown(&result(&rtts, Story::default(), &facts(0)))[0].1, 300, "due at 290, late at 300");
    rtts[28] = Some(45);
    assert_eq!(shown(&result(&rtts, Story::default(), &facts(0)))[0].1, 325, "the last answer of all");
}

#[test]
fn an_interruption_of_a_migration_names_the_phase_in_which_it_began() {
    let mut rtts = steady(40);
    rtts[12] = Some(15);
    rtts[25] = Some(15);
    let result = result(&rtts, Story::default().migration(100, 1), &facts(1));
    assert_eq!(
        shown(&result),
        [(120, 131, 1, Phase::Transfer, Cause::Migration), (250, 261, 1, Phase::Initial, Cause::Unknown)]
    );
    assert_eq!((result.downtime_ns, result.migrations[0].downtime_ns), (11 * MS, 11 * MS));
}

#[test]
fn a_request_lost_on_the_way_to_the_new_switch_is_the_handover_s() {
    let mut rtts = steady(40);
    rtts[10] = None; // lost at 100; the next one, at 110, causes the packet-in
    let result = result(&rtts, Story::default().migration(110, 1), &facts(1));
    assert_eq!(shown(&result), [(100, 111, 1, Phase::Handover, Cause::Migration)]);
}

#[test]
fn a_fault_explains_what_follows_it_closely_even_in_a_migration() {
    let lost_server =
        |ms| Story::default().migration(100, 1).then(ms, Event::ServerLost { server: NodeId(2) });
    let mut rtts = steady(60);
    rtts[14] = Some(15);
    let cause = |ms| shown(&result(&rtts, lost_server(ms), &facts(1)))[0].4;
    assert_eq!(cause(40), Cause::Fault, "100 ms before");
    assert_eq!(cause(39), Cause::Migration, "too long before");
    assert_eq!(cause(151), Cause::Fault, "as it ends");
    assert_eq!(cause(152), Cause::Migration, "afterwards");
}

#[test]
fn a_fail_over_is_a_fault_only_outside_a_migration() {
    let failed_over = Event::FailedOver {
        service: zerogap_proto::ServiceId(0),
        offset: zerogap_proto::Offset(1),
        missing: NodeId(2),
        released: NodeId(3),
    };
    let mut rtts = steady(60);
    rtts[14] = Some(15);
    let quiet = Story::default().then(145, failed_over.clone());
    assert_eq!(shown(&result(&rtts, quiet, &facts(0)))[0].4, Cause::Fault);
    let migrating = Story::default().migration(100, 1).then(145, failed_over);
    assert_eq!(shown(&result(&rtts, migrating, &facts(1)))[0].4, Cause::Migration);
}

#[test]
fn a_stall_of_the_machine_excuses_only_the_delay_that_it_explains() {
    let mut rtts = steady(30);
    rtts[10] = Some(16); // due at 100, answered at 116
    let cause = |stalls: Vec<Stall>| {
        let result = result(&rtts, Story::default(), &Facts { stalls, ..facts(0) });
        (result.interruptions[0].cause, result.verdict)
    };
    let (host, scheme) = ((Cause::Host, Verdict::Inconclusive), (Cause::Unknown, Verdict::Interrupted));
    assert_eq!(cause(vec![stall(102, 6)]), host);
    assert_eq!(cause(vec![stall(102, 5)]), scheme, "11 ms would still have been late");
    assert_eq!(cause(vec![stall(102, 3), stall(110, 3)]), host, "two stalls together");
    assert_eq!(cause(vec![stall(102, 5), stall(104, 3)]), scheme, "two cores saw the same stall");
    assert_eq!(cause(vec![stall(102, 6), stall(103, 1)]), host, "one within the other");
    assert_eq!(cause(vec![stall(94, 12)]), host, "it began before the request was due");
    assert_eq!(cause(vec![stall(90, 10), stall(116, 50)]), scheme, "neither touches the wait");
}

#[test]
fn a_short_stall_does_not_excuse_a_long_interruption() {
    let mut rtts = steady(60);
    for i in 10..40 {
        rtts[i as usize] = Some(401 - 10 * i); // frozen from 100 to 401
    }
    let facts = Facts { stalls: vec![stall(395, 20)], ..facts(1) };
    let result = result(&rtts, Story::default().migration(340, 1), &facts);
    assert_eq!(shown(&result), [(100, 401, 30, Phase::Handover, Cause::Migration)]);
    assert_eq!(result.verdict, Verdict::Interrupted);
}

#[test]
fn a_lost_request_is_the_host_s_only_if_the_machine_stood_still_for_a_threshold() {
    let cause = |length_ms| {
        let facts = Facts { stalls: vec![stall(102, length_ms)], ..facts(0) };
        let mut rtts = steady(30);
        rtts[10] = None;
        result(&rtts, Story::default(), &facts).interruptions[0].cause
    };
    assert_eq!(cause(9), Cause::Unknown);
    assert_eq!(cause(10), Cause::Host);
}

fn tiny() -> (Vec<Record>, Journal, Facts) {
    let mut rtts = steady(40);
    rtts[15] = Some(12);
    let mut records = every_10_ms(&rtts);
    records[20].duplicates = 2;
    records[21].reordered = true;
    let figures = SwitchFigures {
        frames_in: 120,
        frames_out: 160,
        dropped: [(DropReason::DuplicateAnswer, 40), (DropReason::LinkLoss, 1)].into(),
    };
    let facts = Facts {
        links_duplicate: true,
        stalls: vec![stall(300, 2), stall(10, 3)],
        switches: [(NodeId(1), figures)].into(),
        state_digests: [(NodeId(3), 0xabc), (NodeId(2), 0xabc)].into(),
        state_bytes_sent: [(MigrationId(1), 80_000_000)].into(),
        ..facts(1)
    };
    (records, Story::default().migration(100, 1).0, facts)
}

#[test]
fn a_tiny_run_has_exactly_this_result_and_this_report() {
    let (records, journal, facts) = tiny();
    let result = compute(&records, &journal, &facts, &names());
    let json = result.to_json();
    assert_eq!(json, include_str!("golden/result.json"), "{json}");
    assert_eq!(serde_json::from_str::<RunResult>(&json).unwrap(), result, "it reads back");
    let report = report(&result, false);
    assert_eq!(report, include_str!("golden/report.txt"), "{report}");
}

#[test]
fn colour_is_only_in_the_verdict_and_only_when_asked_for() {
    let (records, journal, facts) = tiny();
    let result = compute(&records, &journal, &facts, &names());
    assert!(!report(&result, false).contains('\x1b'));
    let coloured = report(&result, true);
    assert!(coloured.lines().last().unwrap().starts_with("\x1b[1;31minterrupted\x1b[0m: "), "{coloured}");
    assert_eq!(coloured.matches('\x1b').count(), 2);
}

#[test]
fn the_files_of_a_run_are_written_and_an_error_names_the_path() {
    let (records, journal, facts) = tiny();
    let result = compute(&records, &journal, &facts, &names());
    let dir = std::env::temp_dir().join(format!("zerogap-results-{}", std::process::id()));
    write(&dir.join("deep"), &result, &journal, &names(), &records).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.join("deep").join(name)).unwrap();
    assert_eq!(read("result.json"), result.to_json());
    assert_eq!(read("events.ndjson").lines().count(), journal.len());
    assert!(read("rtt.hlog").contains("HIST"));

    let blocked = dir.join("deep/result.json");
    let error = write(&blocked, &result, &journal, &names(), &records).unwrap_err().to_string();
    assert!(error.contains(blocked.to_str().unwrap()), "{error}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_journal_that_was_full_is_admitted() {
    let mut journal = Journal::new(1);
    for _ in 0..3 {
        journal.add(at(1), NodeId(0), Event::ClientDone { client: NodeId(0) });
    }
    let result = compute(&[lost(0, 0)], &journal, &facts(0), &names());
    assert_eq!(result.journal, JournalFigures { events: 1, dropped: 2 });
    assert!(report(&result, false).contains("2 events dropped"));
}

proptest! {
    #[test]
    fn every_answer_stands_in_one_window_and_every_miss_in_one_interruption(
        rtts in proptest::collection::vec(proptest::option::weighted(0.9, 0..40u64), 1..120),
        first in 0..500u64,
        gap in 0..500u64,
    ) {
        let story = Story::default().migration(first, 1).migration(first + 71 + gap, 2);
        let result = result(&rtts, story, &facts(2));
        let w = &result.windows;
        let counts = w.before.count + w.migration.count + w.between.count + w.after.count;
        prop_assert_eq!(counts, result.requests.answered);
        let missed: u64 = result.interruptions.iter().map(|i| i.requests).sum();
        prop_assert_eq!(missed, result.requests.late + result.requests.lost);
        let longest = result.migrations.iter().map(|m| m.downtime_ns).max().unwrap();
        prop_assert!(longest <= result.downtime_ns);
    }

    #[test]
    fn the_order_of_the_records_does_not_matter(seed in any::<prop::sample::Index>()) {
        let (mut records, journal, facts) = tiny();
        let expected = compute(&records, &journal, &facts, &names()).to_json();
        records.rotate_left(seed.index(40));
        prop_assert_eq!(compute(&records, &journal, &facts, &names()).to_json(), expected);
    }
}
