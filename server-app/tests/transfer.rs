//! A transfer from one memory to another through bytes that are split, damaged or made up.

use proptest::prelude::*;
use zerogap_proto::{JobFailure, MigrationId};
use zerogap_server_app::transfer::{Decoder, Encoder, Progress, TransferError, stream_len};
use zerogap_server_app::{CHUNK_LEN, Memory, Prior, Region, SparseMemory};

const M: MigrationId = MigrationId(7);
const LEN: usize = 2 * CHUNK_LEN + 1_000;
const HEADER: &[u8] = b"all but the memory";

fn source() -> SparseMemory {
    let mut memory = SparseMemory::new(LEN, Prior::FloorPlan);
    (0..LEN).step_by(997).for_each(|index| memory.set(index, index as u8));
    memory
}

fn stream(memory: &impl Memory, header: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(M, header, memory).expect("a short header");
    let (mut record, mut all) = (Vec::new(), Vec::new());
    while encoder.next_record(&mut record) {
        all.extend_from_slice(&record);
    }
    assert_eq!(all.len() as u64, stream_len(memory.len() as u64, header.len()));
    all
}

fn receive(bytes: &[u8], memory: &mut impl Memory) -> Result<Progress, TransferError> {
    Decoder::new(M).push(bytes, memory)
}

fn bytes_of(memory: &impl Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..memory.chunks()).for_each(|chunk| memory.read_chunk(chunk, &mut bytes));
    bytes
}

#[test]
fn a_state_arrives_whole_in_another_kind_of_memory() {
    let source = source();
    let mut target = Region::new(LEN, Prior::FloorPlan).unwrap();
    assert_eq!(receive(&stream(&source, HEADER), &mut target), Ok(Progress::Complete(HEADER.to_vec())));
    assert_eq!(bytes_of(&target), bytes_of(&source));
}

#[test]
fn what_was_not_waited_for_is_refused_with_the_reason() {
    let good = stream(&source(), HEADER);
    let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
    assert_eq!(Decoder::new(MigrationId(8)).push(&good, &mut target), Err(TransferError::OtherMigration(M)));
    let mut smaller = SparseMemory::new(LEN - 1, Prior::FloorPlan);
    let (theirs, ours) = (LEN as u64, LEN as u64 - 1);
    let error = receive(&good, &mut smaller).unwrap_err();
    assert_eq!(error, TransferError::StateBytes { theirs, ours });
    assert_eq!(JobFailure::from(error), JobFailure::Memory);
    assert_eq!(receive(&[0; 100], &mut target), Err(TransferError::NotATransfer));
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(receive(&longer, &mut target), Err(TransferError::Trailing));
    assert!(Encoder::new(M, &vec![0; CHUNK_LEN + 1], &target).is_err(), "nor is it sent");
}

#[test]
fn chunks_out_of_order_are_refused_and_the_refusal_stays() {
    let memory = source();
    let good = stream(&memory, HEADER);
    let first = 28 + 4 + HEADER.len();
    let record = 12 + CHUNK_LEN;
    let mut swapped = good.clone();
    swapped[first..first + 2 * record].rotate_left(record);
    let twice = [&good[..first + record], &good[first..]].concat();
    let without_the_last = [&good[..first + 2 * record], &good[good.len() - 12..]].concat();
    for bytes in [swapped, twice, without_the_last] {
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        let mut decoder = Decoder::new(M);
        assert_eq!(decoder.push(&bytes, &mut target), Err(TransferError::Order));
        assert_eq!(decoder.push(&good, &mut target), Err(TransferError::Order));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_bytes_may_be_split_anywhere(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let source = source();
        let bytes = stream(&source, HEADER);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        let mut decoder = Decoder::new(M);
        let mut last = Progress::More;
        for pair in cuts.windows(2) {
            prop_assert_eq!(last, Progress::More, "complete before the end");
            last = decoder.push(&bytes[pair[0]..pair[1]], &mut target).unwrap();
        }
        prop_assert_eq!(last, Progress::Complete(HEADER.to_vec()));
        prop_assert_eq!(bytes_of(&target), bytes_of(&source));
    }

    #[test]
    fn a_changed_byte_is_always_found(
        at in any::<prop::sample::Index>(), place in 0..3, change in 1_u8..,
    ) {
        let mut bytes = stream(&source(), HEADER);
        // The few bytes that are not memory stand at both ends.
        let len = bytes.len();
        let at = match place {
            0 => at.index(80),
            1 => len - 1 - at.index(20),
            _ => at.index(len),
        };
        bytes[at] ^= change;
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        prop_assert!(receive(&bytes, &mut target).is_err(), "byte {}", at);
    }

    #[test]
    fn a_stream_that_ends_early_is_never_complete(at in any::<prop::sample::Index>()) {
        let bytes = stream(&source(), HEADER);
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        prop_assert_eq!(receive(&bytes[..at.index(bytes.len())], &mut target), Ok(Progress::More));
    }

    #[test]
    fn any_bytes_are_survived_after_any_part_of_a_real_stream(
        at in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = stream(&source(), HEADER);
        let mut target = SparseMemory::new(LEN, Prior::FloorPlan);
        let mut decoder = Decoder::new(M);
        decoder.push(&bytes[..at.index(bytes.len())], &mut target).unwrap();
        let _ = decoder.push(&noise, &mut target);
    }
}
