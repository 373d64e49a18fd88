//! A transfer from one memory to another through bytes that are split, damaged, lost or made up.

use proptest::prelude::*;
use zerogap_proto::{JobFailure, MigrationId};
use zerogap_server_app::transfer::{
    Back, Decoder, Encoder, End, PAGES_MAX, Progress, Requests, Sink, TransferError, acknowledgement,
    encode_done, encode_pages, request_page, stream_len,
};
use zerogap_server_app::{Memory, PAGE_LEN, PageSet, Prior, PullOrder, SparseMemory};

const M: MigrationId = MigrationId(7);
/// 40 pages and a piece.
const LEN: usize = 40 * PAGE_LEN + 1_000;
const PAGES: usize = 41;
const HEADER: &[u8] = b"all but the memory";

/// What has arrived, in a memory that held something else before.
#[derive(Clone, Debug, PartialEq)]
struct Target(Vec<u8>);

impl Target {
    fn new() -> Self {
        Self(vec![0xaa; LEN])
    }
}

impl Sink for Target {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn pages(&mut self, first: usize, bytes: &[u8]) -> Result<(), JobFailure> {
        self.0[first * PAGE_LEN..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn zeros(&mut self, first: usize, count: usize) -> Result<(), JobFailure> {
        let end = self.0.len().min((first + count) * PAGE_LEN);
        self.0[first * PAGE_LEN..end].fill(0);
        Ok(())
    }
}

/// Something on most pages, nothing on some, and some that are zeros although they were written.
fn source(prior: Prior) -> SparseMemory {
    let mut memory = SparseMemory::new(LEN, prior);
    (0..LEN).step_by(997).filter(|at| at / PAGE_LEN % 5 > 1).for_each(|at| memory.set(at, at as u8 | 1));
    memory.clear(20, 3);
    memory
}

fn bytes_of(memory: &impl Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..memory.chunks()).for_each(|chunk| memory.read_chunk(chunk, &mut bytes));
    bytes
}

fn part(memory: &impl Memory, pages: &PageSet, hello: bool, end: End<'_>) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(M, memory, pages, hello, end).expect("a short header");
    let (mut record, mut all) = (Vec::new(), Vec::new());
    while encoder.next_record(&mut record) {
        all.push(record.clone());
    }
    let header_len = if let End::Round(_) = end { 0 } else { HEADER.len() };
    assert!(all.concat().len() as u64 <= stream_len(pages, header_len));
    all
}

fn pages(of: impl IntoIterator<Item = usize>) -> PageSet {
    let mut set = PageSet::none(PAGES);
    of.into_iter().for_each(|page| set.insert_run(page, 1));
    set
}

/// Everything at once.
fn eager() -> Vec<Vec<u8>> {
    part(&source(Prior::FloorPlan), &PageSet::all(PAGES), true, End::Complete(HEADER))
}

/// Two rounds, then what is left: the memory changes in between.
fn rounds() -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut memory = source(Prior::FloorPlan);
    let mut records = part(&memory, &PageSet::all(PAGES), true, End::Round(1));
    for (round, at) in [(Some(2), 5_000), (None, 5_001)] {
        let image = memory.clone();
        [at, at + 9 * PAGE_LEN, LEN - 1].into_iter().for_each(|at| memory.set(at, 0x77));
        let end = round.map_or(End::Complete(HEADER), End::Round);
        records.extend(part(&memory, &memory.changed_since(&image), false, end));
    }
    (records, bytes_of(&memory))
}

/// One round, then the header and what is missing, then that, in the order of somebody's faults.
fn lazy() -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut memory = source(Prior::FloorPlan);
    let mut records = part(&memory, &PageSet::all(PAGES), true, End::Round(0));
    let missing = pages((3..9).chain(20..PAGES));
    missing
        .runs()
        .for_each(|(first, count)| (first..first + count).for_each(|p| memory.set(p * PAGE_LEN, 0x33)));
    records.extend(part(&memory, &missing, false, End::Usable(HEADER)));
    let mut order = PullOrder::new(missing);
    order.fault(30);
    for (first, count) in order {
        let mut record = Vec::new();
        encode_pages(&memory, first, count, &mut record);
        records.push(record);
    }
    let mut record = Vec::new();
    encode_done(M, &mut record);
    records.push(record);
    (records, bytes_of(&memory))
}

/// All that the bytes bring to completion, until they end or an error.
fn receive(bytes: &[u8], target: &mut Target) -> Result<Vec<Progress>, TransferError> {
    push_all(&mut Decoder::new(M, LEN as u64), bytes, target)
}

