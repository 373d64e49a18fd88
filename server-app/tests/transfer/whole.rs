//! What is sent arrives, in as few bytes as it can.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_server_app::transfer::{
    Encoder, End, PAGES_MAX, Progress, TransferError, encode_done, encode_pages, stream_len,
};
use zerogap_server_app::{Memory, PAGE_LEN, PageSet, Prior, SparseMemory};

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
    let (mut stream, mut target, mut rest) = (Stream::new(LEN as u64), Target::new(), &bytes[..]);
    stream.read(&mut rest);
    assert_eq!(stream.next(&mut target), Ok(Progress::Round(0)));
    let missing = pages((3..9).chain(20..PAGES));
    let usable = Progress::Usable { header: HEADER.to_vec(), missing };
    assert_eq!(stream.next(&mut target), Ok(usable));
    assert!(rest.is_empty(), "what follows is there already");
    let mut forked = stream.clone();
    drop(stream);
    assert_eq!(forked.next(&mut target), Ok(Progress::Pulled));
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
fn any_number_of_gaps_is_told_of_in_bounded_records() {
    let every_other = 2_500;
    let mut memory = SparseMemory::new(2 * every_other * PAGE_LEN, Prior::Unknown);
    let (mut missing, mut here) = (PageSet::none(memory.pages()), PageSet::none(memory.pages()));
    for page in 0..every_other {
        memory.set(2 * page * PAGE_LEN, 1);
        missing.insert(2 * page);
        here.insert(2 * page + 1);
    }
    let mut bytes = part(&memory, &here, true, End::Round(1)).concat();
    let begun = bytes.len();
    let lazy = part(&memory, &missing, true, End::Usable(HEADER));
    assert!(lazy.iter().all(|record| record.len() < 10_000));
    bytes.extend(lazy[1..].concat());
    missing.runs().for_each(|(first, count)| encode_pages(&memory, first, count, &mut bytes));
    encode_done(M, &mut bytes);
    let len = (bytes.len() - begun + lazy[0].len()) as u64;
    assert_eq!(len, stream_len(&missing, HEADER.len()), "without zeros it is just as long as announced");
    let mut target = Target(vec![0xaa; memory.len()]);
    let said = Stream::new(memory.len() as u64).push(&bytes, &mut target).unwrap();
    let usable = Progress::Usable { header: HEADER.to_vec(), missing };
    assert_eq!(said, [Progress::Round(1), usable, Progress::Pulled]);
    assert!(target.0 == bytes_of(&memory));
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
        let (mut stream, mut said) = (Stream::new(LEN as u64), Vec::new());
        for pair in cuts.windows(2) {
            said.extend(stream.push(&bytes[pair[0]..pair[1]], &mut split).unwrap());
        }
        prop_assert_eq!(said, expected);
        prop_assert!(split == whole);
    }

    #[test]
    fn reads_of_any_size_bring_a_transfer_of_many_times_the_inbox(
        sizes in proptest::collection::vec(1_usize..200_000, 1..9),
    ) {
        let (memory, all) = (source(Prior::FloorPlan), PageSet::all(PAGES));
        let round = |number| part(&memory, &all, number == 1, End::Round(number)).concat();
        let bytes: Vec<u8> = (1..=20).flat_map(round).collect();
        let (mut stream, mut target) = (Stream::new(LEN as u64), Target::new());
        let (mut rest, mut rounds) = (&bytes[..], 0);
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(size.min(rest.len()));
            rounds += stream.push(now, &mut target).unwrap().len();
            rest = later;
        }
        prop_assert_eq!(rounds, 20);
        prop_assert!(target.0 == bytes_of(&memory));
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
}
