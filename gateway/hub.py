"""A home's or village clinic's hub: adapters -> durable spool -> uplink, and the local red path.

`async with Hub(settings, clock) as hub:` runs everything in one TaskGroup until the block ends. A
reading is on disk before anything else happens to it; the uplink keeps it until the core's receipt.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import TracebackType
from zoneinfo import ZoneInfo

import structlog

from device_adapters.ble.pairing_session import PairingAgent
from device_adapters.ble.radio import BleakRadio, ClientBackend, ScannerBackend
from device_adapters.mqtt.client import MqttMessage, MqttSettings, MqttTls, MqttWill
from gateway import hub_page
from gateway.canary_device import is_canary
from gateway.clock import ProcessClock
from gateway.commands import Command, CommandBody, CommandError, verify_command
from gateway.heard import in_order
from gateway.home_assistant import Home
from gateway.home_line import HomeLine, HomeSources
from gateway.hub_asking import pressed
from gateway.hub_canary import HubCanary
from gateway.hub_front import MqttFront
from gateway.hub_questions import said, shown
from gateway.hub_radio import HubRadio
from gateway.hub_renewal import keep_renewed
from gateway.hub_rules import HubRules, HubRulesError, pack_of
from gateway.hub_settings import HubSettings, TimeSource
from gateway.hub_status import STATUS_VERSION, HubStatus, SpoolReport, encode_status
from gateway.hub_view import LatestReadings
from gateway.packs import load_first_pack
from gateway.red_path import SOUNDING, RedPath
from gateway.spool import Spool
from gateway.stamps import Stamps, always, kernel_is_synchronised
from gateway.uplink import Uplink
from rules.vocabulary import HubId, Observation, Vital
from rules.wire import Lane, status_topic

_log = structlog.get_logger()

KEPT_AFTER_RECEIPT = timedelta(days=7)
"""How long a receipted message stays in the spool: a restored database asks again (design D2)."""

_TIDY_EVERY_S = 6 * 3600.0
_WATCH_EVERY_S = 1.0
_CLOCK_STEP = timedelta(seconds=5)  # smaller ones harm nothing
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_RECALLED = 2000
"""Records that a restart judges again at most: an emergency that reached nobody must sound on."""


class Hub:
    """`async with Hub(settings, clock) as running:`; the backends replace the machine's radio.

    `agent` answers pairing questions (passkeys) where the radio does not by itself.
    """

    def __init__(
        self,
        settings: HubSettings,
        clock: ProcessClock,
        *,
        scanner_backend: ScannerBackend | None = None,
        client_backend: ClientBackend | None = None,
        agent: PairingAgent | None = None,
    ) -> None:
        radio = BleakRadio(scanner_backend, client_backend)
        self._context = _running(settings, clock, radio, agent)

    async def __aenter__(self) -> "RunningHub":
        """Open the spool, decide what a crash left undecided, and start every part.

        Raises:
            SpoolError: the data folder cannot be written.
        """
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Stop every part and close the spool; nothing spooled is lost."""
        return await self._context.__aexit__(kind, error, trace)


