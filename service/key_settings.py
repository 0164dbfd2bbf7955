"""Where the county's data keys lie: the one setting that every program of the service shares."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class KeySettings(BaseSettings):
    """Read from `HEARTHWATCH_*` by whoever opens the store."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_", frozen=True, extra="ignore")

    key_file: Path | None = Field(
        default=None,
        description="The county's data keys (`hearthwatch keys make`): names, phones and addresses "
        "are sealed with them",
    )
