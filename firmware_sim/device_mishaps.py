"""What a device that speaks MQTT itself can do wrong: the faults of `faults/table.py`, for real.

A mishap publishes over an open line, as the device, until the broker has acknowledged it. The same
names are in the table; `hearthwatch sim publish --broker` offers them.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from firmware_sim.device_clock import DeviceClock
from firmware_sim.faults.mqtt import Fault, spoil
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import LineError, MqttLine, encode_publish
from firmware_sim.publisher import Quantity, Reading, encode_reading
from firmware_sim.readings import typical_reading

MEGABYTE = 1_000_000
_GONE_S = 2.0
_DAY = timedelta(days=1)
_TRICKLE_PIECES, _TRICKLE_PAUSE_S = 40, 0.01
_POUNDS_PER_KG = 2.20462262


@dataclass(slots=True, kw_only=True)
class Sender:
    """A device on its open line.

    Attributes:
        line: Logged in as the device.
        identity: Its name plate.
        at: The true, aware instant.
        clock: What it shows.
        sequence: The number of its last reading.
        neighbour: Another device, in whose name it has nothing to say.
    """

    line: MqttLine
    identity: Identity
    at: datetime
    clock: DeviceClock
    sequence: int = 0
    neighbour: Identity

    @property
    def topic(self) -> str:
        """Where its readings belong."""
        return topic_of(self.identity)

    def reading(self, *, user: int | None = None, at: datetime | None = None) -> Reading:
        """A good blood pressure, its number counted as used."""
        self.sequence += 1
        chance = random.Random(self.sequence)  # noqa: S311 - values, not a secret
        shown = self.clock.read(at or self.at)
        reading = typical_reading("blood_pressure", chance, shown=shown, sequence=self.sequence)
        return replace(reading, user=user)

    async def publish(self, payload: bytes, *, topic: str | None = None) -> None:
        """Publish octets on the device's own topic or another; returns after the PUBACK."""
        self.line.publish(self.topic if topic is None else topic, payload)
        await self.line.drain()

    async def send(self, *readings: Reading) -> None:
        """Publish readings as they are."""
        for reading in readings:
            await self.publish(encode_reading(self.identity, reading))


Mishap = Callable[[Sender], Awaitable[None]]


def topic_of(identity: Identity) -> str:
    """Where the readings of a device belong."""
    return f"dev/1/{identity.key}/reading"


async def _retained(sender: Sender) -> None:
    payload = encode_reading(sender.identity, sender.reading(at=sender.at - _DAY))
    sender.line.publish(sender.topic, payload, retain=True)
    await sender.line.drain()


async def _duplicated(sender: Sender) -> None:
    payload = encode_reading(sender.identity, sender.reading())
    number = sender.line.publish(sender.topic, payload)
    sender.line.send(encode_publish(sender.topic, payload, packet_id=number, duplicate=True))
    await sender.line.drain()


async def _twice(sender: Sender) -> None:
    reading = sender.reading()
    await sender.send(reading, reading)


async def _replayed(sender: Sender) -> None:
    reading = sender.reading(at=sender.at - _DAY)
    await sender.send(reading)
    await sender.send(sender.reading(at=sender.at - _DAY / 2), reading)


async def _oversize(sender: Sender) -> None:
    await publish_oversize(sender.line, sender.topic)


async def publish_oversize(line: MqttLine, topic: str) -> None:
    """Publish a megabyte; a broker may hang up for it, or never acknowledge."""
    line.publish(topic, b"x" * MEGABYTE)
    with suppress(LineError, TimeoutError):
        async with asyncio.timeout(_GONE_S):
            await line.drain()


async def _wrong_topic(sender: Sender) -> None:
    payload = encode_reading(sender.identity, sender.reading())
    await sender.publish(payload, topic=f"dev/1/{sender.identity.key}/status")
    await sender.publish(payload, topic=f"hw/1/up/{sender.identity.key}/e/live/1")


async def _cross_tenant(sender: Sender) -> None:
    payload = encode_reading(sender.identity, sender.reading())
    await sender.publish(payload, topic=topic_of(sender.neighbour))


async def _spoofed(sender: Sender) -> None:
    payload = encode_reading(sender.neighbour, sender.reading())
    await sender.publish(payload)
    await sender.publish(payload, topic=topic_of(sender.neighbour))


