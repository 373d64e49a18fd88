//! The journal of a run as its `events.ndjson` holds it, as far as a calibration reads it.

use serde::Deserialize;

/// The events in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal(Vec<Event>);

/// An event; what is not in it is not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) event: String,
    pub(super) phase: Option<String>,
    pub(super) server: Option<String>,
    pub(super) bytes: Option<u64>,
    pub(super) pages: Option<u64>,
    pub(super) replayed: Option<u64>,
    pub(super) faults: Option<u64>,
    #[serde(rename = "took")]
    pub(super) took_ns: Option<u64>,
    #[serde(rename = "blocked")]
    pub(super) blocked_ns: Option<u64>,
}

/// Why a text is not a journal.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not an event: {source}")]
pub struct JournalError {
    line: usize,
    source: serde_json::Error,
}

impl Journal {
    /// Reads `events.ndjson`. Fields that it does not know are passed over.
    ///
    /// # Errors
    /// The first line that is not an event.
    pub fn parse(ndjson: &str) -> Result<Self, JournalError> {
        let lines = ndjson.lines().enumerate();
        let event = |(index, line)| {
            serde_json::from_str(line).map_err(|source| JournalError { line: index + 1, source })
        };
        Ok(Self(lines.map(event).collect::<Result<_, _>>()?))
    }

    /// All of one kind, by its name.
    pub(super) fn all<'j>(&'j self, kind: &'j str) -> impl DoubleEndedIterator<Item = &'j Event> {
        self.0.iter().filter(move |event| event.event == kind)
    }

    /// The first of one kind.
    pub(super) fn first<'j>(&'j self, kind: &'j str) -> Option<&'j Event> {
        self.all(kind).next()
    }

    /// The first of one kind from an instant on.
    pub(super) fn first_from<'j>(&'j self, at_ns: u64, kind: &'j str) -> Option<&'j Event> {
        self.all(kind).filter(|event| event.at_ns >= at_ns).min_by_key(|event| event.at_ns)
    }

    /// When a phase was entered first.
    pub(super) fn phase_ns(&self, phase: &str) -> Option<u64> {
        let entered = |event: &&Event| event.phase.as_deref() == Some(phase);
        self.all("phase").find(entered).map(|event| event.at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_does_not_know_is_passed_over_and_what_is_no_event_is_refused() {
        let text = "{\"at_ns\":5,\"node\":\"s1\",\"event\":\"phase\",\"phase\":\"Replay\",\"service\":0}\n";
        let journal = Journal::parse(text).unwrap();
        assert_eq!((journal.phase_ns("Replay"), journal.phase_ns("Review")), (Some(5), None));
        assert_eq!(journal.first_from(6, "phase"), None);
        let error = Journal::parse(&format!("{text}nothing\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 2 is not an event: "), "{error}");
    }
}
