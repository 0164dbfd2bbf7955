"""Where places lie, for the scan: the middle of each outline that was imported."""

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec

from service.store.database import Connection, load_statements
from service.surveillance.scan_near import Position

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
    north = [latitude for _, latitude in walked]
    return (min(north) + max(north)) / 2, (min(east) + max(east)) / 2


def _walk(nested: Sequence[object]) -> Iterator[tuple[float, float]]:
    """Every position of nested rings, whatever the geometry; an altitude is left out."""
    if len(nested) > 1 and all(isinstance(one, int | float) for one in nested):
        longitude, latitude = cast("Sequence[float]", nested)[:2]
        yield float(longitude), float(latitude)
        return
    for one in nested:
        if isinstance(one, list):
            yield from _walk(cast("list[object]", one))
