//! What an init does to its host once the TAPs are there: kernel settings first, so that no frame leaves before them, then
//! addresses and neighbours, and links up at last.

use crate::host::netlink::Netlink;
use crate::host::spec::{HostSpec, Interface, Nic};
use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Configures everything in the network namespace of this process.
pub(super) fn configure(spec: &HostSpec) -> Result<()> {
    set_kernel_settings(spec)?;
    let mut netlink = Netlink::open()?;
    loopback_up()?;
    for (nic, interface) in spec.interfaces() {
        prepare(&mut netlink, spec, nic, interface).with_context(|| format!("interface {}", nic.name()))?;
    }
    for (nic, _) in spec.interfaces() {
        netlink.up(index(nic.name())?).with_context(|| format!("interface {}", nic.name()))?;
    }
    Ok(())
}

/// Sets the loopback interface of this process's network namespace up.
pub(crate) fn loopback_up() -> Result<()> {
    Netlink::open()?.up(index("lo")?).context("interface lo")
}

fn prepare(netlink: &mut Netlink, spec: &HostSpec, nic: Nic, interface: Interface) -> Result<()> {
    let index = index(nic.name())?;
    netlink.prepare(index, interface.mac, interface.mtu, spec.txqueuelen)?;
    netlink.add_address(index, interface.addr, interface.prefix_len)?;
    if let (Nic::Eth0, Some(service)) = (nic, spec.service) {
        netlink.add_address(index, service, 32)?;
    }
    for (_, further) in spec.further.iter().filter(|(on, _)| *on == nic) {
        netlink.add_address(index, *further, interface.prefix_len)?;
    }
    for neighbour in spec.neighbours.iter().filter(|n| n.nic == nic) {
        netlink.add_neighbour(index, neighbour.addr, neighbour.mac)?;
    }
    Ok(())
}

fn set_kernel_settings(spec: &HostSpec) -> Result<()> {
    // Otherwise 6 of 20 "port unreachable" arrive: they tell that a server is gone.
    set("ipv4/icmp_ratelimit", "0")?;
    let interfaces = spec.interfaces().map(|(nic, _)| nic.name());
    for name in ["all", "default"].into_iter().chain(interfaces) {
        // An address is answered for only where it is held, and a request for one never names the service's address as
        // its sender: it would poison the clients.
        set(&format!("ipv4/conf/{name}/arp_ignore"), "1")?;
        set(&format!("ipv4/conf/{name}/arp_announce"), "2")?;
        set(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        // Otherwise each host sends some seven frames of router and neighbour discovery.
        if Path::new("/proc/sys/net/ipv6").exists() {
            set(&format!("ipv6/conf/{name}/disable_ipv6"), "1")?;
        }
    }
    Ok(())
}

fn set(setting: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/net/{setting}");
    fs::write(&path, value).or_else(|error| {
        // A read-only /proc (some containers) is no obstacle where the value is right already.
        let is_so = fs::read_to_string(&path).is_ok_and(|now| now.trim() == value);
        let read_only = error.kind() == ErrorKind::ReadOnlyFilesystem;
        let hint = if read_only { ": /proc/sys is read-only here; run outside this container" } else { "" };
        if is_so {
            Ok(())
        } else {
            Err(error).with_context(|| format!("cannot write {value} to {path}{hint}"))
        }
    })
}

fn index(name: &str) -> Result<u32> {
    if_nametoindex(name).with_context(|| format!("interface {name} is not there"))
}
