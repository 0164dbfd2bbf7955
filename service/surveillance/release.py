"""What of a closed week may leave the inner circle: small cells, and cells that would betray them.

Pure: counts in, decisions out, made once and stored (design law 8). Method: primary suppression of
small counts, of counts that too few people or homes stand behind, and of counts whose complement is
small; then complementary suppression of the next smallest siblings, each candidate table audited by
the exact bounds that the published margin allows (Hundepool et al., "Statistical Disclosure
Control", Wiley 2012, chapter 4). Zero is shown: it names nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.release_settings import FLOOR

LEAST_PEOPLE = 10
LEAST_HOUSEHOLDS = 5
MOST_OF_ONE_HOUSEHOLD = 0.5
"""Fewer people, fewer homes, or a home with more than this share: nothing is said of a cell."""

UNBOUNDED = 10**9


class Disclosure(StrEnum):
    """What is said of a cell."""

    SHOWN = "shown"
    SMALL = "small"  # 1 to floor - 1, which one is not said
    WITHHELD = "withheld"  # at least the floor; hidden so that nothing betrays a small number
    THIN = "thin"  # too few people or homes report, or one home is more than half


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A true count of people in one area, and what others may know of it without this table.

    `least` and `ceiling` are the bounds that other released numbers imply (people with a high
    mean are at most the people reporting); they make the audit assume a well-informed reader.
    `of` is the count that a reader may subtract it from, None where there is none. `backed` is
    whether enough people of enough homes stand behind it; `thin_least` the smallest count that a
    reader takes a THIN cell for. `of_hidden` says that `of` is itself hidden: a reader knows only
    what all such add up to, and that it is at least `of_least`.
    """

    area: str
    count: int
    least: int = 0
    ceiling: int = UNBOUNDED
    of: int | None = None
    of_hidden: bool = False
    of_least: int = 0
    backed: bool = True
    thin_least: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hidden:
    """One hidden cell: the box a reader puts it in, and what must stay possible inside."""

    low: int
    high: int
    need: tuple[int, int] | None
    least_values: int
    of_hidden: bool = False
    of_least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """What a reader knows of all hidden cells together; see `_is_open`."""

    total: int
    lows: int
    free: int
    bounded: int
    wholes: int
    spare: int


def is_backed(people: int, households: int, largest_share: float, floor: int = FLOOR) -> bool:
    """Whether enough people of enough homes stand behind a number, none of them most of it.

    Enough people are also twice the floor: of fewer, a count and its complement cannot both keep
    every value below the floor.
    """
    return (
        people >= max(LEAST_PEOPLE, 2 * floor)
        and households >= LEAST_HOUSEHOLDS
        and largest_share <= MOST_OF_ONE_HOUSEHOLD
    )


def release(cells: Sequence[Cell], *, floor: int = FLOOR, whole: Cell | None = None) -> Release:
    """Decide every cell of one sibling group, in the order given, together with its total.

    For every SMALL cell, and every THIN one that may be small, the bounds derivable from the result
    contain every integer from 1 to `floor - 1`; every other hidden cell keeps at least as many
    possible values. Not claimed: that a reader who replays our choice of partners learns nothing;
    that a second partner was needed says a little about the first (a minimality attack).

    Args:
        cells: the group.
        floor: the smallest count above zero that is shown.
        whole: what is known of the total (`of`, `backed`); its count is the cells' sum.

    Raises:
        ValueError: a count is negative or outside its own bounds, or the floor is below 2.
    """
    _refuse_nonsense(cells, floor)
    marks = {cell.area: _first_mark(cell, floor) for cell in cells}
    total = sum(cell.count for cell in cells)
    if not _total_may_be_shown(total, whole, floor):
        return _table(cells, marks, None)
    hidden = [cell for cell in cells if marks[cell.area] is not Disclosure.SHOWN]
    partners = sorted(
        (cell for cell in cells if cell.count >= floor and marks[cell.area] is Disclosure.SHOWN),
        key=lambda cell: (cell.count, cell.area),
    )
    for taken in range(len(partners) + 1):
        shown = [cell for cell in cells if cell not in hidden and cell not in partners[:taken]]
        if _protects(hidden, partners[:taken], shown, floor):
            marks.update({cell.area: Disclosure.WITHHELD for cell in partners[:taken]})
            return _table(cells, marks, total)
    # A partner that stayed shown would say by how much it was too small: 7 beside a hidden 1.
    # What other numbers tell of to within a few would not be hidden by hiding it.
    told = {cell.area for cell in partners if cell.ceiling - max(floor, cell.least) + 1 < floor - 1}
    marks.update({c.area: Disclosure.WITHHELD for c in partners if c.area not in told})
    return _table(cells, marks, None)


def share_shown(releases: Sequence[Release]) -> float:
    """The share of cells below the totals that a reader gets a number for; 1 without any cell."""
    cells = [cell for one in releases for cell in one.cells]
    shown = sum(cell.disclosure is Disclosure.SHOWN for cell in cells)
    return shown / len(cells) if cells else 1.0


def _first_mark(cell: Cell, floor: int) -> Disclosure:
    if cell.count == 0 and (cell.backed or cell.ceiling == 0):
        return Disclosure.SHOWN
    if cell.backed or cell.thin_least:
        if 0 < cell.count < floor:
            return Disclosure.SMALL
        if cell.backed:
            return Disclosure.WITHHELD if _is_nearly_all(cell, floor) else Disclosure.SHOWN
        return Disclosure.THIN if cell.count else Disclosure.SHOWN
    return Disclosure.THIN


