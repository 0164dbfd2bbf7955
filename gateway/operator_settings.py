"""Where an operator's command finds the database: an argument, the environment, or the demo's."""

import argparse
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic_settings import BaseSettings, SettingsConfigDict

DEMO_DATA = Path("var/demo")
"""Where `hearthwatch demo` keeps its data, below the folder it is started in."""

DSN_FILE = "database.dsn"
"""File in a data directory that names the running database."""


class OperatorSettings(BaseSettings):
    """Settings shared by operator commands, from `HEARTHWATCH_*`.

    Attributes:
        dsn: PostgreSQL address; without it the running demo's database is asked.
    """

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_", extra="ignore", frozen=True)

    dsn: str | None = None


class NoDatabaseError(Exception):
    """No database was named and no demo is running here."""


def find_dsn(argument: str | None, data: Path = DEMO_DATA) -> str:
    """The database address to use.

    Raises:
        NoDatabaseError: neither argument, environment nor a demo's data directory names one.
    """
    named = argument or OperatorSettings().dsn
    if named:
        return named
    file = data / DSN_FILE
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()
    raise NoDatabaseError(f"no database: give --dsn, set HEARTHWATCH_DSN, or run the demo ({file})")


def zone_named(text: str) -> ZoneInfo:
    """A zone as an argument names it; an unknown one is told as any other wrong argument."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"no time zone {text!r}, as Asia/Shanghai is") from error
