"""A hub's central that remembers what a hub remembers, and keeps every write a device gets."""

# bumble's Attribute is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from bumble.att import ATT_PDU, ATT_Write_Command, ATT_Write_Request, Attribute, Bearer

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import Remembered, SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.interference import Outlet
from firmware_sim.peripheral import Identity, Peripheral
from gateway.arrivals import Arrival, read_arrival
from gateway.spool import Spool
from rules.identity import observation_identity
from rules.vocabulary import HubStamp, Observation
from rules.wire import (
    WIRE_VERSION,
    Envelope,
    Lane,
    decode_observation,
    encode_envelope,
    uplink_topic,
)
from tests.integration.county_bench import HUB, ZONE
from tests.integration.virtual_bench import AT

PATIENCE_S = 60.0

# Devices that hang up end a session by themselves. Silence is counted as a last resort only, so
# that a busy machine cuts none short.
SETTINGS = CentralSettings(hub=HUB, zone=ZONE, first_wait_s=30.0, quiet_s=10.0, stream_step_s=0.1)


def plate(serial: str, model: str = "T-1", maker: str = "Acme") -> Identity:
    """A name plate; the last two octets of the address are the serial number in hexadecimal."""
    return Identity(
        manufacturer=maker,
        model=model,
        serial=serial,
        address=f"C0:00:00:00:01:{int(serial):02X}",
        name=f"SIM-{serial}",
    )


@dataclass
class Home:
    """What a hub would have spooled, and what it knows of its devices; `now` is its clock."""

    now: datetime = AT
    trusted: bool = True
    observations: list[Observation] = field(default_factory=list[Observation])
    refused: list[Frame] = field(default_factory=list[Frame])
    sessions: list[SessionSummary] = field(default_factory=list[SessionSummary])
    devices: dict[str, Remembered] = field(default_factory=dict[str, Remembered])
    clock_sets: dict[str, tuple[ClockSet, ...]] = field(
        default_factory=dict[str, tuple[ClockSet, ...]]
    )
    _news: asyncio.Queue[SessionSummary] = field(default_factory=asyncio.Queue[SessionSummary])

    def stamp(self) -> HubStamp:
        seconds = (self.now - AT).total_seconds()
        return HubStamp(boot_id="b", monotonic_s=seconds, wall=self.now, wall_trusted=self.trusted)

    async def on_observation(self, observation: Observation) -> None:
        await asyncio.sleep(0)
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        del error
        self.refused.append(frame)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        self.clock_sets[address] = sets
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        self.sessions.append(summary)
        if summary.device is not None:
            known = self.devices.setdefault(summary.address, Remembered(device=summary.device))
            if summary.high_water is not None:
                self.devices[summary.address] = replace(
                    known,
                    high_water=summary.high_water,
                    newest=summary.newest,
                    series=summary.series,
                )
        self._news.put_nowait(summary)

    async def session(self) -> SessionSummary:
        """The next session that ends."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._news.get()

    def remembered(self, address: str) -> Remembered | None:
        known = self.devices.get(address)
        if known is None:
            return None
        return replace(known, clock_sets=self.clock_sets.get(address, ()))

    def of(self, summary: SessionSummary) -> list[Observation]:
        return [o for o in self.observations if o.session == summary.session]

    @property
    def identities(self) -> set[str]:
        return {observation_identity(observation) for observation in self.observations}


async def uplinked(spool: Spool, now: datetime) -> list[Arrival]:
    """What a hub's uplink would send of its spool, as it reaches the core at `now`."""
    found: list[Arrival] = []
    for lane in Lane:
        for message in await spool.unsent(lane, 0, 1000):
            envelope = Envelope(
                v=WIRE_VERSION,
                hub=HUB,
                epoch=spool.epoch,
                lane=lane,
                sequence=message.sequence,
                observation=decode_observation(message.body),
            )
            topic = uplink_topic(HUB, spool.epoch, lane, message.sequence)
            found.append(read_arrival(topic, encode_envelope(envelope), now))
    return found


@asynccontextmanager
async def serving(
    radio: VirtualRadio,
    devices: Sequence[Peripheral],
    home: Home,
    settings: CentralSettings = SETTINGS,
    ours: BleakRadio | None = None,
) -> AsyncGenerator[BleCentral]:
    """The central at work for as long as the block lasts."""
    central = BleCentral(
        settings,
        stamps=home.stamp,
        listener=home,
        remembered=home.remembered,
        radio=ours or BleakRadio(radio.scanner_backend, radio.client_backend),
    )
    known = [device.identity.address for device in devices]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(central.sessions(lambda: known), name="central")
        yield central
        task.cancel()


@asynccontextmanager
async def overheard() -> AsyncGenerator[list[tuple[str, bytes]]]:
    """Every write that reaches any simulated device in the block: attribute type and octets."""
    writes: list[tuple[str, bytes]] = []
    passed_on = Outlet.on_gatt_pdu

    def on_gatt_pdu(self: Outlet, bearer: Bearer, att_pdu: ATT_PDU) -> None:
        if isinstance(att_pdu, (ATT_Write_Request, ATT_Write_Command)):
            item = cast("Attribute[bytes] | None", self.get_attribute(att_pdu.attribute_handle))
            kind = "nowhere" if item is None else item.type.to_hex_str().upper()
            writes.append((kind, att_pdu.attribute_value))
        passed_on(self, bearer, att_pdu)

    Outlet.on_gatt_pdu = on_gatt_pdu
    try:
        yield writes
    finally:
        Outlet.on_gatt_pdu = passed_on
