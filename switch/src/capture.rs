//! The bytes of a capture file in pcapng: one section, an interface for every port, a block for every frame with its direction
//! and what the switch decided about it, as a comment that Wireshark shows. Source: draft-ietf-opsawg-pcapng.

/// The ways of a frame through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The switch received it.
    Inbound,
    /// The switch sent it.
    Outbound,
}

/// One frame as it is to be captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The port: its interface description's place in the file, from 0.
    pub interface: u32,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Which way it went.
    pub direction: Direction,
    /// The frame, Ethernet header first, no FCS.
    pub frame: &'a [u8],
    /// How many frames of this port between the last block and this one are not in the file.
    pub missed: u64,
    /// What the switch decided about it; empty for nothing to say.
    pub comment: &'a str,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const LENGTH_UNKNOWN: u64 = u64::MAX;
const LINKTYPE_ETHERNET: u16 = 1;
const SNAPLEN_UNLIMITED: u32 = 0;
const NANOSECONDS: u8 = 9;
const OPTION_COMMENT: u16 = 1;
const OPTION_USER_APPLICATION: u16 = 4;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_PACKET_FLAGS: u16 = 2;
const OPTION_DROP_COUNT: u16 = 4;

/// Appends the file's beginning.
pub fn section_header(out: &mut Vec<u8>) {
    block(out, SECTION_HEADER, |out| {
        out.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        out.extend([1_u16, 0].map(u16::to_le_bytes).as_flattened());
        out.extend(LENGTH_UNKNOWN.to_le_bytes());
        option(out, OPTION_USER_APPLICATION, b"zerogap");
        end_of_options(out);
    });
}

/// Appends the description of the next port. Its times are in nanoseconds.
pub fn interface_description(out: &mut Vec<u8>, name: &str) {
    block(out, INTERFACE_DESCRIPTION, |out| {
        out.extend([LINKTYPE_ETHERNET, 0].map(u16::to_le_bytes).as_flattened());
        out.extend(SNAPLEN_UNLIMITED.to_le_bytes());
        option(out, OPTION_INTERFACE_NAME, name.as_bytes());
        option(out, OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
        end_of_options(out);
    });
}

/// Appends a frame.
pub fn enhanced_packet(out: &mut Vec<u8>, packet: Packet<'_>) {
    block(out, ENHANCED_PACKET, |out| {
        let len = packet.frame.len() as u32;
        let (high, low) = ((packet.time_ns >> 32) as u32, packet.time_ns as u32);
        out.extend([packet.interface, high, low, len, len].map(u32::to_le_bytes).as_flattened());
        padded(out, packet.frame);
        let direction: u32 = match packet.direction {
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        option(out, OPTION_PACKET_FLAGS, &direction.to_le_bytes());
        if packet.missed > 0 {
            option(out, OPTION_DROP_COUNT, &packet.missed.to_le_bytes());
        }
        if !packet.comment.is_empty() {
            option(out, OPTION_COMMENT, packet.comment.as_bytes());
        }
        end_of_options(out);
    });
}

fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let len = (out.len() - start + 4) as u32;
    out[start + 4..start + 8].copy_from_slice(&len.to_le_bytes());
    out.extend(len.to_le_bytes());
}

/// A value that is longer than the format allows is cut, between characters.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let mut len = value.len().min(usize::from(u16::MAX));
    while len < value.len() && value[len] & 0xc0 == 0x80 {
        len -= 1;
    }
    out.extend([code, len as u16].map(u16::to_le_bytes).as_flattened());
    padded(out, &value[..len]);
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len() + bytes.len().next_multiple_of(4) - bytes.len(), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let words: Vec<String> =
            bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        words.join(" ")
    }

    #[test]
    fn a_section_says_its_byte_order_its_version_and_who_wrote_it() {
        let mut out = Vec::new();
        section_header(&mut out);
        // Type, length, byte order, version 1.0, length of the section unknown, "zerogap", end of options, length again.
        let golden = "0a0d0d0a 2c000000 4d3c2b1a 01000000 ffffffff ffffffff 04000700 7a65726f 67617000 00000000 2c000000";
        assert_eq!(hex(&out), golden);
    }

    #[test]
    fn an_interface_has_a_name_and_counts_nanoseconds() {
        let mut out = Vec::new();
        interface_description(&mut out, "a");
        // Type, length, Ethernet, no limit, the name, 10^-9 seconds, end of options, length again.
        assert_eq!(
            hex(&out),
            "01000000 28000000 01000000 00000000 02000100 61000000 09000100 09000000 00000000 28000000"
        );
    }

    #[test]
    fn a_packet_has_time_direction_what_was_missed_and_a_comment() {
        let mut out = Vec::new();
        let packet = Packet {
            interface: 3,
            time_ns: 0x0102_0304_0506_0708,
            direction: Direction::Outbound,
            frame: &[0xaa, 0xbb, 0xcc, 0xdd, 0xee],
            missed: 7,
            comment: "offset 9",
        };
        enhanced_packet(&mut out, packet);
        let golden = concat!(
            "06000000 4c000000 03000000 04030201 08070605 05000000 05000000 aabbccdd ee000000 ",
            "02000400 02000000 04000800 07000000 00000000 01000800 6f666673 65742039 00000000 4c000000",
        );
        assert_eq!(hex(&out), golden);
    }

    #[test]
    fn a_packet_with_nothing_to_say_has_its_direction_only() {
        let mut out = Vec::new();
        let direction = Direction::Inbound;
        let packet = Packet { interface: 0, time_ns: 1, direction, frame: &[], missed: 0, comment: "" };
        enhanced_packet(&mut out, packet);
        assert_eq!(
            hex(&out),
            "06000000 2c000000 00000000 00000000 01000000 00000000 00000000 02000400 01000000 00000000 2c000000"
        );
    }

    #[test]
    fn a_comment_that_is_too_long_is_cut_between_two_characters() {
        let mut out = Vec::new();
        option(&mut out, OPTION_COMMENT, "é".repeat(40_000).as_bytes());
        assert_eq!(out[2..4], 65_534_u16.to_le_bytes());
        assert_eq!(out.len(), 4 + 65_536);
    }
}
