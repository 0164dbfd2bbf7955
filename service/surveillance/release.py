"""What of a closed week may leave the inner circle: small cells, and cells that would betray them.

Pure: counts in, decisions out, made once and stored (design law 8). What each cell is *called* is a
function of its own township's numbers; which other cells are hidden with it, and how many, is a
function of what any reader sees (`hidden_sums`); and the total is shown or not by the sum of what
is hidden, which whoever sees the total can compute. So somebody who runs this very program on every
truth that could lie behind a release rules out no small number (decision D79; the general method:
Hundepool et al., "Statistical Disclosure Control", Wiley 2012, chapter 4). Zero is shown: it names
nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from service.release_settings import FLOOR
from service.surveillance.hidden_sums import Box, HiddenSum, least_of_partners, sums_of

LEAST_PEOPLE = 10
LEAST_HOUSEHOLDS = 5
MOST_OF_ONE_HOUSEHOLD = 0.5
"""Fewer people, fewer homes, or a home with more than this share: nothing is said of a cell."""


class Disclosure(StrEnum):
    """What is said of a cell."""

    SHOWN = "shown"
    SMALL = "small"  # 1 to floor - 1, which one is not said
    WITHHELD = "withheld"  # at least the floor; hidden so that nothing betrays a small number
    THIN = "thin"  # too few people or homes report, one home is most, or who reports is hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCell:
    """What anybody may see; `count` is a number only where `disclosure` is SHOWN.

    `reach` is, of a hidden number of reporting people, how large it is in some truth behind the
    same release, together with all its siblings: what is counted of them may be up to that.
    """

    area: str
    disclosure: Disclosure
    count: int | None
    reach: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A true count of people in one area, and what any reader knows of it without this table.

    `most` is the largest number it may be; `told` so many at least were counted, as pages about
    signals have said, and `told_most` at most. `backed` is whether enough people of enough homes
    were asked, `crowded` whether one home is most of what was counted. `of` is the released cell of
    the reporting people whom this count is part of, None for those themselves; `asked_told` whether
    all of them were asked, so that a reader knows how many.
    """

    area: str
    count: int
    most: int
    told: int = 0
    told_most: int | None = None
    backed: bool = True
    crowded: bool = False
    of: ReleasedCell | None = None
    asked_told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A sibling group and its total; `total` is None where it would betray one of the cells."""

    cells: tuple[ReleasedCell, ...]
    total: int | None


def is_backed(people: int, households: int, largest_share: float, floor: int = FLOOR) -> bool:
    """Whether enough people of enough homes stand behind a number, none of them most of it.

    Enough people are also twice the floor: of fewer, a count and its complement cannot both keep
    every value below the floor.
    """
    return (
        people >= least_backed(floor)
        and households >= LEAST_HOUSEHOLDS
        and largest_share <= MOST_OF_ONE_HOUSEHOLD
    )


def least_backed(floor: int) -> int:
    """How many people at least stand behind whatever is shown."""
    return max(LEAST_PEOPLE, 2 * floor)


def release(
    cells: Sequence[Cell],
    *,
    floor: int = FLOOR,
    total_of: int | None = None,
    total_backed: bool = True,
) -> Release:
    """Decide every cell of one sibling group, in the order given, together with its total.

    For every SMALL cell, and every THIN one that may be small, there is for each integer from 1 to
    `floor - 1` a truth with exactly this release; for every other hidden one for `floor - 1`
    numbers at least.

    Args:
        cells: the group.
        floor: the smallest count above zero that is shown.
        total_of: the released total of the reporting people, None where none is or for themselves.
        total_backed: whether no home is most of the whole county.

    Raises:
        ValueError: a count is negative or above its own bounds, or the floor is below 2.
    """
    _refuse_nonsense(cells, floor)
    marks = {cell.area: _mark(cell, floor) for cell in cells}
    total = sum(cell.count for cell in cells)
    hidden = [cell for cell in cells if marks[cell.area] is not Disclosure.SHOWN]
    if not hidden:
        return _table(cells, marks, total)
    boxes = [_box(cell, marks[cell.area], floor) for cell in hidden]
    partners = _partners(boxes, cells, marks, floor)
    marks.update({cell.area: Disclosure.WITHHELD for cell in partners})
    # Reporting people bound what is counted of them: all of them must be free together.
    together = all(cell.of is None for cell in cells)
    sums = sums_of([*boxes, *(_partner_box(cell, floor) for cell in partners)], floor, together)
    secret = sum(cell.count for cell in (*hidden, *partners))
    may_be_shown = total_backed and not _nearly_all(total, total_of, floor)
    open_sum = secret if may_be_shown and sums.leaves_open(secret) else None
    reach = _reach(sums, len(hidden), open_sum)
    table = _table(cells, marks, None if open_sum is None else total)
    found = dict(zip((cell.area for cell in (*hidden, *partners)), reach, strict=True))
    return replace(
        table, cells=tuple(replace(one, reach=found.get(one.area, 0)) for one in table.cells)
    )


def release_total(cell: Cell, *, floor: int = FLOOR, reporting: Release | None = None) -> Release:
    """Decide a group of which nothing but the total is said; `cell` is that total.

    `reporting` is what was released of the people whom it is part of, None for those themselves:
    where their own total is hidden, so is this one.
    """
    _refuse_nonsense([cell], floor)
    of = None if reporting is None else reporting.total
    hidden = (
        0 < cell.count < floor
        or not cell.backed
        or cell.crowded
        or (reporting is not None and of is None)
        or _nearly_all(cell.count, of, floor)
    )
    return Release(cells=(), total=None if hidden else cell.count)


def share_shown(releases: Sequence[Release]) -> float:
    """The share of cells below the totals that a reader gets a number for; 1 without any cell."""
    cells = [cell for one in releases for cell in one.cells]
    shown = sum(cell.disclosure is Disclosure.SHOWN for cell in cells)
    return shown / len(cells) if cells else 1.0


def _mark(cell: Cell, floor: int) -> Disclosure:
    """What a cell is called, by its own township's numbers; the same for every small number."""
    if cell.of is not None and cell.of.disclosure is not Disclosure.SHOWN:
        return Disclosure.THIN
    if cell.of is not None and cell.of.count and not cell.backed:
        return Disclosure.THIN  # a zero too: few were asked
    if cell.count == 0:
        return Disclosure.SHOWN
    if cell.count < floor:
        return Disclosure.SMALL  # a home of one that is all of it, too: else a 1 were never small
    if cell.crowded or not cell.backed:
        return Disclosure.THIN
    of = None if cell.of is None else cell.of.count
    return Disclosure.WITHHELD if _nearly_all(cell.count, of, floor) else Disclosure.SHOWN


