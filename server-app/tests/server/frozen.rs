//! Cuts of a frozen server: a full copy after which it goes on, and a finish whose target does not scan twice.

use crate::fixture::*;
use zerogap_proto::{
    Duration, Event, Image, Input, Instant, Job, JobFailure, JobResult, MigrationId, Node, NodeId, Offset,
    Output, ServerCommand, Task,
};
use zerogap_server_app::transfer::Sink;
use zerogap_server_app::{Memory, PAGE_LEN, Prior, ServerConfig, SparseMemory};

const NOW: Instant = Instant::ZERO;
const M: MigrationId = MigrationId(1);
const SCRUB: Duration = Duration::from_millis(10);

fn full_copy(server: &mut Sparse) -> Vec<Output> {
    let (targets, image) = (vec![endpoint(3, 7_400)], Image::FullCopy);
    order(server, ServerCommand::Snapshot { migration: M, targets, image })
}

fn done(server: &mut Sparse, result: JobResult) -> Vec<Output> {
    give(server, NOW, Input::JobDone { migration: M, result })
}

/// The header and the memory of a server that finished, or sent an image.
fn cut(command: ServerCommand) -> (Vec<u8>, SparseMemory) {
    let mut source = served(10);
    match started(&order(&mut source, command)) {
        Some(Job::Finish { header, .. } | Job::Send { header, .. }) => {
            (header.clone(), source.memory().clone())
        }
        other => panic!("no transfer was started: {other:?}"),
    }
}

fn finished() -> (Vec<u8>, SparseMemory) {
    cut(ServerCommand::Finish { migration: M, targets: vec![endpoint(3, 7_400)], lazy: false })
}

fn imaged() -> (Vec<u8>, SparseMemory) {
    cut(ServerCommand::Snapshot { migration: M, targets: vec![endpoint(3, 7_400)], image: Image::FullCopy })
}

/// A target that scans all as it arrives, and then finds a bit of it flipped before the scan.
fn restored_with_a_flipped_bit((header, image): &(Vec<u8>, SparseMemory)) -> Sparse {
    let mut target = server_of(ServerConfig { scrub_interval: SCRUB, ..config(false) });
    order(&mut target, ServerCommand::FlipBit { byte: 123_456, bit: 7, at_restore: true });
    order(&mut target, ServerCommand::Prepare { migration: M });
    let received = transfer(M, header, image, &mut target);
    assert_eq!(target.scan_arrived(usize::MAX), image.chunks());
    done(&mut target, received);
    done(&mut target, JobResult::ScanNow);
    target
}

fn digest_of(target: &Sparse) -> u64 {
    let Task::Restored { digest, .. } = target.status().task else { panic!("{:?}", target.status()) };
    digest
}

#[test]
fn a_full_copy_is_cut_when_it_is_taken() {
    let mut server = served(4);
    let outputs = full_copy(&mut server);
    assert!(matches!(started(&outputs), Some(Job::Send { image: Image::FullCopy, .. })));
    assert_eq!((events(&outputs).len(), server.status().task), (0, Task::Cutting { migration: M }));
    let outputs = done(&mut server, JobResult::Taken);
    let (mark, digest) = (Offset(4), server.status().digest);
    assert_eq!(events(&outputs), [&Event::Cut { server: NodeId(4), migration: M, mark, digest }]);
    assert_eq!(reported(&outputs).unwrap().task, Task::Sending { migration: M, mark, digest });
    assert!(ask(&mut server, NOW, stamp(LIFE, 4)).is_some(), "it goes on");
}

#[test]
fn a_request_that_slips_in_while_the_full_copy_is_taken_spoils_it() {
    let mut server = served(4);
    full_copy(&mut server);
    ask(&mut server, NOW, stamp(LIFE, 4)).unwrap();
    let outputs = done(&mut server, JobResult::Taken);
    assert_eq!(cancelled(&outputs), Some(M), "nothing of it is sent");
    let failed = Task::Failed { migration: M, reason: JobFailure::Snapshot };
    assert_eq!(reported(&outputs).unwrap().task, failed);
    full_copy(&mut server);
    assert_eq!(server.status().task, failed);
}

#[test]
fn an_image_is_scanned_as_a_whole_whatever_was_scanned_as_it_arrived() {
    let target = restored_with_a_flipped_bit(&imaged());
    assert_ne!(digest_of(&target), served(10).status().digest);
}

#[test]
fn what_a_frozen_server_sent_is_not_scanned_twice_and_the_scrub_finds_what_happened_meanwhile() {
    let mut target = restored_with_a_flipped_bit(&finished());
    assert_eq!(digest_of(&target), served(10).status().digest, "the scan was over before");
    let chunks = target.memory().chunks();
    let scrub = |target: &mut Sparse| {
        let (at, timer) = target.deadline()?;
        Some(give(target, at, Input::Wake(timer)))
    };
    let failed = (0..chunks)
        .filter_map(|_| scrub(&mut target))
        .any(|outputs| events(&outputs) == [&Event::ScrubFailed { server: NodeId(4) }]);
    assert!(failed, "within one round");
}

#[test]
fn a_chunk_that_is_written_again_or_past_the_transfer_is_scanned_again() {
    let (header, image) = finished();
    let right = served(10).status().digest;
    for past_the_transfer in [false, true] {
        let mut target = server_of(config(false));
        order(&mut target, ServerCommand::Prepare { migration: M });
        let received = transfer(M, &header, &image, &mut target);
        target.scan_arrived(usize::MAX);
        if past_the_transfer {
            target.memory_mut().set(7, 99);
        } else {
            target.pages(3, &[99; PAGE_LEN]).unwrap();
        }
        done(&mut target, received);
        done(&mut target, JobResult::ScanNow);
        assert_ne!(digest_of(&target), right);
    }
}

#[test]
fn nobody_writes_the_memory_of_a_server_that_waits_for_no_transfer() {
    for mut server in [served(4), server_of(config(false))] {
        let before = server.status();
        assert_eq!(server.pages(0, &[1; PAGE_LEN]), Err(JobFailure::Protocol));
        assert_eq!(server.zeros(0, 1), Err(JobFailure::Protocol));
        assert_eq!((server.scan_arrived(9), server.status()), (0, before));
    }
}

#[test]
fn a_target_gives_back_what_its_old_state_cost_where_untouched_pages_cost_nothing() {
    for (prior, kept) in [(Prior::Unknown, false), (Prior::FloorPlan, true)] {
        let mut server = server_of(ServerConfig { prior, ..config(true) });
        ask(&mut server, NOW, stamp(LIFE, 0)).unwrap();
        assert!(server.memory().pages_held() > 0);
        order(&mut server, ServerCommand::Prepare { migration: M });
        assert_eq!(server.memory().pages_held() > 0, kept, "{prior:?}: all of it will be overwritten");
    }
}
