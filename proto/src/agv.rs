//! The bodies of requests and answers: what an AGV reports and what it is told. All integers, so that every machine
//! computes the same. Units: millimetres, milliradians, seconds.

use crate::message::BODY_LEN;

/// Beams of one lidar scan, evenly spread over the full circle, the first straight ahead, counter-clockwise.
pub const BEAMS: usize = 256;
/// A beam that met nothing within range.
pub const NO_ECHO: u16 = u16::MAX;

/// A position and a heading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pose {
    /// East of the floor's south-west corner.
    pub x_mm: i32,
    /// North of it.
    pub y_mm: i32,
    /// Counter-clockwise from east, in [0, 6283].
    pub heading_mrad: i32,
}

/// The body of a request: odometry, where the AGV wants to go, and one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where the AGV believes it is.
    pub odometry: Pose,
    /// Its speed.
    pub speed_mm_s: i32,
    /// The next point of its route.
    pub goal_x_mm: i32,
    /// The next point of its route.
    pub goal_y_mm: i32,
    /// Range of each beam; [`NO_ECHO`] where nothing was met.
    pub scan_mm: [u16; BEAMS],
}

/// The body of an answer: what to do, where the server believes the AGV is, and a digest of the server's whole state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Forward speed.
    pub speed_mm_s: i32,
    /// Rate of turn, counter-clockwise.
    pub turn_mrad_s: i32,
    /// The corrected pose.
    pub pose: Pose,
    /// Digest of all that can influence an answer, after this request.
    pub digest: u64,
}

impl Report {
    /// The body's bytes.
    pub fn to_body(&self) -> [u8; BODY_LEN] {
        let mut body = [0; BODY_LEN];
        let head = [
            self.odometry.x_mm,
            self.odometry.y_mm,
            self.odometry.heading_mrad,
            self.speed_mm_s,
            self.goal_x_mm,
            self.goal_y_mm,
        ];
        put_i32s(&mut body, &head);
        for (to, range) in body[24..].chunks_exact_mut(2).zip(self.scan_mm) {
            to.copy_from_slice(&range.to_be_bytes());
        }
        body
    }

    /// The report in a body. Any bytes are some report: the app must bound what it does with them.
    pub fn from_body(body: &[u8; BODY_LEN]) -> Self {
        let mut scan_mm = [0; BEAMS];
        for (range, from) in scan_mm.iter_mut().zip(body[24..].chunks_exact(2)) {
            *range = u16::from_be_bytes([from[0], from[1]]);
        }
        Self {
            odometry: Pose { x_mm: i32_at(body, 0), y_mm: i32_at(body, 1), heading_mrad: i32_at(body, 2) },
            speed_mm_s: i32_at(body, 3),
            goal_x_mm: i32_at(body, 4),
            goal_y_mm: i32_at(body, 5),
            scan_mm,
        }
    }
}

impl Command {
    /// The body's bytes.
    pub fn to_body(&self) -> [u8; BODY_LEN] {
        let mut body = [0; BODY_LEN];
        let Pose { x_mm, y_mm, heading_mrad } = self.pose;
        put_i32s(&mut body, &[self.speed_mm_s, self.turn_mrad_s, x_mm, y_mm, heading_mrad]);
        body[20..28].copy_from_slice(&self.digest.to_be_bytes());
        body
    }

    /// The command in a body.
    pub fn from_body(body: &[u8; BODY_LEN]) -> Self {
        let mut digest = [0; 8];
        digest.copy_from_slice(&body[20..28]);
        Self {
            speed_mm_s: i32_at(body, 0),
            turn_mrad_s: i32_at(body, 1),
            pose: Pose { x_mm: i32_at(body, 2), y_mm: i32_at(body, 3), heading_mrad: i32_at(body, 4) },
            digest: u64::from_be_bytes(digest),
        }
    }
}

fn put_i32s(body: &mut [u8; BODY_LEN], values: &[i32]) {
    for (to, value) in body.chunks_exact_mut(4).zip(values) {
        to.copy_from_slice(&value.to_be_bytes());
    }
}

fn i32_at(body: &[u8; BODY_LEN], index: usize) -> i32 {
    let at = index * 4;
    i32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_survive_the_wire() {
        let mut scan_mm = [NO_ECHO; BEAMS];
        scan_mm[255] = 1_234;
        let odometry = Pose { x_mm: -1, y_mm: 2, heading_mrad: 3 };
        let report = Report { odometry, speed_mm_s: 4, goal_x_mm: -5, goal_y_mm: 6, scan_mm };
        assert_eq!(Report::from_body(&report.to_body()), report);
        let command = Command { speed_mm_s: -1, turn_mrad_s: 2, pose: odometry, digest: u64::MAX - 1 };
        assert_eq!(Command::from_body(&command.to_body()), command);
    }
}
