"""Messages of every kind through a real broker: good ones are read, wrong ones sent as asked."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttMessage, MqttSession, MqttSettings, mqtt_session
from device_adapters.mqtt.payloads.body import Arrival
from device_adapters.mqtt.payloads.hearthwatch import KINDS as READ_KINDS
from device_adapters.mqtt.payloads.hearthwatch import decode_reading
from firmware_sim.device_clock import DeviceClock
from firmware_sim.device_mishaps import Sender
from firmware_sim.generator import MessageGenerator, MessagePlan
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import Login, MqttLine
from firmware_sim.publisher import encode_reading
from firmware_sim.readings import KINDS, typical_reading
from gateway.broker import LocalBroker
from rules.codes import QUANTITIES, to_canonical
from rules.vocabulary import HubId, HubStamp, Observation, Origin
from service.cli import main

AT = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
PATIENCE_S, MOST_TURNS = 10.0, 30
DEVICE = Identity(manufacturer="Hearth", model="GEN-1", serial="GEN-0001")


def observed(topic: str, payload: bytes, at: datetime = AT) -> Observation:
    return decode_reading(
        payload,
        Arrival(
            topic=topic,
            retain=False,
            received=HubStamp(boot_id="b", monotonic_s=0.0, wall=at, wall_trusted=True),
            hub=HubId("hub-front"),
            session="s",
            ordinal=1,
            zone=CHINA,
        ),
    )


async def every_turn(generator: MessageGenerator, at: datetime) -> list[datetime]:
    """The instants for which the generator asks, from the first on; fails when it never ends.

    Counted besides timed: a generator that asks for the present again never lets a timer run.
    """
    due: list[datetime] = []
    now: datetime | None = at
    try:
        async with asyncio.timeout(PATIENCE_S):
            while now is not None and len(due) < MOST_TURNS:
                due.append(now)
                now = await generator.work(now)
    except TimeoutError:
        pytest.fail(f"the broker did not acknowledge within {PATIENCE_S:.0f} s: turn {len(due)}")
    if now is not None:
        pytest.fail(f"the generator asks for yet another turn after {MOST_TURNS}, at {now}")
    return due


async def hear(ear: MqttSession, count: int) -> list[MqttMessage]:
    """So many messages or more; fails when they do not come."""
    heard: list[MqttMessage] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(heard) < count:
                heard += await ear.take(20)
    except TimeoutError:
        pytest.fail(f"{len(heard)} of {count} messages arrived within {PATIENCE_S:.0f} s")
    return heard


@pytest.mark.row("S5")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_what_it_is_and_possible(kind: str) -> None:
    assert kind in READ_KINDS
    chance = random.Random(1)  # noqa: S311 - values, not a secret
    shown = AT.astimezone(CHINA).replace(tzinfo=None)
    for number in range(200):
        reading = typical_reading(
            next(one for one in KINDS if one == kind), chance, shown=shown, sequence=number
        )
        seen = observed(f"dev/1/{DEVICE.key}/reading", encode_reading(DEVICE, reading))
        assert seen.kind is READ_KINDS[kind]
        assert (seen.sequence, seen.device_time) == (number, shown)
        assert seen.origin is Origin.LIVE
        for name, quantity in seen.quantities.items():
            assert quantity.value is not None
            assert quantity.unit is not None
            low, high = QUANTITIES[name].possible
            assert low <= to_canonical(name, quantity.value, quantity.unit) <= high


def test_the_same_seed_sends_the_same_octets() -> None:
    def sent(seed: int) -> list[bytes]:
        chance = random.Random(seed)  # noqa: S311 - values, not a secret
        return [
            encode_reading(DEVICE, typical_reading(kind, chance, shown=None, sequence=None))
            for kind in KINDS
        ]

    assert sent(3) == sent(3) != sent(4)


@pytest.mark.peer
@pytest.mark.timeout(30)
@pytest.mark.row("S5")
async def test_the_rate_is_that_of_the_time_handed_in(broker: LocalBroker) -> None:
    front = broker.credentials("hub-front")
    settings = MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id="ear-generator",
        user=front.username,
        password=front.password,
    )
    login = broker.credentials("bridge-sim")
    line = await MqttLine.dial(
        Login(
            host=broker.host,
            port=broker.port,
            client_id="test-generator",
            user="bridge-sim",
            password=login.password,
        ),
        lambda _topic, _payload, _retained: None,
    )
    async with mqtt_session(settings) as ear:
        await ear.subscribe("dev/1/+/reading")
        plan = MessagePlan(kinds=KINDS, rate_per_s=0.1, count=12)
        sender = Sender(
            line=line, identity=DEVICE, at=AT, clock=DeviceClock.right(), neighbour=DEVICE
        )
        generator = MessageGenerator(sender, plan)
        due = await every_turn(generator, AT)
        heard = await hear(ear, 12)
    line.close()
    assert due == [AT + timedelta(seconds=10 * number) for number in range(12)]
    seen = [observed(message.topic, message.payload) for message in heard]
    assert [one.kind for one in seen] == [READ_KINDS[kind] for kind in KINDS] * 2
    local = AT.astimezone(CHINA).replace(tzinfo=None)
    assert [one.device_time for one in seen] == [
        local + timedelta(seconds=10 * number) for number in range(12)
    ]
    assert [one.sequence for one in seen] == list(range(1, 13))


@pytest.mark.peer
@pytest.mark.row("S5")
async def test_the_command_publishes_right_and_wrong_readings_to_any_broker(
    broker: LocalBroker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text(broker.credentials("bridge-a").password)
    front = broker.credentials("hub-front")
    settings = MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id="ear-publish",
        user=front.username,
        password=front.password,
    )
    words = ["sim", "publish", "--broker", f"{broker.host}:{broker.port}", "--user", "bridge-a"]
    words += ["--password-file", str(password), "--serial", "G7"]
    good = ["--kind", "spo2", "--kind", "weight", "--rate", "100", "--count", "4"]
    async with mqtt_session(settings) as ear:
        await ear.subscribe("dev/1/+/reading")
        assert await asyncio.to_thread(main, [*words, *good]) == 0
        assert await asyncio.to_thread(main, [*words, "--fault", "not-ours"]) == 0
        heard = await hear(ear, 5)
    kinds = [json.loads(message.payload).get("kind") for message in heard]
    assert kinds == ["spo2", "weight", "spo2", "weight", None]
    assert {message.topic for message in heard} == {"dev/1/Hearth~GEN-1~G7/reading"}
    assert "4 published, the broker has them" in capfd.readouterr().out
    assert await asyncio.to_thread(main, [*words, "--fault", "stranger"]) == 1
    assert "stranger needs a running demo" in capfd.readouterr().err
    assert main([*words, "--count", "0"]) == 2
