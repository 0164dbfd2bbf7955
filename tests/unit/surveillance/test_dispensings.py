"""Drugs handed to persons: what is read of each form, what is refused, and how long they last."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.words import OTHER, WORDS, Parameter
from service.surveillance.dispensings import (
    CLASSES,
    DispensingLine,
    check_dispensings,
    read_dispensings,
)
from service.surveillance.reports import ReportError, ReportForm
from service.surveillance.supply import BEFORE, GRACE, SPAN, Supply, covers

TODAY = date(2026, 9, 1)
DAY = "2026-08-20"


def test_the_three_forms_say_the_same() -> None:
    text = f"person,drug,day,days,number\ns-1,C09AA02,{DAY},30,R1\n"
    told = {
        "dispensings": [
            {"person": "s-1", "drug": "C09AA02", "day": DAY, "days": 30, "number": "R1"}
        ]
    }
    resource = {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "identifier": [{"value": "R1"}],
        "subject": {"reference": "Patient/s-1"},
        "medicationCodeableConcept": {
            "coding": [
                {"system": "urn:local", "code": "4711"},
                {"system": "http://www.whocc.no/atc", "code": "C09AA02"},
            ]
        },
        "whenHandedOver": f"{DAY}T10:00:00+08:00",
        "daysSupply": {"value": 30},
    }
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource}]}
    for form, body in (
        (ReportForm.CSV, text.encode()),
        (ReportForm.JSON, msgspec.json.encode(told)),
        (ReportForm.FHIR, msgspec.json.encode(resource)),
        (ReportForm.FHIR, msgspec.json.encode(bundle)),
    ):
        good, faults = check_dispensings(read_dispensings(form, body), TODAY)
        assert faults == []
        assert [(o.person, o.atc, o.day, o.days, o.number) for o in good] == [
            ("s-1", "C09AA02", date(2026, 8, 20), 30, "R1")
        ]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (ReportForm.CSV, b"person,drug,day\n"),
        (ReportForm.JSON, b'{"dispensings": [{"person": "s-1"}]}'),
        (ReportForm.FHIR, b'{"resourceType": "MedicationDispense", "status": "cancelled"}'),
        (ReportForm.FHIR, b'{"resourceType": "Patient"}'),
    ],
)
def test_what_is_not_of_its_form_is_refused_whole(form: ReportForm, body: bytes) -> None:
    with pytest.raises(ReportError):
        read_dispensings(form, body)


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("person", {"person": ""}),
        ("person", {"person": "x" * 121}),
        ("drug", {"drug": "aspirin"}),
        ("drug", {"drug": ""}),
        ("day", {"day": "yesterday"}),
        ("day", {"day": "2026-09-02"}),
        ("day", {"day": "2025-01-01"}),
        ("days", {"days": "0"}),
        ("days", {"days": "12.5"}),
        ("days", {"days": "367"}),
        ("days", {"days": ""}),
    ],
)
def test_a_line_is_refused_by_its_field_and_the_reason_names_nobody(
    field: str, line: dict[str, str]
) -> None:
    whole = {"person": "s-secret", "drug": "insulin", "day": DAY, "days": "30", **line}
    good, faults = check_dispensings([DispensingLine(line=7, **whole)], TODAY)
    assert good == []
    assert [(one.line, one.field) for one in faults] == [(7, field)]
    assert "s-secret" not in faults[0].reason


def test_the_same_number_or_person_drug_and_day_stands_once() -> None:
    plain = DispensingLine(line=1, person="s-1", drug="arb", day=DAY, days="30")
    numbered = DispensingLine(line=3, person="s-1", drug="arb", day=DAY, days="30", number="R1")
    lines = [
        plain,
        DispensingLine(line=2, person="s-1", drug="C09C", day=DAY, days="14"),
        numbered,
        DispensingLine(line=4, person="s-2", drug="arb", day=DAY, days="30", number="R1"),
    ]
    good, faults = check_dispensings(lines, TODAY)
    assert [one.line for one in good] == [1, 3]
    assert [(one.line, one.field) for one in faults] == [(2, "number"), (4, "number")]


def test_every_drug_class_of_the_packs_has_a_code() -> None:
    assert set(CLASSES) == WORDS[Parameter.DRUG] - {OTHER}


def supply(days_ago: int, days: int, atc: str = "C09AA02") -> Supply:
    return Supply(atc=atc, day=TODAY - timedelta(days=days_ago), days=days)


@pytest.mark.parametrize(
    ("supplies", "covered", "of", "gap"),
    [
        # fetched 60 days ago for 30: half of it
        ([supply(60, 30)], 30, 60, 30),
        # the second was fetched ten days early and begins when the first ends
        ([supply(60, 30), supply(40, 30)], 60, 60, 0),
        # another drug of the group begins on its own day: the days together count once
        ([supply(60, 30), supply(40, 30, "C08CA01")], 50, 60, 10),
        # twice the same on one day lasts twice as long
        ([supply(60, 30), supply(60, 30)], 60, 60, 0),
        # the ninety days before today only
        ([supply(150, 120)], 60, 90, 30),
        ([supply(3, 90)], 3, 3, 0),
    ],
)
def test_days_covered_worked_out_by_hand(
    supplies: list[Supply], covered: int, of: int, gap: int
) -> None:
    (found,) = covers(supplies, TODAY)
    assert (found.group, found.covered, found.days) == ("hypertension", covered, of)
    assert found.gap(TODAY) == timedelta(days=gap)
    assert found.is_gap(TODAY) == (timedelta(days=gap) > GRACE)


def test_groups_stand_apart_and_old_or_other_drugs_are_none() -> None:
    found = covers([supply(10, 30), supply(10, 30, "A10BA02"), supply(5, 9, "B01AA03")], TODAY)
    assert [one.group for one in found] == ["hypertension", "diabetes"]
    assert covers([supply(BEFORE.days + 1, 30), supply(-1, 30)], TODAY) == []


@given(
    st.lists(
        st.builds(
            supply,
            st.integers(1, BEFORE.days),
            st.integers(1, 120),
            st.sampled_from(["C09AA02", "C08CA01"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_covered_days_are_never_more_than_there_were(supplies: list[Supply]) -> None:
    (found,) = covers(supplies, TODAY)
    assert 0 <= found.covered <= found.days <= SPAN.days
    one_more = covers([*supplies, supply(1, 30)], TODAY)[0]
    assert one_more.covered >= found.covered
    assert not one_more.is_gap(TODAY)
