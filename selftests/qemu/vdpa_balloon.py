#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An unmodified QEMU and an unmodified Linux guest with a balloon that is served in the kernel.

Half of the guest's memory is taken and given back, on each kind of memory, and the host gets
it by its own counters, not by ours. The guest's statistics are held against what it reads in
its own /proc. It is reset, reboots, sleeps and is woken, its driver is unbound and bound, what is
free is reported and is not, QEMU is killed at some moment.

QEMU has vhost-vdpa-device-pci from version 8.0 on. Tried is each that scripts/qemus has put into
the cache, or else the first that has the device; VMQOS_QEMU names another one.
"""
import gzip
import json
import lzma
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from memory_guest import connect, die_with_parent, within  # noqa: E402
from tap import Tap, Wrong, check, say, skip_all  # noqa: E402

LONG = os.environ.get("VMQOS_LONG", "0") not in ("", "0")
CACHE = os.environ.get("VMQOS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vmqos")
MIB = 1 << 20
MEMORY = 384
HALF = MEMORY // 2
DEVICE = "vmqos-vdpa-guest"
BACKINGS = ("memfd", "vmramfs", "vmramfs-huge", "anonymous")
KILLS = 5
REPORTING = 1 << 5
# To tell, statistics, deflate on OOM, pattern; indirect descriptors, event index, version 1, IOMMU
FEATURES = 1 | 1 << 1 | 1 << 2 | 1 << 4 | REPORTING | 3 << 28 | 3 << 32
NETLINK_GENERIC, NLM_F_REQUEST, NLM_F_ACK = 16, 1, 4


def vmqos(*words, fails=False):
    done = subprocess.run(["vmqos", "--json", *words], capture_output=True, text=True,
                          check=False)
    check(fails == (done.returncode != 0), f"vmqos {' '.join(words)}: {done.stderr.strip()}")
    return done.stderr.strip() if fails else json.loads(done.stdout or "{}")


def balloon(*words):
    return vmqos("balloon", DEVICE, *words)


def has_device(qemu, env):
    try:
        done = subprocess.run([qemu, "-device", "vhost-vdpa-device-pci,help"], env=env,
                              capture_output=True, text=True, check=False)
    except OSError:
        return False
    return not done.returncode and "vhostdev" in done.stdout


def find_qemu():
    """The first that has the device, with its environment, or None."""
    given, cached = os.environ.get("VMQOS_QEMU"), os.path.join(CACHE, "emulator/usr")
    own = dict(os.environ, LD_LIBRARY_PATH=os.path.join(cached, "lib/x86_64-linux-gnu"),
               QEMU_MODULE_DIR=os.path.join(cached, "lib/x86_64-linux-gnu/qemu"))
    choice = [(given or "qemu-system-x86_64", dict(os.environ))]
    if not given:
        choice.append((os.path.join(cached, "bin/qemu-system-x86_64"), own))
    return next((one for one in choice if has_device(*one)), None)


def find_qemus():
    """All that are to be tried: Debian's that scripts/qemus has fetched, or else the first."""
    suites, found = os.path.join(CACHE, "qemus"), []
    if not os.environ.get("VMQOS_QEMU") and os.path.isdir(suites):
        found = [(os.path.join(suites, suite, "qemu"), dict(os.environ))
                 for suite in sorted(os.listdir(suites)) if suite[0] != "."]
    first = find_qemu() if not found else None
    return [first] if first else [one for one in found if has_device(*one)]


def version(qemu):
    return subprocess.run([qemu[0], "--version"], capture_output=True, text=True, env=qemu[1],
                          check=True).stdout.splitlines()[0].split(" version ")[-1]


