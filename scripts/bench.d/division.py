# SPDX-License-Identifier: GPL-2.0
"""What VMs are entitled to, computed exactly, and the scenarios to measure it in."""
import os
import re
from fractions import Fraction

SCENARIOS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "cpu.scenarios")
KEYS = ("shares", "reservation", "limit")
OPTIONS = {"where": "root", "weight": "100", "host": "0"}


def divide(vms, capacity):
    """Weighted max-min fairness: of dicts with shares, floor and cap the amounts."""
    capacity = min(Fraction(capacity), sum(Fraction(vm["cap"]) for vm in vms))
    floors = [min(Fraction(vm["floor"]), Fraction(vm["cap"])) for vm in vms]
    if sum(floors) > capacity:
        return [floor * capacity / sum(floors) for floor in floors]

    def at(level):
        return [min(max(level * vm["shares"], floor), Fraction(vm["cap"]))
                for vm, floor in zip(vms, floors)]

    levels = sorted({Fraction(0)} | {floor / vm["shares"] for vm, floor in zip(vms, floors)} |
                    {Fraction(vm["cap"]) / vm["shares"] for vm in vms})
    low = [level for level in levels if sum(at(level)) <= capacity][-1]
    # From here to the next level the sum grows in a straight line.
    growing = sum(vm["shares"] for vm, floor in zip(vms, floors)
                  if floor <= low * vm["shares"] < Fraction(vm["cap"]))
    if growing:
        low += (capacity - sum(at(low))) / growing
    return at(low)


class Vm:
    """One VM of a scenario, its policies for the first and the second half."""

    def __init__(self, name, vcpus, workload, policies):
        self.name, self.vcpus, self.workload, self.policies = name, vcpus, workload, policies

    def always_wants(self):
        return self.workload == "spin"

    def claim(self, half, demand):
        """What divide() takes, in permille; demand is what it uses when alone."""
        policy = self.policies[half]
        cap = min([demand, 1000 * self.vcpus] + ([policy["limit"]] if policy["limit"] else []))
        return {"shares": policy["shares"], "floor": policy["reservation"],
                "cap": Fraction(cap)}


class Scenario:
    def __init__(self, line):
        words = line.split()
        self.name, self.cpus, self.short = words[0], int(words[1]), words[2] == "short"
        options, self.vms = dict(OPTIONS), []
        self.soak = words[2] == "soak"
        if words[2] not in ("short", "full", "soak"):
            raise ValueError(f"neither short, full nor soak: {line}")
        for word in words[3:]:
            key, _, value = word.partition("=")
            if key in OPTIONS:
                options[key] = value
            else:
                self.add(word)
        self.where, self.weight, self.host = (options["where"], int(options["weight"]),
                                              int(options["host"]))
        if self.where not in ("root", "slice", "own") or not self.vms:
            raise ValueError(f"no such layout, or no VM: {line}")

    @property
    def case(self):
        return f"{self.name}/{self.cpus}cpu"

    @property
    def halves(self):
        return 2 if any(vm.policies[0] != vm.policies[1] for vm in self.vms) else 1

    def add(self, word):
        what, *settings = word.split(",")
        count, vcpus, workload = re.fullmatch(r"(?:(\d+)\*)?(\d+)x(.+)", what).groups()
        policy = {"shares": 1000, "reservation": 0, "limit": 0}
        then = {}
        for setting in settings:
            key, value = setting.split("=")
            if key.removeprefix("then.") not in KEYS:
                raise ValueError(f"a VM has no {key}: {word}")
            (then if key.startswith("then.") else policy)[key.removeprefix("then.")] = int(value)
        for _ in range(int(count or 1)):
            self.vms.append(Vm(f"vm{len(self.vms) + 1}", int(vcpus), workload,
                               (policy, {**policy, **then})))


def possible(scenario, mode):
    """Weights need a cgroup for each VM: other layouts tell nothing of them, nor the same twice."""
    return mode not in ("cgroup", "gate+daemon") or scenario.where == "root" or scenario.host > 0


def scenarios():
    with open(SCENARIOS, encoding="ascii") as lines:
        return [Scenario(line) for line in lines if line.strip() and not line.startswith("#")]
