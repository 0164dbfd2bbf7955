"""What is asked together, and how values, devices and answers are written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import segno

from rules.vocabulary import Bound, Origin, QuantityName, TimeConfidence, Vital
from rules.window import Point, Value
from service.store.whose import Choice, Settled, Unclaimed
from service.web.qr_code import QUIET_ZONE, qr_picture
from service.web.whose_view import device_name, measured, questions, settled_lines

START = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def point(kind: Vital, values: dict[QuantityName, Value], minute: float = 0) -> Point:
    at = START + timedelta(minutes=minute)
    return Point(
        identity=f"{kind.value}-{minute}",
        kind=kind,
        device="Acme/BP-2/7",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values=values,
    )


def unclaimed(number: int, minute: float, *, slot: int | None = 2, home: str = "h") -> Unclaimed:
    pressure = {
        QuantityName.SYSTOLIC: Value(value=Decimal(140 + number)),
        QuantityName.DIASTOLIC: Value(value=Decimal(90)),
    }
    made = point(Vital.BLOOD_PRESSURE, pressure, minute)
    return Unclaimed(
        quarantine_id=number,
        identity=made.identity,
        household=home,
        clinic=None,
        place="1 号",
        device=made.device,
        user_slot=slot,
        effective_at=made.effective_at,
        point=made,
    )


def test_one_user_of_one_device_within_half_an_hour_is_one_question() -> None:
    found = [
        unclaimed(1, 0),
        unclaimed(2, 29),
        unclaimed(3, 60),  # 31 minutes after the one before
        unclaimed(4, 61, slot=3),
        unclaimed(5, 62, slot=3, home="other"),
    ]
    someone = Choice(household="h", person_id=UUID(int=1), subject="s", name="李", birth_year=1950)
    asked = questions(found, [someone], "en")
    assert [question.ids for question in asked] == [(1, 2), (3,), (4,), (5,)]
    assert [[each.name for each in question.people] for question in asked] == [
        ["李 (1950)"],
        ["李 (1950)"],
        ["李 (1950)"],
        [],
    ]
    assert [value.text for value in asked[0].values] == ["141/90", "142/90"]


def test_values_are_written_as_the_device_shows_them() -> None:
    def said(kind: Vital, values: dict[QuantityName, Value]) -> tuple[str, str, str]:
        shown = measured(point(kind, values), "en")
        return shown.name, shown.text, shown.unit

    low = {QuantityName.GLUCOSE: Value(value=None, censored=Bound.BELOW)}
    high = {QuantityName.GLUCOSE: Value(value=None, censored=Bound.ABOVE)}
    half = {QuantityName.SYSTOLIC: Value(value=Decimal(230))}
    warm = {QuantityName.TEMPERATURE: Value(value=Decimal("38.50"))}
    assert said(Vital.GLUCOSE, low) == ("Blood glucose", "LO", "mmol/L")
    assert said(Vital.GLUCOSE, high) == ("Blood glucose", "HI", "mmol/L")
    assert said(Vital.BLOOD_PRESSURE, half) == ("Blood pressure", "230/–", "mmHg")
    assert said(Vital.TEMPERATURE, warm) == ("Temperature", "38.5", "°C")


def test_what_was_said_since_is_said_once() -> None:
    def settled(name: str | None, dismissed: str | None) -> Settled:
        return Settled(effective_at=START, name=name, dismissed=dismissed, settled_at=START)

    lines = settled_lines(
        [
            settled("李", None),
            settled("李", None),
            settled(None, "test"),
            settled(None, "not_ours"),
        ],
        "en",
    )
    assert len(lines) == 3
    assert "李" in lines[0]
    assert "test" in lines[1]
    assert "nobody" in lines[2]


def test_a_devices_key_becomes_a_name_whatever_is_in_it() -> None:
    assert device_name("Acme/BP-2/7") == "Acme BP-2 · 7"
    assert device_name("Acme/BP/2/7") == "Acme BP · 2/7"


def test_the_path_strokes_exactly_the_dark_modules() -> None:
    text = "HWAAISEM2EKVTHPCEZVK554XHNB5V5WLQ234"
    picture = qr_picture(text)
    dark: set[tuple[int, int]] = set()
    for run in picture.path.split("M")[1:]:
        start, _, length = run.partition("h")
        x, y = start.split(" ")
        dark |= {(int(x) + step, int(float(y) - 0.5)) for step in range(int(length))}
    matrix = segno.make_qr(text, error="m").matrix
    assert picture.size == len(matrix) + 2 * QUIET_ZONE
    assert dark == {
        (x + QUIET_ZONE, y + QUIET_ZONE)
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    }
