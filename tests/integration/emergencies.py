"""Emergencies under everything that could hold one, drawn at random: who, by what, when, amid what.

One is a dangerous reading together with the person, the device, the clock and the surroundings it
meets. What must ring is told from these alone, by the rules' own text of the first pack.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from gateway.arrivals import Spoken
from gateway.facts import BindingFact
from rules.identity import alert_id, observation_identity
from rules.vocabulary import (
    AlertId,
    DeviceRef,
    Observation,
    Origin,
    PersonStatus,
    Profile,
    QualityFlag,
    Sex,
    Stage,
    SubjectRef,
    Ternary,
    Vital,
)
from tests.integration.county_bench import HUB, ZONE, pressure, sugar

HOME = SubjectRef("home:h-1")
CONFIRMED_BY = timedelta(minutes=15)
"""What nothing has confirmed by then rings as unconfirmed (HW-03)."""

RETESTED_BY = timedelta(minutes=10)
"""A HI alone that nothing below 25 has answered by then is an emergency (HW-08)."""

_CHILD, _SHARE = 2015, 0.25


class Danger(StrEnum):
    """What was measured."""

    CRISIS = "230 over 130"
    ODD = "295 over 190"
    LOW = "LO"
    HIGH = "HI"
    OVER = "33.4"
    PAIN = "185 over 115 with chest pain"
    FAINTED = "78 over 48 after a faint"


SAID = {Danger.PAIN: "chest_pain", Danger.FAINTED: "fainted"}
"""What the person says beside the reading; then the reading must be known to be theirs."""
_PRESSURES = frozenset({Danger.CRISIS, Danger.ODD, Danger.PAIN, Danger.FAINTED})


class Worn(StrEnum):
    """How the device belongs to the person."""

    OWN = "own"
    SLOT = "slot of a shared one"
    NO_SLOT = "shared one, nobody said who"
    STRANGE = "unknown device"
    FORMER = "bound until yesterday"


class Clocked(StrEnum):
    """What the device's clock says."""

    GOOD = "good"
    NONE = "no time"
    YEAR_2000 = "year 2000"
    BEGINNING = "beginning of the calendar"
    AHEAD = "two days ahead"
    UTC = "eight hours behind"
    FAST = "four minutes fast"


