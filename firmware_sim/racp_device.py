"""A device whose records are fetched through a Record Access Control Point 0x2A52."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar, Unpack

from bumble.att import ATT_Error, Bearer
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue
from bumble.gatt_server import Server

from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.push_device import PushDevice
from firmware_sim.record_access import (
    GLUCOSE_ACCESS,
    Access,
    OpCode,
    Refusal,
    Result,
    count_response,
    response,
    select,
)
from firmware_sim.record_memory import Retention, StoredRecord

_CONTROL = 0x2A52
_CCCD_IMPROPERLY_CONFIGURED, _PROCEDURE_IN_PROGRESS = 0xFD, 0xFE


class RacpDevice(PushDevice):
    """Keeps its records until a central deletes them and reports them on request.

    It advertises until every record has been part of a finished report (or was deleted). With
    `keeps_records=False` a record goes by itself after such a report.

    Attributes:
        pushes_stored: A quirk: it sends what is unsent to whoever subscribes, like a `PushDevice`.
        record_every_s: Seconds between two packets of a report; 0: as fast as the link takes them.
            On the air that is a connection event: 7.5 ms at best (Bluetooth Core 5.4, volume 6,
            part B, section 4.5.1), and small devices send one packet in each.
    """

    default_hang_up_after_s = 2.0
    default_memory_size = 500
    default_retention = Retention.KEEP
    kept_as = Retention.KEEP
    access: ClassVar[Access] = GLUCOSE_ACCESS
    """What requests the service lets a device answer."""
    sends_live: ClassVar[bool] = False
    """Whether a central that is listening gets a new record without asking."""

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.pushes_stored = False
        self.record_every_s = 0.0
        self._procedure: asyncio.Task[None] | None = None
        self._aborted = False

    @property
    def records(self) -> tuple[StoredRecord, ...]:
        """The memory, oldest first."""
        return self.memory.records

    @property
    def next_sequence(self) -> int:
        """Number of the record that will be stored next."""
        return self.memory.next_sequence

    def restart_numbering(self) -> None:
        """A fault: the next record is number 0 again, as after a change of batteries."""
        self.memory.next_sequence = 0

    def _on_subscription(self, bearer: Bearer, notify: object, indicate: object) -> None:
        if self.pushes_stored:
            super()._on_subscription(bearer, notify, indicate)
        else:
            self._touch()

    def _keep(self, record: StoredRecord) -> None:
        self._news()
        self.memory.store(record)
        connection = self._connection
        if connection is None or not (self.sends_live or self.pushes_stored):
            return
        if self._listening(connection, self.record_number):
            self._spawn(self._send_new(connection, record), "send")

    async def _send_new(self, connection: Connection, record: StoredRecord) -> None:
        try:
            await self._send_batch(connection, [record])
        except TimeoutError:
            await self.drop()  # the central never confirmed
            return
        self.memory.taken(record)
        await self._count_down()

    def _control_point(self, server: Server) -> Characteristic[bytes]:
        properties = Characteristic.Properties
        item = self._announcing(server, _CONTROL, properties.WRITE | properties.INDICATE)
        item.permissions = Characteristic.Permissions.WRITEABLE
        item.value = CharacteristicValue(None, self._on_request)
        return item

    async def _on_request(self, bearer: Bearer, value: bytes) -> None:
        await self._guard(bearer)
        self._touch()
        ready = self._listening(bearer, _CONTROL) and self._listening(bearer, self.record_number)
        if not ready:
            raise ATT_Error(_CCCD_IMPROPERLY_CONFIGURED)
        if not isinstance(bearer, Connection) or not value:
            return
        busy = self._procedure is not None and not self._procedure.done()
        if busy and value[0] != OpCode.ABORT:
            raise ATT_Error(_PROCEDURE_IN_PROGRESS)
        if value[0] == OpCode.ABORT:
            self._spawn(self._abort(bearer), "abort")
        else:
            self._aborted = False
            self._procedure = self._spawn(self._run(bearer, value), "procedure")

    async def _abort(self, connection: Connection) -> None:
        """End a running report; an abort with nothing to end is unsuccessful (our reading)."""
        running = self._procedure is not None and not self._procedure.done()
        if self._procedure is not None and running:
            # Not cancelled: a confirmation still on its way would be taken for the answer's.
            self._aborted = True
            await asyncio.wait([self._procedure])
        result = Result.SUCCESS if running else Result.ABORT_UNSUCCESSFUL
        await self._answer(connection, response(OpCode.ABORT, result))

    async def _run(self, connection: Connection, request: bytes) -> None:
        op_code = request[0]
        if op_code not in (OpCode.REPORT, OpCode.DELETE, OpCode.COUNT):
            await self._answer(connection, response(op_code, Result.OP_CODE_NOT_SUPPORTED))
            return
        try:
            chosen = select(self.memory.records, request, self.access)
        except Refusal as refusal:
            await self._answer(connection, response(op_code, refusal.result))
            return
        if op_code == OpCode.COUNT:
            await self._answer(connection, count_response(len(chosen)))
        elif not chosen:
            await self._answer(connection, response(op_code, Result.NO_RECORDS))
        elif op_code == OpCode.DELETE:
            self.memory.remove(chosen)
            await self._answer(connection, response(op_code, Result.SUCCESS))
        else:
            await self._report(connection, chosen)

    async def _report(self, connection: Connection, chosen: list[StoredRecord]) -> None:
        """Send records; they count as sent once the answer after them was confirmed."""
        if self.memory.newest_first:
            chosen.reverse()
        try:
            await self._send_chosen(connection, chosen)
        except TimeoutError:
            await self.drop()  # the central never confirmed
            return
        if self._aborted or not self._listening(connection, self.record_number):
            return  # asked to stop, or nobody listens any more: nothing counts as sent
        if await self._answer(connection, response(OpCode.REPORT, Result.SUCCESS)):
            for record in chosen:
                self.memory.taken(record)
            self._touch()

    async def _send_chosen(self, connection: Connection, chosen: list[StoredRecord]) -> None:
        due_s = asyncio.get_running_loop().time()
        for batch in self._batches(connection, chosen):
            due_s = await self._next_event(due_s)
            if self._aborted:
                return
            await self._send_batch(connection, batch)
            for _record in batch:
                await self._count_down()

    async def _next_event(self, last_s: float) -> float:
        """Wait for the next connection event on the loop's clock; returns when it was due."""
        if not self.record_every_s:
            return last_s
        now_s = asyncio.get_running_loop().time()
        due_s = max(last_s + self.record_every_s, now_s)
        await asyncio.sleep(due_s - now_s)
        return due_s

    def _batches(
        self, connection: Connection, chosen: Sequence[StoredRecord]
    ) -> Iterable[Sequence[StoredRecord]]:
        """The records that travel together in one packet: one each, unless the profile packs."""
        del connection
        return ([record] for record in chosen)

    async def _send_batch(self, connection: Connection, batch: Sequence[StoredRecord]) -> None:
        for record in batch:
            await self._send_record(connection, record)

    async def _answer(self, connection: Connection, answer: bytes) -> bool:
        """Indicate the answer; returns whether the central confirmed it."""
        try:
            await self._server.indicate_subscriber(connection, self._items[_CONTROL], answer)
        except TimeoutError:
            await self.drop()
            return False
        self._touch()
        return True
