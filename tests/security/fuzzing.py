"""Schemathesis against a running service, each request as another of several callers."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    LOG.write(f"{caller} {response.status_code}\\n")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """How it ended, what it said, and how often each caller was answered what."""

    status: int
    told: str
    answers: Counter[tuple[str, int]]

    def opened_to(self, caller: str) -> int:
        """How often something opened to them."""
        return sum(
            times
            for (name, status), times in self.answers.items()
            if name == caller and status < 400
        )


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
    pairs = [line.split() for line in lines if line]
    return Fuzzed(
        status=running.returncode or 0,
        told=told.decode(),
        answers=Counter((name, int(status)) for name, status in pairs),
    )
