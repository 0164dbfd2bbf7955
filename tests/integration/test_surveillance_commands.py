"""What an operator types about surveillance: areas, sources and files, duty, series, release."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from service import cli
from service.surveillance.area_store import township_shapes
from service.surveillance.counts import put_cells
from service.surveillance.series import CountCell
from tests.fixtures.database import Database
from tests.integration.page_county import seed_townships
from tests.integration.service_county import County, open_county

pytestmark = [pytest.mark.peer]

AREAS = (
    "area_id,parent_id,level,name,valid_from,valid_to\n"
    "pv,,province,省,,\npf,pv,prefecture,市,,\n"
    "county-area,pf,county,县,,\nt9,county-area,township,新镇,2026-01-01,\nv9,t9,village,新村,,\n"
)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def run(database: Database, *words: str) -> int:
    """A command in a thread of its own, because it brings its own event loop."""
    whole = ("surveillance", *words, "--dsn", database.dsn_as("hw_service"))
    return await asyncio.to_thread(cli.main, whole)


@pytest.mark.row("C1")
async def test_areas_are_taken_over_line_by_line_or_not_at_all(
    county: County, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "areas.csv"
    file.write_text(AREAS + "x,t9,township,错,,\n", encoding="utf-8")
    assert await run(database, "areas", "import", str(file)) == 1
    said = capsys.readouterr()
    assert "line 7: refused: parent_id" in said.out
    assert "nothing was taken" in said.err
    assert await county.owner.fetchval("SELECT count(*) FROM care.area WHERE area_id = 't9'") == 0
    file.write_text(AREAS, encoding="utf-8")
    assert await run(database, "areas", "import", str(file)) == 0
    assert "line 5: new: township t9 新镇" in capsys.readouterr().out
    assert await run(database, "areas", "import", str(file)) == 0
    assert capsys.readouterr().out.count("unchanged") == 5
    rows = await county.owner.fetch(
        "SELECT area_id, parent_id FROM care.area WHERE level <> 'village'"
    )
    assert {row["area_id"]: row["parent_id"] for row in rows} == {
        "pv": None,
        "pf": "pv",
        "county-area": "pf",
        "township-area": "county-area",
        "t9": "county-area",
    }


@pytest.mark.row("C1")
async def test_geojson_brings_outlines_for_the_map(
    county: County, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = {"type": "Polygon", "coordinates": [[[104, 30], [105, 30], [105, 31], [104, 30]]]}
    properties = {
        "area_id": "township-area",
        "parent_id": "county-area",
        "level": "township",
        "name": "镇",
    }
    feature = {"type": "Feature", "properties": properties, "geometry": square}
    file = tmp_path / "areas.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert await run(database, "areas", "import", str(file)) == 0
    assert "changed: township township-area" in capsys.readouterr().out
    async with county.store.pool.acquire() as connection:
        shapes = await township_shapes(connection, "county-area", county.now.date())
    assert json.loads(shapes["township-area"]) == square
    assert await run(database, "areas", "import", str(file)) == 0
    assert "unchanged" in capsys.readouterr().out
    assert await run(database, "areas", "list") == 0
    assert "outline" in capsys.readouterr().out


async def test_a_file_that_is_none_is_said_so(
    county: County, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del county
    file = tmp_path / "areas.csv"
    file.write_text("a,b\n", encoding="utf-8")
    assert await run(database, "areas", "import", str(file)) == 2
    assert "the header lacks" in capsys.readouterr().err
    assert await run(database, "areas", "import", str(tmp_path / "none")) == 2


async def test_a_source_is_registered_its_file_taken_and_its_lines_told(
    county: County, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = ("school-1", "--kind", "school", "--name", "中心校", "--delays", "0.5,1")
    assert await run(database, "sources", "register", *new, "--weekdays", "12345") == 0
    token = capsys.readouterr().out.strip()
    assert len(token) > 40
    assert await run(database, "sources", "list") == 0
    listed = capsys.readouterr().out
    assert "school-1  school  中心校  county  0.5,1  12345  good  last sent never" in listed
    assert token not in listed
    day = await _today(county)
    file = tmp_path / "absent.csv"
    file.write_text(
        f"area,indicator,day,value,base\ntownship-area,absent_ill,{day},7,400\n"
        f"township-area,influenza_like,{day},7,\n",
        encoding="utf-8",
    )
    assert await run(database, "sources", "import", "school-1", str(file)) == 1
    said = capsys.readouterr().out
    assert "line 3: refused: indicator" in said
    assert "1 taken, 0 known already, 1 refused" in said
    assert await run(database, "sources", "refused", "school-1") == 0
    assert "influenza_like" in capsys.readouterr().out
    assert await run(database, "sources", "disable", "school-1") == 0
    assert await run(database, "sources", "import", "school-1", str(file)) == 2
    assert await run(database, "sources", "disable", "home") == 1
    bad = ("x", "--kind", "school", "--name", "x", "--delays", "0.5")
    assert await run(database, "sources", "register", *bad) == 2
    span = ("--area", "township-area", "--indicator", "absent_ill", "--from", day, "--to", day)
    capsys.readouterr()
    assert await run(database, "series", *span, "--purpose", "checking the school") == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["value"], line["base"], line["source"], line["revision"]) == (
        7,
        400,
        "school-1",
        1,
    )
    await _the_county_is_its_townships(database, span, capsys)
    assert await run(database, "series", *span, "--purpose", "x") == 2
    await county.owner.execute(
        "INSERT INTO cdc.source (source_id, kind, name, delay_shares, weekdays)"
        " VALUES ('sky', 'weather', 'sky', '{1}', '{1,2,3,4,5,6,7}')"
    )
    async with county.store.pool.acquire() as connection:
        warm = CountCell(
            area="county-area",
            indicator="temperature_mean",
            day=date.fromisoformat(day),
            value=31.5,
        )
        await put_cells(connection, "sky", [warm], county.now)
    weather = ("--beside", "temperature_mean", "--purpose", "with the weather of the county")
    assert await run(database, "series", *span, *weather) == 0
    assert json.loads(capsys.readouterr().out)["beside"] == 31.5
    before = ("--as-of", "2020-01-01T00:00", "--purpose", "as it was known then")
    assert await run(database, "series", *span, *before) == 0
    detail = await county.owner.fetch(
        "SELECT detail ->> 'purpose' AS purpose FROM care.audit WHERE action = 'read true series'"
    )
    assert [row["purpose"] for row in detail] == [
        "checking the school",
        "the county's townships summed",
        "with the weather of the county",
        "as it was known then",
    ]


async def _the_county_is_its_townships(
    database: Database, span: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = ("--area", "county-area", *span[2:], "--purpose", "the county's townships summed")
    assert await run(database, "series", *whole) == 0
    summed = json.loads(capsys.readouterr().out)
    assert (summed["value"], summed["base"]) == (7, 400)


async def _today(county: County) -> str:
    """The wall's day, by which commands judge what may be sent."""
    found = await county.owner.fetchval(
        "SELECT max(created_at)::date - 1 FROM cdc.source WHERE kind <> 'home'"
    )
    return str(found)


