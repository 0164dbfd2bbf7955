"""The stages of the bench: a walk that is published into and watched at both of its ends."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import httpx2

from device_adapters.mqtt.client import MqttSession, MqttSettings
from device_adapters.mqtt.payloads.body import Arrival
from device_adapters.mqtt.payloads.hearthwatch import decode_reading
from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity, Reading, encode_reading
from gateway.clock import WallClock
from rules.identity import alert_id, observation_identity
from rules.vocabulary import HubId, HubStamp, Stage
from rules.wire import Lane, decode_receipt
from service.lab.bench_county import DOCTOR, BenchCounty
from service.lab.seed import FRONT, ZONE

WINDOW = 512
"""Readings under way at most: less than a broker's queue holds, more than a hub's window."""

PATIENCE_S = 60.0

_STEADY_PER_S = 40.0
_ALERT_EVERY = 10
_WARM_UP = 40
_LOOK_S = 0.001
_PROBE_S = 0.1
_PROBE_NUMBERS = 1_000_000_000
_PROBES_ARRIVE_S = 1.0
_RINGS_AT_ONCE = 220  # mmHg, rule HW-02


class BenchError(Exception):
    """The walk did not come to an end; the text says at which stage."""


async def until(ready: Callable[[], bool], stage: str) -> None:
    """Return when `ready()`.

    Raises:
        BenchError: it was not within a minute.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not ready():  # noqa: ASYNC110 - counters, moved by several tasks
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise BenchError(f"{stage}: not over after {PATIENCE_S:.0f} s") from None


