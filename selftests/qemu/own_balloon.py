#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""vmqosd and the balloon that QEMU itself has, with a Linux guest in it.

The balloon is filled with half of the guest's memory and the host gets it; the guest
is given back what it needs; vmqosd is killed and finds the balloon again; a guest that
stands still is left out; QEMU is killed. In the long form also a guest with
deflate-on-oom that needs memory all at once, and a reset.

usage: own_balloon.py [TEST...]
"""
import importlib.machinery
import importlib.util
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from tap import Skip, Tap, Wrong, check, say, skip_all  # noqa: E402
from vdpa_balloon import slow  # noqa: E402

LONG = os.environ.get("VMQOS_LONG", "0") not in ("", "0")
MIB = 1 << 20
SIZE = 256                      # MiB of the guest
HALF = SIZE // 2


def within(seconds, what, condition):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.1)


def helper():
    """scripts/guest, which knows kernels and initramfs, as a module."""
    for path in (shutil.which("guest"), os.path.join(HERE, "../../scripts/guest")):
        if path and os.path.exists(path):
            loader = importlib.machinery.SourceFileLoader("guest", path)
            module = importlib.util.module_from_spec(
                importlib.util.spec_from_loader("guest", loader))
            loader.exec_module(module)
            return module
    raise Skip("scripts/guest is not there")


def driver(kernel):
    """The balloon's driver that belongs to a kernel of the cache, or to the running one."""
    below = os.path.join(os.path.dirname(kernel), "root")
    for root in (below, ""):
        for path in glob.glob(f"{root}/lib/modules/*/kernel/drivers/virtio/virtio_balloon.ko"):
            if root or os.uname().release in path:
                return path
    raise Skip(f"no virtio_balloon.ko for the guest's kernel {kernel}")


class Guest:
    """A QEMU with a balloon, and a Linux in it that does as it is told."""

    def __init__(self, name, work, options=""):
        guest = helper()
        kernel = guest.find_kernel(None)
        built = os.path.join(HERE, "balloon_init")
        self.name, self.seen = name, []
        self.qmp_path = os.path.join(work, name + ".qmp")
        self.own_path = os.path.join(work, name + ".vmqos")
        image = os.path.join(work, name + ".cpio")
        with open(image, "wb") as out:
            for file, source, mode in (("init", built, 0o100755),
                                       ("virtio_balloon.ko", driver(kernel), 0o100644)):
                with open(source, "rb") as data:
                    out.write(guest.cpio_entry(file, mode, data.read()))
            out.write(guest.cpio_entry("TRAILER!!!", 0))
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-name", f"guest={name}", "-nodefaults", "-no-user-config",
             "-display", "none", "-machine", "q35,smm=off,vmport=off", "-accel", "kvm",
             "-cpu", "host", "-smp", "1", "-m", f"{SIZE}M", "-serial", "stdio",
             "-kernel", kernel, "-initrd", image, "-append", guest.KERNEL_PARAMETERS,
             "-chardev", f"socket,id=vmqos,path={self.own_path},server=on,wait=off",
             "-mon", "chardev=vmqos,mode=control",
             "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
             "-device", "virtio-balloon-pci,id=b0" + options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=guest.die_with_parent)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for raw in self.qemu.stdout:
            text = raw.decode(errors="replace")
            at = text.find("vmqos-guest-")
            if at >= 0:
                self.seen.append(text[at + len("vmqos-guest-"):].split())
            else:
                self.seen.append(["#", text.strip()])

    def said(self, word, times=1):
        found = [words[1:] for words in self.seen if words and words[0] == word]
        return found[times - 1] if len(found) >= times else None

    def ready(self, times=1):
        try:
            within(400, f"{self.name} is ready", lambda: self.said("ready", times) or
                   self.qemu.poll() is not None)
            check(self.qemu.poll() is None, "QEMU has ended")
        except Wrong:
            say("\n".join(" ".join(words) for words in self.seen[-20:]))
            raise

    def tell(self, line):
        self.qemu.stdin.write(line.encode() + b"\n")
        self.qemu.stdin.flush()

    def do(self, line, word, seconds=120):
        """One command, and the numbers of its answer."""
        before = sum(words[:1] == [word] for words in self.seen)
        self.tell(line)
        answer = within(seconds, f"{self.name}: {line}", lambda: self.said(word, before + 1))
        return [int(number) for number in answer]

    def resident(self):
        with open(f"/proc/{self.qemu.pid}/status", encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) * 1024

    def qmp(self, command):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(self.qmp_path)
            stream = monitor.makefile("r", encoding="utf-8")
            stream.readline()
            for name in ("qmp_capabilities", command):
                monitor.sendall(json.dumps({"execute": name}).encode() + b"\n")
                while "return" not in json.loads(stream.readline()):
                    pass

    def end(self):
        self.qemu.kill()
        self.qemu.wait()