class RunningHub:
    """A hub at work; `spool` is its memory, `page_port` the local page's port (None: no page)."""

    def __init__(
        self, settings: HubSettings, clock: ProcessClock, spool: Spool, stamps: Stamps
    ) -> None:
        self.spool = spool
        self.page_port: int | None = None
        self.front: MqttFront | None = None
        self.radio: HubRadio | None = None
        self.home: HomeLine | None = None
        self.canary: HubCanary | None = None
        self.pack = load_first_pack()
        self.red_path = RedPath(zone=ZoneInfo(settings.zone), rules=self.pack)
        self._sent_rules: HubRules | None = None
        self._answer_key = secrets.token_urlsafe(16)  # no other web site can read it off the page
        self._refused_rules = ""
        self._latest = LatestReadings()
        self._stamps = stamps
        self._settings = settings
        self._zone = ZoneInfo(settings.zone)
        self._clock = clock
        self._looked_at = clock.now(), clock.monotonic()
        self._hub = HubId(settings.hub_id)
        self._command: Command | None = None
        self._command_differs = False
        self.uplink = Uplink(
            hub=self._hub,
            spool=spool,
            clock=clock,
            broker=lambda: _broker(settings, self._hub, will=self._will()),
            on_command=self._hear_command,
            status=self.status,
            age_s=stamps.dating_age_s,
        )

    async def settle(self, now: datetime) -> datetime | None:
        """Return when this hub is at rest: nothing on its way in, all that is spooled receipted.

        Returns:
            The end of an open pairing window, or when the patient is to be told that nobody was
            reached, whichever comes first; None when neither is planned.
        """
        if self.front is not None:
            await self.front.fence()
        if self.radio is not None:
            await self.radio.at_rest()
        await self.uplink.at_rest()
        await self._look_for_receipts(now)
        pairing = self._body().pairing
        window_end = pairing.until if pairing is not None and pairing.until > now else None
        return min(filter(None, (window_end, self.red_path.changes_at(now))), default=None)

    async def note_spooled(self, observations: list[Observation]) -> None:
        """Take notice of records that are on disk now: red path, local page, uplink."""
        self._look_at_clock()
        for observation in observations:
            self.red_path.consider(observation, self._clock.now())
        self._show(observations)

    async def note_session(self, observations: list[Observation]) -> None:
        """Take notice that a session has ended and the origin of its records is decided."""
        self._look_at_clock()
        self.red_path.consider_session(observations, self._clock.now())
        self._show(observations)

    async def note_published(self, observations: list[Observation]) -> None:
        """Take notice of what devices have published over MQTT; it is on disk."""
        self._look_at_clock()
        self.red_path.consider_published(observations, self._clock.now())
        self._show(observations)

    def _show(self, observations: list[Observation]) -> None:
        measured = [one for one in observations if one.kind is not Vital.SYMPTOM]
        for observation in measured:
            self._latest.note(observation)
        if self.home is not None:
            self.home.note(measured)
        self.uplink.wake()

    async def recall_command(self) -> None:
        """Obey again what was in force before a restart."""
        payload = await self.spool.command()
        if payload is not None:
            await self._take_command(payload, fresh=False)

    async def recall_heard(self) -> None:
        """Know again what was heard before a restart, before anything is judged."""
        for one in await self._past():
            self.red_path.heard.note(one)

    async def recall_readings(self) -> None:
        """Judge the last day's readings again: a power cut silences no emergency.

        The core's receipt is no reason to leave one out: it does not say that a person was told.
        A clock that shows less than the spool's newest stamp was set back by the power cut: then
        the day before that stamp counts.
        """
        now = self._clock.now()
        past = in_order(await self._past())
        newest = max((one.received_at for one in past if one.received.wall_trusted), default=now)
        behind = newest > now and not self._stamps.now().wall_trusted
        end = newest if behind else now
        real = [
            (one, one.received_at)
            for one in past
            if one.received_at >= end - SOUNDING and not is_canary(one.device)
        ]
        if behind:
            self.red_path.recall_behind(real, newest, now)
        else:
            self.red_path.recall(real, now)
        await self._look_for_receipts(now)

    async def _past(self) -> list[Observation]:
        return await self.spool.received_since(_BEGINNING, _RECALLED)

    async def watch(self) -> None:
        """Notice, within a second, what has to be said because nobody was reached."""
        while True:
            await self._clock.pause(_WATCH_EVERY_S)
            if await self.spool.hold.retry():
                self.uplink.wake()
            await self.spool.keep_reserve()
            self._look_at_clock()
            now = self._clock.now()
            await self._look_for_receipts(now)
            self.red_path.instructions(now)  # a confirmation that never came is found here

    def _look_at_clock(self) -> None:
        """A machine that learns the time jumps; what is being said must not end by that."""
        before, before_s = self._looked_at
        self._looked_at = now, now_s = self._clock.now(), self._clock.monotonic()
        stepped = now - before - timedelta(seconds=now_s - before_s)
        if abs(stepped) > _CLOCK_STEP:
            _log.warning("clock was set", hub=self._hub, by_s=stepped.total_seconds())
            self.red_path.clock_stepped(stepped)

    async def _look_for_receipts(self, now: datetime) -> None:
        reach = self.red_path.reach
        for alert in self.red_path.standing(now):
            if not reach.is_receipted(alert.alert_id) and await self.spool.is_receipted(
                alert.record.session, alert.record.ordinal
            ):
                reach.note_receipt(alert.alert_id)

    async def tidy(self) -> None:
        """Forget, a few times a day, what was receipted long enough ago."""
        while True:
            cutoff = self._clock.now() - KEPT_AFTER_RECEIPT
            await self.spool.hold.do(lambda at=cutoff: self.spool.forget_receipted_before(at))
            await self._clock.pause(_TIDY_EVERY_S)

    async def page(self, language: str) -> str:
        """The local page as HTML."""
        view = hub_page.HubView(
            hub=self._hub,
            connected=self.uplink.connected,
            waiting=await self.spool.waiting(),
            damaged=self.spool.moved_aside is not None,
            full=bool(self.spool.hold.fault),
            county_silent_since=self.county_silent_since(),
            devices=await self._shown_devices(),
            readings=self._latest.readings(),
            instructions=self.red_path.instructions(self._clock.now()),
            questions=shown(self._body().asking, self._clock.now(), self._zone),
            asks=self.red_path.asking(self._clock.now()),
            key=self._answer_key,
        )
        return hub_page.render(view, language, ZoneInfo(self._settings.zone))

    async def take_answer(self, body: bytes) -> bool:
        """Keep what somebody pressed on the local page; False where it answers no question."""
        answer = pressed(body, self.red_path.asking(self._clock.now()), self._answer_key)
        if answer is None:
            return False
        said = answer.observation(self._hub, self._stamps.now(), f"said-{secrets.token_hex(8)}")
        await self.spool.hold.do(lambda: self.spool.add_decided([said]))
        await self.note_spooled([said])
        return True

    async def _shown_devices(self) -> tuple[hub_page.ShownDevice, ...]:
        now, book = self._clock.now(), None if self.radio is None else self.radio.book
        return tuple(
            hub_page.ShownDevice(
                key=paired.device.key,
                availability=None if book is None else book.availability(paired.address, now),
            )
            for paired in await self.spool.paired()
        )

    def to_say(self, now: datetime) -> tuple[Mapping[str, str], ...]:
        """What a speaker of the home says: instructions, and when there is none, a question."""
        return self.red_path.instructions(now) or said(self._body().asking, now, self._zone)

    def _body(self) -> CommandBody:
        return CommandBody() if self._command is None else self._command.body

    def _version(self) -> int:
        return 0 if self._command is None else self._command.version

    async def _hear_command(self, message: MqttMessage) -> None:
        # A broker marks as retained what it kept for us: only the rest was said this instant.
        await self._take_command(message.payload, fresh=not message.retain)

    async def _take_command(self, payload: bytes, *, fresh: bool) -> None:
        try:
            command = verify_command(payload, hub=self._hub, secret=self._settings.secret)
        except CommandError as error:
            _log.warning("command refused", hub=self._hub, reason=str(error))
            return
        if self._command is not None and command.version <= self._command.version:
            self._refuse_command(command, self._command)
            return
        await self.spool.hold.do(lambda: self.spool.remember_command(payload))
        self._command, self._command_differs = command, False
        self._take_rules(command.body.rules)
        self.red_path.reach.note_told(told.alert_id for told in command.body.told)
        self.red_path.keep_to(command.body.limits)
        if self.canary is not None:
            told = [told.alert_id for told in command.body.told]
            self.canary.note_told(told, self._clock.now())
        if self.radio is not None:
            self.radio.obey(command.version, command.body, fresh=fresh)
        self.uplink.tell_status()

    def _refuse_command(self, command: Command, obeyed: Command) -> None:
        if command.version < obeyed.version:
            _log.warning("old command refused", hub=self._hub, version=command.version)
        elif command.body != obeyed.body:
            _log.warning("other command of one version", hub=self._hub, version=command.version)
            self._command_differs = True
            self.uplink.tell_status()

    def _take_rules(self, sent: HubRules | None) -> None:
        """Run the rules of the command; those that this version cannot run leave the old ones."""
        if sent is None or sent == self._sent_rules:
            return
        self._sent_rules = sent
        try:
            self.pack = pack_of(sent, load_first_pack())
            self.red_path.use(self.pack)
        except HubRulesError as error:
            self._refused_rules = str(error)
            _log.error("rules refused, the former ones stay", hub=self._hub, reason=str(error))
        else:
            self._refused_rules = ""

    async def status(self) -> bytes:
        """What this hub tells of itself (`hub_status.py`)."""
        waiting = await self.spool.waiting()
        epoch, places = self.spool.epoch, await self.spool.positions()
        return encode_status(
            HubStatus(
                v=STATUS_VERSION,
                hub=self._hub,
                at=self._clock.now(),
                online=True,
                command_version=self._version(),
                command_differs=self._command_differs,
                pairing=None if self.radio is None else self.radio.report(),
                spool=SpoolReport(
                    waiting_live=waiting.live,
                    waiting_backlog=waiting.backlog,
                    undecided=waiting.undecided,
                    epoch=epoch,
                    through_live=places[Lane.LIVE].through,
                    through_backlog=places[Lane.BACKLOG].through,
                ),
                spool_fault=self.spool.fault,
                spool_moved_aside=self.spool.moved_aside is not None,
                software=version("hearthwatch"),
                refused_rules=self._refused_rules,
                radio=None if self.radio is None else self.radio.adapter(),
                devices=() if self.radio is None else self.radio.devices(),
                canary=None if self.canary is None else self.canary.report(self._clock.now()),
                voiceless=self.is_voiceless(),
            )
        )

    def is_voiceless(self) -> bool:
        """Whether devices are heard here, and nobody at home can be told of an emergency."""
        hears = self.radio is not None or self.front is not None
        return hears and self.page_port is None and self.home is None

    def county_silent_since(self) -> datetime | None:
        """Since when the county has not answered the canary; None while it does, or without one."""
        return None if self.canary is None else self.canary.late_since(self._clock.now())

    def _will(self) -> MqttWill:
        gone = HubStatus(
            v=STATUS_VERSION,
            hub=self._hub,
            at=self._clock.now(),
            online=False,
            command_version=self._version(),
        )
        return MqttWill(topic=status_topic(self._hub), payload=encode_status(gone), retain=True)


