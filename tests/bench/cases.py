"""What is measured over gRPC, and the bars of the budget."""

import dataclasses
import shutil

import clinic
import report
from load import Load, alternate
from servers import Echo, Pdpd, Tls

# A Decision begins with effect PERMIT and reason PERMITTED.
PERMIT = b"\x08\x02\x10\x01"
# A FilterResponse with kind CONDITIONAL and reason PERMITTED.
CONDITIONAL = b"\x08\x03\x10\x01"
ECHOED = b"7b0d6d0c-4f0e-4f7a-9d55-1c8e2f4b9a10"


@dataclasses.dataclass
class Case:
    """Calls of pdpd beside the like of the echo server."""

    name: str
    call: str  # What is called, as in CALLS.
    bar: float = None  # Of the ratio.
    figure: str = "cpu"
    absolute_bar: float = None  # Microseconds of processor time a decision.
    concurrency: int = 64
    connections: int = 4
    rate: int = 0
    window: int = 0
    unix: bool = False
    tls: bool = False


CALLS = {
    # Name: method of pdpd, request, answer, method of echo, request, decisions.
    "reference": ("Check", clinic.check(), PERMIT, "Check",
                  clinic.echo_check(), 1),
    "resource": ("Check", clinic.check(body=clinic.patient()), PERMIT, "Check",
                 clinic.echo_check(clinic.patient()), 1),
    "stream": ("CheckStream", clinic.stream_message(), PERMIT, "CheckStream",
               clinic.echo_check(), 1),
    "filter": ("Filter", clinic.search_filter(), CONDITIONAL, "Check",
               clinic.echo_check(), 1),
    **{f"batch {n}": ("BatchCheck", clinic.batch(n), PERMIT, "BatchCheck",
                      clinic.echo_batch(n), n) for n in (1, 10, 100, 1000)},
}

CASES = [
    Case("Check by reference, 1 in flight, p50", "reference", 1.15, "p50",
         concurrency=1, connections=1),
    Case("Check by reference, 1 in flight", "reference", concurrency=1,
         connections=1),
    Case("Check by reference, 64 in flight", "reference", 1.2),
    Case("Check by reference, 256 in flight", "reference", 1.2,
         concurrency=256),
    Case("Check by reference, 5,000 a second, p50", "reference", None, "p50",
         concurrency=512, rate=5000),
    Case("Check by reference, 5,000 a second", "reference", concurrency=512,
         rate=5000),
    Case("Check with 3 KB resource, 64 in flight", "resource", 1.3),
    Case("Check with 3 KB resource, 256 in flight", "resource", 1.3,
         concurrency=256),
    Case("BatchCheck of 1, a decision", "batch 1"),
    Case("BatchCheck of 10, a decision", "batch 10", concurrency=16),
    Case("BatchCheck of 100, a decision", "batch 100", absolute_bar=1.2,
         concurrency=16),
    Case("BatchCheck of 1,000, a decision", "batch 1000", concurrency=4),
    Case("CheckStream, 16 in flight on one stream", "stream", absolute_bar=6.5,
         concurrency=1, connections=1, window=16),
    Case("Filter, 64 in flight", "filter", 1.5),
    Case("Check by reference, Unix socket", "reference", 1.2, unix=True),
    Case("Check with 3 KB resource, Unix socket", "resource", 1.3, unix=True),
    Case("Check by reference, TLS beside TLS", "reference", 1.2, tls=True),
    Case("Check with 3 KB resource, TLS beside TLS", "resource", 1.3, tls=True),
]


def loads(case):
    """Of pdpd, and of the echo server."""
    method, request, answer, echo_method, echo_request, n = CALLS[case.call]
    shape = {"concurrency": case.concurrency, "connections": case.connections,
             "rate": case.rate, "window": case.window, "decisions": n}
    return (Load(clinic.PDP + method, request.SerializeToString(), answer,
                 **shape),
            Load(clinic.ECHO + echo_method, echo_request, ECHOED, **shape))


def measure_case(case, source, effort, work):
    tls = Tls(work) if case.tls else None
    ours, ruler = loads(case)
    with (Pdpd(work, source, tls=tls, unix=case.unix) as pdpd,
          Echo(work, tls=tls, unix=case.unix) as echo):
        pair = alternate(pdpd, ours, echo, ruler, effort, work)
    shutil.rmtree(pdpd.data)  # The audit log grows.
    rows = [report.ratio_row(case.name, pair, case.figure, case.bar)]
    if case.absolute_bar is not None:
        rows.append(report.spread_row(case.name, "us", pair.spread("cpu"),
                                      case.absolute_bar, "processor time"))
    return rows


def measure_audit(source, effort, work):
    """What the audit log costs: the same calls, with it and without."""
    ours, _ = loads(Case("", "reference"))
    with (Pdpd(work, source) as on,
          Pdpd(work, source, "pdpd-off", ["--audit-mode", "off"]) as off):
        pair = alternate(on, ours, off, ours, effort, work)
    shutil.rmtree(on.data)
    shutil.rmtree(off.data)
    return report.ratio_row("Audit on beside off, 64 in flight", pair, "cpu",
                            1.15, names=("on", "off"))


def measure_memory(work):
    empty = work / "empty"
    empty.mkdir()
    with Pdpd(work, empty) as pdpd:
        resident = pdpd.resident_mib()
    shutil.rmtree(pdpd.data)
    return report.Row("Resident memory, empty store", "MiB", resident, resident,
                      resident, 40)


def measure(effort, work, match):
    source = work / "source"
    clinic.write_clinic(source)
    rows = []
    for case in CASES:
        if match not in case.name:
            continue
        done = measure_case(case, source, effort, work)
        print(report.as_text(done).partition("\n")[2], flush=True)
        rows += done
    if match in "Audit on beside off":
        rows.append(measure_audit(source, effort, work))
    if match in "Resident memory":
        rows.append(measure_memory(work))
    return rows
