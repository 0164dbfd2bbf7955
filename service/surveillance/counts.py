"""The county's counts: read from the readings, kept per day with every revision, released weekly.

The statements stand beside the others, in `service/store/counts.sql`; the caller holds the
transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from service.store.database import Connection, load_statements
from service.store.rests import MEASURING, REST
from service.store.viewing import Row
from service.surveillance.indicators import Measure, SourceKind, indicators_of
from service.surveillance.judge import ReleaseRow
from service.surveillance.release import Disclosure
from service.surveillance.series import CountCell, Indicator, Unsaid, start_of
from service.surveillance.supply import BEFORE, GRACE

_SQL = load_statements("counts.sql")

HOME = "home"
"""The id of this program as a source."""

_NOT_OF_PERSONS = frozenset({"cluster_verified", "device_shift"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Township:
    """A township and the county it lies in."""

    area: str
    county: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a statement found of one township, indicator and period; `amount` is their sum."""

    amount: float
    people: int
    households: int
    most_people: float
    most_amount: float

    @property
    def largest_share(self) -> float:
        """The largest share of one home, in the people or in what was counted of them."""
        return max(self.most_people, self.most_amount)


NOBODY = Counted(amount=0, people=0, households=0, most_people=0, most_amount=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of a township's people: looked after, ever measured, measured this week, silent 30 days."""

    managed: int
    households: int
    ever: int
    measured: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Of a township's alerts: how many, how many answered, and the median minutes until then."""

    alerts: int
    answered: int
    minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCell:
    """One count as it was known at some time."""

    source: str
    cell: CountCell
    revision: int
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who sends counts.

    `delay_shares[n]` is the share of a day's final count that is known n days later, the last is 1;
    `weekdays` are ISO days on which it reports. `area` None: the whole county.
    """

    source_id: str
    kind: SourceKind
    name: str
    area: str | None
    delay_shares: tuple[float, ...]
    weekdays: frozenset[int]
    created_at: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceShift:
    """Devices of one model, delivery or hub that read differently since a day."""

    kind: str
    key: str
    quantity: str
    since: date
    found_on: date
    shift: float
    moved: int
    homes: int


async def lock_release(connection: Connection) -> None:
    """Holds the release until the transaction ends: two workers never decide the same week."""
    await connection.execute(_SQL["lock_release"])


async def townships(connection: Connection, day: date) -> list[Township]:
    """Every township that lies in a county and is valid on `day`, by area id."""
    rows = await connection.fetch(_SQL["townships"], day)
    return [
        Township(area=r["area_id"], county=r["parent_id"], name=r["name"])
        for r in rows
        if r["parent_id"]
    ]


async def areas_around(connection: Connection, area: str) -> list[str]:
    """An area and what it lies in, the smallest first; empty where there is no such area."""
    return [row["area_id"] for row in await connection.fetch(_SQL["areas_around"], area)]


async def townships_below(connection: Connection, area: str) -> list[str]:
    """Every township that lies or lay in an area above it; none for a township itself."""
    return [row["area_id"] for row in await connection.fetch(_SQL["townships_below"], area)]


async def first_day(connection: Connection, zone: ZoneInfo) -> date | None:
    """The oldest local day that is or was counted; None before the first reading.

    A day that was counted stays one when nobody is counted any more.
    """
    return await connection.fetchval(_SQL["first_day"], zone.key)


async def last_released_week(connection: Connection) -> date | None:
    """The Monday of the newest released week, None before the first one."""
    return await connection.fetchval(_SQL["last_released_week"])


async def count_home_days(
    connection: Connection, first: date, end: date, zone: ZoneInfo
) -> dict[tuple[str, date, str], Counted]:
    """True counts of the local days from `first` up to, not including, `end`.

    By township, day and indicator; those of one age group are called `INDICATOR/GROUP`. What nobody
    speaks to is absent. A pulse is one of a guided measurement (`rests`), else it is in no number.
    """
    span = (start_of(first, zone), start_of(end, zone))
    guided = (REST, REST + MEASURING)
    rows = await connection.fetch(_SQL["home_days"], zone.key, *span, end.year, *guided)
    return {
        (r["township"], r["day"], r["indicator"]): Counted(
            amount=float(r["amount"]),
            people=r["people"],
            households=r["households"],
            most_people=r["most_people"],
            most_amount=max(0.0, min(1.0, r["most_amount"] or 0.0)),
        )
        for r in rows
    }


def _by_place(rows: Iterable[Row]) -> dict[tuple[str, str], Counted]:
    return {
        (r["township"], r["indicator"]): Counted(
            amount=r["amount"],
            people=r["people"],
            households=r["households"],
            most_people=r["most_people"],
            most_amount=r["most_amount"] or 0.0,
        )
        for r in rows
    }


async def count_week(
    connection: Connection, first: date, end: date, zone: ZoneInfo
) -> dict[tuple[str, str], Counted]:
    """Distinct people in a span of local days, by township and indicator; absent means nobody."""
    rows = await connection.fetch(
        _SQL["week_counts"], zone.key, start_of(first, zone), start_of(end, zone)
    )
    return _by_place(rows)


async def standing(connection: Connection, since: datetime, until: datetime) -> dict[str, Standing]:
    """Who is looked after and who fell silent, by township, as of `until`."""
    rows = await connection.fetch(_SQL["standing"], since, until)
    names = ("managed", "households", "ever", "measured", "lost")
    return {r["township"]: Standing(**{name: r[name] for name in names}) for r in rows}


async def crises(
    connection: Connection, since: datetime, until: datetime, priority: int
) -> dict[str, int]:
    """Confirmed cases of a priority that began in the span, by township."""
    rows = await connection.fetch(_SQL["crises"], since, until, priority)
    return {r["township"]: r["amount"] for r in rows}


async def answers(connection: Connection, since: datetime, until: datetime) -> dict[str, Answers]:
    """How soon alerts of the span were answered, by township."""
    rows = await connection.fetch(_SQL["answers"], since, until)
    return {
        r["township"]: Answers(alerts=r["alerts"], answered=r["answered"], minutes=r["minutes"])
        for r in rows
    }


async def low_glucose(
    connection: Connection, since: datetime, until: datetime, month: date
) -> list[CountCell]:
    """People on insulin with a glucose below 3.9 mmol/L in `month`, by township."""
    rows = await connection.fetch(_SQL["low_glucose"], since, until)
    return [
        CountCell(
            area=r["township"],
            indicator="low_glucose_insulin",
            day=month,
            value=r["amount"],
            base=r["people"],
            people=r["people"],
            households=r["households"],
        )
        for r in rows
    ]


async def drug_gaps(connection: Connection, day: date) -> dict[tuple[str, str], Counted]:
    """Who had been without drugs of a group for more than `supply.GRACE` when `day` began.

    By township and indicator, of those to whom such were handed within `supply.BEFORE`.
    """
    rows = await connection.fetch(_SQL["drug_gaps"], day, BEFORE.days, GRACE.days)
    return _by_place(rows)


async def device_shifts(connection: Connection, first: date, end: date) -> list[DeviceShift]:
    """What the population models found from `first` up to, not including, `end`."""
    rows = await connection.fetch(_SQL["device_shifts"], first, end)
    return [DeviceShift(**dict(r)) for r in rows]


async def ages(connection: Connection, year: int) -> dict[str, int]:
    """How many people of each age group the county looks after."""
    return {r["band"]: r["people"] for r in await connection.fetch(_SQL["ages"], year)}


async def monitored(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """People to whom a device was bound at some time in the span, by township."""
    rows = await connection.fetch(_SQL["monitored"], since, until)
    return {r["township"]: r["people"] for r in rows}


async def sources(connection: Connection) -> list[Source]:
    """Every source, by kind and id; a disabled one too."""
    return [
        Source(
            source_id=r["source_id"],
            kind=SourceKind(r["kind"]),
            name=r["name"],
            area=r["area"],
            delay_shares=tuple(r["delay_shares"]),
            weekdays=frozenset(r["weekdays"]),
            created_at=r["created_at"],
            disabled_at=r["disabled_at"],
        )
        for r in await connection.fetch(_SQL["sources"])
    ]


async def put_cells(
    connection: Connection, source: str, cells: Sequence[CountCell | Unsaid], as_of: datetime
) -> int:
    """Keeps counts of one source; one that differs from the newest revision becomes the next.

    What is unsaid becomes a revision only where something was said. Returns how many were written.
    """
    written = await connection.fetch(
        _SQL["put_cells"],
        [c.indicator for c in cells],
        [c.area for c in cells],
        [c.day for c in cells],
        [None if c.value is None else float(c.value) for c in cells],
        [c.base for c in cells],
        [c.people for c in cells],
        [c.households for c in cells],
        [c.largest_share for c in cells],
        source,
        as_of,
    )
    return len(written)


async def silence_townships(connection: Connection, as_of: datetime) -> int:
    """Takes back the numbers, however old, of townships all of whose people withdrew.

    By next revisions: counts become 0, means and shares unsaid. Verified clusters and shifted
    devices are not of persons and stay. Returns how many were written.
    """
    personal = [one for one in indicators_of(SourceKind.HOME) if one.code not in _NOT_OF_PERSONS]
    means = [one.code for one in personal if one.measure in {Measure.MEAN, Measure.SHARE}]
    codes = [one.code for one in personal]
    return len(await connection.fetch(_SQL["silence_townships"], codes, means, HOME, as_of))


async def known_cells(
    connection: Connection,
    indicators: Iterable[str],
    first: date,
    end: date,
    as_of: datetime,
    areas: Sequence[str] | None = None,
) -> list[KnownCell]:
    """Counts of periods that begin from `first` up to `end`, as they were known at `as_of`.

    One for each indicator, area, period and source, in that order; none where the newest then
    known revision took the number back.
    """
    chosen = None if areas is None else list(areas)
    rows = await connection.fetch(_SQL["cells"], list(indicators), chosen, first, end, as_of)
    names = ("area", "indicator", "day", "value", "base", "people", "households", "largest_share")
    return [
        KnownCell(
            source=r["source_id"],
            cell=CountCell(**{name: r[name] for name in names}),
            revision=r["revision"],
            as_of=r["as_of"],
        )
        for r in rows
    ]


async def day_series(
    connection: Connection, first: date, end: date, as_of: datetime
) -> Mapping[Indicator, dict[tuple[str, date], int]]:
    """The home channel's daily counts of what is released, by township and day."""
    series: dict[Indicator, dict[tuple[str, date], int]] = defaultdict(dict)
    for known in await known_cells(connection, [i.value for i in Indicator], first, end, as_of):
        if known.source == HOME:
            at = (known.cell.area, known.cell.day)
            series[Indicator(known.cell.indicator)][at] = round(known.cell.value)
    return series


async def asked_days(
    connection: Connection, first: date, end: date, as_of: datetime
) -> Mapping[Indicator, dict[tuple[str, date], int]]:
    """How many people the home channel's daily numbers were asked of, by township and day."""
    asked: dict[Indicator, dict[tuple[str, date], int]] = defaultdict(dict)
    for known in await known_cells(connection, [i.value for i in Indicator], first, end, as_of):
        if known.source == HOME:
            at = (known.cell.area, known.cell.day)
            asked[Indicator(known.cell.indicator)][at] = known.cell.people or 0
    return asked


async def disclosures(
    connection: Connection, since: date
) -> dict[tuple[str, str, date], Disclosure]:
    """What was decided of the released weeks from `since` on, by indicator, area and Monday."""
    rows = await connection.fetch(_SQL["disclosures"], since)
    return {(r["indicator"], r["area"], r["week_start"]): Disclosure(r["disclosure"]) for r in rows}


async def crossed_in_signals(
    connection: Connection, first: date, end: date
) -> dict[tuple[str, str], int]:
    """The largest count of a day over its threshold, by township and home indicator.

    Of the days of the span on which signals rest and behind which enough people and homes stand:
    those that reach the floor officers were told of (`showing`).
    """
    rows = await connection.fetch(_SQL["crossed_in_signals"], first, end)
    return {(r["area"], r["indicator"]): r["observed"] for r in rows}


async def levels(connection: Connection, week: date) -> dict[str, str]:
    """At which level indicators are released in a week, where it was declared: else townships."""
    return {r["indicator"]: r["level"] for r in await connection.fetch(_SQL["levels"], week)}


async def declare_level(
    connection: Connection, indicator: str, since: date, level: str, now: datetime
) -> None:
    """From the week `since` on an indicator is released at `level` (`township`, `county`)."""
    await connection.execute(_SQL["declare_level"], indicator, since, level, now)


async def put_release(
    connection: Connection,
    week: date,
    indicator: Indicator,
    rows: Iterable[ReleaseRow],
    how: tuple[str, int],
    now: datetime,
) -> None:
    """Stores the decision for one week and sibling group; a second one for the same is refused.

    `how` names the detector and the floor.
    """
    detector, floor = how
    await connection.executemany(
        _SQL["put_release"],
        [
            (
                week,
                indicator.value,
                row.area,
                row.disclosure.value,
                row.people,
                row.monitored_up_to,
                detector,
                row.judgement.value,
                row.expected,
                row.threshold,
                now,
                floor,
            )
            for row in rows
        ],
    )