class Amid(StrEnum):
    """What else is going on."""

    NOTHING = "nothing"
    TWICE = "sent twice at once"
    AGAIN = "sent again by another session"
    CASE = "a case is open"
    CALM = "days of calm readings"
    BACKLOG = "a memory is read behind it"
    BROKEN = "a reading without a unit beside it"
    ORDINARY = "an ordinary reading of the other device beside it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One of these rules at these stages has rung at `by` at the latest."""

    rings: tuple[tuple[str, Stage], ...]
    by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """One of them; `known` is False for somebody whose profile nobody has written."""

    number: int
    at: datetime
    danger: Danger
    worn: Worn
    clocked: Clocked
    amid: Amid
    profile: Profile
    known: bool
    flags: tuple[QualityFlag, ...]

    @property
    def device(self) -> DeviceRef:
        """The device that found it."""
        model = "BP-1" if self.danger in _PRESSURES else "GL-1"
        return DeviceRef(manufacturer="Acme", model=model, serial=f"e{self.number}")

    def bindings(self) -> Iterator[BindingFact]:
        """Who wears the device, as the core is told beforehand."""
        long_ago, device = self.at - timedelta(days=400), self.device.key
        mine = BindingFact(device=device, subject=self.profile.subject, valid_from=long_ago)
        if self.worn is Worn.OWN:
            yield mine
        if self.worn in {Worn.SLOT, Worn.NO_SLOT}:
            other = SubjectRef(f"{self.profile.subject}-other")
            yield BindingFact(device=device, subject=other, valid_from=long_ago, user_slot=2)
            yield BindingFact(
                device=device, subject=self.profile.subject, valid_from=long_ago, user_slot=1
            )
        if self.worn is Worn.FORMER:
            yield replace_until(mine, self.at - timedelta(days=1))

    def reading(self) -> Observation:
        """The dangerous reading."""
        return self._clocked(self._measured(self.at))

    def repeated(self) -> Observation:
        """The same reading, sent once more by another radio session."""
        return replace(self.reading(), session="again")

    def said(self) -> Spoken | None:
        """What the person tells of how they feel."""
        if self.danger not in SAID:
            return None
        subject = self.profile.subject
        told = Observation(
            device=DeviceRef(manufacturer="Acme", model="said", serial=subject),
            kind=Vital.SYMPTOM,
            quantities={},
            received=self.reading().received,
            hub=HUB,
            session=f"said-{self.number}",
            origin=Origin.PERSON,
            device_time=self.at.astimezone(ZONE).replace(tzinfo=None),
            context={"symptom": SAID[self.danger]},
            source="said",
        )
        return Spoken(subject=subject, observation=told)

    def before(self) -> tuple[Observation, ...]:
        """What was measured earlier, of the same person."""
        if self.amid is Amid.CASE:
            return (self._measured(self.at - timedelta(minutes=200)),)
        if self.amid is Amid.CALM:
            return tuple(self._calm(self.at - timedelta(days=day)) for day in range(6, 0, -1))
        return ()

    def beside(self) -> tuple[Observation, ...]:
        """What comes in the same batch before it."""
        if self.amid is Amid.BACKLOG:
            days = [self.at - timedelta(days=day) for day in range(20, 1, -1)]
            return tuple(
                replace(self._calm(day), received=self.reading().received, origin=Origin.BACKLOG)
                for day in days
            )
        if self.amid is Amid.BROKEN:
            return (sugar(self.at - timedelta(seconds=20), "25", device=self.device, unit=None),)
        if self.amid is Amid.ORDINARY:
            return (self._calm(self.at - timedelta(minutes=1)),)
        return ()

    def names(self, promise: Promise) -> tuple[AlertId, ...]:
        """The alerts of which one keeps the promise; several where the time of ringing decides."""
        # Without time and number the repetition is a reading of its own, and either may ring.
        sent = [self.reading(), *([self.repeated()] if self.amid is Amid.AGAIN else [])]
        said = self.said()
        sent += [said.observation] if said is not None else []  # either may be the later one
        return tuple(
            alert_id(rule_id=rule, stage=stage, trigger=trigger)
            for rule, stage in promise.rings
            for trigger in map(observation_identity, sent)
        )

    def promises(self) -> tuple[Promise, ...]:
        """What the first pack promises of it, each to be kept."""
        if self._is_a_childs():
            return (self._by("HW-MIN"),)
        if self._waits():
            stages = (("HW-03", Stage.UNCONFIRMED), ("HW-03", Stage.CONDITION))
            return (Promise(rings=stages, by=self.at + CONFIRMED_BY),)
        if self.danger in SAID:
            rule = "HW-01" if self.danger is Danger.PAIN else "HW-04e"
            return (self._by(rule, Stage.CONDITION),)
        if self.danger is Danger.HIGH:
            # The village is told at once, and everybody when no retest has come.
            late = Promise(rings=(("HW-08", Stage.UNCONFIRMED),), by=self.at + RETESTED_BY)
            return (self._by("HW-08b"), late)
        rule = {Danger.LOW: "HW-05", Danger.OVER: "HW-08"}.get(self.danger, "HW-02")
        return (self._by(rule),)

    def _by(self, rule: str, stage: Stage = Stage.IMMEDIATE) -> Promise:
        return Promise(rings=((rule, stage),), by=self.at)

    def _is_persons(self) -> bool:
        return self.worn in {Worn.OWN, Worn.SLOT}

    def _is_a_childs(self) -> bool:
        return self._is_persons() and self.known and self.profile.birth_year == _CHILD

    def _waits(self) -> bool:
        """A pressure of somebody known to be pregnant is asked for again (HW-03)."""
        pressed = self.danger in {Danger.CRISIS, Danger.ODD}
        expecting = self.known and self.profile.pregnant is Ternary.YES
        return pressed and expecting and self._is_persons() and not self._is_a_childs()

    def _measured(self, at: datetime) -> Observation:
        made = {
            Danger.CRISIS: lambda: pressure(at, 230, 130, device=self.device),
            Danger.ODD: lambda: pressure(at, 295, 190, device=self.device),
            Danger.LOW: lambda: sugar(at, "LO", device=self.device),
            Danger.HIGH: lambda: sugar(at, "HI", device=self.device),
            Danger.OVER: lambda: sugar(at, "33.4", device=self.device),
            Danger.PAIN: lambda: pressure(at, 185, 115, device=self.device),
            Danger.FAINTED: lambda: pressure(at, 78, 48, device=self.device),
        }[self.danger]()
        slot = {Worn.SLOT: 1}.get(self.worn)
        return replace(made, user_slot=slot, session=f"e{self.number}-{at.isoformat()}")

    def _calm(self, at: datetime) -> Observation:
        kind = self.danger in _PRESSURES
        made = (
            pressure(at, 128, 78, device=self.device)
            if kind
            else sugar(at, "6.1", device=self.device)
        )
        slot = {Worn.SLOT: 1}.get(self.worn)
        return replace(made, user_slot=slot, session=f"e{self.number}-{at.isoformat()}")

    def _clocked(self, reading: Observation) -> Observation:
        local = self.at.astimezone(ZONE).replace(tzinfo=None)
        shown = {
            Clocked.GOOD: local,
            Clocked.NONE: None,
            Clocked.YEAR_2000: local.replace(year=2000, month=1, day=1),
            Clocked.BEGINNING: datetime(1, 1, 1),  # noqa: DTZ001 - a device's clock has no zone
            Clocked.AHEAD: local + timedelta(days=2),
            Clocked.UTC: local - timedelta(hours=8),
            Clocked.FAST: local + timedelta(minutes=4),
        }[self.clocked]
        return replace(reading, device_time=shown, flags=self.flags)


