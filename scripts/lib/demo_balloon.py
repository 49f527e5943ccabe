# SPDX-License-Identifier: GPL-2.0
"""What the Linux guest of the demo's fourth act does, and what its balloon is asked.

    demo_balloon.py SAMPLES STEPS STATS

SAMPLES and STEPS are as of demo_memory.py; STATS becomes the table of what the host has given,
beside what the guest tells.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from demo_memory import MOUNT, Show, adopted, run  # noqa: E402
from memory_guest import Wrong, within  # noqa: E402
import vdpa_balloon  # noqa: E402

NAME, DEVICE = "web", "web-balloon"
HOLD, USE = 48, 240             # MiB that the guest keeps, and that it uses and frees
WANTED = vdpa_balloon.HALF
MIB = 1 << 20


def balloon():
    done = subprocess.run(["vmqos", "--json", "balloon", NAME], check=True, capture_output=True)
    return json.loads(done.stdout)


class Beside:
    """What the guest tells, beside what the host has given."""

    def __init__(self, show, guest, path):
        self.show, self.guest, self.path, self.number = show, guest, path, 0
        self.write(f"{'':4}{'host gives':>14}{'in balloon':>14}{'guest has':>14}"
                   f"{'it could use':>14}")

    def write(self, line):
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(line.rstrip() + "\n")

    def step(self, title, command=None):
        """Once the guest has told what it has now."""
        was = balloon()["time_ns"]
        within("the guest tells what it has", lambda: (now := balloon()).get(
            "guest", {}).get("age_seconds", 1e9) * 1e9 < now["time_ns"] - was)
        told = balloon()
        values = (self.guest.resident(), told["actual"], told["guest"]["total"],
                  told["guest"]["available"])
        self.number += 1
        self.write(f"{self.number:>4}" + "".join(f"{value / MIB:>10.1f} MiB" for value in values)
                   + f"\n      {title}")
        self.show.step(title, command)
        # A command has told it by itself.
        if not command:
            print(flush=True)
            subprocess.run(["vmqos", "balloon", NAME], check=True)


def start(work, qemu):
    """The guest's image, made as the test of balloons makes it."""
    vdpa_balloon.DEVICE = NAME
    # That free pages are reported would be an act of its own.
    vdpa_balloon.add_without_reporting(DEVICE)
    made = subprocess.run(["vmqos", "--json", "virtio", "list"], check=True, capture_output=True)
    path = json.loads(made.stdout)["devices"][0]["path"]
    os.symlink(MOUNT, os.path.join(work, "vmramfs"))
    guest = vdpa_balloon.Linux(work, qemu, vdpa_balloon.make_image(work), "vmramfs", path)
    within(f"{NAME} is adopted", lambda: adopted(NAME))
    print("Linux boots in it ...", flush=True)
    guest.ready()
    within("the balloon has a driver", lambda: balloon()["state"] != "unused")
    return guest


def play(show, stats, work, qemu):
    guest = start(work, qemu)
    run(f"vmqos balloon {NAME} --period 1")
    beside = Beside(show, guest, stats)

    guest.tell(f"hold {HOLD}")
    guest.tell(f"fill {USE}")
    beside.step(f"web holds {HOLD} MiB, and has used {USE} more and freed them: the host does not know")
    command = run(f"vmqos balloon {NAME} {WANTED}M --wait=600 --reason demo")
    beside.step(f"{WANTED} MiB into the balloon: the host has what the guest did not need", command)
    command = run(f"vmqos balloon {NAME} off --wait=600")
    beside.step("the balloon is empty: free to the guest, and nothing until it is used", command)
    guest.tell(f"fill {USE}")
    guest.tell("check")
    beside.step(f"web uses {USE} MiB of it again, and every word it holds is as it was")
    guest.end()


def main():
    qemu = vdpa_balloon.find_qemu()
    if not qemu:
        print("There is no QEMU with vhost-vdpa-device-pci (8.0 and later) here: name one in VMQOS_QEMU")
        return
    with tempfile.TemporaryDirectory() as work:
        try:
            play(Show(*sys.argv[1:3]), sys.argv[3], work, qemu)
        except Wrong as error:
            sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
