"""One bonded device, our hub's Bluetooth side with its spool, and a county's core behind it.

    device -> BleakRadio, BleCentral, Conversation -> Sessions, Spool -> the walk -> PostgreSQL

Nothing between is imitated; what is left out is the broker (`test_message_faults.py` has it).
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
from bumble.hci import Address

from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.pairing_causes import Cause, cause_of_loss
from device_adapters.ble.pairing_session import PairingFailed, PairingSession, PairingSettings
from device_adapters.ble.quirks import quirk_of
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import Remembered, SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.central import hang_up
from firmware_sim.faults.kind import FaultKind, Scene
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from firmware_sim.push_device import PushDevice
from gateway.arrivals import read_arrival
from gateway.facts import BindingFact
from gateway.hub_sessions import Sessions
from gateway.sorting import Batch
from gateway.spool import Spool
from rules.vocabulary import DeviceRef, HubStamp, Observation, SubjectRef
from rules.wire import Lane, enclose, uplink_topic
from tests.fakes.virtual_agent import VirtualAgent
from tests.integration.county_bench import HUB, START, ZONE
from tests.integration.county_bench import Bench as County

AT = datetime.fromisoformat("2026-11-20T23:30:00+00:00")  # 07:30 on the 21st in China
RADIO = "C0:FF:EE:00:00:01"
PATIENCE_S = 60.0
SHORT_PATIENCE_S = 0.5  # of a device that is to hang up on us because nothing happens
_OPTIONS: PeripheralOptions = {"interval_ms": 5.0, "patience_s": 20.0}
"""They hang up as their kind does: one that is asked waits for the next question."""


@dataclass(frozen=True, kw_only=True)
class Watched(Scene):
    """A scene that knows how late it has become."""

    times: list[datetime] = field(default_factory=lambda: [AT])

    def minutes_later(self, count: int) -> datetime:
        at = super().minutes_later(count)
        self.times.append(at)
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the county's database has of the device."""

    observations: list[asyncpg.Record]
    aside: list[asyncpg.Record]


@dataclass(slots=True, kw_only=True)
class Hub:
    """The hub's Bluetooth side; `known` holds the addresses that it serves now."""

    central: BleCentral
    radio: BleakRadio
    spool: Spool
    known: set[str] = field(default_factory=set[str])
    summaries: list[SessionSummary] = field(default_factory=list[SessionSummary])


@dataclass(slots=True, kw_only=True)
class Bench:
    """What a test of one pair works with."""

    scene: Watched
    device: PushDevice
    virtual: VirtualRadio
    hub: Hub
    county: County
    newest_aside: int
    positions: dict[Lane, int] = field(default_factory=dict[Lane, int])

    @property
    def profile(self) -> Profile:
        return self.scene.profile

    @property
    def now(self) -> datetime:
        """The true instant, which the hub and the core know."""
        return max(self.scene.times)

    @property
    def ref(self) -> DeviceRef:
        plate = self.device.identity
        return DeviceRef(manufacturer=plate.manufacturer, model=plate.model, serial=plate.serial)

    def stamp(self) -> HubStamp:
        seconds = (self.now - AT).total_seconds()
        return HubStamp(boot_id="b", monotonic_s=seconds, wall=self.now, wall_trusted=True)

    async def do(self, kind: FaultKind) -> None:
        """Make the fault happen while the hub is not listening."""
        assert kind.inject is not None
        await kind.inject(self.scene)

    async def measure(self, minute: int) -> None:
        """One more unremarkable record."""
        await self.device.measure_typical(self.scene.minutes_later(minute))

    def listen(self) -> None:
        """Serve the device from now on."""
        self.hub.known.add(self.device.identity.address)

    async def attempt(self) -> None:
        """Return when the hub has been connected to the device and is not any more."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.hub.central.open_sessions:  # noqa: ASYNC110 - no event says "begun"
                await asyncio.sleep(0.002)
            await self.hub.central.at_rest()

    async def told(self) -> None:
        """Return when the device has nothing more to tell and the hub has decided all."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.device.transferred()
                await self.hub.central.at_rest()
                if not self.device.unsent and not (await self.hub.spool.waiting()).undecided:
                    return
                await asyncio.sleep(0.01)

    async def ended(self, sessions: int = 1) -> SessionSummary:
        """The last of so many sessions that came to an end."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.hub.summaries) < sessions:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.005)
        return self.hub.summaries[sessions - 1]

    async def pair(self, *, passkey: int | None = None) -> DeviceRef | Cause:
        """What a person's pairing of the device comes to, whatever the hub knew of it."""
        settings = PairingSettings(zone=ZONE, window_s=120, connect_timeout_s=15, hear_again_s=0.5)
        session = PairingSession(
            self.hub.radio,
            settings,
            stamps=self.stamp,
            known=lambda: (),
            agent=VirtualAgent(self.virtual),
        )
        async with session, asyncio.timeout(PATIENCE_S):
            while not session.candidates:
                await session.changed(session.state)
            try:
                device = await session.confirm(session.candidates[0].address, passkey)
            except PairingFailed as failed:
                return failed.cause
        await self.hub.central.welcome(self.device.identity.address)
        return device

    def trouble(self) -> Cause | None:
        """What the hub's page says of a device that lets it in no longer."""
        plate = self.device.identity
        link = self.hub.central.why_bond_lost(plate.address)
        return None if link is None else cause_of_loss(link, quirk_of(plate.model))

    async def kept(self) -> Kept:
        """Hand the core all that the spool has and it has not, and look into the database."""
        arrivals = [
            read_arrival(topic, payload, self.now) for topic, payload in await self._messages()
        ]
        if arrivals:
            await self.county.take(Batch(arrivals=arrivals), self.now)
        return Kept(
            observations=await self.county.owner.fetch(
                "SELECT * FROM core.observation WHERE device = $1 ORDER BY effective_at",
                self.ref.key,
            ),
            aside=await self.county.owner.fetch(
                "SELECT * FROM core.quarantine WHERE quarantine_id > $1", self.newest_aside
            ),
        )

    async def _messages(self) -> list[tuple[str, bytes]]:
        spool, found = self.hub.spool, list[tuple[str, bytes]]()
        for lane in Lane:
            for message in await spool.unsent(lane, self.positions.get(lane, 0), 1_000):
                self.positions[lane] = message.sequence
                body = message.body
                if not message.refused:
                    body = enclose(
                        body, hub=HUB, epoch=spool.epoch, lane=lane, sequence=message.sequence
                    )
                found.append((uplink_topic(HUB, spool.epoch, lane, message.sequence), body))
        return found


