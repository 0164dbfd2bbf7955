"""The home's own broker, if the family wants it: a dashboard shows the devices, a speaker speaks.

Opt-in (`home_broker_host`), because it puts measurements where the family decides who reads them.
It needs nobody outside the home: the red path's instruction is said with the county's line dead.

Topics: retained discovery and state of each device (`home_assistant.py`), and
`hearthwatch/<hub>/say`, JSON `{"zh", "en", "at"}`, not retained, at once and every 20 s while an
instruction stands; an empty payload when it is over. `hearthwatch/<hub>/county`, retained, JSON
`{"silent_since"}`: since when the county has not answered the hub's canary, null while it does. QoS
1 throughout.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_adapters.mqtt.client import MqttSession, MqttSettings, MqttUnavailable, mqtt_session
from gateway.clock import ProcessClock
from gateway.home_assistant import BIRTH_TOPIC, Home, Latest, device_id, key_of, messages
from gateway.hub_status import DeviceReport
from gateway.reconnect import Line
from rules.vocabulary import Observation

SAY_AGAIN = timedelta(seconds=20)
_LOOK_EVERY_S = 1.0

Instructions = tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSources:
    """Where the line asks, each second: the devices of this home, and what is to be said.

    `county_silent_since` is None where the hub sends no test measurements.
    """

    devices: Callable[[], tuple[DeviceReport, ...]]
    instructions: Callable[[datetime], Instructions]
    county_silent_since: Callable[[], datetime | None] | None = None


class HomeLine:
    """Keeps a home's broker told, for as long as `run` runs."""

    def __init__(
        self,
        *,
        home: Home,
        broker: MqttSettings,
        clock: ProcessClock,
        sources: HomeSources,
    ) -> None:
        self._home = home
        self._broker = broker
        self._clock = clock
        self._sources = sources
        self._line = Line("home line", home.hub)
        self._latest: dict[str, Latest] = {}
        self._published: dict[str, bytes] = {}
        self._said = ""
        self._said_at: datetime | None = None

    @property
    def up(self) -> bool:
        """Whether the home's broker is connected."""
        return self._line.up

    @property
    def say_topic(self) -> str:
        """What a speaker listens to."""
        return f"hearthwatch/{self._home.hub}/say"

    @property
    def county_topic(self) -> str:
        """Where it stands whether the county answers."""
        return f"hearthwatch/{self._home.hub}/county"

    def note(self, observations: list[Observation]) -> None:
        """Take records that are spooled; they are told of at the next look, within a second."""
        for observation in observations:
            key = observation.device.key
            self._latest.setdefault(key, Latest(self._home.zone)).note(observation)

    async def run(self) -> None:
        """Connect, tell, reconnect: for ever."""
        await self._line.keep(self._serve)

    async def _serve(self) -> None:
        async with mqtt_session(self._broker) as session:
            self._published = {}
            self._said_at = None
            await session.subscribe(BIRTH_TOPIC, self._home.state_topic("+"))
            await session.publish(self._home.availability_topic, b"online", retain=True)
            self._line.note_up()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(session), name="home line listens")
                    group.create_task(self._tell(session), name="home line tells")
            finally:
                # After a goodbye the broker does not publish the will; a lost line needs none.
                with contextlib.suppress(MqttUnavailable):
                    session.publish_nowait(self._home.availability_topic, b"offline", retain=True)

    async def _listen(self, session: MqttSession) -> None:
        async for message in session.messages:
            if message.topic == BIRTH_TOPIC and message.payload == b"online":
                self._published = {}  # Home Assistant has started anew and may have missed some
            elif message.retain and message.payload:
                # A device told of before this connection; it goes unless it is still ours.
                identity = message.topic.split("/")[3]
                self._published.setdefault(message.topic, b"")
                self._published.setdefault(self._home.config_topic(identity), b"")

    async def _tell(self, session: MqttSession) -> None:
        while True:
            now = self._clock.now()
            await self._say(session, self._sources.instructions(now), now)
            await self._show(session)
            await self._clock.pause(_LOOK_EVERY_S)

    async def _show(self, session: MqttSession) -> None:
        wanted = self._wanted()
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                await session.publish(topic, payload, retain=True)
                self._published[topic] = payload
        ours = self._our_topics()
        for topic in [topic for topic in self._published if topic not in ours]:
            await session.publish(topic, b"", retain=True)  # MQTT's way to take it away
            del self._published[topic]

    async def _say(self, session: MqttSession, instructions: Instructions, now: datetime) -> None:
        texts = {
            language: joint.join(one[language] for one in instructions)
            for language, joint in (("zh", ""), ("en", " "))
        }
        wanted = texts["zh"]
        if not wanted:
            if self._said:
                await session.publish(self.say_topic, b"")
            self._said, self._said_at = "", None
        elif wanted != self._said or self._said_at is None or now - self._said_at >= SAY_AGAIN:
            body = json.dumps({**texts, "at": now.isoformat()}, ensure_ascii=False)
            await session.publish(self.say_topic, body.encode())
            self._said, self._said_at = wanted, now

    def _wanted(self) -> dict[str, bytes]:
        wanted: dict[str, bytes] = {}
        if self._sources.county_silent_since is not None:
            since = self._sources.county_silent_since()
            county = {"silent_since": None if since is None else since.isoformat()}
            wanted[self.county_topic] = json.dumps(county).encode()
        for report in self._sources.devices():
            latest = self._latest.get(key_of(report))
            known = () if latest is None else latest.observations()
            wanted.update(messages(self._home, report, known))
        return wanted

    def _our_topics(self) -> frozenset[str]:
        """Topics of every device of this home, told of or not: what a restart forgot stays."""
        identities = [device_id(key_of(report)) for report in self._sources.devices()]
        topics = [self._home.config_topic(identity) for identity in identities]
        topics += [self._home.state_topic(identity) for identity in identities]
        return frozenset([*topics, self.county_topic])
