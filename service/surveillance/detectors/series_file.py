"""Series files in the form an epidemiologist exports from R: the `series` of a golden file.

One JSON object: `observed` (null or "NA" where unknown), `freq` points a year, `epoch` with ISO
dates where `epochAsDate` is true, `population` one number or one a point. A file that holds such an
object under `series` is read too. Other keys are kept by their authors for themselves.
"""

from datetime import date
from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, field

from service.surveillance.detectors.points import Counts, DetectorError, Series

_UNKNOWN = frozenset({"NA", "NaN"})


class _File(msgspec.Struct, frozen=True, kw_only=True):
    observed: Annotated[list[float | str | None], Meta(min_length=1)]
    freq: Annotated[int, Meta(ge=1)] = 52
    epoch_as_date: bool = field(default=False, name="epochAsDate")
    epoch: list[int | float | str] | None = None
    population: float | list[float | str | None] | None = None


class _Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    series: _File


def read_series(text: bytes) -> Series:
    """One area's series from the bytes of a file.

    Raises:
        DetectorError: not such a file, or its parts do not fit together; the message says where.
    """
    try:
        try:
            file = msgspec.json.decode(text, type=_Wrapped).series
        except msgspec.ValidationError as wrapped:
            if "`$.series" in str(wrapped):
                raise
            file = msgspec.json.decode(text, type=_File)
    except msgspec.DecodeError as error:
        raise DetectorError(f"series: {error}") from error
    observed = _numbers(file.observed, "observed")
    return Series(
        observed=observed[None, :],
        frequency=file.freq,
        dates=_dates(file) if file.epoch_as_date else None,
        population=_population(file, observed.size),
    )


def _numbers(values: list[float | str | None], name: str) -> Counts:
    numbers: list[float] = []
    for place, value in enumerate(values):
        if value is None or value in _UNKNOWN:
            numbers.append(float("nan"))
        elif isinstance(value, str):
            raise DetectorError(f"series: {name}[{place}] is {value!r}, not a count")
        elif value < 0:
            raise DetectorError(f"series: {name}[{place}] is {value}, below 0")
        else:
            numbers.append(float(value))
    return np.asarray(numbers, dtype=np.float64)


def _dates(file: _File) -> tuple[date, ...]:
    epochs = file.epoch or []
    if len(epochs) != len(file.observed):
        raise DetectorError(f"series: {len(epochs)} dates for {len(file.observed)} counts")
    found: list[date] = []
    for place, epoch in enumerate(epochs):
        try:
            found.append(date.fromisoformat(str(epoch)))
        except ValueError as error:
            raise DetectorError(f"series: epoch[{place}] {epoch!r} is not an ISO date") from error
    if any(later <= earlier for earlier, later in pairwise(found)):
        raise DetectorError("series: the dates do not rise")
    return tuple(found)


def _population(file: _File, points: int) -> Counts | None:
    if file.population is None:
        return None
    if isinstance(file.population, list):
        values = _numbers(file.population, "population")
        if values.size != points:
            raise DetectorError(f"series: {values.size} populations for {points} counts")
        return values[None, :]
    return np.full((1, points), float(file.population))
