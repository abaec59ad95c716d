"""The parts of a decision in one process, by Google Benchmark."""

import json
import re
import subprocess

import report
from load import Spread
from servers import BIN, Failure

# Nanoseconds, of the mean of a run.
BARS = {
    "EvaluateByReference/5": 300,
    "EvaluateResource/3000": 3_000,
    "BindEntries/5": 60_000,
    "BindAccessItems/500": 2_000_000,
}

TITLES = {
    "EvaluateByReference": "Decide by reference, entries of the policy",
    "EvaluateByAccessItems": "Decide by reference, access items of one type",
    "EvaluateAmongPolicies": "Decide by reference, other policies",
    "EvaluateResource": "Parse the resource and decide, bytes",
    "Parse": "Parse a resource, bytes",
    "BindEntries": "Cold bind and decide, entries",
    "BindAccessItems": "Cold bind and decide, access items",
    "Compile": "Compile, entries",
    "Filter": "Filter, entries of the policy",
}


def runs_of(program, effort, match):
    done = subprocess.run(
        [str(BIN / program), "--benchmark_format=json",
         f"--benchmark_repetitions={effort.repetitions}",
         f"--benchmark_min_time={effort.seconds / 10}",
         "--benchmark_enable_random_interleaving=true",
         f"--benchmark_filter={match}"],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{program}: {done.stderr[-1000:]}")
    if not done.stdout.strip():
        return {}
    spreads = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] == "iteration":
            spreads.setdefault(run["run_name"], Spread([])).values.append(
                run["cpu_time"])
    return spreads


def row_of(name, spread):
    function, _, argument = name.partition("/")
    title = f"{TITLES[function]}: {int(argument):,}"
    bar = BARS.get(name)
    scale = 1e3 if max(bar or 0, spread.median) >= 10_000 else 1
    unit = "us" if scale > 1 else "ns"
    scaled = Spread([value / scale for value in spread.values])
    return report.spread_row(title, unit, scaled, bar and bar / scale)


def place(name):
    """Runs are interleaved; the table is not."""
    function, _, argument = name.partition("/")
    return list(TITLES).index(function), int(argument)


def growth_row(what, few, many, bar):
    spread = Spread([b / a for a, b in zip(few.values, many.values)])
    return report.spread_row(what, "x", spread, bar)


def measure(effort, work, match):
    print("in process ...", flush=True)
    spreads = runs_of("decide_benchmark", effort, match and re.escape(match))
    rows = [row_of(name, spreads[name]) for name in sorted(spreads, key=place)]
    few = spreads.get("EvaluateAmongPolicies/10")
    many = spreads.get("EvaluateAmongPolicies/10000")
    if few and many:
        rows.append(growth_row("1,000 times the policies", few, many, 1.3))
    return rows
