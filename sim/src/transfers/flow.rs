//! One transfer as a flow: what it carries, how far it is for each target, and what follows when it has arrived.

use super::times::Effort;
use std::collections::BTreeMap;
use zerogap_proto::{Instant, MigrationId, NodeId};
use zerogap_server_app::{Memory as _, PAGE_LEN, PageSet, SparseMemory};

/// What a flow carries.
#[derive(Debug)]
pub(super) enum Cargo {
    /// What makes the memory complete, and its header. From a frozen source it is scanned as it arrives.
    Image { header: Vec<u8>, frozen: bool },
    /// A round: the server goes on with the next.
    Round,
    /// Only the header; the pages are pulled.
    Lazy { header: Vec<u8> },
}

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) migration: MigrationId,
    pub(super) source: NodeId,
    /// The source's memory as it was when the transfer began.
    pub(super) image: SparseMemory,
    /// The pages that are sent, or in a lazy one left out.
    pub(super) pages: PageSet,
    pub(super) cargo: Cargo,
    /// What it takes the machine.
    pub(super) effort: Effort,
    /// Bytes for each target.
    pub(super) bytes: u64,
    /// Pages that are not zero.
    pub(super) full_pages: u64,
    /// Bytes that have been sent to each target.
    pub(super) sent: BTreeMap<NodeId, u64>,
    pub(super) arrived: u32,
    pub(super) began: Instant,
    pub(super) stalled_since: Option<Instant>,
}

impl Flow {
    #[allow(clippy::too_many_arguments, reason = "it is what a flow is made of")]
    pub(super) fn new(
        migration: MigrationId,
        source: NodeId,
        targets: Vec<NodeId>,
        image: SparseMemory,
        pages: PageSet,
        cargo: Cargo,
        effort: Effort,
        began: Instant,
    ) -> Self {
        let full_pages = full_pages(&image, &pages);
        let (header_len, pages_len) = match &cargo {
            Cargo::Image { header, .. } => (header.len() as u64, full_pages * PAGE_LEN as u64),
            Cargo::Round => (0, full_pages * PAGE_LEN as u64),
            Cargo::Lazy { header } => (header.len() as u64, 0),
        };
        Self {
            migration,
            source,
            image,
            pages,
            cargo,
            effort,
            bytes: (header_len + pages_len).max(1),
            full_pages,
            sent: targets.into_iter().map(|target| (target, 0)).collect(),
            arrived: 0,
            began,
            stalled_since: None,
        }
    }

    pub(super) fn concerns(&self, node: NodeId) -> bool {
        self.source == node || self.sent.contains_key(&node)
    }
}

/// Pages that must travel: where the prior is zero, those that were never written are not even looked at.
pub(super) fn full_pages(image: &SparseMemory, pages: &PageSet) -> u64 {
    let dense = image.prior().at(0) != 0;
    let full = |page: &usize| dense || image.page(*page).is_some();
    pages.runs().flat_map(|(first, count)| first..first + count).filter(full).count() as u64
}
