//! The arguments of `zerogap ctl`.

use super::protocol::What;
use super::socket;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use zerogap_scenario::size::Span;

/// Asking a running switch.
#[derive(Debug, Args)]
pub(crate) struct Ctl {
    /// Which switch: what `zerogap switch --name` says.
    #[arg(long, global = true, default_value = "switch", value_parser = socket::name)]
    pub(crate) name: String,
    /// Print JSON on standard output and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) order: Order,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Show how things stand.
    Show {
        /// What is shown.
        #[arg(value_enum)]
        what: What,
    },
    /// Make all changes of a bundle, or none; done when every frame is handled by the new tables.
    Apply {
        /// A list of changes (YAML or JSON), such as `- add_flow: {match: {in_port: a}, actions: [{output: b}]}`; `-` is standard input.
        file: PathBuf,
    },
    /// Print the frames that flows hand to the controller (action `controller`), a line each, until Ctrl-C.
    Listen {
        /// End after so many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Follow every port's rates until Ctrl-C: in place on a terminal, otherwise a table every interval.
    Watch {
        /// How long each rate is measured.
        #[arg(long, value_name = "D", default_value = "1s", value_parser = interval)]
        interval: Span,
        /// End after so many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
}

fn interval(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    if span >= Span::ms(10) { Ok(span) } else { Err("an interval is at least 10 ms".to_owned()) }
}
