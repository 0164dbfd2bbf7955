"""Who a file says that people are: lists, faults, and a pregnancy that begins and ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from gateway.detect import Rulebook
from gateway.packs import load_first_pack
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.vocabulary import Profile, SubjectRef, Ternary
from service.backtest.known_people import KnownPeople, changes_of, read_people
from service.backtest.record_error import RecordError
from service.backtest.recorded import read_readings
from service.cli import main

pytestmark = pytest.mark.row("R12")

ZONE = ZoneInfo("Asia/Shanghai")
READINGS = "subject,effective_at,code,value,unit\n"


def people_of(folder: Path, text: str) -> KnownPeople:
    path = folder / "people.csv"
    path.write_text(text, "utf-8")
    return read_people(path)


def profile_of(folder: Path, text: str) -> tuple[Profile, list[str]]:
    found = people_of(folder, text)
    ((_, someone),) = found.people.items()
    return someone.profile, [why for _, why in found.faults]


@pytest.mark.parametrize(
    ("cell", "drugs"),
    [
        *(("insulin", {"insulin"}), ("Insulin", {"insulin"}), (" INSULIN ", {"insulin"})),
        *(("insulin;metformin", {"insulin", "metformin"}), ("insulin; ARB;", {"insulin", "arb"})),
        *(('"insulin, metformin"', {"insulin", "metformin"}), ("insulin；arb", {"insulin", "arb"})),
        *(("-", set[str]()), (" - ", set[str]()), ("", None), (" ", None), (";", None)),
    ],
)
def test_a_list_is_read_as_people_write_it(
    tmp_path: Path, cell: str, drugs: set[str] | None
) -> None:
    profile, faults = profile_of(tmp_path, f"subject,drug_classes\np-1,{cell}\n")
    assert profile.drug_classes == drugs
    assert faults == []


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("SU", "drug_classes: no word we know: 'su'; the list is taken as not known"),
        ("insulin glargine;arb", "no word we know: 'insulin glargine'"),
        ("insulin;aspirin;none", "no word we know: 'aspirin', 'none'"),
        ("-;insulin", "no word we know: '-'"),
    ],
)
def test_a_list_with_an_unknown_word_is_told_and_not_known(
    tmp_path: Path, cell: str, told: str
) -> None:
    profile, (fault,) = profile_of(tmp_path, f"subject,drug_classes\np-1,{cell}\n")
    assert profile.drug_classes is None
    assert told in fault


def test_diagnoses_are_read_like_drugs_and_a_missing_column_is_not_known(tmp_path: Path) -> None:
    text = "subject,diagnoses\np-1,Stroke\np-2,-\np-3,\np-4,gout\n"
    found = people_of(tmp_path, text)
    known = {subject: one.profile.conditions for subject, one in found.people.items()}
    assert known == {"p-1": {"stroke"}, "p-2": set(), "p-3": None, "p-4": None}
    assert found.faults == [
        (5, "diagnoses: no word we know: 'gout'; the list is taken as not known")
    ]
    assert {one.profile.drug_classes for one in found.people.values()} == {None}


def test_of_two_lines_about_one_person_the_last_counts_and_that_is_told(tmp_path: Path) -> None:
    found = people_of(tmp_path, "subject,birth_year\np-1,2015\np-2,1950\np-1,1950\n")
    assert found.people[SubjectRef("p-1")].profile.birth_year == 1950
    told = "subject: 'p-1' stands in an earlier line too; this one counts"
    assert found.faults == [(4, told)]


def test_the_command_tells_the_faults_of_its_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One low glucose is an urgent case of whoever may take insulin."""
    readings, people, out = (tmp_path / name for name in ("r.csv", "p.csv", "o.json"))
    readings.write_text(f"{READINGS}p-1,2026-01-05T08:00:00+08:00,2339-0,2.8,mmol/L\n", "utf-8")
    rung: dict[str, dict[str, int]] = {}
    for cell in ("insulin", "", "SU", "-"):
        people.write_text(f"subject,birth_year,drug_classes\np-1,1950,{cell}\n", "utf-8")
        words = ["--readings", str(readings), "--people", str(people), "--json", str(out)]
        assert main(["rules", "backtest", *words]) == 0
        told = json.loads(out.read_text("utf-8"))
        rung[cell] = told["by_rule"]
        assert told["people_faults"] == (cell == "SU")
        assert ("p.csv:2: drug_classes: no word" in capsys.readouterr().err) is (cell == "SU")
    assert rung["insulin"] == rung[""] == rung["SU"] != rung["-"]


@pytest.mark.parametrize("word", ["no", "-", "unknown", "2026-02-30", "yes", "0001-01-01"])
def test_a_due_that_is_no_date_is_refused_with_its_line(tmp_path: Path, word: str) -> None:
    with pytest.raises(RecordError, match=rf"people\.csv:2: due: '{word}' is no date"):
        people_of(tmp_path, f"subject,due\np-1,{word}\n")


