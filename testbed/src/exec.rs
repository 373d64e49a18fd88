//! `zerogap exec NODE -- COMMAND`: a command inside a node of a running testbed. The testbed is found through `/proc`: its
//! hosts' inits carry their node's name in their command line, so nothing has to be registered or cleaned up.

use crate::sys::child::{die_with_parent, ignore_interrupts};
use crate::sys::pidfd::PidFd;
use crate::sys::spawn::PROGRAM;
use anyhow::{Context as _, Result, bail};
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitStatus};

/// A running host, as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunningHost {
    /// Its node's name.
    pub name: String,
    /// The pid of its init, as this process sees it.
    pub init: i32,
    /// The pid of its testbed.
    pub testbed: i32,
}

/// Runs `command` in the host of `node`, with this process's standard input and output, and waits for its end. Call it
/// from a single-threaded process; the process is in the host's namespaces afterwards.
///
/// # Errors
/// No testbed runs, several do, the node has no host (those that have one are named), this user may not enter, or the
/// command cannot be started.
pub fn exec(node: &str, command: &[OsString]) -> Result<ExitStatus> {
    let [program, args @ ..] = command else { bail!("no command was given: zerogap exec {node} -- COMMAND") };
    let host = find(&running_hosts()?, node)?;
    let init = PidFd::open(Pid::from_raw(host.init))
        .with_context(|| format!("the host of {node} has just ended"))?;
    let may =
        format!("cannot enter the host of {node}: run it as the user who started the testbed, or as root");
    setns(&init, namespaces(host.init).context(may.clone())?).context(may)?;
    let mut command = Command::new(program);
    command.args(args);
    die_with_parent(&mut command);
    let mut child = command.spawn().with_context(|| format!("cannot run {} in {node}", program.display()))?;
    // An interrupt from the terminal goes to the command as well; its end is what this process waits for.
    ignore_interrupts();
    Ok(child.wait()?)
}

/// All running hosts of all testbeds that this process can see.
///
/// # Errors
/// `/proc` is not mounted.
pub fn running_hosts() -> Result<Vec<RunningHost>> {
    let processes = fs::read_dir("/proc").context("cannot look for a testbed")?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut hosts: Vec<RunningHost> = pids.filter_map(look_at).collect();
    hosts.sort();
    Ok(hosts)
}

/// The one host that is meant.
///
/// # Errors
/// See [`exec`].
pub fn find(hosts: &[RunningHost], node: &str) -> Result<RunningHost> {
    let named: Vec<_> = hosts.iter().filter(|host| host.name == node).collect();
    match named[..] {
        [host] => Ok(host.clone()),
        [] if hosts.is_empty() => {
            bail!("no testbed runs on this machine: start one with `zerogap run`, then try again")
        }
        [] => {
            let names: BTreeSet<_> = hosts.iter().map(|host| host.name.as_str()).collect();
            bail!("no host is called {node}; those that run are {}", Vec::from_iter(names).join(", "))
        }
        [..] => {
            let pids: Vec<_> = named.iter().map(|host| host.testbed.to_string()).collect();
            bail!("several testbeds have a host {node} (processes {}): end all but one", pids.join(", "))
        }
    }
}

/// The host whose init this process is, if it is one: our command line, and process 1 of its own PID namespace.
fn look_at(pid: i32) -> Option<RunningHost> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let args: Vec<&[u8]> = command.strip_suffix(b"\0")?.split(|&byte| byte == 0).collect();
    let [program, b"host", name] = args[..] else { return None };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let is_init = field("NSpid:")?.split_whitespace().skip(1).last() == Some("1");
    let testbed = field("PPid:")?.parse().ok()?;
    let name = std::str::from_utf8(name).ok()?.to_string();
    (program == PROGRAM.as_bytes() && is_init).then_some(RunningHost { name, init: pid, testbed })
}

/// What to enter: a user namespace only if it is another one, because one cannot enter one's own.
fn namespaces(init: i32) -> Result<CloneFlags> {
    let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/user"));
    let base = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    let same_user = of("self")? == of(&init.to_string())?;
    Ok(if same_user { base } else { base | CloneFlags::CLONE_NEWUSER })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, init: i32, testbed: i32) -> RunningHost {
        RunningHost { name: name.to_string(), init, testbed }
    }

    #[test]
    fn the_one_host_of_that_name_is_found() {
        let hosts = [host("agv", 10, 9), host("edge-a1", 11, 9)];
        assert_eq!(find(&hosts, "edge-a1").unwrap(), hosts[1]);
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let said = |hosts: &[RunningHost], node| find(hosts, node).unwrap_err().to_string();
        assert!(said(&[], "agv").starts_with("no testbed runs"));
        let hosts = [host("agv", 10, 9), host("edge-a1", 11, 9), host("agv", 20, 19)];
        assert!(said(&hosts, "s1").ends_with("those that run are agv, edge-a1"));
        assert!(said(&hosts, "agv").contains("processes 9, 19"));
    }
}
