//! What a match accepts, how it is written, and what is refused.

use super::super::{Key, Match};
use super::frames::{arp_request, fragment, over_ipv6, ping, tagged, tcp, tcp_header, udp, udp_header};
use super::{read, with_flow};
use proptest::prelude::*;
use smoltcp::wire::IpProtocol;
use zerogap_proto::PortId;

/// A request to port 5000 that came in by port a.
fn request() -> Vec<u8> {
    udp(40_000, 5_000, b"hello")
}

fn matches(matching: &str, frame: &[u8]) -> bool {
    let flow = format!(r#"{{"match": {matching}, "actions": []}}"#);
    let tables = with_flow(&flow).unwrap_or_else(|error| panic!("{matching}: {error}"));
    tables.find(&Key::parse(PortId(0), frame).expect("long enough")).is_some()
}

#[test]
fn each_field_accepts_what_it_names_and_nothing_else() {
    let mut low_delay = request();
    low_delay[15] = 46 << 2;
    for (matching, frame, expected) in [
        ("{}", request(), true),
        (r#"{"in_port": "a"}"#, request(), true),
        (r#"{"in_port": "b"}"#, request(), false),
        (r#"{"eth_src": "02:00:00:00:00:0a"}"#, request(), true),
        (r#"{"eth_src": "02:00:00:00:00:0b"}"#, request(), false),
        (r#"{"eth_dst": "02:00:00:00:00:0b"}"#, request(), true),
        (r#"{"eth_dst": "02:00:00:00:00:00/ff:ff:ff:ff:ff:f0"}"#, request(), true),
        (r#"{"eth_dst": "01:00:00:00:00:00/01:00:00:00:00:00"}"#, request(), false),
        (r#"{"eth_type": "ipv4"}"#, request(), true),
        (r#"{"eth_type": "arp"}"#, request(), false),
        (r#"{"eth_type": 2048}"#, tagged(request(), 5), true),
        (r#"{"vlan": "none"}"#, request(), true),
        (r#"{"vlan": "none"}"#, tagged(request(), 0), false),
        (r#"{"vlan": "any"}"#, tagged(request(), 0), true),
        (r#"{"vlan": "any"}"#, request(), false),
        (r#"{"vlan": 5}"#, tagged(request(), 0xe005), true),
        (r#"{"vlan": 5}"#, tagged(request(), 6), false),
        (r#"{"vlan": 0}"#, request(), false),
        (r#"{"eth_type": "arp", "arp_op": "request"}"#, arp_request(), true),
        (r#"{"eth_type": "arp", "arp_op": "reply"}"#, arp_request(), false),
        (r#"{"eth_type": "arp", "arp_spa": "10.1.0.0/16"}"#, arp_request(), true),
        (r#"{"eth_type": "arp", "arp_tpa": "10.2.0.2"}"#, tagged(arp_request(), 9), true),
        (r#"{"eth_type": "arp", "arp_tpa": "10.2.0.3"}"#, arp_request(), false),
        (r#"{"eth_type": "ipv4", "ipv4_src": "10.1.0.1"}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ipv4_src": "10.0.0.0/15"}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ipv4_src": "10.0.0.0/16"}"#, request(), false),
        (r#"{"eth_type": "ipv4", "ipv4_dst": "10.0.0.2/255.0.0.255"}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ip_dscp": 46}"#, low_delay, true),
        (r#"{"eth_type": "ipv4", "ip_dscp": 46}"#, request(), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp"}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ip_proto": 17}"#, fragment(request(), 0, true), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "tcp"}"#, request(), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": 5000}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": "4992/0xfff0"}"#, request(), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": "0/0"}"#, fragment(request(), 0, true), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": 0}"#, fragment(request(), 9, false), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_src": 40000}"#, tagged(request(), 1), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "tcp", "tcp_dst": 5000}"#, request(), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "tcp", "tcp_dst": 80}"#, tcp(999, 80, b""), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "tcp", "tcp_src": 80}"#, tcp(999, 80, b""), false),
        (r#"{"eth_type": "ipv4", "ip_proto": "icmp", "icmp_type": 8, "icmp_code": 0}"#, ping(), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "icmp", "icmp_type": 0}"#, ping(), false),
    ] {
        assert_eq!(matches(matching, &frame), expected, "{matching}");
    }
}

#[test]
fn a_header_that_is_not_whole_has_no_fields_but_its_frame_still_has_a_type() {
    let whole = request();
    let cut = &whole[..whole.len() - 1];
    assert!(matches(r#"{"eth_type": "ipv4"}"#, cut));
    assert!(!matches(r#"{"eth_type": "ipv4", "ipv4_src": "0.0.0.0/0"}"#, cut));
    let mut short_udp = whole;
    short_udp[16..18].copy_from_slice(&27_u16.to_be_bytes());
    assert!(matches(r#"{"eth_type": "ipv4", "ipv4_src": "0.0.0.0/0", "ip_proto": "udp"}"#, &short_udp));
    assert!(!matches(r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": "0/0"}"#, &short_udp));
    assert_eq!(Key::parse(PortId(0), &[0; 13]), None);
}

#[test]
fn ipv6_is_matched_up_to_the_header_that_stands_next() {
    let request = || over_ipv6(IpProtocol::Udp, &udp_header(40_000, 5_000, 8));
    let behind = |next: u8| {
        over_ipv6(
            IpProtocol::from(next),
            &[&[17, 0, 0, 0, 0, 0, 0, 0], &udp_header(1, 5_000, 8)[..]].concat(),
        )
    };
    for (matching, frame, expected) in [
        (r#"{"eth_type": "ipv6"}"#, request(), true),
        (r#"{"eth_type": "ipv4"}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ipv6_src": "2001:db8:1::a"}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ipv6_src": "2001:db8:1::b"}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ipv6_src": "2001:db8:1::/48"}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ipv6_dst": "2001:db8:1::/48"}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ipv6_dst": "2001:db8:2::b"}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ipv6_dst": "::b/::f"}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ipv6_dst": "::c/::f"}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ip_dscp": 46}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ip_dscp": 45}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ip_proto": "udp", "udp_dst": 5000}"#, request(), true),
        (r#"{"eth_type": "ipv6", "ip_proto": "udp", "udp_src": 5000}"#, request(), false),
        (r#"{"eth_type": "ipv6", "ip_proto": "udp", "udp_dst": 5000}"#, tagged(request(), 5), true),
        (r#"{"eth_type": "ipv4", "ip_proto": "udp", "udp_dst": 5000}"#, request(), false),
        (
            r#"{"eth_type": "ipv6", "ip_proto": "tcp", "tcp_dst": 80}"#,
            over_ipv6(IpProtocol::Tcp, &tcp_header(9, 80)),
            true,
        ),
        (
            r#"{"eth_type": "ipv6", "ip_proto": "tcp", "tcp_dst": "0/0"}"#,
            over_ipv6(IpProtocol::Tcp, &[0; 19]),
            false,
        ),
        (r#"{"eth_type": "ipv6", "ip_proto": 44}"#, behind(44), true),
        (r#"{"eth_type": "ipv6", "ip_proto": "udp"}"#, behind(44), false),
        (r#"{"eth_type": "ipv6", "ip_proto": 0}"#, behind(0), true),
        (r#"{"eth_type": "ipv6", "ip_proto": "udp", "udp_dst": "0/0"}"#, behind(0), false),
    ] {
        assert_eq!(matches(matching, &frame), expected, "{matching}");
    }
    let whole = request();
    assert!(!matches(r#"{"eth_type": "ipv6", "ipv6_src": "::/0"}"#, &whole[..whole.len() - 1]), "not whole");
    assert!(matches(r#"{"eth_type": "ipv6"}"#, &whole[..whole.len() - 1]));
}

#[test]
fn a_field_without_its_prerequisites_is_refused_with_what_is_missing() {
    for (matching, complaint) in [
        (r#"{"udp_dst": 5000}"#, "udp_dst needs eth_type: ipv4 or ipv6, and ip_proto: udp"),
        (
            r#"{"eth_type": "ipv4", "udp_dst": 5000}"#,
            "udp_dst needs eth_type: ipv4 or ipv6, and ip_proto: udp",
        ),
        (
            r#"{"eth_type": "ipv4", "ip_proto": "tcp", "udp_src": 1}"#,
            "udp_src needs eth_type: ipv4 or ipv6, and ip_proto: udp",
        ),
        (r#"{"ipv4_dst": "10.0.0.1"}"#, "ipv4_dst needs eth_type: ipv4"),
        (r#"{"eth_type": "ipv4", "ipv6_dst": "::1"}"#, "ipv6_dst needs eth_type: ipv6"),
        (r#"{"eth_type": "ipv6", "ipv4_dst": "10.0.0.1"}"#, "ipv4_dst needs eth_type: ipv4"),
        (r#"{"eth_type": "arp", "ip_proto": "udp"}"#, "ip_proto needs eth_type: ipv4 or ipv6"),
        (r#"{"eth_type": "ipv4", "arp_op": "reply"}"#, "arp_op needs eth_type: arp"),
        (r#"{"eth_type": "ipv4", "icmp_type": 8}"#, "icmp_type needs eth_type: ipv4 and ip_proto: icmp"),
        (r#"{"eth_type": "ipv4", "ip_dscp": 64}"#, "ip_dscp is at most 63, not 64"),
    ] {
        let error = with_flow(&format!(r#"{{"match": {matching}, "actions": []}}"#)).expect_err(matching);
        assert_eq!(error.to_string(), format!("changes[0].match: {complaint}"));
    }
}

#[test]
fn what_is_written_reads_back_to_the_same_in_words() {
    for (written, shown) in [
        (r#"{"eth_type":2054}"#, r#"{"eth_type":"arp"}"#),
        (r#"{"eth_type":"0x88cc"}"#, r#"{"eth_type":"0x88cc"}"#),
        (r#"{"vlan":"none"}"#, r#"{"vlan":"none"}"#),
        (r#"{"vlan":"7"}"#, r#"{"vlan":7}"#),
        (r#"{"ip_proto":17}"#, r#"{"ip_proto":"udp"}"#),
        (r#"{"ipv4_dst":"10.0.0.0/255.0.0.0"}"#, r#"{"ipv4_dst":"10.0.0.0/8"}"#),
        (r#"{"ipv4_dst":"10.0.0.1/32"}"#, r#"{"ipv4_dst":"10.0.0.1"}"#),
        (r#"{"ipv4_dst":"0.0.0.0/0"}"#, r#"{"ipv4_dst":"0.0.0.0/0"}"#),
        (r#"{"ipv4_dst":"10.0.0.1/255.0.0.255"}"#, r#"{"ipv4_dst":"10.0.0.1/255.0.0.255"}"#),
        (r#"{"ipv6_dst":"2001:DB8:0::/32"}"#, r#"{"ipv6_dst":"2001:db8::/32"}"#),
        (r#"{"ipv6_dst":"2001:db8::1/128"}"#, r#"{"ipv6_dst":"2001:db8::1"}"#),
        (r#"{"ipv6_dst":"::/0"}"#, r#"{"ipv6_dst":"::/0"}"#),
        (r#"{"ipv6_src":"::7/::f"}"#, r#"{"ipv6_src":"::7/::f"}"#),
        (r#"{"eth_src":"02:00:00:00:00:0A"}"#, r#"{"eth_src":"02:00:00:00:00:0a"}"#),
        (r#"{"udp_dst":"5000/0xfff8"}"#, r#"{"udp_dst":"5000/0xfff8"}"#),
        (r#"{"udp_dst":"0x1388"}"#, r#"{"udp_dst":5000}"#),
    ] {
        let matching: Match<String> = read(written);
        assert_eq!(serde_json::to_string(&matching).expect("writes"), shown);
        assert_eq!(read::<Match<String>>(shown), matching);
    }
}

#[test]
fn a_text_that_is_no_value_is_refused_with_what_would_be() {
    for (written, complaint) in [
        (
            r#"{"ipv4_dst": "10.0.0.1/8"}"#,
            "`10.0.0.1/8` has bits outside its mask; without them it is 10.0.0.0/8",
        ),
        (
            r#"{"ipv4_dst": "10.0.0"}"#,
            "`10.0.0` is not an IPv4 address such as 10.0.0.1, or a network such as 10.0.0.0/8",
        ),
        (r#"{"ipv4_dst": "10.0.0.0/33"}"#, "`10.0.0.0/33` is not an IPv4 address"),
        (
            r#"{"ipv6_dst": "2001:db8::1/64"}"#,
            "`2001:db8::1/64` has bits outside its mask; without them it is 2001:db8::/64",
        ),
        (r#"{"ipv6_dst": "::/129"}"#, "`::/129` is not an IPv6 address such as 2001:db8::1"),
        (
            r#"{"eth_src": "02:00:00:00:00"}"#,
            "`02:00:00:00:00` is not a MAC address such as 02:00:00:00:00:01",
        ),
        (r#"{"udp_dst": 65536}"#, "`65536` is not a port from 0 to 65535"),
        (r#"{"vlan": 4096}"#, "`4096` is not none, any, or a VLAN id from 0 to 4095"),
        (r#"{"ip_proto": "quic"}"#, "`quic` is not icmp, tcp, udp, or a number from 0 to 255"),
        (r#"{"udp_port": 1}"#, "unknown field `udp_port`"),
    ] {
        let error = serde_json::from_str::<Match<String>>(written).expect_err(written).to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..100), eth_type in prop_oneof![Just(0x0800_u16), Just(0x0806), Just(0x8100), Just(0x86dd)],
        is_ip: bool, proto in prop_oneof![Just(1_u8), Just(6), Just(17)],
    ) {
        let mut bytes = bytes;
        if bytes.len() >= 34 && is_ip {
            bytes[12..14].copy_from_slice(&eth_type.to_be_bytes());
            let is_ipv6 = eth_type == 0x86dd;
            bytes[14] = bytes[14] & 0x0f | if is_ipv6 { 0x60 } else { 0x40 };
            [bytes[16], bytes[18]] = [0; 2];
            bytes[if is_ipv6 { 20 } else { 23 }] = proto;
        }
        let _ = Key::parse(PortId(1), &bytes).map(|key| format!("{key:?}"));
    }

    #[test]
    fn no_cut_makes_parsing_panic(cut in 0_usize..70, options in 5_u8..16) {
        let mut frame = tcp(1, 2, b"some payload");
        frame[14] = 0x40 | options;
        let _ = Key::parse(PortId(1), &frame[..cut.min(frame.len())]);
        let tagged = tagged(frame, 3);
        let _ = Key::parse(PortId(1), &tagged[..cut.min(tagged.len())]);
    }
}
