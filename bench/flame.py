#!/usr/bin/env python3
"""A flame graph from what `perf script` prints.

    perf record --call-graph dwarf -p PID -- sleep 10 && perf script | bench/flame.py --title "xadd-p128" > docs/img/flame.svg

Each box is a function, as wide as its share of the samples, above its caller; the lowest row is threads. Pointing
at a box shows name and share. --thread NAME keeps threads of that name only, --min-percent leaves out what is
narrower.
"""

import argparse
import html
import re
import sys
import zlib

from svg import STYLE, Svg

HEADER = re.compile(r"^(\S.*?)\s+\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?[\d.]+:\s+(?:(\d+)\s+)?\S+")
FRAME = re.compile(r"^\s+[0-9a-f]+\s+(.*)\s+\((.*)\)$")
ROW, WIDTH, MARGIN, TOP = 17, 1200, 8, 44
# Boxes are light on every ground, so their text is dark.
FLAME_STYLE = STYLE + "g text { fill: #1b1f24; font-size: 11px } rect { stroke: #fff; stroke-width: .4 }"


def without_brackets(text, opening, closing):
    """Drops what stands between brackets; "operator<" and its like keep theirs as they may."""
    out, depth = [], 0
    for char in text:
        if char == opening:
            depth += 1
        elif char == closing and depth > 0:
            depth -= 1
        elif depth == 0:
            out.append(char)
    return "".join(out)


def short_name(symbol, module):
    """A function without offset, arguments and template arguments; of an unknown one its module."""
    symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
    if symbol == "[unknown]":
        return f"[{module.rsplit('/', 1)[-1].strip('[]')}]"
    symbol = symbol.replace("(anonymous namespace)::", "").replace("operator()", "operator\0")
    symbol = without_brackets(without_brackets(symbol, "(", ")"), "<", ">")
    symbol = re.sub(r"\s+(const|\[clone.*)$", "", symbol.replace("operator\0", "operator()")).strip()
    return symbol or "[unnamed]"


def stacks(lines):
    """Yields (weight, [thread, outermost function, ..., innermost function])."""
    thread, weight, frames = None, 0, []
    for line in lines:
        line = line.rstrip("\n")
        frame = FRAME.match(line)
        header = None if frame else HEADER.match(line)
        if frame and thread is not None:
            frames.append(short_name(*frame.groups()))
        elif header or not line.strip():
            if thread is not None and frames:
                yield weight, [thread] + frames[::-1]
            thread, frames = None, []
            if header:
                thread, weight = header.group(1), int(header.group(2) or 1)
    if thread is not None and frames:
        yield weight, [thread] + frames[::-1]


class Node:
    def __init__(self):
        self.weight, self.callees = 0, {}

    def depth(self):
        return 1 + max((node.depth() for node in self.callees.values()), default=0)


def tree_of(samples, thread=None):
    root = Node()
    for weight, names in samples:
        if thread is not None and names[0] != thread:
            continue
        root.weight += weight
        node = root
        for name in names:
            node = node.callees.setdefault(name, Node())
            node.weight += weight
    return root


def prune(node, least):
    node.callees = {name: callee for name, callee in node.callees.items() if callee.weight >= least}
    for callee in node.callees.values():
        prune(callee, least)


def colour(name):
    """The same for the same name; the kernel's functions and ours do not need to differ in hue."""
    mark = zlib.crc32(name.encode())
    return f"hsl({mark % 45 + 8},{65 + mark // 64 % 25}%,{62 + mark // 4096 % 12}%)"


def draw(svg, node, x, y, per_weight, total):
    for name, callee in sorted(node.callees.items()):
        width = callee.weight * per_weight
        label = f"{html.escape(name)} ({callee.weight / total:.1%})"
        content = f"<title>{label}</title>"
        content += (f'<rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{ROW - 1}" rx="1" '
                    f'fill="{colour(name)}"/>')
        letters = int((width - 4) / 7)
        if letters >= 3:
            shown = name if len(name) <= letters else name[:letters - 1] + "…"
            content += f'<text x="{x + 3:.1f}" y="{y + 12:.0f}">{html.escape(shown)}</text>'
        svg.add("g", content)
        draw(svg, callee, x, y - ROW, per_weight, total)
        x += width


def flame(lines, title, thread=None, min_percent=0.2):
    root = tree_of(stacks(lines), thread)
    if root.weight == 0:
        raise ValueError("no samples")
    prune(root, root.weight * min_percent / 100)
    rows = root.depth() - 1
    svg = Svg(WIDTH, TOP + ROW * rows + MARGIN, title, FLAME_STYLE)
    svg.text(MARGIN, 20, title, class_="title")
    svg.text(MARGIN, 36, f"width: share of the processor time; left out: less than {min_percent:g} %", class_="small")
    draw(svg, root, float(MARGIN), TOP + ROW * (rows - 1), (WIDTH - 2 * MARGIN) / root.weight, root.weight)
    return svg.render()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", help="what perf script printed; standard input if left out")
    parser.add_argument("--title", default="Where the time goes")
    parser.add_argument("--thread")
    parser.add_argument("--min-percent", type=float, default=0.2)
    arguments = parser.parse_args()
    lines = open(arguments.file, encoding="utf-8", errors="replace") if arguments.file else sys.stdin
    try:
        sys.stdout.write(flame(lines, arguments.title, arguments.thread, arguments.min_percent))
    except ValueError as error:
        sys.exit(f"flame.py: {error}")


if __name__ == "__main__":
    main()
