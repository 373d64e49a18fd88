//! The file of `zerogap switch --config`: YAML or JSON in, the switch's own types out. What is one of several things is written as a
//! map of one (`{output: b}`), in YAML as in JSON, not as a YAML tag.

use serde_yaml::Deserializer;
use serde_yaml::with::singleton_map_recursive::deserialize;
use zerogap_switch::table::{Bundle, SwitchFile};

/// Reads a switch's file.
///
/// # Errors
/// What is wrong, with the line and the field.
pub fn parse(text: &str) -> Result<SwitchFile, serde_yaml::Error> {
    // An empty file is a switch that learns.
    deserialize::<Option<SwitchFile>, _>(Deserializer::from_str(text)).map(Option::unwrap_or_default)
}

/// Reads a bundle: a list of changes such as `- add_flow: {match: {in_port: a}, actions: [{output: b}]}`.
///
/// # Errors
/// What is wrong, with the line and the field.
pub fn parse_bundle(text: &str) -> Result<Bundle<String>, serde_yaml::Error> {
    deserialize(Deserializer::from_str(text))
}

/// The JSON schema of a switch's file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(SwitchFile).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tests::undescribed;
    use zerogap_switch::table::{ArpOp, EthType, IpProto};

    #[test]
    fn every_field_of_the_schema_says_what_it_is() {
        assert_eq!(undescribed(&schema()), Vec::<String>::new());
        assert_eq!(schema()["additionalProperties"], false);
    }

    #[test]
    fn the_schemas_words_are_those_that_are_read() {
        let fields = &schema()["$defs"]["Match"]["properties"];
        let words = |field: &str| -> Vec<String> {
            let words =
                fields[field].pointer("/anyOf/0/anyOf/0/enum").unwrap_or(&fields[field]["anyOf"][0]["enum"]);
            serde_json::from_value(words.clone()).unwrap()
        };
        for (field, numbers) in
            [("eth_type", vec![0x0800, 0x0806, 0x86dd]), ("ip_proto", vec![1, 6, 17]), ("arp_op", vec![1, 2])]
        {
            let read = |word: &String| match field {
                "eth_type" => word.parse().map(|EthType(number)| number),
                "ip_proto" => word.parse().map(|IpProto(number)| number),
                _ => word.parse().map(|ArpOp(number)| number),
            };
            assert_eq!(
                words(field).iter().map(read).collect::<Result<Vec<_>, _>>().unwrap(),
                numbers,
                "{field}"
            );
        }
    }

    #[test]
    fn what_the_documentation_shows_is_read() {
        let file = parse(
            "
ports: [{name: a}, {name: b, type: tap_offload, netns: lab}, {name: eth1, type: attach}]
groups: [{id: 1, type: all, buckets: [{actions: [{output: b}]}, {actions: [{output: eth1}]}]}]
meters: [{id: 1, rate_pps: 1000}]
flows:
  - {priority: 10, match: {in_port: a, eth_type: ipv4, ip_proto: udp, udp_dst: 5000}, actions: [{meter: 1}, {group: 1}]}
  - {priority: 0, actions: [{output: normal}]}
",
        )
        .unwrap();
        let names = file.names();
        let tables = file.tables(zerogap_proto::Instant::ZERO, &names).unwrap();
        assert_eq!((tables.flows().len(), tables.groups().len(), tables.meters().len()), (2, 1, 1));
        assert_eq!(parse("").unwrap(), SwitchFile::default());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = parse("flows:\n  - {actions: [{outptu: b}]}\n").unwrap_err().to_string();
        assert!(error.contains("outptu") && error.contains("line 2"), "{error}");
        let bundle = parse_bundle("- delete_flows: {match: {in_port: a}}").unwrap();
        assert_eq!(bundle.0.len(), 1);
    }
}
