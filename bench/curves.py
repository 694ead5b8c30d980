"""A result file of side_by_side.py as a picture: time and memory against length, both logarithmic, for each number of
heads. Plain SVG, written without any library."""

import math
from xml.sax.saxutils import escape

PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP = 380, 250, 70, 40, 90
COLOURS = ["#0b6e4f", "#c1121f", "#3a6ea5", "#e07a1f", "#6d4c8f", "#7a7a7a", "#b5179e"]
LINE = {"tangent_forward": "", "forward": ' stroke-dasharray="5 4"'}
MEASURES = {"milliseconds": lambda r: r.get("median_ms"), "MiB above the inputs": lambda r: r["peak_bytes"] / 2**20 if r.get("peak_bytes") else None}


class Scale:
    """From numbers to places between two ends, by their logarithms."""

    def __init__(self, numbers, begin, end, base):
        low, high = (math.log(x, base) for x in (min(numbers), max(numbers)))
        self.base, self.begin, self.end = base, begin, end
        self.low, self.high = (low, high) if base == 2 else (math.floor(low + 1e-9), math.ceil(high - 1e-9))
        self.high += self.high == self.low

    def __call__(self, x):
        part = (math.log(x, self.base) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        return [self.base**k for k in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]


def text(x, y, words, anchor="middle", size=12, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{more}>{escape(words)}</text>'


def number(x):
    return f"{x:g}" if x < 1e5 else f"10^{round(math.log10(x))}"


def axes(across, up, left, top, title):
    bottom, right = top + PANEL_HEIGHT, left + PANEL_WIDTH
    out = [f'<rect x="{left}" y="{top}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" fill="none" stroke="#444"/>']
    for x in across.ticks():
        place = across(x)
        out.append(f'<line x1="{place:.1f}" y1="{top}" x2="{place:.1f}" y2="{bottom}" stroke="#e4e4e4"/>')
        out.append(text(place, bottom + 16, f"{x // 1024}K" if x >= 1024 else str(x), size=11))
    for y in up.ticks():
        place = up(y)
        out.append(f'<line x1="{left}" y1="{place:.1f}" x2="{right}" y2="{place:.1f}" stroke="#e4e4e4"/>')
        out.append(text(left - 6, place + 4, number(y), "end", 11))
    out.append(text(left + PANEL_WIDTH / 2, top - 10, title, size=13))
    out.append(text(left + PANEL_WIDTH / 2, bottom + 34, "queries and keys", size=11))
    return out


def panel(records, names, left, top, title, value):
    """One measure of one number of heads; a contender's line breaks where it has no figure."""
    known = [(r["contender"], r["program"], r["length"], value(r)) for r in records if value(r)]
    if not known:
        return [text(left + PANEL_WIDTH / 2, top + PANEL_HEIGHT / 2, f"{title}: nothing measured")]
    across = Scale([r["length"] for r in records], left, left + PANEL_WIDTH, 2)
    up = Scale([v for *_, v in known], top + PANEL_HEIGHT, top, 10)
    out = axes(across, up, left, top, title)
    for index, name in reversed(list(enumerate(names))):  # the first lies on top
        points = [(across(length), up(v), program) for n, program, length, v in known if n == name]
        if not points:
            continue
        colour, style = COLOURS[index % len(COLOURS)], LINE[points[0][2]]
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        out.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y, _ in points]
    return out


def legend(names, programs, left, top):
    out = []
    for index, name in enumerate(names):
        x, y = left + index % 3 * 290, top + index // 3 * 22
        colour = COLOURS[index % len(COLOURS)]
        out.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 32}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{LINE[programs[name]]}/>')
        out.append(text(x + 40, y, name + (" (forward alone)" if programs[name] == "forward" and "forward" not in name else ""), "start"))
    return out


def drawn(result):
    """The picture of a result file, as text."""
    records = result["records"]
    programs = {r["contender"]: r["program"] for r in records}
    names, heads = list(programs), list(dict.fromkeys(r["heads"] for r in records))
    width = LEFT + 2 * PANEL_WIDTH + GAP + 20
    bottom = TOP + len(heads) * (PANEL_HEIGHT + GAP)
    height = bottom + 22 * ((len(names) + 2) // 3) + 30
    body = []
    for row, h in enumerate(heads):
        for column, (measure, value) in enumerate(MEASURES.items()):
            own = [r for r in records if r["heads"] == h]
            left, top = LEFT + column * (PANEL_WIDTH + GAP), TOP + row * (PANEL_HEIGHT + GAP)
            body += panel(own, names, left, top, f"H = {h}: {measure}", value)
    body += legend(names, programs, LEFT, bottom)
    body.append(text(LEFT, height - 10, f"{result['gpu']}; {result['inputs']}", "start", 11, ' fill="#444"'))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif">\n<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n"
    )
