"""What is measured between hosts that a peer connects. Each measure gives its figures by name."""

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass

from bench_peers.lab import EVERYBODY, Lab, run
from bench_peers.peers import PEERS, REPLICATING

UDP_HEADER = 8
MIDDLE_SIZE = 624
CALM_RATE = 20_000
DROP_LIMIT = 0.005


@dataclass
class Trial:
    """What one second of UDP showed: frames a second that arrived, the part that did not, CPU time for each."""

    received: float
    lost: float
    cpu_us: float


@contextmanager
def connected(peer, hosts, core, replicate=False):
    """A lab whose hosts this peer connects, its processes on that core."""
    with Lab(hosts) as lab:
        PEERS[peer](lab, core, replicate)
        lab.connect()
        yield lab


class Bench:
    """How to measure: on which cores, with which sizes of IP payload, and how finely UDP rates are searched."""

    def __init__(self, host_core, switch_core, sizes, steps):
        self.host_core, self.switch_core, self.sizes = host_core, switch_core, sizes
        # Offered rates as parts of what arrives when all is offered that one sender can.
        self.grid = [0.1 + step / (steps - 1) for step in range(steps)]

    def latency(self, peer):
        """Half the round trip of sockperf's ping-pong: switch and both ends on one core, then the switch on its own."""
        found = {}
        for place, core, sizes in (("", self.host_core, self.sizes), (", apart", self.switch_core, [MIDDLE_SIZE])):
            with connected(peer, 2, core) as lab:
                for size in sizes:
                    p50, p99 = self.ping_pong(lab, size)
                    found |= {f"latency p50, {size} B{place} (µs)": p50, f"latency p99, {size} B{place} (µs)": p99}
        return found

    def tcp(self, peer):
        """iperf3 over one connection: the sender on the hosts' core, the receiver on the switch's."""
        with connected(peer, 2, self.switch_core) as lab:
            client, server = lab.hosts
            iperf = lab.start("iperf3", "-s", "-1", netns=server.netns, core=self.switch_core)
            lab.wait_for("iperf3", lambda: server.listens("tcp", 5201) or server.listens("tcp6", 5201))
            told = self.inside(client, "iperf3", "-c", server.address, "-t", 2, "-J")
            lab.stop(iperf)
            return {"TCP (Gbit/s)": json.loads(told)["end"]["sum_received"]["bits_per_second"] / 1e9}

    def udp(self, peer):
        """The rate that arrives: of everything a sender can offer, and the highest with few or no drops."""
        found = {}
        with connected(peer, 2, self.switch_core) as lab:
            for size in self.sizes:
                # The better of two: all that follows is scaled by it, and a sender that got no core has not saturated anything.
                most = max((self.offer(lab, size, "max") for _ in range(2)), key=lambda trial: trial.received)
                trials = {}
                for limit, name in ((DROP_LIMIT, "0.5 % drops"), (0, "no drop")):
                    found[f"UDP {size} B, {name} (1000/s)"] = self.highest(lab, size, most, limit, trials)
                found[f"UDP {size} B, saturated (1000/s)"] = most.received / 1e3
        return found

    def highest(self, lab, size, most, limit, trials):
        """Bisects the grid for the highest offered rate that loses at most that part; 0 if the lowest loses more.

        A rate is borne if one of two trials bears it: a machine that stands still for 5 ms fills any queue.
        """
        if most.lost <= limit:
            return most.received / 1e3
        best, below, above = 0.0, -1, len(self.grid)
        while above - below > 1:
            middle = (below + above) // 2
            tried = trials.setdefault(middle, [])
            while len(tried) < 2 and all(trial.lost > limit for trial in tried):
                tried.append(self.offer(lab, size, int(most.received * self.grid[middle])))
            borne = [trial.received for trial in tried if trial.lost <= limit]
            if borne:
                best, below = borne[0] / 1e3, middle
            else:
                above = middle
        return best

    def cpu(self, peer):
        """CPU time of the switch's processes for each frame, at a rate that all can bear and saturated."""
        found = {}
        with connected(peer, 2, self.switch_core) as lab:
            if lab.switch:
                for name, rate in ((f"at {CALM_RATE:,}/s", CALM_RATE), ("saturated", "max")):
                    found[f"CPU per frame, {MIDDLE_SIZE} B, {name} (µs)"] = self.offer(lab, MIDDLE_SIZE, rate).cpu_us
        return found

    def replication(self, peer):
        """Copies that arrive of everything that one sender can offer."""
        found = {}
        for receivers in (2, 4) if peer in REPLICATING else ():
            with connected(peer, 1 + receivers, self.switch_core, replicate=True) as lab:
                copies = self.offer(lab, MIDDLE_SIZE, "max", to=EVERYBODY).received
                found[f"copies to {receivers}, {MIDDLE_SIZE} B (1000/s)"] = copies / 1e3
        return found

    def ping_pong(self, lab, size):
        client, server = lab.hosts
        listen = ["sockperf", "server", "-i", server.address, "-p", 5000]
        sockperf = lab.start(*listen, netns=server.netns, core=self.host_core)
        lab.wait_for("sockperf", lambda: server.listens("udp", 5000))
        arguments = ["-i", server.address, "-p", 5000, "-m", size - UDP_HEADER, "-t", 1]
        told = self.inside(client, "sockperf", "ping-pong", *arguments)
        lab.stop(sockperf)
        return [float(re.search(rf"percentile {wanted} = +([\d.]+)", told)[1]) for wanted in (r"50\.000", r"99\.000")]

    def offer(self, lab, size, rate, to=None):
        """One trial: sockperf sends at that rate for a second, paced datagram by datagram."""
        sender, *receivers = lab.hosts
        before, cpu_ns = [host.counters() for host in lab.hosts], lab.cpu_ns()
        arguments = ["-i", to or receivers[0].address, "-p", 5001, "-m", size - UDP_HEADER, "-t", 1, f"--mps={rate}"]
        told = self.inside(sender, "sockperf", "throughput", *arguments)
        time.sleep(0.1)
        after, cpu_ns = [host.counters() for host in lab.hosts], lab.cpu_ns() - cpu_ns
        seconds = float(re.search(r"messages sent in ([\d.]+) sec", told)[1])
        sent = after[0][0] - before[0][0]
        arrived = sum(now[1] - then[1] for now, then in zip(after[1:], before[1:]))
        return Trial(arrived / seconds, 1 - arrived / sent, cpu_ns / 1e3 / max(arrived, 1))

    def inside(self, host, *command):
        return run("ip", "netns", "exec", host.netns, "taskset", "-c", self.host_core, *command)
