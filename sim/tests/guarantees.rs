//! The guarantees, judged over random runs: links that lose, double and reorder, servers that die, stand still or rot, links that
//! go down, controllers that forget, in all schemes. It is what `zerogap explore` does, with fewer runs; a violation prints the
//! command that replays it.

use zerogap_proto::Scheme;
use zerogap_sim::explore::{Finding, Ground, Tally, shrink};

const RUNS: u64 = 400;
const THREADS: u64 = 2;

fn ground() -> Ground {
    Ground { name: "the demo".into(), text: String::new(), schemes: vec![], seed: 4 }
}

/// The runs of these indices.
fn explored(indices: impl Iterator<Item = u64>) -> Tally {
    let (ground, mut tally) = (ground(), Tally::default());
    for index in indices {
        let explored = ground.run(ground.plan(index)).unwrap_or_else(|error| panic!("run {index}: {error}"));
        tally.add(&explored);
        if !explored.judged.violations.is_empty() {
            let smallest = shrink(&ground, explored).expect("it has been run before");
            tally.violations.push(Finding::new(&smallest, None));
        }
    }
    tally
}

#[test]
fn no_random_run_breaks_a_guarantee() {
    let share = |nth| explored((nth..RUNS).step_by(THREADS as usize));
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let shares: Vec<_> = (0..THREADS).map(|nth| scope.spawn(move || share(nth))).collect();
        shares.into_iter().for_each(|share| tally.extend(share.join().expect("no run panics")));
    });
    println!("{tally:#?}");
    let told = |f: &Finding| format!("run {}: {}\n  {}\n", f.index, f.broken.join("; "), f.command);
    let findings: String = tally.violations.iter().map(told).collect();
    assert!(findings.is_empty(), "{findings}");
    let aborted: u64 = tally.aborted.values().sum();
    let tame = [tally.complete / 4, aborted, tally.faults.values().sum(), tally.reseeded * 50];
    assert!(tame.iter().all(|count| *count > RUNS / 4), "the runs are too tame to show anything: {tally:#?}");
    assert_eq!(tally.by_scheme.len(), Scheme::ALL.len(), "every scheme is among them");
    assert_eq!(tally.faults.len(), 5, "every kind of fault is among them: {:?}", tally.faults);
}

#[test]
fn an_exploration_is_the_same_however_it_is_shared() {
    let mut shared = explored(0..7);
    shared.extend(explored(7..20));
    assert_eq!(shared, explored(0..20));
}
