"""Other institutions' counts, read and checked line by line."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.surveillance.indicators import SourceKind
from service.surveillance.report_check import Sender, check_report
from service.surveillance.reports import ReportError, ReportForm, ReportLine, read_report

TODAY = date(2026, 9, 1)
AREAS = {"c": "county", "t1": "township", "t2": "township", "v": "village"}
CLINIC = Sender(kind=SourceKind.CLINIC, areas=AREAS)


def line(number: int = 1, **changed: str) -> ReportLine:
    fields = {"area": "t1", "indicator": "influenza_like", "day": "2026-08-31", "value": "12"}
    return ReportLine(line=number, **{**fields, **changed})


def test_csv_and_json_say_the_same() -> None:
    text = "\ufeffarea,indicator,day,value,base\nt1,influenza_like,2026-08-31,12,310\n"
    rows = {"area": "t1", "indicator": "influenza_like", "day": "2026-08-31", "value": 12}
    from_csv = read_report(ReportForm.CSV, text.encode())
    from_json = read_report(
        ReportForm.JSON, json.dumps({"counts": [{**rows, "base": 310}]}).encode()
    )
    (csv_cell,) = check_report(from_csv, CLINIC, TODAY).cells
    (json_cell,) = check_report(from_json, CLINIC, TODAY).cells
    assert csv_cell == json_cell
    assert (csv_cell.value, csv_cell.base, csv_cell.day) == (12.0, 310, date(2026, 8, 31))


def report(**changed: object) -> dict[str, object]:
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": "https://example.org/Measure/influenza_like|1.0",
        "subject": {"reference": "Location/t1"},
        "period": {"start": "2026-08-31", "end": "2026-08-31"},
        "group": [
            {
                "population": [
                    {"code": {"coding": [{"code": "numerator"}]}, "count": 12},
                    {"code": {"coding": [{"code": "denominator"}]}, "count": 310},
                ]
            }
        ],
        **changed,
    }


def test_a_fhir_measure_report_says_it_too() -> None:
    (cell,) = check_report(
        read_report(ReportForm.FHIR, json.dumps(report()).encode()), CLINIC, TODAY
    ).cells
    assert (cell.area, cell.indicator, cell.value, cell.base) == ("t1", "influenza_like", 12.0, 310)


def faults_of(**changed: object) -> list[tuple[str, str]]:
    lines = read_report(ReportForm.FHIR, json.dumps(report(**changed)).encode())
    checked = check_report(lines, CLINIC, TODAY)
    assert checked.cells == ()
    return [(fault.field, fault.reason) for fault in checked.faults]


def population(code: str, count: int | None) -> dict[str, object]:
    return {"code": {"coding": [{"code": code}]}, "count": count}


NO_COUNTS: list[tuple[dict[str, object], str]] = [
    ({"group": [{}]}, "value"),
    ({"group": [{"population": [population("denominator", 310)]}]}, "value"),
    ({"group": [{"population": [population("numerator", None)]}]}, "value"),
    ({"group": [{"population": [population("numerator", -3)]}]}, "value"),
    (
        {"group": [{"population": [population("numerator", n) for n in (3, 12)]}]},
        "value",  # of two numbers neither
    ),
    ({"period": {"start": "2026-08-30T16:00:00Z", "end": "2026-08-31"}}, "day"),
    ({"period": {"start": "2026-08-30T16:00:00Z"}}, "day"),
    ({"period": {"start": "2026-08-31", "end": "2026-09-01"}}, "period.end"),
    ({"period": {"start": "2026-08"}}, "day"),
    ({"period": {"start": "2026-09-02"}}, "day"),
    ({"subject": {"reference": "Patient/t1"}}, "area"),
    ({"subject": {"reference": "https://fhir.example/Patient/t1"}}, "area"),
    ({"subject": {}}, "area"),
]


@pytest.mark.parametrize(("changed", "field"), NO_COUNTS)
def test_a_measure_report_that_says_no_count_of_a_place_and_day_is_refused(
    changed: dict[str, object], field: str
) -> None:
    assert [one for one, _ in faults_of(**changed)] == [field]


def test_no_reason_repeats_what_was_sent_where_a_name_may_stand() -> None:
    name = "Wang Xiuying 13800000000"
    for changed in (
        {"area": name},
        {"indicator": name},
        {"day": name},
        {"value": name},
        {"base": name},
        {"end": name},
    ):
        (fault,) = check_report([line(1, **changed)], CLINIC, TODAY).faults
        assert not any(part in fault.reason for part in name.split())
    told = faults_of(subject={"reference": f"Patient/{name}"})
    assert not any(part in reason for _, reason in told for part in name.split())


def test_a_place_by_its_whole_address_and_a_midnight_are_taken_and_strata_are_not_read() -> None:
    aged = {"value": {"text": "65+"}, "population": [population("numerator", 3)]}
    group = {
        "population": [population("numerator", 12), population("numerator", 12)],
        "stratifier": [{"stratum": [aged]}],
    }
    sent = report(
        subject={"reference": "https://fhir.example/Location/t1"},
        period={"start": "2026-08-31T00:00:00+08:00", "end": "2026-08-31T23:59:59+08:00"},
        group=[group],
    )
    lines = read_report(ReportForm.FHIR, json.dumps(sent).encode())
    (cell,) = check_report(lines, CLINIC, TODAY).cells
    assert (cell.area, cell.day, cell.value) == ("t1", date(2026, 8, 31), 12.0)
    again = [*lines, *lines]
    assert [one.field for one in check_report(again, CLINIC, TODAY).faults] == ["day"]


def test_a_bundle_holds_several_and_a_group_names_its_own_indicator() -> None:
    visits = {
        "code": {"coding": [{"system": "x", "code": "visits"}]},
        "population": [{"code": {"coding": [{"code": "initial-population"}]}, "count": 310}],
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": report()},
            {"resource": report(group=[visits], subject={"reference": "Location/t2"})},
        ],
    }
    lines = read_report(ReportForm.FHIR, json.dumps(bundle).encode())
    cells = check_report(lines, CLINIC, TODAY).cells
    assert [(c.area, c.indicator, c.value) for c in cells] == [
        ("t1", "influenza_like", 12.0),
        ("t2", "visits", 310.0),
    ]


@pytest.mark.parametrize(
    "changed",
    [{"type": "individual"}, {"status": "pending"}, {"resourceType": "Observation"}, {"period": 3}],
)
def test_another_fhir_resource_is_refused_whole(changed: dict[str, object]) -> None:
    with pytest.raises(ReportError):
        read_report(ReportForm.FHIR, json.dumps(report(**changed)).encode())


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"indicator": "antipyretic"}, "indicator"),
        ({"indicator": "systolic_160"}, "indicator"),
        ({"area": "t9"}, "area"),
        ({"area": "v"}, "area"),
        ({"day": "2026-09-02"}, "day"),
        ({"day": "2025-07-01"}, "day"),
        ({"day": "31.8.2026"}, "day"),
        ({"value": "-1"}, "value"),
        ({"value": "2.5"}, "value"),
        ({"value": "many"}, "value"),
        ({"value": "nan"}, "value"),
        ({"value": "1e99"}, "value"),
        ({"base": "11"}, "base"),
        ({"base": "x"}, "base"),
        ({"end": "2026-09-01"}, "period.end"),
    ],
)
def test_a_wrong_line_is_refused_by_its_field_and_the_others_are_taken(
    changed: dict[str, str], field: str
) -> None:
    checked = check_report([line(1, **changed), line(2, area="t2")], CLINIC, TODAY)
    assert [(fault.line, fault.field) for fault in checked.faults] == [(1, field)]
    assert [cell.area for cell in checked.cells] == ["t2"]


def test_the_same_period_twice_is_refused_the_second_time() -> None:
    checked = check_report([line(1), line(2, value="13")], CLINIC, TODAY)
    assert [fault.line for fault in checked.faults] == [2]
    assert [cell.value for cell in checked.cells] == [12.0]


def test_a_weekly_number_begins_on_monday() -> None:
    pharmacy = Sender(kind=SourceKind.PHARMACY, areas=AREAS)
    monday = line(1, indicator="drug_gap", day="2026-08-31", base="80")
    tuesday = line(2, indicator="drug_gap", day="2026-09-01")
    checked = check_report([monday, tuesday], pharmacy, TODAY)
    assert [cell.day for cell in checked.cells] == [date(2026, 8, 31)]
    assert [fault.line for fault in checked.faults] == [2]


def test_weather_may_be_below_zero() -> None:
    weather = Sender(kind=SourceKind.WEATHER, areas=AREAS)
    frost = line(indicator="temperature_lowest", value="-12.5")
    assert check_report([frost], weather, TODAY).cells[0].value == -12.5
    hot = line(indicator="temperature_lowest", value="99")
    assert check_report([hot], weather, TODAY).cells == ()


@given(st.binary(max_size=300), st.sampled_from(ReportForm))
def test_noise_is_read_or_refused_and_nothing_else(body: bytes, form: ReportForm) -> None:
    try:
        lines = read_report(form, body)
    except ReportError:
        return
    check_report(lines, CLINIC, TODAY)


texts = st.text(max_size=12)


@given(st.builds(ReportLine, line=st.just(1), area=texts, indicator=texts, day=texts, value=texts))
def test_noise_in_a_line_is_a_fault(noise: ReportLine) -> None:
    checked = check_report([noise], CLINIC, TODAY)
    assert len(checked.faults) == 1
