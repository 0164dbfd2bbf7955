"""The devices of the demo county, switched on.

Cuffs and meters on a link in each home, and a line to the broker for those that speak MQTT.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.bonds import FileBonds
from firmware_sim.county import PlannedMeasurement, Resident, build_county
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.mqtt_line import Login
from firmware_sim.peripheral import BloodPressureCuff, Glucometer
from firmware_sim.publisher import MqttDevice, open_line
from service.lab.demo_county import Home, demo_county, login_of
from service.lab.homes_settings import DEVICE_USER, HomesSettings

STRANGER = "W5-999"
"""Serial number of a cuff that was never registered."""

_SPARE_INTERVAL_MS = 400.0
_COLLECTED_S = 10.0
_METER_NUMBER = "next_record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """One home: its hub's radio, its own device, and a spare cuff that nobody has paired."""

    home: Home
    radio: VirtualRadio
    link: VirtualLink
    device: BloodPressureCuff | Glucometer
    spare: BloodPressureCuff
    folder: Path

    def remember(self) -> None:
        """Keep what a meter's memory would keep over a power cut: its next record number."""
        if isinstance(self.device, Glucometer):
            number = str(self.device.next_sequence)
            (self.folder / _METER_NUMBER).write_text(number, encoding="ascii")

    def spare_is_paired(self) -> bool:
        """Whether the spare cuff holds a bond of an earlier run."""
        return bool(_bonds(self.folder, self.home.spare).all_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Everything that can measure, found by the names that a tester uses.

    Attributes:
        households: Homes with Bluetooth, by login.
        mqtt: Devices that publish themselves, by person id.
        residents: Everybody, by person id.
        stranger: A cuff that nobody has registered.
        login: How a device enters the broker.
        stack: What is switched on here stays on until the end of the homes.
    """

    households: dict[str, Household]
    mqtt: dict[str, MqttDevice]
    residents: dict[str, Resident]
    stranger: MqttDevice
    login: Login
    stack: AsyncExitStack

    def device_of(self, who: str) -> BloodPressureCuff | Glucometer | MqttDevice | None:
        """The device of a login or a person id, None where there is nobody of that name."""
        if who in self.households:
            return self.households[who].device
        resident = self.residents.get(who)
        if resident is not None and resident.transport == "ble":
            return self.households[login_of(who)].device
        return self.mqtt.get(who)

    @property
    def ble_by_key(self) -> dict[str, BloodPressureCuff | Glucometer]:
        """The homes' own devices by device key, as a player of a plan wants them."""
        return {one.device.identity.key: one.device for one in self.households.values()}

    @property
    def mqtt_by_key(self) -> dict[str, MqttDevice]:
        """The devices that publish themselves by device key."""
        return {device.identity.key: device for device in self.mqtt.values()}

    def remember(self) -> None:
        """Keep what devices remember over a power cut."""
        for one in self.households.values():
            one.remember()


@asynccontextmanager
async def open_neighbourhood(
    folder: Path, settings: HomesSettings, plan: list[PlannedMeasurement]
) -> AsyncGenerator[Neighbourhood]:
    """Every device switched on until the end of the block; bonds are kept in `folder`.

    `plan` tells how many records each device that numbers them has made already.
    """
    county = demo_county(seed=settings.seed, today=settings.start.date())
    residents = {one.person.id: one for one in build_county(seed=settings.seed).residents}
    made = Counter(item.person_id for item in plan if item.at <= settings.played_until)
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(
            open_line(
                settings.broker_host,
                settings.broker_port,
                user=DEVICE_USER,
                password=settings.passwords[DEVICE_USER],
            )
        )
        mqtt = {
            number: MqttDevice(line, one.device, last_sequence=made[number])
            for number, one in residents.items()
            if one.transport == "mqtt"
        }
        any_device = next(iter(mqtt.values())).identity
        stranger = Identity(
            manufacturer=any_device.manufacturer, model=any_device.model, serial=STRANGER
        )
        households = {
            login_of(home.resident.person.id): await _household(stack, folder, home)
            for home in county.homes
        }
        yield Neighbourhood(
            households=households,
            mqtt=mqtt,
            residents=residents,
            stranger=MqttDevice(line, stranger),
            login=_login(settings),
            stack=stack,
        )


async def _household(stack: AsyncExitStack, folder: Path, home: Home) -> Household:
    place = folder / home.hub
    place.mkdir(parents=True, exist_ok=True)
    link = VirtualLink()
    number = int(home.resident.person.id[1:])
    address = f"C0:FF:EE:00:00:{number:02X}"
    radio = VirtualRadio(link, address, bonds=FileBonds(place / "radio.bonds"))
    await stack.enter_async_context(radio)
    identity = home.resident.device
    device: BloodPressureCuff | Glucometer
    if home.resident.person.glucose is not None:
        device = Glucometer(
            link, identity, bonds=_bonds(place, identity), first_sequence=_next_record(place)
        )
    else:
        device = BloodPressureCuff(link, identity, bonds=_bonds(place, identity))
    spare = BloodPressureCuff(
        link,
        home.spare,
        bonds=_bonds(place, home.spare),
        strict_pairing=True,
        interval_ms=_SPARE_INTERVAL_MS,
    )
    await stack.enter_async_context(device)
    await stack.enter_async_context(spare)
    return Household(home=home, radio=radio, link=link, device=device, spare=spare, folder=place)


def _login(settings: HomesSettings) -> Login:
    return Login(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=f"{DEVICE_USER}-faults",
        user=DEVICE_USER,
        password=settings.passwords[DEVICE_USER],
    )


async def collected(device: BloodPressureCuff | Glucometer) -> None:
    """Return when a hub has taken the device's records, at the latest after some real seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_COLLECTED_S):
            await device.transferred()


def _bonds(place: Path, identity: Identity) -> FileBonds:
    return FileBonds(place / f"{identity.serial}.bonds")


def _next_record(place: Path) -> int:
    try:
        return int((place / _METER_NUMBER).read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
