//! When the rounds of a pre-copy end (C. Clark et al., *Live migration of virtual machines*, NSDI 2005): when what was
//! written meanwhile can be sent within the downtime that is allowed, or when rounds or time run out.

use zerogap_proto::{Duration, Round, Rounds, RoundsRule};

/// Decides after each round.
#[derive(Clone, Copy, Debug)]
pub struct Precopy {
    rule: RoundsRule,
    done: u32,
    took: Duration,
    /// The latest round that sent pages: how many, and in what time.
    rate: Option<(u64, Duration)>,
}

impl Precopy {
    /// Before the first round.
    pub const fn new(rule: RoundsRule) -> Self {
        Self { rule, done: 0, took: Duration::ZERO, rate: None }
    }

    /// A round is done: whether it takes another. Being ready goes before having run out.
    pub fn finished(&mut self, round: &Round) -> Rounds {
        self.done = self.done.saturating_add(1);
        self.took = Duration::from_nanos(self.took.as_nanos().saturating_add(round.took.as_nanos()));
        if round.pages > 0 {
            self.rate = Some((round.pages, round.took));
        }
        if self.downtime(round.dirty_pages).is_some_and(|time| time <= self.rule.downtime_budget) {
            Rounds::Ready
        } else if self.done >= self.rule.rounds_max || self.took >= self.rule.time_max {
            Rounds::GaveUp
        } else {
            Rounds::UnderWay
        }
    }

    /// Rounds that are done.
    pub const fn done(&self) -> u32 {
        self.done
    }

    /// How long sending so many pages would take, at the rate of the latest round that sent any: pages of zeros cost
    /// nothing and tell nothing. Unknown as long as there was none.
    fn downtime(&self, pages: u64) -> Option<Duration> {
        if pages == 0 {
            return Some(Duration::ZERO);
        }
        let (sent, took) = self.rate?;
        let ns = u128::from(took.as_nanos()) * u128::from(pages) / u128::from(sent);
        Some(Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rounds::{GaveUp, Ready, UnderWay};

    const RULE: RoundsRule = RoundsRule {
        downtime_budget: Duration::from_millis(5),
        rounds_max: 4,
        time_max: Duration::from_millis(1_000),
    };

    /// Pages sent, milliseconds that it took, pages written meanwhile.
    fn verdicts(rounds: &[(u64, u64, u64)]) -> Vec<Rounds> {
        let mut precopy = Precopy::new(RULE);
        let round = |&(pages, ms, dirty_pages): &(u64, u64, u64)| Round {
            pages,
            bytes: pages * 4_116,
            took: Duration::from_millis(ms),
            dirty_pages,
        };
        rounds.iter().map(|figures| precopy.finished(&round(figures))).collect()
    }

    #[test]
    fn the_rounds_end_with_the_first_thing_that_ends_them() {
        type Case = (&'static str, &'static [(u64, u64, u64)], &'static [Rounds]);
        let table: [Case; 9] = [
            ("nothing was written meanwhile", &[(1_000, 100, 0)], &[Ready]),
            ("what is left takes just the budget", &[(1_000, 100, 50)], &[Ready]),
            ("what is left takes a page's time more", &[(1_000, 100, 51)], &[UnderWay]),
            (
                "each round is shorter than the one before",
                &[(1_000, 100, 200), (200, 20, 60), (60, 6, 20)],
                &[UnderWay, UnderWay, Ready],
            ),
            (
                "the rate is the latest round's",
                &[(1_000, 100, 100), (100, 100, 6), (6, 1, 6)],
                &[UnderWay, UnderWay, Ready],
            ),
            (
                "as much is written as is sent",
                &[(1_000, 100, 900); 4],
                &[UnderWay, UnderWay, UnderWay, GaveUp],
            ),
            (
                "the last round suffices",
                &[(1_000, 100, 900), (900, 90, 900), (900, 90, 900), (900, 90, 9)],
                &[UnderWay, UnderWay, UnderWay, Ready],
            ),
            ("time runs out", &[(1_000, 600, 900), (900, 400, 900)], &[UnderWay, GaveUp]),
            (
                "pages of zeros have no rate",
                &[(0, 3, 10), (10, 1, 10), (0, 9, 60)],
                &[UnderWay, Ready, UnderWay],
            ),
        ];
        for (name, rounds, expected) in table {
            assert_eq!(verdicts(rounds), expected, "{name}");
        }
    }

    #[test]
    fn the_ends_of_all_numbers_are_survived() {
        let most = Duration::from_nanos(u64::MAX);
        let round = Round { pages: 1, bytes: 0, took: most, dirty_pages: u64::MAX };
        let mut precopy = Precopy::new(RULE);
        assert_eq!([precopy.finished(&round), precopy.finished(&round)], [GaveUp; 2]);
    }
}
