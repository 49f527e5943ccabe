#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a balloon costs, measured inside the test host.

    balloon_inside.py linux|bare RUNS [BACKING...]

Two unmodified QEMUs have a guest each, one with QEMU's own balloon and one with ours, on the same
kind of memory. A part of a guest's memory goes into its balloon and comes out of it, RUNS
times, in turns, so that what else the machine does meanwhile concerns both. The guest is Linux,
or a bare driver (memory.c) that is there at once, for a clock on which Linux takes too long to
boot. Prints lines of "CASE<tab>METRIC<tab>UNIT<tab>VALUE...".
"""
import collections
import glob
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "selftests/qemu"))
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import vdpa_balloon  # noqa: E402
from memory_guest import Guest  # noqa: E402
from tap import check  # noqa: E402
from vdpa_balloon import MEMORY, MIB, Acts, Linux, find_qemu  # noqa: E402

BACKINGS = ("memfd", "vmramfs", "vmramfs-huge", "anonymous", "anonymous-huge")
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
DEVICE = vdpa_balloon.DEVICE
# MiB into the balloon and out of it, and what the bare guest has in all.
MOVED = {"linux": 128, "bare": 32}
BARE = 64
TRACING = "/sys/kernel/tracing"
# Virtio's windows in the BAR of QEMU's devices, which has four of a page each; and where the
# interrupt controllers are.
WINDOW, CONFIG, NOTIFY = 0x3000, 0x2000, 0x3000
CONTROLLERS = range(0xfec00000, 0xfef00000)
# A read of the configuration is told of when it leaves the guest, and when it is answered.
TRIGGER = "hist:keys=gpa.hex:size=2048 if type != 0"
POLL = 0.02
# Nanoseconds of one, on the clock of instructions.
INSTRUCTION = 4

# Features: version 1, event indices, indirect tables, translated addresses; that the host is
# told, statistics, taking back when out of memory. Not: free page reporting, which would have
# the memory given before the balloon takes it.
FEATURES = 1 << 32 | 1 << 33 | 1 << 29 | 1 << 28 | 1 << 0 | 1 << 1 | 1 << 2


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def generic(netlink, family, command, *attributes):
    """A request of generic netlink; the answer's bytes."""
    body = struct.pack("BBH", command, 1, 0) + b"".join(attributes)
    netlink.send(struct.pack("IHHII", 16 + len(body), family, 5, 1, 0) + body)
    answer = netlink.recv(65536)
    kind, = struct.unpack_from("H", answer, 4)
    if kind == 2:
        error, = struct.unpack_from("i", answer, 16)
        if error:
            raise OSError(-error, os.strerror(-error))
    return answer[20:]


