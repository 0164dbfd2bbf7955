"""Requests to a simulated glucose sensor, by the tables of CGM Service 1.0.2 section 3.7."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.cgm_control import (
    AlertLevel,
    CgmSettings,
    SessionControl,
    answer,
    operand_size,
)
from firmware_sim.cgm_session import CgmSession
from firmware_sim.device_clock import DeviceClock
from firmware_sim.profiles.cgm import CgmStatus, CgmZone
from firmware_sim.profiles.fields import DeviceDateTime
from firmware_sim.record_access import CGM_ACCESS, OXIMETER_ACCESS, Access, Refusal, Result, select
from firmware_sim.record_memory import StoredRecord

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
WILLING = SessionControl(start=lambda: True, stop=lambda: True)
UNWILLING = SessionControl(start=lambda: False, stop=lambda: False)


@pytest.mark.parametrize("level", AlertLevel)
def test_every_level_is_set_and_answered_with_its_own_code(level: AlertLevel) -> None:
    settings = CgmSettings()
    assert answer(bytes([level, 0x55, 0xF0]), settings, WILLING) == bytes([28, level, 1])
    assert settings.levels[level] == 8.5  # 0x055 = 85, exponent -1
    assert answer(bytes([level + 1]), settings, WILLING) == bytes([level + 2, 0x55, 0xF0])


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("02", "0305"),
        ("1a", "1c1a01"),
        ("1b", "1c1b01"),
        ("19", "1c1901"),
        ("03", "1c0302"),  # an answer is no request
        ("1c", "1c1c02"),
        ("09", "1c0902"),
        ("ff", "1cff02"),
        ("01", "1c0103"),  # no operand
        ("1a00", "1c1a03"),  # one too many
        ("07ff07", "1c0705"),  # NaN
        ("07ff0f", "1c0705"),  # -1
        ("04ff0700000000000000" + "00", "1c0405"),
        ("050000", "1c0505"),
    ],
)
def test_answers(request_hex: str, answer_hex: str) -> None:
    assert answer(bytes.fromhex(request_hex), CgmSettings(), WILLING).hex() == answer_hex


def test_a_session_that_cannot_begin_or_end_is_not_completed() -> None:
    for op_code in (26, 27):
        assert answer(bytes([op_code]), CgmSettings(), UNWILLING) == bytes([28, op_code, 4])


def test_the_interval_and_the_alert_are_kept() -> None:
    settings = CgmSettings(device_alert=True)
    answer(b"\x01\xff", settings, WILLING)
    answer(b"\x19", settings, WILLING)
    assert (settings.interval_min, settings.device_alert) == (255, False)


@given(st.binary(min_size=1, max_size=14))
def test_no_request_is_left_without_an_answer(request_octets: bytes) -> None:
    reply = answer(request_octets, CgmSettings(), WILLING)
    assert reply
    if operand_size(request_octets[0]) is None:
        assert reply == bytes([28, request_octets[0], 2])


@pytest.mark.parametrize(
    ("glucose", "trend", "bits"),
    [
        (70, None, CgmStatus(0)),
        (69, None, CgmStatus.BELOW_PATIENT_LOW),
        (53, None, CgmStatus.BELOW_PATIENT_LOW | CgmStatus.BELOW_HYPO),
        (251, 3.0, CgmStatus.ABOVE_PATIENT_HIGH),
        (
            301,
            3.1,
            CgmStatus.ABOVE_PATIENT_HIGH | CgmStatus.ABOVE_HYPER | CgmStatus.RISING_TOO_FAST,
        ),
        (100, -3.1, CgmStatus.FALLING_TOO_FAST),
    ],
)
def test_warnings_beyond_a_level_only(glucose: float, trend: float | None, bits: CgmStatus) -> None:
    assert CgmSettings().warnings(glucose, trend) == bits


def test_a_session_counts_whole_minutes_up_to_what_the_field_holds() -> None:
    session = CgmSession()
    assert session.offset_min(AT) == 0
    session.start(AT, DeviceClock.right())
    assert session.start_field == datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001
    assert session.zone == CgmZone(quarters=32, saving=0)
    assert session.offset_min(AT + timedelta(seconds=119)) == 1
    assert session.offset_min(AT - timedelta(hours=1)) == 0
    assert session.offset_min(AT + timedelta(days=60)) == 0xFFFF


def test_a_session_learns_its_start_from_the_time_now() -> None:
    session = CgmSession()
    session.start(AT, DeviceClock.absent())
    assert session.start_field == DeviceDateTime()
    assert session.zone == CgmZone(quarters=-128, saving=255)
    told = datetime(2026, 11, 21, 9, 0)  # noqa: DTZ001
    session.told(told, CgmZone(quarters=32, saving=0), at=AT + timedelta(minutes=90))
    assert session.start_field == datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("access", "request_hex", "result"),
    [
        (CGM_ACCESS, "010302ea070b15080000", Result.OPERAND_NOT_SUPPORTED),
        (OXIMETER_ACCESS, "0105", Result.OPERATOR_NOT_SUPPORTED),
        (OXIMETER_ACCESS, "0103010000", Result.OPERATOR_NOT_SUPPORTED),
        (OXIMETER_ACCESS, "0100", Result.INVALID_OPERATOR),
    ],
)
def test_each_service_allows_its_own_requests(
    access: Access, request_hex: str, result: Result
) -> None:
    records = [StoredRecord(sequence=5, parts=((0x2AA7, b""),))]
    with pytest.raises(Refusal) as refusal:
        select(records, bytes.fromhex(request_hex), access)
    assert refusal.value.result is result
    assert select(records, b"\x01\x01", access) == records
