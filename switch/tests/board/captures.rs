//! What passes a port with a capture is recorded with what became of it.

use crate::bench::{OPTIONS, board, frame};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use zerogap_proto::{Instant, PortId};
use zerogap_switch::io::{BoardOptions, Capture, Summary};
use zerogap_switch::table::{
    Action, Bucket, Bundle, Change, FlowSpec, GroupId, GroupKind, GroupSpec, Match, Output, Tables,
};

#[derive(Clone, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Three stations talk at a switch with captures at ports 0 and 2; what stands in the file of the one and of the other.
fn captured(tables: Tables, talk: &[(usize, Vec<u8>)]) -> [(Summary, Vec<u8>); 2] {
    let files = [File::default(), File::default()];
    let [first, second] = files.clone().map(|file| Capture::start(file, &["port"]).expect("a capture"));
    let captures = vec![(PortId(0), first.1[0].clone()), (PortId(2), second.1[0].clone())];
    let (mut board, far) = board(3, tables, BoardOptions { captures, ..OPTIONS });
    for (nth, (port, bytes)) in talk.iter().enumerate() {
        assert!(far.send(*port, bytes));
        while board.accounts().iter().map(|account| account.frames_in).sum::<u64>() <= nth as u64 {
            std::thread::yield_now();
        }
    }
    board.stop();
    let written = |capture: Capture, file: &File| (capture.finish().expect("written"), file.0.lock().clone());
    [written(first.0, &files[0]), written(second.0, &files[1])]
}

fn has(file: &[u8], comment: &str) -> bool {
    // An option of a packet: its code, its length, and then it ends with another.
    let option = [&[1, 0, comment.len() as u8, 0], comment.as_bytes()].concat();
    file.windows(option.len()).any(|bytes| bytes == option)
}

#[test]
fn a_learning_switch_says_where_each_frame_went() {
    let talk =
        [(0, frame(1, 0, 1)), (1, frame(2, 1, 2)), (0, frame(1, 2, 3)), (0, frame(1, 1, 4)), (0, vec![0; 5])];
    let [(first, at_0), (second, at_2)] = captured(Tables::default(), &talk);
    for comment in ["flood, to p1, to p2", "from p1", "to p1", "dropped: hairpin", "dropped: malformed"] {
        assert!(has(&at_0, comment), "{comment}");
    }
    assert_eq!((first.written, second.written), (5, 1), "what passed the one port, and the other");
    assert!(has(&at_2, "from p0"));
}

#[test]
fn a_flow_and_its_group_are_named() {
    let to = |port| Bucket {
        weight: 1,
        watch_port: None,
        actions: vec![Action::Output(Output::Port(PortId(port)))],
    };
    let group = GroupSpec { id: GroupId(7), kind: GroupKind::All, buckets: vec![to(1), to(2)] };
    let flow = FlowSpec {
        priority: 1,
        matching: Match { in_port: Some(PortId(0)), ..Match::default() },
        actions: vec![Action::Group(GroupId(7))],
        cookie: 0,
        idle_timeout_s: 0,
        hard_timeout_s: 0,
    };
    let bundle = Bundle(vec![Change::AddGroup(group), Change::AddFlow(flow)]);
    let tables = Tables::default().with(Instant::ZERO, &bundle).expect("sound tables");
    let [(_, at_0), (_, at_2)] = captured(tables, &[(0, frame(1, 0, 1)), (2, frame(3, 1, 2))]);
    assert!(has(&at_0, "flow 0 group 7, to p1, to p2"));
    assert!(has(&at_2, "from p0, flow 0 group 7") && has(&at_2, "dropped: no-route"));
}
