"""The hub beside the broker: takes in devices that publish their readings over MQTT themselves.

It reads `dev/1/<device key>/reading`. A device's PUBACK is the broker's and promises nothing
(law 1); what reaches this hub is spooled before anything else happens to it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import tzinfo

from device_adapters.mqtt.client import MqttMessage, MqttSession, MqttSettings, mqtt_session
from device_adapters.mqtt.payloads.hearthwatch import (
    TOPIC_FILTER,
    Arrival,
    PayloadError,
    decode_reading,
)
from gateway.reconnect import Line
from gateway.refused import Refused
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
            await session.subscribe(TOPIC_FILTER)
            self._line.note_up()
            self._session = session
            # Names this connection: with the count it tells undated, unnumbered records apart.
            self._name = f"mqtt-{secrets.token_hex(6)}"
            self._number = 0
            try:
                for mark in self._marks:
                    session.publish_nowait(self._mark_topic, mark)
                while True:
                    await self._take(await session.take(_BURST))
            finally:
                self._session = None

    async def _take(self, messages: list[MqttMessage]) -> None:
        observations: list[Observation] = []
        marks: list[asyncio.Future[None]] = []
        for message in messages:
            if message.topic.startswith("dev/1/fence~"):
                marks += [passed for mark, passed in self._marks.items() if mark == message.payload]
            elif (observation := await self._read(message)) is not None:
                observations.append(observation)
        if observations:
            await self._spool.add_decided(observations)
        await self._on_spooled(observations)
        for passed in marks:
            if not passed.done():
                passed.set_result(None)

    async def _read(self, message: MqttMessage) -> Observation | None:
        """The observation in a message; None when it was refused, and spooled as such."""
        self._number += 1
        arrival = Arrival(
            topic=message.topic,
            retain=message.retain,
            received=self._stamps.now(),
            hub=self._hub,
            session=self._name,
            ordinal=self._number,
            zone=self._zone,
        )
        try:
            observation = decode_reading(message.payload, arrival)
            # The spool keeps a burst as one job: what cannot be written must be found before, or
            # it takes its neighbours and the hub with it.
            encode_observation(observation)
        except ValueError as error:
            await self._spool.add_refused(_refusal(message, error), self._name)
            return None
        return observation


def _refusal(message: MqttMessage, error: ValueError) -> Refused:
    known = isinstance(error, PayloadError)
    return Refused(
        source=message.topic,
        reason=error.reason if known else f"cannot be read: {error!r}",
        field=error.field if known else "",
        raw=message.payload,
    )