def guest_kernel():
    """The image of a Debian kernel, and its driver."""
    folder = os.path.join(CACHE, "kernels/6.12")
    modules = os.path.join(folder, "root/lib/modules")
    for release in sorted(os.listdir(modules)) if os.path.isdir(modules) else ():
        driver = os.path.join(modules, release, "kernel/drivers/virtio/virtio_balloon.ko")
        for suffix, unpack in (("", open), (".xz", lzma.open), (".gz", gzip.open)):
            if os.access(driver + suffix, os.R_OK):
                with unpack(driver + suffix, "rb") as file:
                    return os.path.join(folder, "vmlinuz"), file.read()
    return None, None


def cpio_entry(name, mode, data=b""):
    """One entry of a newc archive, which an initramfs is."""
    raw = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    entry = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(entry) % 4)


def find_built(name):
    for folder in (HERE, os.path.join(HERE, "../../build/selftests/qemu")):
        path = os.path.join(folder, name)
        if os.access(path, os.R_OK):
            return path
    raise Wrong(f"the guest's {name} is not built: run make selftests")


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def add_without_reporting(name):
    """By the vDPA bus's own interface, as later versions of vdpa do with device_features."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as bus:
        def ask(family, flags, command, *attributes):
            body = struct.pack("=BBH", command, 1, 0) + b"".join(attributes)
            bus.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
            return bus.recv(65536)
        # CTRL_CMD_GETFAMILY; what follows the name in the answer is the number.
        answer = ask(16, NLM_F_REQUEST, 3, attribute(2, b"vdpa\0"))
        length, _, number = struct.unpack_from("=HHH", answer, 20 + 12)
        check(length == 6, "the vDPA bus has no number")
        # VDPA_CMD_DEV_NEW with the management device's name, the device's, its features
        answer = ask(number, NLM_F_REQUEST | NLM_F_ACK, 3, attribute(2, b"vmqos_balloon\0"),
                     attribute(4, name.encode() + b"\0"),
                     attribute(20, struct.pack("=Q", FEATURES & ~REPORTING)))
        error = struct.unpack_from("=i", answer, 16)[0]
        check(not error, f"the vDPA bus: {os.strerror(-error)}")


class Linux:
    """A QEMU with a Linux guest that obeys on its console."""

    def __init__(self, work, qemu, image, backing, path, device=None):
        self.at = os.path.join(work, f"guest-{backing}-{time.monotonic_ns()}")
        self.backing, self.boots, self.number = backing, 0, None
        memory = {
            "memfd": "memory-backend-memfd,share=on",
            "anonymous": "memory-backend-ram",
        }.get(backing, f"memory-backend-file,share=on,align=2M,mem-path={self.at}.mem")
        if backing.startswith("vmramfs"):
            mount = os.path.join(work, backing)
            self.memory = os.path.join(mount, os.path.basename(self.at))
            memory = f"memory-backend-file,share=on,align=2M,mem-path={self.memory}"
        kernel, initramfs = image
        with open(self.at + ".err", "wb") as errors:
            self.process = subprocess.Popen(
                [qemu[0], "-name", f"guest={DEVICE},debug-threads=on", "-nodefaults",
                 "-no-user-config", "-display", "none", "-accel", "kvm", "-cpu", "host",
                 # As virt-install has it: without an HPET the guest's ticks are the kernel's
                 # business, and do not wake QEMU.
                 "-machine", "q35,smm=off,vmport=off,hpet=off,memory-backend=m",
                 "-object", f"{memory},id=m,size={MEMORY}M", "-m", f"{MEMORY}M",
                 "-kernel", kernel, "-initrd", initramfs, "-append",
                 "console=ttyS0 quiet panic=-1 nokaslr mitigations=off tsc=reliable "
                 "no_timer_check random.trust_cpu=on cryptomgr.notests audit=0 rdinit=/init",
                 "-chardev", f"socket,id=s,path={self.at}.serial,server=on,wait=off,"
                 f"logfile={self.at}.out", "-serial", "chardev:s",
                 "-qmp", f"unix:{self.at}.qmp,server=on,wait=off",
                 "-device", device or f"vhost-vdpa-device-pci,vhostdev={path}"],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=subprocess.STDOUT,
                env=qemu[1], preexec_fn=die_with_parent)
        self.pid = self.process.pid
        self.serial = connect(self.at + ".serial", self.alive).makefile(
            "rw", encoding="ascii", errors="replace")
        self.monitor = connect(self.at + ".qmp", self.alive).makefile("rw", encoding="utf-8")
        self.monitor.readline()
        self.call("qmp_capabilities")

    def complaint(self):
        with open(self.at + ".err", encoding="utf-8", errors="replace") as errors:
            return errors.read().strip() or "nothing"

    def alive(self):
        if self.process.poll() is not None:
            raise Wrong(f"QEMU has ended: {self.complaint()}")
        return True

    def call(self, command, **arguments):
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while True:
            answer = json.loads(self.monitor.readline() or '{"error": {"desc": "closed"}}')
            if "error" in answer:
                raise Wrong(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def ready(self):
        """Once more than it was before."""
        def said():
            self.alive()
            with open(self.at + ".out", encoding="ascii", errors="replace") as out:
                return out.read().count("guest-ready") > self.boots
        within("the guest is ready", said)
        self.boots += 1

    def send(self, line):
        """A line to the guest."""
        self.serial.write(line + "\n")
        self.serial.flush()

    def tell(self, line):
        """The same, and what it answers, without the ok."""
        self.send(line)
        return self.answer(line)

    def answer(self, line):
        while True:
            answer = self.serial.readline()
            if not answer:
                raise Wrong(f"the guest is silent; QEMU said: {self.complaint()}")
            answer = answer.strip()
            if answer == "ok" or answer.startswith("ok "):
                return answer[2:].strip()
            check(answer != "bad", f"the guest could not {line}")

    def own_stats(self):
        words = self.tell("stats").split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def resident(self):
        """What its memory takes of the host's, by the host's own counters, in bytes."""
        if self.backing.startswith("vmramfs"):
            stat = os.statvfs(os.path.dirname(self.memory))
            return os.stat(self.memory).st_blocks * 512 or (
                stat.f_blocks - stat.f_bfree) * stat.f_bsize
        if self.backing == "memfd":
            folder = f"/proc/{self.pid}/fd"
            for fd in os.listdir(folder):
                if "memfd:memory-backend-memfd" in os.readlink(f"{folder}/{fd}"):
                    return os.stat(f"{folder}/{fd}").st_blocks * 512
        size = 0
        with open(f"/proc/{self.pid}/smaps", encoding="ascii") as maps:
            for line in maps:
                words = line.split()
                if words[0] == "Size:":
                    size = int(words[1]) << 10
                elif words[0] == "Rss:" and size == MEMORY * MIB:
                    return int(words[1]) << 10
        raise Wrong("its memory is not found")

    def end(self):
        self.process.kill()
        self.process.wait()
        if self.backing.startswith("vmramfs") and os.path.exists(self.memory):
            os.unlink(self.memory)


def make_image(work):
    """A kernel of Debian's, and an initramfs with the balloon's driver and guest_balloon.c."""
    kernel, driver = guest_kernel()
    with open(find_built("guest_balloon"), "rb") as file:
        init = file.read()
    initramfs = os.path.join(work, "initramfs")
    with open(initramfs, "wb") as out:
        out.write(cpio_entry("init", 0o100755, init) +
                  cpio_entry("virtio_balloon.ko", 0o100644, driver) +
                  cpio_entry("TRAILER!!!", 0))
    return kernel, initramfs


class Acts:
    """What is done to a guest, on each kind of memory."""

    def __init__(self, work, qemu, path):
        self.work, self.qemu, self.path = work, qemu, path
        self.image, self.guest = make_image(work), None
        for name, huge in (("vmramfs", "never"), ("vmramfs-huge", "within_size")):
            mount = os.path.join(work, name)
            os.mkdir(mount)
            subprocess.run(["mount", "-t", "vmramfs", "-o", f"huge={huge},share_zero=off",
                            "none", mount], check=True)

    def start(self, backing):
        self.guest = Linux(self.work, self.qemu, self.image, backing, self.path)
        vmqos("adopt", "--pid", str(self.guest.pid))
        self.guest.ready()
        within("the balloon has a driver", lambda: balloon()["state"] != "unused")

    def stop(self):
        if self.guest:
            self.guest.end()
        self.guest = None
        within("the VM is forgotten", lambda: not vmqos("list")["vms"])

    def on(self, backing):
        self.start(backing)
        guest = self.guest
        guest.tell(f"hold {MEMORY // 8}")
        guest.tell(f"fill {MEMORY * 5 // 8}")
        given, before = balloon()["given"], guest.resident()
        state = balloon(f"{HALF}M", "--wait=600", "--reason", "test")
        after = guest.resident()
        say(f"{backing}: {before >> 20} MiB resident, {after >> 20} after {state['actual'] >> 20} "
            f"were given at {state['speed'] >> 20} MiB/s; {state['kicks']} kicks, "
            f"{state['calls']} calls; {state['reported'] >> 20} MiB reported")
        check(state["state"] == "reached" and state["actual"] == HALF * MIB, f"it is {state}")
        check(sum(state["refused"].values()) == 0, f"refused: {state['refused']}")
        check(before >= MEMORY * MIB * 3 // 4, f"only {before} bytes were there before")
        check(state["given"] - given >= 0.97 * HALF * MIB,
              f"of {HALF * MIB} bytes {state['given'] - given} were given")
        check(before - after >= 0.97 * HALF * MIB,
              f"the host has got {before - after} of {HALF * MIB} bytes")
        guest.tell("check")
        self.right_statistics(backing)
        state = balloon("off", "--wait=600")
        check(state["actual"] == 0, f"{state['actual']} bytes stayed in the balloon")
        guest.tell(f"fill {MEMORY * 5 // 8}")
        guest.tell("check")
        # What it has written it has freed again, and reports: on a slow machine by now.
        back = guest.resident() + balloon()["report_given"] - state["report_given"]
        check(back >= 0.97 * before, f"the guest has got {back} of {before} bytes back")
        in_use = vmqos("virtio", "del", DEVICE, fails=True)
        check(str(guest.pid) in in_use, in_use)

    def right_statistics(self, backing):
        """Asked for once a second, and read when the guest has just been asked itself."""
        guest = self.guest
        balloon("--period", "1")
        for _ in range(30):
            before = guest.own_stats()
            was = balloon().get("guest", {}).get("age_seconds", 0)
            within("statistics come", lambda was=was: balloon().get("guest", {}).get(
                "age_seconds", 1e9) < min(was, 0.5) or was == 0 and "guest" in balloon())
            told = balloon()["guest"]
            after = guest.own_stats()
            same = all(min(before[own], after[own]) - 4096 <= told[name] <=
                       max(before[own], after[own]) + 4096
                       for own, name in (("total", "total"), ("free", "free"),
                                         ("oom", "oom_kills"), ("minor", "faults_minor"),
                                         ("major", "faults_major")))
            if same:
                say(f"{backing}: total {told['total']}, free {told['free']}, available "
                    f"{told['available']}: as in the guest's own /proc, within a page")
                balloon("--period", "0")
                return
        raise Wrong(f"the guest has told {told}, and reads {before} and {after}")

    def memfd(self):
        self.on("memfd")
        self.stop()

    def vmramfs(self):
        self.on("vmramfs")
        self.stop()

    def vmramfs_huge(self):
        self.on("vmramfs-huge")
        self.stop()

    def anonymous(self):
        self.on("anonymous")

    def filled(self):
        """A guest, with half of its memory in the balloon."""
        if not self.guest:
            self.start("anonymous")
        balloon(f"{HALF}M", "--wait=600")
        return self.guest

    def reset(self):
        """It has the same target afterwards, and reaches it by itself."""
        self.filled()
        self.guest.call("system_reset")
        within("the balloon is empty", lambda: balloon()["actual"] == 0)
        self.guest.ready()
        within("it is filled again", lambda: balloon()["state"] == "reached")
        check(balloon()["actual"] == HALF * MIB, "it is filled otherwise")

    def reboot(self):
        """By the guest itself: the same."""
        self.filled()
        self.guest.send("reboot")
        within("the balloon is empty", lambda: balloon()["actual"] == 0)
        self.guest.ready()
        within("it is filled again", lambda: balloon()["state"] == "reached")
        check(balloon()["actual"] == HALF * MIB, "it is filled otherwise")

    def suspend(self):
        """
        A sleeping guest has its memory back; awake, it gives it again. Once: with every balloon
        QEMU's guest does not sleep a second time after system_wakeup.
        """
        guest = self.filled()
        guest.tell(f"hold {MEMORY // 8}")
        guest.send("suspend")
        within("it sleeps", lambda: guest.call("query-status")["status"] == "suspended")
        state = balloon()
        check(state["state"] == "unused" and not state["actual"], f"asleep, it is {state}")
        check(state["target"] == HALF * MIB, f"asleep, {state['target']} are asked for")
        in_use = vmqos("virtio", "del", DEVICE, fails=True)
        check(str(guest.pid) in in_use, in_use)
        guest.call("system_wakeup")
        guest.answer("suspend")
        within("it is filled again", lambda: balloon()["state"] == "reached")
        check(balloon()["actual"] == HALF * MIB, "awake, it is filled otherwise")
        guest.tell("check")
        balloon("off", "--wait=600")
        guest.tell(f"fill {MEMORY // 2}")
        guest.tell("check")

    def needs(self):
        """Out of memory it takes some from the balloon, and gives it again when it is asked to."""
        guest = self.filled()
        before = guest.own_stats()
        guest.tell(f"fill {(before['available'] >> 20) + 64}")
        state = balloon()
        say(f"{state['actual'] >> 20} of {HALF} MiB are left in the balloon")
        check(HALF * MIB // 8 <= state["actual"] <= (HALF - 32) * MIB, f"it is {state}")
        check(guest.own_stats()["oom"] == before["oom"], "something was killed")
        guest.tell("check")
        state = balloon(f"{HALF}M", "--wait=600")
        check(state["actual"] == HALF * MIB, f"it is {state}")

    def driver(self):
        self.filled()
        for _ in range(3):
            self.guest.tell("unbind")
            state = balloon()
            check(state["state"] == "unused" and not state["actual"], f"it is {state['state']}")
            self.guest.tell("bind")
            within("it is filled again", lambda: balloon()["state"] == "reached")
        balloon("off", "--wait=600")
        self.guest.tell("fill 64")

    def reporting(self):
        """What is free is reported, and is not when the device has been made without it."""
        for on in (False, True):
            self.stop()
            subprocess.run(["vmqos", "virtio", "del", DEVICE], check=True)
            if on:
                vmqos("virtio", "add", "balloon", DEVICE)
            else:
                add_without_reporting(DEVICE)
            self.path = vmqos("virtio", "list")["devices"][0]["path"]
            self.start("memfd")
            check(bool(balloon()["features"] & REPORTING) == on, "the driver has chosen otherwise")
            self.guest.tell(f"hold {MEMORY // 8}")
            self.guest.tell(f"fill {MEMORY * 5 // 8}")
            before = self.guest.resident()

            def back():
                return before - self.guest.resident()
            if on:
                within("most of it is reported", lambda: back() >= MEMORY * MIB // 2)
            else:
                # Linux reports 2 s after pages have become free.
                time.sleep(8)
            reported = balloon()["reported"]
            say(f"reporting {'on' if on else 'off'}: {before >> 20} MiB resident, {back() >> 10} "
                f"KiB less {'when they were free' if on else 'later'}; {reported >> 20} MiB reported")
            check(bool(reported) == on, f"{reported} bytes were reported")
            check(on or abs(back()) < MIB, f"{back()} bytes went by themselves")
            check(not sum(balloon()["report_refused"].values()), "some of it was refused")
            self.guest.tell("check")

    def killed(self):
        """At some moment while the balloon is being filled."""
        for _ in range(KILLS if LONG else 2):
            self.stop()
            self.start("memfd")
            balloon(f"{HALF}M")
            time.sleep(random.random() * 2)
            os.kill(self.guest.pid, signal.SIGKILL)
            within("the device is free", lambda: not vmqos("virtio", "list")["devices"][0]["in_use"])
        self.stop()
        check(vmqos("virtio", "list")["devices"][0]["state"] == "free", "it is not free")

    def deleted(self):
        began = time.monotonic()
        subprocess.run(["vmqos", "virtio", "del", DEVICE], check=True)
        say(f"deleted in {time.monotonic() - began:.2f} s")
        check(not vmqos("virtio", "list")["devices"], "it is still there")

    def clean_up(self):
        if self.guest:
            self.guest.end()
        subprocess.run(["vmqos", "virtio", "del", DEVICE], check=False, capture_output=True)
        for name in ("vmramfs", "vmramfs-huge"):
            subprocess.run(["umount", "-l", os.path.join(self.work, name)], check=False,
                           capture_output=True)


TESTS = ("memfd", "vmramfs", "vmramfs_huge", "anonymous", "reset", "reboot", "suspend", "needs",
         "driver", "reporting", "killed", "deleted")


def slow():
    """Whether a Linux guest is not to be had: CPUs that take turns wait long for each other."""
    clock = os.environ.get("VMQOS_CLOCK")
    return clock == "icount" or (clock == "single" and os.cpu_count() > 1)


def missing(qemu, linux=True):
    """Why it cannot be done here, or None."""
    if linux and not LONG:
        return "takes minutes: VMQOS_LONG=1, scripts/selftests --long --clock single --cpus 1 --test qemu:vdpa_balloon.py"
    if os.geteuid():
        return "needs root"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no /dev/kvm: load kvm_amd or kvm_intel"
    if linux and slow():
        return "a Debian guest takes too long to boot here: scripts/selftests --clock single --cpus 1"
    if not qemu:
        return "no QEMU with vhost-vdpa-device-pci (8.0 and later); name one in VMQOS_QEMU"
    if linux and not guest_kernel()[0]:
        return "no Debian kernel for the guest: scripts/kernels get 6.12"
    for module in ("vmqos", "vmqos_mem", "vmqos_virtio", "vhost_vdpa"):
        if not os.path.isdir(f"/sys/module/{module}") and \
           subprocess.run(["modprobe", module], capture_output=True, check=False).returncode:
            return f"the module {module} is neither loaded nor can modprobe load it"
    return None


def main():
    qemus = find_qemus() if LONG else []
    why = missing(qemus)
    if why:
        return skip_all(why)
    # Some of them only, to look for something.
    tests = sys.argv[1:] or os.environ.get("VMQOS_ACTS", "").split() or TESTS
    tap = Tap(len(tests) * len(qemus))
    for qemu in qemus:
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(["vmqos", "virtio", "del", DEVICE], check=False, capture_output=True)
            acts = Acts(work, qemu, vmqos("virtio", "add", "balloon", DEVICE)["path"])
            try:
                for name in tests:
                    tap.run(getattr(acts, name), f"{name}, QEMU {version(qemu)}")
            finally:
                acts.clean_up()
    return tap.status()


if __name__ == "__main__":
    sys.exit(main())
