"""A blood-pressure cuff: Blood Pressure Service 0x1810, every record indicated and confirmed."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
import struct
from collections import deque
from datetime import datetime
from typing import Unpack

from bumble.att import Bearer
from bumble.device import Connection
from bumble.gatt import Characteristic, Service
from bumble.gatt_server import Server

from firmware_sim.device_clock import ClockKind
from firmware_sim.gatt_device import Peripheral, PeripheralOptions
from firmware_sim.gatt_services import announcing, constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.fields import DeviceDateTime, Special

_MEMORY_SIZE = 200
_INDICATE = 0x02
_FEATURES = 0x0037  # movement, fit, irregular pulse, position, multiple bonds


class BloodPressureCuff(Peripheral):
    """A cuff that stores what it measures and sends it to the first bonded central that subscribes.

    A record leaves the memory when its indication was confirmed; with `keeps_records` it stays and
    is sent again in every later session. The memory holds 200 records, the oldest gives way.
    """

    service_number = 0x1810

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self._unsent: deque[bytes] = deque(maxlen=_MEMORY_SIZE)
        self._memory: deque[bytes] = deque(maxlen=_MEMORY_SIZE)
        self._sender: asyncio.Task[None] | None = None

    async def measure(  # noqa: PLR0913 - what the display of a cuff shows
        self,
        *,
        systolic: float | Special,
        diastolic: float | Special,
        at: datetime,
        mean: float | Special | None = None,
        pulse: float | Special | None = None,
        user_id: int | None = None,
        status: int | None = 0,
        kpa: bool = False,
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored frame.

        Args:
            systolic: mmHg (kPa with `kpa`), or a special pattern for a failed measurement.
            diastolic: Same unit.
            at: The true, aware instant; the record gets what the device's clock shows then.
            mean: One third of the way from diastolic to systolic when not given.
            pulse: Beats per minute.
            user_id: The button the person pressed.
            status: `MeasurementStatus` bits.
            kpa: The unit of the three pressures.
        """
        self._true_now = at
        if mean is None:
            mean = _mean(systolic, diastolic, kpa=kpa)
        frame = encode_blood_pressure(
            systolic=systolic,
            diastolic=diastolic,
            mean=mean,
            pulse=pulse,
            at=self._stamp(at),
            user_id=user_id,
            status=status,
            kpa=kpa,
        )
        self._store(frame)
        await self._settle()
        return frame

    def inject(self, frame: bytes) -> None:
        """Put arbitrary octets into the record memory; they are sent like a measurement."""
        self._store(frame)
        self._settle_soon()

    @property
    def unsent(self) -> tuple[bytes, ...]:
        """The frames that no central has confirmed, oldest first."""
        return tuple(self._unsent)

    def _stamp(self, at: datetime) -> datetime | DeviceDateTime | None:
        if self.clock.kind is ClockKind.ABSENT:
            return None
        return self.clock.read(at) or DeviceDateTime()

    def _store(self, frame: bytes) -> None:
        self._idle.clear()
        self._unsent.append(frame)
        if self.keeps_records:
            self._memory.append(frame)
        if self._connection is not None and self._subscribed(self._connection):
            self._send_soon(self._connection)

    def _has_unsent(self) -> bool:
        return bool(self._unsent)

    def _services(self, server: Server) -> list[Service]:
        self._server = server
        self._measurement = announcing(
            server, 0x2A35, Characteristic.Properties.INDICATE, self._guard
        )
        self._measurement.on(Characteristic.EVENT_SUBSCRIPTION, self._on_subscription)
        features = constant(0x2A49, struct.pack("<H", _FEATURES))
        return [Service(uuid16(self.service_number), [self._measurement, features])]

    def _on_subscription(self, bearer: Bearer, _notify: object, indicate: object) -> None:
        self._touch()
        if not indicate or not isinstance(bearer, Connection):
            return
        if self.keeps_records:
            self._unsent = deque(self._memory, _MEMORY_SIZE)
        self._send_soon(bearer)

    def _subscribed(self, connection: Connection) -> bool:
        table = self._server.subscribers.get(connection, {})
        return bool(table.get(self._measurement.handle, b"\0\0")[0] & _INDICATE)

    def _send_soon(self, connection: Connection) -> None:
        if self._sender is None or self._sender.done():
            self._sender = self._spawn(self._send_all(connection), "send")

    async def _send_all(self, connection: Connection) -> None:
        """Indicate record by record; one leaves the memory only after its confirmation."""
        try:
            while self._unsent and self._subscribed(connection):
                frame = self._unsent[0]
                await self._server.indicate_subscriber(connection, self._measurement, frame)
                if self._unsent and self._unsent[0] is frame:
                    self._unsent.popleft()
                await self._count_down()
        except TimeoutError:
            await self.drop()  # the central never confirmed


def _mean(systolic: float | Special, diastolic: float | Special, *, kpa: bool) -> float | Special:
    if isinstance(systolic, Special):
        return systolic
    if isinstance(diastolic, Special):
        return diastolic
    return round(diastolic + (systolic - diastolic) / 3, 1 if kpa else None)
