"""What is said of signals betrays no cell below the floor, however the counts lie; and feedback."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.release_settings import FLOOR
from service.surveillance.data_values import WeekCell, data_value_set, period_of
from service.surveillance.feedback import MOST, adjustment
from service.surveillance.showing import Sight, show, shown_number, verified_number
from service.surveillance.signal_words import Colour, SourceEvidence
from tests.integration.service_county import START

DAY = date(2026, 8, 31)

ROWS = st.lists(
    st.builds(
        SourceEvidence,
        source=st.sampled_from(["clinic", "home", "pharmacy", "school"]),
        indicator=st.just("counted"),
        day=st.integers(0, 6).map(lambda n: DAY - timedelta(days=n)),
        observed=st.integers(0, 12),
        expected=st.just(0.5),
        upperbound=st.none() | st.floats(0, 10),
        p=st.none() | st.floats(0, 1),
    ),
    max_size=8,
    unique_by=lambda one: (one.source, one.day),
)


@pytest.mark.row("C11")
@given(
    rows=ROWS,
    colour=st.sampled_from([Colour.BLUE, Colour.YELLOW, Colour.ORANGE]),
    floor=st.sampled_from([FLOOR, 8, 11]),
)
def test_every_count_below_the_floor_gives_an_officer_the_same_page(
    rows: list[SourceEvidence], colour: Colour, floor: int
) -> None:
    """Nothing an officer is shown changes when a small count is any other small count, or none."""
    seen = show(colour, "home", rows, Sight.OFFICER, floor=floor)
    for small in range(floor):
        others = [replace(one, observed=small) if one.observed < floor else one for one in rows]
        assert show(colour, "home", others, Sight.OFFICER, floor=floor) == seen


@given(rows=ROWS)
def test_nobody_but_the_duty_officer_with_a_purpose_gets_a_number(
    rows: list[SourceEvidence],
) -> None:
    for sight in (Sight.OFFICER, Sight.DUTY):
        seen = show(Colour.ORANGE, "home", rows, sight, floor=FLOOR)
        assert seen is None or all(not one.evidence for one in seen.sources)
    exact = show(Colour.ORANGE, "home", rows, Sight.EXACT, floor=FLOOR)
    assert exact is None or exact.exact


def test_an_officer_is_told_the_colour_of_what_may_be_named() -> None:
    large = SourceEvidence(
        source="clinic",
        indicator="rash",
        day=DAY,
        observed=9,
        expected=2.0,
        upperbound=6.0,
        p=0.001,
    )
    small = replace(large, source="school", observed=4, expected=0.5, upperbound=2.0)
    officer = show(Colour.YELLOW, "school", [large, small], Sight.OFFICER, floor=FLOOR)
    assert officer is not None
    assert (officer.colour, [one.source for one in officer.sources]) == (Colour.BLUE, ["clinic"])
    assert officer.sources[0].drives, "the hidden driver is not told"
    duty = show(Colour.YELLOW, "school", [large, small], Sight.DUTY, floor=FLOOR)
    assert duty is not None
    assert duty.colour is Colour.YELLOW
    assert show(Colour.BLUE, "school", [small], Sight.OFFICER, floor=FLOOR) is None


@pytest.mark.parametrize(
    ("number", "said"), [(None, ""), (0, "0"), (1, "1–4"), (4, "1–4"), (5, "5")]
)
def test_a_small_verified_number_is_not_told(number: int | None, said: str) -> None:
    assert shown_number(number, Sight.DUTY, FLOOR) == said


def test_a_county_with_a_higher_floor_tells_less() -> None:
    seven = SourceEvidence(
        source="clinic",
        indicator="rash",
        day=DAY,
        observed=7,
        expected=1.0,
        upperbound=4.0,
        p=0.001,
    )
    assert show(Colour.BLUE, "clinic", [seven], Sight.OFFICER, floor=FLOOR) is not None
    assert show(Colour.BLUE, "clinic", [seven], Sight.OFFICER, floor=8) is None
    assert shown_number(7, Sight.OFFICER, 8) == "1–7"
    assert shown_number(8, Sight.OFFICER, 8) == "8"


@pytest.mark.row("C15")
@pytest.mark.parametrize(
    ("confirmed", "factor"),
    [
        ([], 1.0),
        ([False, False], 1.0),
        ([False, False, False], 1.1),
        ([False] * 5, 1.3),
        ([False] * 8, MOST),
        ([False] * 20, MOST),
        ([True] + [False] * 4, 1.0),
        ([False] * 6 + [True], 1.1),
        ([False] * 8 + [True] * 4, MOST),
    ],
)
def test_outcomes_move_a_threshold_little_and_countably(
    confirmed: list[bool], factor: float
) -> None:
    assert adjustment(confirmed).factor == factor


@given(st.lists(st.booleans(), max_size=20))
def test_feedback_stays_in_its_bounds_and_a_confirmed_event_never_raises_it(
    confirmed: list[bool],
) -> None:
    found = adjustment(confirmed).factor
    assert 1.0 <= found <= MOST
    assert adjustment([True, *confirmed]).factor <= adjustment([False, *confirmed]).factor


@pytest.mark.row("C18")
def test_only_shown_cells_leave_as_data_values() -> None:
    monday = date(2026, 8, 24)

    def cell(area: str, people: int | None, disclosure: str) -> WeekCell:
        return WeekCell(
            week_start=monday,
            indicator="reporting",
            area=area,
            people=people,
            disclosure=disclosure,
            decided_at=START,
        )

    text = data_value_set([cell("t2", None, "small"), cell("t1", 14, "shown")])
    assert text == (
        '{"dataSet":"HEARTHWATCH_WEEK","dataElementIdScheme":"CODE","orgUnitIdScheme":"CODE",'
        '"completeDate":"2026-09-01","dataValues":[{"dataElement":"reporting","period":"2026W35",'
        '"orgUnit":"t1","value":"14"}]}'
    )
    assert period_of(date(2026, 12, 28)) == "2026W53"
    assert period_of(date(2027, 1, 4)) == "2027W1"


@pytest.mark.row("C11")
@pytest.mark.parametrize(
    ("people", "homes", "share", "told"),
    [
        (1, 1, 1.0, "1–4"),
        (4, 9, 0.25, "1–4"),
        (6, 1, 1.0, "≥5"),
        (9, 9, 0.1, "≥5"),
        (12, 4, 0.3, "≥5"),
        (12, 6, 0.6, "≥5"),
        (12, None, None, "≥5"),
        (12, 6, 0.3, "12"),
    ],
)
def test_of_verified_clusters_a_number_is_told_only_with_enough_homes_behind(
    people: int, homes: int | None, share: float | None, told: str
) -> None:
    """A home of six that are all ill is no number of a township; a 1 is as possible as a 4."""
    assert verified_number(people, homes, share, FLOOR) == told
