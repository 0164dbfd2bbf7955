"""`hearthwatch population`: models over many people, in a process beside the core."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from gateway import beside_command
from gateway.population_worker import PopulationWorker
from gateway.store.population_store import open_population_store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    beside_command.add_arguments(parser, once="learn and rank what there is, and end")


def run(arguments: argparse.Namespace) -> int:
    """Learn, find and rank until stopped (`--once`: once); 4 without a database."""
    return beside_command.run(arguments, "population", _opened)


@asynccontextmanager
async def _opened(dsn: str, zone: ZoneInfo) -> AsyncGenerator[PopulationWorker]:
    async with open_population_store(dsn) as store:
        yield PopulationWorker(store, zone)
