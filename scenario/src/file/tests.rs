//! The testbed file as its reader sees it: the demo, the mistakes and what is said about them, the overrides.

use super::*;
use std::str::FromStr;
use zerogap_proto::{Duration, Phase};

const DEMO: &str = include_str!("../../../testbed.yaml");

fn read(text: &str) -> Testbed {
    parse("t.yaml", text, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn complaint(text: &str) -> String {
    parse("t.yaml", text, &[]).map_or_else(|error| error.to_string(), |_| "nothing".into())
}

fn with_set(text: &str, sets: &[&str]) -> Result<Testbed, String> {
    let overrides: Vec<Override> = sets.iter().map(|set| Override::from_str(set).unwrap()).collect();
    parse("t.yaml", text, &overrides).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_demo_and_so_is_one_of_empty_sections() {
    assert_eq!(read(""), Testbed::default());
    assert_eq!(read("# nothing\n"), Testbed::default());
    assert_eq!(read("service:\ntopology:\n  servers:\n"), Testbed::default());
}

#[test]
fn the_demo_file_is_the_default() {
    let demo = parse("testbed.yaml", DEMO, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(demo, Testbed::default());
}

#[test]
fn what_is_written_is_read_back() {
    let text = "
faults:
- {kind: kill, at: {phase: Review, migration: 2, delay: 5 ms}, node: edge-b1}
- {kind: stop, at: {time: 3 s}, node: edge-a1, for: 50 ms}
- {kind: flip-bit, at: {phase: Transfer}, node: edge-b2, byte: 9, bit: 7, at_restore: true}
- {kind: restart-controllers, at: {phase: Snapshot}}
- {kind: link-down, at: {time: 1 s}, link: s1-s2, for: 20 ms}
- {kind: link-down, at: {time: 2 s}, link: agv, for: 20 ms}
links: {overrides: {edge-a1: {rate: unlimited, loss: 0.5}}}
placement: {request_core: 0, bulk_core: auto}
client: {interval: {kind: log-normal, median: 10 ms, sigma: 0.1}}
";
    let testbed = read(text);
    let at = At::Phase { phase: Phase::Review, migration: 2, delay: Span::ms(5) };
    assert_eq!(testbed.faults[0], Fault::Kill { at, node: "edge-b1".into() });
    assert_eq!(testbed.faults[1].at(), At::Time(Span::s(3)));
    assert_eq!(testbed.placement.request_core, Core::Number(0));
    let edge_a1 = testbed.links.of("edge-a1");
    assert_eq!((edge_a1.rate.0, edge_a1.loss, edge_a1.delay), (0, 0.5, Span::ns(200)));
    assert_eq!(testbed.links.of("edge-a2"), Link::default());
    let shown = serde_json::to_string(&testbed).unwrap();
    assert_eq!(read(&shown), testbed, "JSON is YAML");
}

#[test]
fn a_number_of_agvs_is_a_fleet_of_one_hall_whichever_way_it_is_said() {
    let (by_count, by_fleet) = (read("client: {count: 200}"), read("fleet: {agvs: 200}"));
    assert_eq!(by_count, by_fleet);
    assert_eq!((by_count.fleet.halls, by_count.fleet.agvs, by_count.client.count), (1, 200, 200));
    assert_eq!(read(&serde_json::to_string(&by_count).unwrap()), by_count, "both are written, and agree");
    assert!(read("client: {count: 1}").fleet.is_one());
}

#[test]
fn a_normal_spread_is_a_variance_or_a_standard_deviation() {
    let spread = |text: &str| {
        let text = format!("client: {{interval: {{kind: normal, mean: 10 ms, {text}}}}}");
        read(&text).client.interval.std_dev_ns()
    };
    assert_eq!(spread("variance_ms2: 0.25"), 500_000.0);
    assert_eq!(spread("std_dev: 0.5 ms"), 500_000.0);
}

#[test]
fn the_demo_hands_over_from_the_first_site_to_the_second_and_never_to_the_access_point_beside_the_route() {
    let Testbed { topology, client, .. } = Testbed::default();
    let (from, to) = (client.route[0], client.route[1]);
    let leg_mm = f64::from(to.x_mm - from.x_mm);
    assert_eq!((leg_mm, from.y_mm), (12_000.0, to.y_mm));
    let drive = |back: bool| {
        let mut current = usize::from(back) * 2;
        let mut changes = Vec::new();
        for driven_mm in 0..=leg_mm as i32 {
            let x_mm = if back { to.x_mm - driven_mm } else { from.x_mm + driven_mm };
            let away = |ap: &AccessPoint| f64::from(ap.x_mm - x_mm).hypot(f64::from(ap.y_mm - from.y_mm));
            let points: Vec<f64> = topology.access_points.iter().map(away).collect();
            let nearest = (0..3).min_by(|&a, &b| points[a].total_cmp(&points[b])).unwrap();
            if points[nearest] + f64::from(client.hysteresis_mm) < points[current] {
                current = nearest;
                changes.push((topology.access_points[nearest].name.as_str(), driven_mm));
            }
        }
        changes
    };
    let [("ap3", there_mm)] = drive(false)[..] else { panic!("{:?}", drive(false)) };
    let seconds = f64::from(there_mm) / f64::from(client.max_speed_mm_s);
    assert!((2.2..2.6).contains(&seconds), "hands over after {seconds} s at full speed");
    let [("ap1", _)] = drive(true)[..] else { panic!("{:?}", drive(true)) };
}

/// The fields of a schema that do not say what they are.
pub(crate) fn undescribed(schema: &serde_json::Value) -> Vec<String> {
    fn collect(schema: &serde_json::Value, at: &str, out: &mut Vec<String>) {
        // One of several things, `{output: b}`: its description stands outside the braces.
        let is_variant = schema.get("description").is_some()
            && schema["properties"].as_object().is_some_and(|fields| fields.len() == 1)
            && schema["additionalProperties"] == false;
        for (name, value) in schema.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            if name == "properties" {
                for (field, schema) in value.as_object().into_iter().flatten() {
                    let constant = schema.get("const").is_some();
                    if schema.get("description").is_none() && !constant && !is_variant {
                        out.push(format!("{at}/{field}"));
                    }
                }
            }
            collect(value, &at, out);
        }
        for item in schema.as_array().into_iter().flatten() {
            collect(item, at, out);
        }
    }
    let mut out = Vec::new();
    collect(schema, "", &mut out);
    out
}

#[test]
fn every_field_of_the_schema_says_what_it_is() {
    assert_eq!(undescribed(&schema()), Vec::<String>::new());
    assert_eq!(schema()["properties"]["scheme"]["enum"].as_array().map(Vec::len), Some(6));
    assert_eq!(schema()["additionalProperties"], false);
}

#[test]
fn the_schemas_words_are_those_that_are_read() {
    for scheme in zerogap_proto::Scheme::ALL {
        assert_eq!(read(&format!("scheme: {}", scheme.name())).scheme, scheme);
    }
    for phase in words::PHASES {
        let text = format!("faults: [{{kind: restart-controllers, at: {{phase: {phase}}}}}]");
        let expected = At::Phase { phase, migration: 1, delay: Span::default() };
        assert_eq!(read(&text).faults[0].at(), expected);
    }
}

/// Each file of `mistakes.yaml`, and what is said about it.
#[test]
fn mistakes_are_told_with_place_reason_and_remedy() {
    let told: Vec<String> = include_str!("mistakes.yaml")
        .split("---\n")
        .skip(1)
        .map(|text| format!("{text}=> {}\n", complaint(text)))
        .collect();
    insta::assert_snapshot!("mistakes", told.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(std::path::Path::new("/nonexistent/t.yaml"), &[]).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/t.yaml: cannot be read: "), "{error}");
}

#[test]
fn set_changes_what_the_file_says_and_what_it_leaves_out() {
    let mean = |t: &Testbed| t.client.interval.mean();
    let five = Duration::from_millis(5);
    assert_eq!(with_set("", &["client.interval.mean=5ms"]).as_ref().map(mean), Ok(five));
    assert_eq!(with_set(DEMO, &["client.interval.mean=5ms"]).as_ref().map(mean), Ok(five));
    let whole = "client.interval={kind: constant, value: 5 ms}";
    assert_eq!(with_set("", &[whole]).as_ref().map(mean), Ok(five));
    let renamed = with_set("", &["topology.access_points.1.name=ap9"]).unwrap();
    assert_eq!(renamed.topology.access_points[1].name, "ap9");
    let more = with_set("", &["topology.servers.4.name=edge-c1", "topology.servers.4.switch=s2"]).unwrap();
    assert_eq!(more.topology.servers[4].name, "edge-c1");
    let lossy = with_set("", &["links.overrides.s1-s2.loss=0.01"]).unwrap();
    assert_eq!(lossy.links.of("s1-s2").loss, 0.01);
    assert_eq!(with_set("seed: 7", &["seed=8", "seed=9"]).unwrap().seed, 9, "the last one wins");
    assert_eq!(with_set("seed: 7", &["seed="]).unwrap().seed, 1, "nothing means the default");
}

#[test]
fn set_is_validated_like_the_file_and_blamed_by_its_own_words() {
    let told = |set: &&str| format!("=> {}\n", with_set(DEMO, &[set]).expect_err(set));
    insta::assert_snapshot!("sets", SETS.iter().map(told).collect::<String>());
}

/// Overrides of the demo that are mistakes.
const SETS: [&str; 18] = [
    "client.interval.mean=5parsec",
    "client.intervall.mean=5ms",
    "client.interval.kind=constant",
    "client.interval.std_dev=1 ms",
    "client.interval={kind: constant, value: 1 us}",
    "topology.servers.9.name=x",
    "topology.servers.x.name=x",
    "topology.servers.4.name=x",
    "topology.servers.0.switch=s9",
    "topology.servers.0=[edge-a1, s1]",
    "seed.x=3",
    "seed=-1",
    "service.window=[",
    "service=!tag 3",
    "service.resend_after=3ms",
    "threshold=1 ms",
    "review.agreements=4000",
    "anchor=s1",
];

#[test]
fn a_set_without_path_or_value_is_refused() {
    for text in ["seed", "=3", "a..b=3", ".a=3"] {
        let error = Override::from_str(text).unwrap_err().to_string();
        assert_eq!(error, format!("`{text}` is not PATH=VALUE; write it like client.interval.mean=5ms"));
    }
}

proptest::proptest! {
    #[test]
    fn reading_survives_any_text(text in ".{0,200}", path in "[a-z_.0-9]{0,30}", value in ".{0,30}") {
        let _ = parse("t.yaml", &text, &[]);
        let _ = parse("t.yaml", DEMO, &[Override::new(path, value)]);
    }

    #[test]
    fn reading_survives_a_demo_with_a_piece_torn_out(from in 0..DEMO.len(), len in 0..40_usize, patch in ".{0,5}") {
        let torn: String = DEMO.chars().take(from).chain(patch.chars()).chain(DEMO.chars().skip(from + len)).collect();
        let _ = parse("t.yaml", &torn, &[]);
    }
}

#[test]
fn measured_values_come_from_a_file_beside_the_testbed_and_are_kept_with_it() {
    let dir = std::env::temp_dir().join(format!("zerogap-measured-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("times")).unwrap();
    std::fs::write(dir.join("times/replay.txt"), "# measured\n30 us\n10000\n").unwrap();
    std::fs::write(dir.join("times/wrong.txt"), "10 us\n\nsoon # or later\n").unwrap();
    let file = dir.join("t.yaml");
    let text = |name: &str| format!("sim:\n  replay:\n    kind: empirical\n    file: times/{name}.txt\n");
    std::fs::write(&file, text("replay")).unwrap();
    let testbed = load(&file, &[]);
    let wrong = parse(&file.display().to_string(), &text("wrong"), &[]);
    let set = parse(
        &file.display().to_string(),
        "",
        &[Override::new("sim.replay", "{kind: empirical, file: times/replay.txt}")],
    );
    std::fs::remove_dir_all(&dir).unwrap();

    let testbed = testbed.unwrap_or_else(|error| panic!("{error}"));
    let measured = [30_000, 10_000].map(Duration::from_nanos);
    assert_eq!(testbed.sim.replay, Distribution::of_values(measured));
    assert_eq!(set, Ok(testbed.clone()), "--set says the same");
    let kept = serde_json::to_string(&testbed).unwrap();
    assert_eq!(read(&kept), testbed, "the file is no longer needed");
    let complaint = wrong.unwrap_err().to_string().replace(&dir.display().to_string(), "DIR");
    insta::assert_snapshot!(complaint, @"DIR/t.yaml:4:5: sim.replay.file: DIR/times/wrong.txt, line 3: `soon` is not a duration; write a number and a unit, such as 10 ms");
}