def _nearly_all(count: int, of: int | None, floor: int) -> bool:
    """Whether those who are *not* counted are few: 38 of 40 tells of two."""
    return of is not None and 0 < of - count < floor


def _box(cell: Cell, mark: Disclosure, floor: int) -> Box:
    """The numbers that a cell hidden for itself has in truths with the same marks."""
    if mark is Disclosure.SMALL:
        return Box(low=1, high=floor - 1, need=(1, floor - 1), most=floor - 1)
    if cell.of is not None and cell.of.disclosure is not Disclosure.SHOWN:
        return _covered_box(cell, cell.of, floor)
    if mark is Disclosure.WITHHELD and cell.of is not None and cell.of.count is not None:
        low, last = max(floor, cell.of.count - floor + 1), cell.of.count - 1
        return Box(low=low, high=_at_most(cell, last), need=(low, last), most=last)
    if cell.of is not None and not cell.told and not cell.asked_told:
        return Box(low=0, high=floor - 1, need=(1, floor - 1), most=_most(cell))
    low = max(floor, cell.told)
    high = max(low, _at_most(cell, min(low + floor - 2, cell.most)))
    return Box(low=low, high=high, need=(low, high), most=_most(cell))


def _covered_box(cell: Cell, of: ReleasedCell, floor: int) -> Box:
    """Of those whose reporting people are hidden nothing is said, whatever their number."""
    if of.disclosure is Disclosure.SMALL:
        return Box(low=0, high=floor - 1, need=(1, floor - 1), most=_most(cell))
    high = max(_at_most(cell, of.reach), floor - 1)
    if cell.told:
        top = max(cell.told, min(cell.told + floor - 2, high))
        return Box(
            low=cell.told, high=max(high, top), need=(cell.told, top), most=cell.most, slides=True
        )
    slides = of.disclosure is Disclosure.WITHHELD
    return Box(low=0, high=high, need=(1, floor - 1), most=cell.most, slides=slides)


def _partner_box(cell: Cell, floor: int) -> Box:
    """The numbers of a cell that would be shown, were it not for a sibling."""
    if cell.of is None or cell.of.count is None:
        low, high = max(least_backed(floor), cell.told), cell.most
    else:
        # All but a few would be hidden for themselves.
        low, high = max(floor, cell.told), cell.of.count - floor
    high = _at_most(cell, high)
    return Box(low=low, high=high, need=(low, low + floor - 2), most=_most(cell), slides=True)


def _at_most(cell: Cell, number: int) -> int:
    """`number`, or less where pages about signals have told so."""
    return number if cell.told_most is None else min(number, cell.told_most)


def _most(cell: Cell) -> int:
    """More than any reader may take it for."""
    return cell.most if cell.of is None or cell.of.count is None else cell.of.count


def _partners(
    boxes: Sequence[Box], cells: Sequence[Cell], marks: dict[str, Disclosure], floor: int
) -> list[Cell]:
    """Which shown siblings are hidden with the others: by what any reader knows, never by size."""
    shown = [cell for cell in cells if marks[cell.area] is Disclosure.SHOWN and cell.count]
    able = [(cell, _partner_box(cell, floor)) for cell in shown]
    able = [(cell, box) for cell, box in able if box.high - box.low >= floor - 1]
    able.sort(key=lambda one: (one[1].low - one[1].high, one[0].area))
    together = all(cell.of is None for cell in cells)
    taken = least_of_partners(boxes, [box for _, box in able], floor, together)
    return [cell for cell, _ in able[:taken]]


def _reach(sums: HiddenSum, own: int, open_sum: int | None) -> list[int]:
    """How large each hidden number is in a truth in which its siblings are so, too."""
    reach = [box.high if box.low <= 1 else box.low for box in sums.boxes]
    if open_sum is not None and len(sums.boxes) == own + 1:
        reach[own] = open_sum - sum(box.need[1] for box in sums.boxes[:own])
    return reach


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
        whole = None if cell.of is None else cell.of.count
        most = cell.most if whole is None else whole
        if not 0 <= cell.count <= most:
            raise ValueError(f"{cell.area}: {cell.count} lies outside 0-{most}")
    if len({cell.area for cell in cells}) != len(cells):
        raise ValueError("an area stands twice in its sibling group")
