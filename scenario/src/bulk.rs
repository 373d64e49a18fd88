//! What a transfer is on the wire. Both worlds carry it in jumbo frames: the real one makes them, the simulator and whoever reads
//! measurements count them.

/// What a frame carries: an MTU of 9000 less the headers of IP and of TCP with its timestamps.
const PAYLOAD_BYTES: u64 = 8_948;
/// What it has beside that: those headers and Ethernet's.
const HEADERS_BYTES: u64 = 66;
/// A full frame.
pub const FRAME_BYTES: u64 = PAYLOAD_BYTES + HEADERS_BYTES;

/// So many bytes of a transfer with the headers of their frames.
pub const fn on_the_wire(bytes: u64) -> u64 {
    bytes + bytes.div_ceil(PAYLOAD_BYTES) * HEADERS_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_has_headers() {
        assert_eq!([0, 1, 8_948, 8_949].map(on_the_wire), [0, 67, FRAME_BYTES, 9_081]);
    }
}
