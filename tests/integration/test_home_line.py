"""The family's own broker: Home Assistant sees the devices, a speaker speaks, county or not."""

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from device_adapters.mqtt.client import MqttSession, MqttSettings, MqttWill, connect
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff
from gateway.broker import LocalBroker
from gateway.clock import ManualClock, WallClock
from gateway.commands import CommandBody
from gateway.home_assistant import Home, device_id
from gateway.home_line import HomeLine, HomeSources, Instructions
from gateway.hub import Hub
from gateway.hub_settings import HubSettings, TimeSource
from gateway.hub_status import DeviceLabel, DeviceReport
from rules.vocabulary import (
    Bound,
    HubId,
    Observation,
    Origin,
    Quantity,
    QuantityName,
    Vital,
)
from tests.fakes.receipt_peer import ReceiptPeer
from tests.fakes.virtual_agent import VirtualAgent
from tests.integration import test_hub_radio
from tests.integration.test_hub import login
from tests.unit.gateway.observations import CUFF, START, blood_pressure

pytestmark = pytest.mark.peer

ZONE = ZoneInfo("Asia/Shanghai")
HOME = Home(hub=HubId("hub-home"), language="en", version="1.2", zone=ZONE)
REPORT = DeviceReport(
    device=DeviceLabel(manufacturer="Acme", model="BP1", serial="S1"),
    address="C0:00:00:00:00:01",
    battery_percent=87,
)
ID = device_id("Acme/BP1/S1")
CONFIG, STATE = f"homeassistant/device/{ID}/config", f"hearthwatch/hub-home/device/{ID}/state"
SAY, ONLINE = "hearthwatch/hub-home/say", "hearthwatch/hub-home/online"
REST: Instructions = ({"zh": "请坐下。", "en": "Sit down."},)
CALL: Instructions = ({"zh": "请拨打120。", "en": "Call 120."}, *REST)

Json = dict[str, object]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A broker as a family runs it: anybody on the home's network may do anything."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="hw-test-home-"))
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = await asyncio.create_subprocess_exec(
        program, "-c", config, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(folder)


def ear(port: int, name: str = "ear") -> AbstractAsyncContextManager[MqttSession]:
    return connect("127.0.0.1", port, client_id=name)


class Told:
    """What the home hears: the last payload of each topic, and everything that was said."""

    def __init__(self, session: MqttSession) -> None:
        self._session = session
        self.last: dict[str, bytes] = {}
        self.said: list[bytes] = []

    async def until(self, topic: str, payload: bytes | None = None) -> bytes:
        """Hear messages until one of `topic` (with that payload) comes."""
        async with asyncio.timeout(10):
            while True:
                (message,) = await self._session.take(1)
                self.last[message.topic] = message.payload
                if message.topic == SAY:
                    self.said.append(message.payload)
                if message.topic == topic and payload in (None, message.payload):
                    return message.payload

    async def json(self, topic: str) -> Json:
        return cast("Json", json.loads(await self.until(topic)))


class House:
    """The sources of a line, as a test sets them."""

    def __init__(self, port: int) -> None:
        self.clock = ManualClock(START)
        self.devices: tuple[DeviceReport, ...] = (REPORT,)
        self.instructions: Instructions = ()
        self.line = HomeLine(
            home=HOME,
            broker=MqttSettings(
                host="127.0.0.1",
                port=port,
                client_id="hub-home-home",
                will=MqttWill(topic=ONLINE, payload=b"offline", retain=True),
            ),
            clock=self.clock,
            sources=HomeSources(
                devices=lambda: self.devices, instructions=lambda _: self.instructions
            ),
        )

    def look(self, after_s: float = 1) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(seconds=after_s))

    async def looking(self, told: "Told", topic: str, payload: bytes | None = None) -> bytes:
        """Let seconds pass until a message comes: the line may be busy when one of them does."""
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            heard = group.create_task(told.until(topic, payload), name="told")
            while not heard.done():
                self.look()
                await asyncio.wait([heard], timeout=0.02)
        return heard.result()


@contextlib.asynccontextmanager
async def running(house: House) -> AsyncGenerator[asyncio.Task[None]]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.line.run(), name="home line")
        yield task
        task.cancel()


