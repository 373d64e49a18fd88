//! A node's process: started, signalled, ended, started again.

use crate::bench::{client, next_report, wait_for};
use nix::sys::signal::Signal;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use zerogap_testbed::host::{Ending, Report};
use zerogap_testbed::sys::fd::{CONTROL_FD, adopt};
use zerogap_testbed::sys::packet::{Packets, Received};

/// What these tests run as the node's process: says hello, writes to its extra descriptor if it has one, and exits with
/// the code that it is told, or with 9 at the end of its control socket.
pub(crate) fn sleeper() -> ExitCode {
    let control = Packets::from_owned(adopt(CONTROL_FD).unwrap());
    if let Ok(extra) = adopt(CONTROL_FD + 1) {
        std::fs::File::from(extra).write_all(b"extra").unwrap();
    }
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Some tests end the testbed before it can be told.
    let _ = control.send(&(std::process::id(), open), &[]);
    match control.receive::<u8>() {
        Ok(Received::Message(code, _)) => ExitCode::from(code),
        _ => ExitCode::from(9),
    }
}

pub(crate) fn lives() {
    let mut host = client(1);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let control = host.start_process(1, &[writer.as_fd()]).unwrap();
    drop(writer);
    let Report::Started { life: 1, pid } = next_report(&mut host) else { panic!("not started") };
    let Ok(Received::Message((own_pid, _), _)) = control.receive::<(u32, usize)>() else {
        panic!("no hello")
    };
    assert_eq!(own_pid, pid as u32, "the pid that is reported is the one inside the host");
    let mut extra = String::new();
    std::io::Read::read_to_string(&mut reader, &mut extra).unwrap();
    assert_eq!(extra, "extra");

    let _second = host.start_process(2, &[]).unwrap();
    let Report::Failed(why) = next_report(&mut host) else { panic!("two at a time") };
    assert!(why.contains("life 1 is still there"), "{why}");

    host.kill_process(7, Signal::SIGKILL).unwrap();
    control.send(&42_u8, &[]).unwrap();
    let ended = Report::Ended { life: 1, ending: Ending::Exited(42) };
    assert_eq!(next_report(&mut host), ended, "a signal for another life does nothing");
    assert!(matches!(control.receive::<u8>(), Ok(Received::End)));

    let control = host.start_process(2, &[]).unwrap();
    assert!(matches!(next_report(&mut host), Report::Started { life: 2, .. }));
    let Ok(Received::Message((_, open), _)) = control.receive::<(u32, usize)>() else { panic!("no hello") };
    assert_eq!(open, 5, "the standard three, the control socket, and the directory being read");
    host.kill_process(2, Signal::SIGKILL).unwrap();
    assert_eq!(next_report(&mut host), Report::Ended { life: 2, ending: Ending::Killed(9) });

    let control = host.start_process(3, &[]).unwrap();
    assert!(matches!(next_report(&mut host), Report::Started { life: 3, .. }));
    drop(control);
    assert_eq!(next_report(&mut host), Report::Ended { life: 3, ending: Ending::Exited(9) });
}

pub(crate) fn gone() {
    let mut host = client(1);
    let control = host.start_process(1, &[]).unwrap();
    assert!(matches!(next_report(&mut host), Report::Started { .. }));
    host.kill().unwrap();
    assert_eq!(next_report(&mut host), Report::Gone);
    assert_eq!(host.report().unwrap(), None, "it is said once");
    wait_for("the process's end", || {
        matches!(control.try_receive::<(u32, usize)>(), Ok(Received::End) | Err(_))
    });
    let error = host.start_process(2, &[]).unwrap_err().to_string();
    assert!(error.contains("is gone"), "{error}");
}
