"""A plan played on virtual Bluetooth devices and over a real broker, on a published clock."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import aiomqtt
import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.county import PlannedMeasurement
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import LO, BloodPressureCuff, DeviceClock, Identity
from firmware_sim.physiology.series import BloodPressureValues, GlucoseValues
from firmware_sim.player import Player
from firmware_sim.publisher import MqttDevice
from gateway.broker import LocalBroker

pytestmark = pytest.mark.peer

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
CUFF = Identity(
    manufacturer="Acme", model="BP-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-BP"
)
METER = Identity(manufacturer="Acme", model="GM-5 W", serial="SN/7")
BPM = "00002a35-0000-1000-8000-00805f9b34fb"


def client(broker: LocalBroker, user: str) -> aiomqtt.Client:
    login = broker.credentials(user)
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=login.username,
        password=login.password,
        identifier=f"test-sim-player-{user}",
    )


async def test_a_device_publishes_its_document_on_its_own_topic(broker: LocalBroker) -> None:
    async with client(broker, "hub-front") as reader, client(broker, "bridge-sim") as writer:
        await reader.subscribe("dev/1/+/reading", qos=1)
        meter = MqttDevice(writer, METER, clock=DeviceClock.reset(since=AT))
        payload = await meter.measure_glucose(glucose_mmol=LO, at=AT, meal="fasting")
        await meter.measure_glucose(glucose_mmol=6.7, at=AT + timedelta(minutes=15), unit="mg/dL")
        async with asyncio.timeout(5):
            low, normal = await anext(reader.messages), await anext(reader.messages)
        assert str(low.topic) == "dev/1/Acme~GM-5_W~SN_7/reading"
        assert low.payload == payload
        assert json.loads(payload)["device_time"] == "2000-01-01T00:00:00"
        assert json.loads(payload)["quantities"] == {"glucose": {"text": "LO", "unit": "mmol/L"}}
        assert isinstance(normal.payload, bytes)
        # 6.7 mmol/L x 18.0156 = 120.7
        assert json.loads(normal.payload)["quantities"]["glucose"]["value"] == 121
        assert json.loads(normal.payload)["sequence"] == 2


async def test_a_player_does_what_is_due_and_rests_when_everything_was_heard(
    broker: LocalBroker,
) -> None:
    def planned(minutes: int, values: BloodPressureValues | GlucoseValues) -> PlannedMeasurement:
        ble = isinstance(values, BloodPressureValues)
        return PlannedMeasurement(
            at=AT + timedelta(minutes=minutes),
            person_id="p001" if ble else "p002",
            device=CUFF if ble else METER,
            transport="ble" if ble else "mqtt",
            values=values,
        )

    plan = [
        planned(0, BloodPressureValues(systolic=196, diastolic=112, pulse=90)),
        planned(0, GlucoseValues(glucose_mmol=5.6, meal="fasting")),
        planned(10, BloodPressureValues(systolic=192, diastolic=110, pulse=88)),
    ]
    link, heard = VirtualLink(), list[bytes]()
    async with (
        client(broker, "hub-front") as reader,
        client(broker, "bridge-sim") as writer,
        VirtualRadio(link, "C0:FF:EE:00:00:01") as radio,
        BloodPressureCuff(link, CUFF) as cuff,
    ):
        await reader.subscribe("dev/1/+/reading", qos=1)
        await cuff.pairing_mode()
        await collect(radio, heard, stay=False)  # pairs
        player = Player(
            plan, ble={CUFF.key: cuff}, mqtt={METER.key: MqttDevice(writer, METER)}, rest_s=5
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(collect(radio, heard, stay=True))
            assert await player.work(AT) == AT + timedelta(minutes=10)
        assert [frame[1] for frame in heard] == [196]
        async with asyncio.timeout(5):
            assert (await anext(reader.messages)).payload is not None
        # Nobody collects the third: time goes on, the record stays in the cuff.
        impatient = Player(plan, ble={CUFF.key: cuff}, mqtt={}, rest_s=0.05)
        impatient.skip_through(AT)
        assert impatient.next_at == AT + timedelta(minutes=10)
        assert await impatient.work(AT + timedelta(minutes=10)) is None
        assert [frame[1] for frame in cuff.unsent] == [192]


async def collect(radio: VirtualRadio, heard: list[bytes], *, stay: bool) -> None:
    """One session of a hub: pair where needed, subscribe, take records until the cuff hangs up."""
    device = await BleakScanner.find_device_by_address(
        CUFF.address, timeout=5, backend=radio.scanner_backend
    )
    assert device is not None
    gone = asyncio.Event()

    def keep(_source: BleakGATTCharacteristic, data: bytearray) -> None:
        heard.append(bytes(data))

    async with BleakClient(
        device, lambda _client: gone.set(), pair=True, backend=radio.client_backend
    ) as session:
        await session.start_notify(BPM, keep)
        if stay:
            await asyncio.wait_for(gone.wait(), 5)
