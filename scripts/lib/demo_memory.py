# SPDX-License-Identifier: GPL-2.0
"""What the guests of the demo's third act do, step by step.

    demo_memory.py SAMPLES STEPS

SAMPLES is what vmqos top writes meanwhile; how many lines of it there are at the end of
each step goes to STEPS, with what was done.
"""
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "selftests/qemu"))
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from memory_guest import Guest, Wrong, within  # noqa: E402

MOUNT = "/dev/vmram"
MIB = 256                       # pages


class Show:
    """Counts the samples, and tells what happens."""

    def __init__(self, samples, steps):
        self.samples, self.steps = samples, steps

    def seen(self):
        with open(self.samples, encoding="utf-8") as lines:
            return sum(1 for _ in lines)

    def wait(self, samples):
        until = self.seen() + samples
        within("vmqos top goes on", lambda: self.seen() >= until)

    def step(self, title, command=None):
        """What was done has had its effect: show it."""
        self.wait(2)
        with open(self.steps, "a", encoding="utf-8") as steps:
            steps.write(f"{self.seen()}\t{title}\n")
        print(f"\n{title}", flush=True)
        if command:
            print("$ " + command, flush=True)
        subprocess.run(["nice", "-n", "-10", "vmqos", "top", "--memory", "--once", "-d", "1"],
                       check=True)


def run(command):
    subprocess.run(command.split(), check=True)
    return command


def scanner(percent, period_ms):
    for name, value in (("scan_percent", percent), ("scan_period_ms", period_ms)):
        with open(f"/sys/module/vmqos_mem/parameters/{name}", "w", encoding="ascii") as out:
            out.write(str(value))


def adopted(name):
    return not subprocess.run(["vmqos", "show", name], check=False, capture_output=True).returncode


def play(show, work):
    web, db = (Guest(name, work, f"{MOUNT}/{name}") for name in ("web", "db"))
    for guest in (web, db):
        within(f"{guest.name} is adopted", lambda guest=guest: adopted(guest.name))
        guest.reported()
    show.step("web and db have started: what they have not touched takes nothing")

    web.tell(f"fill {44 * MIB} 1 7")
    db.tell(f"fill {16 * MIB} 2 8")
    db.tell(f"fill {24 * MIB} 0 9")
    show.step("both are at work: web fills 44 MiB, db 40, of which 24 are zeros")

    web.tell(f"free {20 * MIB}")
    web.reported()
    show.step("web frees 20 MiB, and reports its free pages as Linux does: the host has them back")

    scanner(100, 0)
    command = run(f"mount -o remount,share_zero=on {MOUNT}")
    within("zeros are found", lambda: db.resident() <= 19 * MIB)
    show.step("db's pages of zeros are found while it runs", command)

    web.balloon(32)
    show.step("web's balloon takes half of what it has: free as it was, nothing comes of it")
    web.balloon(64)

    command = run("vmqos set web --mem-limit 8M")
    within("web keeps its limit", lambda: web.resident() <= 8 * MIB)
    show.step("web gets a limit of 8 MiB: what it does not use is compressed", command)

    web.tell("work 256")
    web.tell("check")
    within("web keeps its limit", lambda: web.resident() <= 8 * MIB)
    web.tell("check")
    db.tell("check")
    show.step("both look at every word they have: all is there, and web stays at its limit")

    print()
    for guest in (web, db):
        held = guest.state()["held"]
        print(f"{guest.name} holds {held * 4096 >> 20} MiB in {guest.resident() * 4096 >> 20} MiB of the host")
    for guest in (web, db):
        guest.end()


def main():
    with tempfile.TemporaryDirectory() as work:
        try:
            play(Show(*sys.argv[1:3]), work)
        except Wrong as error:
            sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