@pytest.mark.row("I4")
async def test_a_device_appears_in_home_assistant_with_its_values_and_goes_when_it_leaves(
    port: int,
) -> None:
    house = House(port)
    house.line.note([replace(blood_pressure(1), user_slot=2)])
    async with ear(port) as session, running(house):
        await session.subscribe("#")
        told = Told(session)
        config = await told.json(CONFIG)
        assert told.last[ONLINE] == b"online"
        assert config["dev"] == {
            "ids": [ID],
            "name": "Acme BP1",
            "mf": "Acme",
            "mdl": "BP1",
            "sn": "S1",
        }
        assert config["state_topic"] == STATE
        assert config["availability_topic"] == ONLINE
        components = cast("dict[str, dict[str, str]]", config["cmps"])
        assert set(components) == {
            *("systolic", "diastolic", "reading", "received", "user", "battery")
        }
        assert components["systolic"] == {
            "p": "sensor",
            "name": "Systolic",
            "unique_id": f"{ID}_systolic",
            "value_template": "{{ value_json.systolic }}",
            "unit_of_measurement": "mmHg",
            "state_class": "measurement",
        }
        assert components["battery"]["device_class"] == "battery"
        state = await told.json(STATE)
        assert (state["systolic"], state["diastolic"], state["battery"]) == (138, 88, 87)
        assert state["user"] == "2"
        house.devices = ()
        await house.looking(told, CONFIG, b"")
        await told.until(STATE, b"")
    async with ear(port) as late:  # nothing is left for whoever comes later
        await late.subscribe("homeassistant/#", "hearthwatch/hub-home/device/#")
        await late.publish("homeassistant/end", b"")
        assert (await late.take(10))[0].topic == "homeassistant/end"


async def test_what_a_former_run_showed_of_a_device_that_left_is_taken_away(port: int) -> None:
    async with ear(port) as session:
        gone = device_id("Acme/BP1/gone")
        await session.publish(STATE, b"{}", retain=True)
        await session.publish(f"hearthwatch/hub-home/device/{gone}/state", b"{}", retain=True)
        await session.subscribe("homeassistant/#")
        house = House(port)
        async with running(house):
            told = Told(session)
            await house.looking(told, f"homeassistant/device/{gone}/config", b"")
            # Ours has not measured since the restart: what stands of it stays.
            assert CONFIG not in told.last


async def test_home_assistant_is_told_again_when_it_starts(port: int) -> None:
    house = House(port)
    house.line.note([blood_pressure(1)])
    async with ear(port) as session, running(house):
        await session.subscribe("homeassistant/#")
        told = Told(session)
        first = await told.until(CONFIG)
        await session.publish("homeassistant/status", b"online")
        await told.until("homeassistant/status")
        again = await house.looking(told, CONFIG)
        assert again == first


@pytest.mark.row("I4")
async def test_an_instruction_is_said_at_once_every_20_s_and_ended_by_nothing(port: int) -> None:
    house = House(port)
    house.instructions = REST
    async with ear(port) as session:
        await session.subscribe(SAY, ONLINE)
        told = Told(session)
        async with running(house):
            said = await told.json(SAY)
            assert said == {"zh": "请坐下。", "en": "Sit down.", "at": START.isoformat()}
            again = json.loads(await house.looking(told, SAY))
            waited = datetime.fromisoformat(again["at"]) - START
            assert timedelta(seconds=20) <= waited <= timedelta(seconds=22)
            house.instructions = CALL
            more = json.loads(await house.looking(told, SAY))
            assert (more["zh"], more["en"]) == ("请拨打120。请坐下。", "Call 120. Sit down.")
            house.instructions = ()
            assert await house.looking(told, SAY) == b""
        assert len(told.said) == 4


def glucose(**changes: object) -> Observation:
    quantity = Quantity(unit="mol/L", **{"value": Decimal("0.00543"), **changes})  # pyright: ignore[reportArgumentType]
    return replace(
        blood_pressure(1), kind=Vital.GLUCOSE, quantities={QuantityName.GLUCOSE: quantity}
    )


async def test_values_are_in_units_people_read_and_lo_is_a_word(port: int) -> None:
    house = House(port)
    house.line.note([glucose()])
    async with ear(port) as session, running(house):
        await session.subscribe("#")
        told = Told(session)
        config = await told.json(CONFIG)
        components = cast("dict[str, dict[str, str]]", config["cmps"])
        assert components["glucose"]["unit_of_measurement"] == "mmol/L"
        assert (await told.json(STATE))["glucose"] == 5.4
        house.line.note([replace(glucose(value=None, censored=Bound.BELOW), ordinal=2)])
        low = json.loads(await house.looking(told, STATE))
        assert (low["glucose"], low["reading"]) == (None, "glucose LO")


