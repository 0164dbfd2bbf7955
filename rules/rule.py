"""One rule as the engine runs it: who it is for, when it fires, when it is over, what it says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from rules.expression import Condition
from rules.scope import Scope
from rules.screen import Extremes
from rules.vocabulary import (
    AlertKind,
    Family,
    PersonStatus,
    Priority,
    Profile,
    Stage,
    SubjectRef,
    Ternary,
    Vital,
)
from rules.window import Point, Window

ADULT_YEARS = 18
"""Under this age no adult rule runs (common note of the first pack)."""

NEXT_DAY = "next_day"
AT_CLOSURE = "at_closure"

HUB_LOOKS_BACK = timedelta(minutes=30)
HUB_WAITS = timedelta(minutes=20)
HUB_TELLS = timedelta(hours=2)
"""How far a hub's rule looks back, how long it waits for a confirmation, and its greatest
`max_age`: the loader refuses what is beyond, and a hub forgets by them (`gateway/red_path.py`)."""

FAMILIES: Mapping[Vital, Family] = MappingProxyType(
    {
        Vital.BLOOD_PRESSURE: Family.BLOOD_PRESSURE,
        Vital.PULSE: Family.CARDIAC,
        Vital.GLUCOSE: Family.GLUCOSE,
        Vital.GLUCOSE_PLASMA: Family.GLUCOSE,
        Vital.GLUCOSE_CGM: Family.GLUCOSE,
        Vital.KETONE: Family.GLUCOSE,
        Vital.SPO2: Family.RESPIRATORY,
        Vital.RESPIRATORY_RATE: Family.RESPIRATORY,
        Vital.TEMPERATURE: Family.TEMPERATURE,
        Vital.WEIGHT: Family.WEIGHT,
        Vital.SYMPTOM: Family.CARDIAC,
    }
)
"""The family of a rule that leaves it to the reading (`family: of_point`)."""


class OnUnknown(StrEnum):
    """What a rule does when a fact it needs is missing."""

    FIRE = "fire"
    PROMPT = "prompt"
    SKIP = "skip"


class Age(StrEnum):
    """For whom a rule runs, by age; an unknown age is an adult's (hazard 0.3)."""

    ADULT_OR_UNKNOWN = "adult_or_unknown"
    MINOR = "minor"
    ANY = "any"


class RunsOn(StrEnum):
    """Where a rule runs at the earliest; the core runs all of them (law 7)."""

    HUB = "hub"
    CORE = "core"


