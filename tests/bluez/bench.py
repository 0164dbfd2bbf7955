"""A home in the guest: the hub's own radio and spool, BlueZ, and simulated devices in the air.

Everything between a simulated device and the spool is what runs in a home: the kernel's Bluetooth
stack, bluetoothd, D-Bus, bleak's BlueZ backend, our adapter, our pairing agent, the hub's radio.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar  # noqa: TID251 - structlog's own type of a log entry

from structlog.testing import capture_logs

from device_adapters.ble.agent import BluezAgent
from device_adapters.ble.radio import BleakRadio
from firmware_sim.kernel_radio import KernelRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import Identity, Peripheral
from gateway.clock import WallClock
from gateway.commands import CommandBody, PairingOrder
from gateway.hub_radio import HubRadio
from gateway.hub_status import PairingReport
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.vocabulary import HubId, Observation
from rules.wire import Lane, decode_observation

CHINA = timezone(timedelta(hours=8))
PATIENCE_S = 90.0
_T = TypeVar("_T")
Line = MutableMapping[str, Any]
_BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"


def now() -> datetime:
    """The guest's wall clock."""
    return WallClock().now()


def plate(number: int, name: str) -> Identity:
    """A name plate whose address no other scenario uses: bluetoothd remembers devices."""
    return Identity(
        manufacturer="Acme",
        model="BP-1" if name.startswith("BP") else "GM-1",
        serial=f"SN{number}",
        address=f"C0:00:00:00:00:{number:02X}",
        name=name,
    )


@asynccontextmanager
async def bluetoothd(log: Path) -> AsyncGenerator[None]:
    """Debian's daemon, as its service file starts it."""
    with log.open("ab") as output:
        daemon = await asyncio.create_subprocess_exec(
            _BLUETOOTHD, "-n", stdout=output, stderr=output
        )
        try:
            yield
        finally:
            daemon.terminate()
            await daemon.wait()


async def eventually(look: Callable[[], Awaitable[_T | None]], otherwise: object) -> _T:
    """The first answer of `look` that is not None; fails with what `otherwise` is by then."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await look()
                if found is not None:
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited in vain: {otherwise}") from None


async def power(state: str) -> None:
    """Switch the adapter `on` or `off`, as a person would; waits until it is there."""

    async def switched() -> bool | None:
        tool = await asyncio.create_subprocess_exec(
            "bluetoothctl",
            "power",
            state,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await tool.communicate()
        return b"succeeded" in said or None

    await eventually(switched, f"bluetoothctl power {state}")


@dataclass
class Home:
    """A hub that serves this machine's adapter, its core's orders, and what it has stored."""

    hub: HubRadio
    spool: Spool
    log: list[Line]
    version: int = 0
    session: str = ""
    keys: list[str] = field(default_factory=list[str])

    def order(self, session: str, **more: str) -> None:
        self.version, self.session = self.version + 1, session
        order = PairingOrder(session=session, until=now() + timedelta(seconds=PATIENCE_S), **more)
        self.hub.obey(self.version, CommandBody(bindings_known=tuple(self.keys), pairing=order))

    async def reported(self, *states: str, cause: str | None = None) -> PairingReport:
        """The report of the ordered window, once it says so; ends early when it cannot any more."""

        async def wanted() -> PairingReport | None:
            report = self.hub.report()
            if report is None or report.session != self.session:
                return None
            if report.state in states and report.cause == cause:
                return report
            assert report.state != "failed", f"pairing failed: {report.cause}"
            return None

        return await eventually(wanted, states)

    async def choose(self, device: Peripheral, session: str, **more: str) -> None:
        """Open a window, wait for the device, and confirm it."""
        self.order(session)
        await device.pairing_mode(at=now())

        async def offered() -> bool | None:
            found = await self.reported("found")
            return device.identity.address in {c.address for c in found.candidates} or None

        await eventually(offered, device.identity)
        self.order(session, confirm=device.identity.address, **more)

    async def pair(self, device: Peripheral, session: str, **more: str) -> PairingReport:
        """The whole pairing of a device, until it has hung up and its core has bound it."""
        await self.choose(device, session, **more)
        return await self.paired(device)

    async def paired(self, device: Peripheral) -> PairingReport:
        """The report that it is paired; from now on the core lists it."""
        report = await self.reported("paired")
        paired = await self.spool.paired()
        self.keys += [p.device.key for p in paired if p.address == device.identity.address]
        await device.transferred()
        return report

    async def logged(self, event: str, **fields: str) -> Line:
        """The first line of the log with this event and these fields."""

        async def line() -> Line | None:
            fitting = (
                line
                for line in self.log
                if line["event"] == event and fields.items() <= line.items()
            )
            return next(fitting, None)

        return await eventually(line, self.log)

    async def stored(self, device: Peripheral, count: int) -> list[Observation]:
        """Everything spooled and decided of a device, once it is `count` records."""

        async def enough() -> bool | None:
            return len(await self.observations(device)) >= count or None

        await eventually(enough, f"{count} records of {device.identity.name}: {self.log}")
        await device.transferred()
        await self.hub.at_rest()
        found = await self.observations(device)
        assert len(found) == count
        return found

    async def high_water(self, device: Peripheral) -> int | None:
        """The newest sequence number that a finished transfer of the device brought."""
        paired = await self.spool.paired()
        return next((p.high_water for p in paired if p.address == device.identity.address), None)

    async def observations(self, device: Peripheral) -> list[Observation]:
        """Everything spooled and decided of a device, live before backlog."""
        messages = [m for lane in Lane for m in await self.spool.unsent(lane, 0, 10_000)]
        assert not any(message.refused for message in messages)
        observations = [decode_observation(message.body) for message in messages]
        return [o for o in observations if o.device.serial == device.identity.serial]


@asynccontextmanager
async def home(folder: Path) -> AsyncGenerator[Home]:
    """A hub on this machine's BlueZ: no backend is replaced."""

    async def spooled(_observations: list[Observation]) -> None:
        """The red path and the uplink are not in the guest."""

    clock = WallClock()
    with capture_logs() as log:
        async with Spool.open(folder / "spool.db") as spool:
            hub = HubRadio(
                hub=HubId("hub-guest"),
                spool=spool,
                stamps=Stamps(clock, always),
                zone=CHINA,
                radio=BleakRadio(),
                clock=clock,
                on_spooled=spooled,
                on_change=lambda: None,
                agent=BluezAgent(),
            )
            await hub.prepare()
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(hub.run(), name="hub radio")
                yield Home(hub, spool, log)
                serving.cancel()


@asynccontextmanager
async def air() -> AsyncGenerator[VirtualLink]:
    """An adapter in this machine, switched on, and the air around it."""
    link = VirtualLink()
    async with KernelRadio(link):
        await power("on")
        yield link
