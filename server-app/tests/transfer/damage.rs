//! What is lost, doubled, damaged, made up or meant for somebody else is found.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_proto::{JobFailure, MigrationId};
use zerogap_server_app::transfer::{Decoder, End, Sink, TransferError, encode_done, encode_pages};
use zerogap_server_app::{PageSet, Prior};

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
fn a_lost_set_of_missing_pages_is_found_before_the_target_goes_on() {
    let memory = source(Prior::Unknown);
    let mut records = part(&memory, &PageSet::all(PAGES), true, End::Round(1));
    let lazy = part(&memory, &pages([4, 5]), false, End::Usable(HEADER));
    assert_eq!(lazy.len(), 3, "the header, what is missing, the end");
    records.extend([lazy[0].clone(), lazy[2].clone()]);
    assert_eq!(receive(&records.concat(), &mut Target::new()), Err(TransferError::Incomplete));
}

#[test]
fn after_an_error_nothing_is_believed_any_more() {
    let records = eager();
    let mut damaged = records[1].clone();
    damaged[100] ^= 1;
    let cases = [
        (vec![0; 24], &records[..], TransferError::NotATransfer),
        ([&records[0][..], &damaged].concat(), &records[1..], TransferError::Checksum),
    ];
    for (bad, good, error) in cases {
        let (mut stream, mut target) = (Stream::new(LEN as u64), Target::new());
        assert_eq!(stream.push(&bad, &mut target), Err(error));
        assert_eq!(stream.push(&good.concat(), &mut target), Err(error));
    }
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

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
    fn any_bytes_are_survived_after_any_part_of_a_real_stream(
        records in any_transfer(),
        at in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = records.concat();
        let (mut stream, mut target) = (Stream::new(LEN as u64), Target::new());
        stream.push(&bytes[..at.index(bytes.len())], &mut target).unwrap();
        let _ = stream.push(&noise, &mut target);
    }
}
