"""The county's table and pictures hold what was released and nothing else."""

from datetime import date, timedelta

from service.store.pages import ReleasedCount
from service.web.county_view import NextRelease, county_table, next_release

WEEK = date(2026, 8, 3)
TODAY = date(2026, 8, 22)


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
        "floor": 5,
    }
    return ReleasedCount(**{**facts, **changes})  # pyright: ignore[reportArgumentType]


def test_shown_small_withheld_and_total_are_written_as_such() -> None:
    cells = [
        cell("A", 12, judgement="flagged"),
        cell("B", None),
        cell("C", None, disclosure="withheld"),
        cell("Z", 31, total=True, judgement="not_assessable", expected=None, threshold=None),
    ]
    table = county_table(cells, "reporting", "en", TODAY)
    rows = {row.name: row.cells[0] for row in table.rows}
    assert [row.name for row in table.rows] == ["A", "B", "C", "All townships"]
    assert (rows["A"].text, rows["A"].flagged) == ("12", True)
    assert rows["A"].detail == "daily average: expected 10, threshold 14"
    assert (rows["B"].text, rows["B"].detail, rows["B"].flagged) == ("1–4", "", False)
    assert (rows["C"].text, rows["C"].detail) == ("≥5", "")
    assert (rows["All townships"].text, rows["All townships"].detail) == ("31", "")


def test_a_withheld_total_is_not_shown() -> None:
    total = cell("Z", None, total=True, disclosure="withheld")
    assert county_table([total], "reporting", "zh", TODAY).rows[0].cells[0].text == "不公布"


def test_every_hidden_week_is_drawn_alike() -> None:
    small = county_table([cell("A", 12), cell("B", None)], "reporting", "en", TODAY)
    withheld = cell("B", None, disclosure="withheld")
    other = county_table([cell("A", 12), withheld], "reporting", "en", TODAY)
    assert small.rows[1].picture == other.rows[1].picture
    assert [(bar.kind, bar.height) for bar in small.rows[1].picture.bars] == [("unknown", 10)]


def test_bars_are_drawn_to_the_largest_shown_count() -> None:
    cells = [cell("A", 28), cell("B", 14, judgement="flagged"), cell("Z", 42, total=True)]
    table = county_table(cells, "reporting", "en", TODAY)
    assert [row.picture.top for row in table.rows] == [28, 28, 28]
    assert [row.picture.bars[0].height for row in table.rows[:2]] == [56, 28]
    assert table.rows[1].picture.bars[0].kind == "bar flagged"


def test_the_table_begins_with_the_newest_week_and_the_picture_ends_with_it() -> None:
    weeks = [WEEK - timedelta(days=7 * ago) for ago in (1, 0, 2)]
    cells = [cell("A", 20 + week.day, week_start=week) for week in weeks]
    table = county_table(cells, "reporting", "en", TODAY)
    assert table.weeks == (date(2026, 8, 3), date(2026, 7, 27), date(2026, 7, 20))
    assert [each.text for each in table.rows[0].cells] == ["23", "47", "40"]
    assert [bar.week for bar in table.rows[0].picture.bars] == ["7/20", "7/27", "8/3"]


def test_a_daily_average_below_the_floor_is_not_written() -> None:
    few = cell("A", 6, judgement="flagged", expected=None, threshold=5)
    written = county_table([few], "reporting", "en", TODAY).rows[0].cells[0]
    assert written.detail == "daily average: expected <5, threshold 5"


def test_the_next_release_is_the_thursday_ten_full_days_after_the_sunday() -> None:
    # Sunday 16 August, then the ten days 17 to 26
    expected = NextRelease(
        first=date(2026, 8, 10), last=date(2026, 8, 16), on=date(2026, 8, 27), overdue=False
    )
    assert next_release(WEEK, TODAY) == expected
    assert next_release(WEEK, date(2026, 8, 27)) == expected
    assert next_release(WEEK, date(2026, 8, 28)).overdue


def test_before_the_first_release_the_next_closing_is_named() -> None:
    assert next_release(None, date(2026, 8, 26)).on == date(2026, 8, 27)
    assert next_release(None, date(2026, 8, 27)).on == date(2026, 9, 3)
    assert not next_release(None, date(2026, 8, 27)).overdue
