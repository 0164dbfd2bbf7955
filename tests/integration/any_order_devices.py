"""The devices of `test_any_order.py`: what they hold, what their clocks show, how a hub hears them.

Frames are the simulator's. A session tells any part of a device's memory, any number of times.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.conversation import Conversation
from device_adapters.ble.current_time import encode_current_time
from device_adapters.ble.link import LinkCause, LinkError
from device_adapters.ble.racp import REPORT_ALL
from device_adapters.ble.session import Remembered, SessionSetup, SessionSummary
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.body_composition import Composition, encode_body_composition
from firmware_sim.profiles.fields import DeviceDateTime
from firmware_sim.profiles.glucose import encode_context, encode_glucose
from firmware_sim.profiles.weight_scale import encode_weight
from gateway.hub_sessions import Sessions
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from rules.vocabulary import DeviceRef, HubStamp, Observation
from tests.fakes.memory_link import MemoryLink
from tests.integration.county_bench import CUFF, HUB, METER, START, ZONE

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HEARD = START + 8 * DAY

SLOW = -20 * MINUTE
"""How far the cuff's clock is behind until a session sets it."""

BLIND = DeviceRef(manufacturer="Acme", model="BP-2", serial="3")
"""A cuff of two users that dates its records and shows nobody its clock."""

AHEAD = 4 * MINUTE
"""How far the blind cuff's clock is ahead when it makes its last record, at the first session."""

FAST = DeviceRef(manufacturer="Acme", model="BP-3", serial="4")
"""A cuff five hours ahead whose clock can be read and not set."""

SCALE = DeviceRef(manufacturer="Acme", model="WS-1", serial="5")
OLD_METER = DeviceRef(manufacturer="Acme", model="GL-2", serial="6")
"""A meter that numbers its records and has never known the year."""

KETONES = DeviceRef(manufacturer="i-SENS", model="CareSens Dual", serial="7")
"""A meter whose ketone tests are glucose records until their context says what they are."""

COMPOSING = DeviceRef(manufacturer="Acme", model="BC-1", serial="8")
"""A scale that tells a weight and its body composition in two values."""

OFFSETS = {CUFF: SLOW, FAST: 5 * HOUR}
DEVICES = (CUFF, METER, BLIND, FAST, SCALE, OLD_METER, KETONES, COMPOSING)
FETCHED = frozenset({METER, OLD_METER, KETONES})
ADDRESSES = {device: f"C0:00:00:00:00:0{device.serial}" for device in DEVICES}

Values = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One record of a device: its characteristic's values, the measurement first."""

    device: DeviceRef
    values: Values


def local(at: datetime) -> datetime:
    """What a right clock shows."""
    return at.astimezone(ZONE).replace(tzinfo=None)


def _pressure(
    device: DeviceRef, shown: datetime | DeviceDateTime, systolic: int, user: int | None = None
) -> Told:
    frame = encode_blood_pressure(
        systolic=systolic, diastolic=84, mean=101, pulse=70, at=shown, user_id=user, status=0
    )
    return Told(device, (("2A35", frame),))


def _sugar(number: int) -> Told:
    follows = number % 2 == 0
    in_mmol = number % 3 > 0
    urgent = {2: 3.4, 4: 17.2}  # told without its meal when the link breaks: it may ring
    frame = encode_glucose(
        sequence=65534 + number if number < 2 else number - 2,  # over the end of the numbers
        at=local(START + 17 * HOUR * number),
        value=urgent.get(number, 5.1 + number / 10) if in_mmol else 92 + number,
        unit="mmol/L" if in_mmol else "mg/dL",
        context_follows=follows,
    )
    sequence = int.from_bytes(frame[1:3], "little")
    context = (("2A34", encode_context(sequence=sequence, meal=3)),) if follows else ()
    return Told(METER, (("2A18", frame), *context))


def _undated_sugar(number: int) -> Told:
    frame = encode_glucose(
        sequence=number, at=DeviceDateTime(hour=7), value=6.2 + number / 10, unit="mmol/L"
    )
    return Told(OLD_METER, (("2A18", frame),))