def add_device(features):
    """As "vdpa dev add name NAME mgmtdev vmqos_balloon device_features FEATURES" of later tools."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as netlink:
        netlink.bind((0, 0))
        answer, family = generic(netlink, 16, 3, attribute(2, b"vdpa\0")), None
        while answer:
            length, kind = struct.unpack_from("HH", answer)
            if kind == 1:
                family, = struct.unpack_from("H", answer, 4)
                break
            answer = answer[(length + 3) & ~3:]
        netlink.recv(65536)
        generic(netlink, family, 3, attribute(2, b"vmqos_balloon\0"),
                attribute(4, DEVICE.encode() + b"\0"), attribute(20, struct.pack("Q", features)))
    name, = glob.glob(f"/sys/bus/vdpa/devices/{DEVICE}/vhost-vdpa-*")
    return "/dev/" + os.path.basename(name)


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Balloon:
    """What is the same for both: how it is asked, and what is counted."""

    def __init__(self, kind, guest, pid, memory):
        self.kind, self.guest, self.pid, self.memory = kind, guest, pid, memory
        self.stats, = glob.glob(f"/sys/kernel/debug/kvm/{pid}-*")

    def threads(self):
        """Nanoseconds that the vCPU ran, and all other threads of the VMM."""
        got = {"vcpu": 0, "others": 0}
        for folder in glob.glob(f"/proc/{self.pid}/task/*"):
            who = "vcpu" if read(folder + "/comm").startswith("CPU ") else "others"
            got[who] += int(read(folder + "/schedstat").split()[0])
        return got

    def counts(self):
        if self.kind == "bare":
            return self.threads()
        got = {"exits": int(read(self.stats + "/exits")),
               "interrupts": int(self.guest.tell("interrupts")), "kicks": 0, "config": 0}
        for gpa, times in re.findall(r"gpa:\s*(\w+)\s*\} hitcount:\s*(\d+)",
                                     read(TRACING + "/events/kvm/kvm_mmio/hist")):
            address = int(gpa, 16)
            if address not in CONTROLLERS:
                got["kicks"] += int(times) if address & WINDOW == NOTIFY else 0
                got["config"] += int(times) if address & WINDOW == CONFIG else 0
        return got | self.threads()

    def move(self, mib):
        """Have it hold so much; what that took."""
        before = self.counts()
        began = time.monotonic()
        self.ask(mib)
        while self.actual() != mib * MIB:
            self.guest.alive()
            time.sleep(POLL)
        took = time.monotonic() - began
        after = self.counts()
        return dict({name: after[name] - before[name] for name in after}, seconds=took)

    def fill(self):
        """What goes into the balloon is memory that the host has given."""
        if self.kind == "linux":
            self.guest.tell(f"fill {MEMORY // 2}")
        else:
            self.guest.tell("fill 12000 1 5")
            self.guest.tell("free 12000")


class Ours(Balloon):
    device = None
    sysfs = f"/sys/bus/vdpa/devices/{DEVICE}/balloon/"

    def ask(self, mib):
        write(self.sysfs + "target", str(mib * MIB))

    def actual(self):
        return int(read(self.sysfs + "actual"))


class Qemus(Balloon):
    device = "virtio-balloon-pci,disable-legacy=on"

    def ask(self, mib):
        self.guest.call("balloon", value=(self.memory - mib) * MIB)

    def actual(self):
        return self.memory * MIB - self.guest.call("query-balloon")["actual"]


def start_linux(acts, who, backing):
    guest = Linux(acts.work, acts.qemu, acts.image, backing.replace("anonymous-huge", "anonymous"),
                  acts.path, who.device)
    return guest, lambda: (guest.ready(), who("linux", guest, guest.pid, MEMORY))[1]


def start_bare(acts, who, backing):
    name = f"{backing}-{who.__name__}"
    guest = Guest(
        name, acts.work, mib=BARE, qemu=acts.qemu,
        mem_path=os.path.join(acts.work, backing, name) if backing.startswith("vmramfs") else None,
        memory="memory-backend-memfd,share=on" if backing == "memfd" else None,
        # It would take the ports of a device that has them, and ours knows version 1 only.
        balloon=who.device or f"vhost-vdpa-device-pci,vhostdev={acts.path},disable-legacy=on")

    def ready():
        # Statistics, which nobody asks for, and no reports.
        guest.tell("driver 2")
        return who("bare", guest, guest.process.pid, BARE)
    return guest, ready


def metrics(kind, way, moved):
    """Of one move; what is per page is so of the pages that were to be moved."""
    mib = MOVED[kind]
    if kind == "bare":
        for whose, name in (("others", "host"), ("vcpu", "guest")):
            yield f"{way}-{name}-instructions", "per page", moved[whose] / INSTRUCTION / mib / 256
        return
    yield way, "MiB/s", mib / moved["seconds"]
    yield way + "-host", "us/page", moved["others"] / mib / 256e3
    yield way + "-guest", "us/page", moved["vcpu"] / mib / 256e3
    for name in ("kicks", "interrupts", "config", "exits"):
        yield f"{way}-{name}", "per MiB", moved[name] / mib


def measure(acts, kind, backing, runs):
    """Two guests, one after the other in each run."""
    write(HUGE_PAGES, "always" if backing == "anonymous-huge" else "never")
    figures = collections.defaultdict(list)
    guests = []
    try:
        balloons = []
        for who in (Qemus, Ours):
            guest, ready = (start_linux if kind == "linux" else start_bare)(acts, who, backing)
            guests.append(guest)
            balloons.append(ready)
        balloons = [ready() for ready in balloons]
        # The first run finds everything cold.
        for run in range(runs + 1):
            for balloon in balloons:
                balloon.fill()
                for way, mib in (("inflate", MOVED[kind]), ("deflate", 0)):
                    for metric, unit, value in metrics(kind, way, balloon.move(mib)):
                        if run:
                            figures[type(balloon).__name__, metric, unit].append(value)
    finally:
        for guest in guests:
            guest.end()
    for (who, metric, unit), values in figures.items():
        print(f"{who.lower()}/{backing}", metric, unit,
              *(f"{value:.4g}" for value in values), sep="\t", flush=True)
    # Each begins with memory that nobody has used.
    for file in glob.glob(os.path.join(acts.work, "vmramfs*", "*")):
        os.unlink(file)


def main():
    kind, runs = sys.argv[1], int(sys.argv[2])
    qemu = find_qemu()
    check(qemu, "no QEMU with vhost-vdpa-device-pci")
    for module in ("vmqos", "vmqos_mem", "vmqos_virtio", "vhost_vdpa"):
        subprocess.run(["modprobe", module], check=True)
    for what, where in (("debugfs", "/sys/kernel/debug"), ("tracefs", TRACING)):
        if not os.path.ismount(where):
            subprocess.run(["mount", "-t", what, "none", where], check=True)
    if kind == "linux":
        write(TRACING + "/events/kvm/kvm_mmio/trigger", TRIGGER)
    with tempfile.TemporaryDirectory() as work:
        acts = Acts(work, qemu, add_device(FEATURES))
        try:
            for backing in sys.argv[3:] or BACKINGS:
                measure(acts, kind, backing, runs)
        finally:
            acts.clean_up()


if __name__ == "__main__":
    main()
