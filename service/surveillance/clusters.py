"""Several people of one home or village within days: who is asked to look, and why. Pure.

The multi-point rules of `clusters.yaml` over committed alerts of people who exist. A finding is a
task of those who know the place; the CDC sees what they verified, as a number of the township.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import floor

import msgspec
import yaml

from rules.vocabulary import Family, Priority

USUAL_WEEKS = 8
_LEAST_WEEKS = 4
_PERCENTILE = 0.95


class Scope(StrEnum):
    """Which people belong together."""

    HOUSEHOLD = "household"
    VILLAGE = "village"


class ClusterRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; `households` and `above_usual` concern villages only.

    Attributes:
        id: what its tasks are called by.
        scope: home or village.
        families: of the alerts that count.
        priority: the lowest that counts, as `Priority` calls it.
        people: distinct people needed.
        window_days: within how many days.
        answer_hours: until when the task is to be answered.
        zh: what is asked, in Chinese.
        en: the same in English.
        source: where it comes from.
        certainty: high, medium or low.
        households: distinct homes that are enough as well.
        above_usual: whether the village's own weeks must be exceeded.
    """

    id: str
    scope: Scope
    families: frozenset[Family]
    priority: str
    people: int
    window_days: int
    answer_hours: int
    zh: str
    en: str
    source: str
    certainty: str
    households: int | None = None
    above_usual: bool = False

    @property
    def window(self) -> timedelta:
        """How far back it looks."""
        return timedelta(days=self.window_days)

    @property
    def least_priority(self) -> Priority:
        """The lowest priority that counts."""
        return Priority[self.priority.upper()]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[ClusterRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One alert of a person, as far as places go; `village` None where no village is known."""

    alert_id: str
    subject: str
    household: str | None
    village: str | None
    age_group: str
    family: Family
    priority: Priority
    at: datetime

    def place(self, scope: Scope) -> str | None:
        """Where it counts."""
        return self.household if scope is Scope.HOUSEHOLD else self.village


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A rule that holds at a place; `usual` is the village's weekly people before, if looked at."""

    rule: ClusterRule
    place: str
    events: tuple[Event, ...]
    usual: tuple[int, ...] = ()

    @property
    def people(self) -> int:
        """Distinct people."""
        return len({event.subject for event in self.events})

    @property
    def households(self) -> int:
        """Distinct homes; a person without one is a home of their own."""
        return len({event.household or event.subject for event in self.events})

    @property
    def first_at(self) -> datetime:
        """When the earliest of them was measured."""
        return min(event.at for event in self.events)

    @property
    def last_at(self) -> datetime:
        """When the latest of them was measured."""
        return max(event.at for event in self.events)

    @property
    def family(self) -> Family:
        """What most of the people have."""
        people = {(event.subject, event.family) for event in self.events}
        counts = Counter(family for _, family in people)
        return min(counts, key=lambda family: (-counts[family], family.value))

    def ages(self) -> dict[str, int]:
        """How many people of which age group."""
        groups = {event.subject: event.age_group for event in self.events}
        return dict(sorted(Counter(groups.values()).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the answered tasks of a rule at a place rested on.

    `until` is for each of their people when the newest alert of the task was measured: what came
    late about the same people, and was measured before that, is the same episode.
    """

    alerts: frozenset[str]
    until: Mapping[str, datetime]

    def covers(self, event: Event) -> bool:
        """Whether somebody has answered this event already."""
        until = self.until.get(event.subject)
        return event.alert_id in self.alerts or (until is not None and event.at <= until)


@cache
def cluster_rules() -> tuple[ClusterRule, ...]:
    """The rules that come with the program."""
    text = (files("service.surveillance") / "clusters.yaml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(yaml.safe_load(text), type=_File).rules)


def candidates(
    rules: Sequence[ClusterRule],
    events: Sequence[Event],
    answered: Mapping[tuple[str, str], Answered],
    now: datetime,
) -> list[Cluster]:
    """Places where enough people came together, whatever is usual there, by rule and place.

    What an answered task rested on (`answered`, by rule id and place) counts no second time. What
    others measured meanwhile and was heard later does.
    """
    found: list[Cluster] = []
    for rule in rules:
        places: dict[str, list[Event]] = {}
        for event in _of_rule(rule, events):
            place = event.place(rule.scope)
            if place is None or not now - rule.window <= event.at <= now:
                continue
            known = answered.get((rule.id, place))
            if known is None or not known.covers(event):
                places.setdefault(place, []).append(event)
        for place, members in sorted(places.items()):
            cluster = Cluster(rule=rule, place=place, events=tuple(members))
            if _is_enough(cluster):
                found.append(cluster)
    return found


def weekly_people(
    rule: ClusterRule, place: str, events: Sequence[Event], now: datetime
) -> tuple[int, ...]:
    """Distinct people of each of the weeks before the rule's window, newest first.

    Only weeks since the first alert of the place: what nobody could measure is not a quiet week.
    """
    own = [event for event in _of_rule(rule, events) if event.place(rule.scope) == place]
    if not own:
        return ()
    end = now - rule.window
    weeks: list[int] = []
    for _ in range(USUAL_WEEKS):
        begin = end - timedelta(days=7)
        if end <= min(event.at for event in own):
            break
        weeks.append(len({event.subject for event in own if begin < event.at <= end}))
        end = begin
    return tuple(weeks)


def is_above_usual(people: int, weeks: Sequence[int]) -> bool:
    """Whether `people` exceed the 95th percentile of the weeks; True while there are too few.

    The percentile is interpolated between ranks (Hyndman and Fan 1996, type 7).
    """
    if len(weeks) < _LEAST_WEEKS:
        return True
    ranked = sorted(weeks)
    at = (len(ranked) - 1) * _PERCENTILE
    low = floor(at)
    high = min(low + 1, len(ranked) - 1)
    return people > ranked[low] + (at - low) * (ranked[high] - ranked[low])


def _of_rule(rule: ClusterRule, events: Sequence[Event]) -> list[Event]:
    return [
        event
        for event in events
        if event.family in rule.families and event.priority >= rule.least_priority
    ]


def _is_enough(cluster: Cluster) -> bool:
    rule = cluster.rule
    enough_homes = rule.households is not None and cluster.households >= rule.households
    return cluster.people >= rule.people or enough_homes
