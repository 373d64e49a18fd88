"""The peers: each connects the hosts of a lab, with every process of its own on one core.

A peer is a function of the lab, the core and `replicate`: False for a switch that has just been started and forwards
between all hosts, True for one that sends a copy of whatever the first host sends to each of the others.
"""

import json
import os
import subprocess
from pathlib import Path

from bench_peers.lab import run

ROOT = Path(__file__).parent.parent.parent
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def zerogap(lab, core, replicate, *options):
    """`zerogap switch` with one TAP a host: it learns, or has a flow from the first host to a group of type all."""
    if replicate:
        first, *others = (host.interface for host in lab.hosts)
        group = {"id": 1, "type": "all", "buckets": [{"actions": [{"output": other}]} for other in others]}
        flows = [
            {"priority": 9, "match": {"in_port": first}, "actions": [{"group": 1}]},
            {"priority": 0, "actions": [{"output": "normal"}]},
        ]
        config = lab.directory / "switch.json"
        config.write_text(json.dumps({"groups": [group], "flows": flows}))
        options = [*options, "--config", config]
    taps_of(lab, core, BINARIES / "zerogap", "switch", *options)


def zerogap_offload(lab, core, replicate):
    """The same with virtio-net headers and TCP segmentation offload."""
    zerogap(lab, core, replicate, "--offload")


def yardstick(lab, core, _replicate, *options):
    """Two threads, each from one TAP to the other."""
    taps_of(lab, core, BINARIES / "zerogap-forwarder", *options)


def yardstick_offload(lab, core, replicate):
    """The same with virtio-net headers and TCP segmentation offload."""
    yardstick(lab, core, replicate, "--offload")


def taps_of(lab, core, *command):
    """Starts a program that creates the hosts' TAPs itself and prints `ready`."""
    taps = [word for host in lab.hosts for word in ("--tap", f"{host.interface}@{host.netns}")]
    process = lab.start(*command, *taps, "--core", core, stdout=subprocess.PIPE)
    lab.switch.append(process)
    lab.wait_for(f"`ready` from {command[0].name}", lambda: process.stdout.readline() == "ready\n")


def ovs(lab, core, replicate):
    """Open vSwitch's userspace datapath with TAPs, learning as it comes, from a database and directory of its own.

    It runs in a namespace of its own too: it would tidy away kernel datapaths that its database does not know.
    """
    home, netns = lab.directory, f"{lab.prefix}ovs"
    lab.add_netns(netns)
    environment = os.environ | {"OVS_RUNDIR": str(home), "OVS_LOGDIR": str(home), "OVS_DBDIR": str(home)}
    log = ["-vconsole:off", f"--log-file={home}/log"]
    run("ovsdb-tool", "create", home / "conf.db", OVS_SCHEMA, env=environment)
    remote = [f"--remote=punix:{home}/db", f"--unixctl={home}/db.ctl"]
    lab.start("ovsdb-server", home / "conf.db", *remote, *log, core=core, env=environment)
    lab.wait_for("ovsdb-server", (home / "db").exists)
    vswitchd = ["ovs-vswitchd", f"unix:{home}/db", f"--unixctl={home}/vswitchd.ctl", *log]
    lab.switch.append(lab.start(*vswitchd, netns=netns, core=core, env=environment))
    bridge = ["--", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]
    for number, host in enumerate(lab.hosts, 1):
        tap = host.interface
        bridge += ["--", "add-port", "br0", tap, "--", "set", "interface", tap, "type=tap", f"ofport_request={number}"]
    run("ovs-vsctl", f"--db=unix:{home}/db", "--timeout=10", *bridge, env=environment)
    for host in lab.hosts:
        run("ip", "-n", netns, "link", "set", host.interface, "netns", host.netns)
    if replicate:
        buckets = "".join(f",bucket=output:{number}" for number in range(2, len(lab.hosts) + 1))
        control = ["ovs-ofctl", "-O", "OpenFlow13"]
        run(*control, "add-group", f"unix:{home}/br0.mgmt", f"group_id=1,type=all{buckets}", env=environment)
        run(*control, "add-flow", f"unix:{home}/br0.mgmt", "priority=9,in_port=1,actions=group:1", env=environment)


def vde(lab, core, _replicate):
    """vde_switch with one vde_plug2tap a host; what is sent to the broadcast address goes to all anyway."""
    plug = lab.directory / "vde"
    lab.switch.append(lab.start("vde_switch", "-s", plug, "-f", "/dev/null", core=core, stdin=subprocess.PIPE))
    lab.wait_for("vde_switch", (plug / "ctl").exists)
    for host in lab.hosts:
        lab.switch.append(lab.start("vde_plug2tap", "-s", plug, host.interface, netns=host.netns, core=core))
    lab.wait_for("the TAPs of vde_plug2tap", lab.interfaces_exist)


def bridge(lab, _core, _replicate):
    """The kernel's bridge in a namespace of its own, one veth pair a host; it, too, sends broadcasts to all."""
    netns = f"{lab.prefix}bridge"
    lab.add_netns(netns)
    lines = ["link add br0 type bridge", "link set br0 up"]
    for host in lab.hosts:
        lines += [
            f"link add {host.interface} type veth peer name {host.interface} netns {host.netns}",
            f"link set {host.interface} master br0 up",
        ]
    run("ip", "-n", netns, "-batch", "-", input="\n".join(lines))


def veth(lab, _core, _replicate):
    """No switch at all: a veth pair between two hosts."""
    left, right = lab.hosts
    pair = [left.interface, "type", "veth", "peer", "name", right.interface, "netns", right.netns]
    run("ip", "-n", left.netns, "link", "add", *pair)


PEERS = {
    "zerogap": zerogap,
    "zerogap-offload": zerogap_offload,
    "yardstick": yardstick,
    "yardstick-offload": yardstick_offload,
    "ovs": ovs,
    "vde": vde,
    "bridge": bridge,
    "veth": veth,
}
# Those that know more than two ports.
REPLICATING = {"zerogap", "zerogap-offload", "ovs", "vde", "bridge"}
