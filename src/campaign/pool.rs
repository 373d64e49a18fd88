//! Work on all cores. Whoever is free takes the next piece; each result goes to its piece's place, so that it cannot be seen who made
//! it, or when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

/// A piece of work that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed<E> {
    /// Which one.
    pub(crate) piece: usize,
    /// Why.
    pub(crate) why: E,
}

/// Does `work` on every one of `pieces` on so many threads and gives the results in the order of the pieces. `done` is told of each as
/// it comes, on the calling thread.
///
/// # Errors
/// The first piece that failed, of those that were tried: after a failure, nothing more is begun.
pub(crate) fn each<P: Sync, R: Send, E: Send>(
    pieces: &[P],
    threads: usize,
    work: impl Fn(&P) -> Result<R, E> + Sync,
    mut done: impl FnMut(&R),
) -> Result<Vec<R>, Failed<E>> {
    let threads = threads.clamp(1, pieces.len().max(1));
    let next = AtomicUsize::new(0);
    let mut results: Vec<Option<R>> = pieces.iter().map(|_| None).collect();
    let mut failed: Option<Failed<E>> = None;
    thread::scope(|scope| {
        let (tell, told) = sync_channel(threads);
        for _ in 0..threads {
            let (tell, next, work) = (tell.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((at, piece)) = take(next, pieces) {
                    let result = work(piece);
                    if result.is_err() {
                        next.store(pieces.len(), Ordering::Relaxed);
                    }
                    if tell.send((at, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for (piece, result) in told {
            match result {
                Ok(result) => {
                    done(&result);
                    results[piece] = Some(result);
                }
                Err(why) if failed.as_ref().is_none_or(|first| piece < first.piece) => {
                    failed = Some(Failed { piece, why });
                }
                Err(_) => {}
            }
        }
    });
    match failed {
        Some(failed) => Err(failed),
        None => Ok(results.into_iter().flatten().collect()),
    }
}

fn take<'p, P>(next: &AtomicUsize, pieces: &'p [P]) -> Option<(usize, &'p P)> {
    let at =
        next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| (at < pieces.len()).then_some(at + 1));
    at.ok().map(|at| (at, &pieces[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn results_stand_in_the_order_of_their_pieces_however_many_threads_there_are() {
        let pieces: Vec<u64> = (0..100).collect();
        let wanted: Vec<u64> = pieces.iter().map(|n| n * n).collect();
        for threads in [1, 2, 7, 1_000] {
            let mut told = 0;
            let results = each(&pieces, threads, |n| Ok::<_, ()>(n * n), |_| told += 1);
            assert_eq!(results, Ok(wanted.clone()), "{threads}");
            assert_eq!(told, 100);
        }
        assert_eq!(each(&[], 3, |_: &u8| Ok::<u8, ()>(1), |_| {}), Ok(vec![]));
    }

    #[test]
    fn pieces_are_worked_on_at_the_same_time() {
        let meet = Barrier::new(2);
        let work = |n: &u8| {
            meet.wait();
            Ok::<u8, ()>(*n)
        };
        assert_eq!(each(&[1, 2, 3, 4], 2, work, |_| {}), Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn after_a_failure_nothing_more_is_begun_and_the_first_of_them_is_told() {
        let pieces: Vec<usize> = (0..1_000).collect();
        let begun = AtomicUsize::new(0);
        let work = |n: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *n == 3 { Err("three") } else { Ok(*n) }
        };
        assert_eq!(each(&pieces, 1, work, |_| {}), Err(Failed { piece: 3, why: "three" }));
        assert_eq!(begun.load(Ordering::Relaxed), 4);
        let all = each(&pieces, 4, |n| Err::<(), _>(*n), |_| {}).unwrap_err();
        assert!(all.piece < 4 && all.why == all.piece);
    }
}
