"""The hub beside the broker: takes in devices that publish their readings over MQTT themselves.

It reads every topic of `device_adapters/mqtt/registry.py`. A device's PUBACK is the broker's and
promises nothing (law 1); what reaches this hub is spooled before anything else happens to it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from hashlib import sha256

from device_adapters.mqtt.client import MqttMessage, MqttSession, MqttSettings, mqtt_session
from device_adapters.mqtt.payloads import theengs
from device_adapters.mqtt.payloads.body import RETAINED, Arrival, PayloadError
from device_adapters.mqtt.payloads.nameless import without_names
from device_adapters.mqtt.registry import FORMATS, decoder_of
from gateway.reconnect import Line
from gateway.refused import Refused
from gateway.sightings import Sightings
from gateway.spool import Spool
from gateway.stamps import Stamps
from rules.vocabulary import HubId, Observation
from rules.wire import encode_observation

_BURST = 256


class MqttFront:
    """Subscribes to every device's readings for as long as `run` runs."""

    def __init__(
        self,
        *,
        hub: HubId,
        spool: Spool,
        stamps: Stamps,
        broker: MqttSettings,
        zone: tzinfo,
        on_spooled: Callable[[list[Observation]], Awaitable[None]],
    ) -> None:
        self._hub = hub
        self._spool = spool
        self._stamps = stamps
        self._broker = broker
        self._zone = zone
        self._on_spooled = on_spooled
        self._line = Line("devices' line", hub)
        self._mark_topic = f"dev/1/fence~{hub}/reading"
        self._marks: dict[bytes, asyncio.Future[None]] = {}
        self._session: MqttSession | None = None
        self._sightings = Sightings()
        self._number = 0
        self._name = ""

    async def run(self) -> None:
        """Connect, take in, reconnect: for ever.

        Raises:
            SpoolError: the spool's file failed (in an exception group).
        """
        await self._line.keep(self._serve)

    async def fence(self) -> None:
        """Return once everything that devices had published before the call is spooled.

        Sends a mark through the broker to itself: the broker keeps the order of a subscriber, so
        what was acknowledged to a device before arrives before the mark.
        """
        mark = secrets.token_bytes(8)
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._marks[mark] = passed
        if self._session is not None:
            self._session.publish_nowait(self._mark_topic, mark)
        try:
            await passed
        finally:
            del self._marks[mark]

    async def _serve(self) -> None:
        async with mqtt_session(self._broker) as session:
            await session.subscribe(*FORMATS)
            self._line.note_up()
            self._session = session
            # Names this connection: with the count it tells undated, unnumbered records apart.
            self._name = f"mqtt-{secrets.token_hex(6)}"
            self._number = 0
            try:
                for mark in self._marks:
                    session.publish_nowait(self._mark_topic, mark)
                while True:
                    await self.take(await session.take(_BURST))
            finally:
                self._session = None

    async def take(self, messages: list[MqttMessage]) -> None:
        """Spool a burst of messages, in their order; refusals too."""
        observations: list[Observation] = []
        marks: list[asyncio.Future[None]] = []
        for message in messages:
            if message.topic.startswith("dev/1/fence~"):
                marks += [passed for mark, passed in self._marks.items() if mark == message.payload]
            elif message.payload:  # an empty one only takes a retained message away
                observations += await self._read(message)
        if observations:
            await self._spool.hold.do(lambda: self._spool.add_decided(observations))
        await self._on_spooled(observations)
        for passed in marks:
            if not passed.done():
                passed.set_result(None)

    async def _read(self, message: MqttMessage) -> list[Observation]:
        """The observations in a message; none when it was refused, and spooled as such."""
        arrival = self._arrival(message)
        try:
            decoder = decoder_of(message.topic)
            if decoder is None:
                raise PayloadError("topic", f"{message.topic:.200} is no topic of a device")
            observations = decoder(message.payload, arrival)
            # The spool keeps a burst as one job: what cannot be written must be found before, or
            # it takes its neighbours and the hub with it.
            for observation in observations:
                encode_observation(observation)
        except ValueError as error:
            refused, name = _refusal(message, error), self._name
            await self._spool.hold.do(lambda: self._spool.add_refused(refused, name))
            return []
        return [observation for observation in observations if self._is_new(observation)]

    def _arrival(self, message: MqttMessage) -> Arrival:
        self._number += 1
        session, ordinal = self._name, self._number
        if message.retain:
            # The broker hands a retained message out again at every connection: it stays one.
            said = sha256(message.topic.encode() + b"\0" + message.payload).hexdigest()
            session, ordinal = f"{RETAINED}{said[:24]}", 0
        return Arrival(
            topic=message.topic,
            retain=message.retain,
            received=self._stamps.now(),
            hub=self._hub,
            session=session,
            ordinal=ordinal,
            zone=self._zone,
        )

    def _is_new(self, observation: Observation) -> bool:
        return observation.source != theengs.SOURCE or self._sightings.is_new(observation)


def _refusal(message: MqttMessage, error: ValueError) -> Refused:
    known = isinstance(error, PayloadError)
    return Refused(
        source=message.topic,
        reason=error.reason if known else f"cannot be read: {error!r}",
        field=error.field if known else "",
        raw=without_names(message.topic, message.payload),
    )