fn push_all(
    decoder: &mut Decoder,
    mut bytes: &[u8],
    target: &mut Target,
) -> Result<Vec<Progress>, TransferError> {
    let mut said = Vec::new();
    loop {
        let progress = decoder.push(&mut bytes, target)?;
        if progress == Progress::More {
            assert!(bytes.is_empty(), "more was asked for while there was some");
            return Ok(said);
        }
        said.push(progress);
    }
}

const fn is_final(progress: &Progress) -> bool {
    matches!(progress, Progress::Complete(_) | Progress::Pulled)
}

/// Whether a receiver would take a damaged stream for a good one.
fn is_believed(result: &Result<Vec<Progress>, TransferError>) -> bool {
    result.as_ref().is_ok_and(|said| said.last().is_some_and(is_final))
}

#[test]
fn a_state_arrives_whole_whatever_its_prior() {
    for prior in [Prior::FloorPlan, Prior::Unknown] {
        let (source, mut target) = (source(prior), Target::new());
        let records = part(&source, &PageSet::all(PAGES), true, End::Complete(HEADER));
        assert_eq!(receive(&records.concat(), &mut target), Ok(vec![Progress::Complete(HEADER.to_vec())]));
        assert!(target.0 == bytes_of(&source), "{prior:?}");
    }
}

#[test]
fn rounds_over_a_memory_that_changes_end_in_what_the_source_holds() {
    let (records, expected) = rounds();
    let mut target = Target::new();
    let said = receive(&records.concat(), &mut target).unwrap();
    assert_eq!(said, [Progress::Round(1), Progress::Round(2), Progress::Complete(HEADER.to_vec())]);
    assert!(target.0 == expected);
}

#[test]
fn a_lazy_transfer_is_usable_first_and_the_missing_pages_follow_perhaps_in_another_process() {
    let (records, expected) = lazy();
    let bytes = records.concat();
    let (mut decoder, mut target, mut rest) = (Decoder::new(M, LEN as u64), Target::new(), &bytes[..]);
    assert_eq!(decoder.push(&mut rest, &mut target), Ok(Progress::Round(0)));
    let missing = pages((3..9).chain(20..PAGES));
    let usable = Progress::Usable { header: HEADER.to_vec(), missing };
    assert_eq!(decoder.push(&mut rest, &mut target), Ok(usable));
    let mut forked = decoder.clone();
    drop(decoder);
    assert_eq!(push_all(&mut forked, rest, &mut target), Ok(vec![Progress::Pulled]));
    assert!(target.0 == expected);
}

#[test]
fn pages_of_zeros_are_told_of_and_not_sent() {
    let empty = SparseMemory::new(64 << 20, Prior::Unknown);
    let all = PageSet::all(empty.pages());
    let mut encoder = Encoder::new(M, &empty, &all, true, End::Complete(HEADER)).unwrap();
    let (mut record, mut bytes) = (Vec::new(), 0);
    while encoder.next_record(&mut record) {
        bytes += record.len();
    }
    assert!(bytes < 300, "{bytes} bytes for 64 MB of nothing");
    assert_eq!(encoder.pages_sent(), 0);
    let source = source(Prior::Unknown);
    let all = PageSet::all(PAGES);
    let mut encoder = Encoder::new(M, &source, &all, true, End::Round(1)).unwrap();
    while encoder.next_record(&mut record) {
        assert!(record.len() <= 20 + PAGES_MAX * PAGE_LEN);
    }
    let held = bytes_of(&source).chunks(PAGE_LEN).filter(|page| page.iter().any(|&cell| cell != 0)).count();
    assert_eq!(encoder.pages_sent(), held as u64);
}

