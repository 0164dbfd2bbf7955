"""Other consumers of the core's load, with the same broker, client library, window and receipts.

Run as `python -m service.lab.bench_peer MODE HOST PORT` with the core's password on standard input.
`bare` looks at the topic only: what receiving over MQTT costs by itself. `river` decodes and keeps
the same statistics on plain river objects in a dict, with a level rule and a 2-of-3 rule; it stores
nothing. Both answer with receipts, without which hubs would stop at their windows.
`python -m service.lab.bench_peer memory PATTERNS PEOPLE` prints what the river objects of one
person take.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from device_adapters.mqtt.client import MqttMessage, MqttSettings, mqtt_session
from firmware_sim.template_people import Taken
from rules.vocabulary import HubId, Observation, QuantityName
from rules.wire import (
    RECEIPT_VERSION,
    TOPICS,
    Lane,
    Receipt,
    decode_envelope,
    encode_receipt,
    parse_uplink_topic,
    receipt_topic,
)
from service.lab.bench_people import read_patterns
from service.lab.bench_river import RiverPerson, Series

_BURST = 1000
_BATCH_S = 0.02

Work = Callable[[Sequence[MqttMessage]], None]


class River:
    """People by device, each a bundle of river objects."""

    def __init__(self) -> None:
        self.people: dict[str, RiverPerson] = {}
        self.flagged = 0

    def take(self, messages: Sequence[MqttMessage]) -> None:
        """Decode and judge; unreadable messages do not occur here."""
        for message in messages:
            self.judge(decode_envelope(message.payload).observation)

    def judge(self, observation: Observation) -> None:
        """One observation against the usual of its person, then learned."""
        who = observation.device.serial.partition("-")[0]
        person = self.people.get(who)
        if person is None:
            person = self.people[who] = RiverPerson()
        at = observation.device_time or observation.received.wall
        for name, quantity in observation.quantities.items():
            if quantity.value is not None and name in _TRACKED:
                value = float(quantity.value)
                self.flagged += person.judge(_TRACKED[name], value, at)


_TRACKED = {
    QuantityName.SYSTOLIC: Series.SYSTOLIC,
    QuantityName.DIASTOLIC: Series.DIASTOLIC,
    QuantityName.PULSE: Series.PULSE,
    QuantityName.GLUCOSE: Series.GLUCOSE,
}


def nothing(_messages: Sequence[MqttMessage]) -> None:
    """Receive and do no work."""


def say_ready() -> None:
    """Tell whoever started this process that messages are heard from now on."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


async def consume(
    settings: MqttSettings, work: Work, ready: Callable[[], None] = say_ready
) -> None:
    """Take what has arrived, work on it, tell every lane how far it is; until cancelled.

    `ready` is called once messages are heard: what was sent before comes again after 30 s only.
    """
    through: dict[tuple[HubId, str, Lane], int] = {}
    async with mqtt_session(settings) as session:
        await session.subscribe(f"{TOPICS}/up/#")
        ready()
        while True:
            messages = await session.take(_BURST)
            work(messages)
            moved: dict[tuple[HubId, str, Lane], int] = {}
            for message in messages:
                hub, epoch, lane, sequence = parse_uplink_topic(message.topic)
                mark = (hub, epoch, lane)
                if sequence == through.get(mark, 0) + 1:
                    moved[mark] = through[mark] = sequence
            for (hub, epoch, lane), mark in moved.items():
                receipt = Receipt(v=RECEIPT_VERSION, hub=hub, epoch=epoch, lane=lane, through=mark)
                session.publish_nowait(
                    receipt_topic(hub, epoch, lane), encode_receipt(receipt), retain=True
                )
            await asyncio.sleep(0)


def memory(patterns_file: Path, people: int) -> float:
    """Octets a person of the river objects, each having learned a pattern's readings."""
    patterns = read_patterns(patterns_file.read_bytes())
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    found: dict[str, RiverPerson] = {}
    for number in range(people):
        person = found[f"p{number:07d}"] = RiverPerson()
        for taken in patterns[number % len(patterns)].past:
            _learn(person, taken)
    return (process.memory_info().rss - before) / people


def _learn(person: RiverPerson, taken: Taken) -> None:
    for name, quantity in taken.reading.quantities:
        if quantity.value is not None:
            person.judge(Series(name), quantity.value, taken.at)


def _settings(host: str, port: int, password: str) -> MqttSettings:
    return MqttSettings(
        host=host,
        port=port,
        client_id="bench-peer",
        user="core",
        password=password,
        outgoing_limit=500_000,
    )


def _main(words: Sequence[str]) -> None:
    if words[0] == "memory":
        sys.stdout.write(f"{memory(Path(words[1]), int(words[2])):.0f}\n")
        return
    password = sys.stdin.readline().strip()
    work = River().take if words[0] == "river" else nothing
    asyncio.run(consume(_settings(words[1], int(words[2]), password), work))


if __name__ == "__main__":
    _main(sys.argv[1:])
