//! The names of a topology's nodes. Ids are what the state machines and the wire use; names are what people read. This is
//! the one place where the one becomes the other, in text and in JSON.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use zerogap_proto::NodeId;
use zerogap_proto::id::NODE_KEY;

/// The nodes' names, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<String>,
    ids: BTreeMap<String, NodeId>,
}

impl Names {
    /// Names in the order of the nodes' ids: the first is node 0's.
    pub fn new(names: Vec<String>) -> Self {
        let ids = names.iter().cloned().zip((0..=u16::MAX).map(NodeId)).collect();
        Self { names, ids }
    }

    /// The node's name; its number (`n7`) if the topology has no such node.
    pub fn name(&self, node: NodeId) -> Cow<'_, str> {
        match self.names.get(usize::from(node.0)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(node.to_string()),
        }
    }

    /// The node of this name.
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.ids.get(name).copied()
    }

    /// All names, in the order of the nodes' ids.
    pub fn all(&self) -> &[String] {
        &self.names
    }

    /// `value` with the node's name in place of every `{"$node": n}`, at any depth.
    pub fn name_nodes(&self, value: Value) -> Value {
        match value {
            Value::Object(map) => match lone_node(&map) {
                Some(node) => Value::String(self.name(node).into_owned()),
                None => Value::Object(map.into_iter().map(|(k, v)| (k, self.name_nodes(v))).collect()),
            },
            Value::Array(items) => items.into_iter().map(|item| self.name_nodes(item)).collect(),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }
}

/// The node, if the object is nothing but a node's number.
fn lone_node(map: &serde_json::Map<String, Value>) -> Option<NodeId> {
    let number = map.get(NODE_KEY).filter(|_| map.len() == 1)?.as_u64()?;
    u16::try_from(number).ok().map(NodeId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        Names::new(vec!["agv".into(), "s1".into()])
    }

    #[test]
    fn names_and_ids_lead_to_each_other() {
        assert_eq!(names().name(NodeId(1)), "s1");
        assert_eq!(names().id("s1"), Some(NodeId(1)));
        assert_eq!(names().id("s2"), None);
        assert_eq!(names().name(NodeId(7)), "n7", "an unknown node keeps its number");
    }

    #[test]
    fn nodes_are_named_at_any_depth_and_nothing_else_is_touched() {
        let node = |n: u16| serde_json::to_value(NodeId(n)).unwrap();
        let before =
            json!({"who": node(0), "list": [node(1), node(1), 3], "in": {"deep": node(0), "x": "y"}});
        let after = json!({"who": "agv", "list": ["s1", "s1", 3], "in": {"deep": "agv", "x": "y"}});
        assert_eq!(names().name_nodes(before), after);
        let no_node = json!({"$node": "text", "other": {"$node": 0, "more": 1}});
        assert_eq!(names().name_nodes(no_node.clone()), no_node);
    }
}
