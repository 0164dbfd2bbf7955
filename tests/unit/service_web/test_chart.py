"""Ninety days of readings as dots, and the same as rows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from rules.vocabulary import Vital
from service.store.records import Series, SeriesPoint
from service.web.chart import Chart, blocks

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def point(hours_ago: float, **changes: object) -> SeriesPoint:
    facts: dict[str, object] = {
        "identity": f"p{hours_ago:g}",
        "effective_at": UNTIL - timedelta(hours=hours_ago),
        "kind": Vital.BLOOD_PRESSURE.value,
        "systolic": 150.0,
        "diastolic": 90.0,
        "pulse": 70.0,
        "glucose": None,
        "valid": True,
        "time_confidence": "good",
        "flags": (),
    }
    return SeriesPoint(**{**facts, **changes})  # pyright: ignore[reportArgumentType]


def glucose(hours_ago: float, value: float | None) -> SeriesPoint:
    return point(hours_ago, kind=Vital.GLUCOSE.value, systolic=None, diastolic=None, glucose=value)


def single(hours_ago: float, kind: Vital, **changes: object) -> SeriesPoint:
    facts: dict[str, object] = {"systolic": None, "diastolic": None, "pulse": None, **changes}
    return point(hours_ago, kind=kind.value, **facts)


def series(*points: SeriesPoint, **targets: float) -> Series:
    return Series(
        subject="s",
        since=UNTIL - timedelta(days=90),
        until=UNTIL,
        points=points,
        targets=targets,
    )


def test_morning_and_evening_are_two_colours_in_the_countys_time() -> None:
    # 01:00 UTC is 09:00 in the county; 13 hours earlier it was 20:00.
    chart = blocks(series(point(13), point(0)), frozenset({"p0"}), "en", ZONE)[0].chart
    assert [curve.values for curve in chart.curves] == [
        (None, 150.0),
        (150.0, None),
        (None, 90.0),
        (90.0, None),
    ]
    assert chart.curves[0].colour != chart.curves[1].colour
    assert [curve.hollow for curve in chart.curves] == [False, False, True, True]
    assert chart.marked == (1,)


def test_the_table_says_what_the_chart_shows_newest_first() -> None:
    block = blocks(series(point(13, systolic=160.0), point(0)), frozenset({"p0"}), "en", ZONE)[0]
    assert [row.value for row in block.rows] == ["150/90", "160/90"]
    assert [row.morning for row in block.rows] == [True, False]
    assert [row.marked for row in block.rows] == [True, False]
    assert len(block.rows) == len(block.chart.times)


def test_a_doctors_limits_of_glucose_are_lines_and_words() -> None:
    own = blocks(series(glucose(0, 9.5), glucose=7, glucose_high=20), frozenset(), "en", ZONE)[0]
    assert (own.chart.band, own.chart.limits) == (None, (7, 20))
    assert own.chart.target == "own target: 7 mmol/L · own limit of very high: 20 mmol/L"
    weight = single(0, Vital.WEIGHT, number=61.4)
    other = blocks(series(weight, glucose=7), frozenset(), "en", ZONE)[0].chart
    assert (other.limits, other.target) == ((), ""), "another quantity's chart shows none"


def test_targets_are_the_doctors_or_none_at_all() -> None:
    both = blocks(series(point(0), systolic=135, diastolic=85), frozenset(), "en", ZONE)[0].chart
    assert (both.band, both.limits) == ((85, 135), (85, 135))
    assert both.target == "Target: below 135 / 85"
    one = blocks(series(point(0), systolic=140), frozenset(), "zh", ZONE)[0].chart
    assert (one.band, one.limits, one.target) == (None, (140,), "目标：低于140")
    none = blocks(series(point(0)), frozenset(), "en", ZONE)[0].chart
    assert (none.band, none.limits, none.target) == (None, (), "")


def test_glucose_has_a_chart_of_its_own_and_a_reading_without_a_number_is_left_out() -> None:
    made = blocks(series(point(2), glucose(1, 3.4), glucose(0, None)), frozenset(), "en", ZONE)
    assert [block.chart.unit for block in made] == ["mmHg", "mmol/L"]
    assert [row.value for row in made[1].rows] == ["3.4"]


def test_two_readings_are_drawn_over_a_fortnight() -> None:
    first, last = blocks(series(point(1), point(0)), frozenset(), "en", ZONE)[0].chart.span
    assert last - first == timedelta(days=15).total_seconds()


def test_the_json_can_be_read_back() -> None:
    chart = blocks(series(point(0)), frozenset(), "zh", ZONE)[0].chart
    assert msgspec.json.decode(chart.as_json(), type=Chart) == chart


def test_without_readings_there_is_no_chart() -> None:
    assert blocks(series(), frozenset(), "en", ZONE) == []


def test_lo_is_a_value_at_the_edge_and_never_a_dash() -> None:
    low = point(
        2,
        kind=Vital.GLUCOSE.value,
        systolic=None,
        diastolic=None,
        beyond={"glucose": "below"},
    )
    (block,) = blocks(series(glucose(5, 7.1), low), frozenset({"p2"}), "en", ZONE)
    assert [row.value for row in block.rows] == ["LO", "7.1"]
    assert block.chart.edges == ("", "LO")
    assert block.chart.marked == (1,)
    assert all(curve.values[1] is None for curve in block.chart.curves)


def test_a_pressure_above_the_cuffs_range_says_so() -> None:
    high = point(2, systolic=None, beyond={"systolic": "above"})
    (block,) = blocks(series(high), frozenset(), "en", ZONE)
    assert block.rows[0].value == "HI/90"


@pytest.mark.parametrize(
    ("kind", "changes", "said", "label", "unit"),
    [
        (Vital.SPO2, {"number": 94.0}, "94", "血氧饱和度", "%"),
        (Vital.PULSE, {"pulse": 72.0}, "72", "脉搏", "次/分"),
        (Vital.TEMPERATURE, {"number": 36.64}, "36.6", "体温", "°C"),
        (Vital.WEIGHT, {"number": 61.4}, "61.4", "体重", "kg"),
        (Vital.GLUCOSE_CGM, {"glucose": 5.4}, "5.4", "血糖", "mmol/L"),
    ],
)
def test_every_kind_has_a_chart_and_a_table_in_its_own_unit(
    kind: Vital, changes: dict[str, object], said: str, label: str, unit: str
) -> None:
    (block,) = blocks(series(single(1, kind, **changes)), frozenset(), "zh", ZONE)
    assert [row.value for row in block.rows] == [said]
    assert (block.chart.label, block.chart.unit) == (label, unit)
    drawn = [value for curve in block.chart.curves for value in curve.values if value is not None]
    assert drawn == list(changes.values())


def test_kinds_do_not_share_a_chart_and_one_without_a_number_has_none() -> None:
    made = blocks(
        series(
            point(5),
            single(4, Vital.WEIGHT, number=61.4),
            single(3, Vital.SPO2, number=94.0),
            single(2, Vital.TEMPERATURE),
            single(1, Vital.SYMPTOM),
        ),
        frozenset(),
        "en",
        ZONE,
    )
    assert [block.chart.label for block in made] == [
        "Blood pressure",
        "Oxygen saturation",
        "Weight",
    ]


def test_only_blood_pressure_speaks_of_systolic_and_only_pulses_get_a_column() -> None:
    made = blocks(
        series(
            point(5),
            glucose(4, 7.1),
            single(3, Vital.SPO2, number=94.0, pulse=71.0),
            single(2, Vital.PULSE, pulse=72.0),
            single(1, Vital.WEIGHT, number=61.4),
        ),
        frozenset(),
        "en",
        ZONE,
    )
    systolic = "Filled: systolic, hollow: diastolic."
    assert [block.caption for block in made] == [systolic, "", "", "", ""]
    # `glucose` here keeps a pulse, as an odd device may send it
    assert [block.pulses for block in made] == [True, True, True, False, False]


def test_an_oximeters_hi_stands_at_the_edge() -> None:
    high = single(1, Vital.SPO2, beyond={"spo2": "above"})
    (block,) = blocks(series(high), frozenset(), "en", ZONE)
    assert block.rows[0].value == "HI"
    assert block.chart.edges == ("HI",)
