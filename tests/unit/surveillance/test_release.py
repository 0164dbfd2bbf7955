"""One table's release: what is shown is true, and who runs our program backwards finds nothing."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.surveillance.release import (
    Cell,
    Disclosure,
    Release,
    ReleasedCell,
    release,
    release_total,
)

FLOOR = 5


def _shown(area: str, count: int) -> ReleasedCell:
    return ReleasedCell(area=area, disclosure=Disclosure.SHOWN, count=count)


def _group(*values: int, of: int = 60) -> list[Cell]:
    return [
        Cell(area=f"T{n}", count=value, most=of, of=_shown(f"T{n}", of))
        for n, value in enumerate(values)
    ]


def _marks(*values: int, of: int = 60, floor: int = FLOOR) -> tuple[list[str], int | None]:
    result = release(_group(*values, of=of), floor=floor)
    return [cell.disclosure.value for cell in result.cells], result.total


@given(st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60)), max_size=6), st.integers(3, 10))
@settings(max_examples=200, deadline=None)
def test_what_is_shown_is_true_and_never_small(values: list[int], floor: int) -> None:
    cells = _group(*values)
    result = release(cells, floor=floor)
    for cell, released in zip(cells, result.cells, strict=True):
        assert released.area == cell.area
        assert (released.count is not None) == (released.disclosure is Disclosure.SHOWN)
        if released.count is not None:
            assert released.count == cell.count
            assert released.count == 0 or released.count >= floor
        assert (released.disclosure is Disclosure.SMALL) == (0 < cell.count < floor)
    assert result.total in (None, sum(values))


def test_one_small_cell_takes_a_sibling_with_it() -> None:
    # 3 + 20 = 23 hidden: the small one may be 1-4, the sibling 19-22.
    assert _marks(3, 20, 31) == (["small", "withheld", "shown"], 54)


def test_which_sibling_it_is_says_nothing_of_its_size() -> None:
    """Of 60 who reported each: the first, whether it is the smaller one or the larger."""
    assert _marks(3, 31, 20) == (["small", "withheld", "shown"], 54)
    cells = [*_group(3, 20, 31)[:2], Cell(area="Z", count=31, most=80, of=_shown("Z", 80))]
    marks = [cell.disclosure.value for cell in release(cells).cells]
    assert marks == ["small", "shown", "withheld"], "more people reported there"


def test_a_sibling_near_the_floor_is_hidden_with_the_total() -> None:
    """Either would tell of the other: 1 + 5 = 6 leaves only 1, and a shown 5 leaves less than 5."""
    assert _marks(1, 5, 31) == (["small", "withheld", "shown"], None)
    assert _marks(1, 8, 31) == (["small", "withheld", "shown"], None)  # as might 4 + 5 be
    assert _marks(2, 8, 31) == (["small", "withheld", "shown"], 41)


def test_many_small_cells_cover_each_other_when_every_split_is_open() -> None:
    assert _marks(3, 3, 2, 3, 4, 3, 2, 3) == (["small"] * 8, 23)
    assert _marks(4, 4, 4, 4, 4, 4, 4, 4)[1] is None  # 32 would mean that each is 4


def test_without_any_cover_the_total_is_not_shown() -> None:
    assert _marks(3, 0) == (["small", "shown"], None)
    assert _marks(4, 4) == (["small", "small"], None)


def test_a_group_without_small_cells_is_shown_whole() -> None:
    assert _marks(0, 5, 12) == (["shown", "shown", "shown"], 17)
    assert _marks() == ([], 0)


def test_where_too_few_report_a_sibling_is_no_cover() -> None:
    """Of 12 who report there, 5 to 7 may be counted without being all but a few."""
    cells = [_group(4)[0], Cell(area="B", count=6, most=12, of=_shown("B", 12)), *_group(40)]
    cells[2] = Cell(area="C", count=40, most=60, of=_shown("C", 60))
    marks = [cell.disclosure.value for cell in release(cells).cells]
    assert marks == ["small", "shown", "withheld"]


def test_whoever_is_the_only_one_is_called_small_like_two_of_two_homes() -> None:
    """One person is all of what was counted: were that another name, "1-4" would say 2-4."""
    alone = Cell(area="A", count=1, most=60, crowded=True, of=_shown("A", 60))
    assert release([alone, *_group(20)]).cells[0].disclosure is Disclosure.SMALL
    many = Cell(area="A", count=6, most=60, crowded=True, of=_shown("A", 60))
    assert release([many, *_group(20)]).cells[0].disclosure is Disclosure.THIN


@pytest.mark.parametrize("count", [0, 3, 30])
def test_of_hidden_people_nothing_is_said_whatever_is_counted_of_them(count: int) -> None:
    of = ReleasedCell(area="A", disclosure=Disclosure.WITHHELD, count=None, reach=40)
    cell = Cell(area="A", count=count, most=60, of=of)
    assert release([cell, *_group(20)]).cells[0].disclosure is Disclosure.THIN


@pytest.mark.parametrize(
    "cells",
    [
        [Cell(area="A", count=-1, most=9)],
        [Cell(area="A", count=3, most=2)],
        [Cell(area="A", count=3, most=9, of=_shown("A", 2))],
        [Cell(area="A", count=1, most=9), Cell(area="A", count=2, most=9)],
    ],
)
def test_nonsense_is_refused(cells: list[Cell]) -> None:
    with pytest.raises(ValueError, match=r"A|area"):
        release(cells)


def test_a_floor_that_hides_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="hides nothing"):
        release([], floor=1)


@pytest.mark.parametrize(
    ("count", "of", "shown"),
    [(0, 40, True), (4, 40, False), (5, 40, True), (37, 40, False), (40, 40, True), (20, None, 0)],
)
def test_a_county_alone_is_shown_where_its_people_are(
    count: int, of: int | None, shown: bool
) -> None:
    whole = Cell(area="*", count=count, most=count)
    said = release_total(whole, reporting=Release(cells=(), total=of))
    assert said == Release(cells=(), total=count if shown else None)
    assert release_total(Cell(area="*", count=9, most=9, crowded=True)).total is None
    assert release_total(Cell(area="*", count=9, most=9, backed=False)).total is None


def _say(cells: list[Cell], floor: int, total_of: int | None) -> Release:
    return release(cells, floor=floor, total_of=total_of)


def _left_by_replay(
    wholes: tuple[int, ...],
    floor: int,
    *,
    parts: bool,
    say: Callable[[list[Cell], int, int | None], Release] = _say,
    told: tuple[tuple[int, int | None], ...] = (),
) -> list[set[int]]:
    """Of each small cell of each table: what a reader leaves who runs our program on all of them.

    Walks over every table, of reporting people or of those counted among so many, and sorts them by
    what is said. Of each township `told` so many at least and at most, as gates have said.
    """
    told = told or ((0, None),) * len(wholes)
    by_what_is_said: dict[Release, list[tuple[int, ...]]] = {}
    spans = (
        range(low, min(whole, whole if high is None else high) + 1)
        for whole, (low, high) in zip(wholes, told, strict=True)
    )
    for table in product(*spans):
        cells = [
            Cell(
                area=f"T{n}",
                count=count,
                most=most,
                told=told[n][0],
                told_most=told[n][1],
                backed=parts or count >= max(10, 2 * floor),
                of=_shown(f"T{n}", most) if parts else None,
            )
            for n, (count, most) in enumerate(zip(table, wholes, strict=True))
        ]
        said = say(cells, floor, sum(wholes) if parts else None)
        by_what_is_said.setdefault(said, []).append(table)
    return [
        {table[n] for table in tables}
        for said, tables in by_what_is_said.items()
        for n, cell in enumerate(said.cells)
        if cell.disclosure is Disclosure.SMALL
    ]


COUNTIES = [
    *(((40, 40), floor, True) for floor in (3, 5, 10)),
    ((60, 20), 5, True),
    ((16, 14, 12), 5, True),
    ((14, 13, 12), 3, True),
    ((9, 8, 7, 6), 3, True),
    ((30, 20), 5, False),
    ((20, 20, 10), 3, False),
]


@pytest.mark.row("C11")
@pytest.mark.parametrize(("wholes", "floor", "parts"), COUNTIES)
def test_who_runs_our_program_on_every_table_finds_out_no_small_number(
    wholes: tuple[int, ...], floor: int, *, parts: bool
) -> None:
    left = _left_by_replay(wholes, floor, parts=parts)
    assert len(left) > 10
    assert all(values == set(range(1, floor)) for values in left)


@pytest.mark.row("C11")
@pytest.mark.parametrize(
    ("wholes", "parts", "told"),
    [
        ((80, 80), True, ((0, None), (0, 63))),
        ((10, 40), False, ((0, None), (24, None))),
        ((10, 70), False, ((0, 63), (10, 66))),
    ],
)
def test_neither_does_who_has_noted_what_gates_told(
    wholes: tuple[int, ...], told: tuple[tuple[int, int | None], ...], *, parts: bool
) -> None:
    left = _left_by_replay(wholes, FLOOR, parts=parts, told=told)
    assert len(left) > 10
    assert all(values == set(range(1, FLOOR)) for values in left)


def test_were_a_partner_shown_again_without_the_total_the_reader_would_find_out() -> None:
    """The replay bites: 1 beside a shown 7, and no total, since 8 would have told."""

    def careless(cells: list[Cell], floor: int, total_of: int | None) -> Release:
        said = release(cells, floor=floor, total_of=total_of)
        if said.total is not None:
            return said
        shown = zip(said.cells, cells, strict=True)
        return replace(
            said,
            cells=tuple(
                replace(one, count=cell.count) if one.disclosure is Disclosure.WITHHELD else one
                for one, cell in shown
            ),
        )

    left = _left_by_replay((40, 40), FLOOR, parts=True, say=careless)
    assert any(values != set(range(1, FLOOR)) for values in left)