async def test_only_a_cdc_officer_is_named_for_duty(
    county: County, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ("--from", "2026-09-01", "--to", "2026-09-07")
    assert await run(database, "duty", "name", "cdc", *days) == 0
    assert "duty officer of county-area" in capsys.readouterr().out
    for other in ("family-a", "county", "nobody"):
        assert await run(database, "duty", "name", other, *days) == 1
    assert await run(database, "duty", "name", "cdc", *days[2:], *days[:2]) == 1  # named already
    assert await run(database, "duty", "list") == 0
    assert "county-area  cdc  2026-09-01..2026-09-07" in capsys.readouterr().out
    named = await county.owner.fetchval(
        "SELECT count(*) FROM care.audit WHERE action = 'duty officer named'"
    )
    assert named == 1


@pytest.mark.row("C11")
async def test_the_release_is_shown_before_it_is_made(
    county: County, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(database, "release", "--dry-run") == 1  # nobody has measured
    await seed_townships(county, {"东风镇": 14, "临河镇": 3, "清溪镇": 2}, 40)
    capsys.readouterr()
    assert await run(database, "release", "--dry-run", "--week", "2026-08-03") == 0
    said = capsys.readouterr().out
    assert "week of 2026-08-03" in said
    assert "county-area reporting: 2 of 4 townships shown (50%); below the floor 2" in said
    assert "--declare reporting=county" in said
    assert await county.owner.fetchval("SELECT count(*) FROM cdc.release_cell") == 0
    assert await run(database, "release", "--declare", "reporting=county") == 0
    assert "reporting: county from the week of" in capsys.readouterr().out
    assert await run(database, "release", "--declare", "reporting=village") == 2
    assert await run(database, "release", "--dry-run", "--week", "2026-08-04") == 2
