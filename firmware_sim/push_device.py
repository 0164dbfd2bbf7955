"""A device that sends its records by itself to the first bonded central that subscribes."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
from datetime import datetime
from typing import ClassVar, Unpack

from bumble.att import Bearer
from bumble.device import Connection
from bumble.gatt import Characteristic
from bumble.gatt_server import Server

from firmware_sim.device_clock import ClockKind
from firmware_sim.gatt_device import Peripheral
from firmware_sim.gatt_services import announcing
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.fields import DeviceDateTime
from firmware_sim.record_memory import RecordMemory, Retention, StoredRecord

_NOTIFY, _INDICATE = 0x01, 0x02  # bits of a CCCD


class PushDevice(Peripheral):
    """Stores what it measures and sends it without being asked.

    A record counts as sent once its indication was confirmed (or its notification is out). Then it
    goes, unless the device keeps its records (`options.PeripheralOptions`).
    """

    record_number: ClassVar[int]
    """The characteristic that holds a record; subscribing to it starts the transfer."""
    also_started_by: ClassVar[frozenset[int]] = frozenset()
    """Other characteristics with a part of a record that start it as well, each part on its own."""
    default_memory_size: ClassVar[int] = 200
    default_retention: ClassVar[Retention] = Retention.DELETE
    kept_as: ClassVar[Retention] = Retention.RESEND
    """What the option `keeps_records` means for this kind of device."""
    grace_s: ClassVar[float] = 0.0
    """Real seconds after a subscription in which a central may subscribe to what comes with it."""

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        options = self._options  # now with what the quirk says
        self.memory = RecordMemory(
            capacity=options.get("memory_size", self.default_memory_size),
            retention=self._retention(options),
            newest_first=options.get("newest_first", False),
            first_sequence=options.get("first_sequence", 0),
        )
        self._items: dict[int, Characteristic[bytes]] = {}
        self._sender: asyncio.Task[None] | None = None

    def _retention(self, options: PeripheralOptions) -> Retention:
        if "retention" in options:
            return options["retention"]
        if "keeps_records" in options:
            return self.kept_as if options["keeps_records"] else Retention.DELETE
        return self.default_retention

    def recover(self) -> None:
        """Undo every fault that lasts, those of the memory as well."""
        super().recover()
        self.memory.capacity = self._options.get("memory_size", self.default_memory_size)
        self.memory.retention = self._retention(self._options)
        self.memory.newest_first = self._options.get("newest_first", False)

    def inject(self, frame: bytes) -> None:
        """Put arbitrary octets into the record memory; they are sent like a measurement."""
        self._store((self.record_number, frame))
        self._settle_soon()

    @property
    def unsent(self) -> tuple[bytes, ...]:
        """The frames that no central has taken, oldest first."""
        return tuple(record.frame for record in self.memory.unsent)

    def _has_unsent(self) -> bool:
        return self.memory.next_unsent is not None

    def _stamp(self, at: datetime) -> datetime | DeviceDateTime | None:
        """The time field of a record: None without a clock, all parts unknown if never set."""
        if self.clock.kind is ClockKind.ABSENT:
            return None
        return self.clock.read(at) or DeviceDateTime()

    def _store(self, *parts: tuple[int, bytes], user: int | None = None) -> None:
        self._keep(StoredRecord(sequence=self.memory.take_sequence(), parts=parts, user=user))

    def _keep(self, record: StoredRecord) -> None:
        """Store a record; it goes out at once when somebody listens."""
        self._news()
        self.memory.store(record)
        if self._connection is not None and self._wants_records(self._connection):
            self._send_soon(self._connection)

    def _announcing(
        self, server: Server, number: int, properties: Characteristic.Properties
    ) -> Characteristic[bytes]:
        """A notifying or indicating characteristic that `_send` can find again."""
        self._server = server
        item = announcing(server, number, properties, self._guard)
        self._items[number] = item
        if number == self.record_number or number in self.also_started_by:
            item.on(Characteristic.EVENT_SUBSCRIPTION, self._on_subscription)
        return item

    def _on_subscription(self, bearer: Bearer, notify: object, indicate: object) -> None:
        self._touch()
        if (notify or indicate) and isinstance(bearer, Connection):
            self.memory.begin_session()
            self._send_soon(bearer)

    def _listening(self, bearer: Bearer, number: int) -> bool:
        """Whether a central has subscribed to a characteristic in the way it is sent."""
        item = self._items[number]
        indicated = item.properties & Characteristic.Properties.INDICATE
        table = self._server.subscribers.get(bearer, {})
        return bool(table.get(item.handle, b"\0\0")[0] & (_INDICATE if indicated else _NOTIFY))

    def _wants_records(self, bearer: Bearer) -> bool:
        starts = (self.record_number, *self.also_started_by)
        return any(self._listening(bearer, number) for number in starts)

    def _send_soon(self, connection: Connection) -> None:
        if self._sender is None or self._sender.done():
            self._sender = self._spawn(self._send_all(connection), "send")

    async def _send_all(self, connection: Connection) -> None:
        """Send record by record; one counts as sent only after its confirmation."""
        await asyncio.sleep(self.grace_s)
        try:
            while self._wants_records(connection):
                record = self.memory.next_unsent
                if record is None:
                    return
                await self._send_record(connection, record)
                self.memory.taken(record)
                await self._count_down()
        except TimeoutError:
            await self.drop()  # the central never confirmed

    async def _send_record(self, connection: Connection, record: StoredRecord) -> None:
        for number, octets in record.parts:
            await self._send(connection, number, octets)

    async def _send(self, connection: Connection, number: int, octets: bytes) -> None:
        """Indicate (and wait for the confirmation) or notify; nothing happens unsubscribed.

        Raises:
            TimeoutError: The central did not confirm.
        """
        item = self._items[number]
        if not self._listening(connection, number):
            return
        if item.properties & Characteristic.Properties.INDICATE:
            await self._server.indicate_subscriber(connection, item, octets)
        else:
            await self._server.notify_subscriber(connection, item, octets)
            await asyncio.sleep(0)  # a notification is not confirmed: let others come in between

    async def _send_live(self, number: int, octets: bytes) -> None:
        """Notify a passing value to a central that listens now; it is stored nowhere."""
        connection = self._connection
        if connection is not None and number in self._items:
            await self._send(connection, number, octets)
            self._touch()
