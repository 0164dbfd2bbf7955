"""The days of a cohort as columns: weekday, season, midnight, festivals."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone

import numpy as np
import numpy.typing as npt

CHINA = timezone(timedelta(hours=8))
"""Mainland China: one zone, no summer time."""

COLDEST_DAY = 20
"""Day of the year of the winter's middle (late January, northern hemisphere)."""

_YEAR_DAYS = 365.25
_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400

# New Year and Mid-Autumn of the Chinese calendar (GB/T 33661-2017), 2015-2040.
_NEW_YEARS = (
    "2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 2020-01-25 2021-02-12 2022-02-01 "
    "2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-03 "
    "2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08 2036-01-28 2037-02-15 2038-02-04 "
    "2039-01-24 2040-02-12"
)
_MID_AUTUMNS = (
    "2015-09-27 2016-09-15 2017-10-04 2018-09-24 2019-09-13 2020-10-01 2021-09-21 2022-09-10 "
    "2023-09-29 2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22 2030-09-12 "
    "2031-10-01 2032-09-19 2033-09-08 2034-09-27 2035-09-16 2036-10-04 2037-09-24 2038-09-13 "
    "2039-10-02 2040-09-20"
)
_NEW_YEAR_FEAST = range(-1, 8)  # from the eve's dinner to the seventh day
_OTHER_FEAST = range(3)
_LAST_YEAR_OF_TABLE = 2040
_FIRST_YEAR_OF_TABLE = 2015


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Consecutive local days; every array has one element a day and must not be written to.

    Attributes:
        first: Local date of day 0; all days lie in 2015-2040, where the feasts are known.
        days: How many, at least 1.
        zone: A fixed offset; China when not given.
        weekday: 0 Monday to 6 Sunday.
        day_of_year: 1 to 366.
        season: 1 at the coldest day, -1 half a year later (cosine, quantised to 1e-6).
        midnight_epoch_s: Seconds since 1970 (UTC) of the day's local midnight.
        festival: True on feast days: New Year's week, Mid-Autumn, National Day (three days).

    Raises:
        ValueError: For days outside the table of feasts.
    """

    first: date
    days: int
    zone: timezone = CHINA
    weekday: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    day_of_year: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    season: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)
    midnight_epoch_s: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    festival: npt.NDArray[np.bool_] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fill the columns."""
        if self.days < 1:
            raise ValueError("a calendar has at least one day")
        last = self.first + timedelta(days=self.days - 1)
        if self.first.year < _FIRST_YEAR_OF_TABLE or last.year > _LAST_YEAR_OF_TABLE:
            raise ValueError("feasts are known for 2015-2040 only")
        dates = [self.first + timedelta(days=day) for day in range(self.days)]
        day_of_year = np.array([each.timetuple().tm_yday for each in dates], np.int64)
        angle = 2 * np.pi * (day_of_year - COLDEST_DAY) / _YEAR_DAYS
        offset_s = round(self.zone.utcoffset(None).total_seconds())
        ordinal = np.arange(self.days, dtype=np.int64) + (self.first - _EPOCH).days
        feasts = _feasts()
        columns = {
            "weekday": np.array([each.weekday() for each in dates], np.int64),
            "day_of_year": day_of_year,
            "season": np.round(np.cos(angle), 6),
            "midnight_epoch_s": ordinal * _DAY_S - offset_s,
            "festival": np.array([each in feasts for each in dates], np.bool_),
        }
        for name, column in columns.items():
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def date(self, day: int) -> date:
        """The local date of a day index."""
        return self.first + timedelta(days=day)

    def instant(self, day: int, minute: float = 0.0) -> datetime:
        """The aware local time of a day index and a minute of that day (to the whole second)."""
        midnight = datetime.combine(self.date(day), time(0), tzinfo=self.zone)
        return midnight + timedelta(seconds=round(60 * minute))


def _feasts() -> frozenset[date]:
    lunar = [
        date.fromisoformat(day) + timedelta(days=shift)
        for table, feast in ((_NEW_YEARS, _NEW_YEAR_FEAST), (_MID_AUTUMNS, range(1)))
        for day in table.split()
        for shift in feast
    ]
    years = range(_FIRST_YEAR_OF_TABLE, _LAST_YEAR_OF_TABLE + 1)
    national = [date(year, 10, 1 + shift) for year in years for shift in _OTHER_FEAST]
    return frozenset([*lunar, *national])
