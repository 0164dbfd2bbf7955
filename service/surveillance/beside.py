"""What is tried first when a signal is to be explained: devices that read differently, the weather.

Neither is of a person or a home: of devices only models and deliveries are told, no hub.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean

from service.store.database import Connection
from service.surveillance.counts import KnownCell, device_shifts, known_cells

BEFORE = timedelta(days=28)
"""How far back one looks, and what the weather of the signal's days is held against."""

_TOLD = frozenset({"model", "delivery"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftedKind:
    """A model or delivery of devices that has read differently since a day."""

    key: str
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What else was different: kinds of devices in the county, and degrees Celsius.

    `temperature` is the mean of the signal's days and that of the four weeks before, None where no
    weather source reports.
    """

    shifted: tuple[ShiftedKind, ...] = ()
    temperature: tuple[float, float] | None = None


async def read_beside(
    connection: Connection, areas: Sequence[str], first: date, last: date, now: datetime
) -> Beside:
    """What was different from `first` to `last`, as it is known at `now`.

    `areas` are the place and its county; the weather is that of the first of them that has any.
    """
    end = last + timedelta(days=1)
    found = await device_shifts(connection, first - BEFORE, end)
    kinds = {one.key: one.since for one in found if one.kind in _TOLD}
    cells = await known_cells(
        connection, ["temperature_mean"], first - BEFORE, end, now, areas=areas
    )
    return Beside(
        shifted=tuple(ShiftedKind(key=key, since=since) for key, since in sorted(kinds.items())),
        temperature=_temperature(cells, areas, first),
    )


def _temperature(
    cells: Sequence[KnownCell], areas: Sequence[str], first: date
) -> tuple[float, float] | None:
    for area in areas:
        here = [one.cell for one in cells if one.cell.area == area]
        during = [one.value for one in here if one.day >= first]
        before = [one.value for one in here if one.day < first]
        if during and before:
            return fmean(during), fmean(before)
    return None
