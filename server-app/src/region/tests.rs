//! What a region promises, on this kernel. Tests that need userfaultfd say so when it is refused.

#![allow(unsafe_code, reason = "forks, to see what a copy-on-write image does to the account")]

use super::*;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use proptest::prelude::*;
use std::os::fd::AsFd;

const HUGE: usize = 2 << 20;
const PRIORS: [Prior; 2] = [Prior::FloorPlan, Prior::Unknown];
const BOTH: [Tracking; 2] = [Tracking::Kernel, Tracking::WritePath];

/// Runs `child` in a forked process, and then `parent` while the child waits; gives the child's exit code. The child may only
/// touch memory that exists: other threads may hold any lock.
fn forked(child: impl FnOnce() -> u8, parent: impl FnOnce()) -> u8 {
    let (go, wait) = nix::unistd::pipe().map(|(read, write)| (write, read)).unwrap();
    // SAFETY: the child calls nothing but read, what the test gives it, and _exit.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let _ = nix::unistd::read(wait.as_fd(), &mut [0]);
            let code = child();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(i32::from(code)) }
        }
        ForkResult::Parent { child } => {
            drop(wait);
            parent();
            nix::unistd::write(&go, &[1]).unwrap();
            let ended = waitpid(child, None).unwrap();
            let WaitStatus::Exited(_, code) = ended else { panic!("{ended:?}") };
            code as u8
        }
    }
}

fn pages(set: &PageSet) -> Vec<usize> {
    set.runs().flat_map(|(first, count)| first..first + count).collect()
}

#[test]
fn a_new_region_holds_the_prior_and_keeps_what_is_written() {
    for (len, prior) in [(PAGE_LEN + 10, Prior::FloorPlan), (HUGE + 1, Prior::Unknown)] {
        let mut region = Region::new(len, prior).unwrap();
        assert!(prior.holds_in(0, region.map.as_slice()));
        region.set(len - 1, 9);
        region.write(3, &[1, 2]);
        assert_eq!((region.get(len - 1), region.get(3), region.get(4)), (9, 1, 2));
        assert_eq!(region.page(len / PAGE_LEN).map(<[u8]>::len), Some(len % PAGE_LEN));
    }
}

#[test]
fn what_cannot_be_mapped_is_an_error() {
    assert_eq!(Region::new(0, Prior::Unknown).err(), Some(RegionError::Empty));
    assert!(matches!(Region::new(1 << 62, Prior::Unknown), Err(RegionError::Refused { .. })));
}

/// Bytes of this range that are really there.
fn resident(region: &Region) -> usize {
    let mut states = vec![0_u8; region.map.mapped_len() / PAGE_LEN];
    let start = region.map.address() as *mut libc::c_void;
    // SAFETY: the range is the mapping, and there is a byte for each of its pages.
    assert_eq!(unsafe { libc::mincore(start, region.map.mapped_len(), states.as_mut_ptr()) }, 0);
    states.iter().filter(|&&state| state & 1 == 1).count() * PAGE_LEN
}

#[test]
fn a_sparse_region_costs_what_was_written_and_gives_it_back() {
    let mut region = Region::new(8 * HUGE, Prior::Unknown).unwrap();
    region.set(5 * PAGE_LEN, 1);
    region.write(HUGE - 1, &[2, 3]);
    let there: Vec<usize> = (0..region.pages()).filter(|&page| region.page(page).is_some()).collect();
    assert_eq!(there, [5, HUGE / PAGE_LEN - 1, HUGE / PAGE_LEN]);
    assert_eq!(resident(&region), 3 * PAGE_LEN);
    region.clear(5, HUGE / PAGE_LEN - 5);
    assert_eq!(resident(&region), PAGE_LEN);
    assert!(region.page(5).is_none());
    assert_eq!((region.get(5 * PAGE_LEN), region.get(HUGE)), (0, 3));
}

#[test]
fn a_dense_region_is_there_from_the_start_and_stays_when_it_is_cleared() {
    let mut region = Region::new(HUGE + PAGE_LEN + 7, Prior::FloorPlan).unwrap();
    assert_eq!(resident(&region), region.map.mapped_len());
    region.clear(0, region.pages());
    assert!(region.map.as_slice().iter().all(|&cell| cell == 0));
    assert_eq!(resident(&region), region.map.mapped_len());
}

