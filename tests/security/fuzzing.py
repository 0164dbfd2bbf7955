"""Schemathesis against a running service, each request as another of several callers."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2

from service.services import Services

_HOOKS = """
import itertools, json
import schemathesis

TURNS = itertools.cycle(json.load(open("callers.json")).items())
LOG = open("answers.txt", "w", buffering=1)


@schemathesis.hook
def before_call(context, case, kwargs):
    global caller
    caller, headers = next(TURNS)
    case.headers = {**(case.headers or {}), **headers}


@schemathesis.hook
def after_call(context, case, response):
    asked = f"{case.operation.method.upper()} {case.operation.path}"
    LOG.write(f"{caller} {response.status_code} {asked}\\n")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """How it ended, what it said, how often each caller was answered what, and what was asked."""

    status: int
    told: str
    answers: Counter[tuple[str, int]]
    operations: set[str]

    @property
    def callers(self) -> set[str]:
        """Who asked at all."""
        return {name for name, _ in self.answers}


def unhurried(services: Services) -> Services:
    """The same service, which tells nobody to wait: how much was asked is not what is tried."""
    settings = services.settings.model_copy(update={"requests_per_minute": 1_000_000})
    return replace(services, settings=settings)


async def let_in(address: str, callers: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Those whose session opens their own account: before, and still afterwards."""
    found: set[str] = set()
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client:
        for name, headers in callers.items():
            if (await client.get("/api/me", headers=dict(headers))).status_code == 200:
                found.add(name)
    return found


async def fuzz(folder: Path, callers: Mapping[str, Mapping[str, str]], *options: str) -> Fuzzed:
    """`st run` with these options; the callers take turns, by the headers that each brings."""
    (folder / "turns.py").write_text(_HOOKS, encoding="utf-8")
    (folder / "schemathesis.toml").write_text('hooks = "turns"', encoding="utf-8")
    whole = {name: dict(headers) for name, headers in callers.items()}
    (folder / "callers.json").write_text(json.dumps(whole), encoding="utf-8")
    running = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "st"), "run", *options),
        *("--seed", "1", "--workers", "1", "--no-shrink", "--warnings", "off"),
        *("--generation-database", "none"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await running.communicate()
    lines = (folder / "answers.txt").read_text(encoding="utf-8").split("\n")
    asked = [line.split(" ", 2) for line in lines if line]
    return Fuzzed(
        status=running.returncode or 0,
        told=told.decode(),
        answers=Counter((name, int(status)) for name, status, _ in asked),
        operations={operation for _, _, operation in asked},
    )
