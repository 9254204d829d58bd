#!/usr/bin/env python3
"""Plots of what `weir-bench compare`, `growth` and `soak` have written.

    bench/plot.py result.json growth.json soak.json [--out docs/img]

Knows by its content what a file is. compare: the ratios as bars (several files go into one plot, so that modes
measured apart stand side by side), compare.svg; growth: curves by number of entries, growth.svg; soak: throughput,
latency, memory and disk second by second, soak.svg.
"""

import argparse
import json
import math
import pathlib
import sys

from svg import COLOURS, Svg, legend, number, panel

SOAK_GOAL_MS = 20


def source(environment):
    """One line that says where the numbers come from."""
    return (f"{environment['date'][:10]}, commit {environment['commit']}, "
            f"{environment['cpu_count']} x {environment['cpu_model']}, {environment['disk']}")


def mode_of(result):
    peer_mode = result.get("peer_mode", result["appendfsync"])
    if peer_mode == result["appendfsync"]:
        return peer_mode
    return f"{result['appendfsync']}, peer {peer_mode}"


def plot_compare(files):
    """Bars from 1 to the ratio on a logarithmic axis: to the right where Weir is ahead."""
    results = [result for content in files for result in content["results"] if "ratio" in result]
    modes = list(dict.fromkeys(mode_of(result) for result in results))
    workloads = list(dict.fromkeys(result["workload"] for result in results))
    colours = {mode: COLOURS[i % len(COLOURS)] for i, mode in enumerate(modes)}
    row, bar, left, width, top = 11 * len(modes) + 9, 9, 150, 720, 62
    svg = Svg(width, top + row * len(workloads) + 42, "Weir against its peer: ratios")
    svg.text(12, 20, "Weir against the peer, same machine, interleaved: ratio of medians", class_="title")
    legend(svg, 12, 40, list(colours.items()))
    ratios = [result["ratio"] for result in results if result["ratio"] > 0] or [1.0]
    low = math.log2(min(0.5, *ratios, 1.0)) - 0.3
    high = math.log2(max(4.0, *ratios, 1.0)) + 0.7

    def at(ratio):
        return left + (math.log2(ratio) - low) / (high - low) * (width - left - 12)

    bottom = top + row * len(workloads)
    for power in range(math.ceil(low), math.floor(high) + 1):
        svg.line(at(2.0**power), top - 8, at(2.0**power), bottom, "axis" if power == 0 else "grid")
        svg.text(at(2.0**power), bottom + 13, number(2.0**power), class_="small", text_anchor="middle")
    for i, workload in enumerate(workloads):
        of_workload = [result for result in results if result["workload"] == workload]
        is_latency = any(result.get("ratio_of") == "p99" for result in of_workload)
        svg.text(left - 8, top + row * i + row / 2, workload + (" (p99)" if is_latency else ""), text_anchor="end")
        for result in of_workload:
            y = float(top + row * i + 11 * modes.index(mode_of(result)))
            ratio = max(result["ratio"], 2.0**low)
            begin, end = sorted((at(1.0), at(ratio)))
            svg.add("rect", x=begin, y=y, width=max(end - begin, 1.0), height=bar, rx=1.5,
                    fill=colours[mode_of(result)])
            svg.text(max(end, at(1.0)) + 4, y + 8, f"{result['ratio']:.2f}", class_="small")
    svg.text(12, bottom + 32, source(files[0]["environment"]), class_="small")
    return svg.render()


GROWTH_PANELS = (
    # Title, value of a point, logarithmic.
    ("resident memory, loaded (MiB)", lambda p: p["loaded_mib"], True),
    ("disk (MiB)", lambda p: p["loaded_disk_mib"], True),
    ("restart after SIGKILL (s)", lambda p: p["restart_kill_s"], True),
    ("XADD, 16 at a time (/s)", lambda p: p["add"]["operations_per_s"], False),
    ("XADD MAXLEN ~ (/s)", lambda p: p["trim"]["operations_per_s"], False),
    ("drain, 8 consumers (entries/s)", lambda p: p["drain"]["operations_per_s"], False),
)


def plot_growth(files):
    content = files[-1]
    svg = Svg(960, 470, "Memory, disk, restart and throughput by number of entries")
    svg.text(12, 20, "By number of entries in the stream", class_="title")
    servers = [(server["name"], COLOURS[i % len(COLOURS)],
                [point for point in server["points"] if "problem" not in point])
               for i, server in enumerate(content["servers"])]
    legend(svg, 12, 40, [(name, colour) for name, colour, _ in servers])
    for i, (title, value, log_y) in enumerate(GROWTH_PANELS):
        series = [(name, colour, [(point["entries"], value(point)) for point in points])
                  for name, colour, points in servers]
        panel(svg, (10 + 315 * (i % 3), 58 + 195 * (i // 3), 310, 185), title, series, log_x=True, log_y=log_y)
    svg.text(12, 460, source(content["environment"]), class_="small")
    return svg.render()


def plot_soak(files):
    content = files[-1]
    seconds = [second for second in content["series"] if second["phase"] == "run"]
    svg = Svg(960, 640, "A long run, second by second")
    svg.text(12, 20, f"{number(content['entries'])} entries, {number(content['requests_per_s'])} XADD/s in an open "
                     "loop, trimmed and read by groups", class_="title")

    def line(name, colour):
        return (name, COLOURS[colour], [(second["at_s"], second[name]) for second in seconds])

    legend(svg, 12, 40, [("added", COLOURS[0]), ("read and acknowledged, all groups", COLOURS[1])])
    panel(svg, (10, 55, 940, 170), "entries per second", [line("acknowledged", 1), line("added", 0)],
          x_unit=" s")
    panel(svg, (10, 240, 940, 170), "XADD p99.9 of each second (ms); dashed: the goal for the whole run",
          [line("p999_ms", 0)], x_unit=" s", goal=SOAK_GOAL_MS)
    panel(svg, (10, 425, 465, 185), "resident memory (MiB)", [line("resident_mib", 0)], x_unit=" s")
    panel(svg, (480, 425, 465, 185), "disk (MiB)", [line("disk_mib", 0)], x_unit=" s")
    svg.text(12, 630, source(content["environment"]), class_="small")
    return svg.render()


PLOTS = {"compare": plot_compare, "growth": plot_growth, "soak": plot_soak}


def kind_of(content):
    return content.get("kind", "compare" if "results" in content else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/img"))
    arguments = parser.parse_args()
    by_kind = {}
    for path in arguments.files:
        content = json.loads(path.read_text(encoding="utf-8"))
        if kind_of(content) not in PLOTS:
            sys.exit(f"plot.py: {path} is no result of compare, growth or soak")
        by_kind.setdefault(kind_of(content), []).append(content)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for kind, contents in by_kind.items():
        target = arguments.out / f"{kind}.svg"
        target.write_text(PLOTS[kind](contents), encoding="utf-8")
        print(target)


if __name__ == "__main__":
    main()
