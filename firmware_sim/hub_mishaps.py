"""What can go wrong with a hub and its messages, each fault of `faults/table.py` done for real.

A mishap happens to a connected `SimHub`; what the hub has to tell then may still wait for receipts.
The same names are in the table; `hearthwatch sim hub --fault` offers them at any broker.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from firmware_sim.device_clock import CHINA
from firmware_sim.device_mishaps import publish_oversize
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import Login, MqttLine, encode_publish
from firmware_sim.publisher import Reading
from firmware_sim.readings import typical_reading
from firmware_sim.sim_hub import SimHub, at_rest
from firmware_sim.uplink_words import Lane, uplink_topic

_TRICKLE_PIECES, _TRICKLE_PAUSE_S = 40, 0.01
_PATIENCE_S, _LOOK_S = 20.0, 0.02
_MINUTE = timedelta(minutes=1)
_STRANGER = Identity(manufacturer="Nobody", model="X", serial="UNREGISTERED")


@dataclass(slots=True, kw_only=True)
class Home:
    """A connected hub with one device.

    Attributes:
        hub: It.
        login: How it enters the broker.
        cuff: A device that somebody wears.
        at: The true, aware instant.
        neighbour: Name of another home's hub.
        made: The number of the cuff's last reading.
    """

    hub: SimHub
    login: Login
    cuff: Identity
    at: datetime
    neighbour: str
    made: int = 0

    @property
    def line(self) -> MqttLine:
        """The open line."""
        assert self.hub.line is not None
        return self.hub.line

    def reading(self) -> Reading:
        """The cuff's next reading, made now."""
        self.made += 1
        shown = self.at.astimezone(CHINA).replace(tzinfo=None, microsecond=0)
        chance = random.Random(self.made)  # noqa: S311 - values, not a secret
        return typical_reading("blood_pressure", chance, shown=shown, sequence=self.made)

    def measure(self) -> None:
        """Let the cuff measure; the hub sends it."""
        self.hub.measure(self.cuff, self.reading(), at=self.at)

    def held(self) -> tuple[str, bytes]:
        """Let the cuff measure and take the message out of the hub's hand: topic and payload."""
        self.hub.measure(self.cuff, self.reading(), at=self.at, send=False)
        return list(self.hub.take_messages(Lane.LIVE))[-1]

    async def settled(self) -> None:
        """Return when the core has receipted everything.

        Raises:
            TimeoutError: it did not within 20 s.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while not at_rest([self.hub]):  # noqa: ASYNC110 - the hub tells nobody
                await asyncio.sleep(_LOOK_S)


Mishap = Callable[[Home], Awaitable[None]]


def _instead(spoil: Callable[[bytes], bytes]) -> Mishap:
    async def publish(home: Home) -> None:
        topic, payload = home.held()
        home.line.publish(topic, spoil(payload))
        await home.line.drain()

    return publish


async def _spoofed(home: Home) -> None:
    """The envelope names the neighbour's hub, the topic our own."""
    topic, payload = home.held()
    envelope: dict[str, object] = json.loads(payload)
    home.line.publish(topic, json.dumps(envelope | {"hub": home.neighbour}).encode())
    await home.line.drain()


async def _cross_tenant(home: Home) -> None:
    """Everything names the neighbour's hub; our own numbers are not used up."""
    topic = uplink_topic(home.neighbour, home.hub.epoch, Lane.LIVE, 1)
    home.line.publish(topic, _renamed(home))
    await home.line.drain()


async def _wrong_topic(home: Home) -> None:
    payload = _renamed(home)
    for topic in ("hw/1/uplink", f"hw/1/receipt/{home.hub.name}/{home.hub.epoch}/live"):
        home.line.publish(topic, payload)
    await home.line.drain()


