"""The attack suite of a released week: enumerate every table that a reader cannot rule out."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.surveillance.release import Cell, Disclosure, Release, release

FLOOR = 5


def possible_values(result: Release, cells: list[Cell], floor: int = FLOOR) -> dict[str, set[int]]:
    """Every value of every SMALL cell that agrees with all that was released.

    An independent attacker: walks over all integer tables instead of doing interval arithmetic.
    Knows the floor, the marks, the total, the outside bounds and that partners are the smallest.
    """
    small = [c.area for c in result.cells if c.disclosure is Disclosure.SMALL]
    withheld = [c.area for c in result.cells if c.disclosure is Disclosure.WITHHELD]
    shown = [c.count for c in result.cells if c.count is not None]
    small_range = range(1, floor)
    if result.total is None:
        return {area: set(small_range) for area in small}
    hidden = result.total - sum(shown)
    known = {cell.area: cell for cell in cells}
    top = min((count for count in shown if count >= floor), default=hidden)
    lows = sum(max(floor, known[area].least) for area in withheld)
    highs = sum(min(top, known[area].ceiling) for area in withheld)
    seen: dict[str, set[int]] = {area: set() for area in small}
    for values in product(small_range, repeat=len(small)):
        rest = hidden - sum(values)
        # Whole numbers between the sums of the bounds are all reachable by the withheld cells.
        if lows <= rest <= highs if withheld else rest == 0:
            for area, value in zip(small, values, strict=True):
                seen[area].add(value)
    return seen


counts = st.one_of(st.integers(0, 12), st.integers(0, 400))


@st.composite
def groups(draw: st.DrawFn) -> list[Cell]:
    values = draw(st.lists(counts, min_size=1, max_size=6))
    return [
        Cell(
            area=f"T{index}",
            count=value,
            least=draw(st.integers(0, value)),
            ceiling=value + draw(st.integers(0, 20)),
        )
        for index, value in enumerate(values)
    ]


@given(groups())
@settings(max_examples=600, deadline=None)
def test_no_hidden_cell_can_be_narrowed(cells: list[Cell]) -> None:
    result = release(cells, floor=FLOOR)
    for area, values in possible_values(result, cells).items():
        assert values == set(range(1, FLOOR)), (area, result)


@given(groups())
@settings(max_examples=300, deadline=None)
def test_what_is_shown_is_true_and_never_small(cells: list[Cell]) -> None:
    result = release(cells, floor=FLOOR)
    for cell, released in zip(cells, result.cells, strict=True):
        assert released.area == cell.area
        assert (released.count is not None) == (released.disclosure is Disclosure.SHOWN)
        if released.count is not None:
            assert released.count == cell.count
            assert released.count == 0 or released.count >= FLOOR
        assert (released.disclosure is Disclosure.SMALL) == (0 < cell.count < FLOOR)
    assert result.total in (None, sum(cell.count for cell in cells))


def _group(*values: int) -> list[Cell]:
    return [Cell(area=f"T{index}", count=value) for index, value in enumerate(values)]


def _marks(*values: int) -> tuple[list[str], int | None]:
    result = release(_group(*values))
    return [cell.disclosure.value for cell in result.cells], result.total


def test_one_small_cell_takes_its_smallest_safe_sibling_with_it() -> None:
    # 3 + 20 = 23 hidden: the small one may be 1-4, the sibling 19-22.
    assert _marks(3, 20, 31) == (["small", "withheld", "shown"], 54)


def test_a_sibling_at_the_floor_is_no_cover() -> None:
    # 1 + 5 = 6 hidden would leave only 1 for the small cell, so a second sibling goes too.
    assert _marks(1, 5, 31) == (["small", "withheld", "withheld"], 37)


def test_two_small_cells_cover_each_other_only_when_every_split_is_open() -> None:
    assert _marks(1, 4, 31) == (["small", "small", "shown"], 36)  # 1+4, 2+3, 3+2, 4+1
    assert _marks(4, 4, 31) == (["small", "small", "withheld"], 39)  # 8 would mean 4 and 4


def test_without_any_cover_the_total_is_not_shown() -> None:
    assert _marks(3, 0) == (["small", "shown"], None)
    assert _marks(4, 4) == (["small", "small"], None)


def test_a_group_without_small_cells_is_shown_whole() -> None:
    assert _marks(0, 5, 12) == (["shown", "shown", "shown"], 17)
    assert _marks() == ([], 0)


def test_a_known_ceiling_makes_a_partner_useless() -> None:
    # Eight people report there, so at most eight have a high mean: 1 + 8 = 9 leaves 1 to 4, but
    # 4 + 8 = 12 leaves only 4.
    cells = [Cell(area="A", count=4), Cell(area="B", count=8, ceiling=8), *_group(40, 60)]
    marks = [cell.disclosure.value for cell in release(cells).cells]
    assert marks == ["small", "withheld", "withheld", "shown"]


@pytest.mark.parametrize(
    "cells",
    [
        [Cell(area="A", count=-1)],
        [Cell(area="A", count=3, ceiling=2)],
        [Cell(area="A", count=3, least=4)],
        [Cell(area="A", count=1), Cell(area="A", count=2)],
    ],
)
def test_nonsense_is_refused(cells: list[Cell]) -> None:
    with pytest.raises(ValueError, match=r"A|area"):
        release(cells)


def test_a_floor_that_hides_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="hides nothing"):
        release([], floor=1)


def _possible_by_replay(reporting: tuple[int, ...]) -> list[set[int]]:
    """Of each small cell of each possible table: what a reader leaves who runs our program.

    Walks over all tables of a county with so many reporting people and sorts them by what is said.
    """
    ranges = [range(people + 1) for people in reporting]
    by_what_is_said: dict[Release, list[tuple[int, ...]]] = {}
    whole = Cell(area="*", count=0, of=sum(reporting))
    for table in product(*ranges):
        cells = [
            Cell(area=f"T{n}", count=count, ceiling=of, of=of)
            for n, (count, of) in enumerate(zip(table, reporting, strict=True))
        ]
        by_what_is_said.setdefault(release(cells, whole=whole), []).append(table)
    return [
        {table[n] for table in tables}
        for said, tables in by_what_is_said.items()
        for n, cell in enumerate(said.cells)
        if cell.disclosure is Disclosure.SMALL
    ]


@pytest.mark.row("C11")
@pytest.mark.parametrize("reporting", [(40, 40), (60, 20), (16, 14, 12)])
def test_who_runs_our_program_on_every_table_finds_out_no_small_number(
    reporting: tuple[int, ...],
) -> None:
    left = _possible_by_replay(reporting)
    assert len(left) > 10
    assert min(map(len, left)) >= FLOOR - (1 if len(reporting) == 2 else 2)


def test_a_partner_that_is_too_small_is_hidden_with_the_total() -> None:
    """1 beside a shown 7: only with a 1 is the total of a pair not shown."""
    assert _marks(1, 7) == (["small", "withheld"], None)


def test_all_but_a_few_would_be_hidden_anyway_and_is_no_cover() -> None:
    """4 + 35 = 39: of 40, 36 to 38 would be hidden for themselves, so only 4 was left."""
    cells = [Cell(area=area, count=n, ceiling=40, of=40) for area, n in (("A", 4), ("B", 35))]
    result = release(cells, whole=Cell(area="*", count=0, of=80))
    assert [cell.count for cell in result.cells] == [None, None]
    assert result.total is None
