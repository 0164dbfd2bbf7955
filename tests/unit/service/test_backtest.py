"""A backtest: recorded numbers in any order, the core's own judgement, figures beside baselines."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gateway.detect import Rulebook
from gateway.local_days import LocalDays
from gateway.packs import load_first_pack
from gateway.playback import Playback, played_back
from gateway.rehearsal import Rehearsal, Rehearsed
from rules.vocabulary import Bound, QuantityName, SubjectRef, Vital
from rules.window import Point
from service.backtest.baselines import accuracies, read_events
from service.backtest.figures import difference, figures, measured
from service.backtest.known_people import Doctor, read_people
from service.backtest.record_error import RecordError
from service.backtest.recorded import read_readings
from service.cli import main
from tests.unit.rules.test_pack_set import EXTRA

START = datetime(2026, 1, 5, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
HEADER = "subject,effective_at,code,value,unit,device,flags"
Row = tuple[str, datetime, str, str, str]


def cuff(who: str, at: datetime, systolic: int, diastolic: int) -> list[Row]:
    return [
        (who, at, "8480-6", str(systolic), "mm[Hg]"),
        (who, at, "8462-4", str(diastolic), "mm[Hg]"),
    ]


def written(path: Path, rows: list[Row], *more: str) -> Path:
    lines = [
        f"{who},{at.isoformat()},{code},{value},{unit},cuff-{who},"
        for who, at, code, value, unit in rows
    ]
    path.write_text("\n".join([HEADER, *lines, *more]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def a_month(tmp_path: Path) -> Path:
    """Two calm people, one with a crisis on day 20; lines in no order."""
    chance = Random(4)  # noqa: S311 - a seeded month, not a secret
    rows: list[Row] = []
    for day in range(30):
        for half in (0, 12):
            at = START + timedelta(days=day, hours=half)
            for who in ("p-1", "p-2", "p-3"):
                rows += cuff(who, at, chance.randint(118, 132), chance.randint(70, 84))
    crisis = START + timedelta(days=20, hours=5)
    rows += cuff("p-3", crisis, 192, 112) + cuff("p-3", crisis + timedelta(minutes=6), 188, 110)
    chance.shuffle(rows)
    return written(tmp_path / "readings.csv", rows)


async def rehearsed(tape: Playback, *, screened: bool = True) -> Rehearsed:
    rules = Rulebook(pack=load_first_pack(), zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(hours=24), screened=screened)
    return await rehearsal.play(tape, {}, lambda _: None)


def points_of(tape: Playback) -> dict[SubjectRef, list[Point]]:
    return {subject: tape.of(number) for number, subject in enumerate(tape.subjects)}


def odd_lines(chance: Random) -> list[str]:
    """Lines of a few people at a few instants, whatever they may carry."""
    codes = ("8480-6", "8462-4", "8867-4", "14743-9", "14749-6", "59408-5", "29463-7", "99")
    flags = ("", "", "", "movement", "LO", "HI;manual", "manual", "arrival_time", "clock_unset")
    units = {"14743-9": "mg/dL", "14749-6": "mmol/L", "59408-5": "%", "29463-7": "kg"}
    lines: list[str] = []
    for _ in range(chance.randrange(80)):
        code = chance.choice(codes)
        at = START + timedelta(hours=chance.randrange(200))
        received = (at + timedelta(minutes=chance.randrange(300))).isoformat()
        value = chance.choice([f"{chance.randrange(40, 260)}", f"{chance.uniform(2, 260):.1f}"])
        cells = (
            chance.choice("abc"),
            at.astimezone(chance.choice([UTC, ZONE])).isoformat(),
            code,
            value if chance.random() > 0.02 else "many",
            units.get(code, "mm[Hg]" if code.startswith("84") else "/min"),
            chance.choice(["", received]),
            chance.choice(["cuff", ""]),
            chance.choice(["", "fasting", "postprandial"]),
            chance.choice(flags) if chance.random() > 0.02 else "odd",
        )
        lines.append(",".join(cells if chance.random() > 0.02 else cells[:4]))
    return lines


@pytest.mark.row("R12")
@pytest.mark.parametrize("seed", range(60))
def test_columns_from_a_file_are_those_of_its_measurements(tmp_path: Path, seed: int) -> None:
    lines = odd_lines(Random(seed))  # noqa: S311 - seeded lines, not a secret
    path = tmp_path / "r.csv"
    header = "subject,effective_at,code,value,unit,received_at,device,context,flags"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    found = read_readings(path, ZONE)
    people = points_of(found.tape)
    again = played_back(people, LocalDays(ZONE))
    assert again.begins.tolist() == found.tape.begins.tolist()
    assert [again.point(place) for place in range(again.received.size)] == [
        found.tape.point(place) for place in range(again.received.size)
    ]
    assert again.received.tolist() == found.tape.received.tolist()
    assert again.plain.tolist() == found.tape.plain.tolist()
    one, other = found.tape.readings, again.readings
    assert one.at.tolist() == other.at.tolist()
    plain = np.flatnonzero(again.plain)
    assert one.what[plain].tolist() == other.what[plain].tolist()
    assert one.codes[plain].tolist() == other.codes[plain].tolist()
    for name, column in one.values.items():
        beside = other.values.get(name, np.full(column.size, np.nan))
        assert np.array_equal(column, beside, equal_nan=True), name
    told = sum(len(point.values) for own in people.values() for point in own)
    assert told + len(found.refused) <= len(lines)
    assert bool(lines) >= bool(told)


@pytest.mark.row("R12")
async def test_the_alerts_are_those_of_the_exact_stage_alone(a_month: Path) -> None:
    tape = read_readings(a_month, ZONE).tape
    screened, exact = await rehearsed(tape), await rehearsed(tape, screened=False)
    assert screened.alerts == exact.alerts
    assert {(a.subject, a.rule_id, a.stage.value) for a in screened.alerts} == {
        ("p-3", "HW-02", "confirmed")
    }
    assert exact.exact == exact.readings == 182
    assert screened.exact < exact.exact / 2


@pytest.mark.row("R12")
async def test_the_figures_count_people_months_doctors_and_repetitions(a_month: Path) -> None:
    tape = read_readings(a_month, ZONE).tape
    found = await rehearsed(tape)
    doctors = {SubjectRef("p-3"): Doctor("dr-1"), SubjectRef("p-1"): Doctor("dr-2")}
    told = figures(measured(tape, ZONE), found.alerts, doctors, ZONE)
    assert (told.people, told.readings, told.reached, told.duplicates) == (3, 182, 1, 0)
    assert told.patient_months == pytest.approx(3 * 30 / 30.4375, abs=0.01)
    assert told.alerts == {"emergency": 0, "urgent": 1, "soon": 0, "routine": 0}
    assert told.by_rule == {"HW-02": 1}
    assert told.per_patient_month["urgent"] == pytest.approx(1 / told.patient_months, abs=1e-3)
    days = 31  # the first reading is at 08:00 in the county, the last at 20:00 of day 30
    assert told.per_doctor_day["mean"] == pytest.approx(1 / (2 * days), rel=0.05)
    assert difference(found.alerts, ()).removed == {"HW-02": 1}
    assert difference((), found.alerts).added == {"HW-02": 1}


async def test_of_nobody_there_is_nothing_to_tell(tmp_path: Path) -> None:
    tape = read_readings(written(tmp_path / "r.csv", []), ZONE).tape
    told = figures(measured(tape, ZONE), (await rehearsed(tape)).alerts, {}, ZONE)
    assert (told.people, told.readings, told.patient_months) == (0, 0, 0.0)


@pytest.mark.row("R12")
async def test_accuracy_stands_beside_two_baselines_of_the_same_number(
    a_month: Path, tmp_path: Path
) -> None:
    tape = read_readings(a_month, ZONE).tape
    found = await rehearsed(tape)
    begins = START + timedelta(days=20)
    events = tmp_path / "events.csv"
    events.write_text(
        "subject,begins_at,ends_at,kind\n"
        f"p-3,{begins.isoformat()},{(begins + timedelta(days=1)).isoformat()},crisis\n"
        f"p-1,{begins.isoformat()},,wrong_person\n",
        encoding="utf-8",
    )
    rung = [(alert.subject, alert.raised_at) for alert in found.alerts]
    beside = accuracies(rung, points_of(tape), read_events(events).found, seed=7)
    assert list(beside) == ["rules", "fixed thresholds", "random"]
    assert {one.alerts for one in beside.values()} == {1}
    assert (beside["rules"].sensitivity, beside["rules"].ppv) == (1.0, 1.0)
    assert beside["fixed thresholds"].sensitivity == 1.0
    assert beside["random"].sensitivity in {0.0, 1.0}


def test_numbers_of_one_instant_are_one_measurement_and_bad_lines_are_told(tmp_path: Path) -> None:
    path = written(
        tmp_path / "r.csv",
        cuff("p-1", START, 150, 90),
        f"p-1,{START.isoformat()},14743-9,1.1,mmol/L,meter,LO",
        "p-1,2026-01-05T00:00:00,8480-6,150,mm[Hg],x,",
        f"p-1,{START.isoformat()},0000-0,150,mm[Hg],x,",
        f"p-1,{START.isoformat()},8480-6,high,mm[Hg],x,",
        f"p-1,{START.isoformat()},8480-6,150,furlong,x,",
        f"p-1,{START.isoformat()},8480-6",
    )
    found = read_readings(path, ZONE)
    pressure, glucose = points_of(found.tape)[SubjectRef("p-1")]
    assert (pressure.kind, set(pressure.values)) == (
        Vital.BLOOD_PRESSURE,
        {QuantityName.SYSTOLIC, QuantityName.DIASTOLIC},
    )
    assert glucose.values[QuantityName.GLUCOSE].censored is Bound.BELOW
    reasons = dict(found.refused)
    assert "no code we know" in reasons[6]
    assert reasons[7] == "value: 'high' is no number"
    assert "furlong" in reasons[8]
    assert "3 columns" in reasons[9]
    assert "no time zone" in reasons[5]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", [("p-1", START, "8480-6", "150", "mm[Hg]")])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = read_readings(path, ZONE)
    assert not found.refused
    assert found.tape.subjects == [SubjectRef("p-1")]


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        *(("14743-9", "mmol/L"), ("15074-8", "mmol/L"), ("14749-6", "mmol/L")),
        *(("32016-8", "mg/dL"), ("41653-7", "mg/dL"), ("2339-0", "mg/dL"), ("2345-7", "mg/dL")),
    ],
)
def test_glucose_is_known_by_each_of_its_codes(tmp_path: Path, code: str, unit: str) -> None:
    value = "9" if unit == "mmol/L" else "162"
    path = written(tmp_path / "r.csv", [("p-1", START, code, value, unit)])
    found = read_readings(path, ZONE)
    assert not found.refused
    (point,) = points_of(found.tape)[SubjectRef("p-1")]
    number = point.values[QuantityName.GLUCOSE].value
    assert number is not None
    assert round(number) == 9
    assert (point.kind is Vital.GLUCOSE_PLASMA) is (code in {"14749-6", "2345-7"})


def test_a_doctor_may_stand_beside_the_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest one counts, whatever the order of lines; a list of people stands above it."""
    path, out, people = tmp_path / "r.csv", tmp_path / "f.json", tmp_path / "people.csv"
    lines = [
        f"{who},{doctor},mm[Hg],{value},{code},2026-01-{day:02}T08:00:00+08:00"
        for who, doctor, day in (
            *(("p-1", "dr-2", 3), ("p-1", "dr-1", 1), ("p-1", "", 4)),
            *(("p-2", "dr-3", 2), ("p-3", "", 2)),
        )
        for code, value in (("8480-6", 186), ("8462-4", 112))
    ]
    path.write_text("\n".join(["subject,doctor,unit,value,code,effective_at", *lines]), "utf-8")
    assert read_readings(path, ZONE).doctors == {"p-1": "dr-2", "p-2": "dr-3"}
    assert main(["rules", "backtest", "--readings", str(path), "--json", str(out)]) == 0
    of_two = json.loads(out.read_text("utf-8"))["per_doctor_day"]["mean"]
    assert of_two > 0
    people.write_text("subject,doctor\np-1,dr-3\np-2,\n", encoding="utf-8")
    words = ["--readings", str(path), "--people", str(people), "--json", str(out)]
    assert main(["rules", "backtest", *words]) == 0
    assert json.loads(out.read_text("utf-8"))["per_doctor_day"]["mean"] > of_two, "one doctor now"
    capsys.readouterr()


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("subject,value\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"r\.csv:1: column missing: effective_at"):
        read_readings(path, ZONE)
    people = tmp_path / "p.csv"
    people.write_text("name\nWang\n", encoding="utf-8")
    with pytest.raises(RecordError, match="subject"):
        read_people(people)


def test_a_record_without_a_date_is_kept_aside_with_its_reason_and_the_others_are_used(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        "subject,effective_at,code,value,unit\n"
        "p-1,2026-01-01T08:00:00+08:00,15074-8,7.1,mmol/L\n"
        "p-1,,15074-8,3.0,mmol/L\n",
        encoding="utf-8",
    )
    found = read_readings(path, ZONE)
    assert len(points_of(found.tape)[SubjectRef("p-1")]) == 1
    ((line, why),) = found.refused
    assert line == 3
    assert why == "p-1 : effective_at: empty, a record without a date tells no course"


def test_a_column_of_nothing_but_numbers_is_read_as_it_is_written(tmp_path: Path) -> None:
    """People may be named 7 and 007, and 16.65 rounds to 16.7 as it does in the county."""
    path = tmp_path / "r.csv"
    at, more = START.isoformat(), ",15074-8,16.65,mmol/L,1,1\n"
    path.write_text(
        f"subject,effective_at,code,value,unit,device,doctor\n007,{at}{more}7,{at}{more}",
        encoding="utf-8",
    )
    found = read_readings(path, ZONE)
    assert not found.refused
    assert found.tape.subjects == ["007", "7"]
    assert found.doctors == {"007": "1", "7": "1"}
    for (point,) in points_of(found.tape).values():
        assert point.device == "1"
        assert point.values[QuantityName.GLUCOSE].value == Decimal("16.65")


@pytest.mark.parametrize(
    "at",
    [
        *("0001-01-01T00:00:00+08:00", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z"),
        *("2999-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "1767225600", "now"),
    ],
)
@pytest.mark.parametrize("column", ["effective_at", "received_at"])
def test_an_instant_no_clock_can_have_shown_is_told_and_the_others_are_used(
    tmp_path: Path, at: str, column: str
) -> None:
    path, good = tmp_path / "r.csv", START.isoformat()
    line = f"p-1,{at},15074-8,2.0,mmol/L," if column == "effective_at" else ""
    line = line or f"p-1,{good},15074-8,2.0,mmol/L,{at}"
    early, late = "2000-01-01T00:00:00+14:00", "2099-12-31T23:59:59-12:00"
    path.write_text(
        "subject,effective_at,code,value,unit,received_at\n"
        f"{line}\np-2,{early},15074-8,7,mmol/L,\np-3,{late},15074-8,7,mmol/L,\n",
        encoding="utf-8",
    )
    found = read_readings(path, ZONE)
    assert found.tape.subjects == ["p-2", "p-3"]
    ((number, why),) = found.refused
    assert number == 2
    assert at in why
    alone = path.with_name("alone.csv")
    alone.write_text(f"subject,effective_at,code,value,unit\np-1,{at},15074-8,2.0,mmol/L\n")
    assert len(read_readings(alone, ZONE).refused) == 1


@pytest.mark.parametrize("text", ["1_85", "１８５", "0x41", "NaN", "Infinity", "--1", "", "1 85"])
def test_what_only_python_takes_for_a_number_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.csv"
    lines = [f"p-1,{START.isoformat()},8480-6,{number},mm[Hg]" for number in (text, "+1.85e2")]
    path.write_text("\n".join(["subject,effective_at,code,value,unit", *lines]), "utf-8")
    found = read_readings(path, ZONE)
    assert found.refused == [(2, f"value: {text!r} is no number")]
    (kept,) = points_of(found.tape)[SubjectRef("p-1")]
    assert kept.values[QuantityName.SYSTOLIC].value == 185


def test_a_column_whose_name_is_mistyped_is_told_and_another_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    line = f"p-1,{START.isoformat()},15074-8,,mmol/L,LO"
    path.write_text(f"subject,effective_at,code,value,unit,flag\n{line}\n", "utf-8")
    with pytest.raises(RecordError, match=r"r\.csv:1: 'flag' is no column .* did you mean 'flags'"):
        read_readings(path, ZONE)
    path.write_text(f"subject,effective_at,code,value,unit,village\n{line}\n", "utf-8")
    assert read_readings(path, ZONE).refused == [(2, "value: '' is no number")]


FLAGGED = "subject,effective_at,code,value,unit,flags,received_at"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("", "movement"), ("body_movement",)),
        (("movement", ""), ("body_movement",)),
        (("", ""), ()),
    ],
)
def test_a_measurement_has_the_flags_of_all_its_lines(
    tmp_path: Path, flags: tuple[str, str], expected: tuple[str, ...]
) -> None:
    path = tmp_path / "r.csv"
    lines = [
        f"p-1,{at},{code},{number},mm[Hg],{flag},"
        for at, code, number, flag in (
            ("2026-03-01T08:00:00+08:00", "8480-6", 141, flags[0]),
            ("2026-03-01T00:00:00Z", "8462-4", 88, flags[1]),
        )
    ]
    path.write_text("\n".join([FLAGGED, *lines]), "utf-8")
    found = read_readings(path, ZONE)
    assert found.refused == []
    (point,) = points_of(found.tape)[SubjectRef("p-1")]
    assert set(point.values) == {QuantityName.SYSTOLIC, QuantityName.DIASTOLIC}
    assert point.flags == expected
    assert point.valid is not bool(expected)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("p-1,{at},8462-4,88,mm[Hg],mouvement,", "flags: 'mouvement' is no flag we know"),
        ("p-1,{at},8462-4,88,mm[Hg],LO;HI,", "flags: 'LO;HI' is no flag we know"),
        ("p-1,{at},8462-4,88,mm[Hg],,2024-05-06T1O:00", "Invalid isoformat string"),
        (",{at},8462-4,88,mm[Hg],,", "subject: empty"),
        ("p-1,{at},15074-8,abc,mmol/L,HI,", "value: 'abc' is no number"),
        ("p-1,{at},15074-8,,furlong,HI,", "furlong"),
    ],
)
def test_what_any_line_of_a_measurement_says_wrongly_is_told(
    tmp_path: Path, line: str, told: str
) -> None:
    path = tmp_path / "r.csv"
    at = START.isoformat()
    first = f"p-1,{at},8480-6,141,mm[Hg],,"
    path.write_text("\n".join([FLAGGED, first, line.format(at=at)]), "utf-8")
    ((_, why),) = read_readings(path, ZONE).refused
    assert told in why


