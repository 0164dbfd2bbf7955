"""What a tester orders is what the simulated devices do, on a real broker."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttMessage, MqttSession, MqttSettings, mqtt_session
from device_adapters.mqtt.payloads.body import Arrival, PayloadError
from device_adapters.mqtt.payloads.hearthwatch import decode_reading
from firmware_sim.device_clock import ClockKind
from firmware_sim.faults.table import kinds_for
from firmware_sim.peripheral import BloodPressureCuff, Glucometer
from firmware_sim.profiles.names import Profile
from gateway.broker import LocalBroker
from rules.vocabulary import HubId, HubStamp, Observation, QuantityName
from service.lab import orders
from service.lab.broken_devices import Mishaps, demo_mishaps
from service.lab.control import Order, OrderError
from service.lab.disturbances import disturb
from service.lab.homes import planned
from service.lab.homes_settings import DEVICE_USER, HomesSettings
from service.lab.neighbourhood import Neighbourhood, open_neighbourhood
from service.lab.seed import FRONT, ZONE

pytestmark = pytest.mark.peer

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A neighbourhood, and an ear at the broker."""

    around: Neighbourhood
    ear: MqttSession

    async def heard(self) -> MqttMessage:
        async with asyncio.timeout(5):
            return (await self.ear.take(1))[0]


@asynccontextmanager
async def scene(broker: LocalBroker, folder: Path) -> AsyncGenerator[Scene]:
    settings = HomesSettings(
        timekeeper="",
        broker_host=broker.host,
        broker_port=broker.port,
        passwords={DEVICE_USER: broker.credentials(DEVICE_USER).password},
        hub_secrets={},
        seed=7,
        days=3,
        start=NOW - timedelta(days=3),
        played_until=NOW - timedelta(days=3),
    )
    front = MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id=f"ear-{folder.name}",
        user=FRONT,
        password=broker.credentials(FRONT).password,
    )
    async with mqtt_session(front) as ear:
        await ear.subscribe("dev/1/+/reading")
        async with open_neighbourhood(folder, settings, planned(settings)) as around:
            yield Scene(around=around, ear=ear)


def decoded(message: MqttMessage) -> Observation:
    stamp = HubStamp(boot_id="b", monotonic_s=0.0, wall=NOW, wall_trusted=True)
    return decode_reading(
        message.payload,
        Arrival(
            topic=message.topic,
            retain=message.retain,
            received=stamp,
            hub=HubId(FRONT),
            session="s",
            ordinal=1,
            zone=ZONE,
        ),
    )


async def test_measure_publishes_what_was_ordered(broker: LocalBroker, tmp_path: Path) -> None:
    async with scene(broker, tmp_path) as on:
        wanted = Order(do="measure", person="p010", systolic=230, diastolic=130, clock="reset")
        assert await orders.measure(on.around, wanted, NOW) == ("W5-010 measured 230/130 mmHg",)
        observation = decoded(await on.heard())
        assert observation.quantities[QuantityName.SYSTOLIC].value == 230
        assert observation.device_time == datetime(2000, 1, 1)  # noqa: DTZ001 - as sent
        low = Order(do="measure", person="p010", glucose="LO")
        await orders.measure(on.around, low, NOW)
        assert decoded(await on.heard()).quantities[QuantityName.GLUCOSE].censored == "below"


async def test_publish_faults_are_faults(broker: LocalBroker, tmp_path: Path) -> None:
    refused: set[str] = set()
    async with scene(broker, tmp_path) as on:
        for fault in orders.PUBLISH_FAULTS:
            await orders.publish(on.around, Order(do="publish", fault=fault), NOW)
            message = await on.heard()
            try:
                observation = decoded(message)
            except PayloadError:
                refused.add(fault)
                continue
            systolic = observation.quantities[QuantityName.SYSTOLIC]
            if fault == "missing-unit":
                assert systolic.unit is None
            if fault == "2047":
                assert systolic.value == 2047
            if fault == "stranger":
                assert observation.device.serial == "W5-999"
    assert {"not-json", "truncated", "not-ours"} <= refused


