"""The process in which the simulated people live: their devices, and the hubs in their homes.

Devices are real Bluetooth peripherals on virtual links and real MQTT clients; the hubs are
`gateway.hub.Hub` over those links, and one beside the broker for devices that publish themselves.
The devices are phase 0 of the published clock, each hub is a participant of phase 1.
"""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import msgspec
from pydantic import SecretStr

from firmware_sim.clock import PublishedTime
from firmware_sim.county import PlannedMeasurement, plan
from firmware_sim.packet_logs import stop_describing_packets
from firmware_sim.player import Player
from gateway.clock import open_clock
from gateway.hub import Hub
from gateway.hub_settings import HubSettings, TimeSource
from service.lab import orders
from service.lab.broken_devices import Mishaps, demo_mishaps
from service.lab.control import Order, OrderError, taking_orders
from service.lab.disturbances import disturb
from service.lab.homes_settings import CANARY_EVERY_S, HomesSettings, read_settings
from service.lab.neighbourhood import Household, Neighbourhood, open_neighbourhood
from service.lab.played import HOMES, Played
from service.lab.programme import on_stage
from service.lab.seed import FRONT

_FUTURE_DAYS = 60
"""How long the people go on measuring after the start, in days."""


def planned(settings: HomesSettings) -> list[PlannedMeasurement]:
    """Everything that will be measured, from the beginning of the county to well after today."""
    lived = (settings.played_until - settings.start).days
    return plan(
        settings.seed,
        settings.start,
        max(settings.days, lived) + _FUTURE_DAYS,
        horizon=settings.days,
    )


def going_on(settings: HomesSettings, played: Played) -> HomesSettings:
    """The settings of homes that may have been started again long after those were written."""
    reached = max(settings.played_until, played.until() or settings.played_until)
    return msgspec.structs.replace(settings, played_until=reached)


async def run_homes(folder: Path) -> None:
    """Live over the data directory of a demo until SIGTERM or SIGINT.

    Raises:
        OSError: the timekeeper or the broker does not answer.
    """
    played = Played(folder / HOMES)
    settings = going_on(read_settings(folder), played)
    stop_describing_packets()
    # aiomqtt warns of every eleventh unacknowledged message; an instant has more, on purpose.
    logging.getLogger("mqtt").setLevel(logging.ERROR)
    living = asyncio.current_task()
    assert living is not None
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, living.cancel)
    try:
        await _live(folder, settings, played)
    except asyncio.CancelledError:
        living.uncancel()


async def _live(folder: Path, settings: HomesSettings, played: Played) -> None:
    coming = planned(settings)
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(
            open_neighbourhood(folder / HOMES, settings, coming)
        )
        host, _, port = settings.timekeeper.rpartition(":")
        time = PublishedTime(host, int(port))
        people = People(around, settings, time, coming, played)
        await stack.enter_async_context(taking_orders(folder, people.obey))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for one in around.households.values():
            group.create_task(_home_hub(folder, settings, one), name=one.home.hub)
        group.create_task(_front_hub(folder, settings), name=FRONT)
        group.create_task(people.live(), name="devices")
        group.create_task(people.perform(), name="programme")


class People:
    """They measure as planned, now and then something breaks, and they do what a tester orders."""

    def __init__(
        self,
        around: Neighbourhood,
        settings: HomesSettings,
        time: PublishedTime,
        coming: list[PlannedMeasurement],
        played: Played,
    ) -> None:
        self._around = around
        self._time = time
        self._played = played
        self._player = Player(coming, ble=around.ble_by_key, mqtt=around.mqtt_by_key)
        self._player.skip_through(settings.played_until)
        mishaps = demo_mishaps(around, start=settings.start, days=settings.days)
        self._mishaps = Mishaps(mishaps, after=settings.played_until)
        self._curtain = asyncio.Event()
        self._first_start = False

    async def live(self) -> None:
        """Measure as planned, on the published time and then on the wall's."""
        await self._time.run(self._work)

    async def perform(self) -> None:
        """Play the programme once somebody has ordered to go live."""
        await self._curtain.wait()
        async with on_stage(self._around, lambda: self._time.now, first_start=self._first_start):
            await asyncio.Event().wait()

    async def obey(self, wanted: Order) -> tuple[str, ...]:
        """Carry out one order; while the history is replayed only those of the demo itself.

        Raises:
            OrderError: it cannot be carried out.
        """
        match wanted.do:
            case "list":
                return orders.describe(self._around)
            case "pairing_mode":
                return await self._pairing_mode(wanted)
            case "go_live":
                self._first_start = wanted.first_start
                self._curtain.set()
                return ("live",)
            case _:
                return await self._by_a_tester(wanted)

    async def _by_a_tester(self, wanted: Order) -> tuple[str, ...]:
        if not self._curtain.is_set():
            raise OrderError("the history is still being replayed; wait until the demo is live")
        if wanted.do == "measure":
            return await orders.measure(self._around, wanted, self._time.now)
        if wanted.do == "publish":
            return await orders.publish(self._around, wanted, self._time.now)
        if wanted.do == "battery":
            return await orders.change_battery(self._around, wanted)
        return await disturb(self._around, wanted, self._time.now)

    async def _pairing_mode(self, wanted: Order) -> tuple[str, ...]:
        household = self._around.households.get(wanted.person or "")
        if household is None:
            raise OrderError(f"{wanted.person} has no Bluetooth device")
        await household.device.pairing_mode(at=self._time.now)
        return (household.device.identity.address,)

    async def _work(self, now: datetime) -> datetime | None:
        coming = (self._mishaps.next_at, self._player.next_at)
        if any(due is not None and due <= now for due in coming):
            self._played.begin(now)
        try:
            broken = await self._mishaps.work(now)
            measured = await self._player.work(now)
        finally:  # an interrupted meter has used its number, too
            self._around.remember()
        return min(filter(None, (broken, measured)), default=None)


async def _home_hub(folder: Path, settings: HomesSettings, one: Household) -> None:
    own = _hub_settings(folder, settings, one.home.hub, bluetooth=True)
    async with (
        open_clock(own.clock, participant=own.hub_id, phase=1) as clock,
        Hub(
            own,
            clock,
            scanner_backend=one.radio.scanner_backend,
            client_backend=one.radio.client_backend,
        ),
    ):
        await asyncio.Event().wait()


async def _front_hub(folder: Path, settings: HomesSettings) -> None:
    own = _hub_settings(folder, settings, FRONT, bluetooth=False)
    async with (
        open_clock(own.clock, participant=own.hub_id, phase=1) as clock,
        Hub(own, clock),
    ):
        await asyncio.Event().wait()


def _hub_settings(
    folder: Path, settings: HomesSettings, hub: str, *, bluetooth: bool
) -> HubSettings:
    return HubSettings(
        hub_id=hub,
        secret_hex=SecretStr(settings.hub_secrets[hub]),
        data_dir=folder / "homes" / hub,
        clock=f"stepped:{settings.timekeeper}",
        time_source=TimeSource.ALWAYS,
        broker_host=settings.broker_host,
        broker_port=settings.broker_port,
        broker_password=SecretStr(settings.passwords[hub]),
        bluetooth=bluetooth,
        mqtt_devices=not bluetooth,
        page_port=0 if bluetooth else None,
        canary_every_s=None if bluetooth else CANARY_EVERY_S,
    )
