"""Where the county's own routes of single rules stand: for the service and whoever asks it."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RouteSettings(BaseSettings):
    """Read from `HEARTHWATCH_*`."""

    model_config = SettingsConfigDict(env_prefix="HEARTHWATCH_", frozen=True, extra="ignore")

    routes_file: Path | None = Field(
        default=None,
        description="The county's own routes of single rules: YAML with `rule_routes` and "
        "`several_must_answer`, as in rules/packs/priorities.yaml",
    )
