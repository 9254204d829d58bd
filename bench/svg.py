"""A little of SVG: enough for plots that are legible on light and dark ground."""

import html
import math

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #6e7781 }
text.title { font-size: 14px; font-weight: 600 }
text.small { font-size: 10px; fill: #6e7781 }
.axis { stroke: #8c959f; stroke-width: 1; fill: none }
.grid { stroke: #8c959f; stroke-opacity: .25; stroke-width: 1; fill: none }
.goal { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 4 3; fill: none }
@media (prefers-color-scheme: light) { text { fill: #24292f } text.small { fill: #6e7781 } }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } text.small { fill: #8d96a0 } }
"""
# Told apart by people who see colours differently, and on both grounds.
COLOURS = ("#3b82d6", "#e08a2e", "#3c9d6b", "#b15fc0")


class Svg:
    """Collects elements; text() is the file."""

    def __init__(self, width, height, title, style=STYLE):
        self.width, self.height, self.title, self.style = width, height, title, style
        self.parts = []

    def add(self, tag, content=None, **attributes):
        words = "".join(f' {name.rstrip("_").replace("_", "-")}="{html.escape(_short(value))}"'
                        for name, value in attributes.items())
        self.parts.append(f"<{tag}{words}/>" if content is None else f"<{tag}{words}>{content}</{tag}>")

    def text(self, x, y, text, **attributes):
        self.add("text", html.escape(str(text)), x=x, y=y, **attributes)

    def line(self, x1, y1, x2, y2, class_="grid"):
        self.add("path", d=f"M{_short(x1)} {_short(y1)}L{_short(x2)} {_short(y2)}", class_=class_)

    def polyline(self, points, colour):
        self.add("path", d="M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points),
                 fill="none", stroke=colour, stroke_width=1.6, stroke_linejoin="round")

    def render(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img">\n'
                f"<title>{html.escape(self.title)}</title>\n<style>{self.style}</style>\n"
                + "\n".join(self.parts) + "\n</svg>\n")


def _short(value):
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def number(value):
    """For people: 1.5k, 20M, 0.03."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


class Scale:
    """Maps values to places; logarithmic or linear, the latter from zero."""

    def __init__(self, values, low_at, high_at, log=False):
        values = [value for value in values if value > 0 or not log] or [1.0]
        self.log, self.low_at, self.high_at = log, low_at, high_at
        if log:
            self.low, self.high = math.log10(min(values)), math.log10(max(values))
            room = max(0.04 * (self.high - self.low), 0.15 - (self.high - self.low) / 2)
            self.low, self.high = self.low - room, self.high + room
        else:
            self.low, self.high = 0.0, max(*values, 1e-9) * 1.05

    def __call__(self, value):
        if self.log:
            value = math.log10(max(value, 1e-12))
        share = (value - self.low) / (self.high - self.low)
        return self.low_at + share * (self.high_at - self.low_at)

    def ticks(self):
        if self.log:
            powers = range(math.floor(self.low), math.ceil(self.high) + 1)
            all_ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            fit = [tick for tick in all_ticks if self.low - 1e-9 <= math.log10(tick) <= self.high + 1e-9]
            whole = [tick for tick in fit if str(f"{tick:e}")[0] == "1"]
            return whole if len(whole) >= 3 else fit
        step = 10.0**math.floor(math.log10(self.high))
        step *= next(part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if self.high / (step * part) <= 5 or part == 2)
        return [step * i for i in range(int(self.high / step) + 1)]


def panel(svg, box, title, series, *, log_x=False, log_y=False, x_unit="", goal=None):
    """A plot of lines: `series` is a list of (name, colour, [(x, y)]), `box` is x, y, width, height."""
    left, top, width, height = box
    xs = [x for _, _, points in series for x, _ in points]
    ys = [y for _, _, points in series for _, y in points] + ([goal] if goal else [])
    x_at = Scale(xs, left + 46.0, left + width - 12.0, log_x)
    y_at = Scale(ys, top + height - 20.0, top + 26.0, log_y)
    svg.text(left + 46, top + 12, title, class_="title")
    for tick in y_at.ticks():
        svg.line(left + 46, y_at(tick), left + width - 12, y_at(tick))
        svg.text(left + 42, y_at(tick) + 3, number(tick), class_="small", text_anchor="end")
    for tick in x_at.ticks():
        svg.text(x_at(tick), top + height - 6, number(tick) + x_unit, class_="small", text_anchor="middle")
    svg.line(left + 46, top + height - 20, left + width - 12, top + height - 20, "axis")
    if goal:
        svg.line(left + 46, y_at(goal), left + width - 12, y_at(goal), "goal")
    for name, colour, points in series:
        if not points:
            continue
        places = [(x_at(x), y_at(y)) for x, y in points if y > 0 or not log_y]
        if places:
            svg.polyline(places, colour)
        if len(places) <= 12:
            for x, y in places:
                svg.add("circle", f"<title>{html.escape(name)}</title>", cx=x, cy=y, r=2.6, fill=colour)


def legend(svg, x, y, names):
    """`names` is a list of (name, colour), side by side."""
    for name, colour in names:
        svg.add("rect", x=x, y=y - 9, width=10, height=10, rx=2, fill=colour)
        svg.text(x + 15, y, name)
        x += 30 + 7 * len(name)