class Walk:
    """Publishes as devices, hears the core's receipts, and watches one doctor's page."""

    def __init__(self, county: BenchCounty, line: MqttSession) -> None:
        half = len(county.devices) // 2
        self._alarming, self._calm = county.devices[:half], county.devices[half:]
        self._county = county
        self._line = line
        self._clock = WallClock()
        self._published_s: list[float] = []
        self._alerts_s: dict[str, float] = {}
        self._committed = 0
        self._probes = 0
        self._measuring = False
        self.commit_s: list[float] = []
        self.page_s: list[float] = []

    async def begin(self) -> None:
        """Return when readings have walked through everything.

        What a device publishes before the front hub is there is lost (law 1): probes are sent until
        one is committed, and are not counted.
        """
        began_s = time.perf_counter()
        while not self._probes:
            if time.perf_counter() - began_s > PATIENCE_S:
                raise BenchError("no reading was committed")
            self._send(
                self._next_calm(), _PROBE_NUMBERS + round(1000 * (time.perf_counter() - began_s))
            )
            await asyncio.sleep(_PROBE_S)
        await asyncio.sleep(_PROBES_ARRIVE_S)
        for _ in range(_WARM_UP):
            self._publish(self._next_calm())
        await self._until_committed("warm-up")

    async def steady(self, seconds: float) -> None:
        """Some readings a second, every tenth one a crisis of somebody who had none before."""
        self._measuring = True
        alarming = iter(self._alarming)
        for turn in range(round(seconds * _STEADY_PER_S)):
            crisis = next(alarming, None) if turn % _ALERT_EVERY == 0 else None
            if crisis is None:
                self._publish(self._next_calm())
            else:
                self._publish(crisis, systolic=230, diastolic=131)
            await asyncio.sleep(1 / _STEADY_PER_S)
        await self._until_committed("steady stage")
        await until(lambda: not self._alerts_s, "alerts on the page")
        self._measuring = False

    async def flood(self, seconds: float) -> float:
        """Readings a second, as many as are committed while new ones wait; backlog drained."""
        before, began_s = self._committed, time.perf_counter()
        while time.perf_counter() - began_s < seconds:
            while len(self._published_s) - self._committed < WINDOW:
                self._publish(self._next_calm())
            await asyncio.sleep(_LOOK_S)
        await self._until_committed("flood")
        return (self._committed - before) / (time.perf_counter() - began_s)

    async def hear_receipts(self, session: MqttSession) -> None:
        """Note when the core said that readings are committed."""
        while True:
            for message in await session.take(WINDOW):
                now_s = time.perf_counter()
                receipt = decode_receipt(message.payload)
                if receipt.lane is not Lane.LIVE:
                    raise BenchError(f"a reading went to the {receipt.lane.value} lane")
                if not self._published_s:
                    self._probes = receipt.through
                    continue
                through = receipt.through - self._probes
                fresh = self._published_s[self._committed : through]
                if self._measuring:
                    self.commit_s += [now_s - published_s for published_s in fresh]
                self._committed = max(self._committed, through)

    async def watch_page(self) -> None:
        """Hold the doctor's event stream open and note which alert came when."""
        async with httpx2.AsyncClient(base_url=self._county.url, timeout=PATIENCE_S) as client:
            body = {"login": DOCTOR, "password": self._county.password}
            (await client.post("/api/login", json=body)).raise_for_status()
            async with client.stream("GET", "/events") as stream:
                event = ""
                async for line in stream.aiter_lines():
                    word, _, text = line.partition(": ")
                    if word == "event":
                        event = text
                    elif word == "data" and event == "alert":
                        published_s = self._alerts_s.pop(text, None)
                        if published_s is not None:
                            self.page_s.append(time.perf_counter() - published_s)

    async def _until_committed(self, stage: str) -> None:
        await until(lambda: self._committed >= len(self._published_s), stage)

    def _next_calm(self) -> Identity:
        return self._calm[len(self._published_s) % len(self._calm)]

    def _publish(self, device: Identity, *, systolic: int = 128, diastolic: int = 79) -> None:
        published_s = time.perf_counter()
        number = len(self._published_s) + 1
        topic, payload = self._send(device, number, systolic=systolic, diastolic=diastolic)
        self._published_s.append(published_s)
        if systolic >= _RINGS_AT_ONCE:
            self._alerts_s[_alert_of(topic, payload)] = published_s

    def _send(
        self, device: Identity, number: int, *, systolic: int = 128, diastolic: int = 79
    ) -> tuple[str, bytes]:
        reading = reading_of(self._clock.now(), number, systolic=systolic, diastolic=diastolic)
        topic, payload = f"dev/1/{device.key}/reading", encode_reading(device, reading)
        self._line.publish_nowait(topic, payload)
        return topic, payload


def reading_of(at: datetime, number: int, *, systolic: int, diastolic: int) -> Reading:
    """A cuff's document; the number makes two readings of the same second two."""
    pressures = (("systolic", systolic), ("diastolic", diastolic))
    quantities = [(name, Quantity(value=value, unit="mm[Hg]")) for name, value in pressures]
    return Reading(
        kind="blood_pressure",
        quantities=(*quantities, ("pulse", Quantity(value=70, unit="/min"))),
        device_time=at.astimezone(ZONE).replace(tzinfo=None, microsecond=0),
        sequence=number,
    )


def _alert_of(topic: str, payload: bytes) -> str:
    """The id under which this crisis must ring, derived as hub and core derive it."""
    stamp = HubStamp(boot_id="bench", monotonic_s=0.0, wall=WallClock().now(), wall_trusted=True)
    arrival = Arrival(
        topic=topic,
        retain=False,
        received=stamp,
        hub=HubId(FRONT),
        session="bench",
        ordinal=0,
        zone=ZONE,
    )
    trigger = observation_identity(decode_reading(payload, arrival))
    return alert_id(rule_id="HW-02", stage=Stage.IMMEDIATE, trigger=trigger)


def line_of(county: BenchCounty, user: str, client_id: str) -> MqttSettings:
    """How to connect to the county's broker as one of its users."""
    broker = county.broker
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id=client_id,
        user=user,
        password=broker.credentials(user).password,
    )
