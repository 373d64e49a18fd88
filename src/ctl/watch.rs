//! Following a switch's rates: on a terminal in place, otherwise a table or a line of JSON every interval.

use super::client::Client;
use super::protocol::What;
use super::rates::rates;
use super::text;
use crate::exit::{Code, Stopped};
use std::io::{self, IsTerminal as _, Write as _};
use std::thread;
use std::time::Duration;
use zerogap_scenario::size::Span;

/// Back to the upper left corner, and nothing left of what stood there.
const AFRESH: &str = "\x1b[H\x1b[2J";

/// Until there were `count` intervals, the switch has ended, or nobody reads any more.
#[expect(clippy::disallowed_methods, reason = "it waits for time to pass")]
pub(super) fn watch(
    client: &Client<'_>,
    interval: Span,
    count: Option<u64>,
    json: bool,
) -> Result<(), Stopped> {
    let in_place = !json && io::stdout().is_terminal();
    let mut before = client.show(What::Ports)?;
    let mut shown = 0;
    while count.is_none_or(|count| shown < count) {
        thread::sleep(Duration::from_nanos(interval.0.as_nanos()));
        let after = client.show(What::Ports)?;
        let rates = rates(&before, &after);
        let text = if json {
            serde_json::to_string(&rates).map_err(|error| Stopped::new(Code::Failed, error))? + "\n"
        } else {
            text::rates(&rates)
        };
        let start = if in_place { AFRESH } else { "" };
        let mut out = io::stdout();
        if write!(out, "{start}{text}").and_then(|()| out.flush()).is_err() {
            break;
        }
        before = after;
        shown += 1;
    }
    Ok(())
}
