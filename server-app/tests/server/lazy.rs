//! Post-copy and hybrid: a target that goes on with the header, pulls its memory, and then finds out whether it was told
//! the truth.

use crate::fixture::*;
use zerogap_proto::{
    Duration, Event, Input, Instant, Job, JobFailure, JobResult, MigrationId, Node, NodeId, Offset, Pull,
    ServerCommand, Task, Timer,
};
use zerogap_server_app::transfer::{Decoder, End, Progress, Sink};
use zerogap_server_app::{
    CHUNK_LEN, Memory, PAGE_LEN, PageSet, Prior, ServerConfig, SparseMemory, digest_of_pages, digest_of_zeros,
};

const NOW: Instant = Instant::ZERO;
const M: MigrationId = MigrationId(1);
const LIFE_2: zerogap_proto::Incarnation = LIFE.next();

fn done(server: &mut Sparse, result: JobResult) -> Vec<zerogap_proto::Output> {
    give(server, NOW, Input::JobDone { migration: M, result })
}

/// A frozen source, a target that is usable, and what the driver knows: the missing pages and the digest of the others.
struct Pulling {
    source: Sparse,
    target: Sparse,
    missing: PageSet,
    digest: u64,
}

/// The pages before `first_missing` came in a round before.
fn pulling(first_missing: usize, prior: Prior) -> Pulling {
    let sane = ServerConfig { prior, scrub_interval: Duration::from_millis(10), ..config(true) };
    let mut source = server_of(sane.clone());
    serve(&mut source, LIFE, 0..10);
    let mut target = server_of(ServerConfig { holds_state: false, ..sane });
    order(&mut target, ServerCommand::Prepare { migration: M });
    let memory = source.memory().clone();
    let (mut missing, mut here) = (PageSet::none(memory.pages()), PageSet::none(memory.pages()));
    missing.insert_run(first_missing, memory.pages());
    here.insert_run(0, first_missing);
    let finish = ServerCommand::Finish { migration: M, targets: vec![endpoint(3, 7_400)], lazy: true };
    let outputs = order(&mut source, finish);
    let Some(Job::Finish { header, lazy: true, .. }) = started(&outputs) else { panic!("{outputs:?}") };
    let mut bytes = part(M, &memory, &here, true, End::Round(1));
    bytes.extend(part(M, &memory, &missing, false, End::Usable(header)));
    let (mut decoder, mut rest) = (Decoder::new(M, STATE_BYTES), &bytes[..]);
    assert_eq!(decoder.push(&mut rest, &mut target), Ok(Progress::Round(1)));
    target.scan_arrived(2);
    let Ok(Progress::Usable { header, missing }) = decoder.push(&mut rest, &mut target) else {
        panic!("not usable")
    };
    let digest = target.digest_without(&missing);
    let outputs = done(&mut target, JobResult::Usable { header });
    let (mark, told) = (Offset(10), source.status().digest);
    assert_eq!(events(&outputs), [&Event::Usable { server: NodeId(4), migration: M, mark }]);
    assert_eq!(target.status().task, Task::Pulling { migration: M, mark, digest: told });
    Pulling { source, target, missing, digest }
}

/// What a pager does: puts the missing pages where they belong and adds up what they hold.
fn pull(pulling: &mut Pulling, image: &SparseMemory) -> Pull {
    let Pulling { target, missing, digest, .. } = pulling;
    for page in missing.runs().flat_map(|(first, count)| first..first + count) {
        let mut bytes = Vec::new();
        image.read_page(page, &mut bytes);
        let adds = if bytes.iter().all(|&cell| cell == 0) {
            target.zeros(page, 1).expect("it pulls");
            digest_of_zeros(image.prior(), page, 1, image.len())
        } else {
            target.pages(page, &bytes).expect("it pulls");
            digest_of_pages(image.prior(), page, &bytes)
        };
        *digest = digest.wrapping_add(adds);
    }
    Pull { digest: *digest, pages: missing.len() as u64, faults: 3, blocked: Duration::from_micros(900) }
}