def _ketone(number: int) -> Told:
    """One in two is a ketone test: 12 mg/dL would be a LO, 24 a number that the meter can measure.

    Of the others one would be too high for the meter.
    """
    ketone = number % 2 == 0
    frame = encode_glucose(
        sequence=number,
        at=local(START + 19 * HOUR * number),
        value=12 * (number // 2 + 1) if ketone else 104 + number if number < 5 else 650,
        unit="mg/dL",
        context_follows=True,
    )
    context = encode_context(sequence=number, meal=6 if ketone else 2)
    return Told(KETONES, (("2A18", frame), ("2A34", context)))


def _weight(number: int) -> Told:
    frame = encode_weight(weight=71 + number / 2, at=local(START + 31 * HOUR * number), user_id=1)
    return Told(SCALE, (("2A9D", frame),))


def _composition(number: int) -> Told:
    """A weight and what the scale estimates beside it, in a value each; the last one in socks."""
    at, weight = local(START + 37 * HOUR * number), 80 + number / 2
    fat = None if number == SOCKS else 21.5 + number
    estimates = encode_body_composition(
        fat_percent=fat, at=at, user_id=2, rest=Composition(impedance_ohm=480, weight=weight)
    )
    return Told(
        COMPOSING, (("2A9D", encode_weight(weight=weight, at=at, user_id=2)), ("2A9C", estimates))
    )


SOCKS = 2
A_BATTERY_LATER = datetime(2000, 1, 1, 0, 3)  # noqa: DTZ001 - a device's clock
RECORDS = [
    *(
        _pressure(CUFF, local(START + 13 * HOUR * number) + SLOW, 138 + 9 * (number % 4))
        for number in range(9)
    ),
    *(_sugar(number) for number in range(7)),
    *(_pressure(BLIND, local(START + 29 * HOUR * number), 131 + number, 1) for number in range(3)),
    _pressure(BLIND, local(HEARD + AHEAD), 134, 1),
    _pressure(BLIND, local(START + 40 * HOUR), 122, 2),
    _pressure(BLIND, A_BATTERY_LATER, 136, 1),  # the battery was changed
    _pressure(BLIND, A_BATTERY_LATER + 9 * HOUR, 137, 2),
    _pressure(BLIND, local(HEARD + 1096 * DAY), 139, 1),  # somebody set the wrong year
    *(_pressure(FAST, local(START + 23 * HOUR * n) + 5 * HOUR, 128 + n) for n in range(4)),
    *(_weight(number) for number in range(3)),
    *(_undated_sugar(number) for number in range(3)),
    *(_ketone(number) for number in range(6)),
    *(_composition(number) for number in range(3)),
]

UNDATED = 6
"""Of them, those of the year 2000, of the year 0, and of the future."""


@dataclass
class BreakingLink(MemoryLink):
    """A device whose link breaks once it has told `breaks_after` values (None: it holds).

    A value travels as one packet, which arrives or does not: a link breaks between two of them.
    """

    breaks_after: int | None = None
    read_only_clock: bool = False
    conversation: Conversation | None = None

    async def write(self, characteristic: str, octets: bytes) -> None:
        if characteristic == "2A2B" and self.read_only_clock:
            raise LinkError(LinkCause.REFUSED_BY_DEVICE, "read only")
        await super().write(characteristic, octets)

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        if self.breaks_after is None or characteristic not in self.indicated:
            await super().subscribe(characteristic, on_value)
            return
        payloads = self.indicated[characteristic]
        for payload in payloads[: self.breaks_after]:
            on_value(payload)
        self.breaks_after -= len(payloads)
        if self.breaks_after <= 0:
            self.breaks_after = 0
            self._break()

    def _report(self, request: bytes) -> None:
        if self.breaks_after is None or request != REPORT_ALL:
            super()._report(request)
            return
        for characteristic, payload in self.records[: self.breaks_after]:
            self._takers[characteristic](payload)
        self._break()

    def _break(self) -> None:
        assert self.conversation is not None
        self.conversation.lost()


@dataclass
class Village:
    """The devices through all sessions: a clock that was set stays right."""

    offsets: dict[DeviceRef, timedelta] = field(default_factory=lambda: dict(OFFSETS))

    def link(
        self, told: Sequence[Told], now: datetime, *, breaks_after: int | None = None
    ) -> BreakingLink:
        """A connection to the device that tells these records."""
        device = told[0].device
        plate = {"2A29": device.manufacturer, "2A24": device.model, "2A25": device.serial}
        link = BreakingLink(
            values={number: text.encode() for number, text in plate.items()},
            breaks_after=breaks_after,
            read_only_clock=device == FAST,
        )
        values = [value for one in told for value in one.values]
        if device in FETCHED:
            link.records = values
        else:
            link.indicated = {
                number: [payload for its_number, payload in values if its_number == number]
                for number, _ in values
            }
        if device in self.offsets:
            link.values["2A2B"] = encode_current_time(local(now) + self.offsets[device])
        return link

    def after(self, link: MemoryLink, device: DeviceRef) -> None:
        """Take over whether its clock was set."""
        if any(number == "2A2B" for number, _ in link.written):
            self.offsets[device] = timedelta(0)


class Hub:
    """Sessions into a spool; what it knows of devices it knows from the spool, as a hub does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._village = Village()
        self._known: dict[str, PairedDevice] = {}
        self._unsettled: dict[str, frozenset[bytes]] = {}
        self._process = AsyncExitStack()
        self.spool: Spool

    async def start(self) -> None:
        """Begin anew, with nothing but the disk."""
        await self._process.aclose()
        self._unsettled = {}
        opened = Spool.open(self._folder / "spool.db")
        self.spool = await self._process.enter_async_context(opened)
        kept = {paired.address: paired for paired in await self.spool.paired()}
        for device, address in ADDRESSES.items():
            fresh = PairedDevice(address=address, device=device, command_version=0)
            self._known[address] = kept.get(address, fresh)
            await self.spool.remember_paired(self._known[address])

    async def stop(self) -> None:
        """Close the spool."""
        await self._process.aclose()

    async def hear(
        self, name: str, told: Sequence[Told], now: datetime, *, breaks_after: int | None = None
    ) -> None:
        """One radio session with one device; its link may break after that many values."""
        device = told[0].device
        known = self._known[ADDRESSES[device]]
        setup = SessionSetup(
            hub=HUB,
            session=name,
            address=known.address,
            zone=ZONE,
            stamps=lambda: HubStamp(boot_id="b", monotonic_s=0, wall=now, wall_trusted=True),
            remembered=Remembered(
                device=device,
                high_water=known.high_water,
                newest=known.newest,
                clock_sets=known.clock_sets,
            ),
            last_unsettled=self._unsettled.get(known.address, frozenset()),
            first_wait_s=0.001,
            quiet_s=0.001,
        )
        link = self._village.link(told, now, breaks_after=breaks_after)
        sessions = Sessions(
            spool=self.spool,
            zone=ZONE,
            on_spooled=_nobody,
            on_end=self._note_end,
            on_clock_set=self._note_clock_set,
        )
        conversation = Conversation(setup, sessions)
        link.conversation = conversation
        with suppress(LinkError):  # broken before the first value: nobody has heard anything
            await sessions.on_session_end(await conversation.run(link))
        self._unsettled[known.address] = conversation.unsettled
        self._village.after(link, device)

    def _note_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> None:
        self._known[address] = replace(self._known[address], clock_sets=sets)

    async def _note_end(self, summary: SessionSummary) -> None:
        if summary.high_water is None:
            return
        known = self._known[summary.address]
        known = replace(known, high_water=summary.high_water, newest=summary.newest)
        self._known[summary.address] = known
        await self.spool.remember_paired(known)


async def _nobody(_observations: list[Observation]) -> None:
    """Nobody else is at home."""
