//! What the machine has: cores, memory, time on them that nobody else uses, free ports.

use super::{Check, Needs};
use crate::place::usable_cores;
use nix::sys::resource::{Resource, getrlimit};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

/// What everything but the states takes, and room for the system.
const MEMORY_BASE: u64 = 2 << 30;
const MIB: u64 = 1 << 20;
/// How long the machine's idle time is looked at.
const LOOK: Duration = Duration::from_millis(200);
const IDLE_MIN_PERCENT: u64 = 60;
const STOLEN_MAX_PERCENT: u64 = 2;

pub(super) fn checks(needs: &Needs) -> Vec<Check> {
    let mut checks = vec![cores(), memory(needs.memory_bytes), cpu_limit(), cpu_left()];
    checks.extend(needs.ports.iter().map(|&port| free_port(port)));
    checks
}

fn cores() -> Check {
    match usable_cores().map(|cores| cores.len()) {
        Ok(0 | 1) => Check::warn(
            "cores",
            "one core: transfers and requests share it, and latency says little",
            "give this machine or process two cores or more",
        ),
        Ok(count) => Check::ok("cores", format!("{count}: requests and bulk work get one each")),
        Err(error) => {
            Check::warn("cores", format!("unknown ({error:#})"), "use a kernel with sched_getaffinity")
        }
    }
}

fn memory(needed: u64) -> Check {
    let needed = needed.saturating_add(MEMORY_BASE);
    let Some(free) = memory_available() else {
        return Check::warn("memory", "unknown: /proc/meminfo cannot be read", "mount /proc");
    };
    let (free_mib, needed_mib) = (free / MIB, needed / MIB);
    if free >= needed {
        return Check::ok(
            "memory",
            format!("{free_mib} MiB available, {needed_mib} MiB needed with the states asked for"),
        );
    }
    let what = format!(
        "{free_mib} MiB available, but {needed_mib} MiB needed for the states, a snapshot and the rest"
    );
    Check::fail("memory", what, "choose a smaller state, or free memory")
}

fn memory_available() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

fn cpu_limit() -> Check {
    match getrlimit(Resource::RLIMIT_CPU) {
        Ok((soft, _)) if soft != libc::RLIM_INFINITY => Check::warn(
            "cpu-limit",
            format!("this process is ended after {soft} s of CPU time"),
            "ulimit -t unlimited",
        ),
        Ok(_) | Err(_) => Check::ok("cpu-limit", "none"),
    }
}

fn cpu_left() -> Check {
    let before = cpu_times();
    thread::sleep(LOOK);
    let (Some(before), Some(after)) = (before, cpu_times()) else {
        return Check::warn("cpu-left", "unknown: /proc/stat cannot be read", "mount /proc");
    };
    judge_cpu(before, after)
}

/// Ticks of all cores since the start: everything, idle, stolen by the hypervisor.
#[derive(Clone, Copy)]
struct CpuTimes {
    all: u64,
    idle: u64,
    stolen: u64,
}

fn cpu_times() -> Option<CpuTimes> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    // user nice system idle iowait irq softirq steal
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
    Some(CpuTimes { all: ticks.iter().sum(), idle: ticks.get(3)? + ticks.get(4)?, stolen: *ticks.get(7)? })
}

fn judge_cpu(before: CpuTimes, after: CpuTimes) -> Check {
    let all = after.all.saturating_sub(before.all).max(1);
    let percent = |now: u64, then: u64| now.saturating_sub(then) * 100 / all;
    let idle = percent(after.idle, before.idle);
    let stolen = percent(after.stolen, before.stolen);
    let what = format!("{idle} % idle, {stolen} % taken by the hypervisor");
    if stolen > STOLEN_MAX_PERCENT {
        return Check::warn("cpu-left", what, "expect `inconclusive` verdicts; use a machine of your own");
    }
    if idle < IDLE_MIN_PERCENT {
        return Check::warn("cpu-left", what, "end other work before measuring");
    }
    Check::ok("cpu-left", what)
}

fn free_port(port: u16) -> Check {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Check::ok("port", format!("127.0.0.1:{port} is free")),
        Err(error) => Check::fail(
            "port",
            format!("127.0.0.1:{port} cannot be used ({error})"),
            "choose another port, or end what listens there",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_state_that_does_not_fit_is_refused_before_it_is_mapped() {
        assert_eq!(memory(u64::MAX).verdict, Verdict::Fail);
        assert!(memory_available().is_some_and(|bytes| bytes > MIB));
    }

    #[test]
    fn a_busy_machine_and_a_greedy_hypervisor_are_warned_of() {
        let zero = CpuTimes { all: 0, idle: 0, stolen: 0 };
        let verdict = |idle, stolen| judge_cpu(zero, CpuTimes { all: 100, idle, stolen }).verdict;
        assert_eq!(verdict(90, 0), Verdict::Ok);
        assert_eq!(verdict(20, 0), Verdict::Warn);
        assert_eq!(verdict(80, 10), Verdict::Warn);
    }
}
