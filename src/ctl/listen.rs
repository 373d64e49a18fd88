//! Following the frames that a switch's flows hand to the controller: a line each.

use super::client::Client;
use super::protocol::HandedFrame;
use super::text;
use crate::exit::{Code, Stopped};
use std::io::{self, Write as _};

/// Until there were `count` frames, the switch has ended, or nobody reads any more.
pub(super) fn listen(client: &Client<'_>, count: Option<u64>, json: bool) -> Result<(), Stopped> {
    let mut out = io::stdout();
    let mut left = count;
    for line in client.listen()? {
        let frame: HandedFrame = line.and_then(|line| Ok(serde_json::from_str(&line)?)).map_err(|error| {
            Stopped::new(Code::Failed, format!("the switch {} tells no more: {error}", client.name))
        })?;
        let text = if json {
            serde_json::to_string(&frame).map_err(|error| Stopped::new(Code::Failed, error))?
        } else {
            text::handed(&frame)
        };
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            break;
        }
        left = left.map(|left| left - 1);
        if left == Some(0) {
            break;
        }
    }
    Ok(())
}
