"""Pages are no API and stand in no document; what schemathesis makes of their forms breaks none."""

import asyncio
import json
import sys
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
from tests.security.matrix import bring, session

pytestmark = [pytest.mark.peer, pytest.mark.slow]

FOR_PROGRAMS = "^/(events|api/|openapi|logout|enrol/(device|token|renew|claim))"
"""The published document's (`test_openapi.py`), and what would end the session."""

ROLES = ("family-a", "admin")


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


@pytest.mark.parametrize("login", ROLES)
async def test_no_page_breaks_whatever_its_form_is_filled_with(
    county: County, tmp_path: Path, login: str
) -> None:
    cookie, document = await session(county, login), tmp_path / "everything.json"
    document.write_text(everything(create_app(county.services)), encoding="utf-8")
    assert '"/doctor"' in document.read_text(encoding="utf-8")
    async with serving(county.services) as address:
        running = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "st"), "run", str(document), "--url", address),
            *("--max-examples", "6", "--seed", "1", "--workers", "1", "--no-shrink"),
            *("--phases", "coverage,fuzzing", "--max-time", "6", "--warnings", "off"),
            *("--checks", "not_a_server_error", "--generation-database", "none"),
            *(
                "--exclude-path-regex",
                "^/(events|api/|openapi|logout|enrol/(device|token|renew|claim))",
            ),
            *("--header", f"Cookie: hearthwatch={cookie}"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await running.communicate()
    assert running.returncode == 0, told.decode()[-6000:]