def _is_nearly_all(cell: Cell, floor: int) -> bool:
    """Whether those who are *not* counted are few: 38 of 40 tells of two."""
    return cell.of is not None and 0 < cell.of - cell.count < floor


def _total_may_be_shown(total: int, whole: Cell | None, floor: int) -> bool:
    if 0 < total < floor:
        return False
    if whole is None:
        return True
    known = Cell(area=whole.area, count=total, of=whole.of)
    return (whole.backed or total == 0) and not _is_nearly_all(known, floor)


def _box(cell: Cell, floor: int) -> _Hidden:
    """What a reader who knows why each cell was hidden takes it for before looking at the sum."""
    if not cell.backed and not (cell.thin_least and 0 < cell.count < floor):
        may_be_small = cell.thin_least < floor
        need = (1, floor - 1) if may_be_small else None
        return _Hidden(
            low=cell.thin_least,
            high=cell.ceiling,
            need=need,
            least_values=floor - 1,
            of_hidden=cell.of_hidden,
            of_least=cell.of_least,
        )
    if cell.count < floor:
        return _Hidden(
            low=1,
            high=floor - 1,
            need=(1, floor - 1),
            least_values=floor - 1,
            of_hidden=cell.of_hidden,
            of_least=cell.of_least,
        )
    of = cell.of or 0
    need = (max(floor, of - floor + 1), of - 1)
    return _Hidden(
        low=need[0],
        high=need[1],
        need=need,
        least_values=1,
        of_hidden=cell.of_hidden,
        of_least=cell.of_least,
    )


def _protects(
    hidden: Sequence[Cell], withheld: Sequence[Cell], shown: Sequence[Cell], floor: int
) -> bool:
    """Whether the hidden sum, which any reader can compute, leaves every hidden cell open."""
    if not hidden:
        return True
    total = sum(cell.count for cell in (*hidden, *withheld))
    # Partners are taken smallest first, and a reader knows it: none exceeds the smallest shown.
    top = min((cell.count for cell in shown if cell.count >= floor), default=UNBOUNDED)
    boxes = [_box(cell, floor) for cell in hidden]
    boxes += [
        _Hidden(
            low=max(floor, cell.least),
            high=_most_of_partner(cell, top, floor),
            need=None,
            least_values=floor - 1,
            of_hidden=cell.of_hidden,
            of_least=cell.of_least,
        )
        for cell in withheld
    ]
    bounded = sum(box.high for box in boxes if box.of_hidden)
    sums = _Sums(
        total=total,
        lows=sum(box.low for box in boxes),
        free=sum(box.high for box in boxes if not box.of_hidden),
        bounded=bounded,
        wholes=_of_hidden((*hidden, *withheld), shown),
        # More than needed, so that of what partners cannot cover more than one number stays open.
        spare=len(hidden) if withheld else 0,
    )
    return all(_is_open(box, sums) for box in boxes)


def _most_of_partner(cell: Cell, top: int, floor: int) -> int:
    """The most a partner is taken for: all but a few, 36 of 40, would be hidden for itself."""
    most = max(cell.count, min(top, cell.ceiling))
    return most if cell.of is None else min(most, max(floor, cell.of - floor))


def _of_hidden(hidden: Sequence[Cell], shown: Sequence[Cell]) -> int:
    """What cells with a hidden whole add up to at most: a reader knows the sum of such wholes."""
    wholes = sum(cell.of or 0 for cell in (*hidden, *shown) if cell.of_hidden)
    return wholes - sum(max(1, cell.count) for cell in shown if cell.of_hidden)


def _is_open(box: _Hidden, sums: _Sums) -> bool:
    # Cells whose wholes are hidden share what those add up to.
    if box.of_hidden:
        others = sums.free + min(sums.bounded - box.high, sums.wholes - box.of_least)
    else:
        others = sums.free - box.high + min(sums.bounded, sums.wholes)
    lowest = max(box.low, sums.total - others)
    highest = min(box.high, sums.total - (sums.lows - box.low))
    if box.need is not None:
        room = sums.total - (sums.lows - box.low)
        if lowest > box.need[0] or highest < box.need[1] or room < box.need[1] + sums.spare:
            return False
    return highest - lowest + 1 >= box.least_values


def _table(cells: Sequence[Cell], marks: dict[str, Disclosure], total: int | None) -> Release:
    return Release(
        cells=tuple(
            ReleasedCell(
                area=cell.area,
                disclosure=marks[cell.area],
                count=cell.count if marks[cell.area] is Disclosure.SHOWN else None,
            )
            for cell in cells
        ),
        total=total,
    )


def _refuse_nonsense(cells: Sequence[Cell], floor: int) -> None:
    if floor < 2:  # noqa: PLR2004 -- a floor of 1 hides nothing
        raise ValueError(f"a floor of {floor} hides nothing")
    for cell in cells:
        if cell.count < 0 or not cell.least <= cell.count <= cell.ceiling:
            raise ValueError(f"{cell.area}: {cell.count} lies outside {cell.least}-{cell.ceiling}")
    if len({cell.area for cell in cells}) != len(cells):
        raise ValueError("an area stands twice in its sibling group")
