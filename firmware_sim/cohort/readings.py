"""One person's year: everything joined, from what happens to what the devices show of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_sim.cohort.blocks import Block
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.cuff_readings import cuff_block
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.habits import measuring, stop_day
from firmware_sim.cohort.infection_chain import Infections
from firmware_sim.cohort.life import in_lifetime
from firmware_sim.cohort.lived import lived
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.setting import GlucoseEngine, Setting
from firmware_sim.cohort.single_readings import (
    meter_block,
    oximeter_block,
    scale_block,
    thermometer_block,
)
from firmware_sim.cohort.transport import offline_spells


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReadings:
    """What the devices showed of one person, and what really happened.

    Attributes:
        person: Who.
        blocks: None, one or several, each in order of time.
        events: In order of time.
    """

    person: CohortPerson
    blocks: tuple[Block, ...]
    events: tuple[Event, ...]

    @property
    def rows(self) -> int:
        """How many rows of `readings.csv` these are."""
        return sum(block.rows for block in self.blocks)


def measure(
    person: CohortPerson,
    calendar: Calendar,
    infections: Infections,
    people: Mapping[int, CohortPerson],
    engine: GlucoseEngine = GlucoseEngine.OWN,
) -> PersonReadings:
    """All readings and events of one person.

    Args:
        person: Who.
        calendar: The days.
        infections: Of the whole cohort.
        people: By number; the spouse who may use the cuff is looked up here.
        engine: Whose equations the glucose of people on insulin follows.
    """
    days = lived(person, calendar, infections)
    life = days.life
    chance = stream(person.purpose, person.seed, person.number, "habit")
    stops = stop_day(person, calendar, chance)
    setting = Setting(
        person=person,
        spouse=None if person.spouse is None else people.get(person.spouse),
        calendar=calendar,
        life=life,
        able=measuring(life.line.at_home, stops),
        bouts=days.bouts,
        failures=days.failures,
        lacks=days.lacks,
        offline=offline_spells(calendar, chance),
        events=list(life.events),
        engine=engine,
    )
    _note_stop(setting, stops)
    blocks = [
        cuff_block(setting),
        meter_block(setting),
        oximeter_block(setting),
        thermometer_block(setting),
        scale_block(setting),
    ]
    return PersonReadings(
        person=person,
        blocks=tuple(block for block in blocks if block is not None and len(block.true_s)),
        events=in_lifetime(setting.events, calendar, life.line.alive),
    )


def _note_stop(setting: Setting, stops: int | None) -> None:
    kit = setting.person.kit
    measures = kit.cuff is not None or kit.meter or kit.oximeter or kit.scale
    if stops is None or not measures or not setting.life.line.at_home[stops]:
        return
    setting.note(EventKind.HABIT_STOPPED, stops, "measures no more")
