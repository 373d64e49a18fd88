//! What a campaign is made of: every scheme under every rule of handover at every size of state, again and again, and from which seed
//! each run draws. All of it is a pure function of the plan, so that it does not matter who makes a run, where, and when.

use super::shard::Shard;
use crate::compare::once;
use crate::size::Size;
use serde::{Deserialize, Serialize};
use std::fmt;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;

/// Seeds have so many bits: enough that repetitions do not share one, few enough for every reader of JSON.
const SEED_BITS: u32 = 48;

/// What a campaign is made of. No list holds anything twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    states_bytes: Vec<u64>,
    schemes: Vec<Scheme>,
    handovers: Vec<HandoverMode>,
    repeat: u32,
    seed: u64,
}

/// One run of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// The size of the state.
    pub state: Size,
    /// Who moves it.
    pub scheme: Scheme,
    /// Whether the switch that the AGV comes to waits for the SDN controller.
    pub handover: HandoverMode,
    /// Which repetition, from 1.
    pub repetition: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.state, self.scheme.name(), self.handover.name(), self.repetition)
    }
}

impl Plan {
    /// All of these with each other, `repeat` times. What is listed twice is simulated once.
    pub fn new(
        schemes: &[Scheme],
        handovers: &[HandoverMode],
        states: &[Size],
        repeat: u32,
        seed: u64,
    ) -> Self {
        Self {
            states_bytes: once(states).iter().map(|state| state.0).collect(),
            schemes: once(schemes),
            handovers: once(handovers),
            repeat,
            seed,
        }
    }

    /// The sizes of the state, as listed.
    pub fn states(&self) -> impl Iterator<Item = Size> {
        self.states_bytes.iter().copied().map(Size)
    }

    /// The schemes, as listed.
    pub fn schemes(&self) -> &[Scheme] {
        &self.schemes
    }

    /// The rules of handover, as listed.
    pub fn handovers(&self) -> &[HandoverMode] {
        &self.handovers
    }

    /// How often each contender runs at each size.
    pub const fn repeat(&self) -> u32 {
        self.repeat
    }

    /// The seed of a repetition: the same for all sizes, schemes and rules, so that all of them answer the same schedule of requests
    /// over the same radio, and can be held against each other run by run. It is SplitMix64's output (Steele, Lea and Flood,
    /// OOPSLA 2014) at the campaign's seed and repetition: campaigns with neighbouring seeds share no repetition.
    pub fn seed(&self, repetition: u32) -> u64 {
        let first = mixed(self.seed);
        mixed(first.wrapping_add(u64::from(repetition))) >> (u64::BITS - SEED_BITS)
    }

    /// Every run, in the order of results: by size, scheme and rule as listed, then by repetition.
    pub fn runs(&self) -> Vec<RunId> {
        let mut runs = Vec::new();
        for state in self.states() {
            for &scheme in &self.schemes {
                for &handover in &self.handovers {
                    runs.extend((1..=self.repeat).map(|repetition| RunId {
                        state,
                        scheme,
                        handover,
                        repetition,
                    }));
                }
            }
        }
        runs
    }

    /// What this shard simulates under this rule. Shards are blocks of the runs in the order of their repetitions, so that each has
    /// its part of the large states; together they hold every run once.
    pub fn share(&self, shard: Shard, handover: HandoverMode) -> Vec<RunId> {
        let mut runs: Vec<RunId> = self.runs().into_iter().filter(|run| run.handover == handover).collect();
        runs.sort_by_key(|run| run.repetition);
        let block = shard.block(runs.len());
        runs.drain(block).collect()
    }
}

fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MB: u64 = 1_000_000;

    fn plan(repeat: u32) -> Plan {
        let schemes = [Scheme::Redundancy, Scheme::HotStandby];
        Plan::new(&schemes, &HandoverMode::ALL, &[Size(4 * MB), Size(40 * MB)], repeat, 1)
    }

    #[test]
    fn results_are_listed_by_size_scheme_rule_and_repetition() {
        let order: Vec<String> = plan(2).runs().iter().map(RunId::to_string).collect();
        assert_eq!(
            order[..5],
            [
                "4 MB redundancy reactive 1",
                "4 MB redundancy reactive 2",
                "4 MB redundancy notify 1",
                "4 MB redundancy notify 2",
                "4 MB hot-standby reactive 1",
            ]
        );
        assert_eq!(order[15], "40 MB hot-standby notify 2");
        assert_eq!(order.len(), 16);
    }

    #[test]
    fn a_shard_is_a_block_of_repetitions_with_all_sizes_and_schemes() {
        let share = |index| plan(4).share(Shard::new(index, 4).unwrap(), HandoverMode::Notify);
        let of: Vec<String> = share(2).iter().map(RunId::to_string).collect();
        assert_eq!(
            of,
            [
                "4 MB redundancy notify 2",
                "4 MB hot-standby notify 2",
                "40 MB redundancy notify 2",
                "40 MB hot-standby notify 2",
            ]
        );
    }

    #[test]
    fn seeds_are_pinned_so_that_a_repetition_means_the_same_for_ever() {
        // SplitMix64's published first outputs from seed 1234567 show that the mixing is the published one.
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let ours = [0, 1, 2].map(|n: u64| mixed(1_234_567_u64.wrapping_add(n.wrapping_mul(step))));
        assert_eq!(ours, published);
        assert_eq!(
            [1, 2, 3].map(|n| plan(3).seed(n)),
            [148_257_935_536_663, 207_643_879_970_419, 194_906_104_875_992]
        );
    }

    #[test]
    fn neither_repetitions_nor_campaigns_share_a_seed() {
        let seeds = (0..50).flat_map(|seed| {
            let plan = Plan { seed, ..plan(100) };
            (1..=100).map(move |repetition| plan.seed(repetition))
        });
        let seeds: Vec<u64> = seeds.collect();
        assert!(seeds.iter().all(|seed| *seed < 1 << 53), "JSON's numbers are exact up to there");
        assert_eq!(seeds.iter().collect::<BTreeSet<_>>().len(), seeds.len());
    }

    proptest! {
        #[test]
        fn however_a_campaign_is_split_every_run_is_in_one_shard(repeat in 1..20_u32, of in 1..40_u32) {
            let plan = plan(repeat);
            let shards = (1..=of).map(|index| Shard::new(index, of).unwrap());
            let mut all: Vec<RunId> =
                shards.flat_map(|shard| HandoverMode::ALL.map(|h| plan.share(shard, h))).flatten().collect();
            let mut wanted = plan.runs();
            all.sort();
            wanted.sort();
            prop_assert_eq!(all, wanted);
        }
    }
}
