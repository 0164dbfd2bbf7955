"""What the pages about signals tell of a township's week by what could be judged there. Pure.

A gate that is open says that so many reported, and no fewer than four fifths of what is usual; one
that is closed all week says that on no day so many did (`assess`). A release must leave its hidden
numbers open for a reader who has noted all that. Only what the gates told goes in, never what lay
behind them: no number below a gate changes anything here.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import ceil

from service.surveillance.assess import LEAST_OF_USUAL, usual_people

_LOOK_BACK = 63
"""Days before the week whose gates are gone through: what is usual rests on 35 of them."""


def least_told(reporting: Mapping[date, int], week: Sequence[date], gates: Sequence[int]) -> int:
    """How many reported at least on some day of the week, by open gates; 0 where none was."""
    known: dict[date, int] = {}
    first = week[0] - timedelta(days=_LOOK_BACK)
    for place in range((week[-1] - first).days + 1):
        day = first + timedelta(days=place)
        if day in reporting:
            known[day] = _least_of_day(reporting[day], day, known, gates)
    return max((known.get(day, 0) for day in week), default=0)


def most_told(asked: Sequence[tuple[int, Mapping[date, int]]], week: Sequence[date]) -> int | None:
    """How many people the week can have at most, by closed gates; None where one day was open.

    Args:
        asked: of each gate how many people it needs, and how many could be asked, by day.
        week: its days.
    """
    most = 0
    for day in week:
        closed = [needed - 1 for needed, people in asked if people.get(day, 0) < needed]
        if not closed:
            return None
        most += min(closed)
    return most


def _least_of_day(people: int, day: date, known: Mapping[date, int], gates: Sequence[int]) -> int:
    opened = max((least for least in gates if least <= people), default=0)
    usual = usual_people(known, day)
    if not opened or usual is None:
        return opened
    # While a day's readings still arrive less is asked of it: such a day may be told up to itself.
    return max(opened, min(people, ceil(LEAST_OF_USUAL * usual)))
