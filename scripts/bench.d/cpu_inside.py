# SPDX-License-Identifier: GPL-2.0
"""Inside the test host: run scenarios in their modes, print a line of JSON for each run.

What a VM received is read from the kernel's clocks of its threads' CPU time, which are
exact while a thread runs, and of the same threads' schedstat: neither knows our module.
"""
import json
import os
import signal
import subprocess
import sys
import time

import division

CGROUP = "/sys/fs/cgroup"
SLICE = os.path.join(CGROUP, "vms.slice")
HOST_SLICE = os.path.join(CGROUP, "host.slice")
VMM = sys.argv[2]
SETTINGS = json.loads(sys.argv[1])
SAMPLE_MS = SETTINGS.get("sample", 100)
# What the measuring itself does at a stretch is kept so far away from what is measured that
# samples of a VM's CPU time lie between: it holds everybody up.
APART = 2.5 * SAMPLE_MS / 1000


def write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(str(text))


def vmqos(*words):
    done = subprocess.run(["vmqos", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"vmqos {' '.join(map(str, words))}: {done.stderr.strip()}")


class Running:
    """A VM that runs, in a process of its own."""

    def __init__(self, name, vcpus, workload):
        self.name = name
        self.process = subprocess.Popen(
            [VMM, "--control", "--stopped", "--name", name, "--vcpus", str(vcpus), workload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid
        self.answer("ready")

    def answer(self, last="ok"):
        lines = []
        for line in self.process.stdout:
            if line.strip() == last:
                return lines
            if line.startswith("error"):
                raise RuntimeError(f"{self.name}: {line.strip()}")
            lines.append(line.split())
        raise RuntimeError(f"{self.name} has ended")

    def tell(self, command):
        self.process.stdin.write(command + "\n")

    def command(self, command):
        self.tell(command)
        return self.answer()

    def move(self, folder):
        write(os.path.join(folder, "cgroup.procs"), self.pid)

    def samples(self):
        return [[int(value) for value in line[1:]] for line in self.command("samples")]

    def schedstat(self):
        total = 0
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{tid}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
        return total

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def others(running):
    """Name and run time of all threads but the VMs' and our own."""
    ours = {os.getpid()} | {vm.pid for vm in running}
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in ours:
            continue
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as stat:
                    ran = int(stat.read().split()[0])
                with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as comm:
                    found[tid] = [comm.read().strip().split("/")[0], ran]
        except OSError:
            continue
    return {"time": time.monotonic_ns(), "threads": found}


def snapshot(running):
    with open("/proc/stat", encoding="ascii") as stat:
        fields = stat.readline().split()
    return {"time": time.monotonic_ns(), "own": time.process_time_ns(),
            "idle": 10_000_000 * (int(fields[4]) + int(fields[5])),
            "interrupts": 10_000_000 * (int(fields[6]) + int(fields[7])),
            "schedstat": [vm.schedstat() for vm in running]}


demands = {}


def demand_of(vm):
    """What a VM that sleeps now and then uses when it is alone, in permille."""
    if vm.workload == "spin":
        return 1000 * vm.vcpus
    if vm.workload == "idle":
        return 0
    key = (vm.vcpus, vm.workload)
    if key not in demands:
        alone = Running("alone", vm.vcpus, vm.workload)
        alone.command("start all")
        time.sleep(0.4)
        alone.command("sample 10000")
        time.sleep(1)
        first, *_, last = alone.samples()
        demands[key] = 1000 * (sum(last[1:]) - sum(first[1:])) / (last[0] - first[0])
        alone.end()
    return demands[key]


def weight_counts_each():
    """Whether a weight counts for each busy task, up to the CPUs, as on Linux 7.3."""
    try:
        with open("/sys/kernel/debug/sched/cgroup_mode", encoding="ascii") as mode:
            return "(concur)" in mode.read()
    except OSError:
        return False


def parent_of(scenario):
    """Weights of a scenario in the root cgroup are those of cgroups right below it."""
    return CGROUP if scenario.where == "root" and not scenario.host else SLICE


def weigh(scenario, half):
    """The best that weights can do: in proportion to what each is entitled to."""
    claims = [vm.claim(half, 1000 * vm.vcpus) for vm in scenario.vms]
    wanted = division.divide(claims, 1000 * scenario.cpus)
    if weight_counts_each():
        wanted = [amount / min(vm.vcpus, scenario.cpus)
                  for vm, amount in zip(scenario.vms, wanted)]
    for vm, amount in zip(scenario.vms, wanted):
        folder = os.path.join(parent_of(scenario), vm.name)
        # Not up to 10000: with such weights Linux 6.12 gave a VM entitled to a whole CPU 903
        # permille of it, with these 994.
        write(os.path.join(folder, "cpu.weight"), max(1, round(1000 * amount / max(wanted))))
        limit = vm.policies[half]["limit"]
        write(os.path.join(folder, "cpu.max"), f"{limit * 100} 100000" if limit else "max 100000")


def set_policies(scenario, half):
    for vm in scenario.vms:
        policy = vm.policies[half]
        if half and policy == vm.policies[0]:
            continue
        vmqos("set", vm.name, "--cpu-shares", policy["shares"],
              "--cpu-reservation", f"{policy['reservation'] / 10:g}%" if policy["reservation"] else
              "none", "--cpu-limit", f"{policy['limit'] / 10:g}%" if policy["limit"] else "none")


def place(scenario, mode, running):
    """Put the VMs where the scenario wants them; returns the folders to remove."""
    where = "own" if mode in ("cgroup", "gate+daemon") else scenario.where
    if where == "root":
        return []
    folders = []
    parent = parent_of(scenario)
    if parent == SLICE:
        folders.append(SLICE)
        os.mkdir(SLICE)
        write(os.path.join(SLICE, "cpu.weight"), scenario.weight)
        if where == "own":
            write(os.path.join(SLICE, "cgroup.subtree_control"), "+cpu")
    for vm in running:
        if where == "own":
            folders.append(os.path.join(parent, vm.name))
            os.mkdir(folders[-1])
        vm.move(folders[-1])
    return folders


def start_host(scenario, folders, host):
    """The host's own work, in a slice if the VMs are in one."""
    for _ in range(scenario.host):
        host.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
    if not host or SLICE not in folders:
        return
    folders.append(HOST_SLICE)
    os.mkdir(HOST_SLICE)
    for process in host:
        write(os.path.join(HOST_SLICE, "cgroup.procs"), process.pid)


def remove(folders):
    for folder in reversed(folders):
        for _ in range(100):
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.05)


def measure(scenario, mode):
    def apply(half):
        if mode == "cgroup":
            weigh(scenario, half)
        elif mode.startswith("gate"):
            set_policies(scenario, half)

    demand = [demand_of(vm) for vm in scenario.vms]
    running, folders, host, daemon = [], [], [], []
    try:
        for vm in scenario.vms:
            running.append(Running(vm.name, vm.vcpus, vm.workload))
        folders = place(scenario, mode, running)
        if mode.startswith("gate"):
            vmqos("host", "set", "--cpu-gate", "on")
            for vm in running:
                vmqos("adopt", "--pid", vm.pid, "--name", vm.name)
        apply(0)
        start_host(scenario, folders, host)
        for vm in running:
            vm.command("start all")
        if mode == "gate+daemon":
            # Weights follow what was entitled in the last second.
            daemon.append(subprocess.Popen(["vmqosd", "-c", "/nonexistent"],
                                           stderr=subprocess.DEVNULL))
            time.sleep(2.5)
        time.sleep(SETTINGS["settle"])
        found = others(running)
        for vm in running:
            vm.command(f"sample {SAMPLE_MS}")
        time.sleep(APART)
        parts = []
        for half in range(scenario.halves):
            if half:
                apply(half)
                time.sleep(SETTINGS["settle"] / 2 + (2 if daemon else 0))
            for _ in range(SETTINGS.get("parts", 1)):
                parts.append([snapshot(running)])
                time.sleep(SETTINGS["seconds"] / scenario.halves)
                parts[-1].append(snapshot(running))
        time.sleep(APART)
        found = [found, others(running)]
        return {"demand": demand, "parts": parts, "others": found,
                "samples": [vm.samples() for vm in running]}
    finally:
        for process in daemon:
            process.terminate()
            process.wait()
        for process in host:
            process.kill()
            process.wait()
        for vm in running:
            vm.end()
        remove(folders)
        if mode.startswith("gate"):
            wait_released()


def wait_released():
    for _ in range(100):
        done = subprocess.run(["vmqos", "--json", "list"], capture_output=True, text=True, check=False)
        if not done.returncode and not json.loads(done.stdout)["vms"]:
            return
        time.sleep(0.1)


def main():
    # The measuring goes before the measured; what it starts does not inherit that.
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    wanted = [tuple(case) for case in SETTINGS["cases"]]
    for scenario in division.scenarios():
        if (scenario.name, scenario.cpus) not in wanted:
            continue
        for run in range(SETTINGS["runs"]):
            for mode in SETTINGS["modes"]:
                if not division.possible(scenario, mode):
                    continue
                result = {"name": scenario.name, "cpus": scenario.cpus, "mode": mode, "run": run}
                try:
                    result.update(measure(scenario, mode))
                except (RuntimeError, OSError, ValueError) as error:
                    result["error"] = str(error)
                print(json.dumps(result), flush=True)


main()
