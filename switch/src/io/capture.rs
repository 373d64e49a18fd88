//! Captures frames at ports into a pcapng file. Whoever handles a frame leaves a copy in a bounded queue and never waits; a
//! thread of its own writes. What does not fit is counted, in the file too. A worker records a frame once the switch has
//! decided about it, so that the comment can say what.

use crate::capture::{Direction, Packet, enhanced_packet, interface_description, section_header};
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::SystemTime;

/// How many frames may wait for the writer: 67 MB if all of them stand for many segments.
const QUEUE_FRAMES: usize = 1024;

/// A capture that is being written. It ends with [`Self::finish`], or when it is dropped.
pub struct Capture {
    queue: Sender<Entry>,
    writer: Option<JoinHandle<io::Result<u64>>>,
    missed: Arc<AtomicU64>,
}

/// Where the frames of one port are recorded, from any thread.
#[derive(Clone, Debug)]
pub struct Recorder {
    interface: u32,
    queue: Sender<Entry>,
    /// Frames of this port since the last one that went into the queue.
    missed_since: Arc<AtomicU64>,
    missed: Arc<AtomicU64>,
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Frames in the file.
    pub written: u64,
    /// Frames that there was no room for.
    pub missed: u64,
}

enum Entry {
    Frame(Recorded),
    End,
}

struct Recorded {
    interface: u32,
    time_ns: u64,
    direction: Direction,
    frame: Vec<u8>,
    missed: u64,
    comment: String,
}

impl Capture {
    /// Writes the beginning of a capture file of these ports to `out` and starts the thread that writes the rest. A recorder
    /// for each of the ports comes with it.
    ///
    /// # Errors
    /// `out` cannot be written, or a thread cannot be started.
    #[expect(clippy::disallowed_methods, reason = "writing must not hold up a worker")]
    pub fn start(out: impl Write + Send + 'static, ports: &[&str]) -> io::Result<(Self, Vec<Recorder>)> {
        let mut out = BufWriter::new(out);
        let mut beginning = Vec::new();
        section_header(&mut beginning);
        for port in ports {
            interface_description(&mut beginning, port);
        }
        out.write_all(&beginning)?;
        let (queue, entries) = bounded(QUEUE_FRAMES);
        let writer = std::thread::Builder::new()
            .name("capture".to_string())
            .spawn(move || write_entries(&entries, &mut out))?;
        let missed = Arc::new(AtomicU64::new(0));
        let recorder = |interface| Recorder {
            interface,
            queue: queue.clone(),
            missed_since: Arc::new(AtomicU64::new(0)),
            missed: Arc::clone(&missed),
        };
        let recorders = (0..).zip(ports).map(|(interface, _)| recorder(interface)).collect();
        Ok((Self { queue, writer: Some(writer), missed }, recorders))
    }

    /// Frames that there was no room for until now.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Writes what is in the queue and ends the file. Frames that are recorded from now on are missed.
    ///
    /// # Errors
    /// The file could not be written; what was written before is in it.
    pub fn finish(mut self) -> io::Result<Summary> {
        let written = self.end()?;
        Ok(Summary { written, missed: self.missed() })
    }

    fn end(&mut self) -> io::Result<u64> {
        // If the writer has failed, nobody takes it; then its result says so.
        let _ = self.queue.send(Entry::End);
        let Some(writer) = self.writer.take() else { return Ok(0) };
        writer.join().map_err(|_| io::Error::other("the thread that writes the capture panicked"))?
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if self.writer.is_some() {
            // Nobody is left to be told.
            let _ = self.end();
        }
    }
}

impl Recorder {
    /// Records a frame with what the switch decided about it (empty for nothing to say), or counts it as missed if the writer
    /// cannot keep up.
    pub fn record(&self, direction: Direction, frame: &[u8], comment: String) {
        if self.queue.is_full() {
            return self.miss(1);
        }
        let missed = self.missed_since.swap(0, Ordering::Relaxed);
        let (interface, frame) = (self.interface, frame.to_vec());
        let recorded = Recorded { interface, time_ns: unix_time_ns(), direction, frame, missed, comment };
        if self.queue.try_send(Entry::Frame(recorded)).is_err() {
            self.missed_since.fetch_add(missed, Ordering::Relaxed);
            self.miss(1);
        }
    }

    fn miss(&self, frames: u64) {
        self.missed_since.fetch_add(frames, Ordering::Relaxed);
        self.missed.fetch_add(frames, Ordering::Relaxed);
    }
}

/// Writes until the end and returns the number of frames. Whenever there is nothing to do the file is complete.
fn write_entries(entries: &Receiver<Entry>, out: &mut impl Write) -> io::Result<u64> {
    let mut written = 0;
    let mut block = Vec::new();
    loop {
        let entry = match entries.try_recv() {
            Err(TryRecvError::Empty) => {
                out.flush()?;
                entries.recv().ok()
            }
            other => other.ok(),
        };
        let Some(Entry::Frame(recorded)) = entry else { break };
        block.clear();
        enhanced_packet(&mut block, recorded.packet());
        out.write_all(&block)?;
        written += 1;
    }
    out.flush()?;
    Ok(written)
}

impl Recorded {
    fn packet(&self) -> Packet<'_> {
        let Self { interface, time_ns, direction, missed, .. } = *self;
        Packet { interface, time_ns, direction, frame: &self.frame, missed, comment: &self.comment }
    }
}

#[expect(clippy::disallowed_methods, reason = "a capture file holds the time of day")]
fn unix_time_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::{Mutex, MutexGuard};

    /// A file whose disk is busy as long as somebody holds its contents.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<Vec<u8>>>);

    impl Disk {
        fn busy(&self) -> MutexGuard<'_, Vec<u8>> {
            self.0.lock()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_recorded_is_in_the_file_in_order() {
        let disk = Disk::default();
        let (capture, recorders) = Capture::start(disk.clone(), &["a", "b"]).unwrap();
        recorders[0].record(Direction::Inbound, b"request", String::new());
        recorders[1].record(Direction::Outbound, b"copy", "offset 1 to reader 2".to_string());
        assert_eq!(capture.finish().unwrap(), Summary { written: 2, missed: 0 });
        let file = disk.busy();
        let at = |what: &[u8]| file.windows(what.len()).position(|bytes| bytes == what).unwrap();
        assert!(at(b"request") < at(b"copy") && at(b"copy") < at(b"offset 1 to reader 2"));
    }

    #[test]
    fn a_disk_that_is_too_slow_costs_frames_of_the_capture_and_never_a_wait() {
        let disk = Disk::default();
        let (capture, recorders) = Capture::start(disk.clone(), &["a"]).unwrap();
        let busy = disk.busy();
        let all = 3 * QUEUE_FRAMES as u64;
        for _ in 0..all {
            recorders[0].record(Direction::Inbound, &[0; 9_000], String::new());
        }
        assert!(capture.missed() >= QUEUE_FRAMES as u64);
        drop(busy);
        let summary = capture.finish().unwrap();
        assert_eq!(summary.written + summary.missed, all);
    }

    #[test]
    fn a_full_disk_ends_the_capture_and_is_told_at_its_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (capture, recorders) = Capture::start(Full, &["a"]).unwrap();
        for _ in 0..10 {
            recorders[0].record(Direction::Inbound, &[0; 60_000], String::new());
        }
        assert_eq!(capture.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
