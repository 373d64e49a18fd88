//! What the flow table costs a frame: parsing its key, looking up its flow in tables of several sizes and shapes, a hit in
//! the cache, actions that change it, counting; and what a bundle costs its controller. `cargo bench -p zerogap-switch`.

use divan::{Bencher, black_box};
use zerogap_proto::address::{service_addr, service_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::{Endpoint, Instant, NodeId, PortId};
use zerogap_switch::offload::Offload;
use zerogap_switch::table::{
    Action, Arrival, Bundle, Cache, Change, Destination, EthType, Filter, FlowCounters, FlowSpec, IpProto,
    Key, Masked, Match, Number, Outlet, Output, SetFields, Tables,
};

fn main() {
    divan::main();
}

const SIZES: [u16; 3] = [10, 1_000, 10_000];
/// Calls a sample, at least as many as there are keys: fewer would only ever meet keys for the first time.
const CALLS: u32 = 10_000;

/// A frame of 624 bytes at the IP layer, as the AGV sends them, to the `to`-th host.
fn frame(to: u16) -> Vec<u8> {
    let (from, to) = (NodeId(40_000), NodeId(to));
    let (src, dst) = (
        Endpoint { addr: service_addr(from), port: 40_000 },
        Endpoint { addr: service_addr(to), port: 5_000 },
    );
    let payload = &[7; 596];
    Datagram { src_mac: service_mac(from), dst_mac: service_mac(to), src, dst, payload_at: 0, payload }
        .build()
        .to_vec()
}

fn key(to: u16) -> Key {
    Key::parse(PortId(1), &frame(to)).expect("whole")
}

fn flow(priority: u16, matching: Match, actions: Vec<Action>) -> Change {
    Change::AddFlow(FlowSpec { priority, matching, actions, cookie: 0, idle_timeout_s: 0, hard_timeout_s: 0 })
}

fn output() -> Vec<Action> {
    vec![Action::Output(Output::Port(PortId(2)))]
}

fn udp_to(host: u16, port: Option<Masked<Number>>) -> Match {
    Match {
        eth_type: Some(EthType(0x0800)),
        ip_proto: Some(IpProto(17)),
        ipv4_dst: Some(Masked::exactly(service_addr(NodeId(host)))),
        udp_dst: port,
        ..Match::default()
    }
}

fn tables(changes: impl IntoIterator<Item = Change>) -> Tables {
    Tables::default().with(Instant::ZERO, &Bundle(changes.into_iter().collect())).expect("sound")
}

/// One flow for each host, all with the same mask.
fn one_mask(flows: u16) -> Tables {
    tables((0..flows).map(|host| flow(1, udp_to(host, None), output())))
}

/// The same flows under eight masks, those that are looked for under the last.
fn eight_masks(flows: u16) -> Tables {
    tables((0..flows).map(|host| {
        let port = |kind| Masked::under(Number(5_000), Number(u16::MAX << kind));
        let kind = if host == 0 { 7 } else { host % 8 };
        flow(8 - kind, udp_to(host, Some(port(kind))), output())
    }))
}

#[divan::bench(sample_size = CALLS)]
fn parse_a_key(bencher: Bencher<'_, '_>) {
    let frame = frame(0);
    bencher.bench_local(|| Key::parse(PortId(1), black_box(&frame)));
}

#[divan::bench(args = SIZES, sample_size = CALLS)]
fn find_under_one_mask(bencher: Bencher<'_, '_>, flows: u16) {
    find(bencher, &one_mask(flows), |n| n % flows);
}

#[divan::bench(args = SIZES, sample_size = CALLS)]
fn find_under_eight_masks_the_last(bencher: Bencher<'_, '_>, flows: u16) {
    find(bencher, &eight_masks(flows), |n| (n % flows) / 8 * 8 + 7);
}

/// Looks for other flows all the time, as if every frame were another's.
fn find(bencher: Bencher<'_, '_>, tables: &Tables, host: impl Fn(u16) -> u16) {
    let keys: Vec<Key> = (0..10_000).map(|n| key(host(n))).collect();
    let mut next = (0..keys.len()).cycle();
    bencher.bench_local(|| tables.find(black_box(&keys[next.next().expect("endless")])).is_some());
}

#[divan::bench(args = SIZES, sample_size = CALLS)]
fn hit_the_cache(bencher: Bencher<'_, '_>, flows: u16) {
    let (tables, mut cache) = (eight_masks(flows), Cache::default());
    let keys: Vec<Key> = (0..flows.min(1_000)).map(key).collect();
    for key in &keys {
        cache.find(&tables, key);
    }
    let mut next = (0..keys.len()).cycle();
    bencher.bench_local(|| cache.find(&tables, black_box(&keys[next.next().expect("endless")])).is_some());
}

#[divan::bench(sample_size = CALLS)]
fn count_a_frame(bencher: Bencher<'_, '_>) {
    let (tables, counters) = (one_mask(1_000), FlowCounters::default());
    let flow = tables.find(&key(7)).expect("there");
    bencher.bench_local(|| counters.count(black_box(flow), Instant::from_nanos(5), 638));
}

/// Where frames go in the benchmark: nowhere.
struct Nowhere;

impl Outlet for Nowhere {
    fn send(&mut self, to: Destination, frame: &[u8], offload: Offload) {
        black_box((to, frame, offload));
    }
    fn is_up(&self, _: PortId) -> bool {
        true
    }
}

#[divan::bench(sample_size = CALLS)]
fn do_an_output(bencher: Bencher<'_, '_>) {
    execute(bencher, output());
}

#[divan::bench(sample_size = CALLS)]
fn change_the_destination_and_output(bencher: Bencher<'_, '_>) {
    let fields =
        SetFields { ipv4_dst: Some(service_addr(NodeId(9))), udp_dst: Some(6_000), ..SetFields::default() };
    execute(bencher, [vec![Action::Set(fields)], output()].concat());
}

fn execute(bencher: Bencher<'_, '_>, actions: Vec<Action>) {
    let tables = tables([flow(1, udp_to(0, None), actions)]);
    let (frame, key, mut scratch) = (frame(0), key(0), Vec::new());
    let actions = tables.find(&key).expect("there").actions();
    bencher.bench_local(|| {
        let arrival = Arrival { key: &key, frame: &frame, offload: Offload::default() };
        tables.execute(Instant::ZERO, arrival, black_box(actions), &mut scratch, &mut Nowhere)
    });
}

#[divan::bench(args = SIZES)]
fn make_tables_with_one_more_flow(bencher: Bencher<'_, '_>, flows: u16) {
    let tables = one_mask(flows);
    let bundle = Bundle(vec![flow(2, udp_to(1, None), output())]);
    bencher.bench_local(|| tables.with(Instant::ZERO, black_box(&bundle)));
}

#[divan::bench(args = SIZES)]
fn make_tables_with_other_actions_for_one_flow(bencher: Bencher<'_, '_>, flows: u16) {
    let tables = one_mask(flows);
    let filter = Filter { matching: udp_to(1, None), priority: Some(1), ..Filter::default() };
    let bundle = Bundle(vec![Change::ModifyFlows { filter, actions: Vec::new() }]);
    bencher.bench_local(|| tables.with(Instant::ZERO, black_box(&bundle)));
}