@pytest.mark.parametrize("quoted", ["", '"'])
def test_of_two_numbers_at_one_instant_the_last_counts_and_the_other_is_told(
    tmp_path: Path, quoted: str
) -> None:
    """Whichever way the file is read; the same number twice, however written, is no matter."""
    path = tmp_path / "r.csv"
    at = START.isoformat()
    lines = [
        f"p-1,{at},{code},{number},mm[Hg],,"
        for code, number in (("8480-6", "185"), ("8462-4", "80.0"), ("8480-6", 130), ("8462-4", 80))
    ]
    path.write_text("\n".join([FLAGGED, *lines]).replace("p-1", f"{quoted}p-1{quoted}"), "utf-8")
    found = read_readings(path, ZONE)
    (point,) = points_of(found.tape)[SubjectRef("p-1")]
    assert point.values[QuantityName.SYSTOLIC].value == 130
    told = "value: a later line says otherwise of the systolic at this instant"
    assert found.refused == [(2, told)]


def test_a_line_is_told_by_where_it_begins_in_the_file(tmp_path: Path) -> None:
    """A cell in quotation marks may hold line breaks."""
    path = tmp_path / "r.csv"
    at = START.isoformat()
    noted = f'"p\n\n1",{at},8480-6,141,mm[Hg],,'
    wrong = f"p-1,{at},8480-6,high,mm[Hg],,"
    path.write_text(f"{FLAGGED}\n{wrong}\n{noted}\n{wrong}\n{noted}\np-1", "utf-8")
    refused = read_readings(path, ZONE).refused
    assert [line for line, _ in refused] == [2, 6, 10]


