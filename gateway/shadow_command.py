"""`hearthwatch shadow`: rules in shadow on what the core commits, in a process beside it."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from gateway import beside_command
from gateway.shadow_worker import ShadowWorker
from gateway.store.shadow_store import open_shadow_link


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    beside_command.add_arguments(parser, once="catch up with what there is, and end")


def run(arguments: argparse.Namespace) -> int:
    """Follow the core until stopped (`--once`: catch up); 4 without a database."""
    return beside_command.run(arguments, "shadow", _opened)


@asynccontextmanager
async def _opened(dsn: str, zone: ZoneInfo) -> AsyncGenerator[ShadowWorker]:
    async with open_shadow_link(dsn) as store:
        yield ShadowWorker(store, zone)
