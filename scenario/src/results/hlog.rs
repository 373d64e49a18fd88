//! `rtt.hlog`: response RTT in nanoseconds as an HdrHistogram interval log, one histogram for each second of due times in
//! which an answered request was due. It opens in the tools made for such logs (HistogramLogProcessor, plotters).

use super::figures::histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use std::collections::BTreeMap;
use std::time::{Duration as StdDuration, UNIX_EPOCH};
use zerogap_proto::Record;

const NS_PER_S: u64 = 1_000_000_000;
/// The column of maxima is in milliseconds, as is the custom; the histograms are in nanoseconds.
const NS_PER_MS: f64 = 1e6;

/// A log that could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error("the latency log could not be encoded: {0}")]
pub struct HlogError(String);

/// The log's text. `started_unix_ns` is the run's start since the Unix epoch; intervals count from it.
pub fn rtt_log(records: &[Record], started_unix_ns: u64) -> Result<Vec<u8>, HlogError> {
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("[Response RTT in nanoseconds by due time, logged by zerogap]")
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(UNIX_EPOCH + StdDuration::from_nanos(started_unix_ns))
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(&mut log, &mut serializer)
        .map_err(|e| HlogError(e.to_string()))?;
    for (second, latencies_ns) in by_second(records) {
        let (start, length) = (StdDuration::from_secs(second), StdDuration::from_secs(1));
        writer
            .write_histogram(&histogram(&latencies_ns), start, length, None)
            .map_err(|e| HlogError(e.to_string()))?;
    }
    Ok(log)
}

fn by_second(records: &[Record]) -> BTreeMap<u64, Vec<u64>> {
    let mut seconds: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for record in records {
        if let Some(rtt) = record.response_rtt() {
            seconds.entry(record.due.as_nanos() / NS_PER_S).or_default().push(rtt.as_nanos());
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::testing::{MS, answered, lost};
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    /// RFC 4648, with padding.
    fn from_base64(text: &str) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = Vec::new();
        let (mut bits, mut held) = (0u32, 0);
        for digit in text.bytes().filter(|&b| b != b'=') {
            bits = bits << 6 | ALPHABET.iter().position(|&a| a == digit).unwrap() as u32;
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held) as u8);
            }
        }
        bytes
    }

    #[test]
    fn the_log_reads_back_as_one_histogram_for_each_second_with_answers() {
        let records =
            [answered(0, 100, 3 * MS), answered(1, 999, MS), lost(2, 1_500), answered(3, 2_000, 25 * MS)];
        let log = rtt_log(&records, 1_500_000_000 * NS_PER_S).unwrap();
        let text = std::str::from_utf8(&log).unwrap();
        assert!(
            text.contains("\n#[Histogram log format version 1.3]\n#[StartTime: 1500000000.000 ("),
            "{text}"
        );

        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(&log) {
            match entry.unwrap() {
                LogEntry::StartTime(start) => assert_eq!(start.as_secs(), 1_500_000_000),
                LogEntry::BaseTime(base) => panic!("no base time is written: {base:?}"),
                LogEntry::Interval(interval) => {
                    let bytes = from_base64(interval.encoded_histogram());
                    let latencies: Histogram<u64> =
                        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                    assert_eq!((interval.tag(), interval.duration().as_secs()), (None, 1));
                    read.push((interval.start_timestamp().as_secs(), latencies.len(), latencies.max() / MS));
                }
            }
        }
        assert_eq!(read, [(0, 2, 3), (2, 1, 25)]);
    }

    #[test]
    fn a_run_without_answers_still_has_a_log() {
        let log = rtt_log(&[lost(0, 0)], 0).unwrap();
        assert_eq!(IntervalLogIterator::new(&log).count(), 1, "the start time and no interval");
    }
}