async def test_a_fresh_battery_forgets_the_time_and_a_plug_is_none(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with scene(broker, tmp_path) as on:
        meter = on.around.households["li"].device
        assert isinstance(meter, Glucometer)
        meter.battery.fall_to(3.0)
        wanted = Order(do="battery", person="li", resets_clock=True)
        (said,) = await orders.change_battery(on.around, wanted)
        assert said == f"{meter.identity.serial} has a fresh battery, its clock shows 2000-01-01"
        assert meter.battery.percent == 100
        with pytest.raises(OrderError, match="has a plug"):
            await orders.change_battery(on.around, Order(do="battery", person="p010"))


async def test_orders_that_make_no_sense_are_refused(broker: LocalBroker, tmp_path: Path) -> None:
    async with scene(broker, tmp_path) as on:
        for wanted, why in (
            (Order(do="measure", person="nobody", systolic=1, diastolic=1), "nobody is called"),
            (Order(do="measure", person="li", systolic=120, diastolic=80), "glucose only"),
            (Order(do="measure", person="wang", glucose=5.0), "blood pressure only"),
            (Order(do="measure", person="wang"), "give --systolic"),
            (Order(do="measure", person="wang", ketone=1.2), "measures no ketones"),
            (Order(do="measure", person="li", ketone=1.2), "measures no ketones"),
        ):
            with pytest.raises(OrderError, match=why):
                await orders.measure(on.around, wanted, NOW)
        with pytest.raises(OrderError, match="Bluetooth"):
            await orders.publish(on.around, Order(do="publish", person="wang", fault="nan"), NOW)
        for person, fault, why in (
            ("wang", "fire", "no fault 'fire'; for this device there are bond-lost-on-device"),
            ("wang", "context-missing", "n/a because only the glucose service"),
            ("p010", "truncated-frame", "n/a because it sends documents"),
            ("nobody", "nan", "nobody is called"),
        ):
            with pytest.raises(OrderError, match=why):
                await disturb(on.around, Order(do="fault", person=person, fault=fault), NOW)


async def test_a_number_the_device_cannot_send_is_refused_with_the_reason(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with scene(broker, tmp_path) as on:
        wang = on.around.device_of("wang")
        assert isinstance(wang, BloodPressureCuff)
        for systolic, diastolic in ((2047, 80), (80, 1e9), (1e308, -1e308)):
            wanted = Order(
                do="measure",
                person="wang",
                systolic=systolic,
                diastolic=diastolic,
                clock="never-set",
            )
            with pytest.raises(OrderError, match=r"cannot send this: \S"):
                await orders.measure(on.around, wanted, NOW)
        assert wang.unsent == ()
        assert wang.clock.kind is ClockKind.RUNNING


async def test_a_device_is_known_by_login_and_by_person(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with scene(broker, tmp_path) as on:
        wang = on.around.device_of("p001")
        assert isinstance(wang, BloodPressureCuff)
        assert wang is on.around.device_of("wang")
        assert wang.clock.kind is ClockKind.RUNNING
        assert len(orders.describe(on.around)) == 48


async def test_mishaps_of_an_earlier_run_are_over(broker: LocalBroker, tmp_path: Path) -> None:
    async with scene(broker, tmp_path) as on:
        start = NOW - timedelta(days=60)
        every = demo_mishaps(on.around, start=start, days=60)
        assert len(every) == 10
        assert all(start <= one.at < NOW for one in every)
        later = Mishaps(every, after=every[-2].at)
        assert await later.work(every[-1].at - timedelta(hours=1)) == every[-1].at
        assert await later.work(every[-1].at) is None
        with pytest.raises(PayloadError):
            decoded(await on.heard())


@pytest.mark.row("S6")
async def test_every_fault_of_a_persons_device_can_be_ordered_and_undone(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with scene(broker, tmp_path) as on:
        for person, profile in (("wang", Profile.BLOOD_PRESSURE), ("li", Profile.GLUCOSE)):
            household = on.around.households[person]
            for kind in kinds_for(profile):
                wanted = Order(do="fault", person=person, fault=kind.name)
                outcome = kind.expects[profile].partition(":")[0]
                async with asyncio.TaskGroup() as group:
                    taken = None
                    if outcome not in {"pairing_cause", "refused", "stored_later"}:
                        taken = group.create_task(forget_what_is_told(household.device))
                    said = await disturb(on.around, wanted, NOW)
                    if taken is not None:
                        taken.cancel()
                assert said == (
                    f"{household.device.identity.serial}: {kind.says}",
                    f"what should come of it: {kind.expects[profile]}",
                )
                nothing = Order(do="fault", person=person, fault="none")
                (told,) = await disturb(on.around, nothing, NOW)
                assert "nothing is wrong" in told


async def forget_what_is_told(device: BloodPressureCuff | Glucometer) -> None:
    """Stands for a hub: whatever the device wants to tell is soon taken."""
    while True:
        await asyncio.sleep(0.002)
        device.memory.clear()
        device.recover()
        await device.end_pairing_mode()


@pytest.mark.row("S6")
async def test_a_fault_of_a_publishing_device_reaches_the_broker(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with scene(broker, tmp_path) as on:
        said = await disturb(on.around, Order(do="fault", person="p010", fault="clock-reset"), NOW)
        assert said[1] == "what should come of it: arrival_time"
        first = decoded(await on.heard())
        assert first.device_time == datetime(2000, 1, 1)  # noqa: DTZ001 - as sent
        await disturb(on.around, Order(do="fault", person="p010", fault="sequence-gap"), NOW)
        numbers = [decoded(await on.heard()).sequence for _ in range(2)]
        assert numbers[0] is not None
        assert numbers[1] is not None
        assert numbers[1] - numbers[0] > 1
        await disturb(on.around, Order(do="fault", person="p010", fault="unregistered-device"), NOW)
        assert decoded(await on.heard()).device.serial == "W5-999"