#[test]
fn a_target_that_pulls_answers_as_the_source_would_and_is_restored_when_all_pages_are_here() {
    for prior in [Prior::FloorPlan, Prior::Unknown] {
        for first_missing in [0, 1, 37, STATE_BYTES as usize / PAGE_LEN] {
            let mut p = pulling(first_missing, prior);
            let image = p.source.memory().clone();
            let figures = pull(&mut p, &image);
            // In between it has gone on: what it pulls belongs to the mark, not to now.
            for offset in 10..15 {
                let theirs = ask(&mut p.target, NOW, stamp(LIFE_2, offset)).unwrap();
                let ours = ask(&mut p.source, NOW, stamp(LIFE, offset)).unwrap();
                assert_eq!((theirs.kind, theirs.command), (ours.kind, ours.command), "offset {offset}");
            }
            let Task::Pulling { mark, digest, .. } = p.target.status().task else { panic!("not pulling") };
            let outputs = done(&mut p.target, JobResult::Pulled(figures));
            let server = NodeId(4);
            let expected = [
                &Event::Pulled { server, migration: M, figures },
                &Event::Restored { server, migration: M, mark, digest },
            ];
            assert_eq!(events(&outputs), expected, "{first_missing} pages were here");
            assert_eq!(reported(&outputs).unwrap().task, Task::Restored { migration: M, mark, digest });
            assert_eq!(p.target.status().digest, p.source.status().digest);
        }
    }
}

#[test]
fn a_page_that_arrives_otherwise_than_it_was_sent_ends_the_life_of_the_target() {
    let mut p = pulling(20, Prior::FloorPlan);
    let mut image = p.source.memory().clone();
    image.set(70 * PAGE_LEN, image.get(70 * PAGE_LEN) ^ 1);
    let figures = pull(&mut p, &image);
    let outputs = done(&mut p.target, JobResult::Pulled(figures));
    let (server, migration, reason) = (NodeId(4), M, JobFailure::Checksum);
    let expected = [
        &Event::JobFailed { server, migration, reason },
        &Event::Reset { server, incarnation: LIFE_2.next() },
    ];
    assert_eq!(events(&outputs), expected);
    let status = reported(&outputs).unwrap();
    assert_eq!((status.task, status.holds_state), (Task::Failed { migration, reason }, false));
    assert_eq!(ask(&mut p.target, NOW, stamp(LIFE_2, 10)), None, "who holds something else does not answer");
}

#[test]
fn the_memory_is_not_scrubbed_before_all_of_it_is_here() {
    let mut p = pulling(0, Prior::FloorPlan);
    assert_eq!(p.target.deadline(), None);
    let image = p.source.memory().clone();
    let figures = pull(&mut p, &image);
    done(&mut p.target, JobResult::Pulled(figures));
    assert_eq!(p.target.deadline(), Some((NOW + Duration::from_millis(10), Timer::Scrub)));
}

/// Scrubs so many chunks; whether all were right.
fn scrub(target: &mut Sparse, chunks: usize) -> bool {
    (0..chunks).all(|_| {
        let (at, timer) = target.deadline().expect("it scrubs");
        events(&give(target, at, Input::Wake(timer))).is_empty()
    })
}

#[test]
fn the_first_round_of_the_scrub_tells_whether_the_memory_is_what_the_source_claimed() {
    for flipped in [None, Some(0), Some(2 * CHUNK_LEN as u64), Some(STATE_BYTES - 1)] {
        let mut p = pulling(0, Prior::FloorPlan);
        let image = p.source.memory().clone();
        let figures = pull(&mut p, &image);
        if let Some(byte) = flipped {
            order(&mut p.target, ServerCommand::FlipBit { byte, bit: 3, at_restore: true });
        }
        done(&mut p.target, JobResult::Pulled(figures));
        let chunks = image.chunks();
        assert!(scrub(&mut p.target, chunks - 1), "there is nothing to hold a chunk against");
        // What requests change in between is known.
        serve(&mut p.target, LIFE_2, 10..40);
        assert_eq!(scrub(&mut p.target, 1), flipped.is_none(), "{flipped:?}");
        assert_eq!(p.target.status().scrub_failed, flipped.is_some());
        if flipped.is_none() {
            assert!(scrub(&mut p.target, 2 * chunks), "from then on chunk by chunk");
        }
    }
}
