"""Pages are no API and stand in no document; what schemathesis makes of their forms breaks none."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from service.app import create_app
from service.doors.doors import routes_of
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, open_county, serving
from tests.security.fuzzing import fuzz, let_in, unhurried
from tests.security.matrix import bring, session

pytestmark = [pytest.mark.peer, pytest.mark.slow]

FOR_PROGRAMS = "^/(events|api/|openapi|logout|enrol/(device|token|renew|claim))"
"""The published document's (`test_openapi.py`), and what would end the session."""

ROLES = ("family-a", "village-a", "zhang", "county", "cdc", "admin")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await bring(opened, await opened.raise_alert(), ZHANG, ("family-a",))
        yield opened


def everything(app: FastAPI) -> str:
    """A document of all the pages, for this test alone."""
    routes = [each for each in routes_of(app.routes) if isinstance(each, APIRoute)]
    for each in routes:
        each.include_in_schema = True
    return json.dumps(get_openapi(title="everything", version="1", routes=routes))


async def test_no_page_breaks_whatever_its_form_is_filled_with(
    county: County, tmp_path: Path
) -> None:
    """As each role in turn, and as nobody; what ends a session is left out."""
    callers = {
        login: {"Cookie": f"hearthwatch={await session(county, login)}"} for login in ROLES
    } | {"nobody": dict[str, str]()}
    document = tmp_path / "everything.json"
    document.write_text(everything(create_app(county.services)), encoding="utf-8")
    assert '"/doctor"' in document.read_text(encoding="utf-8")
    async with serving(unhurried(county.services)) as address:
        fuzzed = await fuzz(
            tmp_path,
            callers,
            *(str(document), "--url", address, "--checks", "not_a_server_error"),
            *("--max-examples", "6", "--phases", "coverage,fuzzing", "--max-time", "12"),
            *("--exclude-path-regex", FOR_PROGRAMS),
        )
        assert await let_in(address, callers) == set(ROLES), "all of them, to the end"
    assert fuzzed.status == 0, fuzzed.told[-6000:]
    assert fuzzed.callers == set(callers)
