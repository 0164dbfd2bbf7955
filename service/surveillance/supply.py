"""How many days a person's drugs lasted, and since when they have run out. Pure.

Proportion of days covered (PQA; Cramer et al., "Medication compliance and persistence", Value
Health 11 (2008) 44-47): the days with a supply of at least one drug of the group, of the days since
the first one in the span. Who fetches a drug early begins it when the former supply of the same
drug ends; another drug of the group begins on its own day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.surveillance.dispensings import GROUPS

SPAN = timedelta(days=90)
"""Days over which the proportion is told."""

BEFORE = timedelta(days=180)
"""Who fetched nothing of a group for this long takes it no more, or gets it elsewhere."""

GRACE = timedelta(days=14)
"""Days without a supply from which on it is a gap: there is a rest at home, a pharmacy is far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """One drug that was handed out, and for how many days it lasts."""

    atc: str
    day: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Of one group of drugs: `covered` of `days` days, and the first day without any."""

    group: str
    covered: int
    days: int
    lasts_until: date

    def gap(self, today: date) -> timedelta:
        """How long there has been none by the beginning of `today`; nothing while it lasts."""
        return max(today - self.lasts_until, timedelta())

    def is_gap(self, today: date) -> bool:
        """Whether it is more than `GRACE`."""
        return self.gap(today) > GRACE


def covers(supplies: Iterable[Supply], today: date) -> list[Cover]:
    """The groups of which something was handed out lately, up to but not including `today`."""
    known = [one for one in supplies if today - BEFORE <= one.day < today]
    found: list[Cover] = []
    for group, codes in GROUPS.items():
        mine = sorted((one for one in known if one.atc.startswith(codes)), key=lambda one: one.day)
        if mine:
            found.append(_cover(group, mine, today))
    return found


def _cover(group: str, supplies: Sequence[Supply], today: date) -> Cover:
    spans = _spans(supplies)
    first = max(supplies[0].day, today - SPAN)
    covered = {
        day
        for begins, ends in spans
        for n in range((min(ends, today) - max(begins, first)).days)
        if (day := max(begins, first) + timedelta(days=n)) >= first
    }
    return Cover(
        group=group,
        covered=len(covered),
        days=(today - first).days,
        lasts_until=max(ends for _, ends in spans),
    )


def _spans(supplies: Sequence[Supply]) -> list[tuple[date, date]]:
    """From and up to (not including) when each supply lasts; of one drug after each other."""
    ends: dict[str, date] = {}
    spans: list[tuple[date, date]] = []
    for one in supplies:
        begins = max(one.day, ends.get(one.atc, one.day))
        ends[one.atc] = begins + timedelta(days=one.days)
        spans.append((begins, ends[one.atc]))
    return spans
