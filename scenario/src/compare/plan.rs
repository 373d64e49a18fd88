//! What a comparison is made of: a run of every contender at every size of state, again and again, and in which order. The
//! repetition is outermost, so that a noisy minute hits all contenders alike, and the order is rotated from one to the next.

use crate::size::{Size, Span};
use serde::{Serialize, Serializer};
use std::fmt;
use zerogap_proto::{Duration, Scheme};

/// How many windows as long as the longest migration a control run should hold.
const WINDOWS_PER_CONTROL: u64 = 3;
/// What a control run needs beside its windows: the AGV's start, and the last window's end.
const CONTROL_MARGIN: Duration = Duration::from_secs(2);
/// Longer than this no control run is made for its windows' sake.
const CONTROL_MAX: Duration = Duration::from_secs(120);

/// Who is compared: a scheme, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// A run with one migration by this scheme.
    Scheme(Scheme),
    /// A run without a migration: what the machine does by itself.
    Control,
}

impl Contender {
    /// Its name in directories, results and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheme(scheme) => scheme.name(),
            Self::Control => "control",
        }
    }
}

impl Serialize for Contender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One run of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellId {
    /// The size of the state.
    pub state: Size,
    /// Who moves it.
    pub contender: Contender,
    /// Which repetition, from 1.
    pub repetition: u32,
}

impl CellId {
    /// Its place within the comparison's directory: `cells/40MB/hot-standby/3`.
    pub fn directory(&self) -> String {
        let state = self.state.to_string().replace(' ', "");
        format!("cells/{state}/{}/{}", self.contender.name(), self.repetition)
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.state, self.contender.name(), self.repetition)
    }
}

/// What is compared. Neither list holds anything twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    schemes: Vec<Scheme>,
    states: Vec<Size>,
    repeat: u32,
}

impl Plan {
    /// Every scheme at every size, `repeat` times. What is listed twice is compared once.
    pub fn new(schemes: &[Scheme], states: &[Size], repeat: u32) -> Self {
        Self { schemes: once(schemes), states: once(states), repeat }
    }

    /// The sizes of the state, as listed.
    pub fn states(&self) -> &[Size] {
        &self.states
    }

    /// How often each contender runs at each size.
    pub const fn repeat(&self) -> u32 {
        self.repeat
    }

    /// The schemes as listed, then the control.
    pub fn contenders(&self) -> impl Iterator<Item = Contender> {
        self.schemes.iter().copied().map(Contender::Scheme).chain([Contender::Control])
    }

    /// Every run, in the order in which they are made. The control stands right beside the schemes of its size: at first after
    /// them, because its windows are as long as their migrations, from then on before and after them in turn.
    pub fn cells(&self) -> Vec<CellId> {
        let mut cells = Vec::new();
        for repetition in 1..=self.repeat {
            let turn = repetition as usize - 1;
            for state in rotated(&self.states, turn) {
                let mut contenders: Vec<_> =
                    rotated(&self.schemes, turn).into_iter().map(Contender::Scheme).collect();
                let at = if turn.is_multiple_of(2) { contenders.len() } else { 0 };
                contenders.insert(at, Contender::Control);
                cells.extend(contenders.into_iter().map(|contender| CellId { state, contender, repetition }));
            }
        }
        cells
    }
}

/// How long a control run lasts: as long as any other, and long enough for some windows of this length.
pub fn control_duration(usual: Span, longest_window: Duration) -> Span {
    let windows_ns = longest_window.as_nanos().saturating_mul(WINDOWS_PER_CONTROL);
    let wanted_ns = windows_ns.saturating_add(CONTROL_MARGIN.as_nanos()).min(CONTROL_MAX.as_nanos());
    Span(usual.0.max(Duration::from_nanos(wanted_ns)))
}

/// The items in their order, each at its first place only.
pub(crate) fn once<T: Copy + PartialEq>(listed: &[T]) -> Vec<T> {
    let mut once = Vec::new();
    for item in listed {
        if !once.contains(item) {
            once.push(*item);
        }
    }
    once
}

fn rotated<T: Copy>(listed: &[T], by: usize) -> Vec<T> {
    let mut rotated = listed.to_vec();
    rotated.rotate_left(by % listed.len().max(1));
    rotated
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MB: u64 = 1_000_000;

    #[test]
    fn repetitions_are_outermost_sizes_and_schemes_take_turns_and_the_control_stands_beside_its_size() {
        let plan = Plan::new(&[Scheme::StopAndCopy, Scheme::HotStandby], &[Size(4 * MB), Size(40 * MB)], 3);
        let order: Vec<String> = plan.cells().iter().map(CellId::to_string).collect();
        let wanted = "\
4 MB stop-and-copy 1
4 MB hot-standby 1
4 MB control 1
40 MB stop-and-copy 1
40 MB hot-standby 1
40 MB control 1
40 MB control 2
40 MB hot-standby 2
40 MB stop-and-copy 2
4 MB control 2
4 MB hot-standby 2
4 MB stop-and-copy 2
4 MB stop-and-copy 3
4 MB hot-standby 3
4 MB control 3
40 MB stop-and-copy 3
40 MB hot-standby 3
40 MB control 3";
        assert_eq!(order.join("\n"), wanted);
    }

    #[test]
    fn a_cell_has_a_directory_of_its_own() {
        let cell = CellId { state: Size(1_500_000), contender: Contender::Control, repetition: 2 };
        assert_eq!(cell.directory(), "cells/1.5MB/control/2");
    }

    #[test]
    fn a_control_run_holds_windows_as_long_as_the_longest_migration_up_to_two_minutes() {
        let duration = |window_s| control_duration(Span::s(8), Duration::from_secs(window_s));
        assert_eq!(duration(0), Span::s(8));
        assert_eq!(duration(2), Span::s(8));
        assert_eq!(duration(10), Span::s(32));
        assert_eq!(duration(100), Span::s(120));
        assert_eq!(
            control_duration(Span::s(300), Duration::from_secs(100)),
            Span::s(300),
            "as long as the others"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_listed_every_cell_is_run_once_and_repetitions_follow_each_other(
            schemes in proptest::collection::vec(0..Scheme::ALL.len(), 1..8),
            states in proptest::collection::vec(1..5_u64, 1..6),
            repeat in 1..5_u32,
        ) {
            let schemes: Vec<Scheme> = schemes.iter().map(|n| Scheme::ALL[*n]).collect();
            let states: Vec<Size> = states.iter().map(|n| Size(n * MB)).collect();
            let plan = Plan::new(&schemes, &states, repeat);
            let cells = plan.cells();
            let distinct: BTreeSet<_> = cells.iter().map(CellId::directory).collect();
            let wanted = plan.contenders().count() * plan.states().len() * repeat as usize;
            prop_assert_eq!(distinct.len(), wanted);
            prop_assert_eq!(cells.len(), wanted);
            prop_assert!(cells.is_sorted_by_key(|cell| cell.repetition));
        }
    }
}
