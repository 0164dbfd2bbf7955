"""The house as it stands: paths, lock files, SQL, packages, imports of the hub, routes."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from fastapi import APIRouter
from starlette.routing import BaseRoute, Mount

from service.app import create_app
from service.permissions import route_permission
from service.services import Services
from tests.architecture.house import RULES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_the_tree_keeps(rule: Callable[[Path], list[str]]) -> None:
    assert rule(ROOT) == []


@pytest.mark.parametrize(
    "module",
    [
        "gateway.hub_command",
        "gateway.hub_enrol_command",
        "gateway.hub_renew_command",
        "service.decode_command",
        "service.cli",
    ],
)
def test_a_hub_command_loads_neither_the_web_framework_nor_the_database_driver(module: str) -> None:
    code = (
        f"import importlib, sys; importlib.import_module({module!r}); "
        "print(*sorted({'fastapi', 'starlette', 'asyncpg', 'firmware_sim'} & set(sys.modules)))"
    )
    told = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == []


def test_a_start_passes_over_what_was_imported_and_leaves_out_what_few_uploads_need() -> None:
    code = (
        "import gc, sys; sys.argv[1:] = ['decode', '--help']\n"
        "import service.cli, service.spreadsheet\n"
        "try: service.cli.main()\n"
        "except SystemExit: pass\n"
        "print(gc.get_freeze_count() > 1000, gc.isenabled(), 'openpyxl' in sys.modules)"
    )
    told = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stdout.split()[-3:] == ["True", "True", "False"], told.stderr


def test_every_route_names_a_permission_or_says_that_it_is_public() -> None:
    # routes are made before any part of the service is used, so none is needed here
    app = create_app(cast("Services", object()))
    routes = list(flat(app.routes))
    assert [route for route in routes if route_permission(route) is None] == []
    pages = [route for route in routes if not isinstance(route, Mount)]
    assert len(pages) > 5, "the application has routes, or this test proves nothing"


def flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        # FastAPI keeps an included router whole instead of copying its routes
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from flat(included.routes)
        else:
            yield route
