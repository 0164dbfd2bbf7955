"""Whether the sum of hidden numbers leaves each of them open, for a reader who knows our rules.

Pure. Every hidden number has a box, known to all: numbers that it takes in truths in which each
cell is called the same. A total is shown only where its hidden sum lies above `least` and leaves
every need possible; sums up to `least` are reached with every single number of every need, so not
showing the total rules none of them out either. Both sides are functions of the sum and of boxes,
so any other truth with the same boxes and the same sum gives the same answer: nothing is left for
somebody who runs the program backwards (a "minimality attack").
"""

from collections.abc import Sequence
from dataclasses import dataclass

ROOM = 2
"""Sums that may be told before no further partner is asked for, in floors; below half, none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a hidden number is between, and which numbers must stay possible.

    One that `slides` is no small number, or one among many: as many numbers as a need has must be
    possible, not the same ones. Where it may be small, all small ones must be, unless even the
    `most` that the others may ever be leaves it large: a truth may lie outside the boxes.
    """

    low: int
    high: int
    need: tuple[int, int]
    most: int
    slides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSum:
    """All boxes of a table; `least` is the largest sum that is never told."""

    boxes: tuple[Box, ...]
    lows: int
    highs: int
    least: int
    floor: int

    @property
    def room(self) -> int:
        """How many sums may be told, by the numbers that must stay possible; 0 where none."""
        needs = (self.highs - b.high + b.need[0] for b in self.boxes if not b.slides)
        return max(0, min(needs, default=self.highs) - self.least)

    def leaves_open(self, total: int) -> bool:
        """Whether a reader who is told this sum can rule out nothing that must stay possible."""
        return total > self.least and all(self._is_open(box, total) for box in self.boxes)

    def _is_open(self, box: Box, total: int) -> bool:
        lowest = max(box.low, total - (self.highs - box.high))
        highest = min(box.high, total - (self.lows - box.low))
        if not box.slides:
            return lowest <= box.need[0] and highest >= box.need[1]
        least_ever = total - (sum(one.most for one in self.boxes) - box.most)
        if box.low <= 1 and least_ever < self.floor:
            return lowest <= 1 and highest >= self.floor - 1
        return highest - lowest >= box.need[1] - box.need[0]


def sums_of(boxes: Sequence[Box], floor: int, together: bool) -> HiddenSum:  # noqa: FBT001
    """The boxes of one table; `together` asks that all needs' ends be met at the same time."""
    lows = sum(box.low for box in boxes)
    if together:
        least = sum(box.need[1] for box in boxes)
    else:
        least = max((lows - box.low + box.need[1] for box in boxes), default=0)
    return HiddenSum(
        boxes=tuple(boxes),
        lows=lows,
        highs=sum(box.high for box in boxes),
        least=least,
        floor=floor,
    )


def least_of_partners(
    boxes: Sequence[Box],
    partners: Sequence[Box],
    floor: int,
    together: bool,  # noqa: FBT001
) -> int:
    """How many of `partners`, in their order, are hidden too; none where that would not help."""
    rooms = [
        sums_of([*boxes, *partners[:taken]], floor, together).room
        for taken in range(len(partners) + 1)
    ]
    enough = [taken for taken, room in enumerate(rooms) if room >= ROOM * floor]
    some = [taken for taken, room in enumerate(rooms) if room >= floor]
    return min(enough) if enough else max(some, key=rooms.__getitem__, default=0)
