"""Keeps the broker to the store: writes its files, sees them obeyed, ends revoked sessions.

mosquitto looks at a certificate only when a client connects. So after the list is in force a
revoked hub's session is ended by taking it over: on the county's own listener the service connects
under the hub's client id, which ends the former holder's connection (MQTT 3.1.1 §3.1.4). On the
hubs' listener the client id *is* the certificate's name, so no hub can hide behind another id.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from device_adapters.mqtt.client import (
    MqttSession,
    MqttSettings,
    MqttTls,
    MqttUnavailable,
    mqtt_session,
)
from gateway.clock import Clock
from service.credentials.authority import HomeAuthority
from service.enrolment.broker_files import ACCESS_TOPIC, SERVICE_USER, BrokerFolder
from service.enrolment.refused import refused_in
from service.store.database import DATABASE_ERRORS
from service.store.enrolments import Enrolments
from service.store.listen import follow
from service.store.refused_speech import RefusedSpeech

_log = structlog.get_logger()

_SWEEP_S = 30.0
_ANEW = timedelta(days=1)
_OBEYED_S = 60.0
_ASK_AGAIN_S = 0.25
_AFTER_ERROR_S = 2.0


class Keeper:
    """`run` for as long as the service runs; `settle` once."""

    def __init__(
        self,
        store: Enrolments,
        authority: HomeAuthority,
        folder: BrokerFolder,
        clock: Clock,
        own_listener: MqttSettings,
        refused: Path | None = None,
    ) -> None:
        """A keeper; `own_listener` says how the service reaches the county's own listener.

        `refused` is the file in which the broker tells who spoke under another's name.
        """
        self._store = store
        self._authority = authority
        self._folder = folder
        self._clock = clock
        self._own_listener = own_listener
        self._refused = refused
        self._refused_at: int | None = None
        self._wake = asyncio.Event()
        self._written_at: datetime | None = None
        self._sources: tuple[int, ...] = ()

    async def run(self, dsn: str) -> None:
        """Follows every change for ever; what fails is tried again."""
        async with asyncio.TaskGroup() as group:
            listening = follow(dsn, ["hearthwatch_access"], self._hear, self._wake.set)
            group.create_task(listening, name="access listen")
            group.create_task(self._loop(), name="access")

    async def _loop(self) -> None:
        healthy = True
        while True:
            self._wake.clear()
            try:
                await self.hear_refused(self._clock.now())
                await self.settle(self._clock.now())
                healthy = True
            except (*DATABASE_ERRORS, MqttUnavailable) as error:
                if healthy:
                    _log.warning("broker not kept to the store", reason=str(error))
                healthy = False
                await asyncio.sleep(_AFTER_ERROR_S)
                continue
            await _woken(self._wake, _SWEEP_S)

    async def settle(self, now: datetime) -> None:
        """Writes what changed, waits until the broker acts by it, then ends revoked sessions.

        Raises:
            OSError: a file cannot be written.
            MqttUnavailable: the broker cannot be reached, or has not followed within a minute.
        """
        access = await self._store.access()
        sources = self._folder.sources()
        fresh = self._written_at is not None and now < self._written_at + _ANEW
        if access.applied == access.wanted and fresh and sources == self._sources:
            return
        truth = await self._store.broker_truth(now)
        mark = self._folder.write(truth, self._authority, now)
        async with mqtt_session(self._own_listener) as session:
            await session.subscribe(f"{ACCESS_TOPIC}/#")
            try:
                async with asyncio.timeout(_OBEYED_S):
                    await _until_obeyed(session, f"{ACCESS_TOPIC}/{mark}")
            except TimeoutError as error:
                raise MqttUnavailable("the broker has not read its files again") from error
        for hub in truth.sessions_to_end:
            await end_session(self._own_listener, hub)
            await self._store.note_session_ended(hub, now)
            _log.info("session ended", hub=hub)
        await self._store.note_applied(truth.wanted, self._clock.now())
        self._written_at, self._sources = now, sources

    async def hear_refused(self, now: datetime) -> None:
        """Keeps what the broker says of those who spoke under another's name, for the page."""
        if self._refused is None or not self._refused.exists():
            return  # a broker that has refused nobody yet
        changed_at = self._refused.stat().st_mtime_ns
        if changed_at == self._refused_at:
            return
        text = await asyncio.to_thread(self._refused.read_text, "utf-8", "replace")
        if found := refused_in(text.splitlines()):
            await RefusedSpeech(self._store.pool, self._store.zone).note_refused(found, now)
        self._refused_at = changed_at

    def _hear(self, _channel: str, _payload: str) -> None:
        self._wake.set()


def own_listener(host: str, port: int, certificates: str) -> MqttSettings:
    """How the service reaches the county's own listener, as the user `service`."""
    return MqttSettings(
        host=host,
        port=port,
        client_id="hearthwatch-service-access",
        tls=MqttTls(
            ca_file=f"{certificates}/ca.crt",
            certificate_file=f"{certificates}/{SERVICE_USER}.crt",
            key_file=f"{certificates}/{SERVICE_USER}.key",
        ),
    )


async def end_session(own: MqttSettings, client_id: str) -> None:
    """Ends whoever is connected under that client id: nobody is no error."""
    async with mqtt_session(replace(own, client_id=client_id)):
        pass


async def _until_obeyed(session: MqttSession, topic: str) -> None:
    # A broker drops what its list does not allow, and says nothing: so it is asked again.
    while True:
        await session.publish(topic, b"")
        try:
            async with asyncio.timeout(_ASK_AGAIN_S):
                while not any(message.topic == topic for message in await session.take(100)):
                    pass
        except TimeoutError:
            continue
        return


async def _woken(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