async def test_an_older_record_of_a_memory_does_not_replace_a_newer_one(port: int) -> None:
    house = House(port)
    at = START.astimezone(ZONE).replace(tzinfo=None)
    newer = replace(blood_pressure(1, systolic=150), device_time=at)
    older = replace(blood_pressure(2, systolic=120), device_time=at - timedelta(days=1))
    house.line.note([newer, older])
    async with ear(port) as session, running(house):
        await session.subscribe(STATE)
        assert (await Told(session).json(STATE))["systolic"] == 150


@pytest.mark.row("I4")
async def test_the_speaker_speaks_with_the_countys_line_dead(port: int, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        settings = HubSettings(
            hub_id="hub-home",
            secret_hex=SecretStr(bytes(range(32)).hex()),
            data_dir=tmp_path,
            time_source=TimeSource.ALWAYS,
            broker_port=int(nobody.getsockname()[1]),
            bluetooth=False,
            home_broker_host="127.0.0.1",
            home_broker_port=port,
        )
        now = WallClock().now()
        high = blood_pressure(1, systolic=230, diastolic=130, origin=Origin.LIVE)
        high = replace(
            high,
            device_time=now.astimezone(ZONE).replace(tzinfo=None),
            received=replace(high.received, wall=now),
        )
        async with ear(port) as session, Hub(settings, WallClock()) as hub:
            await session.subscribe(SAY, ONLINE)
            told = Told(session)
            await told.until(ONLINE, b"online")
            assert not hub.uplink.connected
            await hub.spool.add_decided([high])
            await hub.note_spooled([high])
            said = await told.json(SAY)
            assert "120" in str(said["zh"])
            assert "call 120" in str(said["en"])
            assert hub.home is not None
            assert hub.home.up


@pytest.mark.row("I4")
async def test_a_paired_cuff_shows_its_measurement_and_leaves_with_its_owner(
    port: int, broker: LocalBroker, tmp_path: Path
) -> None:
    link = VirtualLink()
    chosen = HubSettings(
        hub_id=test_hub_radio.HUB,
        secret_hex=SecretStr(test_hub_radio.SECRET.hex()),
        data_dir=tmp_path,
        time_source=TimeSource.ALWAYS,
        broker_host=broker.host,
        broker_port=broker.port,
        broker_password=SecretStr(broker.credentials("hub-home").password),
        home_broker_host="127.0.0.1",
        home_broker_port=port,
        language="zh",
    )
    identity = test_hub_radio.CUFF
    config = f"homeassistant/device/{device_id(f'Acme/BP-1/{identity.serial}')}/config"
    async with (
        ear(port) as session,
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        VirtualRadio(link, test_hub_radio.RADIO) as radio,
        BloodPressureCuff(link, identity, strict_pairing=True) as cuff,
    ):
        await peer.command(test_hub_radio.HUB, b"")
        await session.subscribe("#")
        told = Told(session)
        async with Hub(
            chosen,
            WallClock(),
            scanner_backend=radio.scanner_backend,
            client_backend=radio.client_backend,
            agent=VirtualAgent(radio),
        ) as hub:
            here = test_hub_radio.Home(hub, peer)
            await here.pair(cuff, "home-line")
            await cuff.measure(systolic=141, diastolic=90, at=WallClock().now())
            await cuff.transferred()
            shown = await told.json(config)
            components = cast("dict[str, dict[str, str]]", shown["cmps"])
            assert components["systolic"]["name"] == "收缩压"
            state = await told.json(str(shown["state_topic"]))
            assert (state["systolic"], state["diastolic"]) == (141, 90)
            await here.command(CommandBody(bindings_known=("Other/X/1",)))
            await told.until(config, b"")


async def test_the_house_learns_that_the_hub_is_gone(port: int) -> None:
    async with ear(port) as session:
        await session.subscribe(ONLINE)
        told = Told(session)
        async with running(House(port)):
            await told.until(ONLINE, b"online")
        assert await told.until(ONLINE) == b"offline"


def test_the_hub_beside_the_countys_broker_has_no_home_line(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no home"):
        HubSettings(
            hub_id="hub-front",
            secret_hex=SecretStr(bytes(range(32)).hex()),
            data_dir=tmp_path,
            mqtt_devices=True,
            home_broker_host="127.0.0.1",
        )


def test_the_cuff_of_these_tests_has_the_key_of_its_report() -> None:
    assert device_id(CUFF.key) == ID
