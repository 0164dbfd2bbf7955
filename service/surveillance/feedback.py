"""What outcomes of earlier signals make of a series' threshold: bounded, explained, not hidden.

Pure (row C15). A series whose signals keep being dismissed must stand out a little more before it
counts towards a colour; whatever lies between the detector's own threshold and the raised one is
listed as "watched". The rule is simple on purpose, so that an officer can work it out by hand:

* the last `JUDGED` signals of the series within a year count, exercises never;
* a confirmed event outweighs three dismissals;
* the first `FREE` dismissals change nothing, each one more adds a tenth of the distance between
  expected count and threshold, at most `MOST`.

The judgement is this project's own; no guideline gives numbers for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

JUDGED = 8
YEAR = timedelta(days=365)
FREE = 2
STEP = 0.1
MOST = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The factor on the distance between expected count and threshold, and what it rests on."""

    factor: float
    confirmed: int
    dismissed: int


def adjustment(confirmed: Sequence[bool]) -> Adjustment:
    """What the judged signals of one series make of its threshold.

    Args:
        confirmed: newest first, whether each was confirmed (else dismissed); only the first
            `JUDGED` are looked at.
    """
    newest = confirmed[:JUDGED]
    events = sum(newest)
    dismissed = len(newest) - events
    steps = max(0, dismissed - 3 * events - FREE)
    return Adjustment(
        factor=round(min(MOST, 1 + STEP * steps), 6), confirmed=events, dismissed=dismissed
    )
