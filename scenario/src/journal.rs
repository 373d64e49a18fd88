//! The journal of a run: what happened, when and at whom, kept in memory while the run lasts and read afterwards. It is
//! bounded: when it is full, what comes later is counted and dropped. It renders itself as NDJSON for programs and as a
//! transcript for people; both are sorted by time, then by order of arrival.

use crate::names::Names;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use zerogap_proto::{Event, Instant, NodeId};

/// How many events a journal keeps unless told otherwise: hours of a healthy run, some tens of megabytes.
pub const EVENTS_MAX: usize = 200_000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened.
    pub at: Instant,
    /// The node that reported it.
    pub who: NodeId,
    /// What happened.
    pub event: Event,
}

/// The events of a run, bounded.
#[derive(Clone, Debug)]
pub struct Journal {
    entries: Vec<Entry>,
    entries_max: usize,
    dropped: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self::new(EVENTS_MAX)
    }
}

impl Journal {
    /// An empty journal that keeps at most `entries_max` events.
    pub fn new(entries_max: usize) -> Self {
        Self { entries: Vec::new(), entries_max, dropped: 0 }
    }

    /// Keeps an event, or counts it as dropped if the journal is full. Events may come out of order.
    pub fn add(&mut self, at: Instant, who: NodeId, event: Event) {
        if self.entries.len() < self.entries_max {
            self.entries.push(Entry { at, who, event });
        } else {
            self.dropped += 1;
        }
    }

    /// How many events were dropped because the journal was full.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many events are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The events by time, then by order of arrival.
    pub fn in_order(&self) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    /// `events.ndjson`: one object a line, `at_ns`, `node` and `event` first, then the event's fields by name.
    pub fn to_ndjson(&self, names: &Names) -> String {
        self.in_order().iter().map(|entry| entry.to_json_line(names) + "\n").collect()
    }

    /// The transcript for people: one event a line.
    pub fn to_transcript(&self, names: &Names) -> String {
        self.in_order().iter().map(|entry| entry.to_line(names) + "\n").collect()
    }
}

impl Entry {
    /// The event as one JSON object without a line's end.
    pub fn to_json_line(&self, names: &Names) -> String {
        let (node, kind, fields) = self.words(names);
        let at_ns = self.at.as_nanos();
        let mut line = format!(r#"{{"at_ns":{at_ns},"node":{node},"event":{kind}"#);
        for (key, value) in fields {
            let _ = write!(line, ",{}:{value}", Value::from(key));
        }
        line + "}"
    }

    /// The event as a line of a transcript: `1.234567 s1  phase  migration=1 phase=Review`.
    pub fn to_line(&self, names: &Names) -> String {
        let (node, kind, fields) = self.words(names);
        let fields = fields.iter().map(|(key, value)| format!(" {key}={}", plain(value)));
        let line = format!("{} {}  {} ", self.at, plain(&node), plain(&kind)) + &fields.collect::<String>();
        line.trim_end().to_owned()
    }

    /// The node, the event's kind and its other fields, nodes named, digests in hex as they stand in `result.json`. An
    /// event that has a `node` of its own (a fault) is that node's; others are the reporter's.
    fn words(&self, names: &Names) -> (Value, Value, BTreeMap<String, Value>) {
        let event = serde_json::to_value(&self.event).expect("events have string keys only");
        let Value::Object(map) = names.name_nodes(event) else { unreachable!("an event is a tagged object") };
        let mut fields: BTreeMap<String, Value> = map.into_iter().collect();
        if let Some(digest) = fields.get("digest").and_then(Value::as_u64) {
            fields.insert("digest".to_owned(), hex_digest(digest).into());
        }
        let kind = fields.remove("event").unwrap_or_default();
        let node = fields.remove("node").unwrap_or_else(|| names.name(self.who).into());
        (node, kind, fields)
    }
}

/// Text without its quotes where it is one word; everything else as JSON.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(word) if !word.contains(' ') => word.to_owned(),
        _ => value.to_string(),
    }
}

/// A digest as results and journals show it.
pub fn hex_digest(digest: u64) -> String {
    format!("{digest:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{MigrationId, Offset, Outcome, Phase, ReviewTally, ServiceId};

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000 + 567_000)
    }

    fn phase(phase: Phase) -> Event {
        Event::Phase { service: ServiceId(0), migration: MigrationId(1), phase }
    }

    fn names() -> Names {
        Names::new(["agv", "s1", "edge-a2"].map(String::from).into())
    }

    #[test]
    fn a_transcript_is_sorted_by_time_and_then_by_arrival() {
        let mut journal = Journal::default();
        journal.add(at(1_234), NodeId(1), phase(Phase::Review));
        journal.add(at(1_000), NodeId(1), phase(Phase::Transfer));
        journal.add(at(1_234), NodeId(1), phase(Phase::SwitchOver));
        assert_eq!(
            journal.to_transcript(&names()),
            "1.000567 s1  phase  migration=1 phase=Transfer service=0\n\
             1.234567 s1  phase  migration=1 phase=Review service=0\n\
             1.234567 s1  phase  migration=1 phase=SwitchOver service=0\n"
        );
    }

    #[test]
    fn a_line_of_json_has_time_node_and_kind_first_and_names_its_nodes() {
        let mut journal = Journal::default();
        let (server, migration) = (NodeId(2), MigrationId(1));
        journal.add(at(1), server, Event::Cut { server, migration, mark: Offset(4), digest: 255 });
        journal.add(at(2), NodeId(1), Event::Fault { node: server, what: "kill -9".into() });
        assert_eq!(
            journal.to_ndjson(&names()),
            r#"{"at_ns":1567000,"node":"edge-a2","event":"cut","digest":"00000000000000ff","mark":4,"migration":1,"server":"edge-a2"}
{"at_ns":2567000,"node":"edge-a2","event":"fault","what":"kill -9"}
"#
        );
    }

    #[test]
    fn an_outcome_stands_beside_the_other_fields_and_a_bare_event_has_none() {
        let ended = Event::Ended {
            service: ServiceId(0),
            migration: MigrationId(2),
            outcome: Outcome::Complete,
            review: ReviewTally::default(),
            replayed: 3,
        };
        let line = Entry { at: at(1), who: NodeId(1), event: ended }.to_line(&names());
        assert!(line.contains("ended  migration=2 outcome=complete replayed=3"), "{line}");
    }

    #[test]
    fn a_full_journal_counts_what_it_drops() {
        let mut journal = Journal::new(2);
        for _ in 0..5 {
            journal.add(at(1), NodeId(1), phase(Phase::Review));
        }
        assert_eq!((journal.len(), journal.dropped()), (2, 3));
    }
}
