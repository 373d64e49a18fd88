//! The system calls that ports need and that neither std nor tun-tap has: a TAP with a virtio-net header, and packet sockets.

pub(super) mod packet;
pub(super) mod tun;
