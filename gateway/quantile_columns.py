"""The markers of river's `Quantile(0.5)`, kept as columns, for one person and for many.

P² (Jain and Chlamtac 1985, CACM 28(10)) as river 0.26 does it: five heights, five positions, five
desired positions. For the median the desired positions move by 0, 1/4, 1/2, 3/4 and 1 a reading,
which is exact in binary, so they follow from the number of readings and are not kept; nor are the
first and last position, which are 1 and that number. The second and fourth marker stand at the
quartiles.

Of the three inner positions a byte each is kept: how far they are from the whole place below the
desired one. That is never far. A marker that is a place or more too high moves down with the next
reading: the one below was looked at first, and were it in the way it would be as much too high. One
too low moves up unless the one above, which is looked at after it, is in the way and is then at
least as much too low; the fourth always has room, so it ends less than 1 below its place, the third
less than 1.75 and the second less than 2.25.
"""

import numpy as np
from numpy.typing import NDArray

Heights = NDArray[np.float64]
Offsets = NDArray[np.int8]

MARKERS = 5
_INNER = (1, 2, 3)

_FEW = 16
"""So many are learned one by one in the time that NumPy takes for any number."""


def learn_height(heights: Heights, offsets: Offsets, count: int, value: float) -> None:
    """Learn `value`, in place; `count` readings were learned before.

    Args:
        heights: the five heights; sorted from the fifth reading on.
        offsets: of the three inner markers; 0 up to the fifth reading.
        count: how many were learned before.
        value: the new reading.
    """
    if count < MARKERS:
        heights[count] = value
        if count == MARKERS - 1:
            heights.sort()
        return
    height = [float(number) for number in heights]
    inner = [float(int(offsets[m - 1]) + _below(m, count)) for m in _INNER]
    place = [1.0, *inner, float(count)]
    cell = _cell(height, value)
    for marker in range(cell, MARKERS):
        place[marker] += 1.0
    for marker in _INNER:
        _adjust(height, place, marker, 1.0 + marker + (count + 1 - MARKERS) * (marker / 4))
    heights[:] = height
    offsets[:] = [int(place[m]) - _below(m, count + 1) for m in _INNER]


def _below(marker: int, count: int) -> int:
    """The whole place below the desired one, after so many readings."""
    return 1 + marker + (count - MARKERS) * marker // 4


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
    heights: Heights, offsets: Offsets, counts: NDArray[np.int64], values: Heights
) -> None:
    """`learn_height` for many people at once, in place: one value each."""
    if counts.size <= _FEW:
        for height, offset, count, value in zip(heights, offsets, counts, values, strict=True):
            learn_height(height, offset, int(count), float(value))
        return
    few = np.flatnonzero(counts < MARKERS)
    heights[few, counts[few]] = values[few]
    full = few[counts[few] == MARKERS - 1]
    heights[full] = np.sort(heights[full], axis=1)
    many = np.flatnonzero(counts >= MARKERS)
    if not many.size:
        return
    height, value, count = heights[many], values[many], counts[many]
    place = np.empty((many.size, MARKERS))
    place[:, 0], place[:, 1:4], place[:, 4] = 1.0, offsets[many] + _all_below(count), count
    cell = np.clip((value[:, None] >= height).sum(axis=1), 1, 4)
    height[:, 0] = np.minimum(height[:, 0], value)
    height[:, 4] = np.maximum(height[:, 4], value)
    place += np.arange(MARKERS) >= cell[:, None]
    further = (count + 1 - MARKERS).astype(np.float64)
    for marker in _INNER:
        _adjust_many(height, place, marker, 1.0 + marker + further * (marker / 4))
    heights[many] = height
    offsets[many] = place[:, 1:4].astype(np.int64) - _all_below(count + 1)


def _all_below(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`_below` of the inner markers, for many people."""
    inner = np.array(_INNER)
    return 1 + inner + (counts[:, None] - MARKERS) * inner // 4


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