@contextlib.asynccontextmanager
async def _running(
    settings: HubSettings,
    clock: ProcessClock,
    radio: BleakRadio,
    agent: PairingAgent | None,
) -> AsyncGenerator[RunningHub]:
    trusted = always if settings.time_source is TimeSource.ALWAYS else kernel_is_synchronised
    stamps = Stamps(clock, trusted)
    async with contextlib.AsyncExitStack() as stack:
        spool = await stack.enter_async_context(Spool.open(settings.data_dir / "spool.db"))
        hub = RunningHub(settings, clock, spool, stamps)
        if settings.mqtt_devices:
            hub.front = MqttFront(
                hub=HubId(settings.hub_id),
                spool=spool,
                stamps=stamps,
                broker=_broker(settings, f"{settings.hub_id}-front"),
                zone=ZoneInfo(settings.zone),
                on_spooled=hub.note_published,
            )
        await hub.recall_heard()
        if settings.bluetooth:
            hub.radio = HubRadio(
                hub=HubId(settings.hub_id),
                spool=spool,
                stamps=stamps,
                zone=ZoneInfo(settings.zone),
                radio=radio,
                agent=agent,
                clock=clock,
                on_spooled=hub.note_spooled,
                on_decided=hub.note_session,
                is_new=hub.red_path.heard.is_new,
                on_change=hub.uplink.tell_status,
            )
            await hub.radio.prepare()
        if settings.canary_every_s is not None:
            hub.canary = HubCanary(
                hub=HubId(settings.hub_id),
                spool=spool,
                stamps=stamps,
                clock=clock,
                zone=ZoneInfo(settings.zone),
                every=timedelta(seconds=settings.canary_every_s),
                rules=lambda: hub.pack,
                on_spooled=hub.uplink.wake,
            )
        if settings.home_broker_host is not None:
            hub.home = _home_line(settings, settings.home_broker_host, clock, hub)
        await hub.recall_command()
        await hub.recall_readings()
        if settings.page_port is not None:
            hub.page_port = await _shown(stack, settings, settings.page_port, hub)
        if hub.is_voiceless():
            _log.error("this hub has no voice: neither a page nor a speaker", hub=settings.hub_id)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(hub.uplink.run(), name="uplink")]
            tasks.append(group.create_task(hub.tidy(), name="tidy"))
            tasks.append(group.create_task(hub.watch(), name="red path"))
            renewing = keep_renewed(settings.data_dir, clock)
            tasks.append(group.create_task(renewing, name="renewal"))
            parts = (
                *(("front", hub.front), ("radio", hub.radio)),
                *(("home line", hub.home), ("canary", hub.canary)),
            )
            tasks += [group.create_task(part.run(), name=name) for name, part in parts if part]
            clock.on_tick(hub.settle)
            try:
                yield hub
            finally:
                for task in tasks:
                    task.cancel()


