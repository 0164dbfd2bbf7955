"""What becomes of every awkward message: a table in docs/mqtt.md, measured on a real mosquitto."""

import asyncio
import contextlib
import json
import struct
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_adapters.mqtt.client import MqttMessage, MqttSettings
from device_adapters.mqtt.payloads import theengs
from device_adapters.mqtt.payloads.body import MAX_PAYLOAD_BYTES
from gateway.broker import LocalBroker
from gateway.clock import ManualClock
from gateway.hub_front import MqttFront
from gateway.refused import decode_refused
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.identity import is_undated_unnumbered, observation_identity
from rules.vocabulary import HubId, Observation
from rules.wire import Lane, decode_observation
from tests.unit.device_adapters.test_mqtt_formats import FHIR, OMH, SCALE, point
from tests.unit.gateway.observations import START

DOCUMENT = Path(__file__).parents[2] / "docs" / "mqtt.md"
BEGIN, END = "<!-- outcomes: measured -->\n", "<!-- end of outcomes -->"
ZONE = ZoneInfo("Asia/Shanghai")
KEY, OTHER = "Acme~NetCuff~N-1", "Acme~NetCuff~N-2"
TOPIC = f"dev/1/{KEY}/reading"

Json = dict[str, object]


def reading(key: str = KEY, number: int | None = 7, *, dated: bool = True) -> bytes:
    manufacturer, model, serial = key.split("~")
    shown = START.astimezone(ZONE).replace(tzinfo=None).isoformat()
    body: Json = {
        "v": 1,
        "device": {"manufacturer": manufacturer, "model": model, "serial": serial},
        "kind": "blood_pressure",
        "device_time": shown if dated else None,
        "sequence": number,
        "quantities": {"systolic": {"value": 138, "unit": "mm[Hg]"}},
    }
    return json.dumps(body).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """One PUBLISH packet at QoS 1."""

    payload: bytes
    topic: str = TOPIC
    retain: bool = False
    dup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a device publishes; `before` is there when the front connects, which it does twice."""

    name: str
    said: tuple[Publish, ...]
    why: str
    before: bool = False


BARE = reading(number=None, dated=False)
CASES = (
    Case(name="a reading", said=(Publish(payload=reading()),), why="the usual way"),
    Case(
        name="retained, with its time",
        said=(Publish(payload=reading(), retain=True),),
        before=True,
        why="handed out at each connection of the hub, and the same record each time",
    ),
    Case(
        name="retained, without time and number",
        said=(Publish(payload=BARE, retain=True),),
        before=True,
        why="of unknown age, so history and never a ring; one record however often it comes",
    ),
    Case(
        name="a retained message taken away",
        said=(Publish(payload=b"", retain=True),),
        why="an empty payload says nothing",
    ),
    Case(
        name="sent twice (DUP), with time or number",
        said=(Publish(payload=reading()), Publish(payload=reading(), dup=True)),
        why="the core stores one; the repetition changes nothing",
    ),
    Case(
        name="sent twice (DUP), without time and number",
        said=(Publish(payload=BARE), Publish(payload=BARE, dup=True)),
        why="may be two readings, so both are kept, marked as a possible repeat: rules count one",
    ),
    Case(
        name="larger than 16 KiB",
        said=(Publish(payload=b" " * (MAX_PAYLOAD_BYTES + 1)), Publish(payload=reading())),
        why="quarantined with its first 16 KiB; the stream goes on",
    ),
    Case(
        name="larger than the broker takes (256 KiB)",
        said=(Publish(payload=b" " * 300_000), Publish(payload=reading())),
        why="the broker acknowledges and drops it",
    ),
    Case(
        name="not JSON",
        said=(Publish(payload=b"\x00\xff"), Publish(payload=reading())),
        why="quarantined by name; the stream goes on",
    ),
    Case(
        name="a topic of no format",
        said=(Publish(payload=reading(), topic=f"dev/1/{KEY}/status"),),
        why="nobody listens there",
    ),
    Case(
        name="a format's topic with another version",
        said=(Publish(payload=reading(), topic=f"dev/2/{KEY}/reading"),),
        why="the access list has no such topic",
    ),
    Case(
        name="under another device's name",
        said=(Publish(payload=reading(OTHER), topic=f"dev/1/{OTHER}/reading"),),
        why="the broker acknowledges and drops it: a device writes below its own name only",
    ),
    Case(
        name="another device in the body",
        said=(Publish(payload=reading(OTHER)),),
        why="quarantined: body and topic must name the same device",
    ),
    Case(
        name="as a hub's uplink",
        said=(Publish(payload=reading(), topic="hw/1/up/hub-front/e/live/1"),),
        why="the broker acknowledges and drops it",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the hub's spool holds afterwards."""

    observations: tuple[Observation, ...]
    refused: tuple[str, ...]
    repeats: int

    def row(self, case: Case) -> str:
        """The line of the table."""
        lanes = sorted({one.origin.value for one in self.observations})
        kept = f"{len(self.observations)} ({', '.join(lanes)})" if lanes else "-"
        marked = ", possible repeats" if self.marked else ""
        fields = ", ".join(self.refused) or "-"
        return f"| {case.name} | {kept}{marked} | {fields} | {case.why} |"

    @property
    def marked(self) -> bool:
        """Whether the records may repeat each other."""
        return len(self.observations) > 1 and all(map(is_undated_unnumbered, self.observations))


