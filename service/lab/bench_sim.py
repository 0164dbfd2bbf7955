"""`hearthwatch bench sim`: how much the simulator can be asked for on this machine.

People: a cohort written to files, readings a second. Homes: all of them connected to a real broker
from this process, then publishing as fast as the broker acknowledges (QoS 1). The peer in the same
run is one connection of the MQTT library that publishes ready-made payloads of the same size,
measured before and after. Nobody subscribes: what is measured is the way into the broker.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from time import perf_counter

import msgspec
import psutil

from device_adapters.mqtt.client import MqttSession, MqttSettings, mqtt_session
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.load import Load, LoadPlan, hub_name
from firmware_sim.mqtt_line import LineError
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from service.lab.bench_stages import BenchError
from service.lab.load_county import login_at

_DAYS = 365
_UNDER_WAY = 4_000
_BURST = 500
_LOOK_S = 0.01  # counting the acknowledgements of ten thousand connections takes a millisecond
_LIBRARY_CLIENTS = 500
_PAYLOAD = bytes(640)  # what the envelopes of a load have on average, topics aside
_KIB = 1024


class SimReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured.

    Attributes:
        cohort_people: People of the cohort, for a year.
        cohort_readings: Rows written.
        cohort_readings_per_s: Rows a second, files and digests included.
        homes: Connected at once from one process.
        connect_s: Until all were.
        messages_per_s: From all homes into the broker, by its acknowledgements.
        bare_publisher_per_s: Of one library connection with ready-made payloads, same run.
        ratio_to_bare_publisher: The one by the other.
        kib_per_home: Resident memory of this process a connected home.
        kib_per_library_client: The same for a connection of the library that does nothing.
        load_average: Of the machine over the last minute.
    """

    cohort_people: int
    cohort_readings: int
    cohort_readings_per_s: float
    homes: int
    connect_s: float
    messages_per_s: float
    bare_publisher_per_s: float
    ratio_to_bare_publisher: float
    kib_per_home: float
    kib_per_library_client: float
    load_average: float


async def bench_sim(folder: Path, *, seconds: float, people: int, homes: int) -> SimReport:
    """Measure in an empty directory; each of the three publishing stages takes `seconds`.

    Raises:
        BenchError: a home cannot connect, or the broker lost a connection.
    """
    users = (_PEER, *(hub_name(number) for number in range(homes)))
    async with LocalBroker(folder / "broker", users=users) as broker:
        try:
            published = await _homes(broker, homes, seconds)
        except* LineError as group:
            raise BenchError(str(group.exceptions[0])) from group
    # Last, because what it frees would hide what a home takes.
    rows, rows_per_s = await asyncio.to_thread(_cohort, folder / "cohort", people)
    return SimReport(
        cohort_people=people,
        cohort_readings=rows,
        cohort_readings_per_s=round(rows_per_s),
        homes=homes,
        connect_s=round(published.connect_s, 2),
        messages_per_s=round(published.per_s, 1),
        bare_publisher_per_s=round(published.bare_per_s, 1),
        ratio_to_bare_publisher=round(published.per_s / published.bare_per_s, 3),
        kib_per_home=round(published.kib, 1),
        kib_per_library_client=round(published.library_kib, 1),
        load_average=round(os.getloadavg()[0], 1),
    )


def table(report: SimReport) -> str:
    """The figures for people."""
    lines = [
        f"the simulator, load average {report.load_average:.1f}",
        f"  cohort of {report.cohort_people} people, a year  {report.cohort_readings:>10} readings",
        f"  written                       {report.cohort_readings_per_s:>9.0f} readings/s",
        f"  homes connected at once       {report.homes:>9} in {report.connect_s:.1f} s",
        f"  into the broker (PUBACK)      {report.messages_per_s:>9.1f} messages/s",
        f"  bare publisher, same run      {report.bare_publisher_per_s:>9.1f} messages/s",
        f"  homes / bare publisher        {report.ratio_to_bare_publisher:>9.3f}",
        f"  memory a home                 {report.kib_per_home:>9.1f} KiB",
        f"  memory a library's client     {report.kib_per_library_client:>9.1f} KiB",
    ]
    return "\n".join(lines)


_PEER = "hub-peer"


class _Homes(msgspec.Struct, frozen=True, kw_only=True):
    connect_s: float
    kib: float
    library_kib: float
    per_s: float
    bare_per_s: float


def _cohort(folder: Path, people: int) -> tuple[int, float]:
    calendar = Calendar(first=date(2025, 1, 1), days=_DAYS)
    request = Request(purpose=Purpose.TUNING, seed=1, people=people, calendar=calendar)
    began_s = perf_counter()
    written = write_cohort(request, folder, lambda _: None)
    return written.rows, written.rows / (perf_counter() - began_s)


async def _homes(broker: LocalBroker, count: int, seconds: float) -> _Homes:
    plan = LoadPlan(homes=count, rate_per_s=1.0, backlog_share=0.5, report_every_s=0)
    load, began_s, memory = Load(plan, lambda hub: login_at(broker, hub)), perf_counter(), _rss()
    try:
        await load.connect(WallClock().now())
        connect_s, kib = perf_counter() - began_s, (_rss() - memory) / count / _KIB
        library = await _library_client(broker)
        before = await _bare(broker, seconds)
        per_s = await _flood(load, seconds)
        bare = (before + await _bare(broker, seconds)) / 2
    finally:
        load.close()
    return _Homes(connect_s=connect_s, kib=kib, library_kib=library, per_s=per_s, bare_per_s=bare)


async def _flood(load: Load, seconds: float) -> float:
    """Acknowledged messages a second, until the time is over or every hub's window is full."""
    began_s, sent = perf_counter(), -1
    while perf_counter() - began_s < seconds and load.sent > sent:
        sent, now = load.sent, WallClock().now()
        for _ in range(_BURST):
            load.measure(now)
        if load.sent - load.acknowledged >= _UNDER_WAY:
            await _until(lambda: load.sent - load.acknowledged < _UNDER_WAY // 2)
        await asyncio.sleep(0)
    await _until(lambda: load.acknowledged >= load.sent)
    return load.acknowledged / (perf_counter() - began_s)


async def _until(ready: Callable[[], bool]) -> None:
    while not ready():  # noqa: ASYNC110 - counters of thousands of connections
        await asyncio.sleep(_LOOK_S)


async def _bare(broker: LocalBroker, seconds: float) -> float:
    """Messages a second of one library connection with as many under way at most."""
    sent, began_s = 0, perf_counter()
    async with mqtt_session(_settings(broker, "bare")) as session:
        while perf_counter() - began_s < seconds:
            for _ in range(_UNDER_WAY):
                sent += 1
                session.publish_nowait(f"hw/1/up/{_PEER}/e/live/{sent}", _PAYLOAD)
            await session.drain()
    return sent / (perf_counter() - began_s)


async def _library_client(broker: LocalBroker) -> float:
    """KiB of a connected client of the library."""
    memory = _rss()
    async with AsyncExitStack() as stack:
        for number in range(_LIBRARY_CLIENTS):
            session = MqttSession(_settings(broker, f"idle-{number}"))
            await stack.enter_async_context(session)
        return (_rss() - memory) / _LIBRARY_CLIENTS / _KIB


def _settings(broker: LocalBroker, client_id: str) -> MqttSettings:
    secret = broker.credentials(_PEER).password
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id=client_id,
        user=_PEER,
        password=secret,
    )


def _rss() -> int:
    return psutil.Process().memory_info().rss
