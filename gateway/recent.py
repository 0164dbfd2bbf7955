"""What the screen must remember of a person's last days, beside what is usual for them (D1).

One row of `RECENT` a subject: the readings of the days that have not closed yet (a small ring, so
that closing them needs no look at the store), and for each of the last 15 local days how many
systolic readings and sessions there were and what the session means come to. From these the screen
bounds what the exact stage would see over a span (`recent_bounds.py`).

A row is a function of the person's readings and of the rules: `recent_of` computes it from a window
whenever the exact stage has run, `recent_many.advance` extends it by one calm reading; both give
the same bytes. Numbers stand in tenths of the canonical unit. What a row cannot hold exactly (more
readings than the ring has places, a session over midnight) it marks, and the person goes to the
exact stage while it matters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_columns import EPOCH
from gateway.baseline_fold import MOST_LEARNED, part_of
from rules.codes import GLUCOSE_MG_DL_PER_MMOL_L
from rules.vocabulary import QuantityName
from rules.window import Point, once_each, sessions

DAYS = 15
"""Local days with a column: a span of 14 days touches 15 of them."""

LATELY = 4
"""Local days with columns of settled means: a span of 3 days touches 4 of them."""

RING = 13
MOST_OPEN = 1 << 5
"""Days after the last folded one that a place of the ring can tell apart."""

LOW_DAYS = 8
"""Local days of which is known whether a glucose was low: a span of 7 days touches 8 of them."""

LOW_GLUCOSE = 4.0
"""Below it, in mmol/L, a glucose counts as low: what may round to less than 4."""

MOST_OF_A_DAY = 15
"""So many readings of a day, or more, are not told apart; so many sessions are marked as loose."""

MOST_OF_A_SESSION = 21
"""A session of more readings is marked as loose: the tenths of 21 of 300 mmHg fit into its sum."""

RECENT = np.dtype(
    [
        ("last_at", "<i8"),  # microseconds since 1970 of the newest reading, of whatever kind
        ("systolic_at", "<i8"),  # the same of the newest valid systolic number
        ("glucose_at", "<u4"),  # minutes since 1970, rounded down, of the newest valid glucose
        ("watch_until", "<u4"),  # minutes since 1970: the exact stage looks at everything till then
        ("open_since", "<u4"),  # minutes since 1970, rounded down, of the first reading whose
        # confirmation is awaited; 0 = none; `SILENCE_TOLD` beside it
        ("rules", "<u4"),  # fingerprint of the rules the row was computed under; 0 = no row
        ("day", "<u2"),  # of the newest valid systolic reading, days since EPOCH; columns go back
        ("loose_day", "<u2"),  # the last day whose bounds cannot be trusted
        ("session_sum", "<u2"),  # of the current session, in tenths
        ("session_first", "<u2"),  # its first reading, in tenths
        ("diastolic_sum", "<u2"),  # the same two of diastolic pressure
        ("diastolic_first", "<u2"),
        ("session_readings", "u1"),
        ("ring_readings", "u1"),  # RING + 1 = more than the ring holds: fold from the store
        ("person", "u1"),  # what is known of the person alone (`person_bits.py`)
        ("low_days", "u1"),  # days with a low glucose; bit n: n days before that of `glucose_at`
        ("counts", "u1", (DAYS,)),  # readings (15: or more) * 16 + sessions
        ("sums", "<u2", (DAYS,)),  # of the session means
        ("highest", "u1", (DAYS,)),  # reading of the day, in steps of 2, rounded up
        ("lowest", "u1", (DAYS,)),  # the same, rounded down
        ("settled", "<u2", (LATELY,)),  # sums of the session means without first readings
        ("diastolic", "<u2", (LATELY,)),  # the same of diastolic pressure
        ("diastolic_high", "u1", (LATELY,)),  # reading of the day, rounded up
        ("ring_what", "u1", (RING,)),  # day after folded_through * 8 + part * 2 + is glucose
        ("ring_values", "u1", (RING, 3)),  # systolic, diastolic, pulse, 0 none; or a glucose code
    ]
)

RecentRow = NDArray[np.void]
RecentRows = NDArray[np.void]

BEYOND = 255
"""`highest` and `diastolic_high` of a day on which a number may have been any higher."""

MOST_WHOLE = 255
"""The greatest number of blood pressure or pulse that a ring place holds."""

_MG_DL, _RAW = 0x4000, 0x3FFF
_MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

BODY = (QuantityName.SYSTOLIC, QuantityName.DIASTOLIC, QuantityName.PULSE)
"""What a ring place of a pressure or pulse reading holds, in this order."""


def _converted() -> NDArray[np.float64]:
    """What each code of a ring place stands for, exactly as intake computes it."""
    table = np.full(0x10000, np.nan)
    table[:_RAW] = np.arange(_RAW) / 10.0
    for raw in range(1, 1100):
        table[_MG_DL + raw] = float(Decimal(raw) / GLUCOSE_MG_DL_PER_MMOL_L)
    return table


NUMBERS = _converted()
"""By code of glucose: tenths of mmol/L, or whole mg/dL, in mmol/L."""

_CODES: Mapping[float, int] = MappingProxyType(
    {float(NUMBERS[_MG_DL + raw]): _MG_DL + raw for raw in range(1, 1100)}
)


def code_of(value: float) -> int | None:
    """The ring's code of a learnable glucose, None where it has none: the store must be asked."""
    tenths = round(value * 10)
    if 0 < tenths < _RAW and tenths / 10.0 == value:
        return tenths
    return _CODES.get(value)


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    return (at - BEGINNING) // _MICROSECOND


