"""A cold start: what to expect of somebody whose own readings are still few.

The stratum's mean and the own one are weighed as for normal readings with a known spread (Gelman et
al., Bayesian Data Analysis, 3rd ed., section 2.5): the stratum counts as k = (within / between)^2
days, its weight is k / (k + n) after n days of own readings, some 30 % after one day and 5 % after
a week. The spread within a person is shrunk likewise, the stratum's counting as ten readings. No
rule decides by it: what is usual for a person is their own, or unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.resources import files
from math import sqrt
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.baseline_columns import TRACKED
from gateway.baselines import StateRow, baseline_of
from rules.vocabulary import Profile, QuantityName, Sex
from rules.window import Baseline, Expected

PRIOR_READINGS = 10
"""So many readings the stratum's spread within a person counts as."""

LEAST_WEIGHT = 0.05
"""Below it the stratum says nothing that is worth telling."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class Stratum(BaseModel):
    """One row of the table: whose it is, the level between and the spread within people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantity: QuantityName
    condition: str | None = None
    drug: str | None = None
    sex: Sex | None = None
    from_age: int | None = None
    to_age: int | None = None
    mean: Annotated[float, Field(gt=0)]
    between: Annotated[float, Field(gt=0)]
    within: Annotated[float, Field(gt=0)]
    group: _Group
    source: Annotated[str, Field(min_length=1)]
    access: Literal["R", "C", "M", "D"]

    def fits(self, profile: Profile, year: int) -> bool:
        """Whether somebody with `profile` belongs to it in `year`; the unknown fits no limit."""
        age = None if profile.birth_year is None else year - profile.birth_year
        return (
            (self.condition is None or self.condition in (profile.conditions or ()))
            and (self.drug is None or self.drug in (profile.drug_classes or ()))
            and (self.sex is None or self.sex is profile.sex)
            and (self.from_age is None or (age is not None and age >= self.from_age))
            and (self.to_age is None or (age is not None and age <= self.to_age))
        )


@cache
def load_strata() -> tuple[Stratum, ...]:
    """The table that ships with the program, in its order."""
    text = files("gateway").joinpath("stratum_priors.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Stratum, ...]).validate_python(yaml.safe_load(text))


def expected(
    quantity: QuantityName, usual: Baseline, profile: Profile, year: int
) -> Expected | None:
    """What to expect of one reading, canonical unit; None once the own readings say enough."""
    stratum = next(
        (s for s in load_strata() if s.quantity is quantity and s.fits(profile, year)), None
    )
    if stratum is None:
        return None
    days = (stratum.within / stratum.between) ** 2
    weight = days / (days + usual.days)
    if weight < LEAST_WEIGHT:
        return None
    own = stratum.mean if usual.recent_mean is None else usual.recent_mean
    mean = weight * stratum.mean + (1 - weight) * own
    spread = _within(stratum, usual) + weight * stratum.between**2
    return Expected(
        mean=round(mean, 6),
        sd=round(sqrt(spread), 6),
        weight=round(weight, 6),
        group_zh=stratum.group.zh,
        group_en=stratum.group.en,
        source=stratum.source,
    )


def _within(stratum: Stratum, usual: Baseline) -> float:
    """Variance of one person's readings: the own one and the stratum's, by their readings."""
    own = usual.readings if usual.recent_sd is not None else 0
    variance = (usual.recent_sd or 0.0) ** 2
    return (PRIOR_READINGS * stratum.within**2 + own * variance) / (PRIOR_READINGS + own)


class _PersonBaselines(Mapping[QuantityName, Baseline]):
    """Each is worked out when somebody asks: most rules ask for one or none."""

    def __init__(self, state: StateRow, profile: Profile) -> None:
        self._state, self._profile = state, profile
        self._known: dict[QuantityName, Baseline] = {}

    def __getitem__(self, quantity: QuantityName) -> Baseline:
        if quantity not in self._known:
            if quantity not in TRACKED:
                raise KeyError(quantity)
            year = date.fromordinal(int(self._state["folded_through"])).year
            usual = baseline_of(self._state, quantity)
            found = replace(usual, expected=expected(quantity, usual, self._profile, year))
            self._known[quantity] = found
        return self._known[quantity]

    def __iter__(self) -> Iterator[QuantityName]:
        return iter(TRACKED)

    def __len__(self) -> int:
        return len(TRACKED)


def person_baselines(state: StateRow, profile: Profile) -> Mapping[QuantityName, Baseline]:
    """What is usual for a person in every tracked quantity, with what to expect of a newcomer.

    `state` must have been folded: ages are those of the year of its last folded day.
    """
    return _PersonBaselines(state, profile)
