"""Ten thousand homes from one process: each a simulated hub on a connection of its own.

`Load.work` fits `clock.PublishedTime.run` and `clock.run_on_wall`: it publishes what is due at an
instant, so that the stamps in the readings follow whichever time is published. Durations (publish
to receipt) are real seconds.
"""

import asyncio
import random
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from firmware_sim.device_clock import CHINA
from firmware_sim.hub_clock import HubClock
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import LineError, Login
from firmware_sim.readings import typical_reading
from firmware_sim.sim_hub import SimHub, at_rest
from firmware_sim.uplink_words import FORMER_VERSION, VERSION, Lane

_DIALLING = 32
"""Log-ins under way at once: less than a broker's listen queue."""

_TURN = timedelta(milliseconds=10)
_STEP = timedelta(seconds=1)
_TEND_S = 1.0
_PING_IDLE_S = 20.0
_GLUCOSE_SHARE = 0.3
FORMER_EACH = 10
"""Every so many homes one whose hub is a version behind: a county is never upgraded in a day."""

_YOUNGEST_BACKLOG_S, _OLDEST_BACKLOG_S = 3_600, 5 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What the homes do.

    Attributes:
        homes: How many hubs.
        people_per_home: How many measure there, each with a cuff and a meter of their own: one at
            home, dozens at a village's hub.
        rate_per_s: Readings a second from all of them together.
        backlog_share: 0 to 1: which share of the readings is read from a device's memory.
        seconds: How long readings are published.
        seed: Which home measures when, and what.
        report_every_s: Every hub tells its status so often; 0 for never.
    """

    homes: int
    people_per_home: int = 1
    rate_per_s: float
    backlog_share: float = 0.2
    seconds: float = 60.0
    seed: int = 1
    report_every_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneReport:
    """One lane's figures: milliseconds from publishing to the core's receipt."""

    published: int
    receipted: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What was sent and what came back.

    Attributes:
        published: Readings made, each once.
        repeated: Messages that were sent again.
        acknowledged: PUBACKs of the broker, repeats included.
        receipted: Readings that the core said it has.
        held: Readings that were never sent yet: their hubs' windows have no room.
        lost_lines: Connections that broke and were opened again.
        seconds: From the first reading to the last.
        live: The lane of readings heard as they were made.
        backlog: The lane of readings out of a memory.
    """

    homes: int
    published: int
    repeated: int
    acknowledged: int
    receipted: int
    held: int
    lost_lines: int
    seconds: float
    live: LaneReport
    backlog: LaneReport


def hub_name(number: int) -> str:
    """The user name of home `number` at the broker."""
    return f"hub-{number:05d}"


def devices_of(number: int, person: int = 0) -> tuple[Identity, Identity]:
    """The cuff and the meter of somebody at a home; whoever lives there alone is person 0."""
    cuff, meter = 2 * person + 1, 2 * person + 2
    return (
        Identity(manufacturer="Hearth", model="BP-500W", serial=f"L{number:05d}-{cuff}"),
        Identity(manufacturer="Hearth", model="GL-200", serial=f"L{number:05d}-{meter}"),
    )


@dataclass(slots=True)
class _Home:
    number: int
    hub: SimHub
    login: Login
    made: int = 0


@dataclass(slots=True)
class _Counts:
    published: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    waited_s: dict[Lane, "array[float]"] = field(
        default_factory=lambda: {lane: array("d") for lane in Lane}
    )
    acknowledged_before: int = 0
    lost_lines: int = 0


