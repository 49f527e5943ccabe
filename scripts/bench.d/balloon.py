# SPDX-License-Identifier: GPL-2.0
"""scripts/bench balloon: our balloon beside QEMU's own, in the same run.

Instructions of the host by the clock of instructions, with a bare guest; speed and exits in
real time, with a Linux guest, on pages of 4K.
"""
import statistics

BACKINGS = ("memfd", "vmramfs", "anonymous", "vmramfs-huge", "anonymous-huge")
# What has pages of 4K, where ours is to be twice as fast.
SMALL = BACKINGS[:3]
# Turns in real time for each run; where instructions are counted, one is like another.
TURNS = 2
INSIDE = "exec /usr/bin/python3 scripts/bench.d/balloon_inside.py"


def beside(figures, backing, metric):
    """Ours, as multiples of QEMU's of the same turn; ours as they are; the unit; QEMU's median."""
    ours, unit = figures.of(f"ours/{backing}", metric)
    theirs, _ = figures.of(f"qemus/{backing}", metric)
    if len(ours) != len(theirs) or not all(theirs):
        return [], ours, unit, None
    return ([round(our / their, 3) for our, their in zip(ours, theirs)], ours, unit,
            {"qemu": statistics.median(theirs)} if theirs else None)


def rows(figures, backing, metric, unit, bar):
    """What it is, and, where there is a bar, how that is to QEMU's."""
    times, ours, said, peers = beside(figures, backing, metric)
    figures.add(backing, metric, said or unit, ours, "", peers)
    if bar:
        figures.add(backing, f"{metric}-to-qemu", "times", times, bar, peers)


def bench(args, figures, testhost):
    backings = args.scenarios or BACKINGS
    names = " ".join(backings)
    output, status = testhost(args, f"{INSIDE} bare {args.runs} {names}", "--clock", "icount",
                              "--cpus", "1", "--append", "transparent_hugepage=never",
                              "--timeout", "3000")
    figures.read(output)
    # In real time those that have a bar; with one CPU, for with several in parallel the
    # emulator makes guests restart (Documentation/dev/testing.rst).
    names = " ".join(backing for backing in backings if backing in SMALL)
    if names and not args.short:
        output, code = testhost(args, f"{INSIDE} linux {TURNS * args.runs} {names}", "--clock",
                                "single", "--cpus", "1", "--timeout", "7000")
        figures.read(output)
        status = status or code
    for backing in backings:
        small = backing in SMALL
        for way in ("inflate", "deflate"):
            twice = small and way == "inflate"
            rows(figures, backing, f"{way}-host-instructions", "per page", "<=0.5" if twice else "")
            rows(figures, backing, f"{way}-guest-instructions", "per page", "")
            if args.short or not small:
                continue
            rows(figures, backing, way, "MiB/s", ">=2" if twice else "")
            rows(figures, backing, f"{way}-exits", "per MiB", "<=0.99")
            for what in ("kicks", "interrupts", "config"):
                rows(figures, backing, f"{way}-{what}", "per MiB", "")
            for what in ("host", "guest"):
                rows(figures, backing, f"{way}-{what}", "us/page", "")
    return status


def table(result):
    """Ours and QEMU's beside each other."""
    lines = [f"balloon on {result['kernel']}, clock {result['clock']}"]
    cells = [("case", "metric", "ours", "QEMU's", "unit", "bar", "")]
    for row in result["rows"]:
        value = row.get("why", "") if row["value"] is None else f"{row['value']:g}"
        peer = row["peers"].get("qemu")
        cells.append((row["case"], row["metric"], value, "" if peer is None else f"{peer:g}",
                      row["unit"], row["bar"],
                      "" if not row["bar"] and row["holds"] else
                      "holds" if row["holds"] else "FAILS"))
    widths = [max(len(row[i]) for row in cells) for i in range(7)]
    for row in cells:
        lines.append("  ".join(cell.rjust(width) if i in (2, 3) else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
    return "\n".join(lines)
