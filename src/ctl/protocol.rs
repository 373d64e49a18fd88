//! What `zerogap ctl` and a running `zerogap switch` say to each other: a connection carries one request and one answer, each
//! a line of JSON; after a request to listen a line for every frame follows. Ports are called by their names.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zerogap_switch::anchor::ServiceAccount;
use zerogap_switch::bridge::PortAccount;
use zerogap_switch::io::Lost;
use zerogap_switch::table::{BucketCount, Bundle, FlowId, FlowSpec, GroupSpec, Mac, MeterSpec};

/// The longest request in bytes, its line's end included: a bundle of some 50,000 flows.
pub(crate) const REQUEST_LEN_MAX: usize = 16 << 20;
/// The longest answer in bytes: a full flow table, and all else.
pub(crate) const ANSWER_LEN_MAX: u64 = 64 << 20;

/// What is asked of a switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// How things stand.
    Show(What),
    /// To be told of the frames that flows hand to the controller.
    Listen,
    /// To make all of these changes or none; answered when every frame is handled by the new tables.
    Apply(Bundle<String>),
}

/// What is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Every port's account.
    Ports,
    /// The flows in the order in which they are tried, with what each has counted.
    Flows,
    /// The groups, with what each bucket has been handed.
    Groups,
    /// The meters, with what each has let pass.
    Meters,
    /// The services, with their servers.
    Services,
    /// The addresses that were learned.
    Stations,
    /// All of these.
    All,
}

/// What a switch answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To `show`.
    State(Box<State>),
    /// To `apply`.
    Applied(Applied),
    /// To `listen`. A [`HandedFrame`] a line follows.
    Listening,
    /// Why nothing was done.
    Refused(String),
}

/// How things stand at one time; only what was asked for is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// When, in nanoseconds of the machine's monotonic clock.
    pub(crate) time_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ports: Option<Vec<PortState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flows: Option<Vec<FlowState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<GroupState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meters: Option<Vec<MeterState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) services: Option<Vec<ServiceAccount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stations: Option<Vec<StationState>>,
}

/// A port's account, and what the kernel lost beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortState {
    pub(crate) name: String,
    /// Whether frames can be sent.
    pub(crate) up: bool,
    pub(crate) frames_in: u64,
    pub(crate) bytes_in: u64,
    /// Of the frames that came in: passed on, ended on purpose, and dropped by reason. Together they are all of them.
    pub(crate) forwarded: u64,
    pub(crate) taken: u64,
    pub(crate) dropped: BTreeMap<String, u64>,
    /// Copies that were made of the forwarded ones, for whichever port, and frames that services made for this one.
    pub(crate) copies: u64,
    pub(crate) frames_out: u64,
    pub(crate) bytes_out: u64,
    /// Copies that were meant for this port and did not leave, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// What the kernel lost before the switch saw it; absent if it does not tell.
    pub(crate) kernel_lost_in: Option<u64>,
    /// What the kernel lost after the switch had handed it over.
    pub(crate) kernel_lost_out: Option<u64>,
}

/// A flow, and what it has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlowState {
    pub(crate) id: FlowId,
    pub(crate) flow: FlowSpec<String>,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Since it was added.
    pub(crate) age_ms: u64,
    /// Since its last frame; absent if there was none.
    pub(crate) idle_ms: Option<u64>,
}

/// A group, and what each of its buckets has been handed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupState {
    pub(crate) group: GroupSpec<String>,
    /// In the order of the buckets.
    pub(crate) counts: Vec<BucketCount>,
}

/// A meter, and the frames that it has judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MeterState {
    pub(crate) meter: MeterSpec,
    pub(crate) passed: u64,
    pub(crate) dropped: u64,
}

/// An address that was learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StationState {
    pub(crate) mac: Mac,
    pub(crate) port: String,
    /// Since it was last heard.
    pub(crate) age_s: u32,
}

/// A frame that a flow has handed to the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HandedFrame {
    /// When, in nanoseconds of the machine's monotonic clock.
    pub(crate) time_ns: u64,
    /// The port that it came in by.
    pub(crate) port: String,
    /// The flow, and its cookie.
    pub(crate) flow: FlowId,
    pub(crate) cookie: u64,
    /// Its length in bytes.
    pub(crate) len: usize,
    /// Its beginning, two hexadecimal digits a byte.
    pub(crate) bytes: String,
}

/// The tables after a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    /// Changes that were made.
    pub(crate) changes: usize,
    /// How many of each there are now.
    pub(crate) flows: usize,
    pub(crate) groups: usize,
    pub(crate) meters: usize,
}

impl PortState {
    /// What is known of a port.
    pub(crate) fn new(name: &str, up: bool, account: PortAccount, lost: Option<Lost>) -> Self {
        let named = |counts: BTreeMap<&'static str, u64>| {
            counts.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect()
        };
        let PortAccount { frames_in, bytes_in, forwarded, taken, .. } = account;
        let PortAccount { dropped, copies, frames_out, bytes_out, refused, .. } = account;
        Self {
            name: name.to_owned(),
            up,
            frames_in,
            bytes_in,
            forwarded,
            taken,
            dropped: named(dropped),
            copies,
            frames_out,
            bytes_out,
            refused: named(refused),
            kernel_lost_in: lost.map(|lost| lost.rx),
            kernel_lost_out: lost.map(|lost| lost.tx),
        }
    }

    /// Frames that the kernel lost, either way.
    pub(crate) fn kernel_lost(&self) -> u64 {
        [self.kernel_lost_in, self.kernel_lost_out].into_iter().flatten().sum()
    }

    /// Frames that did not go on, whoever dropped them.
    pub(crate) fn lost_in_all(&self) -> u64 {
        self.dropped.values().chain(self.refused.values()).sum::<u64>() + self.kernel_lost()
    }
}