def test_a_pregnancy_lasts_from_280_days_before_a_birth_until_42_after(tmp_path: Path) -> None:
    found = people_of(tmp_path, "subject,sex,due\np-1,female,2026-10-08\np-2,female,\n")
    changes = changes_of(found.people, ZONE)
    assert list(changes) == ["p-1"]
    begin, end = changes[SubjectRef("p-1")]
    assert begin.at == datetime(2026, 1, 1, tzinfo=ZONE)  # 9 months and 7 days before
    assert end.at == datetime(2026, 11, 20, tzinfo=ZONE)  # 19 November is day 42
    at_first = found.people[SubjectRef("p-1")].profile.pregnant
    assert (at_first, begin.profile.pregnant, end.profile.pregnant) == (
        Ternary.UNKNOWN,
        Ternary.YES,
        Ternary.UNKNOWN,
    )


async def lived(
    folder: Path, rows: list[tuple[datetime, int]], due: str, *, screened: bool
) -> Rehearsed:
    """One woman's systolic pressures, all of 78 diastolic."""
    path = folder / "readings.csv"
    lines = [
        f"p-1,{at.isoformat()},{code},{number},mm[Hg]"
        for at, systolic in rows
        for code, number in (("8480-6", systolic), ("8462-4", 78))
    ]
    path.write_text("\n".join([READINGS.strip(), *lines]), "utf-8")
    people = people_of(folder, f"subject,sex,birth_year,due\np-1,female,1996,{due}\n").people
    rules = Rulebook(pack=load_first_pack(), zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(hours=24), screened=screened)
    profiles = {subject: one.profile for subject, one in people.items()}
    tape = read_readings(path, ZONE).tape
    return await rehearsal.play(tape, profiles, lambda _: None, changes_of(people, ZONE))


@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize(
    ("due", "rings"),
    [
        ("2026-10-12", True),  # 280 days after 5 January
        ("2026-10-13", False),
        ("2025-11-24", True),  # 42 days before 5 January
        ("2025-11-23", False),
        *(("2026-03-01", True), ("2030-01-01", False), ("2020-01-01", False), ("", False)),
    ],
)
async def test_only_a_reading_within_the_pregnancy_is_of_a_pregnant_woman(
    tmp_path: Path, due: str, *, rings: bool, screened: bool
) -> None:
    at = datetime(2026, 1, 5, 8, tzinfo=ZONE)
    found = await lived(
        tmp_path, [(at, 165), (at + timedelta(minutes=5), 165)], due, screened=screened
    )
    assert ("HW-03" in {alert.rule_id for alert in found.alerts}) is rings


@pytest.mark.parametrize("screened", [True, False])
async def test_of_a_long_recording_only_the_pregnancy_is_one(
    tmp_path: Path, *, screened: bool
) -> None:
    """Crises before, in the pregnancy, in childbed and after it; calm days between."""
    due = datetime(2025, 12, 1, 8, tzinfo=ZONE)
    calm = [(due + timedelta(days=day), 118) for day in [*range(-296, -270), *range(30, 60)]]
    crises = [due + timedelta(days=day, hours=4) for day in (-290, -281, -280, -90, 41, 42, 43)]
    rows = calm + [(at + timedelta(minutes=m), 166) for at in crises for m in (0, 5)]
    found = await lived(tmp_path, rows, "2025-12-01", screened=screened)
    days = {(a.raised_at - due).days for a in found.alerts if a.rule_id.startswith("HW-03")}
    assert days == {-280, -90, 41, 42}
    assert screened is (found.exact < found.readings / 2)


@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize(("minute", "rings"), [(40, True), (50, False)])
async def test_a_wait_is_judged_by_who_somebody_is_when_it_is_over(
    tmp_path: Path, minute: int, *, rings: bool, screened: bool
) -> None:
    """One reading late on day 42, unconfirmed after 15 minutes; the day ends at 24:00."""
    at = datetime(2026, 1, 5, 23, minute, tzinfo=ZONE)
    rows = [(at, 165), (at + timedelta(days=2), 118)]
    found = await lived(tmp_path, rows, "2025-11-24", screened=screened)
    assert ("HW-03" in {alert.rule_id for alert in found.alerts}) is rings


@pytest.mark.parametrize("seed", range(4))
async def test_with_changes_the_screen_refuses_nothing_that_the_rules_fire(
    tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - seeded readings, not a secret
    start = datetime(2026, 1, 5, tzinfo=UTC)
    usual = chance.choice([128, 140, 152])
    rows = [
        (start + timedelta(minutes=chance.randrange(40 * 1440)), round(chance.gauss(usual, 9)))
        for _ in range(80)
    ]
    due = (start + timedelta(days=chance.choice([-30, 260, 300]))).date().isoformat()
    one, other = [await lived(tmp_path, rows, due, screened=on) for on in (True, False)]
    assert one.alerts == other.alerts
    assert one.exact < other.exact
