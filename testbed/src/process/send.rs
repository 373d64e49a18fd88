//! Sending an image of the memory, or a part of it, to all targets at once, each as fast as it takes it. Runs in a server's child.

use crate::process::child::{Said, Teller};
use crate::process::flow::{Flow, Then};
use crate::process::lines::Lines;
use crate::sys::clock::timeout;
use nix::errno::Errno;
use nix::poll::ppoll;
use std::collections::VecDeque;
use zerogap_proto::{JobFailure, Round};
use zerogap_server_app::pull::PullOrder;
use zerogap_server_app::transfer::{Encoder, End, stream_len};
use zerogap_server_app::{Memory, PageSet};

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shipment<'a> {
    /// These pages.
    pub(super) pages: &'a PageSet,
    /// In this way.
    pub(super) end: End<'a>,
    /// Whether it is the first over these lines.
    pub(super) first: bool,
}

/// Sends it; the last words of the child that does.
pub(super) fn send<M: Memory>(
    memory: &M,
    shipment: Shipment<'_>,
    lines: &Lines,
    teller: &mut Teller,
) -> Result<Said, JobFailure> {
    let Shipment { pages, end, .. } = shipment;
    let Plan { absent, rest } = Plan::of(memory, shipment);
    let clock = teller.clock();
    let mut flows = Vec::new();
    for stream in lines.connect(clock)? {
        let mut hello = shipment.first;
        let mut parts = VecDeque::new();
        if let Some(absent) = &absent {
            parts.push_back(Encoder::new(lines.migration(), memory, absent, hello, End::Round(0))?);
            hello = false;
        }
        parts.push_back(Encoder::new(lines.migration(), memory, &rest, hello, end)?);
        let then = match end {
            End::Round(_) => Then::Confirmed,
            End::Complete(_) => Then::Acknowledged,
            End::Usable(_) => Then::Pull(PullOrder::new(rest.clone())),
        };
        flows.push(Flow::new(stream, lines.migration(), memory, parts, then, clock.now()));
    }
    let header_len = match end {
        End::Round(_) => 0,
        End::Complete(header) | End::Usable(header) => header.len(),
    };
    let total = stream_len(pages, header_len) * flows.len() as u64;
    drive(&mut flows, total, teller)?;
    let bytes = sent(&flows);
    Ok(match end {
        End::Round(_) => {
            let pages = flows.iter().map(|flow| flow.pages).max().unwrap_or(0);
            Said::Round(Round { pages, bytes, took: teller.took(), dirty_pages: 0 })
        }
        End::Complete(_) | End::Usable(_) => Said::Sent { bytes },
    })
}

/// How a shipment's pages are told of.
struct Plan {
    /// Pages that hold zeros because nobody ever wrote them: so many of them fit a record that a lazy transfer, too, says so before
    /// it ends, and they need not be pulled.
    absent: Option<PageSet>,
    rest: PageSet,
}

impl Plan {
    fn of<M: Memory>(memory: &M, shipment: Shipment<'_>) -> Self {
        let all = shipment.pages.clone();
        if !matches!(shipment.end, End::Usable(_)) || !shipment.first {
            return Self { absent: None, rest: all };
        }
        let (mut absent, mut rest) = (PageSet::none(all.bound()), all);
        for page in 0..rest.bound() {
            if memory.page(page).is_none() && rest.remove(page) {
                absent.insert(page);
            }
        }
        Self { absent: (!absent.is_empty()).then_some(absent), rest }
    }
}

/// Until all flows are over.
fn drive<M: Memory>(flows: &mut [Flow<'_, M>], total: u64, teller: &mut Teller) -> Result<(), JobFailure> {
    let clock = teller.clock();
    while flows.iter().any(|flow| !flow.is_over()) {
        let now = clock.now();
        let open = flows.iter().filter(|flow| !flow.is_over());
        let mut fds: Vec<_> = open.clone().map(Flow::waits_for).collect();
        let wait = open.map(|flow| flow.deadline(now)).min().map(|at| timeout(at.since(now)));
        match ppoll(&mut fds, wait, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Err(JobFailure::Torn),
        }
        for flow in &mut *flows {
            flow.go_on(clock.now())?;
        }
        teller.progress(sent(flows), total);
    }
    Ok(())
}

fn sent<M>(flows: &[Flow<'_, M>]) -> u64 {
    flows.iter().map(|flow| flow.bytes).sum()
}
