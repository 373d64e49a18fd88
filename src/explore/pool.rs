//! Runs in blocks on several threads. Blocks are handed over in their order, whoever was first, so that what is made of them does
//! not depend on the threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use zerogap_sim::explore::{ExploreError, Explored, Ground, Tally};

/// Runs in one block: few enough that the end is not waited for, many enough that threads rarely meet.
const BLOCK: u64 = 16;
/// Blocks that may wait to be handed over, for each thread.
const AHEAD: usize = 4;

/// Some consecutive runs.
pub(super) struct Block {
    pub(super) tally: Tally,
    /// Those that broke a guarantee.
    pub(super) broken: Vec<Explored>,
}

/// Explores the runs from `first` on, `runs` of them at the most, until `take` wants no more blocks.
pub(super) fn explore(
    ground: &Ground,
    (first, runs): (u64, u64),
    threads: usize,
    mut take: impl FnMut(Block) -> Result<bool, ExploreError>,
) -> Result<(), ExploreError> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (give, blocks) = sync_channel(threads * AHEAD);
        for _ in 0..threads {
            let (give, next, stop) = (give.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let start = number * BLOCK;
                    if start >= runs {
                        return;
                    }
                    let block = block(ground, first + start, BLOCK.min(runs - start));
                    if give.send((number, block)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(give);
        let result = in_order(blocks, &mut take);
        stop.store(true, Ordering::Relaxed);
        result
    })
}

type Numbered = (u64, Result<Block, ExploreError>);

/// Hands the blocks over in the order of their numbers. Whoever still has one when no more are wanted is told by the channel's end.
fn in_order(
    blocks: Receiver<Numbered>,
    take: &mut impl FnMut(Block) -> Result<bool, ExploreError>,
) -> Result<(), ExploreError> {
    let (mut waiting, mut wanted) = (BTreeMap::new(), 0);
    for (number, block) in blocks {
        waiting.insert(number, block);
        while let Some(block) = waiting.remove(&wanted) {
            wanted += 1;
            if !take(block?)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn block(ground: &Ground, first: u64, runs: u64) -> Result<Block, ExploreError> {
    let mut block = Block { tally: Tally::default(), broken: Vec::new() };
    for index in first..first + runs {
        let explored = ground.run(ground.plan(index))?;
        block.tally.add(&explored);
        if !explored.judged.violations.is_empty() {
            block.broken.push(explored);
        }
    }
    Ok(block)
}
