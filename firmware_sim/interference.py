"""What can happen to a device's words between its memory and the air; nothing unless a fault asks.

`Outlet` is the GATT server of every simulated device. It lets everything through, asking the
device's `Interference` first.
"""
# bumble's Attribute is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TypeVar, cast

from bumble.att import (
    ATT_PDU,
    ATT_Read_By_Group_Type_Request,
    ATT_Write_Request,
    ATT_Write_Response,
    Attribute,
    Bearer,
)
from bumble.device import Connection, Device
from bumble.gatt_server import Server

from firmware_sim.record_access import OpCode, Operator, Result, response
from firmware_sim.uuids import short_uuid_text, uuid_text

_T = TypeVar("_T")
_RACP = short_uuid_text(0x2A52)

AnyOperator = None
"""As operator of a refusal: whatever the operator is."""


@dataclass(slots=True, kw_only=True)
class Interference:
    """What is wrong with a device's transmissions now.

    Attributes:
        mute: Whatever it has to announce stays inside; subscriptions and reads still work.
        delay_s: Real seconds before every announcement.
        hang_up_first: Once: end the link instead of the first announcement.
        refusals: RACP requests that are answered with a result and do nothing, by op code and
            operator (`AnyOperator` for all of them).
        break_off_after: Once: after so many records of a report answer "not completed" instead.
        unanswered: RACP requests are accepted and nothing ever comes of them.
        dies_after: Once: the battery is empty after so many announcements.
        hides_on_unpaired_discovery: Somebody who discovers services on a link that is not
            encrypted is hung up on, and the device is silent until its next measurement.
    """

    mute: bool = False
    delay_s: float = 0.0
    hang_up_first: bool = False
    refusals: dict[tuple[int, int | None], Result] = field(
        default_factory=dict[tuple[int, int | None], Result]
    )
    break_off_after: int | None = None
    unanswered: bool = False
    dies_after: int | None = None
    hides_on_unpaired_discovery: bool = False

    def clear(self) -> None:
        """Nothing is wrong any more."""
        quiet = Interference()
        for name in self.__slots__:
            setattr(self, name, getattr(quiet, name))

    def refusal_of(self, request: bytes) -> Result | None:
        """The result that a request is refused with; None lets it through."""
        if not request:
            return None
        operator = request[1] if len(request) > 1 else Operator.NULL
        anyhow = self.refusals.get((request[0], AnyOperator))
        return self.refusals.get((request[0], operator), anyhow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What an outlet asks of its device.

    Attributes:
        hang_up: Ends the link.
        die: Ends the link and empties the battery.
        hide: Ends the link and stops advertising until the next measurement.
        spawn: Runs part of a session that ends with the link.
    """

    hang_up: Callable[[], Coroutine[None, None, None]]
    die: Callable[[], Coroutine[None, None, None]]
    hide: Callable[[], Coroutine[None, None, None]]
    spawn: Callable[[Coroutine[None, None, None], str], object]


class Outlet(Server):
    """A GATT server whose announcements and control point can be interfered with."""

    def __init__(self, device: Device, interference: Interference, owner: Owner) -> None:
        super().__init__(device)
        self._now, self._owner = interference, owner

    async def notify_subscriber(
        self,
        bearer: Bearer,
        attribute: Attribute[_T],
        value: _T | None = None,
        force: bool = False,  # noqa: FBT001, FBT002 - bumble's signature
    ) -> None:
        """Send a notification, unless something is in the way."""
        await self._pass(bearer, attribute)
        await super().notify_subscriber(bearer, attribute, value, force)

    async def indicate_subscriber(
        self,
        bearer: Bearer,
        attribute: Attribute[_T],
        value: _T | None = None,
        force: bool = False,  # noqa: FBT001, FBT002 - bumble's signature
    ) -> None:
        """Send an indication and wait for its confirmation, unless something is in the way."""
        await self._pass(bearer, attribute)
        await super().indicate_subscriber(bearer, attribute, value, force)

    def on_gatt_pdu(self, bearer: Bearer, att_pdu: ATT_PDU) -> None:
        """Handle one request of a central; a refused RACP request never reaches the device."""
        if isinstance(att_pdu, ATT_Write_Request) and self._intercept(bearer, att_pdu):
            self.send_response(bearer, ATT_Write_Response())
            return
        if isinstance(att_pdu, ATT_Read_By_Group_Type_Request) and self._takes_offence(bearer):
            self._owner.spawn(self._owner.hide(), "hide")
            return
        super().on_gatt_pdu(bearer, att_pdu)

    def _takes_offence(self, bearer: Bearer) -> bool:
        encrypted = isinstance(bearer, Connection) and bearer.is_encrypted
        return self._now.hides_on_unpaired_discovery and not encrypted

    def _intercept(self, bearer: Bearer, request: ATT_Write_Request) -> bool:
        control = cast("Attribute[bytes] | None", self.get_attribute(request.attribute_handle))
        if control is None or uuid_text(control.type) != _RACP:
            return False
        if self._now.unanswered:
            return True
        octets = request.attribute_value
        result = self._now.refusal_of(octets)
        if result is None or not self._listens(bearer, control):
            return False
        self._owner.spawn(self._answer(bearer, control, octets[0], result), "refuse")
        return True

    def _listens(self, bearer: Bearer, control: Attribute[bytes]) -> bool:
        """Whether the central would hear an answer; where not, the device refuses by itself."""
        encrypted = isinstance(bearer, Connection) and bearer.is_encrypted
        return encrypted and control.handle in self.subscribers.get(bearer, {})

    async def _answer(
        self, bearer: Bearer, control: Attribute[bytes], op_code: int, result: Result
    ) -> None:
        await super().indicate_subscriber(bearer, control, response(op_code, result))

    async def _pass(self, bearer: Bearer, attribute: Attribute[_T]) -> None:
        """Return when the announcement may go out; never, where it may not."""
        if uuid_text(attribute.type) == _RACP:
            return
        now = self._now
        if now.mute:
            await _for_ever()
        if now.hang_up_first:
            now.hang_up_first = False
            self._owner.spawn(self._owner.hang_up(), "hang up")
            await _for_ever()
        await asyncio.sleep(now.delay_s)
        if now.break_off_after is not None:
            await self._count_to_break(bearer, now.break_off_after)
        if now.dies_after is not None:
            await self._count_to_death(now.dies_after)

    async def _count_to_break(self, bearer: Bearer, left: int) -> None:
        self._now.break_off_after = left - 1
        if left > 0:
            return
        self._now.break_off_after = None
        items = cast("list[Attribute[bytes]]", self.attributes)
        control = next(item for item in items if uuid_text(item.type) == _RACP)
        await self._answer(bearer, control, OpCode.REPORT, Result.NOT_COMPLETED)
        raise asyncio.CancelledError  # the report ends here, and nothing of it counts as sent

    async def _count_to_death(self, left: int) -> None:
        self._now.dies_after = left - 1
        if left > 0:
            return
        self._now.dies_after = None
        self._owner.spawn(self._owner.die(), "die")
        await _for_ever()


async def _for_ever() -> None:
    """Wait until the link ends, which cancels whatever was being sent on it."""
    await asyncio.Event().wait()