class Daemon:
    """vmqosd with a socket, a policy and a log of the test's own."""

    def __init__(self, work):
        self.work = work
        self.path = os.path.join(work, "vmqosd.sock")
        self.log = os.path.join(work, "vmqosd.log")
        os.mkdir(os.path.join(work, "policy"))
        with open(os.path.join(work, "policy/a.conf"), "w", encoding="ascii") as file:
            file.write('[vm "*"]\nballoon-speed = 64M\n[daemon]\ncgroup-weights = no\n')
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["vmqosd", "--verbose", "--config", os.path.join(self.work, "policy"),
                 "--socket", self.path], stdout=log, stderr=log)
        within(60, "vmqosd listens", lambda: os.path.exists(self.path) and self.ask(
            {"op": "balloon-list"}))

    def ask(self, request):
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(self.path)
                client.sendall(json.dumps(request).encode() + b"\n")
                return json.loads(client.makefile("r").readline())
        except (ConnectionError, FileNotFoundError):
            return None

    def get(self, vm):
        answer = self.ask({"op": "balloon-get", "vm": vm})
        check(answer and "error" not in answer, f"{vm}: {answer}")
        return answer

    def set(self, vm, mib):
        answer = self.ask({"op": "balloon-set", "vm": vm, "target": mib * MIB})
        check(answer and "error" not in answer, f"{vm}: {answer}")
        return answer

    def until(self, vm, what, condition, seconds=120):
        last = {}

        def look():
            last.update(self.get(vm))
            return condition(last)
        try:
            within(seconds, what, look)
        except Wrong:
            say(json.dumps(last))
            raise
        return last

    def reached(self, vm, mib):
        return self.until(vm, f"{mib} MiB in the balloon", lambda balloon:
                          balloon["actual"] == mib * MIB and
                          balloon["state"] in ("reached", "empty"))