class Mode(StrEnum):
    """Whether the rules of a pack ring, or are only looked at beside those that do."""

    LIVE = "live"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The same words in Chinese and in English; neither is ever empty."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The Chinese text for `zh`, the English for anything else."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where numbers come from: guideline, section, how sure (law 10), and which numbers."""

    guideline: str
    section: str
    certainty: str
    access: str
    numbers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Immediate:
    """Fires on one reading. `flagged`: also on one that the device doubted (LO is such a bit)."""

    when: Condition
    flagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A reading that asks for a confirmation; without it the rule fires as unconfirmed.

    The clock starts at `received_at`; `unless` is judged over what has been measured until then.
    """

    when: Condition
    wait: timedelta
    unless: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is said at home `after` a reading at the rule's level, without asking for any clinician.

    To the person, and to who may follow them; not any more once a valid reading has left the level.
    """

    after: timedelta
    patient: Text
    follower: Text


_AT_HOME = frozenset({PersonStatus.ALIVE, PersonStatus.PALLIATIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """For whom a rule runs.

    `pregnancy` False leaves out who is known to be pregnant, `at_home` True leaves out who is
    admitted, away, moved or dead, and "someone in this home".
    """

    age: Age = Age.ADULT_OR_UNKNOWN
    pregnancy: bool = True
    at_home: bool = False

    def includes(self, profile: Profile, year: int) -> bool:
        """Whether somebody with `profile` belongs to it in `year` (local calendar)."""
        if not self.pregnancy and profile.pregnant is Ternary.YES:
            return False
        if self.at_home and not (profile.person_certain and profile.status in _AT_HOME):
            return False
        minor = is_minor(profile, year)
        return self.age is Age.ANY or (self.age is Age.MINOR) is minor


def is_minor(profile: Profile, year: int) -> bool:
    """Whether the person is known to be under 18 (only the birth year is known)."""
    return profile.birth_year is not None and year - profile.birth_year < ADULT_YEARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A checked rule.

    `family` is None where the triggering reading decides it. `limbs` are the named limbs of the
    condition; `stage` is what their firing is called (confirmed or condition). `rearm` is a span,
    `next_day` or `at_closure`; `deadband` is the distance between firing and clearing, in words
    of the canonical unit. `absences` are named limbs that are judged at `now` and need no reading
    (`silence.py`). `raw` is the rule as canonical JSON, from which `rule_hash` is computed
    and which an alert copies. `owner` answers for the rule; None in the copies of former versions.
    `needs_urgent_case`: it rings only while an urgent case is open to which its reading belongs.
    `prompts`, soonest first, are said whether or not the rule rings.
    """

    id: str
    version: int
    rule_hash: str
    title: Text
    family: Family | None
    kind: AlertKind
    priority: Priority
    population: Population
    vitals: frozenset[Vital]
    undampable: bool
    runs_on: RunsOn
    level: Condition | None
    immediate: Immediate | None
    limbs: Mapping[str, Condition]
    stage: Stage
    pending: Pending | None
    nearly: Condition | None
    absences: Mapping[str, Condition]
    max_age: timedelta
    clear: Mapping[str, Condition]
    clear_text: Text
    after_action: bool
    rearm: str
    rearm_after: timedelta | None
    deadband: str
    confirm: Text
    on_unknown: OnUnknown
    action: Text
    patient: Text
    sources: tuple[Source, ...]
    signed: bool
    raw: str
    targets: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    owner: Text | None = None
    needs_urgent_case: bool = False
    prompts: tuple[Prompt, ...] = ()
    reach: timedelta = field(init=False, repr=False, compare=False)
    """How far before its trigger the rule may look."""

    def __post_init__(self) -> None:
        conditions = [
            *self.limbs.values(),
            *self.absences.values(),
            *filter(None, (self.level, self.nearly)),
        ]
        wait = self.pending.wait if self.pending else timedelta(0)
        reach = max([wait, *(condition.reach for condition in conditions)])
        object.__setattr__(self, "reach", reach)

    @property
    def needs_outcome(self) -> bool:
        """Whether clearing also needs a clinician's coded outcome (urgent and emergency do)."""
        return self.after_action or self.priority >= Priority.URGENT

    @property
    def needs_baseline(self) -> bool:
        """Whether a limb reads baselines."""
        return any(limb.needs_baseline for limb in self.limbs.values())

    def asked_of_readings(self) -> Iterator[Condition]:
        """What is asked of a new reading; absences and how a wait ends are not."""
        if self.immediate is not None:
            yield self.immediate.when
        if self.pending is not None:
            yield self.pending.when
        yield from self.limbs.values()

    def family_of(self, point: Point) -> Family:
        """The family of an alert that `point` triggers."""
        return self.family or FAMILIES[point.kind]

    def level_of(self, point: Point) -> bool:
        """Whether `point` alone is at the rule's danger level; False for rules without one."""
        return self.level is not None and judge(self.level, point)

    def level_is_in(self, extremes: Extremes) -> bool:
        """Whether a reading between these can be at the rule's danger level."""
        return self.level is not None and self.level.screen.may_hold_in(extremes)

    def rearms(self, last_rang: datetime, now: datetime, zone: tzinfo) -> bool:
        """Whether an open case of this rule may ring again by time alone (law 4)."""
        if self.rearm == NEXT_DAY:
            return now.astimezone(zone).date() > last_rang.astimezone(zone).date()
        return self.rearm_after is not None and now - last_rang >= self.rearm_after

    def clears(
        self,
        window: Window,
        now: datetime,
        *,
        since: datetime,
        limb: str = "",
        facts: Mapping[str, Decimal] | None = None,
    ) -> bool | None:
        """Whether valid readings after `since` meet the clear condition; None: cannot be told.

        `since` is the case's newest point, `limb` and `facts` those of the decision that opened
        it (a personal shift clears against the reference that fired). Silence never clears: no
        reading after `since` gives False. `needs_outcome` is the caller's to add.
        """
        seen = window.of_kinds(self.vitals)
        scope = Scope(
            window=seen, at=now, since=since, targets=self.targets, fired=dict(facts or {})
        )
        chosen = [self.clear[limb]] if limb in self.clear else list(self.clear.values())
        if not any(p.valid and since < p.effective_at <= now for p in seen.points):
            return False
        results = [condition.test(scope).result for condition in chosen]
        if False in results or not results:
            return False
        return None if None in results else True


def judge(condition: Condition, point: Point) -> bool:
    """Whether `point` alone meets `condition`; unknown counts as no."""
    if not condition.screen.may_hold(point):
        return False
    if condition.screen.whole:
        return point.usable
    window = Window(points=(point,), profile=_NOBODY)
    scope = Scope(window=window, at=point.effective_at, point=point)
    return condition.test(scope).result is True


_NOBODY = Profile(subject=SubjectRef("nobody"))
