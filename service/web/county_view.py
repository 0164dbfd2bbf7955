"""The CDC officer's table and pictures, from released cells only: what is hidden is not here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.release_settings import FLOOR
from service.store.pages import ReleasedCount
from service.surveillance.series import CLOSE_AFTER, WEEK, week_of
from service.web.language import say
from service.web.words import WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One indicator that can be looked at."""

    code: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyCell:
    """One township's week as it is written."""

    text: str
    detail: str
    hidden: bool
    flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One week in a picture, in units of its viewBox."""

    left: int
    top: int
    width: int
    height: int
    kind: str
    week: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the template draws as SVG; `top` is the largest count, at height `top_at`."""

    width: int
    base: int
    top_at: int
    top: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyRow:
    """One township, or the total at the end."""

    name: str
    monitored: str
    total: bool
    cells: tuple[CountyCell, ...]
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRelease:
    """The week that is released next, Monday to Sunday, and the local day on which it closes."""

    first: date
    last: date
    on: date
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyTable:
    """The page's content; the table's weeks from new to old, the pictures' from old to new.

    `floor` is that of the newest week.
    """

    indicator: str
    floor: int
    choices: tuple[Choice, ...]
    weeks: tuple[date, ...]
    rows: tuple[CountyRow, ...]
    next: NextRelease


def county_table(
    cells: Sequence[ReleasedCount], indicator: str, language: str, today: date
) -> CountyTable:
    """The table of one indicator; `cells` holds that indicator only, `today` is the county's."""
    weeks = tuple(sorted({cell.week_start for cell in cells}, reverse=True))
    top = max(
        (cell.people for cell in cells if cell.people is not None and not cell.total), default=0
    )
    areas: dict[str, dict[date, ReleasedCount]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.total, cell.area_name, cell.week_start)):
        areas.setdefault(cell.area, {})[cell.week_start] = cell
    return CountyTable(
        indicator=indicator,
        floor=max(cells, key=lambda cell: cell.week_start).floor if cells else FLOOR,
        choices=tuple(Choice(code=code, chosen=code == indicator) for code in WORDS["indicator"]),
        weeks=weeks,
        rows=tuple(_row(by_week, weeks, top, language) for by_week in areas.values()),
        next=next_release(weeks[0] if weeks else None, today),
    )


def next_release(newest: date | None, today: date) -> NextRelease:
    """What follows the released week `newest`; before the first release, what closes next.

    Overdue from the day after the closing: on the day itself the release may still be running.
    """
    before = week_of(today - WEEK - CLOSE_AFTER) if newest is None else newest
    first = before + WEEK
    closes = first + WEEK + CLOSE_AFTER
    return NextRelease(
        first=first, last=first + WEEK - timedelta(days=1), on=closes, overdue=closes < today
    )


def _row(
    by_week: dict[date, ReleasedCount], weeks: Sequence[date], top: int, language: str
) -> CountyRow:
    newest = by_week[max(by_week)]
    name = say(language, "All townships") if newest.total else newest.area_name
    monitored = (
        say(language, "of up to %(n)s monitored") % {"n": newest.monitored_up_to}
        if newest.monitored_up_to
        else say(language, "nobody monitored")
    )
    found = [by_week.get(week) for week in weeks]
    return CountyRow(
        name=name,
        monitored=monitored,
        total=newest.total,
        cells=tuple(_cell(cell, language) for cell in found),
        picture=_picture(found[::-1], top),
    )


def _cell(cell: ReleasedCount | None, language: str) -> CountyCell:
    if cell is None:
        return CountyCell(text="", detail="", hidden=True, flagged=False)
    if cell.people is None:
        text = {
            "small": f"1–{cell.floor - 1}",
            "withheld": f"≥{cell.floor}",
            "thin": "—",
        }[cell.disclosure]
        if cell.total:
            text = say(language, "not shown")
        return CountyCell(text=text, detail="", hidden=True, flagged=False)
    return CountyCell(
        text=str(cell.people),
        detail=_detail(cell, language),
        hidden=False,
        flagged=cell.judgement == "flagged",
    )


def _detail(cell: ReleasedCount, language: str) -> str:
    if cell.total:
        return ""
    if cell.judgement == "not_assessable":
        return say(language, "not assessable")
    return say(language, "daily average: expected %(expected)s, threshold %(threshold)s") % {
        "expected": _from_floor(cell.expected, cell.floor),
        "threshold": _from_floor(cell.threshold, cell.floor),
    }


def _from_floor(people_a_day: int | None, floor: int) -> str:
    return f"<{floor}" if people_a_day is None else str(people_a_day)


_LEFT, _STEP, _WIDTH = 34, 44, 30
_BASE, _TALLEST, _HIDDEN = 70, 56, 10


def _picture(cells: Sequence[ReleasedCount | None], top: int) -> Picture:
    """Bars of the shown weeks; every hidden week has the same grey block.

    The picture knows what the table knows and nothing else: it is drawn from released cells.
    """
    return Picture(
        width=_LEFT + _STEP * len(cells) + 8,
        base=_BASE,
        top_at=_BASE - _TALLEST,
        top=top,
        bars=tuple(
            _bar(cell, _LEFT + number * _STEP, top)
            for number, cell in enumerate(cells)
            if cell is not None
        ),
    )


def _bar(cell: ReleasedCount, left: int, top: int) -> Bar:
    if cell.people is None:
        height, kind = _HIDDEN, "unknown"
    else:
        height = round(_TALLEST * cell.people / top) if top else 0
        kind = "bar flagged" if cell.judgement == "flagged" else "bar"
    return Bar(
        left=left,
        top=_BASE - height,
        width=_WIDTH,
        height=height,
        kind=kind,
        week=f"{cell.week_start.month}/{cell.week_start.day}",
    )
