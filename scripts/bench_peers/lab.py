"""A lab: network namespaces and processes of one set-up. All of it is gone when the lab is left, whatever the way."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE_S = 10
# The signals that end a run. They wait while a lab is being cleaned up.
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# The transmit queue of every host's interface. `zerogap switch` sets it so; the other peers' TAPs would hold 500 frames, and
# rates with few drops would measure that.
QUEUE_FRAMES = 5_000
# Bound and never read: the kernel takes every datagram up to the socket and drops it there, which costs each peer the
# same, wakes nobody and takes no core from the sender.
SINK = """
import signal, socket, sys
sink = socket.socket(type=socket.SOCK_DGRAM)
sink.bind(("", 5001))
for other in sys.argv[1:]:
    sink.sendto(b"here I am", (other, 5001))
print("ready", flush=True)
signal.pause()
"""
# An address that all hosts but the first have, and that the first finds at the broadcast address.
EVERYBODY = "10.9.0.200"


class Host:
    """One end: a namespace whose interface the peer makes and whose address, neighbours and sink the lab makes."""

    def __init__(self, lab, index):
        self.index, self.netns, self.interface = index, f"{lab.prefix}h{index}", f"p{index}"
        self.address, self.mac = f"10.9.0.{index + 1}", f"02:00:00:00:00:{index + 1:02x}"

    def counters(self):
        """Datagrams that programs here have sent, and frames that have arrived."""
        udp = [line.split()[1:] for line in self._proc("snmp") if line.startswith("Udp:")]
        udp = dict(zip(udp[0], map(int, udp[1])))
        device = next(line for line in self._proc("dev") if line.strip().startswith(self.interface + ":"))
        return udp["OutDatagrams"] + udp["SndbufErrors"], int(device.split()[2])

    def listens(self, table, port):
        """Whether a socket is bound (udp) or listens (tcp) at that port."""
        return any(line.split()[1].endswith(f":{port:04X}") for line in self._proc(table)[1:])

    def _proc(self, name):
        return Path(f"/proc/{self.sink.pid}/net/{name}").read_text().splitlines()


class Lab:
    """Use it with `with`. `hosts` are the ends; `switch` lists the processes whose CPU time is the switch's."""

    def __init__(self, hosts):
        self.prefix = f"zgb-{os.getpid()}-"
        self.netns, self.started, self.switch = [], [], []
        self.hosts = [Host(self, index) for index in range(hosts)]

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="zgb-")
        self.directory = Path(self._directory.name)
        try:
            for host in self.hosts:
                self.add_netns(host.netns)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        for process in reversed(self.started):
            process.kill()
            process.wait()
        for name in self.netns:
            subprocess.run(["ip", "netns", "del", name], check=False)
        self._directory.cleanup()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def add_netns(self, name):
        """A namespace without IPv6, so that nothing is sent that was not asked for."""
        self.netns.append(name)
        run("ip", "netns", "add", name)
        switches = "/proc/sys/net/ipv6/conf/{all,default}/disable_ipv6"
        run("ip", "netns", "exec", name, "bash", "-c", f"for it in {switches}; do [ ! -e $it ] || echo 1 > $it; done")

    def start(self, *command, netns=None, core=None, **how):
        """Starts a program that ends with this one, in a namespace and on a core."""
        inside = ["ip", "netns", "exec", netns] if netns else []
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        with open(self.directory / "errors", "a") as errors:
            how = {"stdout": subprocess.DEVNULL, "stderr": errors, "stdin": subprocess.DEVNULL, "text": True} | how
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *inside, *pinned, *map(str, command)], **how)
        self.started.append(process)
        return process

    def stop(self, process):
        """Ends one process before the lab does."""
        process.kill()
        process.wait()
        self.started.remove(process)

    def wait_for(self, what, ready):
        """Polls until `ready()` holds."""
        give_up = time.monotonic() + PATIENCE_S
        while not ready():
            if time.monotonic() > give_up or any(process.poll() is not None for process in self.switch):
                sys.exit(f"{what} did not come\n{(self.directory / 'errors').read_text()}")
            time.sleep(0.02)

    def interfaces_exist(self):
        """Whether the peer has made every host's interface."""
        show = [["ip", "-n", host.netns, "link", "show", host.interface] for host in self.hosts]
        return all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in show)

    def connect(self):
        """Gives the hosts addresses and neighbours, once the peer has made their interfaces; each greets all others."""
        for host in self.hosts:
            device, others = host.interface, [other for other in self.hosts if other is not host]
            lines = [
                f"link set {device} address {host.mac} txqueuelen {QUEUE_FRAMES} up",
                f"addr add {host.address}/24 dev {device}",
            ]
            lines += [f"neigh add {other.address} lladdr {other.mac} nud permanent dev {device}" for other in others]
            if host.index == 0:
                lines.append(f"neigh add {EVERYBODY} lladdr ff:ff:ff:ff:ff:ff nud permanent dev {device}")
            else:
                lines.append(f"addr add {EVERYBODY}/32 dev {device}")
            run("ip", "-n", host.netns, "-batch", "-", input="\n".join(lines))
        for host in self.hosts:
            addresses = [other.address for other in self.hosts if other is not host]
            host.sink = self.start(sys.executable, "-c", SINK, *addresses, netns=host.netns, stdout=subprocess.PIPE)
            self.wait_for("a host's sink", lambda: host.sink.stdout.readline() == "ready\n")
        time.sleep(0.2)

    def cpu_ns(self):
        """The CPU time, user and system, that the switch's threads have taken so far."""
        tasks = (task for process in self.switch for task in Path(f"/proc/{process.pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def run(*command, **how):
    """Runs a program to its end and gives what it printed; a failure ends the benchmark."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout
