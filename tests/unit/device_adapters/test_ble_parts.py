"""Small pure parts of a session: clock frames, record access, joining a context."""

from datetime import UTC, datetime

import pytest

from device_adapters.adapter import DecodeError, Frame, Record, to_observations
from device_adapters.ble.current_time import decode_current_time, encode_current_time
from device_adapters.ble.glucose_pairs import MOST_WAITING, GlucosePairs
from device_adapters.ble.racp import REPORT_ALL, REPORT_LAST, decode_response, report_from
from device_adapters.ble.registry import decode
from rules.vocabulary import DeviceRef, HubId, HubStamp, Vital

STAMP = HubStamp(
    boot_id="b", monotonic_s=0.0, wall=datetime(2026, 11, 21, tzinfo=UTC), wall_trusted=True
)


def frame(characteristic: str, payload: bytes, ordinal: int = 0) -> Frame:
    return Frame(
        device=DeviceRef(manufacturer="A", model="B", serial="C"),
        characteristic=characteristic,
        payload=payload,
        received=STAMP,
        session="s",
        ordinal=ordinal,
    )


def test_current_time_as_octets() -> None:
    local = datetime(2026, 11, 21, 7, 30, 15, 500_000)  # noqa: DTZ001 - a Saturday
    octets = encode_current_time(local)
    assert octets.hex() == "ea070b15071e0f068002"
    assert decode_current_time(octets) == local
    assert decode_current_time(bytes(10)) is None
    for wrong in (octets[:9], octets + b"\0"):
        with pytest.raises(DecodeError, match="2A2B"):
            decode_current_time(wrong)


def test_record_access_requests_and_answers() -> None:
    assert REPORT_ALL.hex() == "0101"
    assert REPORT_LAST.hex() == "0106"
    assert report_from(0x0105).hex() == "0103010501"
    assert (decode_response(bytes.fromhex("06000106")).result) == 6
    for wrong in ("050001", "060001", "0600010100"):
        with pytest.raises(DecodeError, match="2A52"):
            decode_response(bytes.fromhex(wrong))


def _measurement(sequence: int, *, follows: bool) -> Record:
    flags = "10" if follows else "00"
    octets = flags + sequence.to_bytes(2, "little").hex() + "ea070b15071e00"
    (record,) = decode("2A18", bytes.fromhex(octets))
    return record


def _context(sequence: int) -> Record:
    (record,) = decode("2A34", bytes.fromhex("02") + sequence.to_bytes(2, "little") + b"\x03")
    return record


def test_a_context_joins_its_measurement_before_after_and_never() -> None:
    pairs, some = GlucosePairs(), frame("2A18", b"")
    assert pairs.measurement(some, _measurement(1, follows=False))[0].context == {}
    assert pairs.measurement(some, _measurement(2, follows=True)) == []
    (after,) = pairs.context(_context(2))
    assert (after.record.sequence, after.context) == (2, {"meal": "fasting"})
    assert pairs.context(_context(3)) == []
    (before,) = pairs.measurement(some, _measurement(3, follows=True))
    assert before.context == {"meal": "fasting"}
    assert pairs.measurement(some, _measurement(4, follows=True)) == []
    (never,) = pairs.rest()
    assert (never.record.sequence, never.context) == (4, None)
    assert pairs.rest() == []


def test_a_dropped_measurement_takes_its_own_context_with_it() -> None:
    pairs, some = GlucosePairs(), frame("2A18", b"")
    pairs.dropped(_measurement(7, follows=True))
    assert pairs.context(_context(7)) == []
    assert pairs.measurement(some, _measurement(7, follows=True)) == []
    (joined,) = pairs.context(_context(7))
    assert joined.context == {"meal": "fasting"}
    assert pairs.context(_context(8)) == []  # before its measurement, which is dropped
    pairs.dropped(_measurement(8, follows=True))
    assert pairs.measurement(some, _measurement(8, follows=True)) == []
    pairs.dropped(_measurement(8, follows=True))  # a second notification of the one that waits
    assert len(pairs.context(_context(8))) == 1


def test_a_context_that_was_lost_with_its_report_takes_none_of_the_next() -> None:
    pairs, some = GlucosePairs(), frame("2A18", b"")
    pairs.dropped(_measurement(7, follows=True))
    assert pairs.context(_context(9)) == []
    assert pairs.rest() == []
    assert pairs.measurement(some, _measurement(7, follows=True)) == []
    assert len(pairs.context(_context(7))) == 1
    assert pairs.measurement(some, _measurement(9, follows=True)) == []


def test_measurements_do_not_wait_for_ever() -> None:
    pairs = GlucosePairs()
    ready = [
        joined.record.sequence
        for number in range(MOST_WAITING + 3)
        for joined in pairs.measurement(frame("2A18", b""), _measurement(number, follows=True))
    ]
    assert ready == [0, 1, 2]


def test_several_records_of_a_packet_get_places_of_their_own() -> None:
    packet = frame("2AA7", bytes.fromhex("06000c10060006000c100700"), ordinal=5)
    records = decode("2AA7", packet.payload)
    seen = to_observations(packet, records, hub=HubId("h"))
    assert [(o.ordinal, o.context["time_offset_min"]) for o in seen] == [(5, "6"), (6, "7")]
    assert {o.kind for o in seen} == {Vital.GLUCOSE_CGM}


def test_a_cuff_pressure_in_between_is_no_observation() -> None:
    packet = frame("2A36", bytes.fromhex("007800ff07ff07"))
    assert to_observations(packet, decode("2A36", packet.payload), hub=HubId("h")) == []
