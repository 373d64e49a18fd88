//! The socket between `zerogap ctl` and a running `zerogap switch`: an abstract one, so no file is left behind, in the network
//! namespace that the switch was started in. Both sides look who the other is: the same user, or root.

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};

/// The longest name of a switch; an abstract socket's has room for a hundred bytes.
const NAME_LEN_MAX: usize = 64;

/// Where the switch of this name listens.
pub(crate) fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("zerogap.switch.{name}"))
}

/// Refuses whoever is neither this process's user nor root.
pub(crate) fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let uid = getsockopt(stream, sockopt::PeerCredentials)?.uid();
    if uid == 0 || uid == geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the other side is the user {uid}'s")))
}

/// A switch's name on the command line.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let is_sound = (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_sound {
        Ok(text.to_owned())
    } else {
        Err(format!("a switch's name is 1 to {NAME_LEN_MAX} printable characters without a space"))
    }
}
