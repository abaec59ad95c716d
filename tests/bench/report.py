"""The table of what was measured."""

import dataclasses
import datetime
import os
import pathlib
import platform
import subprocess

from servers import Failure, ROOT


@dataclasses.dataclass
class Row:
    """A line: values with their spread, beside a bar where there is one."""

    what: str
    unit: str  # "x" of a ratio, "us", "ns", "MiB".
    low: float
    median: float
    high: float
    bar: float = None
    at_least: bool = False  # The bar is the least, not the most.
    beside: str = ""  # What the ratio is of.

    @property
    def verdict(self):
        if self.bar is None:
            return ""
        good = (self.median >= self.bar if self.at_least
                else self.median <= self.bar)
        return "pass" if good else "MISSED"

    def cells(self):
        def number(value):
            return f"{value:.3g}" if value < 100 else f"{value:.0f}"
        unit = "×" if self.unit == "x" else self.unit
        sign = "≥" if self.at_least else "≤"
        bar = "" if self.bar is None else f"{sign} {self.bar:g} {unit}"
        return [self.what, number(self.low), number(self.median),
                number(self.high), unit, bar, self.verdict, self.beside]


HEAD = ["what", "min", "median", "max", "", "bar", "", "beside"]


def ratio_row(what, pair, figure, bar=None, at_least=False, names=("pdpd",
                                                                  "echo")):
    spread = pair.ratio(figure)
    unit = "CPU" if figure == "cpu" else figure
    return Row(what, "x", spread.low, spread.median, spread.high, bar, at_least,
               f"{unit}: {names[0]} {pair.spread(figure).median:.3g} us, "
               f"{names[1]} {pair.ruler_spread(figure).median:.3g} us")


def spread_row(what, unit, spread, bar=None, beside=""):
    return Row(what, unit, spread.low, spread.median, spread.high, bar,
               beside=beside)


def as_text(rows):
    lines = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("  ".join(
        cell.ljust(width) if i in (0, 4, 5, 6, 7) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)


def as_markdown(rows):
    lines = [HEAD, ["---"] + ["---:"] * 3 + ["---"] * 4]
    lines += [row.cells() for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine():
    """Where this was measured, in a line."""
    model = next((line.partition(":")[2].strip() for line in
                  pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT,
                            capture_output=True, text=True).stdout.strip()
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    return (f"{today}, commit {commit}; {os.cpu_count()} cores of {model}, "
            f"load average {os.getloadavg()[0]:.1f}")


def write_docs(rows_by_section, path):
    """Puts each table between its marks in the page, and leaves the others."""
    page = path.read_text("utf-8")
    for title, rows in rows_by_section.items():
        begin, end = f"<!-- {title}: begin -->", f"<!-- {title}: end -->"
        before, _, rest = page.partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise Failure(f"{path} has no marks for `{title}`")
        text = [begin, "", as_markdown(rows), "", f"Measured {machine()}.", ""]
        page = before + "\n".join(text) + end + after
    path.write_text(page, encoding="utf-8")