class Load:
    """`load = Load(plan, login_of); await run_on_wall(load.work)`, with `load.tend()` beside it."""

    def __init__(
        self, plan: LoadPlan, login_of: Callable[[str], Login], *, settle: bool = False
    ) -> None:
        """Homes that are not connected yet.

        Args:
            plan: What they do.
            login_of: How the hub of a name enters the broker.
            settle: Wait at every instant until the core has receipted everything: for published
                time, which must not move on before.
        """
        self.plan = plan
        self._login_of = login_of
        self._settle = settle
        self._chance = random.Random(plan.seed)  # noqa: S311 - a reproducible load, not a secret
        self._homes: list[_Home] = []
        self._counts = _Counts()
        self._monotonic = asyncio.get_running_loop().time
        self._began_at: datetime | None = None
        self._began_s = self._ended_s = 0.0
        self._reported = 0

    async def connect(self, now: datetime) -> None:
        """Open one connection a home.

        Args:
            now: When the hubs were switched on, as the published time has it.

        Raises:
            LineError: a home cannot connect (in an exception group).
        """
        homes = [self._home(number, now) for number in range(self.plan.homes)]
        waiting = iter(homes)
        async with asyncio.TaskGroup() as group:
            for number in range(_DIALLING):
                group.create_task(self._dial(waiting, now), name=f"dial {number}")
        self._homes = homes

    async def tend(self) -> None:
        """Ping, notice lanes without progress, open broken lines again: for ever."""
        while True:
            await asyncio.sleep(_TEND_S)
            for home in self._homes:
                line = home.hub.line
                if line is not None and line.lost is None:
                    line.beat(_PING_IDLE_S)
                    home.hub.mind()
                else:
                    await self._dial_again(home)

    async def work(self, now: datetime) -> datetime | None:
        """Publish what is due at `now`; the next instant, None when the time is over.

        The first call connects the homes unless `connect` did.

        Raises:
            LineError: a home cannot connect (in an exception group).
            TimeoutError: published time, and the core did not receipt within a minute.
        """
        if not self._homes:
            await self.connect(now)
        if self._began_at is None:
            self._began_at, self._began_s = now, self._monotonic()
        elapsed_s = (now - self._began_at).total_seconds()
        for _ in range(self._due(min(elapsed_s, self.plan.seconds)) - self.published):
            self.measure(now)
        self._report_some(now, elapsed_s)
        if self._settle:
            await self.settled(60.0)
        if elapsed_s >= self.plan.seconds:
            self._ended_s = self._monotonic()
            return None
        return now + (_STEP if self._settle else _TURN)

    async def settled(self, patience_s: float) -> None:
        """Return when the core has receipted everything.

        Raises:
            TimeoutError: it did not within so many real seconds.
        """
        async with asyncio.timeout(patience_s):
            while not at_rest(home.hub for home in self._homes):  # noqa: ASYNC110 - many hubs
                await asyncio.sleep(0.02)

    def close(self) -> None:
        """Hang up everywhere."""
        for home in self._homes:
            home.hub.disconnect()

    @property
    def published(self) -> int:
        """Readings made so far."""
        return sum(self._counts.published.values())

    @property
    def sent(self) -> int:
        """Messages handed to the connections so far, repeats included."""
        return sum(home.hub.sent for home in self._homes)

    @property
    def held(self) -> int:
        """Readings that wait in a hub for room in its window and were never sent."""
        return self.published - sum(home.hub.sent - home.hub.repeated for home in self._homes)

    @property
    def acknowledged(self) -> int:
        """PUBACKs so far."""
        lines = (home.hub.line for home in self._homes)
        return self._counts.acknowledged_before + sum(
            line.acknowledged for line in lines if line is not None
        )

    def report(self) -> LoadReport:
        """The figures up to now."""
        counts = self._counts
        lanes = {lane: self._lane_report(lane) for lane in Lane}
        return LoadReport(
            homes=len(self._homes),
            published=self.published,
            repeated=sum(home.hub.repeated for home in self._homes),
            acknowledged=self.acknowledged,
            receipted=sum(one.receipted for one in lanes.values()),
            held=self.held,
            lost_lines=counts.lost_lines,
            seconds=round((self._ended_s or self._monotonic()) - self._began_s, 3),
            live=lanes[Lane.LIVE],
            backlog=lanes[Lane.BACKLOG],
        )

    def _lane_report(self, lane: Lane) -> LaneReport:
        waited_s = self._counts.waited_s[lane]
        ordered = sorted(waited_s)
        return LaneReport(
            published=self._counts.published[lane],
            receipted=len(waited_s),
            p50_ms=_percentile_ms(ordered, 0.50),
            p99_ms=_percentile_ms(ordered, 0.99),
        )

    def _home(self, number: int, now: datetime) -> _Home:
        hub = SimHub(
            hub_name(number),
            HubClock(now),
            monotonic=self._monotonic,
            on_receipt=self._note_receipts,
            keep_receipted=0,
            version=FORMER_VERSION if number % FORMER_EACH == 0 else VERSION,
        )
        return _Home(number=number, hub=hub, login=self._login_of(hub.name))

    async def _dial(self, waiting: Iterable[_Home], now: datetime) -> None:
        for home in waiting:
            await home.hub.connect(home.login)
            if self.plan.report_every_s:
                home.hub.report(now)

    async def _dial_again(self, home: _Home) -> None:
        if home.hub.line is not None:
            self._counts.acknowledged_before += home.hub.line.acknowledged
            self._counts.lost_lines += 1
            home.hub.line = None
        with suppress(LineError):  # the broker is not back yet: the next round tries again
            await home.hub.connect(home.login)

    def _due(self, elapsed_s: float) -> int:
        return ceil(elapsed_s * self.plan.rate_per_s)

    def measure(self, now: datetime) -> None:
        """Let somebody measure at `now`; the home's hub sends it if its window has room."""
        chance = self._chance
        home = self._homes[chance.randrange(len(self._homes))]
        people = self.plan.people_per_home
        cuff, meter = devices_of(home.number, chance.randrange(people) if people > 1 else 0)
        late = chance.random() < self.plan.backlog_share
        sugar = chance.random() < _GLUCOSE_SHARE
        age_s = chance.randint(_YOUNGEST_BACKLOG_S, _OLDEST_BACKLOG_S) if late else 0
        shown = (now - timedelta(seconds=age_s)).astimezone(CHINA)
        home.made += 1
        reading = typical_reading(
            "glucose" if sugar else "blood_pressure",
            chance,
            shown=shown.replace(tzinfo=None, microsecond=0),
            sequence=home.made,
        )
        lane = Lane.BACKLOG if late else Lane.LIVE
        self._counts.published[lane] += 1
        home.hub.measure(meter if sugar else cuff, reading, at=now, lane=lane)

    def _report_some(self, now: datetime, elapsed_s: float) -> None:
        """Every hub in its turn: evenly over the period, as hubs started at different times."""
        if not self.plan.report_every_s:
            return
        due = int(elapsed_s / self.plan.report_every_s * len(self._homes))
        for number in range(self._reported, due):
            with suppress(LineError):  # `tend` sees to a broken line
                self._homes[number % len(self._homes)].hub.report(now)
        self._reported = max(self._reported, due)

    def _note_receipts(self, lane: Lane, spooled_s: list[float]) -> None:
        now_s = self._monotonic()
        self._counts.waited_s[lane].extend(now_s - since_s for since_s in spooled_s)


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    """The nearest-rank percentile in milliseconds; None of nothing."""
    if not ordered:
        return None
    return round(1000 * ordered[max(0, ceil(share * len(ordered)) - 1)], 1)
