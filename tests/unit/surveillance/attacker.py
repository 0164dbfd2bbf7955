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
    """What the solver says: `success` where the equations can be met."""

    success: bool


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
_MILP = cast("Milp", _SCIPY.milp)
_BOUNDS = cast("Bounds", _SCIPY.Bounds)
_CONSTRAINT = cast("LinearConstraint", _SCIPY.LinearConstraint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One released cell as its reader has it.

    `at_least` is what the pages about signals have said of it before: a number of the home channel
    was judged on some day, so that many reported; or it was named as over its threshold with at
    least so many.
    """

    indicator: str
    area: str
    disclosure: str
    people: int | None
    monitored_up_to: int
    at_least: int = 0


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
        least_thin = self.floor if cell.indicator == REPORTING else 0
        return {
            "small": (1, self.floor - 1),
            "withheld": (max(self.floor, cell.at_least), cell.monitored_up_to),
            "thin": (max(least_thin, cell.at_least), cell.monitored_up_to),
        }[cell.disclosure]

    def _feasible(self, row: Mapping[int, float], value: int) -> bool:
        rows = [*self._rows, (dict(row), float(value), float(value))]
        matrix = np.zeros((len(rows), len(self.cells)))
        for number, (weights, _, _) in enumerate(rows):
            for column, weight in weights.items():
                matrix[number, column] = weight
        boxes = np.array([self._box(cell) for cell in self.cells], dtype=np.float64)
        low = np.array([r[1] for r in rows])
        high = np.array([r[2] for r in rows])
        found = _MILP(
            np.zeros(len(self.cells)),
            integrality=np.ones(len(self.cells)),
            bounds=_BOUNDS(boxes[:, 0], boxes[:, 1]),
            constraints=_CONSTRAINT(matrix, low, high),
        )
        return bool(found.success)


def recovered(cells: Sequence[Seen], floor: int) -> list[str]:
    """What the attacker finds out that nobody may know; empty when the release holds.

    Of a cell below the floor, or of which nothing is said, every number from 1 to `floor - 1` must
    stay possible; of every other hidden cell at least two numbers; and no two released numbers of
    one area may differ by 1 to `floor - 1` people.
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
    may_be_small = cell.disclosure == "small" or (
        cell.disclosure == "thin" and cell.indicator != REPORTING and not cell.at_least
    )
    if may_be_small:
        left = attacker.possible(cell.indicator, cell.area, small)
        if left != set(small):
            return [f"{cell.indicator} {cell.area}: only {sorted(left)}"]
        return []
    # A withheld cell may stand for few who are *not* counted: those stay open too.
    values = range(max(floor, cell.at_least), cell.monitored_up_to + 1)
    left = attacker.possible(cell.indicator, cell.area, values)
    if len(left) < min(floor - 1, len(values)):
        return [f"{cell.indicator} {cell.area}: only {sorted(left)}"]
    return []
