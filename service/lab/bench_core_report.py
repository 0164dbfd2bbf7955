"""What `hearthwatch bench core` has measured, for programs and for people."""

import msgspec

from service.lab.bench_core_peers import Peers


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One publishing: what was offered, what was committed, and whose CPU it took.

    Attributes:
        offered_per_s: Live readings a second that were due.
        committed: Readings receipted, both lanes, the wait at the end included.
        live_p50_ms: From the instant it was due to the receipt at its hub.
        live_p99_ms: Likewise.
        live_max_ms: Likewise.
        live_per_s: Live readings committed a second while sending.
        backlog_per_s: Of the backlog, likewise.
        repeated: Messages sent again for want of a receipt within 30 s.
        cpu_us: A reading, by process.
        alerts: Rung in this stage.
    """

    offered_per_s: float
    committed: int
    live_p50_ms: float | None
    live_p99_ms: float | None
    live_max_ms: float | None
    live_per_s: float
    backlog_per_s: float
    repeated: int
    cpu_us: dict[str, float]
    alerts: int


class CoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured; the first five are what the project asks of itself.

    Attributes:
        live_2000_p99_ms: Publish to commit at 2,000 readings a second.
        catchup_readings_per_s: Of a backlog as fast as it goes, sustained.
        catchup_live_p99_ms: Of 200 live readings a second beside it.
        bytes_per_person: Resident memory of the core with these people less that of one that knows
            nobody, for each.
        restart_s: From starting the core to the commit of the first reading after it.
        filled_s: From then on until the columns of everybody else were in its memory too.
        ratios: Throughput of the core by that of a peer, and memory of a peer by that of the core.
        people: Known.
        stored: Rows of readings before the first was sent, as the server estimates them.
        hubs: Connected hubs.
        columns_bytes: Of one row of the columns.
        first_start_s: The same on a database never served before.
        database_bytes: Of everything on disk, for each stored reading.
        live: The stage at 2,000 a second.
        catchup: The stage as fast as it goes.
        stages: Share of the core's busy time while catching up; empty without a sampler.
        stage_us: The same in microseconds a reading.
        peers: What else ran in this run.
        memory_mb: Resident, of the core before the first reading and after the last stage, and of
            the broker then.
        load_average: Of the machine at the beginning.
        seconds: Of each stage.
    """

    live_2000_p99_ms: float | None
    catchup_readings_per_s: float
    catchup_live_p99_ms: float | None
    bytes_per_person: float
    restart_s: float
    filled_s: float
    ratios: dict[str, float]
    people: int
    stored: int
    hubs: int
    columns_bytes: int
    first_start_s: float
    database_bytes: float
    live: Stage
    catchup: Stage
    stages: dict[str, float]
    stage_us: dict[str, float]
    peers: Peers
    memory_mb: dict[str, float]
    load_average: float
    seconds: float


AIMS: dict[str, float] = {
    "live_2000_p99_ms": 100.0,
    "catchup_readings_per_s": -10_000.0,
    "catchup_live_p99_ms": 250.0,
    "bytes_per_person": 600.0,
    "restart_s": 10.0,
}
"""What is asked with 3.4 million people and 50 million readings: at most; negative: at least."""


def aims(report: CoreReport) -> list[str]:
    """Each aim beside what this run saw of it; a smaller county shows less than the aim asks."""
    said: list[str] = []
    for name, limit in AIMS.items():
        found = getattr(report, name)
        held = found is not None and (found <= limit if limit > 0 else found >= -limit)
        bound = f"at most {limit:g}" if limit > 0 else f"at least {-limit:g}"
        said.append(f"  {name:<26} {found!s:>10}  asked {bound}: {'yes' if held else 'no'}")
    offered, wanted = report.live.offered_per_s, 2000.0
    if offered < wanted:
        said.append(f"  offered live were {offered:g} a second, not {wanted:g}")
    return said


def table(report: CoreReport) -> str:
    """The figures for people."""
    lines = [
        (
            f"the core: {report.people} people, {report.stored} stored readings, {report.hubs}"
            f" hubs; QoS 1, fsync on, load average {report.load_average}"
        ),
        *_stage_lines("live", report.live),
        *_stage_lines("catching up", report.catchup),
        (
            f"  memory a person            {report.bytes_per_person:>10.1f} B"
            f" (columns {report.columns_bytes} B)"
        ),
        "  memory                     "
        + ", ".join(f"{name} {size:.0f} MB" for name, size in report.memory_mb.items()),
        (
            f"  restart to first commit    {report.restart_s:>10.2f} s"
            f" (first start {report.first_start_s:.2f} s); everybody's columns"
            f" {report.filled_s:.1f} s after the connection"
        ),
        f"  on disk a stored reading   {report.database_bytes:>10.1f} B, everything counted",
    ]
    if report.stages:
        lines.append("where the core's time goes while catching up")
        lines += [
            f"  {name:<26} {share:>9.1%}  {report.stage_us[name]:>8.1f} us a reading"
            for name, share in report.stages.items()
        ]
    lines += report.peers.lines()
    lines += [f"  {name:<26} {ratio:>10.3f}" for name, ratio in report.ratios.items()]
    lines += [f"asked of 3.4 million people, here of {report.people}", *aims(report)]
    return "\n".join(lines)


def _stage_lines(name: str, stage: Stage) -> list[str]:
    cpu = ", ".join(f"{which} {spent:.0f}" for which, spent in stage.cpu_us.items())
    late = f"p50 {stage.live_p50_ms} ms, p99 {stage.live_p99_ms} ms, max {stage.live_max_ms} ms"
    lines = [
        name,
        (
            f"  live committed             {stage.live_per_s:>10.1f} of"
            f" {stage.offered_per_s:.0f} readings/s; publish to commit {late}"
        ),
    ]
    if stage.backlog_per_s:
        lines.append(f"  backlog committed          {stage.backlog_per_s:>10.1f} readings/s")
    return [
        *lines,
        f"  CPU us a reading           {cpu}",
        (
            f"  alerts                     {stage.alerts:>10} of {stage.committed} readings;"
            f" {stage.repeated} messages sent again"
        ),
    ]