SILENCE_TOLD = 1 << 31
"""In `open_since`: the next reading begins a clock of silence anew, and is looked at exactly."""


def waits_of(memory: "Memory") -> int:
    """`open_since` as it stands in the column."""
    at = memory.open_since
    minutes = 0 if at is None else max(1, micros(at) // 60_000_000)
    return minutes | (SILENCE_TOLD if memory.silence_told else 0)


def no_recent() -> RecentRow:
    """The row of a subject of whom nothing is remembered: always looked at exactly."""
    return np.zeros((), dtype=RECENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a rebuilt row takes over from elsewhere.

    `folded_through` is the state's last folded day, `rules` the fingerprint of the rules,
    `watch_until` the instant until which nothing is calm, `open_since` the time of the first
    reading whose confirmation is awaited, `silence_told` whether a silence was told of and nothing
    was measured since,
    `person` what is known of the person alone, as bits (`person_bits.py`),
    `before` the row that is rebuilt: the window may no longer reach the newest of what it tells.
    """

    folded_through: int
    rules: int
    watch_until: datetime
    open_since: datetime | None
    silence_told: bool = False
    person: int = 0
    before: RecentRow | None = None


def recent_of(
    points: Sequence[Point], learned: Sequence[Point], zone: tzinfo, memory: Memory
) -> RecentRow:
    """The row of a person, from the stored readings of the last days at least.

    Args:
        points: as the rules look at them (`Point.as_heard`), oldest first.
        learned: those of them that baselines may learn, at their own time, oldest first.
        zone: where days are counted.
        memory: what does not follow from the readings.
    """
    row = no_recent()
    last = micros(points[-1].effective_at) if points else 0
    row["last_at"] = last
    row["rules"], row["person"] = memory.rules, memory.person
    row["open_since"] = waits_of(memory)
    row["watch_until"] = max(0, -(-micros(memory.watch_until) // 60_000_000))
    sweet = [p for p in points if p.valid and QuantityName.GLUCOSE in p.values]
    row["glucose_at"] = micros(sweet[-1].effective_at) // 60_000_000 if sweet else 0
    row["low_days"] = _low_days(sweet, zone)
    fill_ring(row, learned, zone, memory.folded_through)
    _fill_days(row, points, zone)
    if memory.before is not None:
        _carry(row, memory.before)
    return row


def _carry(row: RecentRow, before: RecentRow) -> None:
    row["last_at"] = max(row["last_at"], before["last_at"])
    row["systolic_at"] = row["systolic_at"] or before["systolic_at"]
    if not row["glucose_at"]:
        row["glucose_at"], row["low_days"] = before["glucose_at"], before["low_days"]


def fill_ring(row: RecentRow, learned: Sequence[Point], zone: tzinfo, folded: int) -> None:
    """Put what can be learned of the days after `folded` into an empty ring, oldest first."""
    place = 0
    for point in learned:
        local = point.effective_at.astimezone(zone)
        offset = local.toordinal() - folded - 1
        if offset < 0:
            continue
        entry = ring_entry(point, local, offset)
        if entry is None:
            continue
        what, codes = entry
        if place == RING or what < 0:
            row["ring_readings"] = RING + 1
            row["ring_what"] = row["ring_values"] = 0
            return
        row["ring_what"][place] = what
        row["ring_values"][place] = codes
        place += 1
    row["ring_readings"] = place


def ring_entry(point: Point, local: datetime, offset: int) -> tuple[int, tuple[int, ...]] | None:
    """The ring's place for a learnable reading: (-1, ()) where it fits none, None where empty."""
    numbers = {
        name: float(value.value)
        for name, value in point.values.items()
        if value.value is not None and 0 < value.value < MOST_LEARNED
    }
    glucose = numbers.pop(QuantityName.GLUCOSE, None)
    body = [numbers.get(name, 0.0) for name in BODY]
    if glucose is None and not any(body):
        return None
    if offset >= MOST_OPEN or (glucose is not None and any(body)):
        return (-1, ())
    name = BODY[0] if glucose is None else QuantityName.GLUCOSE
    part = part_of(name, local, point.context.get("meal", ""))
    what = offset * 8 + part * 2 + (glucose is not None)
    if glucose is not None:
        code = code_of(glucose)
        return (-1, ()) if code is None else (what, (code & 255, code >> 8, 0))
    whole = all(number.is_integer() and number <= MOST_WHOLE for number in body)
    return (what, tuple(int(number) for number in body)) if whole else (-1, ())


def _fill_days(row: RecentRow, points: Sequence[Point], zone: tzinfo) -> None:
    name = QuantityName.SYSTOLIC
    valid = once_each(p for p in points if p.usable and p.valid and name in p.values)
    halves = _halves(points, zone)
    row["loose_day"] = alone = max(halves, default=0)
    if not valid:
        return
    days = {p.identity: p.effective_at.astimezone(zone).toordinal() - EPOCH for p in valid}
    row["day"] = newest = days[valid[-1].identity]
    readings = np.zeros(DAYS, dtype=np.int64)
    for point in valid:
        back = newest - days[point.identity]
        if back < DAYS:
            readings[back] += 1
            _widen(row, back, point)
    counted = np.zeros(DAYS, dtype=np.int64)
    numbered = [p for p in valid if p.values[name].value is not None]
    loose = alone
    for group in sessions(numbered):
        parts = [list(part) for _, part in groupby(group, key=lambda p: days[p.identity])]
        if len(parts) > 1 or len(group) > MOST_OF_A_SESSION:
            loose = max(loose, days[group[-1].identity])
        for part in parts:
            _add_session(row, counted, newest - days[part[0].identity], part)
    full = np.flatnonzero(counted >= MOST_OF_A_DAY)
    loose = max(loose, newest - int(full[0])) if full.size else loose
    row["loose_day"] = loose if newest - loose < DAYS else 0
    row["counts"] = np.minimum(readings, MOST_OF_A_DAY) * 16 + np.minimum(counted, MOST_OF_A_DAY)
    _open_wide(row, [newest - day for day in halves])
    if numbered:
        row["systolic_at"] = micros(numbered[-1].effective_at)


def _low_days(sweet: Sequence[Point], zone: tzinfo) -> int:
    """The days with a low glucose, before the newest one's, as bits; a censored one may be low."""
    bits = 0
    for point in sweet:
        value = point.values[QuantityName.GLUCOSE].value
        if value is None or value < LOW_GLUCOSE:
            back = _day(sweet[-1], zone) - _day(point, zone)
            bits |= 1 << back if back < LOW_DAYS else 0
    return bits


def _day(point: Point, zone: tzinfo) -> int:
    return point.effective_at.astimezone(zone).toordinal()


def _halves(points: Sequence[Point], zone: tzinfo) -> set[int]:
    """The days with a valid pressure of which one number is missing or censored."""
    days: set[int] = set()
    for point in points:
        carried = [point.values.get(name) for name in BODY[:2]]
        numbers = [value for value in carried if value is not None and value.value is not None]
        if point.valid and len(numbers) == 1:
            days.add(point.effective_at.astimezone(zone).toordinal() - EPOCH)
    return days


def _open_wide(row: RecentRow, backs: Sequence[int]) -> None:
    """On these days a number may have been any."""
    for back in backs:
        if 0 <= back < DAYS:
            row["highest"][back], row["lowest"][back] = BEYOND, 1
        if 0 <= back < LATELY:
            row["diastolic_high"][back] = BEYOND


def _widen(row: RecentRow, back: int, point: Point) -> None:
    other = point.values.get(QuantityName.DIASTOLIC)
    if back < LATELY and other is not None and other.value is not None:
        above = min(int(-(-float(other.value) // 1)), 255)
        row["diastolic_high"][back] = max(int(row["diastolic_high"][back]), above)
    value = point.values[QuantityName.SYSTOLIC].value
    if value is None:
        return
    high, low = highest_of(float(value)), lowest_of(float(value))
    row["highest"][back] = max(int(row["highest"][back]), high)
    known = int(row["lowest"][back])
    row["lowest"][back] = min(known, low) if known else low


def _add_session(
    row: RecentRow, counted: NDArray[np.int64], back: int, part: Sequence[Point]
) -> None:
    """Add the part of a session that lies on one day."""
    kept = part[:MOST_OF_A_SESSION]
    upper = [_tenths(point, QuantityName.SYSTOLIC) for point in kept]
    lower = [_tenths(point, QuantityName.DIASTOLIC) for point in kept]
    row["session_sum"], row["session_first"] = sum(upper), upper[0]
    row["diastolic_sum"], row["diastolic_first"] = sum(lower), lower[0]
    row["session_readings"] = size = len(kept)
    if back >= DAYS:
        return
    counted[back] += 1
    if counted[back] >= MOST_OF_A_DAY:
        return
    row["sums"][back] += _half_up(sum(upper), size)
    if back < LATELY:
        left = max(size - 1, 1)
        for name, values in (("settled", upper), ("diastolic", lower)):
            row[name][back] += _half_up(sum(values[1:] or values), left)


def _tenths(point: Point, name: QuantityName) -> int:
    """The number in tenths, 0 where there is none."""
    value = point.values.get(name)
    return 0 if value is None or value.value is None else tenths_of(float(value.value))


def _half_up(total: int, size: int) -> int:
    return (2 * total + size) // (2 * size)


def tenths_of(value: float) -> int:
    """A systolic number in tenths, half up, as the day columns add it."""
    return int(value * 10 + 0.5)


def highest_of(value: float) -> int:
    """At least half the number."""
    return min(int(-(-value // 2)), 255)


def lowest_of(value: float) -> int:
    """At most half the number, and never 0, which means none."""
    return max(int(value // 2), 1)
