"""The hub's Bluetooth side: serves the devices it knows and pairs new ones when the core asks."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection
from datetime import tzinfo

from msgspec import structs

from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet, looks_with
from device_adapters.ble.link import LinkError
from device_adapters.ble.pairing_causes import Cause, cause_of_loss, is_low
from device_adapters.ble.pairing_session import PairingAgent
from device_adapters.ble.quirks import quirk_of
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import Remembered, SessionReason, SessionSummary
from gateway.clock import ProcessClock
from gateway.commands import CommandBody
from gateway.device_book import DeviceBook
from gateway.hub_pairing import HubPairing
from gateway.hub_sessions import Sessions
from gateway.hub_status import DeviceReport, PairingReport, RadioReport
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from gateway.stamps import Stamps
from rules.vocabulary import HubId, Observation

_LISTEN_AGAIN_S = 5.0


class HubRadio:
    """One adapter; `run` serves it for ever and survives its absence."""

    def __init__(  # noqa: PLR0913 - the parts of one process, wired in one place
        self,
        *,
        hub: HubId,
        spool: Spool,
        stamps: Stamps,
        zone: tzinfo,
        radio: BleakRadio,
        clock: ProcessClock,
        on_spooled: Callable[[list[Observation]], Awaitable[None]],
        on_change: Callable[[], None],
        on_decided: Callable[[list[Observation]], Awaitable[None]] | None = None,
        is_new: Callable[[Observation], bool] | None = None,
        agent: PairingAgent | None = None,
    ) -> None:
        self._spool = spool
        self._zone = zone
        self._known: dict[str, PairedDevice] = {}
        self._bindings: frozenset[str] = frozenset()
        self._version = 0
        self._radio = radio
        self._clock = clock
        self._on_change = on_change
        self.book = DeviceBook(spool, zone)
        self.sessions = Sessions(
            spool=spool,
            zone=zone,
            on_spooled=on_spooled,
            on_decided=on_decided,
            on_end=self._note_end,
            is_new=is_new,
            has_mark=self._has_mark,
            on_clock_set=self._note_clock_set,
        )
        self._central = BleCentral(
            CentralSettings(hub=hub, zone=zone),
            stamps=stamps.now,
            listener=self.sessions,
            remembered=self._remembered,
            radio=radio,
        )
        self._pairing = HubPairing(
            radio=radio,
            zone=zone,
            stamps=stamps,
            clock=clock,
            known=self._closed_to_pairing,
            on_paired=self._note_paired,
            on_change=on_change,
            agent=agent,
        )

    async def prepare(self) -> None:
        """Recall the paired devices and decide the sessions that a crash cut."""
        self._known = {paired.address: paired for paired in await self._spool.paired()}
        await self.book.recall()
        self._pairing.recall(await self._spool.finished_pairing())
        await self.sessions.decide_leftovers()

    async def run(self) -> None:
        """Scan and serve until cancelled.

        Raises:
            SpoolError: the spool's file failed (in an exception group).
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._central.sessions(self.known), name="radio sessions")
            group.create_task(self._pairing.run(), name="radio pairing")
            group.create_task(self._hear(), name="radio strength")

    def devices(self) -> tuple[DeviceReport, ...]:
        """Every paired device that may be synchronised, by address."""
        return tuple(self._report(self._known[address]) for address in sorted(self.known()))

    def _report(self, paired: PairedDevice) -> DeviceReport:
        """What the book says of a device, and why it cannot be read where it cannot."""
        report = self.book.report(paired)
        link = self._central.why_bond_lost(paired.address)
        if link is not None:
            quirk = quirk_of(paired.device.model, paired.device.manufacturer)
            return structs.replace(report, cause=cause_of_loss(link, quirk).value)
        if report.reason == SessionReason.FAILED and is_low(report.battery_percent):
            return structs.replace(report, cause=Cause.BATTERY_LOW.value)
        return report

    def adapter(self) -> RadioReport:
        """How the Bluetooth adapter is."""
        fault = self._central.fault
        return RadioReport(
            fault=None if fault is None else fault.value,
            open_links=len(self._central.open_sessions),
        )

    async def at_rest(self) -> None:
        """Return once no device is being talked to."""
        await self._central.at_rest()

    def known(self) -> Collection[str]:
        """Addresses of the paired devices that may be synchronised.

        A device that the core's command does not list has left this home, unless it was paired
        under that very command: then the core has not heard of it yet.
        """
        return [
            address
            for address, paired in self._known.items()
            if paired.device.key in self._bindings or paired.command_version >= self._version
        ]

    def _closed_to_pairing(self) -> Collection[str]:
        """The devices that are served already: one that has lost its bond may be paired again."""
        return frozenset(self.known()) - self._central.bond_lost

    def obey(self, version: int, body: CommandBody, *, fresh: bool = True) -> None:
        """Take the command in force; `fresh` as in `HubPairing.obey`."""
        self._version = version
        self._bindings = frozenset(body.bindings_known)
        self._pairing.obey(version, body.pairing, fresh=fresh)

    def report(self) -> PairingReport | None:
        """Where the pairing stands that the core ordered last."""
        return self._pairing.report

    async def remember(self, paired: PairedDevice) -> None:
        """Keep a newly bonded device; it is served from now on."""
        await self._spool.remember_paired(paired)
        self._known[paired.address] = paired

    async def _note_paired(self, paired: PairedDevice, session: str) -> None:
        # Its memory is fetched anew, but which clock dated what is not learned a second time.
        before = [one for one in self._known.values() if one.device == paired.device]
        if before:
            paired = dataclasses.replace(
                paired, clock_sets=before[-1].clock_sets, clock_looks=before[-1].clock_looks
            )
        self._known[paired.address] = paired
        await self._spool.hold.do(lambda: self.remember(paired))
        await self._spool.hold.do(lambda: self._spool.remember_finished_pairing(session))
        await self._central.welcome(paired.address)

    async def _hear(self) -> None:
        """Listen beside the sessions, for the signal strength; their scan reports what fails."""
        while True:
            try:
                async with self._radio.scan(self.book.note_seen):
                    await asyncio.get_running_loop().create_future()
            except LinkError:
                await asyncio.sleep(_LISTEN_AGAIN_S)

    def _remembered(self, address: str) -> Remembered | None:
        paired = self._known.get(address)
        if paired is None:
            return None
        return Remembered(
            device=paired.device,
            high_water=paired.high_water,
            newest=paired.newest,
            series=paired.series,
            clock_sets=paired.clock_sets,
            clock_looks=paired.clock_looks,
        )

    def _has_mark(self, address: str) -> bool:
        paired = self._known.get(address)
        return paired is not None and paired.high_water is not None

    def _note_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> None:
        paired = self._known.get(address)
        if paired is not None:
            self._known[address] = dataclasses.replace(paired, clock_sets=sets)

    async def _note_end(self, summary: SessionSummary) -> None:
        if summary.address in self._known:
            await self.book.note_session(summary, self._clock.now())
            self._on_change()
        paired = self._known.get(summary.address)
        if paired is None:
            return
        known = self._as_heard(paired, summary)
        if known != paired and not self._spool.hold.lost:  # else the device is asked once more
            await self._spool.hold.do(lambda: self.remember(known))

    def _as_heard(self, paired: PairedDevice, summary: SessionSummary) -> PairedDevice:
        """What is known of a device once it was heard: how its clock stood, and its newest."""
        if summary.clocks is not None and summary.series is None:
            looks = looks_with(paired.clock_looks, summary.clocks, self._zone)
            paired = dataclasses.replace(paired, clock_looks=looks)
        if summary.high_water is None:
            return paired
        return dataclasses.replace(
            paired, high_water=summary.high_water, newest=summary.newest, series=summary.series
        )
