#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A real QEMU on vmramfs, and all that is done to a guest's memory.

Its balloon is filled and emptied, it reports what is free, its disk reads and writes its
memory directly, pages of zeros are taken and others compressed, it is reset and migrated,
out of vmramfs and into it, with small pages and with large ones. After each act it looks
whether every word is where it was put, and the filesystem's own counters say what the host
has of it. The guest is that of selftests/qemu/memory.c: Linux takes minutes to boot.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../qemu"))
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from memory_guest import PAGE, Guest, within  # noqa: E402
from tap import Tap, Wrong, check, say, skip_all  # noqa: E402

LONG = os.environ.get("VMQOS_LONG", "0") not in ("", "0")
PARAMETERS = "/sys/module/vmqos_mem/parameters"
MIB = 24
# What the guest's program itself has, and who makes a page that is let go of a moment later.
OWN = 600
# Pages that an act is about: so many of what the guest has.
PART = 1000 * MIB // 64
# Of large pages what belongs to free ones beside those that hold something.
MORE = {"never": 64, "within_size": 4 * 512}


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    check(not done.returncode, f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def parameter(name, value):
    with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as file:
        file.write(str(value))


class Acts:
    """The guest goes from one act to the next, and is another QEMU after a migration."""

    def __init__(self, work):
        self.work = work
        self.mount = {}
        for huge in ("never", "within_size"):
            self.mount[huge] = os.path.join(work, huge)
            os.mkdir(self.mount[huge])
            run("mount", "-t", "vmramfs", "-o", f"huge={huge},share_zero=off", "none",
                self.mount[huge])
        disk = os.path.join(work, "disk")
        with open(disk, "wb") as image:
            image.truncate(4 << 20)
        run("modprobe", "loop")
        self.disk = run("losetup", "--find", "--show", disk)
        self.guests, self.guest, self.huge = [], None, None
        self.number = 0

    def start(self, huge, **options):
        """With pages of that size, or anonymous with None."""
        self.number += 1
        name = f"acts{self.number}"
        path = huge and os.path.join(self.mount[huge], name)
        guest = Guest(name, self.work, path, MIB, self.disk, **options)
        self.guests.append(guest)
        return guest

    def remount(self, options):
        run("mount", "-o", f"remount,{options}", self.mount[self.huge])

    def holds(self, what):
        """The guest has all its words, and the host no more than what holds them."""
        guest = self.guest
        guest.reported()
        state = guest.state()
        most = OWN + state["held"] + MORE.get(self.huge, 0)
        if self.huge:
            within(f"{what}: no more than {most} pages resident, not {guest.resident()}",
                   lambda: guest.resident() <= most)
            say(f"{what}: {state['held']} pages held, {guest.resident()} resident")
        guest.tell("check")

    def starts(self):
        self.guest, self.huge = self.start("never"), "never"
        self.holds("started")

    def is_filled(self):
        before = self.guest.state()["held"]
        self.guest.tell(f"fill {4 * PART} 1 7")
        self.guest.tell(f"fill {2 * PART} 2 8")
        self.guest.tell(f"fill {2 * PART} 0 9")
        check(self.guest.state()["held"] == before + 8 * PART, "the guest is not full")
        check(self.guest.resident() >= before + 8 * PART, "what it holds is not resident")
        self.holds("filled")

    def gives_zeros_back(self):
        parameter("scan_percent", 100)
        parameter("scan_period_ms", 0)
        parameter("split_pages", 1)
        self.remount("share_zero=on")
        guest, most = self.guest, OWN + self.guest.state()["held"] - 2 * PART + MORE[self.huge]
        within("zeros are given back", lambda: guest.resident() <= most and
               guest.counters()["zero-freed"] >= 2 * PART)
        say(f"{guest.counters()['zero-freed']} pages of zeros freed, {guest.resident()} resident")
        guest.tell("check")
        self.remount("share_zero=off")

    def reads_and_writes_its_disk(self):
        self.guest.tell(f"disk {PART}")
        self.holds(f"after {PART} pages of direct I/O")

    def fills_its_balloon(self):
        self.guest.tell(f"free {4 * PART}")
        held = self.guest.state()["held"]
        self.guest.balloon(MIB // 2)
        self.holds("the balloon has half of it")
        self.guest.tell("disk 64")
        self.guest.balloon(MIB)
        check(self.guest.state()["held"] == held, "pages were lost to the balloon")
        # What comes out of it is holes.
        self.guest.tell(f"holes {PART}")
        self.holds("the balloon is empty")
        self.guest.tell(f"fill {4 * PART} 1 3")
        self.holds("filled again")

    def reports_what_is_free(self):
        held = self.guest.state()["held"]
        self.guest.tell(f"free {3 * PART}")
        self.holds(f"{3 * PART} pages freed")
        check(self.guest.state()["held"] == held - 3 * PART, "not as many were freed")
        self.guest.tell(f"holes {PART}")
        self.holds(f"{PART} of them read")

    def is_limited(self):
        guest = self.guest
        limit = 2 * PART * PAGE
        self.remount(f"file_limit={limit}")
        within("the limit is come down to", lambda: guest.counters()["resident"] <= limit)
        counters = guest.counters()
        say(f"{counters['resident'] >> 10} KiB resident, {counters['stored'] >> 10} KiB of it "
            f"hold {counters['stored-raw'] >> 10} KiB compressed")
        check(counters["evicted"] > 0, "nothing was compressed")
        # The disk gets what is compressed, and writes to what is under a limit.
        guest.tell(f"disk {PART}")
        guest.tell("check")
        within("it is below the limit", lambda: guest.counters()["resident"] <= limit)
        check(guest.counters()["faults-stored"] > 0, "nothing came back")
        self.remount("file_limit=0")
        self.holds("without a limit")

    def is_reset(self):
        self.guest.call("system_reset")
        self.guest.ready()
        check(not self.guest.state()["held"], "the guest has not begun anew")
        self.holds("after the reset")
        self.guest.tell(f"fill {5 * PART} 1 21")
        self.guest.tell("disk 64")
        self.holds("filled again")

    def moves(self, huge):
        """While it writes to some of it all the time."""
        old, was = self.guest, self.huge
        new = self.start(huge, incoming=True)
        held = old.state()["held"]
        old.tell("work 200")
        old.migrate(new)
        old.end()
        if was:
            os.unlink(old.mem_path)
            within("the memory that was left is free",
                   lambda: not os.statvfs(self.mount[was]).f_blocks or self.used(was) == 0)
        self.guest, self.huge = new, huge
        new.tell("work 0")
        check(new.state()["held"] == held, "not all has come along")
        new.tell("check")
        # QEMU has looked at all of it. Zeros that were moved are holes again.
        if huge:
            say(f"{new.resident()} pages resident after the migration, {held} held")
            self.remount("share_zero=on")
            most = OWN + held + MORE[huge]
            within("zeros that were read are holes", lambda: new.resident() <= most)
            self.remount("share_zero=off")
        new.tell("disk 64")
        self.holds("after the migration")

    def used(self, huge):
        stat = os.statvfs(self.mount[huge])
        return (stat.f_blocks - stat.f_bfree) * stat.f_bsize

    def moves_to_large_pages(self):
        self.moves("within_size")

    def moves_to_anonymous_memory(self):
        self.moves(None)

    def moves_to_small_pages(self):
        self.moves("never")

    def does_the_same_with_large_pages(self):
        check(self.huge == "within_size", "it is elsewhere")
        self.guest.tell(f"free {MIB * 256}")
        for act in ("holds_nothing", "is_filled", "gives_zeros_back",
                    "reads_and_writes_its_disk", "fills_its_balloon", "reports_what_is_free",
                    "is_limited", "is_reset"):
            began = time.monotonic()
            getattr(self, act)()
            say(f"{act}: {time.monotonic() - began:.1f} s")

    def holds_nothing(self):
        self.holds("everything is freed")

    def refuses_postcopy(self):
        """QEMU from 8.1 on at once, older ones when the guest has been stopped: it is lost."""
        capabilities = [{"capability": "postcopy-ram", "state": True}]
        version = self.guest.call("query-version")["qemu"]
        new = self.start("never", incoming=True)
        try:
            new.call("migrate-set-capabilities", capabilities=capabilities)
        except Wrong as why:
            say(f"refused: {why}; {new.complaint()}")
            self.guest.tell("check")
            return
        check((version["major"], version["minor"]) < (8, 1), "postcopy was not refused")
        self.guest.call("migrate-set-capabilities", capabilities=capabilities)
        self.guest.call("migrate-set-parameters", **{"max-bandwidth": 1 << 20})
        self.guest.tell("work 200")
        self.guest.call("migrate", uri=new.incoming)
        self.guest.call("migrate-start-postcopy")
        within("the new one ends", lambda: new.process.poll() is not None)
        say(f"refused: {new.complaint()}")
        check("userfault register: Invalid argument" in new.complaint(), "it was for another reason")

    def ends(self):
        for guest in self.guests:
            guest.end()
            if guest.mem_path and os.path.exists(guest.mem_path):
                os.unlink(guest.mem_path)
        for huge, mount in self.mount.items():
            within(f"all of {huge} is free", lambda huge=huge: self.used(huge) == 0)
            within("it can be unmounted",
                   lambda mount=mount: not subprocess.run(["umount", mount], check=False,
                                                          capture_output=True).returncode)

    def clean_up(self):
        for guest in self.guests:
            guest.end()
        for name, value in (("scan_percent", 5), ("scan_period_ms", 10000), ("split_pages", 128)):
            parameter(name, value)
        for mount in self.mount.values():
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        subprocess.run(["losetup", "-d", self.disk], check=False)


TESTS = ("starts", "is_filled", "gives_zeros_back", "reads_and_writes_its_disk",
         "fills_its_balloon", "reports_what_is_free", "is_limited", "moves_to_large_pages",
         "does_the_same_with_large_pages", "moves_to_anonymous_memory", "moves_to_small_pages",
         "is_reset", "refuses_postcopy", "ends")


def missing():
    if not LONG:
        return "takes a minute or two: VMQOS_LONG=1, scripts/selftests --long --test mem:qemu_acts.py"
    if os.geteuid():
        return "needs root"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "no /dev/kvm: load kvm_amd or kvm_intel"
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("losetup", "util-linux")):
        if subprocess.run(["which", program], capture_output=True, check=False).returncode:
            return f"no {program} in PATH: it is in {package}"
    if not os.path.isdir(PARAMETERS) and \
       subprocess.run(["modprobe", "vmqos_mem"], capture_output=True, check=False).returncode:
        return "the module vmqos_mem is neither loaded nor can modprobe load it"
    return None


def main():
    why = missing()
    if why:
        return skip_all(why)
    tap = Tap(len(TESTS))
    with tempfile.TemporaryDirectory() as work:
        acts = Acts(work)
        try:
            for name in TESTS:
                tap.run(getattr(acts, name))
        finally:
            acts.clean_up()
    return tap.status()


if __name__ == "__main__":
    sys.exit(main())