def replace_until(binding: BindingFact, until: datetime) -> BindingFact:
    """The binding, ended at `until`."""
    return BindingFact(
        device=binding.device,
        subject=binding.subject,
        valid_from=binding.valid_from,
        valid_to=until,
    )


def emergencies(seed: int, count: int, start: datetime) -> Iterator[Emergency]:
    """So many of them at `start`; every attribute is drawn apart from the others."""
    chance = Random(seed)  # noqa: S311 - a test's dice
    for number in range(count):
        name, danger = f"{seed}-{number}", chance.choice([*Danger])
        worn = [Worn.OWN, Worn.SLOT] if danger in SAID else [Worn.OWN, *Worn]
        yield Emergency(
            number=seed * 1_000_000 + number,
            at=start.astimezone(UTC),
            danger=danger,
            worn=chance.choice(worn),
            clocked=chance.choice([*Clocked]),
            amid=chance.choice([*Amid]),
            profile=_somebody(SubjectRef(f"s-{name}"), chance),
            known=chance.random() > _SHARE,
            flags=chance.choice([(), (), (QualityFlag.BATTERY_LOW,), (QualityFlag.CLOCK_NOT_SET,)]),
        )


def _somebody(subject: SubjectRef, chance: Random) -> Profile:
    words = [frozenset[str](), frozenset({"diabetes_2", "hypertension"}), frozenset({"copd"})]
    drugs = [frozenset[str](), frozenset({"insulin"}), frozenset({"metformin", "beta_blocker"})]
    return Profile(
        subject=subject,
        birth_year=chance.choice([None, 1938, 1954, 1990, _CHILD]),
        sex=chance.choice([*Sex]),
        conditions=chance.choice([None, *words]),
        drug_classes=chance.choice([None, *drugs]),
        pregnant=chance.choice([*Ternary]),
        household="h-1",
        area="t-1",
        status=chance.choice([*PersonStatus]),
    )
