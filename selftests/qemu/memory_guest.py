# SPDX-License-Identifier: GPL-2.0
"""A real QEMU with the memory guest (memory.c) in it, for tests and for the demo."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import time

from tap import Wrong

HERE = os.path.dirname(os.path.realpath(__file__))
PAGE = 4096
# The machine may stand still for as long as it likes; a guest that hangs does so for good. By
# the clock of instructions time flies while everybody waits for a file: there the test host
# has a limit.
PATIENCE = 100000 if os.environ.get("VMQOS_CLOCK") == "icount" else 900


def within(what, condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def firmware():
    for folder in (HERE, os.path.join(HERE, "../../build/selftests/qemu")):
        path = os.path.join(folder, "memory.bin")
        if os.access(path, os.R_OK):
            return path
    raise Wrong("the guest memory.bin is not built: run make selftests")


def connect(path, alive):
    """To a socket of QEMU's, which is there a moment before it listens."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(PATIENCE)

    def connected():
        alive()
        try:
            stream.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True
    within(path, connected)
    return stream


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Guest:
    """One with its memory in the file at mem_path, in what memory says, or anonymous."""

    def __init__(self, name, work, mem_path=None, mib=64, disk=None, incoming=False,
                 arguments=(), memory=None, balloon="virtio-balloon-pci,free-page-reporting=on",
                 qemu=("qemu-system-x86_64", None)):
        self.name, self.mem_path, self.disk, self.mib = name, mem_path, disk, mib
        at = os.path.join(work, name)
        self.said, self.errors = at + ".out", at + ".err"
        memory = f"{memory or 'memory-backend-ram'},id=m,size={mib}M"
        if mem_path:
            memory = (f"memory-backend-file,id=m,size={mib}M,mem-path={mem_path},share=on,"
                      "align=2M")
        command = [
            qemu[0], "-name", f"guest={name},debug-threads=on", "-nodefaults",
            "-no-user-config", "-display", "none", "-accel", "kvm", "-cpu", "host",
            "-machine", "q35,smm=off,vmport=off,memory-backend=m", "-object", memory,
            "-m", f"{mib}M", "-bios", firmware(),
            "-chardev", f"socket,id=s,path={at}.serial,server=on,wait=off,logfile={self.said}",
            "-serial", "chardev:s", "-qmp", f"unix:{at}.qmp,server=on,wait=off",
            "-device", balloon]
        if disk:
            command += ["-drive", f"file={disk},cache=none,if=none,id=d,format=raw",
                        "-device", "virtio-blk-pci,drive=d"]
        self.incoming = f"unix:{at}.migration"
        if incoming:
            command += ["-incoming", self.incoming]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                command + list(arguments), stdin=subprocess.DEVNULL, stdout=errors,
                stderr=subprocess.STDOUT, env=qemu[1], preexec_fn=die_with_parent)
        try:
            self.serial = connect(at + ".serial", self.alive).makefile(
                "rw", encoding="ascii", errors="replace")
            self.monitor = connect(at + ".qmp", self.alive).makefile("rw", encoding="utf-8")
            self.monitor.readline()
            self.call("qmp_capabilities")
            self.boots = 0
            if not incoming:
                self.ready()
        except (OSError, Wrong) as error:
            self.end()
            raise Wrong(f"{name}: {error}; QEMU said: {self.complaint()}") from error

    def complaint(self):
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            return errors.read().strip() or "nothing"

    def alive(self):
        if self.process.poll() is not None:
            raise Wrong(f"{self.name} has ended: {self.complaint()}")
        return True

    def ready(self):
        """Once more than it was before."""
        def said():
            self.alive()
            with open(self.said, encoding="ascii", errors="replace") as out:
                return out.read().count("guest-ready") > self.boots
        within(f"{self.name} is ready", said)
        self.boots += 1
        # Nobody may have been there to hear it: an answer is what tells.
        self.tell("state", any_answer=True)

    def tell(self, line, any_answer=False):
        """A line to the guest; what it answers, without the ok."""
        self.serial.write(line + "\n")
        self.serial.flush()
        while True:
            answer = self.serial.readline()
            if not answer:
                raise Wrong(f"{self.name} is silent; QEMU said: {self.complaint()}")
            if answer.startswith("ok"):
                return answer[2:].strip()
            if answer.startswith("bad") and not any_answer:
                raise Wrong(f"{self.name}: {line}: {answer.strip()}")

    def call(self, command, **arguments):
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while True:
            line = self.monitor.readline()
            if not line:
                raise Wrong(f"{self.name}: {command}: QEMU said: {self.complaint()}")
            answer = json.loads(line)
            if "error" in answer:
                raise Wrong(f"{self.name}: {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def state(self):
        """Pages that hold something, are free, are in the balloon, are yet to be reported."""
        return dict(zip(("held", "free", "balloon", "unreported"),
                        map(int, self.tell("state").split())))

    def reported(self):
        within(f"{self.name} reports what is free", lambda: not self.state()["unreported"])

    def balloon(self, mib):
        """Have the guest keep so much, and wait until that is so."""
        self.call("balloon", value=mib << 20)
        within(f"{self.name}'s balloon", lambda: self.call("query-balloon")["actual"] == mib << 20
               and self.state()["balloon"] == (self.mib - mib << 20) // PAGE)

    def counters(self):
        """What the filesystem says of its memory."""
        folder = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(folder):
            if os.readlink(os.path.join(folder, name)) == self.mem_path:
                with open(f"/proc/{self.process.pid}/fdinfo/{name}", encoding="ascii") as info:
                    # Histograms are numbers in a row: they stay text.
                    lines = (line.split(maxsplit=1) for line in info
                             if line.startswith("mem-"))
                    return {key[4:-1]: int(value) if value.strip().isdigit() else value.strip()
                            for key, value in lines}
        raise Wrong(f"{self.name} has not opened {self.mem_path}")

    def resident(self):
        """Pages."""
        return self.counters()["resident"] // PAGE

    def migrate(self, to):
        self.call("migrate", uri=to.incoming)

        def moved():
            info = self.call("query-migrate")
            if info.get("status") in ("failed", "cancelled"):
                raise Wrong(f"the migration: {info.get('error-desc', info['status'])}; "
                            f"{to.name}: {to.complaint()}")
            return info.get("status") == "completed"
        within("the migration", moved)
        within(f"{to.name} runs", lambda: to.call("query-status")["status"] == "running")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