async def _slow(sender: Sender) -> None:
    payload = encode_reading(sender.identity, sender.reading())
    packet = encode_publish(sender.topic, payload, packet_id=1)
    await sender.line.trickle(packet, pieces=_TRICKLE_PIECES, pause_s=_TRICKLE_PAUSE_S)


async def _number_2047(sender: Sender) -> None:
    reading = sender.reading()
    spoiled = tuple((name, replace(one, value=2047.0)) for name, one in reading.quantities)
    await sender.send(replace(reading, quantities=spoiled))


async def _other_unit(sender: Sender) -> None:
    pounds = Quantity(value=round(64.5 * _POUNDS_PER_KG, 1), unit="[lb_av]")
    await sender.send(
        replace(sender.reading(), kind="weight", quantities=(("weight", pounds),)),
    )


async def _two_users(sender: Sender) -> None:
    minutes = (timedelta(minutes=-count) for count in (3, 2, 1))
    await sender.send(
        *(
            sender.reading(user=user, at=sender.at + earlier)
            for user, earlier in zip((1, 2, 1), minutes, strict=True)
        )
    )


async def _number_again(sender: Sender) -> None:
    await sender.send(sender.reading(at=sender.at - timedelta(minutes=2)))
    sender.sequence = 0
    await sender.send(sender.reading())


async def _number_skipped(sender: Sender) -> None:
    await sender.send(sender.reading(at=sender.at - timedelta(minutes=2)))
    sender.sequence += 3
    await sender.send(sender.reading())


def _spoilt(fault: Fault) -> Mishap:
    async def publish(sender: Sender) -> None:
        await sender.publish(spoil(sender.identity, sender.reading(), fault))

    return publish


def _glucose_text(text: str) -> Mishap:
    async def publish(sender: Sender) -> None:
        beyond = (("glucose", Quantity(text=text, unit="mmol/L")),)
        await sender.send(replace(sender.reading(), kind="glucose", quantities=beyond))

    return publish


def _of_user(user: int | None) -> Mishap:
    async def publish(sender: Sender) -> None:
        await sender.send(sender.reading(user=user))

    return publish


def _with_clock(clock: Callable[[datetime], DeviceClock]) -> Mishap:
    async def publish(sender: Sender) -> None:
        sender.clock = clock(sender.at)
        await sender.send(sender.reading())

    return publish


DEVICE_MISHAPS: Mapping[str, Mishap] = MappingProxyType(
    {
        "spoofed-identity": _spoofed,
        "duplicate-record": _twice,
        "sequence-reset": _number_again,
        "sequence-gap": _number_skipped,
        "failed-as-2047": _number_2047,
        "result-too-low": _glucose_text("LO"),
        "result-too-high": _glucose_text("HI"),
        "other-unit": _other_unit,
        "clock-wrong": _with_clock(lambda at: DeviceClock.shifted(timedelta(hours=-7), since=at)),
        "clock-reset": _with_clock(lambda at: DeviceClock.reset(since=at)),
        "clock-never-set": _with_clock(lambda _: DeviceClock.never_set()),
        "clock-future": _with_clock(lambda at: DeviceClock.shifted(500 * _DAY, since=at)),
        "clock-dst": _with_clock(lambda at: DeviceClock.shifted(_DAY / 24, since=at)),
        "clock-drift": _with_clock(lambda at: DeviceClock.drifting(30.0, since=at - 60 * _DAY)),
        "wrong-user": _of_user(7),
        "user-missing": _of_user(None),
        "several-users": _two_users,
        "missing-unit": _spoilt(Fault.MISSING_UNIT),
        "unknown-unit": _spoilt(Fault.UNKNOWN_UNIT),
        "nan-word": _spoilt(Fault.NAN),
        "huge-number": _spoilt(Fault.HUGE),
        "not-json": _spoilt(Fault.NOT_JSON),
        "truncated-json": _spoilt(Fault.TRUNCATED),
        "not-ours": _spoilt(Fault.NOT_OURS),
        "retained": _retained,
        "duplicated-dup": _duplicated,
        "replayed": _replayed,
        "oversize": _oversize,
        "wrong-topic": _wrong_topic,
        "cross-tenant": _cross_tenant,
        "unregistered-device": _of_user(None),
        "slow-message": _slow,
    }
)
"""What to do for each row of the table that applies to an MQTT device."""
