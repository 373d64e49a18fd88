//! What one run does, as parts that can be left out one by one.

use zerogap_proto::Scheme;

/// A run that was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its number in the exploration.
    pub index: u64,
    /// How the service is moved.
    pub scheme: Scheme,
    /// What makes the run what it is, as `PATH=VALUE`.
    pub(super) ground: Vec<String>,
    /// What is unusual about it, as `PATH=VALUE`.
    pub(super) twists: Vec<String>,
    /// What goes wrong on purpose, as in a testbed file's list.
    pub(super) faults: Vec<String>,
}

impl Plan {
    /// The overrides of the testbed file, as `--set` takes them.
    pub fn sets(&self) -> Vec<String> {
        let faults = self.faults.iter().enumerate().map(|(index, fault)| format!("faults.{index}={fault}"));
        self.ground.iter().chain(&self.twists).cloned().chain(faults).collect()
    }

    /// The command that replays it. `file`: the testbed file, if it was not the demo.
    pub fn command(&self, file: Option<&str>) -> String {
        let file = file.map(|file| format!(" {file}")).unwrap_or_default();
        let sets: String = self.sets().iter().map(|set| format!(" --set '{set}'")).collect();
        format!("zerogap simulate{file}{sets}")
    }

    /// What can be left out of it.
    pub(super) fn parts(&self) -> usize {
        self.twists.len() + self.faults.len()
    }

    /// The same without one of its parts: faults first, the last one first.
    pub(super) fn without(&self, part: usize) -> Self {
        let mut plan = self.clone();
        match part.checked_sub(self.faults.len()) {
            None => drop(plan.faults.remove(self.faults.len() - 1 - part)),
            Some(twist) => drop(plan.twists.remove(twist)),
        }
        plan
    }
}
