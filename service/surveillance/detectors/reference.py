"""Which earlier points a Farrington regression learns from, and their season.

Windows of the same weeks in earlier years after Farrington, Andrews, Beale and Catchpole (J R Stat
Soc A 159 (1996) 547-563, section 3.3); the seasons between the windows after Noufaily et al. (Stat
Med 32 (2013) 1206-1222, section 3.2). Dated points go back by calendar years to the nearest same
weekday, so that years of 52 and of 53 weeks both come out right.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from service.surveillance.detectors.points import Counts, DetectorError, Indices, Series

_LEAP_DAY = (2, 29)
_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Points to learn from: `back` steps before the judged point, their season (1 and up), time.

    `time` is in points, or in steps of the dates, the judged point at `now`.
    """

    back: Indices
    season: Indices
    time: Counts
    now: float

    def key(self) -> bytes:
        """Equal for judged points that can be fitted over one design."""
        relative = np.round(self.time - self.now, 9)
        return self.back.tobytes() + self.season.tobytes() + relative.tobytes()


def same_time_of_year(series: Series, judged: int, years: int) -> list[int]:
    """Indices of the judged point itself and of its time of year 1 to `years` years before.

    Raises:
        DetectorError: one of them lies before the series, or between its dates.
    """
    if series.dates is None:
        found = [judged - series.frequency * year for year in range(years + 1)]
    else:
        place = {day: index for index, day in enumerate(series.dates)}
        wanted = [_years_before(series, judged, year) for year in range(years + 1)]
        found = [place.get(day, -1) for day in wanted]
    if min(found) < 0:
        raise DetectorError(
            f"range: point {judged + 1} has no reference point some year of {years} before; "
            "lower b or judge later points"
        )
    return found


def flexible_reference(
    series: Series, judged: int, *, years: int, half: int, seasons: int, left_out: int
) -> Reference:
    """The windows and, where `seasons` is above 1, everything between them cut into seasons.

    Args:
        series: the calendar; counts are not looked at.
        judged: index from 0.
        years: b, how many years back.
        half: w, points on either side of the same time of year.
        seasons: noPeriods; the windows are the last one.
        left_out: points just before the judged one that are not learned from.

    Raises:
        DetectorError: reference points lie outside the series.
    """
    centres = same_time_of_year(series, judged, years)[::-1]
    if centres[0] - half < 0:
        raise DetectorError(
            f"range: the window {years} years before point {judged + 1} begins before the series"
        )
    back: list[int] = []
    season: list[int] = []
    # R's way with fewer points than seasons between two windows: the next window's first point
    # joins the last of those seasons.
    taken = 0
    for position, centre in enumerate(centres):
        end = centre + half if position < len(centres) - 1 else judged
        inside = range(centre - half, end + 1)
        back.extend(inside)
        season.extend([taken or seasons] + [seasons] * (len(inside) - 1))
        if seasons > 1 and position < len(centres) - 1:
            between = range(end + 1, centres[position + 1] - half)
            back.extend(between)
            season.extend(_cut(len(between), seasons - 1))
            taken = len(between) if 0 < len(between) < seasons - 1 else 0
    points = np.asarray(back, dtype=np.int64)
    kept = points < judged - left_out
    return _reference(series, judged, points[kept], np.asarray(season, dtype=np.int64)[kept])


def classic_reference(series: Series, judged: int, *, years: int, half: int) -> Reference:
    """The windows of the earlier years alone, the oldest first.

    Raises:
        DetectorError: reference points lie outside the series.
    """
    centres = same_time_of_year(series, judged, years)[:0:-1]
    points = np.asarray(
        [index for centre in centres for index in range(centre - half, centre + half + 1)],
        dtype=np.int64,
    )
    if points.size == 0 or points.min() < 0:
        raise DetectorError(
            f"range: the window {years} years before point {judged + 1} begins before the series"
        )
    # In points even where they are dated, as R does: months are taken to be of one length.
    return Reference(
        back=judged - points,
        season=np.ones_like(points),
        time=points.astype(np.float64),
        now=float(judged),
    )


def _reference(series: Series, judged: int, points: Indices, season: Indices) -> Reference:
    if series.dates is None or points.size == 0:
        time, now = points.astype(np.float64), float(judged)
    else:
        days = np.asarray([day.toordinal() for day in series.dates], dtype=np.float64)
        step = days[points[1]] - days[points[0]] if points.size > 1 else 1.0
        time = (days[points] - days[points[0]]) / step
        now = float((days[judged] - days[points[0]]) / step)
    return Reference(back=judged - points, season=season, time=time, now=now)


def _cut(length: int, blocks: int) -> list[int]:
    share, rest = divmod(length, blocks)
    sizes = [share + (1 if block < rest else 0) for block in range(blocks)]
    return [block + 1 for block, size in enumerate(sizes) for _ in range(size)]


def _years_before(series: Series, judged: int, years: int) -> date:
    assert series.dates is not None
    day = series.dates[judged]
    if (day.month, day.day) == _LEAP_DAY:
        earlier = date(day.year - years, 3, 1) if years else day
    else:
        earlier = day.replace(year=day.year - years)
    if not _is_weekly(series):
        return earlier
    ahead = (day.weekday() - earlier.weekday()) % _WEEK_DAYS
    return earlier + timedelta(days=ahead if ahead <= _WEEK_DAYS // 2 else ahead - _WEEK_DAYS)


def _is_weekly(series: Series) -> bool:
    return series.frequency in (52, 53)
