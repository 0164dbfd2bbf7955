"""The worked cases of every pack hold, there are enough of them, and a wrong one is noticed."""

import pytest

from rules.cases import CaseFormat, CasesError, differences, live_through, load_cases, offset
from tests.unit.rules.readings import PACKS, first_pack

CASES_TEXT = (PACKS / "first.cases.yaml").read_text(encoding="utf-8")
CASES = load_cases(CASES_TEXT, name="first.cases.yaml")


@pytest.mark.row("R3")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_worked_case(case: CaseFormat) -> None:
    assert differences(case, live_through(first_pack(), case)) == ()


@pytest.mark.parametrize(
    ("good", "wrong", "complaint"),
    [
        ("{at: 5m, bp: [182, 94]}", "{at: 5m, bp: [179, 94]}", "missing HW-02 confirmed"),
        ("{at: 5m, bp: [179, 109]}", "{at: 5m, bp: [220, 109]}", "unexpected HW-02 immediate"),
        ("at: 0m, rang: 15m}", "at: 0m, rang: 14m}", "unexpected HW-02 unconfirmed"),
        ("stage: confirmed, at: 1m", "stage: immediate, at: 1m", "missing HW-02 immediate"),
    ],
)
def test_a_case_that_does_not_hold_is_told(good: str, wrong: str, complaint: str) -> None:
    assert good in CASES_TEXT
    changed = load_cases(CASES_TEXT.replace(good, wrong, 1), name="changed")
    (case,) = (case for case, before in zip(changed, CASES, strict=True) if case != before)
    faults = differences(case, live_through(first_pack(), case))
    assert any(complaint in fault for fault in faults)


@pytest.mark.parametrize("text", ["5", "1d8h", "-", "", "m", "1w", "0h"])
def test_an_offset_is_written_one_way(text: str) -> None:
    with pytest.raises(CasesError):
        offset(text)


def test_a_glucose_without_unit_is_refused() -> None:
    text = CASES_TEXT.replace("glucose: 2.9, unit: mmol/L", "glucose: 2.9", 1)
    cases = load_cases(text, name="changed")
    case = next(c for c, before in zip(cases, CASES, strict=True) if c != before)
    with pytest.raises(CasesError, match="never guessed"):
        live_through(first_pack(), case)


def test_a_file_that_holds_no_cases_is_refused() -> None:
    for text in ("", "pack: first", "pack: [", "pack: first\ncases: [{name: x}]"):
        with pytest.raises(CasesError, match=r"mine\.yaml"):
            load_cases(text, name="mine.yaml")
