//! Visiting a named network namespace, as `ip netns` keeps them under /run/netns: a thread of its own does it, so the caller stays
//! where it is.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::path::Path;
use std::{io, thread};

/// Where `ip netns add` puts them.
const NAMESPACES: &str = "/run/netns";

/// Does `visit` in the namespace of this name; in the caller's own if there is no name.
///
/// # Errors
/// There is no such namespace, it may not be entered, or what `visit` says.
pub fn in_namespace<T: Send>(
    name: Option<&str>,
    visit: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let Some(name) = name else { return visit() };
    let explain = |error: io::Error, what: &str| io::Error::new(error.kind(), format!("{what}: {error}"));
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no namespace's name")));
    }
    let path = Path::new(NAMESPACES).join(name);
    let file = File::open(&path).map_err(|error| {
        explain(error, &format!("cannot open {}; `ip netns add {name}` makes it", path.display()))
    })?;
    let enter = || {
        setns(&file, CloneFlags::CLONE_NEWNET).map_err(|error| {
            explain(error.into(), &format!("cannot enter the network namespace {name}; it takes root"))
        })?;
        visit()
    };
    thread::scope(|scope| scope.spawn(enter).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace panicked")))
}
