#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The VMM stays alive while its vCPUs are parked.

A real QEMU with spinning vCPUs is held to a tenth of a CPU, so that its vCPUs are
parked nearly always, and all that is done to a VMM is done to it then: its monitor
answers as soon as without a limit, and stopping, debugging, freezing, migrating,
resetting, plugging and ending work. Times are compared with those of the same guest
without the gate, in the same run.

usage: alive.py [TEST...]
"""
import ctypes
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from tap import Skip, Tap, Wrong, check, say, skip_all  # noqa: E402

LONG = os.environ.get("VMQOS_LONG", "0") not in ("", "0")
LIMIT = 100                     # thousandths of a CPU
VCPUS = 2
COMMANDS = 250 if LONG else 50  # to the monitor, each of the two ways
ROUNDS = 20 if LONG else 1
HOST_CPU = "/sys/devices/system/cpu/cpu1/online"


def within(seconds, what, condition):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.01)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def vmqos(*words):
    done = subprocess.run(["vmqos", "--json", *words], capture_output=True, text=True,
                          check=False)
    check(not done.returncode, f"vmqos {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else {}


def gate(on):
    vmqos("host", "set", "--cpu-gate", "on" if on else "off")
    time.sleep(0.1)             # an epoch is 10 ms


class Monitor:
    """As much of QEMU's monitor protocol as is needed here."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        within(60, "the monitor's socket", lambda: os.path.exists(path))
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.stream = self.socket.makefile("r", encoding="utf-8")
        self.stream.readline()
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        message = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = json.loads(self.stream.readline() or '{"error": {"desc": "closed"}}')
            if "error" in answer:
                raise Wrong(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def timed(self, command, **arguments):
        start = time.monotonic()
        self.call(command, **arguments)
        return (time.monotonic() - start) * 1000

    def status(self):
        return self.call("query-status")["status"]


class Guest:
    """A QEMU with spinning vCPUs, adopted and limited."""

    def __init__(self, name, work, *extra):
        self.name, self.work = name, work
        self.qmp_path = os.path.join(work, name + ".qmp")
        self.gdb_path = os.path.join(work, name + ".gdb")
        self.out = os.path.join(work, name + ".out")
        with open(self.out, "wb") as out:
            self.helper = subprocess.Popen(
                ["guest", "run", "--bare", "--name", name, "--vcpus", str(VCPUS),
                 "--max-vcpus", str(VCPUS + 1), "--memory", "16M", "--qmp", self.qmp_path,
                 "--timeout", "100000", "--", "-gdb", f"unix:{self.gdb_path},server=on,wait=off",
                 *extra], stdout=out, stderr=subprocess.STDOUT)
        within(60, "QEMU's start", lambda: self.said("pid "))
        self.pid = int(next(line for line in read(self.out).splitlines()
                            if line.startswith("pid ")).split()[1])
        self.qmp = Monitor(self.qmp_path)

    def said(self, text):
        check(self.helper.poll() is None, f"{self.name} ended:\n{read(self.out)}")
        return text in read(self.out)

    def limit(self):
        vmqos("adopt", "--pid", str(self.pid))
        vmqos("set", self.name, "--cpu-limit", f"{LIMIT / 10}%")
        within(30, "the hook in all vCPUs", lambda: self.attached() >= VCPUS)

    def attached(self):
        return next(vm for vm in vmqos("list")["vms"] if vm["name"] == self.name)["vcpus_attached"]

    def vcpus(self):
        """Threads of the vCPUs."""
        tids = []
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                if read(f"/proc/{self.pid}/task/{tid}/comm").startswith("CPU "):
                    tids.append(int(tid))
            except OSError:
                pass
        return sorted(tids)

    def ran(self, tids=None):
        """Run time of vCPUs in ns."""
        return sum(int(read(f"/proc/{self.pid}/task/{tid}/schedstat").split()[0])
                   for tid in tids or self.vcpus())

    def received(self, seconds):
        """In thousandths of a CPU."""
        before, start = self.ran(), time.monotonic()
        time.sleep(seconds)
        return (self.ran() - before) / (time.monotonic() - start) / 1e6

    def rests(self, seconds, text):
        """No vCPU runs.

        Who stops others is told so when they have made it known, some instructions before
        they leave their CPU: the first look waits for that, the second allows nothing.
        """
        within(1, text, lambda: self.received(0.02) == 0)
        check(self.received(seconds) == 0, text)

    def parked(self):
        return vmqos("stat", self.name)["vms"][0]["stats"]["parked_ns"]

    def held(self):
        """The limit holds, and the guest goes on.

        The time that QEMU's other threads took is charged too, and paid off first.
        """
        for _ in range(8):
            parked, start = self.parked(), time.monotonic()
            received = self.received(1)
            parked = (self.parked() - parked) / (time.monotonic() - start) / 1e9
            # In a tick of 4 ms the run time of each vCPU may be old.
            check(received < 1.1 * LIMIT, f"received {received:.0f} of {LIMIT}")
            if received > 0.9 * LIMIT:
                check(parked > 1, f"only {parked:.2f} vCPUs parked of {VCPUS}")
                return
        check(False, f"received {received:.0f} of {LIMIT}")

    def end(self):
        if self.helper.poll() is None:
            self.helper.terminate()
        self.helper.wait()


class Alive:
    """The tests, in this order, upon one guest."""

    def __init__(self, work):
        self.work = work
        self.guests = []
        self.guest = self.start("alive")
        within(60, "the guest", lambda: self.guest.said("ready"))
        self.guest.limit()
        self.neighbour = None
        gate(True)

    def start(self, *args):
        guest = Guest(args[0], self.work, *args[1:])
        self.guests.append(guest)
        return guest

    def end(self):
        if self.neighbour:
            self.neighbour.kill()
            self.neighbour.wait()
        for guest in self.guests:
            guest.end()
        gate(True)

    def go_on(self):
        """After a failure, so that it is not that of the next test, too."""
        try:
            self.guest.qmp.call("cont")
            gate(True)
        except (Wrong, OSError) as error:
            say(f"and then {error}")

    # --- how long things take, with the gate and without

    def sample(self, count, seed):
        """Times of monitor commands at no particular moments, ms."""
        moments, times = random.Random(seed), []
        for i in range(count):
            time.sleep(moments.uniform(0.003, 0.017))
            times.append(self.guest.qmp.timed(("query-status", "query-cpus-fast")[i % 2]))
        return times

    def compare(self, what, measure):
        """The same with and without the gate, by turns."""
        times = {False: [], True: []}
        for turn in range(2):
            for on in (False, True):
                gate(on)
                times[on] += measure(turn)
        free, held = times[False], times[True]
        say(f"{what}: free median {statistics.median(free):.2f} worst {max(free):.2f} ms, "
            f"limited median {statistics.median(held):.2f} worst {max(held):.2f} ms, "
            f"{len(held)} each")
        return free, held

    def no_worse(self, what):
        free, held = self.compare(what, lambda turn: self.sample(COMMANDS // 2, turn))
        check(statistics.median(held) <= statistics.median(free) * 1.1 + 0.1, "the median is worse")
        check(max(held) <= max(free) * 1.1 + 4, "the worst is worse")

    def monitor_answers(self):
        self.no_worse("monitor")

    def monitor_answers_beside_others(self):
        self.neighbour = subprocess.Popen(["vmm", "--name", "neighbour", "--vcpus", "4", "spin"],
                                          stdout=subprocess.DEVNULL)
        within(30, "the neighbour", lambda: vmqos("adopt", "--all") and any(
            vm["name"] == "neighbour" for vm in vmqos("list")["vms"]))
        try:
            self.no_worse("monitor beside four spinning vCPUs")
        finally:
            self.neighbour.kill()
            self.neighbour.wait()
            self.neighbour = None

    def stops_and_continues(self):
        qmp = self.guest.qmp

        def measure(turn):
            times, moments = [], random.Random(turn)
            for _ in range(5 * ROUNDS):
                times.append(qmp.timed("stop"))
                check(qmp.status() == "paused", "stopped, but not paused")
                times.append(qmp.timed("cont"))
                check(qmp.status() == "running", "continued, but not running")
                time.sleep(moments.uniform(0.003, 0.017))
            return times

        free, held = self.compare("stop and cont", measure)
        check(statistics.median(held) <= statistics.median(free) * 1.1 + 0.1, "the median is worse")
        check(max(held) <= max(free) * 1.1 + 4, "the worst is worse")
        qmp.call("stop")
        self.guest.rests(0.2, "a stopped guest runs")
        qmp.call("cont")
        self.guest.held()

    # --- what else is done to a VMM

    def resets(self):
        qmp, before = self.guest.qmp, read(self.guest.out).count("ready")
        qmp.call("system_reset")
        within(60, "the guest after its reset",
               lambda: read(self.guest.out).count("ready") > before)
        self.guest.held()

    def takes_a_vcpu(self):
        guest, known = self.guest, self.guest.vcpus()
        free = [cpu for cpu in guest.qmp.call("query-hotpluggable-cpus") if "qom-path" not in cpu]
        cpu = min(free, key=lambda cpu: tuple(cpu["props"].values()))
        guest.qmp.call("device_add", driver=cpu["type"], id=f"plugged{len(known)}", **cpu["props"])
        within(60, "the new vCPU at work", lambda: guest.said(f"cpu {len(known) + 1}"))
        within(30, "its hook", lambda: guest.attached() == len(known) + 1)
        new = [tid for tid in guest.vcpus() if tid not in known]
        before = guest.ran(new)
        guest.held()
        check(guest.ran(new) > before, "the new vCPU gets nothing")

    def is_debugged(self):
        """As a debugger does with a process: each thread is stopped, and let go."""
        guest, libc = self.guest, ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long] * 4
        seize, interrupt, detach, wait_all = 0x4206, 0x4207, 17, 0x40000000
        tids = [int(tid) for tid in os.listdir(f"/proc/{guest.pid}/task")]
        start = time.monotonic()
        for tid in tids:
            check(not libc.ptrace(seize, tid, 0, 0), f"cannot attach to thread {tid}")
            check(not libc.ptrace(interrupt, tid, 0, 0), f"cannot stop thread {tid}")
        for tid in tids:
            check(os.WIFSTOPPED(os.waitpid(tid, wait_all)[1]), f"thread {tid} did not stop")
        took = time.monotonic() - start
        say(f"{len(tids)} threads stopped within {took * 1000:.2f} ms")
        check(took < 0.2, "a debugger waits for parked vCPUs")
        guest.rests(0.2, "a stopped process runs")
        for tid in tids:
            check(not libc.ptrace(detach, tid, 0, 0), f"cannot detach from thread {tid}")
        guest.held()

    def is_debugged_by_gdb(self):
        if not LONG:
            raise Skip("the debugger itself takes a while to start: with VMQOS_LONG=1")
        try:
            done = subprocess.run(
                ["gdb", "-nx", "-batch", "-iex", "set auto-solib-add off", "-p",
                 str(self.guest.pid), "-ex", "info threads", "-ex", "thread apply all backtrace 1",
                 "-ex", "detach"], capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise Skip("no gdb: apt install gdb") from None
        check(done.stdout.count("CPU ") >= len(self.guest.vcpus()), done.stdout + done.stderr)
        self.guest.held()

    def is_debugged_by_its_own_server(self):
        """The debugger's protocol: where do you stand, memory, go on."""
        guest = self.guest

        def packet():
            nonlocal data
            while not (b"$" in data and b"#" in data[data.index(b"$"):-2]):
                more = server.recv(4096)
                check(more, "QEMU closed the connection")
                data += more
            start = data.index(b"$")
            end = data.index(b"#", start)
            text, data = data[start + 1:end], data[end + 3:]
            server.sendall(b"+")
            return text

        def ask(text):
            server.sendall(b"$%s#%02x" % (text, sum(text) & 0xff))
            answer = packet()
            # That the guest has stopped may be told at any time.
            while text != b"?" and answer[:1] in (b"T", b"S"):
                answer = packet()
            return answer

        data = b""
        with socket.socket(socket.AF_UNIX) as server:
            server.settimeout(60)
            start = time.monotonic()
            server.connect(guest.gdb_path)
            check(ask(b"?")[:1] in (b"T", b"S"), "no reason told for the stop")
            check(len(ask(b"g")) > 20, "no registers")
            count = ask(b"m1000,4")
            say(f"stopped and read within {(time.monotonic() - start) * 1000:.2f} ms")
            time.sleep(0.3)
            check(ask(b"m1000,4") == count, "the guest runs under its debugger")
            check(ask(b"D") == b"OK", "it cannot be let go")
        within(10, "the guest going on", lambda: guest.qmp.status() == "running")
        guest.held()

    def is_stopped(self):
        guest = self.guest
        for _ in range(ROUNDS):
            os.kill(guest.pid, signal.SIGSTOP)
            time.sleep(0.05)
            guest.rests(0.5, "a stopped process runs")
            states = {read(f"/proc/{guest.pid}/task/{tid}/stat").rsplit(")", 1)[1].split()[0]
                      for tid in guest.vcpus()}
            check(states == {"T"}, f"threads are {states}, not stopped")
            os.kill(guest.pid, signal.SIGCONT)
            guest.held()

    def is_frozen(self):
        guest, group = self.guest, "/sys/fs/cgroup/vmqos-alive"
        if not os.path.exists("/sys/fs/cgroup/cgroup.procs"):
            raise Skip("no control groups (version 2) at /sys/fs/cgroup")
        os.mkdir(group)
        try:
            write(group + "/cgroup.procs", str(guest.pid))
            for _ in range(ROUNDS):
                start = time.monotonic()
                write(group + "/cgroup.freeze", "1")
                within(10, "the freezer", lambda: "frozen 1" in read(group + "/cgroup.events"))
                say(f"frozen within {(time.monotonic() - start) * 1000:.2f} ms")
                guest.rests(0.5, "a frozen process runs")
                write(group + "/cgroup.freeze", "0")
                guest.held()
        finally:
            write(group + "/cgroup.freeze", "0")
            write("/sys/fs/cgroup/cgroup.procs", str(guest.pid))
            os.rmdir(group)

    def outlives_a_host_cpu(self):
        if not os.access(HOST_CPU, os.W_OK):
            raise Skip("the host has no CPU that could be taken away")
        for _ in range(ROUNDS):
            try:
                write(HOST_CPU, "0")
                self.guest.held()
            finally:
                write(HOST_CPU, "1")
            self.guest.held()

    def moves_to_a_file(self):
        guest, path = self.guest, os.path.join(self.work, "saved")

        def state():
            info = guest.qmp.call("query-migrate")
            check(info["status"] != "failed", f"the migration failed: {info}")
            return info["status"]

        start = time.monotonic()
        guest.qmp.call("migrate", uri=f"exec:cat >{path}")
        within(120, "the migration", lambda: state() == "completed")
        say(f"{os.path.getsize(path)} bytes within {time.monotonic() - start:.2f} s")
        copy = self.start("copy", "-incoming", f"exec:cat {path}", *plugged(guest))
        within(60, "the copy", lambda: copy.qmp.status() == "running")
        copy.limit()
        copy.held()
        # And the one that was left behind goes on, too.
        guest.qmp.call("cont")
        guest.held()

    def quits(self):
        copy = self.guests[-1]
        check(copy is not self.guest, "there is no copy")
        start = time.monotonic()
        copy.qmp.call("quit")
        copy.helper.wait(timeout=60)
        say(f"ended within {(time.monotonic() - start) * 1000:.2f} ms")
        self.gone(copy)

    def is_killed(self):
        guest = self.guest
        os.kill(guest.pid, signal.SIGKILL)
        start = time.monotonic()
        guest.helper.wait(timeout=60)
        say(f"dead within {(time.monotonic() - start) * 1000:.2f} ms")
        self.gone(guest)

    @staticmethod
    def gone(guest):
        within(10, "the kernel lets go of it",
               lambda: all(vm["name"] != guest.name for vm in vmqos("list")["vms"]))


def plugged(guest):
    """A copy must have the vCPUs that its original got later."""
    words = []
    for cpu in guest.qmp.call("query-hotpluggable-cpus"):
        if cpu.get("qom-path", "").startswith("/machine/peripheral/"):
            props = "".join(f",{key}={value}" for key, value in cpu["props"].items())
            words += ["-device", f"{cpu['type']},id={cpu['qom-path'].split('/')[-1]}{props}"]
    return words


TESTS = ("monitor_answers", "monitor_answers_beside_others", "stops_and_continues", "resets",
         "takes_a_vcpu", "is_debugged", "is_debugged_by_gdb", "is_debugged_by_its_own_server",
         "is_stopped", "is_frozen", "outlives_a_host_cpu", "moves_to_a_file", "quits", "is_killed")


def missing():
    if os.geteuid():
        return "needs root"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no /dev/kvm: load kvm_amd or kvm_intel"
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("vmqos", "vmqos"),
                             ("guest", "this collection"), ("vmm", "this collection")):
        if subprocess.run(["which", program], capture_output=True, check=False).returncode:
            return f"no {program} in PATH: it is in {package}"
    if subprocess.run(["vmqos", "host"], capture_output=True, check=False).returncode and \
       subprocess.run(["modprobe", "vmqos"], capture_output=True, check=False).returncode:
        return "the module vmqos is neither loaded nor can modprobe load it"
    if os.environ.get("VMQOS_CLOCK") not in (None, "icount"):
        return "figures need the clock of instructions"
    return None


def main():
    os.environ["PATH"] = f"{HERE}/../bin:{os.environ['PATH']}"
    why = missing()
    if why:
        return skip_all(why)
    chosen = [name for name in TESTS if name in sys.argv[1:]] or TESTS
    tap = Tap(len(chosen))
    with tempfile.TemporaryDirectory() as work:
        alive = Alive(work)
        try:
            for name in chosen:
                if not tap.run(getattr(alive, name)):
                    alive.go_on()
        finally:
            alive.end()
    return tap.status()


if __name__ == "__main__":
    sys.exit(main())
