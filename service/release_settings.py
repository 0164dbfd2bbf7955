"""The smallest count that may be told: a setting that every program of surveillance shares."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

FLOOR = 5
"""Smallest count that is shown where nothing else is set (design law 8)."""


class ReleaseSettings(BaseSettings):
    """Read from `HEARTHWATCH_*` by whoever releases, tells or previews counts."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_", frozen=True, extra="ignore")

    release_floor: int = Field(
        default=FLOOR,
        ge=3,
        le=100,
        description="Smallest count above zero that the CDC is told, in tables, signals and papers",
    )
