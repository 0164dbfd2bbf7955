"""A file of places for `hearthwatch surveillance scan`: counts and expectations on a map.

One JSON object: `places`, each with `id`, `latitude`, `longitude`, `counts` a period (the last is
now) and, for the scan, `expected` of the same length.
"""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from service.surveillance.detectors.points import Counts, DetectorError
from service.surveillance.scan import Cluster, Replicas, nearest_zones, planar, scan
from service.surveillance.scan_near import CountRule, Gathering, gatherings

_Count = Annotated[float, Meta(ge=0)]


class ScanPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place of the file."""

    id: str
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    counts: Annotated[list[_Count], Meta(min_length=1)]
    expected: list[Annotated[float, Meta(gt=0)]] | None = None


class ScanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    places: Annotated[list[ScanPlace], Meta(min_length=2)]


def read_scan_file(text: bytes) -> ScanFile:
    """The places of a file.

    Raises:
        DetectorError: not such a file, or its rows are of different lengths.
    """
    try:
        file = msgspec.json.decode(text, type=ScanFile)
    except msgspec.DecodeError as error:
        raise DetectorError(f"places: {error}") from error
    lengths = {len(place.counts) for place in file.places}
    lengths |= {len(place.expected) for place in file.places if place.expected is not None}
    if len(lengths) != 1:
        raise DetectorError(f"places: rows of {sorted(lengths)} periods")
    return file


def count_hits(file: ScanFile, rule: CountRule) -> list[Gathering]:
    """Where the file's counts meet a count rule."""
    return gatherings(_counts(file), _kilometres(file), rule)


def likeliest(file: ScanFile, chance: Replicas) -> Cluster | None:
    """The scan's likeliest cluster; zones hold up to half of the places.

    Raises:
        DetectorError: a place says no expectation.
    """
    missing = [place.id for place in file.places if place.expected is None]
    if missing:
        raise DetectorError(f"places: {missing[0]} has no `expected`")
    expected = np.asarray([place.expected for place in file.places], dtype=np.float64)
    zones = nearest_zones(_kilometres(file), max(1, len(file.places) // 2))
    return scan(_counts(file), expected, zones, chance)


def _counts(file: ScanFile) -> Counts:
    return np.asarray([place.counts for place in file.places], dtype=np.float64)


def _kilometres(file: ScanFile) -> Counts:
    return planar(
        np.asarray([[place.latitude, place.longitude] for place in file.places], dtype=np.float64)
    )
