"""The markers of river's `Quantile(0.5)`, kept as columns, for one person and for many.

P² (Jain and Chlamtac 1985, CACM 28(10)) as river 0.26 does it: five heights, five positions, five
desired positions. For the median the desired positions move by 0, 1/4, 1/2, 3/4 and 1 a reading,
which is exact in binary, so they follow from the number of readings and are not kept; nor are the
first and last position, which are 1 and that number. The second and fourth marker stand at the
quartiles.
"""

import numpy as np
from numpy.typing import NDArray

Heights = NDArray[np.float64]
Positions = NDArray[np.uint32]

MARKERS = 5

_FEW = 16
"""So many are learned one by one in the time that NumPy takes for any number."""


def learn_height(heights: Heights, positions: Positions, count: int, value: float) -> None:
    """Learn `value`, in place; `count` readings were learned before.

    Args:
        heights: the five heights; sorted from the fifth reading on.
        positions: positions of the three inner markers.
        count: how many were learned before.
        value: the new reading.
    """
    if count < MARKERS:
        heights[count] = value
        if count == MARKERS - 1:
            heights.sort()
            positions[:] = (2, 3, 4)
        return
    height = [float(number) for number in heights]
    place = [1.0, *(float(number) for number in positions), float(count)]
    cell = _cell(height, value)
    for marker in range(cell, MARKERS):
        place[marker] += 1.0
    for marker in (1, 2, 3):
        _adjust(height, place, marker, 1.0 + marker + (count + 1 - MARKERS) * (marker / 4))
    heights[:] = height
    positions[:] = place[1:4]


def _cell(height: list[float], value: float) -> int:
    """The first marker to move on; the outer heights widen."""
    if value < height[0]:
        height[0] = value
        return 1
    for marker in range(1, MARKERS):
        if height[marker - 1] <= value < height[marker]:
            return marker
    height[4] = max(height[4], value)
    return 4


def _adjust(height: list[float], place: list[float], marker: int, desired: float) -> None:
    here, below, above = place[marker], place[marker - 1], place[marker + 1]
    off = desired - here
    if not ((off >= 1 and above - here > 1) or (off <= -1 and below - here < -1)):
        return
    step = 1.0 if off > 0 else -1.0
    own, lower, upper = height[marker], height[marker - 1], height[marker + 1]
    outer = step / (above - below)
    left = (here - below + step) * (upper - own) / (above - here)
    right = (above - here - step) * (own - lower) / (here - below)
    moved = own + outer * (left + right)
    if not lower < moved < upper:
        beside = marker + int(step)
        moved = own + step * (height[beside] - own) / (place[beside] - here)
    height[marker] = moved
    place[marker] = here + step


def learn_heights(
    heights: Heights, positions: Positions, counts: NDArray[np.int64], values: Heights
) -> None:
    """`learn_height` for many people at once, in place: one value each."""
    if counts.size <= _FEW:
        for height, place, count, value in zip(heights, positions, counts, values, strict=True):
            learn_height(height, place, int(count), float(value))
        return
    few = np.flatnonzero(counts < MARKERS)
    heights[few, counts[few]] = values[few]
    full = few[counts[few] == MARKERS - 1]
    heights[full] = np.sort(heights[full], axis=1)
    positions[full] = (2, 3, 4)
    many = np.flatnonzero(counts >= MARKERS)
    if not many.size:
        return
    height, value, count = heights[many], values[many], counts[many]
    place = np.empty((many.size, MARKERS))
    place[:, 0], place[:, 1:4], place[:, 4] = 1.0, positions[many], count
    cell = np.clip((value[:, None] >= height).sum(axis=1), 1, 4)
    height[:, 0] = np.minimum(height[:, 0], value)
    height[:, 4] = np.maximum(height[:, 4], value)
    place += np.arange(MARKERS) >= cell[:, None]
    further = (count + 1 - MARKERS).astype(np.float64)
    for marker in (1, 2, 3):
        _adjust_many(height, place, marker, 1.0 + marker + further * (marker / 4))
    heights[many] = height
    positions[many] = place[:, 1:4].astype(np.uint32)


def _adjust_many(height: Heights, place: Heights, marker: int, desired: Heights) -> None:
    off = desired - place[:, marker]
    up = (off >= 1) & (place[:, marker + 1] - place[:, marker] > 1)
    down = (off <= -1) & (place[:, marker - 1] - place[:, marker] < -1)
    moving = np.flatnonzero(up | down)
    if not moving.size:
        return
    heights, places = height[moving], place[moving]
    here, below, above = places[:, marker], places[:, marker - 1], places[:, marker + 1]
    step = np.where(off[moving] > 0, 1.0, -1.0)
    own, lower, upper = heights[:, marker], heights[:, marker - 1], heights[:, marker + 1]
    outer = step / (above - below)
    left = (here - below + step) * (upper - own) / (above - here)
    right = (above - here - step) * (own - lower) / (here - below)
    moved = own + outer * (left + right)
    line = np.arange(moving.size)
    beside = marker + step.astype(np.int64)
    straight = own + step * (heights[line, beside] - own) / (places[line, beside] - here)
    height[moving, marker] = np.where((lower < moved) & (moved < upper), moved, straight)
    place[moving, marker] = here + step
