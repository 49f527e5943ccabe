#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An unmodified QEMU with a balloon that is served in the kernel, on a guest that is ready at once.

The guest (memory.c) knows what each of its pages holds. Half of its memory is taken and given
back, and the host has it by its own counters; its statistics are its own; it reports what is
free, and does not when it is told so; it is reset, its driver begins anew, vmqosd looks after it,
QEMU is killed at random moments and the device is deleted and made again: 100 times in the long form.

vdpa_balloon.py does some of this with Linux, which takes a minute to boot at best.
"""
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from memory_guest import PAGE, Guest, within  # noqa: E402
from tap import Tap, check, say, skip_all  # noqa: E402
from vdpa_balloon import LONG, MIB, find_qemus, missing, version, vmqos  # noqa: E402

DEVICE = "vmqos-kernel"
MEMORY = 64                     # MiB
HALF = MEMORY // 2 * MIB
# Pages that hold something all the time, and that did once: all that it gives out.
KEPT, USED = 3000, MEMORY * 256 - 1024 - 3000
KILLS = 100 if LONG else 5
STATS, REPORTING = 1 << 1, 1 << 5
BACKINGS = ("memfd", "vmramfs", "anonymous") if LONG else ("memfd",)


def balloon(*words):
    return vmqos("balloon", DEVICE, *words)


def device():
    return next(item for item in vmqos("virtio", "list")["devices"] if item["name"] == DEVICE)


def meminfo(name):
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name + ":"))


class Daemon:
    """vmqosd with a policy for all VMs; the tool finds it while it lasts."""

    def __init__(self, work, policy):
        folder = tempfile.mkdtemp(dir=work)
        self.path = os.path.join(folder, "vmqosd.sock")
        os.mkdir(os.path.join(folder, "policy"))
        with open(os.path.join(folder, "policy/a.conf"), "w", encoding="ascii") as file:
            file.write(f'[vm "*"]\n{policy}[daemon]\ncgroup-weights = no\n')
        self.command = ["vmqosd", "--verbose", "--config", os.path.join(folder, "policy"),
                        "--socket", self.path]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        os.environ["VMQOSD_SOCKET"] = self.path
        within("vmqosd listens", lambda: os.path.exists(self.path))
        return self

    def __exit__(self, *error):
        del os.environ["VMQOSD_SOCKET"]
        self.process.terminate()
        self.process.wait()


class Acts:
    """The guest goes from one act to the next."""

    def __init__(self, work, qemus):
        self.work, self.qemus, self.guest, self.count = work, qemus, None, 0
        self.mount = os.path.join(work, "mount")
        os.mkdir(self.mount)
        check(not os.system(f"mount -t vmramfs -o share_zero=off none {self.mount}"), "no vmramfs")
        self.took, self.pause = [], 1
        self.add()

    def add(self):
        self.path = vmqos("virtio", "add", "balloon", DEVICE)["path"]

    def delete(self):
        began = time.monotonic()
        vmqos("virtio", "del", DEVICE)
        self.took.append(time.monotonic() - began)

    def start(self, backing="memfd"):
        """With one QEMU after the other."""
        self.count += 1
        self.guest = Guest(
            DEVICE, self.work, mib=MEMORY, qemu=self.qemus[self.count % len(self.qemus)],
            mem_path=f"{self.mount}/{self.count}" if backing == "vmramfs" else None,
            memory="memory-backend-memfd,share=on" if backing == "memfd" else None,
            balloon=f"vhost-vdpa-device-pci,vhostdev={self.path},disable-legacy=on")
        vmqos("adopt", "--pid", str(self.guest.process.pid))
        within("the balloon has a driver", lambda: balloon()["state"] != "unused")

    def end(self):
        if self.guest:
            self.guest.end()
            if self.guest.mem_path:
                os.unlink(self.guest.mem_path)
        self.guest = None
        within("the device is free", lambda: device()["state"] == "free")
        within("the VM is forgotten", lambda: not vmqos("list")["vms"])

    def resident(self):
        """What the guest's memory takes of the host's, by the host's own counters, in bytes."""
        if self.guest.mem_path:
            return os.stat(self.guest.mem_path).st_blocks * 512
        folder = f"/proc/{self.guest.process.pid}"
        for name in os.listdir(folder + "/fd"):
            if "memory-backend-memfd" in os.readlink(f"{folder}/fd/{name}"):
                return os.stat(f"{folder}/fd/{name}").st_blocks * 512
        with open(folder + "/status", encoding="ascii") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon:"))

    def half(self, backing):
        """half of its memory goes to the host and comes back"""
        self.start(backing)
        guest = self.guest
        # What it reports as free would be the host's already.
        guest.tell(f"driver {STATS}")
        guest.tell(f"fill {KEPT} 2 5")
        guest.tell(f"fill {USED} 1 6")
        guest.tell(f"free {USED}")
        # A device counts for as long as it is there, whoever has it.
        before, deflated = self.resident(), balloon()["deflated"]
        check(before >= (KEPT + USED) * PAGE, f"only {before} bytes were there before")
        state = balloon(f"{HALF}", "--wait=300", "--reason", "test")
        back = before - self.resident()
        say(f"{backing}: {before >> 20} MiB resident, {back >> 10} KiB less with {HALF >> 20} MiB "
            f"in the balloon; {state['kicks']} kicks, {state['calls']} calls")
        check(state["state"] == "reached" and state["actual"] == HALF, f"it is {state}")
        check(not sum(state["refused"].values()), f"refused: {state['refused']}")
        check(back >= 0.97 * HALF, f"the host has got {back} of {HALF} bytes")
        check(guest.state()["balloon"] == HALF // PAGE, "the guest has another one")
        guest.tell("check")
        refusal = vmqos("virtio", "del", DEVICE, fails=True)
        check(str(guest.process.pid) in refusal, refusal)
        state = balloon("off", "--wait=300")
        check(state["actual"] == 0 and state["deflated"] - deflated == HALF, f"it is {state}")
        guest.tell(f"holes {HALF // PAGE}")
        guest.tell(f"fill {USED} 2 7")
        guest.tell("check")

    def memfd(self):
        """on memfd half of the guest's memory goes to the host and comes back"""
        self.half("memfd")

    def vmramfs(self):
        """the same on vmramfs"""
        self.end()
        self.half("vmramfs")

    def anonymous(self):
        """the same on anonymous memory"""
        self.end()
        self.half("anonymous")

    def tells(self):
        """what the guest tells of its memory is what it has, and comes when it is asked for"""
        own = self.guest.state()
        balloon("--period", "1")
        within("it has told how much is free", lambda: balloon().get("guest", {}).get(
            "free") == own["free"] * PAGE)
        told = balloon()["guest"]
        check(told["total"] == MEMORY * MIB and told["available"] == own["free"] * PAGE and
              told["oom_kills"] == 0, f"it has told {told}, and has {own}")
        self.guest.tell("kill")
        within("it has told of a killed process", lambda: balloon()["guest"]["oom_kills"] == 1)
        balloon("--period", "0")

    def reports(self):
        """what is free is reported and the host has it; not so when reporting is off"""
        guest = self.guest
        for features, reports in ((STATS, False), (STATS | REPORTING, True)):
            guest.tell(f"driver {features}")
            within("the driver has begun", lambda features=features: balloon()["features"] &
                   (STATS | REPORTING) == features)
            before, said = self.resident(), balloon()["reported"]
            guest.tell(f"free {USED // 2}")
            # An answer comes after a round of all that the guest does.
            if reports:
                guest.reported()
            guest.tell("check")
            back, said = before - self.resident(), balloon()["reported"] - said
            say(f"reporting {'on' if reports else 'off'}: {said >> 10} KiB reported, "
                f"{back >> 10} KiB less resident")
            if reports:
                check(said >= USED // 2 * PAGE <= back + 0.03 * said,
                      "not all that is free went to the host")
            else:
                check(said == 0 and back <= 64 * PAGE, "what was not reported is gone")
        check(not sum(balloon()["report_refused"].values()), "some of it was refused")

    def reset(self):
        """reset, the guest has the same target again and reaches it"""
        balloon(f"{HALF // 2}", "--wait=300")
        self.guest.call("system_reset")
        self.guest.ready()
        within("it is filled again", lambda: self.guest.state()["balloon"] == HALF // 2 // PAGE)
        within("it is reached", lambda: balloon()["state"] == "reached")
        check(balloon()["actual"] == HALF // 2, "it is filled otherwise")

    def driver(self):
        """a driver that begins anew begins with an empty balloon"""
        for _ in range(3):
            self.guest.tell(f"driver {STATS | REPORTING}")
            within("it is filled again", lambda: self.guest.state()["balloon"] ==
                   HALF // 2 // PAGE and balloon()["state"] == "reached")
            check(balloon()["actual"] == HALF // 2, "it is filled otherwise")
        balloon("off", "--wait=300")

    def controlled(self):
        """in vmqosd's hands it grows in steps, leaves the guest what it needs, and comes back"""
        self.end()
        self.start()
        with Daemon(self.work, "balloon-floor = 16M\nballoon-speed = 8M\n"):
            within("vmqosd looks after it", lambda: "controller" in balloon())
            began = time.monotonic()
            state = balloon("24M", "--wait=120", "--reason", "host")
            check(state["actual"] == 24 * MIB == state["controller"]["target"] and
                  state["controller"]["state"] == "reached" and
                  state["controller"]["reason"] == "host" and state["reason"] == "vmqosd",
                  f"it is {state}")
            check(time.monotonic() - began > 1, "all of it was asked for at once")
            check(vmqos("balloon")["balloons"][0]["backend"] == "kernel" and
                  len(vmqos("balloon")["balloons"]) == 1, "it is listed twice")
            refusal = vmqos("balloon", DEVICE, "1G", fails=True)
            check("cannot hold" in refusal, refusal)
            # The guest needs memory, and gets it without having to ask for it.
            self.guest.tell(f"fill {self.guest.state()['free'] - 3000} 2 9")
            within("it has its memory back", lambda: balloon()["actual"] == 0)
            state = balloon()
            check(state["controller"]["state"] == "resting" and
                  state["controller"]["target"] == 24 * MIB, f"it is {state}")
            self.guest.tell("check")
        state = balloon("8M", "--wait=120")
        check(state["actual"] == 8 * MIB and "controller" not in state,
              f"without vmqosd it is {state}")

    def killed(self):
        """QEMU is killed at random moments: nothing stays, and the device is deleted within a second"""
        self.end()
        seed = int(os.environ.get("VMQOS_SEED") or random.randrange(1 << 32))
        say(f"VMQOS_SEED={seed}")
        rand = random.Random(seed)
        free, shmem, amid = 0, 0, 0
        for number in range(KILLS):
            self.start(rand.choice(BACKINGS))
            self.guest.tell(f"fill {rand.randrange(1000)} 2 1")
            target = rand.randrange(HALF // PAGE // 2, HALF // PAGE) * PAGE
            # By another thread, so that it comes upon all that is done meanwhile.
            killer = threading.Timer(rand.random() * self.pause, os.kill,
                                     (self.guest.process.pid, signal.SIGKILL))
            killer.start()
            began = time.monotonic()
            for size in (f"{target}", "off") * 2:
                subprocess.run(["vmqos", "balloon", DEVICE, size], capture_output=True,
                               check=False)
            # So that it comes within that the next time.
            self.pause = time.monotonic() - began
            killer.join()
            self.end()
            left, last = device(), balloon_by_device()
            check(not left["in_use"] and left["state"] == "free", f"kill {number}: {left}")
            check(last["actual"] == 0, f"kill {number}: it is not empty")
            amid += last["inflated"] != last["deflated"]
            self.delete()
            self.add()
            if number == 1:
                free, shmem = meminfo("MemAvailable"), meminfo("Shmem")
        lost, more = free - meminfo("MemAvailable"), meminfo("Shmem") - shmem
        say(f"{KILLS} killed, {amid} of them with something in the balloon; {lost >> 10} KiB less available, "
            f"{more >> 10} KiB more shared; deleted within {statistics.median(self.took):.2f} s, "
            f"{max(self.took):.2f} at most")
        # A guest's memory, and be it of one alone, is more than that.
        check(more < 4 * MIB and lost < 32 * MIB, "memory has stayed behind")
        check(statistics.median(self.took) < 1, "deleting takes too long")
        self.start()
        balloon(f"{HALF}", "--wait=300")
        check(self.guest.state()["balloon"] == HALF // PAGE, "it works no more")

    def deleted(self):
        """in use by nobody, the device is deleted"""
        self.end()
        self.delete()
        check(not vmqos("virtio", "list")["devices"], "it is still there")

    def clean_up(self):
        if self.guest:
            self.guest.end()
        os.system(f"vmqos virtio del {DEVICE} 2>/dev/null; umount -l {self.mount}")


def balloon_by_device():
    return next(item for item in vmqos("balloon")["balloons"] if item["device"] == DEVICE)


def main():
    qemus = find_qemus()
    why = missing(qemus, linux=False)
    if why:
        return skip_all(why)
    names = [*BACKINGS, "tells", "reports", "reset", "driver", "controlled", "killed", "deleted"]
    tap = Tap(len(names))
    say("QEMU " + ", ".join(map(version, qemus)))
    with tempfile.TemporaryDirectory() as work:
        os.system(f"vmqos virtio del {DEVICE} 2>/dev/null")
        acts = Acts(work, qemus)
        try:
            for name in names:
                act = getattr(acts, name)
                tap.run(act, act.__doc__)
        finally:
            acts.clean_up()
    return tap.status()


if __name__ == "__main__":
    sys.exit(main())
