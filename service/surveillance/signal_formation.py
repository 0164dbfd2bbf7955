"""What detection found becomes signals: new ones, or more of one that is there already.

The caller holds the transaction and calls it with everything that is known of a day; the same
findings again change nothing (row C12: no second signal on the same reports).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from service.store.database import Connection, as_json, load_statements
from service.surveillance.feedback import JUDGED, YEAR, adjustment
from service.surveillance.showing import is_for_officers
from service.surveillance.signal_records import standing_of
from service.surveillance.signal_words import (
    Colour,
    Finding,
    SourceEvidence,
    colour_of,
    detector_of,
)
from service.surveillance.workflow import (
    OPEN,
    SYSTEM,
    Act,
    Standing,
    State,
    Step,
    grow,
    take,
)
from service.surveillance.workflow_clock import FIRST_LOOK, Rung

_SQL = load_statements("signals.sql")

_EMERGED = "officers know of it now"
_ONE_EPISODE = timedelta(days=7)
"""A crossing within this many days of the last one belongs to the same signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is stored of a signal to which a finding belongs."""

    standing: Standing
    first_day: date
    watched: bool
    grew_at: datetime | None
    inner: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The colour after feedback, and whether the signal is only to be watched."""

    colour: Colour
    watched: bool


def grade(finding: Finding, sources: Sequence[SourceEvidence]) -> Grade:
    """What the colour is once only sources above their *adjusted* thresholds vote.

    A finding without any crossing source (a named rule) keeps its colour.
    """
    crossed = {one.source for one in sources if one.crossed}
    voting = {one.source for one in sources if one.votes}
    if crossed == voting:
        return Grade(colour=finding.colour, watched=False)
    if not voting:
        return Grade(colour=finding.colour, watched=True)
    lower = min(finding.colour, colour_of(len(voting)), key=lambda one: one.rank)
    return Grade(colour=lower, watched=False)


def told(inner: Grade, evidence: Sequence[SourceEvidence], floor: int) -> Grade:
    """The grade by which clocks run and growth is told: that of what officers may know.

    Where they may not know of the signal at all, the whole one: only the duty officer has it.
    """
    named = {one.source for one in evidence if one.crossed and one.may_be_named(floor)}
    if not named or inner.colour is Colour.RED:
        return inner
    seen = min(inner.colour, colour_of(len(named)), key=lambda one: one.rank)
    return replace(inner, colour=seen)


async def take_findings(
    connection: Connection, findings: Iterable[Finding], now: datetime, *, floor: int
) -> list[UUID]:
    """Stores findings as signals; returns those that are new or say more than before, in order.

    `floor`: what officers may know of only now is a new signal now.
    """
    told: list[UUID] = []
    for finding in sorted(findings, key=lambda one: (one.day, one.area)):
        area = finding.area
        sources = [await _adjusted(connection, area, one, now, floor) for one in finding.sources]
        known = await _known(connection, finding)
        stored = [] if known is None else await _stored(connection, known)
        if known is not None and not _emerges(stored, sources, floor):
            added = (finding, sources, stored)
            signal_id = await _add(connection, known, added, now, floor)
        else:
            signal_id = await _form(connection, finding, sources, now, floor)
            if known is not None and known.standing.state is State.NEW:
                await _merge(connection, known.standing, signal_id, now)
        if signal_id is not None:
            told.append(signal_id)
    return told


async def _known(connection: Connection, finding: Finding) -> Known | None:
    """The signal to which a finding belongs, where there is one."""
    row = await connection.fetchrow(_SQL["newest_of_area"], finding.area, finding.drill)
    if row is None or not _is_same(finding.day, row["first_day"], row["last_day"]):
        return None
    return Known(
        standing=standing_of(dict(row)),
        first_day=row["first_day"],
        watched=row["watched"],
        grew_at=row["grew_at"],
        inner=Colour(row["inner_colour"]),
    )


def _emerges(
    stored: Sequence[SourceEvidence], sources: Sequence[SourceEvidence], floor: int
) -> bool:
    """Whether officers may know of it only now: to them it is then a signal like any other.

    Of the former one, with its hour, its state and its questions, the duty officer alone knows.
    """
    return not is_for_officers(stored, floor) and is_for_officers(sources, floor)


async def _merge(
    connection: Connection, before: Standing, into: UUID | None, now: datetime
) -> None:
    """Leaves what nobody has looked at yet to the signal that came of it."""
    if into is None:
        return
    step = Step(act=Act.MERGE, actor=SYSTEM, at=now, reason=_EMERGED, duplicate_of=into)
    after = take(before, step)
    await connection.execute(
        _SQL["merge"],
        before.signal_id,
        after.state.value,
        after.due_at,
        into,
        now,
        after.colour.value,
    )
    await put_event(
        connection, before, after, Entry(what=step.act.value, at=now, reason=step.reason)
    )


def _is_same(day: date, first: date, last: date) -> bool:
    return first - _ONE_EPISODE <= day <= last + _ONE_EPISODE


