"""A rise shared by neighbouring townships, too small for each alone, becomes signals of theirs."""

from collections.abc import AsyncIterator
from datetime import timedelta

import numpy as np
import pytest

from service.people import Area
from service.release_settings import FLOOR
from service.surveillance.counts import put_cells
from service.surveillance.daily_signals import form_signals
from service.surveillance.scan_positions import middle
from service.surveillance.series import CountCell
from tests.fixtures.database import Database
from tests.integration.service_county import ZONE, County, open_county
from tests.integration.signal_county import seed_officers, signals_of

pytestmark = [pytest.mark.peer]

PLACES = 12
STRUCK = (4, 5, 8)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        for number in range(PLACES):
            await opened.store.register_area(
                Area(
                    area_id=f"n{number:02}",
                    parent_id="county-area",
                    level="township",
                    name=f"第{number}镇",
                )
            )
        await opened.owner.execute(
            "INSERT INTO cdc.source (source_id, kind, name, delay_shares, weekdays)"
            " VALUES ('clinic', 'clinic', 'clinic', '{1}', '{1,2,3,4,5,6,7}')"
        )
        yield opened


async def _report(county: County, extra: int) -> None:
    today = county.now.astimezone(ZONE).date()
    noise = np.random.default_rng(12)
    cells = [
        CountCell(
            area=f"n{number:02}",
            indicator="influenza_like",
            day=today - timedelta(days=ago),
            value=int(noise.poisson(8)) + (extra if number in STRUCK and ago <= 4 else 0),
        )
        for number in range(PLACES)
        for ago in range(1, 41)
    ]
    async with county.store.pool.acquire() as connection:
        await put_cells(connection, "clinic", cells, county.now)


async def _outlines(county: County) -> None:
    for number in range(PLACES):
        east, north = 120 + 0.1 * (number % 4), 30 + 0.1 * (number // 4)
        ring = [[east, north], [east + 0.1, north], [east + 0.1, north + 0.1], [east, north]]
        await county.owner.execute(
            "INSERT INTO cdc.area_shape (area, geometry, imported_at) VALUES ($1, $2, $3)",
            f"n{number:02}",
            f'{{"type": "Polygon", "coordinates": [{ring}]}}',
            county.now,
        )


@pytest.mark.row("C2")
async def test_neighbours_are_told_together_only_where_it_is_known_that_they_are(
    county: County,
) -> None:
    await _report(county, 5)
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []
    await _outlines(county)
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR)
    duty = await county.account("duty")
    found = {one.area for one in await signals_of(county).signals(duty, county.now)}
    assert found >= {f"n{number:02}" for number in STRUCK}
    assert len(found) <= len(STRUCK) + 2
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []


async def test_quiet_neighbours_are_not_told(county: County) -> None:
    await _report(county, 0)
    await _outlines(county)
    assert await form_signals(county.store.pool, county.now, ZONE, floor=FLOOR) == []


def test_the_middle_of_an_outline_of_any_depth() -> None:
    ring = "[[120, 30], [122, 30, 8], [122, 34], [120, 30]]"
    assert middle(f'{{"type": "Polygon", "coordinates": [{ring}]}}') == (32, 121)
    assert middle(f'{{"type": "MultiPolygon", "coordinates": [[{ring}]]}}') == (32, 121)
    assert middle('{"type": "Polygon", "coordinates": []}') is None
    across = "[[179.5, 50], [-179.5, 50], [-179.5, 51]]"
    assert middle(f'{{"type": "Polygon", "coordinates": [{across}]}}') == (50.5, -180)