class Tests:
    """In order, each begun with what the one before has left."""

    def __init__(self, work):
        self.work = work
        self.daemon = Daemon(work)
        self.guest = Guest("own", work)

    def end(self):
        self.guest.end()
        self.daemon.process.kill()
        self.daemon.process.wait()

    def listed(self, vm):
        within(60, f"{vm} in the list", lambda: any(
            balloon["name"] == vm for balloon in
            self.daemon.ask({"op": "balloon-list"})["balloons"]))

    def is_found(self):
        """a guest that starts is found, and its balloon is empty"""
        self.guest.ready()
        self.listed("own")
        balloon = self.daemon.get("own")
        check(balloon["backend"] == "qemu" and balloon["state"] == "empty" and
              balloon["memory"] == SIZE * MIB, balloon)

    def gives_half(self):
        """half of its memory goes into the balloon, and the host has it"""
        # All that is free was in use once, so that the host has given it.
        self.guest.do(f"eat {HALF + 32} 0", "ate")
        self.guest.do("free", "freed")
        total = self.guest.do("memory", "memory")[0]
        before = self.guest.resident()
        self.daemon.set("own", HALF)
        start = time.monotonic()
        self.daemon.reached("own", HALF)
        took = time.monotonic() - start
        back = before - self.guest.resident()
        now = self.guest.do("memory", "memory")[0]
        say(f"{back / MIB:.1f} MiB back in {took:.1f} s, the guest's total {total} to {now} KiB")
        check(back >= 0.97 * HALF * MIB, f"the host got {back} bytes back")
        check(total - now == HALF * 1024, "the guest's total does not shrink by the balloon")

    def tells(self):
        """what the guest tells is what it sees itself"""
        def same():
            before = self.guest.do("memory", "memory")
            stats = self.daemon.get("own")["stats"]
            after = self.guest.do("memory", "memory")
            total = stats["total"] // 1024
            near = abs(stats["available"] // 1024 - before[1]) <= 2048
            return total == before[0] == after[0] and near and stats
        stats = within(60, "statistics that are the guest's own", same)
        check(stats["swap_in"] == 0 and stats["faults_major"] >= 0, stats)

    def needs_it(self):
        """a guest that needs memory is given back, in time and for a while"""
        before = self.daemon.get("own")["stats"].get("oom_kills", 0)
        self.guest.do("eat 90 6", "ate", 240)
        balloon = self.daemon.until("own", "memory given back", lambda balloon:
                                    balloon["state"] == "resting" and
                                    balloon["actual"] < HALF * MIB - 8 * MIB)
        check(balloon["stats"].get("oom_kills", 0) == before, "it had to kill")
        check(self.guest.do("free", "freed") == [0], "memory of the guest has changed")

    def survives_the_daemon(self):
        """vmqosd is killed: the next one finds the balloon and lets it be"""
        self.daemon.set("own", 0)
        self.daemon.reached("own", 0)
        within(90, "the rest is over", lambda: not self.daemon.set("own", HALF // 2)
               ["state"] == "resting")
        self.daemon.reached("own", HALF // 2)
        self.daemon.process.send_signal(signal.SIGKILL)
        self.daemon.process.wait()
        self.daemon.start()
        balloon = self.daemon.until("own", "it is found", lambda balloon:
                                    balloon["reason"] == "found")
        check(balloon["actual"] == balloon["target"] == HALF // 2 * MIB, balloon)

    def stands_still(self):
        """a guest that stands still is left out, and takes part when it goes on"""
        self.guest.qmp("stop")
        self.daemon.until("own", "it is called silent",
                          lambda balloon: balloon["state"] == "silent")
        balloon = self.daemon.set("own", HALF)
        check(balloon["asked"] == balloon["actual"], balloon)
        self.guest.qmp("cont")
        self.daemon.reached("own", HALF)

    def is_reset(self):
        """a reset guest starts with an empty balloon, which fills later"""
        self.guest.qmp("system_reset")
        balloon = self.daemon.until("own", "the balloon is asked to be empty", lambda balloon:
                                    balloon["asked"] == 0 and balloon["actual"] == 0)
        check(balloon["target"] == HALF * MIB, balloon)
        self.guest.ready(2)
        self.daemon.reached("own", HALF)

    def needs_all_at_once(self):
        """with deflate-on-oom a guest takes at once what it needs"""
        other = Guest("oom", self.work, ",deflate-on-oom=on")
        try:
            other.ready()
            self.listed("oom")
            total = other.do("memory", "memory")[0]
            self.daemon.set("oom", HALF)
            self.daemon.reached("oom", HALF)
            check(other.do("memory", "memory")[0] == total, "its total shrinks by the balloon")
            other.do(f"eat {SIZE - 110} 0", "ate", 240)
            balloon = self.daemon.until("oom", "the balloon is smaller", lambda balloon:
                                        balloon["actual"] < HALF * MIB and
                                        balloon["state"] == "resting")
            check(balloon["asked"] <= balloon["actual"], balloon)
            check(other.do("free", "freed") == [0], "memory of the guest has changed")
        finally:
            other.end()

    def is_killed(self):
        """QEMU is killed: vmqosd forgets it and goes on"""
        self.guest.end()
        within(30, "it is gone", lambda: not self.daemon.ask(
            {"op": "balloon-list"})["balloons"])
        check(self.daemon.process.poll() is None, "vmqosd has ended")


def prerequisites():
    if os.geteuid():
        raise Skip("needs root")
    if not os.access("/dev/kvm", os.W_OK):
        raise Skip("no /dev/kvm: load kvm_amd or kvm_intel")
    for program in ("qemu-system-x86_64", "vmqosd", "vmqos"):
        if not shutil.which(program):
            raise Skip(f"no {program} in PATH")
    if slow():
        raise Skip("a Debian guest takes too long to boot here: "
                   "scripts/selftests --clock single --cpus 1 --test qemu:own_balloon.py")
    if subprocess.run(["vmqos", "host"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run(["modprobe", "vmqos"], check=False)
    if not LONG:
        raise Skip("only in the long form: scripts/selftests --long")


def main():
    os.environ["PATH"] = f"{HERE}/../bin:{os.environ['PATH']}"
    names = sys.argv[1:] or ["is_found", "gives_half", "tells", "needs_it", "survives_the_daemon",
                             "stands_still", "is_reset", "needs_all_at_once", "is_killed"]
    try:
        prerequisites()
        work = tempfile.mkdtemp(prefix="vmqos-own-")
        tests = Tests(work)
    except Skip as reason:
        sys.exit(skip_all(reason))
    tap = Tap(len(names))
    try:
        for name in names:
            test = getattr(tests, name)
            if not tap.run(test, test.__doc__):
                with open(tests.daemon.log, encoding="utf-8", errors="replace") as log:
                    say("\n".join(log.read().splitlines()[-30:]))
    finally:
        tests.end()
        shutil.rmtree(work)
    sys.exit(tap.status())


if __name__ == "__main__":
    main()
