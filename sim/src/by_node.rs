//! A map from nodes. Their ids are small and dense, so it is a vector: a run looks things up by node more often than it does
//! anything else.

use zerogap_proto::NodeId;

/// Something for each of some nodes.
#[derive(Clone, Debug)]
pub(crate) struct ByNode<T>(Vec<Option<T>>);

impl<T> ByNode<T> {
    /// For no node yet.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// This node's.
    #[inline]
    pub(crate) fn get(&self, node: &NodeId) -> Option<&T> {
        self.0.get(usize::from(node.0))?.as_ref()
    }

    /// This node's, to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, node: &NodeId) -> Option<&mut T> {
        self.0.get_mut(usize::from(node.0))?.as_mut()
    }

    /// Puts this node's in the place of what was there.
    pub(crate) fn insert(&mut self, node: NodeId, value: T) {
        let at = usize::from(node.0);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(value);
    }

    /// Takes this node's away.
    #[inline]
    pub(crate) fn remove(&mut self, node: &NodeId) -> Option<T> {
        self.0.get_mut(usize::from(node.0))?.take()
    }

    /// All, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &T)> {
        (0..).map(NodeId).zip(&self.0).filter_map(|(node, value)| Some((node, value.as_ref()?)))
    }
}

impl<T> Default for ByNode<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map_in_the_order_of_ids() {
        let mut map = ByNode::new();
        map.insert(NodeId(7), 'b');
        map.insert(NodeId(2), 'a');
        map.insert(NodeId(7), 'c');
        assert_eq!(map.iter().collect::<Vec<_>>(), [(NodeId(2), &'a'), (NodeId(7), &'c')]);
        assert_eq!((map.get(&NodeId(3)), map.get(&NodeId(9))), (None, None));
        assert_eq!((map.remove(&NodeId(2)), map.remove(&NodeId(2))), (Some('a'), None));
    }
}