#[test]
fn a_full_copy_holds_the_same_and_goes_its_own_way() {
    for prior in PRIORS {
        let mut region = Region::new(HUGE + 100, prior).unwrap();
        region.set(HUGE + 99, 7);
        region.set(3 * PAGE_LEN, 8);
        let copy = region.full_copy().unwrap();
        region.set(0, 9);
        let there = |region: &Region| (0..region.pages()).filter(|&p| region.page(p).is_some()).count();
        assert_eq!((copy.get(HUGE + 99), copy.get(3 * PAGE_LEN), copy.get(0)), (7, 8, prior.at(0)));
        assert_eq!(there(&copy), if prior == Prior::Unknown { 2 } else { copy.pages() });
        region.give_back();
        assert_eq!((resident(&region), copy.get(HUGE + 99)), (0, 7));
        assert_eq!(region.get(HUGE + 99), 0);
    }
}

#[test]
fn this_kernel_keeps_account_or_the_write_path_does() {
    let mut region = Region::new(HUGE, Prior::FloorPlan).unwrap();
    let tracking = region.follow();
    assert_eq!(tracking, region.tracker.as_ref().unwrap().tracking());
    region.set(0, 1);
    assert_eq!(pages(&region.take_written().unwrap()), [0]);
    region.unfollow();
    assert!(!region.is_followed());
    assert_eq!(region.take_written().unwrap(), PageSet::all(region.pages()));
}

/// A region that is followed so; `None` where the kernel refuses.
fn followed(len: usize, prior: Prior, tracking: Tracking) -> Option<Region> {
    let mut region = Region::new(len, prior).unwrap();
    // Some pages are there and some are not, when it begins to be followed.
    region.set(len / 2, 1);
    match region.follow_by(tracking) {
        Ok(()) => Some(region),
        Err(error) => {
            println!("skipped: no account by {tracking:?} here ({error})");
            None
        }
    }
}

/// The contract of an account, whoever keeps it: each step writes cells or clears pages, perhaps with an image of the memory held by
/// a child meanwhile, and the account then holds exactly the pages of that step.
fn keeps_account(prior: Prior, tracking: Tracking, steps: &[(Vec<usize>, Option<usize>, bool)]) {
    let len = 2 * HUGE + 5;
    let Some(mut region) = followed(len, prior, tracking) else { return };
    for (cells, cleared, image) in steps {
        let mut expected: Vec<usize> = cells.iter().map(|cell| cell / PAGE_LEN).collect();
        expected.extend(cleared);
        expected.sort_unstable();
        expected.dedup();
        // Reading is not writing.
        assert_eq!(region.get(len / 3), region.get(len / 3));
        let region = &mut region;
        let mut step = || {
            cells.iter().for_each(|&cell| region.set(cell, 0x55));
            cleared.iter().for_each(|&page| region.clear(page, 1));
        };
        if *image {
            assert_eq!(forked(|| 0, step), 0);
        } else {
            step();
        }
        assert_eq!(pages(&region.take_written().unwrap()), expected, "{prior:?} {tracking:?}");
        assert_eq!(region.take_written().unwrap().len(), 0, "it was taken");
    }
}

#[test]
fn what_a_child_writes_into_its_image_is_not_written_here() {
    for (prior, tracking) in PRIORS.into_iter().flat_map(|prior| BOTH.map(|tracking| (prior, tracking))) {
        let Some(mut region) = followed(HUGE, prior, tracking) else { continue };
        let theirs = region.map.address() as *mut u8;
        region.set(PAGE_LEN, 3);
        let before = region.get(0);
        // SAFETY: the child has a mapping of its own at that address.
        let child = || unsafe {
            theirs.write(99);
            *theirs.add(PAGE_LEN)
        };
        assert_eq!(forked(child, || region.set(PAGE_LEN, 4)), 3, "the image is of its instant");
        assert_eq!((region.get(0), region.get(PAGE_LEN)), (before, 4));
        assert_eq!(pages(&region.take_written().unwrap()), [1]);
    }
}

