"""Somebody who has everything that was released and an integer programming solver; knows our rules.

Independent of the product: it is given what an officer's page is given, writes it down as equations
and asks the solver (HiGHS, by scipy) which numbers of hidden cells agree with all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

WHOLE = "*"
"""The area name under which a total stands."""

REPORTING = "reporting"
Floats = npt.NDArray[np.float64]


class Solution(Protocol):
    """What the solver says: `success` where the equations can be met, then `x` does."""

    success: bool
    x: Floats | None


class Milp(Protocol):
    """scipy.optimize.milp, which comes without types."""

    def __call__(
        self, c: Floats, *, integrality: Floats, bounds: object, constraints: object
    ) -> Solution: ...


class Bounds(Protocol):
    """scipy.optimize.Bounds."""

    def __call__(self, lb: Floats, ub: Floats) -> object: ...


class LinearConstraint(Protocol):
    """scipy.optimize.LinearConstraint."""

    def __call__(self, matrix: Floats, lb: Floats, ub: Floats) -> object: ...


_SCIPY = import_module("scipy.optimize")
MILP = cast("Milp", _SCIPY.milp)
BOUNDS = cast("Bounds", _SCIPY.Bounds)
CONSTRAINT = cast("LinearConstraint", _SCIPY.LinearConstraint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One released cell as its reader has it.

    `at_least` is what the pages about signals have said of it before: a number of the home channel
    was judged on some day, so that many reported; or it was named as over its threshold with at
    least so many. `at_most` follows where no number was judged on any day: on each fewer measured.
    """

    indicator: str
    area: str
    disclosure: str
    people: int | None
    monitored_up_to: int
    at_least: int = 0
    at_most: int | None = None


@dataclass(slots=True)
class Attacker:
    """Everything released of one week as one system of equations over whole numbers."""

    cells: Sequence[Seen]
    floor: int
    _place: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    _rows: list[tuple[dict[int, float], float, float]] = field(
        default_factory=list[tuple[dict[int, float], float, float]]
    )

    def __post_init__(self) -> None:
        for cell in self.cells:
            self._place[cell.indicator, cell.area] = len(self._place)
        self._sums()
        self._parts()

    def possible(self, indicator: str, area: str, values: Sequence[int]) -> set[int]:
        """Which of `values` the hidden cell may have, for all the reader knows."""
        at = self._place[indicator, area]
        return {value for value in values if self._feasible({at: 1.0}, value)}

    def possible_difference(
        self, whole: str, part: str, area: str, values: Sequence[int]
    ) -> set[int]:
        """Which of `values` may be the people of `area` counted in `whole` but not in `part`."""
        row = {self._place[whole, area]: 1.0, self._place[part, area]: -1.0}
        return {value for value in values if self._feasible(row, value)}

    def span(self, indicator: str, area: str) -> tuple[int, int]:
        """The smallest and the largest number that the hidden cell may have."""
        at = self._place[indicator, area]
        return (self._end(at, 1.0), self._end(at, -1.0))

    def _sums(self) -> None:
        for indicator in {cell.indicator for cell in self.cells}:
            row = {
                self._place[indicator, c.area]: 1.0 for c in self.cells if c.indicator == indicator
            }
            whole = self._place.get((indicator, WHOLE))
            if whole is not None and len(row) > 1:
                row[whole] = -1.0
                self._rows.append((row, 0.0, 0.0))

    def _parts(self) -> None:
        for (indicator, area), at in self._place.items():
            reporting = self._place.get((REPORTING, area))
            if indicator != REPORTING and reporting is not None:
                self._rows.append(({reporting: 1.0, at: -1.0}, 0.0, np.inf))

    def _box(self, cell: Seen) -> tuple[float, float]:
        if cell.people is not None:
            return (cell.people, cell.people)
        if cell.area == WHOLE:
            return (0, cell.monitored_up_to)
        least_thin = 0 if self._may_be_few(cell) else self.floor
        most = cell.monitored_up_to
        most = most if cell.at_most is None else min(most, cell.at_most)
        return {
            "small": (1, self.floor - 1),
            "withheld": (max(self.floor, cell.at_least), most),
            "thin": (max(least_thin, cell.at_least), most),
        }[cell.disclosure]

    def _may_be_few(self, cell: Seen) -> bool:
        """Whether a cell of which nothing is said may be small: few were asked, or who is hidden.

        Of those above two standard deviations only people with something usual are asked.
        """
        if cell.indicator == REPORTING:
            return False
        shown = any(
            c.people is not None
            for c in self.cells
            if (c.indicator, c.area) == (REPORTING, cell.area)
        )
        return not shown or cell.indicator == "systolic_above_2sd"

    def _end(self, at: int, sign: float) -> int:
        goal = np.zeros(len(self.cells))
        goal[at] = sign
        found = self._solve(self._rows, goal)
        assert found.x is not None, "what was released can be true"
        return round(float(found.x[at]))

    def _feasible(self, row: Mapping[int, float], value: int) -> bool:
        rows = [*self._rows, (dict(row), float(value), float(value))]
        return bool(self._solve(rows, np.zeros(len(self.cells))).success)

    def _solve(
        self, rows: Sequence[tuple[dict[int, float], float, float]], goal: Floats
    ) -> Solution:
        matrix = np.zeros((max(1, len(rows)), len(self.cells)))
        for number, (weights, _, _) in enumerate(rows):
            for column, weight in weights.items():
                matrix[number, column] = weight
        boxes = np.array([self._box(cell) for cell in self.cells], dtype=np.float64)
        return MILP(
            goal,
            integrality=np.ones(len(self.cells)),
            bounds=BOUNDS(boxes[:, 0], boxes[:, 1]),
            constraints=CONSTRAINT(
                matrix,
                np.array([r[1] for r in rows] or [-np.inf]),
                np.array([r[2] for r in rows] or [np.inf]),
            ),
        )


def recovered(cells: Sequence[Seen], floor: int) -> list[str]:
    """What the attacker finds out that nobody may know; empty when the release holds.

    Of a cell below the floor every number from 1 to `floor - 1` must stay possible, of every other
    hidden cell as many numbers, and if one below the floor, then all; and no two released numbers
    of one area may differ by 1 to `floor - 1` people.
    """
    attacker = Attacker(cells, floor)
    small = range(1, floor)
    found: list[str] = []
    shown = {(c.indicator, c.area): c.people for c in cells if c.people is not None}
    for cell in cells:
        if cell.people is None and cell.area != WHOLE:
            found += _narrowed(attacker, cell, small, floor)
        whole, part = shown.get((REPORTING, cell.area)), shown.get((cell.indicator, cell.area))
        if whole is not None and part is not None and whole - part in small:
            found.append(f"{cell.indicator} {cell.area}: all but {whole - part}")
    return found


def _narrowed(attacker: Attacker, cell: Seen, small: range, floor: int) -> list[str]:
    if cell.disclosure == "small":
        left = attacker.possible(cell.indicator, cell.area, small)
        return [] if left == set(small) else [f"{cell.indicator} {cell.area}: only {sorted(left)}"]
    lowest, highest = attacker.span(cell.indicator, cell.area)
    fewest = max(1, cell.at_least)
    told: list[str] = []
    if highest - max(fewest, lowest) + 1 < min(floor - 1, cell.monitored_up_to - fewest + 1):
        told.append(f"{cell.indicator} {cell.area}: only {lowest}-{highest}")
    if lowest < floor and not cell.at_least:
        left = attacker.possible(cell.indicator, cell.area, small)
        told += [] if left in (set(), set(small)) else [f"{cell.indicator} {cell.area}: {left}"]
    return told
