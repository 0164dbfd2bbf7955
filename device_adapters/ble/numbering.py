"""What the record numbers of a finished transfer say: which is the newest, which are missing. Pure.

Numbers run 0..65535 and start again; a meter whose battery was changed may start again at 0.
Devices send their oldest record first or their newest, and the order tells which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NUMBERS = 0x10000
_HALF = 0x8000
"""Half of the circle: a step that is longer goes backwards."""

_MOST_ACROSS_THE_WRAP = 1000
"""A memory holds some 500 records: where more would be missing, 0 is a new beginning (ours)."""

_FEWEST_FOR_A_DIRECTION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Record numbers that a device has counted and did not send, both ends included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return (self.last - self.first) % NUMBERS + 1


def newest(numbers: Sequence[int]) -> int | None:
    """The number of the newest record of a transfer, None of an empty one."""
    if not numbers:
        return None
    return numbers[0] if _counts_down(list(dict.fromkeys(numbers))) else numbers[-1]


def missing(numbers: Sequence[int], since: int | None = None) -> tuple[Gap, ...]:
    """What a finished transfer left out, oldest first.

    With `since`, the number of the newest record that was known before, whatever lies between it
    and the first new number counts as well (a full memory wrote over it), and gaps before it were
    told earlier. Where the numbers began again, those before and after it are compared among
    themselves: how far the old ones went nobody knows. 65535 before 0 is no gap. Records in no
    order at all are put in order first: of the two readings the one with fewer gaps is told.
    """
    if not numbers:
        return ()
    in_runs = _gaps(_runs(_oldest_first(numbers)), since)
    in_a_circle = _gaps([_circle(numbers)], since)
    return min(in_runs, in_a_circle, key=lambda gaps: sum(gap.count for gap in gaps))


def _gaps(runs: Sequence[Sequence[int]], since: int | None) -> tuple[Gap, ...]:
    return tuple(
        Gap(first=(before + 1) % NUMBERS, last=(after - 1) % NUMBERS)
        for run in runs
        for before, after in pairwise(_after(since, run))
        if _step(before, after) > 1
    )


def _oldest_first(numbers: Sequence[int]) -> list[int]:
    """Each number once, as the records were made: a device that counts down is turned round."""
    once = list(dict.fromkeys(numbers))
    return once[::-1] if _counts_down(once) else once


def _counts_down(once: Sequence[int]) -> bool:
    steps = [_step(before, after) for before, after in pairwise(once)]
    down = sum(step >= _HALF for step in steps)
    return len(once) >= _FEWEST_FOR_A_DIRECTION and down * 2 > len(steps)


def _runs(ordered: Sequence[int]) -> list[list[int]]:
    """Split where the numbering began again."""
    runs: list[list[int]] = []
    for number in ordered:
        if runs and _goes_on(runs[-1][-1], number):
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _circle(numbers: Sequence[int]) -> list[int]:
    """Ascending, the circle of numbers cut at its widest empty stretch."""
    circle = sorted(set(numbers))
    steps = [_step(before, after) for before, after in pairwise([*circle, circle[0]])]
    cut = steps.index(max(steps)) + 1
    return circle[cut:] + circle[:cut]


def _after(since: int | None, run: Sequence[int]) -> Sequence[int]:
    """A run from the newest number on that was known before, where the run goes on from it."""
    if since is None or not _goes_on(since, run[-1]):
        return run
    return [since, *(number for number in run if 0 < _step(since, number) < _HALF)]


def _goes_on(before: int, after: int) -> bool:
    step = _step(before, after)
    return step < _HALF and (after >= before or step <= _MOST_ACROSS_THE_WRAP)


def _step(before: int, after: int) -> int:
    return (after - before) % NUMBERS