def plate(profile: Profile, fault: str, maker: str, model: str) -> Identity:
    """Every pair has a device of its own."""
    return Identity(
        manufacturer=maker,
        model=model,
        serial=f"{fault}-{profile.value}",
        address="C0:00:00:00:00:01",
        name="SIM-X",
    )


@asynccontextmanager
async def bench(
    profile: Profile,
    identity: Identity,
    county: County,
    folder: Path,
    *,
    slots: Collection[int | None] = (None,),
) -> AsyncGenerator[Bench]:
    """A bonded, worn device whose hub runs and does not listen to it yet."""
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        PERIPHERALS[profile](link, identity, **_OPTIONS) as device,
        Spool.open(folder / "spool.db") as spool,
        AsyncExitStack() as stack,
    ):
        scene = Watched(profile=profile, device=device, radio=radio, link=link, at=AT, stack=stack)
        await _wear(county, device, slots)
        await _bond(scene)
        newest = "SELECT coalesce(max(quarantine_id), 0) FROM core.quarantine"
        here = Bench(
            scene=scene,
            device=device,
            virtual=radio,
            hub=_hub(scene, radio, spool),
            county=county,
            newest_aside=int(await county.owner.fetchval(newest)),
        )
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                here.hub.central.sessions(lambda: here.hub.known), name="sessions"
            )
            try:
                yield here
            finally:
                serving.cancel()


def _hub(scene: Watched, virtual: VirtualRadio, spool: Spool) -> Hub:
    summaries: list[SessionSummary] = []

    async def keep(summary: SessionSummary) -> None:
        summaries.append(summary)

    clock_sets: list[tuple[ClockSet, ...]] = []

    def remembered(_address: str) -> Remembered | None:
        known = [one for one in summaries if one.device is not None]
        if not known or known[-1].device is None:
            return None
        marks = [one for one in summaries if one.high_water is not None]
        return Remembered(
            device=known[-1].device,
            high_water=marks[-1].high_water if marks else None,
            newest=marks[-1].newest if marks else None,
            series=known[-1].series,
            clock_sets=clock_sets[-1] if clock_sets else (),
        )

    sessions = Sessions(
        spool=spool,
        zone=ZONE,
        on_spooled=_nobody,
        on_end=keep,
        on_clock_set=lambda _address, sets: clock_sets.append(sets),
    )

    def stamp() -> HubStamp:
        now = max(scene.times)
        seconds = (now - AT).total_seconds()
        return HubStamp(boot_id="b", monotonic_s=seconds, wall=now, wall_trusted=True)

    radio = BleakRadio(virtual.scanner_backend, virtual.client_backend)
    central = BleCentral(
        CentralSettings(
            hub=HUB,
            zone=ZONE,
            connect_timeout_s=15,
            first_wait_s=10,
            quiet_s=5,
            stream_step_s=1,
            stream_rest_s=0.05,
            back_off_s=0.02,
        ),
        stamps=stamp,
        listener=sessions,
        remembered=remembered,
        radio=radio,
    )
    return Hub(central=central, radio=radio, spool=spool, summaries=summaries)


async def _nobody(_observations: list[Observation]) -> None:
    """Nobody shows what was spooled."""


async def _bond(scene: Watched) -> None:
    await scene.device.pairing_mode(at=AT)
    connection = await scene.radio.connect(Address(scene.device.identity.address), timeout_s=30)
    await connection.pair()
    await hang_up(connection)


async def _wear(county: County, device: PushDevice, slots: Collection[int | None]) -> None:
    plate = device.identity
    key = DeviceRef(manufacturer=plate.manufacturer, model=plate.model, serial=plate.serial).key
    await county.tell(
        *(
            BindingFact(
                device=key,
                subject=SubjectRef(f"s-{plate.serial}-{slot or 0}"),
                valid_from=START - timedelta(days=400),
                user_slot=slot,
            )
            for slot in slots
        )
    )