@pytest.mark.parametrize("name", ["FLAGS", "Received_At", " device", "contex"])
def test_a_column_in_other_letters_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(f"subject,effective_at,code,value,unit,{name}\n", "utf-8")
    with pytest.raises(RecordError, match=rf"r\.csv:1: '{name}' is no column we know; did"):
        read_readings(path, ZONE)


def test_a_mistyped_column_of_people_or_events_is_told(tmp_path: Path) -> None:
    people, events = tmp_path / "p.csv", tmp_path / "e.csv"
    people.write_text("subject,birth_yaer\np-1,1950\n", "utf-8")
    with pytest.raises(RecordError, match=r"p\.csv:1: 'birth_yaer' .* 'birth_year'"):
        read_people(people)
    events.write_text("subject,begins_at,kind,end_at\n", "utf-8")
    with pytest.raises(RecordError, match=r"e\.csv:1: 'end_at' .* 'ends_at'"):
        read_events(events)


@pytest.mark.filterwarnings("error")
def test_a_column_written_twice_is_refused_and_a_comma_in_a_number_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    at = START.isoformat()
    path.write_text(f"subject,effective_at,code,value,unit\np-1,{at},15074-8,2,5,mmol/L\n", "utf-8")
    assert read_readings(path, ZONE).refused == [(2, "6 columns where the header has 5")]
    header = "subject,effective_at,code,value,unit,unit"
    path.write_text(f"{header}\np-1,{at},8480-6,24,kPa,mm[Hg]\n", "utf-8")
    with pytest.raises(RecordError, match=r"r\.csv:1: column stands here twice: unit"):
        read_readings(path, ZONE)


