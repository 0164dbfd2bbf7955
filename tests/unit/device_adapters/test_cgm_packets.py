"""A packet of a glucose sensor of which one record is damaged: its neighbours and the mark."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from device_adapters.adapter import DecodeError, Frame, PartlyReadError
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.conversation import Conversation
from device_adapters.ble.registry import decode
from device_adapters.ble.session import SessionSetup, SessionSummary
from firmware_sim.profiles.cgm import encode_cgm_record
from rules.vocabulary import HubId, HubStamp, Observation
from tests.fakes.memory_link import MemoryLink

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(minute: int, *, crc: bool = True) -> bytes:
    """100 mg/dL in that minute of the session."""
    return encode_cgm_record(glucose=100, offset_min=minute, crc=crc)


def damaged(record: bytes) -> bytes:
    return record[:-1] + bytes([record[-1] ^ 1])


def minutes(payload: bytes) -> list[int | None]:
    with pytest.raises(PartlyReadError) as refused:
        decode("2AA7", payload)
    return [record.time_offset_min for record in refused.value.readable]


def test_the_neighbours_of_a_damaged_record_are_read() -> None:
    assert minutes(at(5) + damaged(at(10)) + at(15)) == [5, 15]
    assert minutes(damaged(at(5)) + at(10)) == [10]


def test_beside_a_damaged_record_the_others_have_to_prove_where_they_begin() -> None:
    too_long = bytes([7]) + at(10, crc=False)[1:] + b"\0"
    assert minutes(at(5) + too_long + at(15, crc=False)) == [5]
    assert minutes(at(5, crc=False) + too_long + at(15)) == [15]
    with pytest.raises(DecodeError) as refused:
        decode("2AA7", at(5, crc=False) + too_long + at(15, crc=False))
    assert not isinstance(refused.value, PartlyReadError)


@pytest.mark.parametrize("rest", [at(10)[:-1], b"\x03" + at(10), b"\x5a"])
def test_a_packet_whose_sizes_do_not_add_up_is_refused_whole(rest: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        decode("2AA7", at(5) + rest)
    assert not isinstance(refused.value, PartlyReadError)


def test_a_packet_of_nothing_readable_is_refused_as_before() -> None:
    with pytest.raises(DecodeError, match=r"^2AA7: byte 6: E2E-CRC") as refused:
        decode("2AA7", damaged(at(5)) + damaged(at(10)))
    assert not isinstance(refused.value, PartlyReadError)


@dataclass
class Heard:
    """A hub, and what the sessions of one sensor brought."""

    observations: list[Observation] = field(default_factory=list[Observation])
    refused: list[Frame] = field(default_factory=list[Frame])
    unsettled: frozenset[bytes] = frozenset()

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        del error
        self.refused.append(frame)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        raise AssertionError(address, sets)

    async def on_session_end(self, summary: SessionSummary) -> None:
        raise AssertionError(summary)

    async def session(self, *packets: bytes) -> SessionSummary:
        setup = SessionSetup(
            hub=HubId("h"),
            session="s",
            address="C0:00:00:00:00:01",
            zone=UTC,
            stamps=lambda: HubStamp(boot_id="b", monotonic_s=0, wall=NOON, wall_trusted=True),
            last_unsettled=self.unsettled,
            first_wait_s=0.02,
            quiet_s=0.01,
        )
        conversation = Conversation(setup, self)
        records = [("2AA7", packet) for packet in packets]
        summary = await conversation.run(MemoryLink(values={"2A25": b"1"}, records=records))
        self.unsettled = conversation.unsettled
        return summary


PACKETS = (at(5), at(10) + at(15) + at(20), at(25))
BROKEN = (PACKETS[0], at(10) + damaged(at(15)) + at(20), PACKETS[2])


async def test_the_mark_waits_for_a_packet_that_the_next_session_can_read() -> None:
    hub = Heard()
    first = await hub.session(*BROKEN)
    told = [o.context["time_offset_min"] for o in hub.observations]
    assert told == ["5", "10", "20", "25"]
    places = [o.ordinal for o in hub.observations] + [frame.ordinal for frame in hub.refused]
    assert sorted(places) == [0, 1, 2, 3, 4]
    assert (first.refused, first.high_water) == (1, None)
    hub.observations.clear()
    second = await hub.session(*PACKETS)
    assert [o.context["time_offset_min"] for o in hub.observations] == ["5", "10", "15", "20", "25"]
    assert (second.high_water, hub.unsettled) == (25, frozenset())


async def test_a_record_that_is_damaged_in_the_sensor_holds_the_mark_back_once() -> None:
    hub = Heard()
    marks = [(await hub.session(*BROKEN)).high_water for _ in range(3)]
    assert marks == [None, 25, 25]
