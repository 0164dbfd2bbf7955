"""By when somebody must have answered a signal, and who is told when nobody has. Pure.

The hours are defaults of this project, no guideline's: the yardstick is CIDARS, whose signals were
answered after a median of 1.1 h (PubMed 21569720), and a township team's visit within 24 h.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum

from service.surveillance.signal_words import Colour


class Rung(IntEnum):
    """Who is to answer now; each silence takes it one up."""

    OFFICERS = 0  # every officer of the county's CDC
    DUTY = 1  # the named duty officer
    PREFECTURE = 2
    PROVINCE = 3


FIRST_LOOK: Mapping[Colour, timedelta] = {
    Colour.RED: timedelta(hours=1),
    Colour.ORANGE: timedelta(hours=2),
    Colour.YELLOW: timedelta(hours=4),
    Colour.BLUE: timedelta(hours=24),
}
"""From the signal, or from the township's answer, until an officer has decided something."""

ON_THE_SPOT: Mapping[Colour, timedelta] = {
    Colour.RED: timedelta(hours=4),
    Colour.ORANGE: timedelta(hours=12),
    Colour.YELLOW: timedelta(hours=24),
    Colour.BLUE: timedelta(hours=48),
}
"""From the question to the township until its answer."""

_AFTER: Mapping[str, timedelta] = {
    "triaged": timedelta(hours=24),
    "not_assessable": timedelta(hours=48),
    "confirmed": timedelta(hours=24),
    "assessed": timedelta(hours=24),
    "responding": timedelta(days=7),
    "false": timedelta(days=7),
    "duplicate": timedelta(days=7),
}
"""A dismissed signal is watched this long for growth before it closes by itself."""


def due_after(state: str, colour: Colour, at: datetime, *, answered: bool) -> datetime | None:
    """When the next act is due of a signal that came into `state` at `at`; None for a closed one.

    Args:
        state: the value of a `workflow.State`.
        colour: shortens a first look and a verification.
        at: the moment from which it counts.
        answered: whether the township has answered the question that it was asked.
    """
    if state == "closed":
        return None
    if state == "new" or (state == "verifying" and answered):
        return at + FIRST_LOOK[colour]
    if state == "verifying":
        return at + ON_THE_SPOT[colour]
    return at + _AFTER[state]
