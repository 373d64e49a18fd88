//! A host's network: addresses, settings, silence, and frames from one host to another.

use crate::bench::{SERVICE, client, forward, output_of, run_in, server};
use std::fs;
use std::time::Duration;
use zerogap_proto::NodeId;
use zerogap_proto::address::{service_addr, service_mac, transfer_addr};
use zerogap_proto::frame::Datagram;
use zerogap_testbed::host::{Host, HostSpec, Neighbour, Nic};

const ARP: [u8; 2] = [0x08, 0x06];

pub(crate) fn addresses() {
    let mut spec = HostSpec::server(NodeId(7), &crate::bench::name("net"), SERVICE);
    spec.neighbours.push(Neighbour {
        nic: Nic::Eth1,
        addr: transfer_addr(NodeId(8)),
        mac: [2, 0, 0, 0, 0, 8],
    });
    spec.txqueuelen = 321;
    let host = Host::start(&spec).unwrap();
    let routes = output_of(&host.name, &["cat", "/proc/net/fib_trie"]);
    for addr in [service_addr(NodeId(7)), SERVICE, transfer_addr(NodeId(7)), [127, 0, 0, 1].into()] {
        assert!(routes.contains(&addr.to_string()), "{addr} is missing");
    }
    let arp = output_of(&host.name, &["cat", "/proc/net/arp"]);
    let known = |line: &str| line.starts_with("10.91.0.9") && line.contains("02:00:00:00:00:08");
    assert!(arp.lines().any(|line| known(line) && line.contains("0x6")), "not permanent: {arp}");
    // What `sysfs` shows belongs to the namespace in which it was mounted, so the queue is looked up by netlink.
    let links = output_of(&host.name, &["ip", "-o", "link", "show", "eth0"]);
    assert!(links.contains("qlen 321") && links.contains(",UP"), "{links}");
    assert!(links.contains("02:7a:67:00:00:07"), "{links}");
    for (setting, value) in [("all/rp_filter", "0"), ("eth0/arp_ignore", "1"), ("eth1/arp_announce", "2")] {
        let path = format!("/proc/sys/net/ipv4/conf/{setting}");
        assert_eq!(output_of(&host.name, &["cat", &path]).trim(), value, "{setting}");
    }
    let inet6 = output_of(&host.name, &["cat", "/proc/net/if_inet6"]);
    assert!(!inet6.contains("eth"), "{inet6}");
    // Its own processes only: init and the command itself.
    let processes = output_of(&host.name, &["ls", "/proc"]);
    assert_eq!(processes.lines().filter(|name| name.parse::<u32>().is_ok()).count(), 2, "{processes}");
}

pub(crate) fn forwarding() {
    let (a, b) = (server(1), client(2));
    let me = fs::read_link("/proc/self/ns/net").unwrap();
    let (ports, from) = ([a.eth0.as_ref().unwrap(), b.eth0.as_ref().unwrap()], b.name.clone());
    // Bash can send UDP; it is resolved by ARP first, through both hosts' kernels.
    let hello = format!("echo hello > /dev/udp/{}/9", service_addr(NodeId(1)));
    let sender = std::thread::spawn(move || run_in(&from, &["bash", "-c", &hello]));
    let mut unreachable = false;
    let mut carried = Vec::new();
    forward(ports, Duration::from_secs(5), |from, frame| {
        carried.extend(Datagram::parse(frame).map(|d| (d.src_mac, d.payload.to_vec())));
        // ICMP (protocol 1), destination unreachable (type 3), port (code 3): nobody listens there.
        unreachable |= from == 0 && frame[23] == 1 && frame[34..36] == [3, 3];
        unreachable
    });
    assert!(sender.join().unwrap().status.success());
    assert_eq!(carried, [(service_mac(NodeId(2)), b"hello\n".to_vec())]);
    assert!(unreachable, "the answer of the other host's kernel did not come");
    assert_eq!(fs::read_link("/proc/self/ns/net").unwrap(), me, "the testbed itself stays where it is");
}

pub(crate) fn silence() {
    let (a, b) = (server(1), server(2));
    let mut frames = 0;
    for ports in [[&a.eth0, &b.eth0], [&a.eth1, &b.eth1]] {
        forward(ports.map(|port| port.as_ref().unwrap()), Duration::from_millis(700), |_, _| {
            frames += 1;
            false
        });
    }
    assert_eq!(frames, 0, "frames that nobody asked for");
}

pub(crate) fn arp_sender() {
    let (a, b) = (server(1), client(2));
    let (ports, from) = ([a.eth0.as_ref().unwrap(), b.eth0.as_ref().unwrap()], a.name.clone());
    // A datagram whose sender is the service's address makes the kernel ask for the client.
    let send = format!(
        "import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('{SERVICE}',9000)); \
         s.sendto(b'x',('{}',9))",
        service_addr(NodeId(2))
    );
    let sender = std::thread::spawn(move || run_in(&from, &["python3", "-c", &send]));
    let mut senders = Vec::new();
    forward(ports, Duration::from_secs(5), |from, frame| {
        if from == 0 && frame[12..14] == ARP {
            senders.push([frame[28], frame[29], frame[30], frame[31]]);
        }
        Datagram::parse(frame).is_some_and(|d| d.src.addr == SERVICE)
    });
    let sender = sender.join().unwrap();
    assert!(sender.status.success(), "{}", String::from_utf8_lossy(&sender.stderr));
    assert_eq!(senders, [service_addr(NodeId(1)).octets()]);
}
