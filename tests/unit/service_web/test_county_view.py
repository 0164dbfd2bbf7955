"""The county's table and pictures hold what was released and nothing else."""

from datetime import date

from service.store.pages import ReleasedCount
from service.web.county_view import county_table

WEEK = date(2026, 8, 3)


def cell(area: str, people: int | None, **changes: object) -> ReleasedCount:
    facts: dict[str, object] = {
        "week_start": WEEK,
        "area": area,
        "area_name": area,
        "total": False,
        "disclosure": "shown" if people is not None else "small",
        "people": people,
        "monitored_up_to": 40,
        "judgement": "usual" if people is not None else "not_shown",
        "expected": 10 if people is not None else None,
        "threshold": 14 if people is not None else None,
    }
    return ReleasedCount(**{**facts, **changes})  # pyright: ignore[reportArgumentType]


def test_shown_small_withheld_and_total_are_written_as_such() -> None:
    cells = [
        cell("A", 12, judgement="flagged"),
        cell("B", None),
        cell("C", None, disclosure="withheld"),
        cell("Z", 31, total=True, judgement="not_assessable", expected=None, threshold=None),
    ]
    table = county_table(cells, "reporting", "en")
    rows = {row.name: row.cells[0] for row in table.rows}
    assert [row.name for row in table.rows] == ["A", "B", "C", "All townships"]
    assert (rows["A"].text, rows["A"].flagged) == ("12", True)
    assert rows["A"].detail == "expected 10, threshold 14 a day"
    assert (rows["B"].text, rows["B"].detail, rows["B"].flagged) == ("1–4", "", False)
    assert (rows["C"].text, rows["C"].detail) == ("≥5", "")
    assert (rows["All townships"].text, rows["All townships"].detail) == ("31", "")


def test_a_withheld_total_is_not_shown() -> None:
    total = cell("Z", None, total=True, disclosure="withheld")
    assert county_table([total], "reporting", "zh").rows[0].cells[0].text == "不公布"


def test_every_hidden_week_is_drawn_alike() -> None:
    small = county_table([cell("A", 12), cell("B", None)], "reporting", "en")
    other = county_table([cell("A", 12), cell("B", None, disclosure="withheld")], "reporting", "en")
    assert small.rows[1].picture == other.rows[1].picture
    assert [(bar.kind, bar.height) for bar in small.rows[1].picture.bars] == [("unknown", 10)]


def test_bars_are_drawn_to_the_largest_shown_count() -> None:
    cells = [cell("A", 28), cell("B", 14, judgement="flagged"), cell("Z", 42, total=True)]
    table = county_table(cells, "reporting", "en")
    assert [row.picture.top for row in table.rows] == [28, 28, 28]
    assert [row.picture.bars[0].height for row in table.rows[:2]] == [56, 28]
    assert table.rows[1].picture.bars[0].kind == "bar flagged"
