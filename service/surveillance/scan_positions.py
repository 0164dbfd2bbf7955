"""Where places lie, for the scan: the middle of each outline that was imported."""

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec

from service.store.database import Connection, load_statements
from service.surveillance.scan_near import Position

_HALF_ROUND = 180.0

_SQL = load_statements("signals.sql")


class _Geometry(msgspec.Struct, frozen=True):
    coordinates: list[object]


async def positions(connection: Connection, areas: Sequence[str]) -> dict[str, Position]:
    """Latitude and longitude of the areas that have an outline."""
    rows = await connection.fetch(_SQL["shapes"], list(areas))
    found = ((row["area"], middle(row["geometry"])) for row in rows)
    return {area: position for area, position in found if position is not None}


def middle(geometry: str) -> Position | None:
    """The middle of the box around a GeoJSON geometry; None where it has no positions."""
    walked = list(_walk(msgspec.json.decode(geometry, type=_Geometry).coordinates))
    if not walked:
        return None
    east = [longitude for longitude, _ in walked]
    if max(east) - min(east) > _HALF_ROUND:  # on both sides of 180 degrees
        east = [one + 2 * _HALF_ROUND if one < 0 else one for one in east]
    north = [latitude for _, latitude in walked]
    longitude = (min(east) + max(east)) / 2
    return (min(north) + max(north)) / 2, (longitude + _HALF_ROUND) % (
        2 * _HALF_ROUND
    ) - _HALF_ROUND


def _walk(nested: Sequence[object]) -> Iterator[tuple[float, float]]:
    """Every position of nested rings, whatever the geometry; an altitude is left out."""
    if len(nested) > 1 and all(isinstance(one, int | float) for one in nested):
        longitude, latitude = cast("Sequence[float]", nested)[:2]
        yield float(longitude), float(latitude)
        return
    for one in nested:
        if isinstance(one, list):
            yield from _walk(cast("list[object]", one))