#[test]
fn more_runs_than_one_scan_tells_are_all_told() {
    for (prior, tracking) in PRIORS.into_iter().flat_map(|prior| BOTH.map(|tracking| (prior, tracking))) {
        let Some(mut region) = followed(8 * HUGE, prior, tracking) else { continue };
        let every_other: Vec<usize> = (0..region.pages()).step_by(2).collect();
        every_other.iter().for_each(|page| region.set(page * PAGE_LEN + 9, 0x44));
        assert_eq!(pages(&region.take_written().unwrap()), every_other);
        assert_eq!(region.take_written().unwrap().len(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn exactly_the_written_pages_are_told(
        steps in proptest::collection::vec((
            proptest::collection::vec(0..2 * HUGE + 5, 0..20),
            proptest::option::of(0..2 * HUGE / PAGE_LEN),
            any::<bool>(),
        ), 1..5),
    ) {
        for (prior, tracking) in PRIORS.into_iter().flat_map(|prior| BOTH.map(|tracking| (prior, tracking))) {
            keeps_account(prior, tracking, &steps);
        }
    }
}

/// The pager of a test: a thread will do where the region is another thread's.
fn page_in(mut lazy: LazyPages, content: impl Fn(usize) -> Vec<u8>) -> (LazyPages, usize) {
    let (mut wanted, mut faults) = (Vec::new(), 0);
    while !lazy.missing().is_empty() {
        lazy.read_faults(&mut wanted).unwrap();
        for page in wanted.drain(..) {
            faults += 1;
            lazy.place(page, &content(page)).unwrap();
        }
        std::thread::yield_now();
    }
    (lazy, faults)
}

#[test]
fn whoever_touches_a_missing_page_waits_until_it_is_placed() {
    for prior in PRIORS {
        let len = HUGE + 2 * PAGE_LEN + 50;
        let mut region = Region::new(len, prior).unwrap();
        region.set(PAGE_LEN, 77);
        let last = len / PAGE_LEN;
        let mut missing = PageSet::none(region.pages());
        [0, 2, 3, 4, last].into_iter().for_each(|page| {
            missing.insert(page);
        });
        let Ok(mut lazy) = region.make_lazy(&missing) else { return println!("skipped: no userfaultfd") };
        lazy.zero(4, 1).unwrap();
        let content = |page: usize| vec![page as u8 + 1; PAGE_LEN.min(len - page * PAGE_LEN)];
        // Two pages at once, one of which is there when it comes again.
        lazy.place(2, &content(2)).unwrap();
        lazy.place(2, &[content(9), content(3)].concat()).unwrap();
        let faults = std::thread::scope(|scope| {
            let pager = scope.spawn(|| page_in(lazy, content));
            assert_eq!(
                (region.get(2 * PAGE_LEN), region.get(3 * PAGE_LEN + 9), region.get(4 * PAGE_LEN)),
                (3, 4, 0)
            );
            assert_eq!(region.get(len - 1), last as u8 + 1);
            assert_eq!((region.get(PAGE_LEN), region.get(PAGE_LEN + 1)), (77, prior.at(PAGE_LEN + 1)));
            region.set(5, 9);
            pager.join().unwrap().1
        });
        assert_eq!((region.get(5), region.get(6), faults), (9, 1, 2));
        region.end_lazy();
        assert!(!region.is_lazy());
        assert!(
            missing.runs().all(|(first, count)| (first..first + count).all(|p| region.page(p).is_some()))
        );
    }
}

#[test]
fn a_page_that_neither_end_ever_wrote_is_zeros_even_while_lazy() {
    let mut region = Region::new(HUGE, Prior::Unknown).unwrap();
    let mut missing = PageSet::none(region.pages());
    missing.insert(0);
    let Ok(lazy) = region.make_lazy(&missing) else { return println!("skipped: no userfaultfd") };
    std::thread::scope(|scope| {
        let pager = scope.spawn(|| page_in(lazy, |_| vec![5; PAGE_LEN]));
        region.set(9 * PAGE_LEN, 1);
        assert_eq!((region.get(9 * PAGE_LEN), region.get(9 * PAGE_LEN + 1), region.get(0)), (1, 0, 5));
        assert_eq!(pager.join().unwrap().1, 1, "only what is missing counts as a fault");
    });
}

#[test]
fn the_pagers_end_leaves_pages_missing_until_the_region_says_otherwise() {
    let mut region = Region::new(HUGE, Prior::FloorPlan).unwrap();
    let Ok(lazy) = region.make_lazy(&PageSet::all(region.pages())) else {
        return println!("skipped: no userfaultfd");
    };
    drop(lazy);
    let held = region.lazy.as_ref().unwrap().try_clone().unwrap();
    let (told, wait) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let region = &region;
        scope.spawn(move || told.send(region.get(0)).unwrap());
        let mut waiting = Vec::new();
        while waiting.is_empty() {
            held.read(|address| waiting.push(address)).unwrap();
            std::thread::yield_now();
        }
        assert!(wait.try_recv().is_err(), "it waits, and is not told zeros");
        held.copy(waiting[0], &[6; PAGE_LEN]).unwrap();
        assert_eq!(wait.recv(), Ok(6));
    });
}