@pytest.mark.row("R12")
def test_the_command_prints_and_writes_its_figures(
    a_month: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "subject,sex,birth_year,diagnoses,drug_classes,doctor,synthetic\n"
        "p-3,male,1950,hypertension,,dr-1,\np-2,male,1950,,,dr-1,yes\n",
        encoding="utf-8",
    )
    out = tmp_path / "f.json"
    arguments = ["--readings", str(a_month), "--people", str(people), "--json", str(out)]
    plot = tmp_path / "f.svg"
    assert main(["rules", "backtest", *arguments, "--against", "--plot", str(plot)]) == 0
    told = json.loads(out.read_text("utf-8"))
    assert (told["people"], told["synthetic_people"]) == (2, 1)
    assert {"patient_months", "alerts", "per_patient_month", "duplicates", "reached"} <= told.keys()
    assert plot.read_text("utf-8").startswith("<?xml")
    assert told["by_rule"] == {"HW-02": 1}
    assert told["difference"] == {"added": {}, "removed": {}}
    assert "patient-month" in capsys.readouterr().out
    extra = tmp_path / "extra.yaml"
    extra.write_text(EXTRA.replace("ZZ-01", "ZZ-02").replace("200", "180"), encoding="utf-8")
    assert main(["rules", "backtest", str(extra), *arguments, "--against"]) == 0
    assert json.loads(out.read_text("utf-8"))["pack"] == f"first+extra {load_first_pack().version}"
    for folder, rule in (("p", "ZZ-02"), ("q", "ZZ-03")):
        (tmp_path / folder).mkdir()
        text = EXTRA.replace("ZZ-01", rule).replace("pack: extra", f"pack: of_{folder}")
        (tmp_path / folder / "good.yaml").write_text(text, encoding="utf-8")
    both = [str(tmp_path / folder / "good.yaml") for folder in ("p", "q")]
    assert main(["rules", "backtest", *both, *arguments]) == 0
    name = json.loads(out.read_text("utf-8"))["pack"]
    assert name == f"first+of_p+of_q {load_first_pack().version}", "two files of one name"
    Path(both[1]).write_text(Path(both[0]).read_text("utf-8"), encoding="utf-8")
    assert main(["rules", "backtest", *both, *arguments]) == 2
    assert "q/good.yaml:1: pack: another candidate is of_p" in capsys.readouterr().err
    assert main(["rules", "backtest", "--readings", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "complaint"),
    [
        ("--readings", "subject,value\n", "f.csv:1: column missing: effective_at, code, unit"),
        ("--readings", "\xff", "f.csv:1: no text in UTF-8"),
        ("--people", "name\nWang\n", "f.csv:1: column missing: subject"),
        ("--people", "subject,birth_year\np-1,old\n", "f.csv:2: birth_year: 'old' is no year"),
        ("--people", "\xff", "f.csv:1: no text in UTF-8"),
        ("--events", "subject,kind\np-1,crisis\n", "f.csv:1: column missing: begins_at"),
        ("--events", "subject,begins_at,kind\np-1,once,crisis\n", "f.csv:2: begins_at: 'once'"),
        (
            "--events",
            "subject,begins_at,kind\np-1,2026-01-01T08:00:00,crisis\n",
            "f.csv:2: begins_at: '2026-01-01T08:00:00' has no time zone",
        ),
        ("--events", "\xff", "f.csv:1: no text in UTF-8"),
        ("", "\xff", "f.csv:1: no text in UTF-8"),
        ("", "pack: [", "f.csv:2: not YAML"),
        ("--json", "", "there is no such folder"),
        ("--plot", "", "is a folder"),
        ("--days", "", "-5 is no number of days"),
        ("--zone", "", "no time zone 'Mars'"),
        ("--answered-after", "", "-1 is no number of hours"),
        ("--answered-never", "", "1e300 is no number of hours"),
        ("--answered-soon", "", "'a day' is no number of hours"),
    ],
)
def test_a_file_or_a_word_that_cannot_be_used_is_told_with_its_line(
    a_month: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    option: str,
    text: str,
    complaint: str,
) -> None:
    odd = tmp_path / "f.csv"
    odd.write_bytes(text.encode("latin-1"))
    words = {
        "--readings": ["--readings", str(odd)],
        "": [str(odd), "--readings", str(a_month)],
        "--json": ["--json", str(tmp_path / "none" / "f.json"), "--readings", str(a_month)],
        "--plot": ["--plot", str(tmp_path), "--readings", str(a_month)],
        "--days": ["--days=-5", "--readings", str(a_month)],
        "--zone": ["--zone", "Mars", "--readings", str(a_month)],
        "--answered-never": ["--answered-after=1e300", "--readings", str(a_month)],
        "--answered-soon": ["--answered-after='a day'", "--readings", str(a_month)],
        "--answered-after": ["--answered-after=-1", "--readings", str(a_month)],
    }.get(option, [option, str(odd), "--readings", str(a_month)])
    try:
        status = main(["rules", "backtest", *words])
    except SystemExit as error:
        status = error.code
    assert status == 2
    told = capsys.readouterr()
    assert complaint in told.err
    assert told.out == "", "no figures were told before"
