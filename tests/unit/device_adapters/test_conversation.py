"""Conversations with devices in memory: what is asked of whom, and what becomes of the answers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.clocks import ClockSet, Correction, Dated
from device_adapters.ble.conversation import Conversation
from device_adapters.ble.current_time import encode_current_time
from device_adapters.ble.hand_over import HandOver
from device_adapters.ble.inflow import Arrival
from device_adapters.ble.origin import CONTEXT_MISSING, classify
from device_adapters.ble.quirks import NONE
from device_adapters.ble.scale_parts import ScaleParts
from device_adapters.ble.session import Remembered, SessionReason, SessionSetup, SessionSummary
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.body_composition import Composition, encode_body_composition
from firmware_sim.profiles.glucose import encode_glucose
from firmware_sim.profiles.heart_rate import encode_heart_rate
from firmware_sim.profiles.weight_scale import encode_weight
from rules.identity import observation_identity
from rules.vocabulary import (
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    QuantityName,
    Vital,
)
from tests.fakes.memory_link import MemoryLink

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHOWN = datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001 - a device's clock has no zone
STAMP = HubStamp(boot_id="b", monotonic_s=0, wall=NOON, wall_trusted=True)
PLATE = {"2A29": b"Acme", "2A24": b"X", "2A25": b"1"}
PRESSURE = bytes.fromhex("02e60082009600ea070b15071e00")


@dataclass
class Kept:
    observations: list[Observation] = field(default_factory=list[Observation])
    refused: list[Frame] = field(default_factory=list[Frame])
    clock_sets: list[tuple[str, tuple[ClockSet, ...]]] = field(
        default_factory=list[tuple[str, tuple[ClockSet, ...]]]
    )
    disk_takes: bool = True

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        del error
        self.refused.append(frame)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        self.clock_sets.append((address, sets))
        return self.disk_takes

    async def on_session_end(self, summary: SessionSummary) -> None:
        raise AssertionError(summary)


async def talk(
    link: MemoryLink,
    remembered: Remembered | None = None,
    content: frozenset[bytes] = frozenset(),
    kept: Kept | None = None,
) -> tuple[Kept, SessionSummary, frozenset[bytes]]:
    kept = kept or Kept()
    setup = SessionSetup(
        hub=HubId("h"),
        session="s",
        address="C0:00:00:00:00:01",
        zone=UTC,
        stamps=lambda: STAMP,
        remembered=remembered,
        last_content=content,
        first_wait_s=0.02,
        quiet_s=0.01,
        answer_s=1.0,
        stream_step_s=0.01,
    )
    conversation = Conversation(setup, kept)
    summary = await conversation.run(link)
    return kept, summary, conversation.content


def sugar(sequence: int) -> tuple[str, bytes]:
    return "2A18", encode_glucose(sequence=sequence, at=SHOWN, value=6.1, unit="mmol/L")


async def test_a_meter_without_record_access_is_listened_to() -> None:
    kept, summary, _ = await talk(
        MemoryLink(values=dict(PLATE), indicated={"2A18": [sugar(n)[1] for n in (4, 5)]})
    )
    assert [o.sequence for o in kept.observations] == [4, 5]
    assert summary.reason is SessionReason.QUIET
    assert summary.high_water is None  # nobody said that this was all


@dataclass
class LosingLink(MemoryLink):
    """A meter with the records 1 to n; that of number `lost` does not arrive the first time."""

    lost: int = 0

    def _report(self, request: bytes) -> None:
        since = int.from_bytes(request[3:5], "little") if request[1] == 3 else 1
        for number, (characteristic, payload) in enumerate(self.records, start=1):
            if number >= since and number != self.lost:
                self._takers[characteristic](payload)
        self.lost = 0
        self._takers["2A52"](bytes([6, 0, 1, 1]))


@pytest.mark.row("P10")
@pytest.mark.parametrize("lost", [2, 3])
async def test_a_notification_that_was_lost_on_the_air_is_asked_for_again(lost: int) -> None:
    """Nobody confirms a notification; its number is missed, and no other record comes twice."""
    link = LosingLink(values=dict(PLATE), records=[sugar(n) for n in range(1, 5)], lost=lost)
    kept, summary, _ = await talk(link)
    assert [o.sequence for o in kept.observations] == [*(n for n in range(1, 5) if n != lost), lost]
    assert (summary.missing, summary.high_water) == ((), 4)


async def test_a_device_that_is_a_cuff_and_a_meter_gives_both() -> None:
    link = MemoryLink(
        values=dict(PLATE), indicated={"2A35": [PRESSURE]}, records=[sugar(1), sugar(2)]
    )
    kept, summary, _ = await talk(link)
    assert {o.kind for o in kept.observations} == {Vital.BLOOD_PRESSURE, Vital.GLUCOSE}
    assert (summary.count, summary.high_water) == (3, 2)
    assert summary.reason is SessionReason.TRANSFERRED


async def test_what_the_last_session_brought_is_counted_as_repeated() -> None:
    link = MemoryLink(values=dict(PLATE), indicated={"2A35": [PRESSURE]})
    _, first, left = await talk(link)
    _, second, _ = await talk(link, content=left)
    assert (first.repeated, second.repeated, second.count) == (0, 1, 1)


async def test_an_equal_reading_without_date_and_number_is_a_reading_again() -> None:
    """Hazard 0.8; only a model that is known to send all again is not believed."""
    undated = bytes.fromhex("00e60082009600")
    for model, repeated in (("X", 0), ("BM59", 1)):
        plate = {**PLATE, "2A24": model.encode()}
        link = MemoryLink(values=plate, indicated={"2A35": [undated]})
        _, _, left = await talk(link)
        _, summary, _ = await talk(link, content=left)
        assert (summary.count, summary.repeated) == (1, repeated)


async def test_a_strap_that_says_nonsense_is_refused_and_sampled_on() -> None:
    values = [b"\x10", encode_heart_rate(rate=61, contact=True)]
    for indicated, refused in ((values, 0), (values[:1], 1)):
        kept, summary, _ = await talk(MemoryLink(values=dict(PLATE), indicated={"2A37": indicated}))
        assert summary.reason is SessionReason.SAMPLED
        assert (len(kept.refused), summary.refused) == (refused, refused)
        assert classify(kept.observations, zone=UTC) == [Origin.LIVE] * (1 - refused)


WEIGHT = encode_weight(weight=71.5, at=SHOWN, user_id=1)
COMPOSITION = encode_body_composition(
    fat_percent=24.0, at=SHOWN, user_id=1, rest=Composition(impedance_ohm=500, weight=71.5)
)


@pytest.mark.parametrize("order", [("2A9C", "2A9D"), ("2A9D", "2A9C")])
async def test_weight_and_composition_are_one_reading_in_either_order(
    order: tuple[str, str],
) -> None:
    said = {"2A9C": [COMPOSITION], "2A9D": [WEIGHT]}
    link = MemoryLink(values=dict(PLATE), indicated={number: said[number] for number in order})
    kept, _, _ = await talk(link)
    (reading,) = kept.observations
    assert reading.quantities[QuantityName.WEIGHT].value == Decimal("71.5")
    assert reading.context["body_fat_percent"] == "24.0"
    alone, _, _ = await talk(MemoryLink(values=dict(PLATE), indicated={"2A9D": [WEIGHT]}))
    assert observation_identity(alone.observations[0]) == observation_identity(reading)
    for number, payloads in said.items():
        lost = {**{key: list[bytes]() for key in said}, number: payloads}
        half, _, _ = await talk(MemoryLink(values=dict(PLATE), indicated=lost))
        assert observation_identity(half.observations[0]) == observation_identity(reading)
        assert CONTEXT_MISSING in half.observations[0].context
    assert CONTEXT_MISSING not in {**reading.context, **alone.observations[0].context}


async def test_a_composition_of_another_moment_stays_by_itself() -> None:
    other = encode_weight(weight=60, at=SHOWN, user_id=2)
    link = MemoryLink(
        values=dict(PLATE), indicated={"2A9C": [COMPOSITION], "2A9D": [other, WEIGHT]}
    )
    kept, _, _ = await talk(link)
    assert {(o.user_slot, "body_fat_percent" in o.context) for o in kept.observations} == {
        (1, True),
        (2, False),
    }


def test_nothing_waits_in_an_empty_scale() -> None:
    assert ScaleParts(beside_weights=True).rest() == []


def cuff_ahead(*systolic: int) -> MemoryLink:
    """A cuff five hours ahead that waits for us; each reading an hour after the one before."""
    frames = [
        encode_blood_pressure(
            systolic=value,
            diastolic=80,
            mean=100,
            pulse=70,
            at=NOON.replace(tzinfo=None) + timedelta(hours=1 + place),
            user_id=None,
            status=0,
        )
        for place, value in enumerate(systolic)
    ]
    shown = NOON.replace(tzinfo=None) + timedelta(hours=5)
    values = {**PLATE, "2A2B": encode_current_time(shown)}
    return MemoryLink(values=values, indicated={"2A35": frames})


async def test_a_clock_is_put_back_after_everything_was_told_and_once_that_is_on_disk() -> None:
    link = cuff_ahead(131, 132)
    kept, summary, _ = await talk(link)
    assert summary.reason is SessionReason.QUIET
    assert [number for number, _ in link.written] == ["2A2B"]
    ((address, (entry,)),) = kept.clock_sets
    assert address == summary.address
    assert entry.seen == summary.clocks
    assert len(entry.told) == 2
    # Sent once more beside a reading of today that says the same time as the first.
    remembered = Remembered(device=kept.observations[0].device, clock_sets=(entry,))
    again = cuff_ahead(131, 132)
    again.values["2A2B"] = encode_current_time(NOON.replace(tzinfo=None))
    repeated, _, _ = await talk(again, remembered=remembered)
    assert {o.clocks for o in repeated.observations} == {entry.seen}


async def test_a_clock_stays_as_it_is_when_the_disk_does_not_take_when_it_was_set() -> None:
    link = cuff_ahead(131)
    await talk(link, kept=Kept(disk_takes=False))
    assert link.written == []


@pytest.mark.row("P11")
@pytest.mark.parametrize("year", [1582, 2000, 4100, 9999])
async def test_no_year_on_a_clock_costs_a_reading_or_its_session(year: int) -> None:
    """A difference of clocks that leads out of the calendar is a clock fault (law 3)."""
    shown = NOON.replace(tzinfo=None, year=year)
    link = MemoryLink(
        values={**PLATE, "2A2B": encode_current_time(shown)}, indicated={"2A35": [PRESSURE] * 2}
    )
    kept, summary, _ = await talk(link)
    assert (summary.reason, summary.count) == (SessionReason.QUIET, 2)
    assert {one.device_time for one in kept.observations} == {SHOWN}
    assert summary.clocks is not None
    assert summary.clocks.device_time == shown


class FailsOnce(Correction):
    """Fails on the first record as no record is known to make it fail."""

    def dating_of(self, device_time: datetime | None, zone: tzinfo, digest: bytes = b"") -> Dated:
        if device_time == SHOWN:
            raise OverflowError("date value out of range")
        return super().dating_of(device_time, zone, digest)


async def test_a_fault_nobody_foresaw_costs_one_record_which_is_kept_with_its_bytes() -> None:
    """As over MQTT (`test_hub_front.py`): the hub and the device's other records go on."""
    kept = Kept()
    setup = SessionSetup(
        hub=HubId("h"), session="s", address="C0:00:00:00:00:01", zone=UTC, stamps=lambda: STAMP
    )
    device = DeviceRef(manufacturer="Acme", model="X", serial="1")
    over = HandOver(setup, kept, device, NONE)
    over.correction = FailsOnce(now=None)
    later = PRESSURE[:-2] + bytes([31, 0])
    async with over.group:
        for payload in (PRESSURE, later):
            await over.take(Arrival("2A35", payload, STAMP))
    assert [frame.payload for frame in kept.refused] == [PRESSURE]
    assert [one.raw for one in kept.observations] == [later]
    assert (over.refused, over.count) == (1, 1)
