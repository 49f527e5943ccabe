# SPDX-License-Identifier: GPL-2.0
"""scripts/bench soak: whether what VMs receive drifts away from what they are entitled to.

The scenario soak runs under the gate for half an hour of the test host's time. Each
minute is judged by itself, as scripts/bench cpu judges a run; then a straight line is laid
through the errors of each VM. Its slope, over the whole time, is the drift.
"""
import json
import os
import statistics

import cpu
import division

MINUTE = 60
METRICS = {"error": "<=1", "attained": ">=99", "overshoot": "<=0.5", "spread": "<=5"}
DRIFT = "<=0.2"


def slope(values):
    """Of the straight line with the least squares, by which it rises from first to last."""
    if len(values) < 2:
        return 0
    return statistics.linear_regression(range(len(values)), values).slope * (len(values) - 1)


def run(args, scenario, testhost):
    minutes = max(2, (args.seconds or 1800) // MINUTE)
    settings = {"cases": [(scenario.name, scenario.cpus)], "modes": ["gate"], "runs": 1,
                "settle": 5, "seconds": MINUTE, "parts": minutes, "sample": 1000}
    program = os.path.join(cpu.HERE, "cpu_inside.py")
    vmm = os.path.join(cpu.TOP, "build/selftests/vmm")
    # An instruction takes four times as long as in bench cpu, and the half hour a quarter.
    shift = 4 if args.icount_shift is None else args.icount_shift
    output, status = testhost(
        args, f"exec /usr/bin/python3 -B {program} '{json.dumps(settings)}' {vmm}",
        "--clock", "icount", "--icount-shift", str(shift), "--cpus", str(scenario.cpus),
        "--append", "transparent_hugepage=never", "--timeout", str(600 + 6 * MINUTE * minutes))
    for line in output.splitlines():
        if line.startswith("{"):
            return json.loads(line), status
    return {"error": "nothing was measured"}, status or 1


def bench(args, figures, testhost):
    """Fills the figures; returns the exit status of the test host."""
    scenario = next(found for found in division.scenarios() if found.soak)
    result, status = run(args, scenario, testhost)
    figures.measured = []
    if "error" in result:
        figures.add("soak", "error", "%", [], METRICS["error"], why=result["error"])
        return status or 1
    minutes = [cpu.judge(scenario, result, part, 0) for part in range(len(result["parts"]))]
    idle_lost = [round(host["idle-lost"], 3) for host, _ in minutes]
    figures.add("soak/host", "idle-lost", "%", idle_lost, "<=0.5")
    for i, vm in enumerate(scenario.vms):
        rows = [rows[i] for _, rows in minutes]
        policy = {key: value for key, value in vm.policies[0].items() if value}
        figures.measured.append({
            "vm": vm.name, "vcpus": vm.vcpus, "workload": vm.workload, **policy,
            **{key: [round(row[key], 3) for row in rows] for key in ("entitled", "received")}})
        for metric, bar in METRICS.items():
            values = [row[metric] for row in rows if row.get(metric) is not None]
            if not values:
                continue
            worst = cpu.worst(metric, values)
            figures.add(f"soak/{vm.name}", f"worst-{metric}", "%",
                        [round(abs(worst) if metric == "error" else worst, 3)], bar)
        figures.add(f"soak/{vm.name}", "drift-of-error", "%",
                    [round(abs(slope([row.get("error", 0) for row in rows])), 3)], DRIFT)
    return status
