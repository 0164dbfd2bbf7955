"""Areas with their validity and outlines, as an operator's file brings them."""

from collections.abc import Sequence
from datetime import date, datetime

from service.store.database import Connection, load_statements, write_audit
from service.surveillance.areas import ListedArea, stored_outline

_SQL = load_statements("areas.sql")


async def known_areas(connection: Connection) -> dict[str, ListedArea]:
    """Every area ever known, by id."""
    names = ("area_id", "parent_id", "level", "name", "valid_from", "valid_to")
    return {
        r["area_id"]: ListedArea(
            **{name: r[name] for name in names},
            geometry=None if r["geometry"] is None else stored_outline(r["geometry"]),
        )
        for r in await connection.fetch(_SQL["areas"])
    }


async def put_areas(connection: Connection, areas: Sequence[ListedArea], now: datetime) -> None:
    """Stores areas in the order given, parents first; the caller holds the transaction."""
    for area in areas:
        await connection.execute(
            _SQL["put_area"],
            area.area_id,
            area.parent_id,
            area.level,
            area.name,
            area.valid_from,
            area.valid_to,
        )
        if area.geometry is not None:
            await connection.execute(_SQL["put_shape"], area.area_id, area.geometry, now)
    await write_audit(connection, None, "areas imported", None, {"areas": len(areas)}, now)


async def township_shapes(connection: Connection, county: str, day: date) -> dict[str, str]:
    """GeoJSON geometries of a county's townships that are valid on `day`, by area id."""
    rows = await connection.fetch(_SQL["shapes"], county, day)
    return {r["area"]: r["geometry"] for r in rows}