#[test]
fn what_was_not_waited_for_is_refused_with_the_reason() {
    let good = eager().concat();
    let decode = |migration, len, bytes: &[u8]| {
        let mut target = Target(vec![0; len as usize]);
        Decoder::new(migration, len).push(&mut &bytes[..], &mut target)
    };
    let (theirs, ours) = (LEN as u64, LEN as u64 - 1);
    let mut other_version = good.clone();
    other_version[5] = 1;
    let cases = [
        (decode(MigrationId(8), theirs, &good), TransferError::OtherMigration(M), JobFailure::Protocol),
        (decode(M, ours, &good), TransferError::StateBytes { theirs, ours }, JobFailure::Memory),
        (decode(M, theirs, &[0; 100]), TransferError::NotATransfer, JobFailure::Protocol),
        (decode(M, theirs, &other_version), TransferError::Version(1), JobFailure::Protocol),
    ];
    for (result, error, failure) in cases {
        assert_eq!(result, Err(error));
        assert_eq!(JobFailure::from(error), failure);
    }
    assert_eq!(receive(&[&good[..], &[0]].concat(), &mut Target::new()), Err(TransferError::Trailing));
    let mut small = Target(vec![0; LEN - 1]);
    let error = Decoder::new(M, LEN as u64).push(&mut &good[..], &mut small);
    assert_eq!(
        error,
        Err(TransferError::StateBytes { theirs, ours }),
        "nothing is written beyond a target's end"
    );
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is() {
    let (memory, none) = (source(Prior::Unknown), PageSet::none(PAGES));
    let long = vec![0; 64 * 1_024 + 1];
    for end in [End::Complete(&long), End::Usable(&long)] {
        let error = Encoder::new(M, &memory, &none, true, end).err();
        assert_eq!(error, Some(TransferError::HeaderLength(long.len() as u32)));
    }
    let of_another = PageSet::none(PAGES - 1);
    let error = Encoder::new(M, &memory, &of_another, true, End::Round(1)).err();
    assert_eq!(error, Some(TransferError::PageSet { set: PAGES - 1, memory: PAGES }));
}

#[test]
fn whoever_cannot_take_a_page_ends_the_transfer_with_its_own_reason() {
    struct Full;
    impl Sink for Full {
        fn bytes(&self) -> u64 {
            LEN as u64
        }
        fn pages(&mut self, _: usize, _: &[u8]) -> Result<(), JobFailure> {
            Err(JobFailure::Paging)
        }
        fn zeros(&mut self, _: usize, _: usize) -> Result<(), JobFailure> {
            Err(JobFailure::Paging)
        }
    }
    let error = Decoder::new(M, LEN as u64).push(&mut &eager().concat()[..], &mut Full).unwrap_err();
    assert_eq!((error, error.into()), (TransferError::Sink(JobFailure::Paging), JobFailure::Paging));
}

#[test]
fn a_record_that_is_lost_or_comes_twice_is_found_in_every_kind_of_transfer() {
    for records in [eager(), rounds().0, lazy().0] {
        for at in 0..records.len() {
            let mut without = records.clone();
            without.remove(at);
            let result = receive(&without.concat(), &mut Target::new());
            assert!(!is_believed(&result), "without record {at}: {result:?}");
            assert!(result.is_err() || at == records.len() - 1, "only the last can still come: {result:?}");
            let mut twice = records.clone();
            twice.insert(at, records[at].clone());
            assert!(receive(&twice.concat(), &mut Target::new()).is_err(), "record {at} twice");
        }
    }
}

#[test]
fn an_end_without_all_pages_is_incomplete() {
    let memory = source(Prior::Unknown);
    let some = pages((0..PAGES).filter(|&page| page != 17));
    let whole = part(&memory, &some, true, End::Complete(HEADER)).concat();
    assert_eq!(receive(&whole, &mut Target::new()), Err(TransferError::Incomplete));
    let said = part(&memory, &some, true, End::Usable(HEADER)).concat();
    assert_eq!(
        receive(&said, &mut Target::new()),
        Err(TransferError::Incomplete),
        "neither here nor missing"
    );
    let mut pulled = part(&memory, &PageSet::all(PAGES), true, End::Usable(HEADER)).concat();
    encode_pages(&memory, 0, PAGES - 1, &mut pulled);
    encode_done(M, &mut pulled);
    assert_eq!(receive(&pulled, &mut Target::new()), Err(TransferError::Incomplete));
}

#[test]
fn rounds_follow_each_other() {
    let (memory, none) = (source(Prior::Unknown), PageSet::none(PAGES));
    let first = part(&memory, &PageSet::all(PAGES), true, End::Round(4)).concat();
    for (next, follows) in [(3, false), (4, false), (5, true), (6, false)] {
        let second = part(&memory, &none, false, End::Round(next)).concat();
        let said = receive(&[&first[..], &second].concat(), &mut Target::new());
        assert_eq!(said.is_ok(), follows, "round {next} after round 4: {said:?}");
    }
}

#[test]
fn a_page_that_was_not_missing_is_not_taken() {
    let memory = source(Prior::Unknown);
    let mut bytes = part(&memory, &PageSet::all(PAGES), true, End::Usable(HEADER)).concat();
    encode_pages(&memory, 5, 1, &mut bytes);
    encode_pages(&memory, 4, 3, &mut bytes);
    assert_eq!(receive(&bytes, &mut Target::new()), Err(TransferError::Order));
}

fn any_transfer() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![Just(eager()), Just(rounds().0), Just(lazy().0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_bytes_may_be_split_anywhere(
        records in any_transfer(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = records.concat();
        let (mut whole, mut split) = (Target::new(), Target::new());
        let expected = receive(&bytes, &mut whole).unwrap();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (mut decoder, mut said) = (Decoder::new(M, LEN as u64), Vec::new());
        for pair in cuts.windows(2) {
            said.extend(push_all(&mut decoder, &bytes[pair[0]..pair[1]], &mut split).unwrap());
        }
        prop_assert_eq!(said, expected);
        prop_assert!(split == whole);
    }

    #[test]
    fn the_pages_of_a_part_may_come_in_any_order(order in Just((1..eager().len() - 2).collect::<Vec<_>>()).prop_shuffle()) {
        let records = eager();
        let mut bytes = records[0].clone();
        order.into_iter().for_each(|at| bytes.extend_from_slice(&records[at]));
        bytes.extend(records[records.len() - 2..].concat());
        let mut target = Target::new();
        prop_assert!(is_believed(&receive(&bytes, &mut target)));
        prop_assert!(target.0 == bytes_of(&source(Prior::FloorPlan)));
    }

    #[test]
    fn a_changed_bit_is_always_found(
        records in any_transfer(), record in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        in_head in any::<bool>(), bit in 0..8,
    ) {
        let mut records = records;
        let record = record.get_mut(&mut records);
        let len = if in_head { record.len().min(20) } else { record.len() };
        record[at.index(len)] ^= 1_u8 << bit;
        prop_assert!(receive(&records.concat(), &mut Target::new()).is_err());
    }

    #[test]
    fn a_stream_that_ends_early_is_never_complete(records in any_transfer(), at in any::<prop::sample::Index>()) {
        let bytes = records.concat();
        let said = receive(&bytes[..at.index(bytes.len())], &mut Target::new()).unwrap();
        prop_assert!(!said.iter().any(is_final));
    }

    #[test]
    fn any_bytes_are_survived_after_any_part_of_a_real_stream_and_an_error_stays(
        records in any_transfer(),
        at in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = records.concat();
        let (mut decoder, mut target) = (Decoder::new(M, LEN as u64), Target::new());
        push_all(&mut decoder, &bytes[..at.index(bytes.len())], &mut target).unwrap();
        if let Err(error) = push_all(&mut decoder, &noise, &mut target) {
            prop_assert_eq!(decoder.push(&mut &bytes[..], &mut target), Err(error));
        }
    }

    #[test]
    fn the_length_of_a_part_is_never_more_than_was_announced(
        set in proptest::collection::vec(0..PAGES, 0..60), zeros in proptest::collection::vec(0..PAGES, 0..30),
    ) {
        let mut memory = source(Prior::FloorPlan);
        zeros.into_iter().for_each(|page| memory.clear(page, 1));
        let set = pages(set);
        let mut pulled = part(&memory, &set, true, End::Usable(HEADER)).concat();
        set.runs().for_each(|(first, count)| encode_pages(&memory, first, count, &mut pulled));
        encode_done(M, &mut pulled);
        prop_assert!(pulled.len() as u64 <= stream_len(&set, HEADER.len()), "pulled pages included");
        part(&memory, &set, true, End::Round(1));
        part(&memory, &set, true, End::Complete(HEADER));
    }

    #[test]
    fn what_comes_back_may_be_split_anywhere_and_no_damage_escapes(
        wanted in proptest::collection::vec(0..PAGES, 0..9),
        cut in any::<prop::sample::Index>(),
        damage in proptest::option::of((any::<prop::sample::Index>(), 0..8)),
    ) {
        let mut bytes: Vec<u8> = wanted.iter().flat_map(|&page| request_page(M, page as u32)).collect();
        bytes.extend(acknowledgement(M));
        let mut expected: Vec<_> = wanted.into_iter().map(Back::Wanted).collect();
        expected.push(Back::Acknowledged);
        if let Some((at, bit)) = damage {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        }
        let (now, later) = bytes.split_at(cut.index(bytes.len()));
        let mut requests = Requests::new(M, PAGES);
        let said = requests.push(now).and_then(|mut said| {
            said.extend(requests.push(later)?);
            Ok(said)
        });
        prop_assert_eq!(said.ok(), damage.is_none().then_some(expected));
    }
}

#[test]
fn only_pages_that_exist_can_be_wanted_and_only_by_this_migrations_target() {
    let read = |bytes: &[u8]| Requests::new(M, PAGES).push(bytes);
    assert_eq!(read(&request_page(M, PAGES as u32 - 1)), Ok(vec![Back::Wanted(PAGES - 1)]));
    assert_eq!(read(&request_page(M, PAGES as u32)), Err(TransferError::Order));
    assert_eq!(read(&request_page(MigrationId(8), 0)), Err(TransferError::OtherMigration(MigrationId(8))));
    assert_eq!(read(&acknowledgement(MigrationId(8))), Err(TransferError::OtherMigration(MigrationId(8))));
    assert_eq!(read(b"HTTP"), Err(TransferError::NotATransfer));
}
