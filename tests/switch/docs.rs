//! What docs/switch.md shows works.

use zerogap_proto::Instant;
use zerogap_scenario::switch_file::{parse, parse_bundle};

#[test]
fn the_files_and_the_bundle_in_the_documentation_are_taken() {
    let text = include_str!("../../docs/switch.md");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [file, services, bundle] = blocks[..] else { panic!("{} examples", blocks.len()) };
    let file = parse(file).expect("a switch's file");
    let names = file.names();
    let tables = file.tables(Instant::ZERO, &names).expect("sound tables");
    assert_eq!((tables.flows().len(), tables.groups().len(), tables.meters().len()), (3, 1, 1));
    let services = parse(services).expect("a file with a service");
    let tables_of_services = services.tables(Instant::ZERO, &services.names()).expect("sound tables");
    assert_eq!((services.services.len(), tables_of_services.flows().len()), (1, 5));
    let bundle = names.resolve(parse_bundle(bundle).expect("a bundle")).expect("known ports");
    let tables = tables.with(Instant::ZERO, &bundle).expect("a sound bundle");
    assert_eq!(tables.flows().len(), 3, "one more, and the one of priority 0 less");
}
