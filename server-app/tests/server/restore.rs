//! Snapshot, transfer, restore: the restored server is the one that was snapshotted, or says that it is not.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_proto::{
    Duration, Image, Incarnation, Input, Instant, Job, JobFailure, JobResult, Kind, MigrationId, Node,
    Offset, ServerCommand, Task, Timer,
};
use zerogap_server_app::answers::Answer;
use zerogap_server_app::{Belief, Header, ServerConfig, SparseMemory};

const NOW: Instant = Instant::ZERO;
const M: MigrationId = MigrationId(5);
const SECOND_LIFE: Incarnation = LIFE.next();

/// Cuts a snapshot as the driver does: header and image of the same instant.
fn cut(source: &mut Sparse) -> (Vec<u8>, SparseMemory) {
    let outputs = order(
        source,
        ServerCommand::Snapshot {
            migration: M,
            targets: vec![endpoint(3, 7_400)],
            image: Image::CopyOnWrite,
        },
    );
    let Some(Job::Send { header, .. }) = started(&outputs) else { panic!("no transfer was started") };
    (header.clone(), source.memory().clone())
}

fn done(server: &mut Sparse, result: JobResult) -> Task {
    give(server, NOW, Input::JobDone { migration: M, result });
    server.status().task
}

fn restored_from(target: ServerConfig, header: Vec<u8>, image: &SparseMemory) -> Sparse {
    let mut target = server_of(target);
    order(&mut target, ServerCommand::Prepare { migration: M });
    let received = transfer(M, &header, image, &mut target);
    assert_eq!(done(&mut target, received), Task::Restoring { migration: M });
    done(&mut target, JobResult::ScanNow);
    target
}

#[test]
fn a_restored_server_answers_for_the_source_repeats_included() {
    let mut source = served(10);
    let (header, image) = cut(&mut source);
    let mut target = restored_from(config(false), header, &image);
    let Task::Sending { mark, digest, .. } = source.status().task else { panic!("nothing was cut") };
    assert_eq!(target.status().task, Task::Restored { migration: M, mark, digest });
    assert_eq!((mark, target.status().next), (Offset(10), Offset(10)));
    for offset in [9, 10, 2, 11, 1] {
        let theirs = ask(&mut target, NOW, stamp(SECOND_LIFE, offset)).unwrap();
        let ours = ask(&mut source, NOW, stamp(LIFE, offset)).unwrap();
        assert_eq!((theirs.kind, theirs.command), (ours.kind, ours.command), "offset {offset}");
    }
    assert_eq!(ask(&mut target, NOW, stamp(SECOND_LIFE, 1)).unwrap().kind, Kind::Forgotten);
}

#[test]
fn all_that_can_influence_an_answer_is_in_the_digest_and_in_the_answers_digest() {
    let (bytes, image) = cut(&mut served(3));
    let sane = Header::decode(&bytes).unwrap();
    let next = |belief: fn(&mut Belief), answer: fn(&mut Answer), next: u64| {
        let mut header = Header { next: Offset(next), ..sane.clone() };
        belief(&mut header.belief);
        answer(&mut header.answers[1]);
        let mut target = restored_from(config(false), header.encode().unwrap(), &image);
        let digest = target.status().digest;
        (digest, ask(&mut target, NOW, stamp(SECOND_LIFE, next)).unwrap().command.digest)
    };
    let right = next(|_| {}, |_| {}, 3);
    let changed = [
        next(|belief| belief.applied += 1, |_| {}, 3),
        next(|belief| belief.shift_x_mm += 9, |_| {}, 3),
        next(|belief| belief.shift_y_mm += 9, |_| {}, 3),
        next(|_| {}, |answer| answer.sequence.0 += 1, 3),
        next(|_| {}, |_| {}, 4),
    ];
    for (place, (digest, answered)) in changed.into_iter().enumerate() {
        assert!(digest != right.0 && answered != right.1, "change {place}");
    }
    assert_ne!(next(|belief| belief.pose.x_mm += 1, |_| {}, 3).0, right.0);
}

#[test]
fn a_restored_server_scrubs_its_memory() {
    let (header, image) = cut(&mut served(1));
    let scrub_interval = Duration::from_millis(10);
    let target = restored_from(ServerConfig { scrub_interval, ..config(false) }, header, &image);
    assert_eq!(target.deadline(), Some((NOW + scrub_interval, Timer::Scrub)));
}

#[test]
fn a_bit_flipped_before_the_scan_shows_in_the_digest() {
    let (header, image) = cut(&mut served(10));
    let mut target = server_of(config(false));
    order(&mut target, ServerCommand::FlipBit { byte: 123_456, bit: 7, at_restore: true });
    order(&mut target, ServerCommand::Prepare { migration: M });
    let received = transfer(M, &header, &image, &mut target);
    while target.scan_arrived(2) > 0 {}
    done(&mut target, received);
    let Task::Restored { digest, .. } = done(&mut target, JobResult::ScanNow) else { panic!("not restored") };
    assert_ne!(digest, served(10).status().digest);
}

#[test]
fn a_snapshot_of_another_app_is_refused_with_the_reason() {
    let (header, image) = cut(&mut served(3));
    let header = Header::decode(&header).unwrap();
    let answers_remembered = ANSWERS + 1;
    let cases = [
        (
            Header { floor: zerogap_server_app::Floor { w_mm: 1, ..header.floor }, ..header.clone() },
            JobFailure::Header,
        ),
        (Header { answers_remembered, ..header.clone() }, JobFailure::Header),
        (Header { prior: zerogap_server_app::Prior::Unknown, ..header.clone() }, JobFailure::Header),
        (Header { state_bytes: STATE_BYTES + 1, ..header.clone() }, JobFailure::Memory),
        (Header { version: 9, ..header }, JobFailure::Header),
    ];
    for (header, reason) in cases {
        let target = restored_from(config(false), header.encode().unwrap(), &image);
        assert_eq!(target.status().task, Task::Failed { migration: M, reason }, "{header:?}");
        assert!(!target.status().holds_state);
    }
    let garbage = restored_from(config(false), vec![0xff; 300], &image);
    assert_eq!(garbage.status().task, Task::Failed { migration: M, reason: JobFailure::Header });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn snapshot_restore_and_replay_are_the_same_as_never_having_been_snapshotted(
        before in 0_u64..30, meanwhile in 0..=u64::from(ANSWERS), after in 0_u64..10,
    ) {
        let mut source = served(before);
        let (header, image) = cut(&mut source);
        for offset in before..before + meanwhile {
            ask(&mut source, NOW, stamp(LIFE, offset)).unwrap();
        }
        let mut target = restored_from(config(false), header, &image);
        prop_assert_eq!(target.status().next, Offset(before));
        for offset in before..before + meanwhile + after {
            let replayed = ask(&mut target, NOW, stamp(SECOND_LIFE, offset)).unwrap();
            let served = ask(&mut source, NOW, stamp(LIFE, offset)).unwrap();
            prop_assert_eq!((replayed.kind, replayed.command), (served.kind, served.command));
        }
        prop_assert_eq!(target.status().digest, source.status().digest);
    }
}