def _renamed(home: Home) -> bytes:
    """A first envelope of the neighbour's hub, as our hub would forge it."""
    forger = SimHub(home.neighbour, home.hub.clock, monotonic=lambda: 0.0, epoch=home.hub.epoch)
    forger.measure(home.cuff, home.reading(), at=home.at, send=False)
    return next(forger.take_messages(Lane.LIVE))[1]


async def _retained(home: Home) -> None:
    topic, payload = home.held()
    home.line.publish(topic, payload, retain=True)
    await home.settled()


async def _duplicated(home: Home) -> None:
    topic, payload = home.held()
    number = home.line.publish(topic, payload)
    home.line.send(encode_publish(topic, payload, packet_id=number, duplicate=True))
    await home.line.drain()


async def _replayed(home: Home) -> None:
    """Receipted envelopes come again: the same ones, and as new ones of another spool."""
    topic, payload = home.held()
    home.line.publish(topic, payload)
    await home.settled()
    home.line.publish(topic, payload)
    home.hub.new_card()
    envelope: dict[str, object] = json.loads(payload)
    again = json.dumps(envelope | {"epoch": home.hub.epoch, "sequence": 1}).encode()
    home.line.publish(uplink_topic(home.hub.name, home.hub.epoch, Lane.LIVE, 1), again)
    await home.line.drain()
    home.hub.new_card()


async def _oversize(home: Home) -> None:
    await publish_oversize(
        home.line, uplink_topic(home.hub.name, home.hub.epoch, Lane.BACKLOG, 1_000_000)
    )
    home.hub.disconnect()
    await home.hub.connect(home.login)


async def _stranger(home: Home) -> None:
    home.hub.measure(_STRANGER, home.reading(), at=home.at)
    await home.settled()


async def _slow(home: Home) -> None:
    packet = encode_publish(*home.held(), packet_id=1)
    await home.line.trickle(packet, pieces=_TRICKLE_PIECES, pause_s=_TRICKLE_PAUSE_S)


async def _new_card(home: Home) -> None:
    """The card dies with a reading on it; the device still has it and tells it again."""
    home.measure()
    await home.settled()
    lost = home.reading()
    home.hub.disconnect()
    home.hub.measure(home.cuff, lost, at=home.at)
    home.hub.new_card()
    await home.hub.connect(home.login)
    home.hub.measure(home.cuff, lost, at=home.at, lane=Lane.BACKLOG)
    await home.settled()


async def _clock_lost(home: Home) -> None:
    """Twice without power, twice without time; the second boot learns it, the first never did."""
    home.hub.power_cut()
    home.hub.clock.boot(home.at)
    home.measure()
    home.hub.power_cut()
    home.hub.clock.boot(home.at)
    home.at += _MINUTE
    home.measure()
    home.hub.learn_time()
    await home.hub.connect(home.login)
    await home.settled()


async def _restarted_untrusted(home: Home) -> None:
    """What was stamped without time goes out as it is: nobody has told the time yet."""
    home.hub.power_cut()
    home.hub.clock.boot(home.at)
    home.measure()
    await home.hub.connect(home.login)
    await home.settled()


HUB_MISHAPS: Mapping[str, Mishap] = MappingProxyType(
    {
        "spoofed-identity": _spoofed,
        "not-json": _instead(lambda _: b"\xff\x00sys=138;dia=88"),
        "truncated-json": _instead(lambda whole: whole[: len(whole) // 2]),
        "not-ours": _instead(lambda _: b'{"temperature":21.5,"room":"kitchen"}'),
        "retained": _retained,
        "duplicated-dup": _duplicated,
        "replayed": _replayed,
        "oversize": _oversize,
        "wrong-topic": _wrong_topic,
        "cross-tenant": _cross_tenant,
        "unregistered-device": _stranger,
        "slow-message": _slow,
        "new-sd-card": _new_card,
        "hub-clock-lost": _clock_lost,
        "hub-restart-untrusted": _restarted_untrusted,
    }
)
"""What to do for each row of the table that applies to a hub."""
