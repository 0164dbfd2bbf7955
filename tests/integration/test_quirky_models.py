"""Our adapter reads each model that the simulator imitates: two tables of quirks, one device."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TypeVar, cast

import pytest
from bumble.hci import Address

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.quirks import MODELS, Evidence
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.central import hang_up
from firmware_sim.cuff import BloodPressureCuff
from firmware_sim.device_clock import DeviceClock
from firmware_sim.glucometer import Glucometer
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import MODEL_PASSKEY
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.names import Profile
from firmware_sim.quirks.models import MODELS as IMITATED
from rules.identity import observation_identity
from rules.vocabulary import (
    HubId,
    HubStamp,
    NoValue,
    Observation,
    QualityFlag,
    Quantity,
    QuantityName,
    Vital,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("O7")]

CHINA = timezone(timedelta(hours=8))
AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
LOCAL = AT.astimezone(CHINA).replace(tzinfo=None)
HALF_AN_HOUR = timedelta(minutes=30)
Device = TypeVar("Device", BloodPressureCuff, Glucometer)


@dataclass
class Inbox:
    """Keeps what a hub would spool."""

    observations: list[Observation] = field(default_factory=list[Observation])
    refused: list[Frame] = field(default_factory=list[Frame])
    summaries: asyncio.Queue[SessionSummary] = field(default_factory=asyncio.Queue[SessionSummary])

    async def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        del error
        self.refused.append(frame)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        del address, sets
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        self.summaries.put_nowait(summary)

    async def session(self) -> SessionSummary:
        async with asyncio.timeout(60):
            return await self.summaries.get()

    @property
    def identities(self) -> set[str]:
        return {observation_identity(observation) for observation in self.observations}


def _stamp() -> HubStamp:
    return HubStamp(boot_id="b", monotonic_s=0.0, wall=AT, wall_trusted=True)


def _identity(model: str) -> Identity:
    return Identity(
        manufacturer=IMITATED[model].maker,
        model=model,
        serial="SN1",
        address="C0:00:00:00:00:01",
        name="SIM",
    )


@asynccontextmanager
async def home(
    kind: type[Device], model: str, clock: DeviceClock | None = None
) -> AsyncGenerator[tuple[Device, Inbox]]:
    """A bonded device of that model, and a hub that waits for it."""
    quirk, link, inbox = IMITATED[model], VirtualLink(), Inbox()
    radio = VirtualRadio(link, "C0:FF:EE:00:00:01", MODEL_PASSKEY if quirk.passkey else None)
    device = kind(
        link,
        _identity(model),
        quirk=quirk,
        clock=clock or DeviceClock(),
        interval_ms=5.0,
        window_s=None,
    )
    async with radio, cast("AbstractAsyncContextManager[object]", device):
        await device.pairing_mode(at=AT)
        connection = await radio.connect(Address(device.identity.address), timeout_s=30)
        await connection.pair()
        await hang_up(connection)
        central = BleCentral(
            CentralSettings(hub=HubId("hub-1"), zone=CHINA, quiet_s=10.0),
            stamps=_stamp,
            listener=inbox,
            radio=BleakRadio(radio.scanner_backend, radio.client_backend),
        )
        async with asyncio.TaskGroup() as group:
            known = [device.identity.address]
            serving = group.create_task(central.sessions(lambda: known), name="central")
            yield device, inbox
            serving.cancel()


def _mmhg(value: int) -> Quantity:
    return Quantity(value=Decimal(value), unit="mm[Hg]")


CUFFS = [name for name, quirk in IMITATED.items() if quirk.profile is Profile.BLOOD_PRESSURE]


@pytest.mark.parametrize("model", CUFFS)
async def test_a_cuff_of_each_model_tells_what_its_display_showed(model: str) -> None:
    shown = [(138, 88, 60), (141, 91, 87)]
    async with home(BloodPressureCuff, model) as (cuff, inbox):
        for number, (systolic, diastolic, pulse) in enumerate(shown):
            at = AT + number * timedelta(minutes=2)
            await cuff.measure(
                systolic=systolic, diastolic=diastolic, pulse=pulse, at=at, status=4 * number
            )
            await inbox.session()
    assert inbox.refused == []
    assert len(inbox.identities) == len(shown)
    told = {
        (
            o.quantities[QuantityName.SYSTOLIC],
            o.quantities[QuantityName.DIASTOLIC],
            o.quantities[QuantityName.PULSE].value,
        )
        for o in inbox.observations
    }
    assert told == {(_mmhg(high), _mmhg(low), Decimal(rate)) for high, low, rate in shown}
    for observation in inbox.observations:
        irregular = observation.quantities[QuantityName.SYSTOLIC].value == 141
        assert (QualityFlag.IRREGULAR_PULSE in observation.flags) is irregular
        mean = observation.quantities.get(QuantityName.MEAN)
        assert mean is None or mean.value != 0


async def test_the_cuff_with_a_user_byte_of_its_own_keeps_its_users_apart() -> None:
    async with home(BloodPressureCuff, "BM85") as (cuff, inbox):
        for user in (0, 1):
            await cuff.measure(systolic=120, diastolic=80, pulse=70, at=AT, user_id=user)
            await inbox.session()
    assert {observation.user_slot for observation in inbox.observations} == {0, 1}


async def test_a_failed_measurement_with_status_zero_has_no_value() -> None:
    nothing = Special.NAN
    async with home(BloodPressureCuff, "boso medicus") as (cuff, inbox):
        await cuff.measure(systolic=nothing, diastolic=nothing, pulse=nothing, at=AT)
        await inbox.session()
    (observation,) = inbox.observations
    for quantity in observation.quantities.values():
        assert (quantity.value, quantity.no_value) == (None, NoValue.NAN)


@pytest.mark.parametrize("model", ["UA-651BLE", "BM57"])
async def test_a_cuffs_clock_is_looked_at_and_set_wherever_it_is(model: str) -> None:
    clock = DeviceClock.shifted(-HALF_AN_HOUR, since=AT)
    async with home(BloodPressureCuff, model, clock) as (cuff, inbox):
        await cuff.measure(systolic=120, diastolic=80, pulse=70, at=AT)
        summary = await inbox.session()
        assert summary.clocks is not None
        assert summary.clocks.device_time == LOCAL - HALF_AN_HOUR
        await cuff.measure(systolic=121, diastolic=80, pulse=70, at=AT)
        summary = await inbox.session()
        assert summary.clocks is not None
        assert abs(summary.clocks.device_time - LOCAL) < timedelta(seconds=2)


async def test_a_meters_clock_in_its_glucose_service_is_set_too() -> None:
    clock = DeviceClock.shifted(-HALF_AN_HOUR, since=AT)
    async with home(Glucometer, "Accu-Chek Guide", clock) as (meter, inbox):
        await meter.measure(glucose_mmol=6.2, at=AT, unit="mg/dL")
        summary = await inbox.session()
    assert summary.clocks is not None
    assert summary.clocks.device_time == LOCAL - HALF_AN_HOUR
    (observation,) = inbox.observations
    assert observation.quantities[QuantityName.GLUCOSE].unit == "kg/L"


async def test_numbers_that_move_add_nothing_when_the_memory_is_read_again() -> None:
    async with home(Glucometer, "DM30b") as (meter, inbox):
        for number in range(3):
            at = AT + number * timedelta(hours=1)
            await meter.measure(glucose_mmol=5.1 + number, at=at, meal="fasting")
            summary = await inbox.session()
            assert summary.high_water is None
            assert summary.clocks is None
    assert len(inbox.observations) > 3  # each session brought everything
    assert len(inbox.identities) == 3
    assert {observation.sequence for observation in inbox.observations} == {None}


async def test_a_ketone_test_is_told_from_a_glucose_test() -> None:
    async with home(Glucometer, "CareSens Dual") as (meter, inbox):
        await meter.measure_ketone(ketone_mmol=1.2, at=AT)
        await inbox.session()
        await meter.measure(glucose_mmol=6.1, at=AT + HALF_AN_HOUR, meal="fasting")
        await inbox.session()
    said = {
        observation.kind: next(iter(observation.quantities.items()))
        for observation in inbox.observations
    }
    assert said[Vital.KETONE] == (
        QuantityName.KETONE,
        Quantity(value=Decimal("1.2"), unit="mmol/L"),
    )
    assert said[Vital.GLUCOSE][1] == Quantity(value=Decimal("0.0061"), unit="mol/L")


async def test_control_solution_comes_marked() -> None:
    async with home(Glucometer, "Contour Next One") as (meter, inbox):
        await meter.measure(glucose_mmol=6.1, at=AT, sample_type=10)
        await inbox.session()
    (observation,) = inbox.observations
    assert observation.flags == (QualityFlag.CONTROL_SOLUTION,)


def test_simulated_means_that_the_simulator_imitates_it_and_this_file_reads_it() -> None:
    simulated = {name for name, row in MODELS.items() if row.level is Evidence.SIMULATED_FAULTS}
    assert simulated == IMITATED.keys() & MODELS.keys()
    for name in simulated:
        assert MODELS[name].maker == IMITATED[name].maker