async def _shown(
    stack: contextlib.AsyncExitStack, settings: HubSettings, port: int, hub: RunningHub
) -> int | None:
    """Show the local page; the port in use. A port that is taken costs the page, not the hub."""
    serving = hub_page.serve(
        port=port,
        language=settings.language,
        page=hub.page,
        take=hub.take_answer,
        address=settings.page_address,
    )
    try:
        return await stack.enter_async_context(serving)
    except OSError as error:
        _log.error("local page cannot be shown", hub=settings.hub_id, port=port, reason=str(error))
        return None


def _broker(settings: HubSettings, client_id: str, will: MqttWill | None = None) -> MqttSettings:
    password = settings.broker_password
    tls = None
    if settings.broker_ca is not None:
        tls = MqttTls(
            ca_file=str(settings.broker_ca),
            certificate_file=_text(settings.broker_certificate),
            key_file=_text(settings.broker_key),
        )
    return MqttSettings(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=client_id,
        user=settings.hub_id if password is not None else None,
        password=None if password is None else password.get_secret_value(),
        will=will,
        tls=tls,
    )


def _home_line(settings: HubSettings, host: str, clock: ProcessClock, hub: RunningHub) -> HomeLine:
    home = Home(
        hub=HubId(settings.hub_id),
        language=settings.language,
        version=version("hearthwatch"),
        zone=ZoneInfo(settings.zone),
    )
    password, authority = settings.home_broker_password, settings.home_broker_ca
    broker = MqttSettings(
        host=host,
        port=settings.home_broker_port,
        client_id=f"{settings.hub_id}-home",
        user=settings.home_broker_user,
        password=None if password is None else password.get_secret_value(),
        will=MqttWill(topic=home.availability_topic, payload=b"offline", retain=True),
        tls=None if authority is None else MqttTls(ca_file=str(authority)),
    )
    return HomeLine(
        home=home,
        broker=broker,
        clock=clock,
        sources=HomeSources(
            devices=lambda: () if hub.radio is None else hub.radio.devices(),
            instructions=hub.to_say,
            county_silent_since=None if hub.canary is None else hub.county_silent_since,
        ),
    )


def _text(path: object) -> str | None:
    return None if path is None else str(path)