async def _adjusted(
    connection: Connection, area: str, source: SourceEvidence, now: datetime, floor: int
) -> SourceEvidence:
    # What officers know of learns from what they know of: its threshold would tell of the rest.
    least = floor if source.may_be_named(floor) else 0
    series = (area, source.source, source.indicator)
    rows = await connection.fetch(_SQL["outcomes"], *series, now - YEAR, JUDGED, least)
    return replace(source, factor=adjustment([row["confirmed"] for row in rows]).factor)


async def _form(
    connection: Connection,
    finding: Finding,
    sources: Sequence[SourceEvidence],
    now: datetime,
    floor: int,
) -> UUID | None:
    signal_id = uuid4()  # made of place and day it would tell when a signal really began
    inner = grade(finding, sources)
    graded = told(inner, sources, floor)
    due_at = None if graded.watched else now + FIRST_LOOK[graded.colour]
    await connection.execute(
        _SQL["put_signal"],
        signal_id,
        finding.area,
        finding.day,
        graded.colour.value,
        finding.driver,
        finding.simes_p,
        finding.q,
        finding.drill,
        graded.watched,
        now,
        finding.arriving_until,
        due_at,
        inner.colour.value,
    )
    await _put_sources(connection, signal_id, (*finding.history, *sources), now)
    standing = Standing(signal_id=signal_id, colour=graded.colour, raised_at=now, due_at=due_at)
    what = "watched" if graded.watched else "formed"
    await put_event(connection, standing, standing, Entry(what=what, at=now, reason=finding.driver))
    return None if graded.watched else signal_id


async def _add(
    connection: Connection,
    known: Known,
    found: tuple[Finding, Sequence[SourceEvidence], Sequence[SourceEvidence]],
    now: datetime,
    floor: int,
) -> UUID | None:
    finding, sources, stored = found
    before = known.standing
    inner = grade(finding, sources)
    graded = told(inner, (*stored, *sources), floor)
    largest = _largest(stored)
    await _put_sources(connection, before.signal_id, sources, now)
    is_open = before.state in OPEN
    was_watched = known.watched
    higher = graded.colour.rank > before.colour.rank
    public = is_for_officers(stored, floor)
    more = any(
        one.votes and one.observed > largest.get((one.source, one.indicator), -1)
        for one in sources
        if one.may_be_named(floor) or not public
    )
    grew = not graded.watched and (higher or was_watched or (not is_open and more))
    after = before
    if grew:
        after = grow(before, graded.colour, now)
        if was_watched:
            due_at = now + FIRST_LOOK[after.colour]
            after = replace(after, due_at=due_at, rung=Rung.OFFICERS)
    grew_at = now if grew and not is_open else known.grew_at
    await connection.execute(
        _SQL["attach"],
        before.signal_id,
        finding.day,
        finding.driver,
        finding.simes_p,
        finding.q,
        finding.arriving_until,
        was_watched and graded.watched,
        grew_at,
        max(known.inner, inner.colour, key=lambda one: one.rank).value,
    )
    if not grew:
        return None
    grown = (before.signal_id, after.colour.value, after.due_at, int(after.rung))
    await connection.execute(_SQL["put_growth"], *grown)
    await put_event(connection, before, after, Entry(what="grew", at=now, reason=finding.driver))
    return before.signal_id


async def _stored(connection: Connection, known: Known) -> list[SourceEvidence]:
    """What the signal rests on so far: not the days before it, which say what was normal."""
    return [
        SourceEvidence(
            source=row["source"],
            indicator=row["indicator"],
            day=row["day"],
            observed=row["observed"],
            expected=row["expected"],
            upperbound=row["upperbound"],
            p=row["p"],
            factor=row["factor"],
            backed=row["backed"],
            detector=detector_of(row["detector"]),
        )
        for row in await connection.fetch(_SQL["evidence"], [known.standing.signal_id])
        if row["day"] >= known.first_day
    ]


def _largest(stored: Iterable[SourceEvidence]) -> dict[tuple[str, str], int]:
    largest: dict[tuple[str, str], int] = {}
    for one in stored:
        series = (one.source, one.indicator)
        largest[series] = max(largest.get(series, 0), one.observed)
    return largest


async def _put_sources(
    connection: Connection, signal_id: UUID, sources: Sequence[SourceEvidence], now: datetime
) -> None:
    await connection.executemany(
        _SQL["put_source"],
        [
            (
                signal_id,
                one.source,
                one.indicator,
                one.day,
                one.observed,
                one.expected,
                one.upperbound,
                one.p,
                one.factor,
                now,
                one.backed,
                None if one.detector is None else one.detector.value,
            )
            for one in sources
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one entry of a signal's record says beside the states before and after."""

    what: str
    at: datetime
    reason: str
    actor: str = SYSTEM
    detail: Mapping[str, str] = field(default_factory=dict[str, str])


async def put_event(
    connection: Connection, before: Standing, after: Standing, entry: Entry
) -> None:
    """Appends one entry to a signal's record, in the caller's transaction."""
    await connection.execute(
        _SQL["put_event"],
        after.signal_id,
        entry.at,
        entry.actor,
        entry.what,
        before.state.value,
        after.state.value,
        int(after.rung),
        entry.reason,
        as_json(entry.detail),
    )
