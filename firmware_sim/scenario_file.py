"""The shape of a scenario file (`scenarios/*.yaml`), read strictly: an unknown key is an error."""

from importlib import resources
from typing import Literal

import msgspec

from firmware_sim.identity import Identity
from firmware_sim.physiology.person import BloodPressurePattern, GlucosePattern, Habit, Sex


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of the file."""


class EpisodeEntry(_Strict, frozen=True, kw_only=True):
    """A planned measurement; `time` is local HH:MM."""

    before_end: int
    time: str
    systolic: int | None = None
    diastolic: int | None = None
    glucose: float | Literal["LO", "HI"] | None = None
    person: str | None = None


class PersonEntry(_Strict, frozen=True, kw_only=True):
    """A person written out in full, with the one Bluetooth device they own."""

    id: str
    sex: Sex
    birth_year: int
    township: str
    village: str
    household: str
    device: Identity
    diagnoses: tuple[str, ...] = ()
    drug_classes: tuple[str, ...] = ()
    habit: Habit = Habit()
    blood_pressure: BloodPressurePattern | None = None
    glucose: GlucosePattern | None = None
    episodes: tuple[EpisodeEntry, ...] = ()


class Spread(_Strict, frozen=True, kw_only=True):
    """A normal distribution, cut where limits are given."""

    mean: float
    sd: float
    lowest: float = -1e9
    highest: float = 1e9


class DriftEntry(_Strict, frozen=True, kw_only=True):
    """How many people rise slowly, by how many mmHg per 30 days, for how many last days."""

    count: int
    per_month: float
    days: int


class CrowdEntry(_Strict, frozen=True, kw_only=True):
    """People with a cuff that speaks MQTT, drawn from distributions (mmHg, years)."""

    manufacturer: str
    model: str
    townships: dict[str, int]
    villages_per_township: int
    systolic: Spread
    diastolic_below_systolic: Spread
    age: Spread
    drifting: DriftEntry
    crises: tuple[EpisodeEntry, ...] = ()


class ScenarioFile(_Strict, frozen=True, kw_only=True):
    """The whole file."""

    ble: tuple[PersonEntry, ...]
    spare: Identity
    mqtt: CrowdEntry


def load_scenario(name: str) -> ScenarioFile:
    """The scenario of that name, without ".yaml".

    Raises:
        FileNotFoundError: There is none.
        msgspec.ValidationError: The file is wrong; the message names the path inside it.
    """
    text = resources.files("firmware_sim").joinpath("scenarios", f"{name}.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=ScenarioFile)