class RawDevice:
    """An MQTT 3.1.1 client that writes the packets itself: no library sets DUP on request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._id = 0

    async def publish(self, message: Publish) -> None:
        """Send the packet and wait for its PUBACK."""
        self._id += 1
        head = 0x32 | (0x08 if message.dup else 0) | (0x01 if message.retain else 0)
        body = _field(message.topic.encode()) + struct.pack("!H", self._id) + message.payload
        self._writer.write(bytes([head]) + _length(len(body)) + body)
        assert await self._reader.readexactly(4) == b"\x40\x02" + struct.pack("!H", self._id)


@contextlib.asynccontextmanager
async def device(broker: LocalBroker, key: str = KEY) -> AsyncGenerator[RawDevice]:
    login = broker.credentials(f"device-{key}")
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    fields = b"".join(_field(one.encode()) for one in ("raw", login.username, login.password))
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + fields
    writer.write(b"\x10" + _length(len(body)) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    try:
        yield RawDevice(reader, writer)
    finally:
        writer.write(b"\xe0\x00")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _field(octets: bytes) -> bytes:
    return struct.pack("!H", len(octets)) + octets


def _length(count: int) -> bytes:
    out = bytearray()
    while True:
        count, low = divmod(count, 128)
        out.append(low | (0x80 if count else 0))
        if not count:
            return bytes(out)


def a_front(spool: Spool, broker: MqttSettings) -> MqttFront:
    async def on_spooled(_: list[Observation]) -> None:
        await asyncio.sleep(0)

    return MqttFront(
        hub=HubId("hub-front"),
        spool=spool,
        stamps=Stamps(ManualClock(START + timedelta(seconds=30)), always),
        broker=broker,
        zone=ZONE,
        on_spooled=on_spooled,
    )


def login(broker: LocalBroker) -> MqttSettings:
    front = broker.credentials("hub-front")
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id="front-outcomes",
        user=front.username,
        password=front.password,
    )


@contextlib.asynccontextmanager
async def connected(spool: Spool, broker: LocalBroker) -> AsyncGenerator[MqttFront]:
    front = a_front(spool, login(broker))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(front.run(), name="front")
        await front.fence()
        yield front
        await front.fence()
        running.cancel()


async def held(spool: Spool) -> Outcome:
    """Distinct observations of a spool, as the core would store them, and what was refused."""
    found: dict[str, Observation] = {}
    refused: list[str] = []
    count = 0
    for lane in Lane:
        for message in await spool.unsent(lane, 0, 100):
            if message.refused:
                said = decode_refused(message.body)
                assert said is not None
                refused.append(said.field)
            else:
                count += 1
                observation = decode_observation(message.body)
                found.setdefault(observation_identity(observation), observation)
    return Outcome(
        observations=tuple(found.values()),
        refused=tuple(refused),
        repeats=count - len(found),
    )


async def outcome(case: Case, broker: LocalBroker, folder: Path) -> Outcome:
    async with asyncio.timeout(30), Spool.open(folder / "spool.db") as spool:
        async with device(broker) as sender:
            if case.before:
                for message in case.said:
                    await sender.publish(message)
                for _ in range(2):
                    async with connected(spool, broker):
                        pass
            else:
                async with connected(spool, broker):
                    for message in case.said:
                        await sender.publish(message)
            for message in case.said:
                if message.retain:
                    await sender.publish(replace(message, payload=b""))
        return await held(spool)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.row("L2")
async def test_every_awkward_message_has_the_outcome_that_the_document_tells(
    broker: LocalBroker, tmp_path: Path
) -> None:
    measured: dict[str, Outcome] = {}
    for number, case in enumerate(CASES):
        measured[case.name] = await outcome(case, broker, tmp_path / str(number))
    head = "| a device publishes | observations | refused, by field | because |"
    lines = [head, "|---|---|---|---|"]
    table = "\n".join([*lines, *(measured[case.name].row(case) for case in CASES)]) + "\n"
    _, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    assert rest.partition(END)[0] == table
    # A retained record was handed out twice, and the DUP one sent twice: one observation each.
    assert measured["retained, with its time"].repeats == 1
    assert measured["retained, without time and number"].repeats == 1
    assert measured["sent twice (DUP), with time or number"].repeats == 1


def _records() -> list[tuple[str, bytes]]:
    """A mixed lot of every format that says its time or its own id, one of them refused."""
    omh: list[tuple[str, Json]] = []
    for example, body in OMH.items():
        name, version, *_ = example.split("/")
        if "descriptive_statistic" not in body:
            omh.append((f"omh/1/{KEY}/{name}", point(name, version, body)))
    fhir = [
        (f"fhir/1/{KEY}/Observation", body)
        for name, body in FHIR.items()
        if name not in ("coin-example-1", "phd-74E8FFFEFF051C00.001C05FFE874")
    ]
    scale = [("home/omg-kitchen/BTtoMQTT/5CCAD370D4A2", SCALE)]
    lot = [(topic, json.dumps(body).encode()) for topic, body in [*omh, *fhir, *scale]]
    return [*lot, *((TOPIC, reading(number=number)) for number in range(4))]


RECORDS = _records()


def _same(observation: Observation) -> str:
    """What tells records apart: their identity, of an undated broadcast what it says."""
    if observation.source == theengs.SOURCE:
        return f"{observation.device.key} {observation.quantities}"
    return observation_identity(observation)


async def taken(folder: Path, pieces: list[list[int]]) -> tuple[set[str], set[str], int]:
    """What a hub stores when the records come in these bursts, in this order."""
    folder.mkdir()
    async with Spool.open(folder / "spool.db") as spool:
        front = a_front(spool, MqttSettings(host="127.0.0.1", port=1, client_id="none"))
        for piece in pieces:
            said = [RECORDS[place] for place in piece]
            await front.take([MqttMessage(topic, body, retain=False) for topic, body in said])
        found = await held(spool)
    broadcasts = sum(one.source == theengs.SOURCE for one in found.observations)
    return {_same(one) for one in found.observations}, set(found.refused), broadcasts


@pytest.mark.row("L2")
@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(len(RECORDS))),
    again=st.lists(st.integers(0, len(RECORDS) - 1), max_size=10),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
async def test_any_order_any_repetition_any_split_gives_the_same_observations(
    order: list[int], again: list[int], cuts: list[int]
) -> None:
    said = [*order, *again]
    pieces: list[list[int]] = []
    while said:
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(said[:size])
        said = said[size:]
    with tempfile.TemporaryDirectory() as folder:
        plain = await taken(Path(folder) / "plain", [list(range(len(RECORDS)))])
        assert await taken(Path(folder) / "mixed", pieces) == plain
    kept, refused, broadcasts = plain
    # Two FHIR resources are no measurement known here; two Open mHealth bodies say the same
    # glucose at the same time, one of them with its meal.
    assert (len(kept), refused, broadcasts) == (len(RECORDS) - 3, {"code"}, 1)
