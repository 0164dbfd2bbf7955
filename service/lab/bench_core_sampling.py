"""Where the core's time goes: its own stack, looked at from outside a hundred times a second.

Costs the core nothing and needs nothing of it. A sample belongs to the stage named by the innermost
of its frames that names one. Done with py-spy where that is installed.
"""

import asyncio
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_FRAME = re.compile(r"(?P<function>.+) \((?P<file>[^()]*?)(:\d+)?\)")
_STAGES = (
    (
        "receipts",
        re.compile(r"^(_receipts|_all_receipts|_publish|publish_nowait|publish_all_nowait)$"),
    ),
    ("decode", re.compile(r"gateway/arrivals\.py$")),
    ("sort", re.compile(r"gateway/(sorting|intake|turns|turn_desk|suspicion\w*)\.py$")),
    ("screen", re.compile(r"gateway/(screen|recent|reopened|bank|calm)\w*\.py$")),
    ("screen", re.compile(r"rules/(screen|resting)\.py$")),
    ("baselines", re.compile(r"gateway/baseline\w*\.py$")),
    ("cases and alerts", re.compile(r"gateway/(episodes|cases)\.py$|rules/cases\.py$")),
    ("rows and SQL", re.compile(r"gateway/store/\w+\.py$|asyncpg/")),
    (
        "exact",
        re.compile(
            r"gateway/(judging|detect|strangers)\.py$|rules/(?!wire|identity|codes|vocab)\w+\.py$"
        ),
    ),
    (
        "receive from the broker",
        re.compile(r"device_adapters/mqtt/(client|stream|packets)\.py$|paho/"),
    ),
    ("the rest of the core", re.compile(r"gateway/\w+\.py$")),
)
_REST = "event loop"
_RATE = 100


def sampler() -> str | None:
    """The sampling program, if it is installed beside this interpreter or on the path."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


async def stages_of(pid: int, seconds: float, folder: Path) -> dict[str, float]:
    """Share of the process's busy time in each stage, over so many seconds from now.

    Empty where there is no sampler, or it may not look at the process.
    """
    program, out = sampler(), folder / "core.stacks"
    if program is None:
        return {}
    sampling = await asyncio.create_subprocess_exec(
        program,
        *("record", "--pid", str(pid), "--duration", str(max(1, round(seconds)))),
        *("--rate", str(_RATE), "--format", "raw", "--nonblocking", "--output", str(out)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await sampling.wait()
    finally:
        if sampling.returncode is None:
            sampling.kill()
            await sampling.wait()
    exists = await asyncio.to_thread(out.exists)
    return shares(await asyncio.to_thread(_lines, out)) if exists else {}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def shares(stacks: Sequence[str]) -> dict[str, float]:
    """Share of each stage in stacks written as `outer;...;inner COUNT`, the largest first."""
    counts: dict[str, int] = {}
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if stack:
            stage = stage_of(stack)
            counts[stage] = counts.get(stage, 0) + int(count)
    whole = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return {stage: round(count / whole, 3) for stage, count in ordered}


def stage_of(stack: str) -> str:
    """The stage of one stack `outer;...;inner`, each frame `function (file:line)`."""
    frames = [_FRAME.fullmatch(text) for text in stack.split(";")]
    for stage, pattern in _STAGES[:1]:
        if any(frame and pattern.search(frame["function"]) for frame in frames):
            return stage
    for frame in reversed(frames):
        if frame is None:
            continue
        for stage, pattern in _STAGES[1:]:
            if pattern.search(frame["file"]):
                return stage
    return _REST
