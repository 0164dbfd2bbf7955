"""What a single rule says of its route: who is asked first, who hears too, how many must answer.

A rule's priority gives its ladder; this only adds to it. `first` is a rung below the ladder and
counts only where an alert may wait; where nothing may move it (an emergency, urgent, undampable)
whoever stands there hears together with its first rung instead. Nobody is ever left out or told
later than the time to answer allows (design law 5).
"""

from dataclasses import dataclass
from enum import StrEnum


class Post(StrEnum):
    """A place around a person; who holds it today says their contract, team, rota and leaves."""

    VILLAGE_DOCTOR = "village_doctor"
    NURSE = "nurse"
    PUBLIC_HEALTH = "public_health"
    FAMILY_DOCTOR = "family_doctor"
    TOWNSHIP_DUTY = "township_duty"
    COUNTY_DUTY = "county_duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRoute:
    """`answers` different people must answer, 1 to 5."""

    first: tuple[Post, ...] = ()
    also: tuple[Post, ...] = ()
    answers: int = 1


USUAL_ROUTE = RuleRoute()
"""Of a rule that says nothing: the ladder of its priority, one answer."""
