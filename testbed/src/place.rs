//! Placement: what runs on which core. The request path (client, switch worker, serving servers) shares one core, which
//! takes microseconds where waking another core takes tens of them; bulk work (transfers, restores) never runs there.

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::fs;
use std::thread;
use std::time::Duration;

/// The kernel takes one change of an autogroup's niceness every 100 ms from ordinary users, all of them together.
const AUTOGROUP_RETRY: Duration = Duration::from_millis(110);
const AUTOGROUP_TRIES: u32 = 5;

/// What runs where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The core of the request path; `None`: any.
    pub request_core: Option<usize>,
    /// The core of bulk work; `None`: any.
    pub bulk_core: Option<usize>,
    /// Niceness of bulk work's autogroup, 0 to 19.
    pub bulk_nice: u8,
}

/// What a thread or process works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Requests and their answers.
    Request,
    /// Transfers, restores, and whatever else nobody waits for within a millisecond.
    Bulk,
}

impl Placement {
    /// The request path on the first core that this process may use, bulk work on the last; with one core, no pinning.
    ///
    /// # Errors
    /// The kernel does not tell which cores there are.
    pub fn of_this_machine() -> Result<Self> {
        Ok(Self::of_cores(&usable_cores()?))
    }

    /// The same for cores that are known.
    pub fn of_cores(cores: &[usize]) -> Self {
        let (request_core, bulk_core) = match cores {
            [first, .., last] => (Some(*first), Some(*last)),
            [] | [_] => (None, None),
        };
        Self { request_core, bulk_core, bulk_nice: 19 }
    }

    /// The core for this work.
    pub const fn core(&self, work: Work) -> Option<usize> {
        match work {
            Work::Request => self.request_core,
            Work::Bulk => self.bulk_core,
        }
    }

    /// The cores in use, each once.
    pub fn cores(&self) -> Vec<usize> {
        let mut cores: Vec<usize> = [self.request_core, self.bulk_core].into_iter().flatten().collect();
        cores.dedup();
        cores
    }

    /// Moves the calling thread to the core for this work. Does nothing where no core is named.
    ///
    /// # Errors
    /// There is no such core for this process.
    pub fn enter(&self, work: Work) -> Result<()> {
        let Some(core) = self.core(work) else { return Ok(()) };
        let mut set = CpuSet::new();
        set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set)).with_context(|| {
            format!(
                "cannot run on core {core}: this process may use {:?}",
                usable_cores().unwrap_or_default()
            )
        })
    }

    /// Gives bulk work its niceness. Between sessions only the autogroup's counts, so call it in a process that leads a
    /// session of its own (`setsid`): it concerns the whole session.
    ///
    /// # Errors
    /// `NotFound`: this kernel has no autogroups, so plain niceness would do.
    pub fn be_nice(&self) -> std::io::Result<()> {
        set_autogroup(self.bulk_nice)
    }
}

/// Sets the niceness of this process's autogroup.
///
/// # Errors
/// `NotFound`: no autogroups here. `WouldBlock`: others changed theirs all the time.
pub fn set_autogroup(nice: u8) -> std::io::Result<()> {
    for _ in 1..AUTOGROUP_TRIES {
        match fs::write("/proc/self/autogroup", nice.to_string()) {
            Err(error) if error.raw_os_error() == Some(Errno::EAGAIN as i32) => {
                thread::sleep(AUTOGROUP_RETRY)
            }
            other => return other,
        }
    }
    fs::write("/proc/self/autogroup", nice.to_string())
}

/// The cores that this process may run on, in ascending order.
///
/// # Errors
/// The kernel does not tell.
pub fn usable_cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the usable cores")?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_bulk_work_never_share_a_core_if_there_are_two() {
        let placement = Placement::of_cores(&[0, 1, 2, 3]);
        assert_eq!((placement.core(Work::Request), placement.core(Work::Bulk)), (Some(0), Some(3)));
        assert_eq!(placement.cores(), [0, 3]);
    }

    #[test]
    fn a_single_core_is_not_pinned_to() {
        let placement = Placement::of_cores(&[5]);
        assert!(placement.cores().is_empty());
        assert!(placement.enter(Work::Bulk).is_ok());
    }

    #[test]
    fn a_core_that_does_not_exist_is_an_error_that_names_it() {
        let placement = Placement { request_core: Some(1_000), ..Placement::of_cores(&[0]) };
        assert!(placement.enter(Work::Request).unwrap_err().to_string().contains("core 1000"));
    }

    #[test]
    fn a_thread_runs_where_it_was_put() {
        let cores = usable_cores().unwrap();
        let placement = Placement { bulk_core: cores.last().copied(), ..Placement::of_cores(&[0]) };
        thread::spawn(move || {
            placement.enter(Work::Bulk).unwrap();
            assert_eq!(usable_cores().unwrap(), placement.cores());
        })
        .join()
        .unwrap();
    }
}
