//! Who lives where. Each server that the file names has a host, and the AGVs have one together; a host is called after its first
//! node, the first AGV's, and one process in it plays all its nodes.

use std::collections::BTreeMap;
use zerogap_proto::NodeId;
use zerogap_scenario::topology::Topology;

/// The hosts of one hall, and the nodes of each.
pub(super) struct Houses {
    nodes: BTreeMap<NodeId, Vec<NodeId>>,
    host_of: BTreeMap<NodeId, NodeId>,
}

impl Houses {
    pub(super) fn of(topology: &Topology) -> Self {
        let fleet = || topology.fleet.iter();
        let servers = |place: usize| fleet().map(move |member| member.servers[place]).collect::<Vec<_>>();
        let houses = (0..topology.first().servers.len()).map(servers);
        let houses = houses.chain([fleet().map(|member| member.client).collect()]);
        let nodes: BTreeMap<NodeId, Vec<NodeId>> = houses.map(|nodes| (nodes[0], nodes)).collect();
        let host_of = nodes.iter().flat_map(|(host, all)| all.iter().map(|node| (*node, *host))).collect();
        Self { nodes, host_of }
    }

    /// The hosts.
    pub(super) fn hosts(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.keys().copied()
    }

    /// The nodes of a host.
    pub(super) fn nodes(&self, host: NodeId) -> &[NodeId] {
        self.nodes.get(&host).map_or(&[], Vec::as_slice)
    }

    /// The host of a node.
    pub(super) fn host_of(&self, node: NodeId) -> Option<NodeId> {
        self.host_of.get(&node).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_scenario::file::{Fleet, Testbed};

    #[test]
    fn however_many_agvs_there_are_the_hosts_are_those_that_the_file_names() {
        let topology = |agvs| {
            let fleet = Fleet { agvs, ..Fleet::default() };
            Topology::new(&Testbed { fleet, ..Testbed::default() })
        };
        let (one, many) = (topology(1), topology(3));
        let named = |t: &Topology| {
            Houses::of(t).hosts().map(|host| t.names.name(host).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(named(&one), ["edge-a1", "edge-a2", "edge-b1", "edge-b2", "agv"]);
        assert_eq!(named(&many), named(&one));
        let houses = Houses::of(&many);
        let last = &many.fleet[2];
        assert_eq!(houses.host_of(last.client), Some(many.first().client));
        assert_eq!(houses.host_of(last.servers[1]), Some(many.first().servers[1]));
        assert_eq!(houses.nodes(many.first().client).len(), 3);
    }
}
