"""What of a closed week may leave the inner circle: small cells, and cells that would betray them.

Pure: counts in, decisions out, made once and stored (design law 8). Method: primary suppression
below the floor and complementary suppression of the next smallest siblings, each candidate table
audited by the exact bounds that the published margin allows (Hundepool et al., "Statistical
Disclosure Control", Wiley 2012, chapter 4). Zero is shown: it names nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FLOOR = 5
"""Smallest count that is shown (design law 8)."""


class Disclosure(StrEnum):
    """What is said of a cell."""

    SHOWN = "shown"
    SMALL = "small"  # 1 to floor - 1, which one is not said
    WITHHELD = "withheld"  # at least the floor; hidden so that the total betrays no small sibling


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A true count of people in one area, and what others may know of it without this table.

    `least` and `ceiling` are the bounds that other released numbers imply (people with a high
    mean are at most the people reporting); they make the audit assume a well-informed reader.
    """

    area: str
    count: int
    least: int = 0
    ceiling: int = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCell:
    """What anybody may see; `count` is a number only where `disclosure` is SHOWN."""

    area: str
    disclosure: Disclosure
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A sibling group and its total; `total` is None where no partner could protect the cells."""

    cells: tuple[ReleasedCell, ...]
    total: int | None


def release(cells: Sequence[Cell], *, floor: int = FLOOR) -> Release:
    """Decide every cell of one sibling group, in the order given, together with its total.

    For every SMALL cell the bounds derivable from the result contain every integer from 1 to
    `floor - 1`. Not claimed: that a reader who replays our choice of partners learns nothing; that
    a second partner was needed says a little about the first (a minimality attack).

    Raises:
        ValueError: a count is negative or outside its own bounds, or the floor is below 2.
    """
    _refuse_nonsense(cells, floor)
    small = [cell for cell in cells if 0 < cell.count < floor]
    partners = sorted(
        (cell for cell in cells if cell.count >= floor), key=lambda cell: (cell.count, cell.area)
    )
    if not small:
        return _table(cells, small, (), floor)
    for taken in range(len(partners) + 1):
        if _protects(small, partners[:taken], partners[taken:], floor):
            return _table(cells, small, partners[:taken], floor)
    return Release(cells=_table(cells, small, (), floor).cells, total=None)


def _protects(
    small: Sequence[Cell], withheld: Sequence[Cell], shown: Sequence[Cell], floor: int
) -> bool:
    """Whether the hidden sum, which any reader can compute, leaves every small cell wide open."""
    hidden = sum(cell.count for cell in (*small, *withheld))
    others = len(small) - 1
    least = sum(max(floor, cell.least) for cell in withheld)
    # Partners are taken smallest first, and a reader knows it: none exceeds the smallest shown.
    top = shown[0].count if shown else 10**9
    most = sum(min(top, cell.ceiling) for cell in withheld)
    highest = hidden - others - least
    lowest = hidden - others * (floor - 1) - most
    return lowest <= 1 and highest >= floor - 1


def _table(
    cells: Sequence[Cell], small: Sequence[Cell], withheld: Sequence[Cell], floor: int
) -> Release:
    small_areas = {cell.area for cell in small}
    withheld_areas = {cell.area for cell in withheld}

    def decided(cell: Cell) -> ReleasedCell:
        if cell.area in small_areas:
            return ReleasedCell(area=cell.area, disclosure=Disclosure.SMALL, count=None)
        if cell.area in withheld_areas:
            return ReleasedCell(area=cell.area, disclosure=Disclosure.WITHHELD, count=None)
        return ReleasedCell(area=cell.area, disclosure=Disclosure.SHOWN, count=cell.count)

    total = sum(cell.count for cell in cells)
    # A total below the floor is itself a small cell.
    return Release(
        cells=tuple(decided(cell) for cell in cells), total=None if 0 < total < floor else total
    )


def _refuse_nonsense(cells: Sequence[Cell], floor: int) -> None:
    if floor < 2:  # noqa: PLR2004 -- a floor of 1 hides nothing
        raise ValueError(f"a floor of {floor} hides nothing")
    for cell in cells:
        if cell.count < 0 or not cell.least <= cell.count <= cell.ceiling:
            raise ValueError(f"{cell.area}: {cell.count} lies outside {cell.least}-{cell.ceiling}")
    if len({cell.area for cell in cells}) != len(cells):
        raise ValueError("an area stands twice in its sibling group")
