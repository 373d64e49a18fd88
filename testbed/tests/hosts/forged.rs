//! Streams that no server sends, written to a real target from the network of another host.

use crate::bench::forward;
use crate::nodes::start_server;
use crate::transfer::{STATE_BYTES, StopOnDrop, endpoints, pids};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use zerogap_proto::{Endpoint, JobFailure, MigrationId, ServerCommand, Task};
use zerogap_server_app::transfer::{Encoder, End};
use zerogap_server_app::{PageSet, Prior, SparseMemory};

/// A change to a stream: how it is called, what it does to the records, what the target makes of it.
type Forgery = (&'static str, fn(&mut Vec<Vec<u8>>), JobFailure);

const FORGERIES: &[Forgery] = &[
    // All pages are there; the header is no server's.
    ("nothing", |_| (), JobFailure::Header),
    ("a lost record", |records| drop(records.remove(5)), JobFailure::Protocol),
    ("a record that comes twice", |records| records.insert(5, records[4].clone()), JobFailure::Protocol),
    ("a byte of a page", |records| records[7][999] ^= 4, JobFailure::Checksum),
    ("a byte of a record's head", |records| records[7][6] ^= 4, JobFailure::Checksum),
    ("the end", |records| drop(records.pop()), JobFailure::Torn),
];

pub(crate) fn streams() {
    let (source, target) = (start_server(1, STATE_BYTES, true), start_server(2, STATE_BYTES, false));
    let at = endpoints(std::slice::from_ref(&target))[0];
    let init = pids(&source.host.name, "host")[0];
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| {
            let ports = [&source, &target].map(|process| process.host.eth1.as_ref().unwrap());
            while !stop.load(Ordering::Relaxed) {
                forward(ports, Duration::from_millis(50), |_, _| false);
            }
        });
        for (number, (what, forge, failure)) in (1..).zip(FORGERIES) {
            let migration = MigrationId(number);
            target.order(ServerCommand::Prepare { migration });
            target.status("a target that waits", |task| *task == Task::Receiving { migration });
            let mut records = stream(migration);
            forge(&mut records);
            scope.spawn(move || send_from(init, at, &records.concat()));
            let status = target.status(what, |task| matches!(task, Task::Failed { .. }));
            assert_eq!(status.task, Task::Failed { migration, reason: *failure }, "{what}");
        }
    });
}

/// A whole state, record by record.
fn stream(migration: MigrationId) -> Vec<Vec<u8>> {
    let memory = SparseMemory::new(STATE_BYTES as usize, Prior::FloorPlan);
    let pages = PageSet::all(STATE_BYTES as usize / zerogap_server_app::PAGE_LEN);
    let mut encoder = Encoder::new(migration, &memory, &pages, true, End::Complete(b"header")).unwrap();
    let mut record = Vec::new();
    std::iter::from_fn(|| encoder.next_record(&mut record).then(|| record.clone())).collect()
}

/// Sends from the network namespace of the host with this init, and waits until the other end has had enough.
fn send_from(init: i32, to: Endpoint, bytes: &[u8]) {
    setns(File::open(format!("/proc/{init}/ns/net")).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
    let mut stream = TcpStream::connect((to.addr, to.port)).unwrap();
    // A target that has found the mistake closes the connection at once.
    if stream.write_all(bytes).is_ok() {
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0]);
    }
}
