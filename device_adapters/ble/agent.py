"""BlueZ's pairing agent (`org.bluez.Agent1`): bleak has none, and meters with a display need one.

It answers for the one device that a person has just confirmed and rejects every other, so that no
neighbour can bond while a window is open. Interface: BlueZ `doc/org.bluez.Agent.rst`.
"""
# dbus-fast reads the annotations at run time: no `from __future__ import annotations` here.

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.errors import AuthError
from dbus_fast.service import ServiceInterface, dbus_method

from device_adapters.ble.link import LinkCause, LinkError
from device_adapters.ble.pairing_session import PasskeyDesk

_PATH = "/org/hearthwatch/agent"
_BLUEZ, _MANAGER_PATH, _MANAGER = "org.bluez", "/org/bluez", "org.bluez.AgentManager1"
_REJECTED = "org.bluez.Error.Rejected"
_ANSWER_S = 10.0
_CAPABILITY = "KeyboardDisplay"
_NO_BLUEZ = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    # the bus could not start it (without systemd, with it)
    "org.freedesktop.DBus.Error.Spawn.",
    "org.freedesktop.systemd1.",
)


class _Agent(ServiceInterface):
    """Method names and signatures are BlueZ's."""

    def __init__(self, address: str, desk: PasskeyDesk) -> None:
        super().__init__("org.bluez.Agent1")
        self._tail = "dev_" + address.replace(":", "_").upper()
        self._desk = desk

    def _only_ours(self, device: str) -> None:
        if device.rsplit("/", 1)[-1] != self._tail:
            raise DBusError(_REJECTED, "another device is being paired")

    @dbus_method()
    def Release(self) -> None:  # noqa: N802 - BlueZ's name
        self._desk.enter(None)

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802 - BlueZ's name
        self._desk.enter(None)

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802
        self._only_ours(device)
        passkey = await self._desk.ask()
        if passkey is None:
            raise DBusError(_REJECTED, "nobody entered the passkey")
        return passkey

    @dbus_method()
    def RequestPinCode(self, device: DBusObjectPath) -> DBusStr:  # noqa: N802
        raise DBusError(_REJECTED, f"{device}: a PIN belongs to classic Bluetooth")

    @dbus_method()
    def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:  # noqa: N802
        # The person confirmed this device on the page; a cuff shows no number to compare with.
        del passkey
        self._only_ours(device)

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:  # noqa: N802
        self._only_ours(device)

    @dbus_method()
    def AuthorizeService(self, device: DBusObjectPath, uuid: DBusStr) -> None:  # noqa: N802
        del uuid
        self._only_ours(device)

    @dbus_method()
    def DisplayPasskey(  # noqa: N802
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ) -> None:
        del passkey, entered
        self._only_ours(device)


class BluezAgent:
    """A `PairingAgent` on the system bus; `bus_address` replaces the system bus."""

    def __init__(self, bus_address: str | None = None) -> None:
        self._bus_address = bus_address

    @asynccontextmanager
    async def serving(self, address: str, desk: PasskeyDesk) -> AsyncGenerator[None]:
        """Be the default agent for `address` inside the block.

        Raises:
            LinkError: no bus or no BlueZ, or BlueZ refuses us an agent.
        """
        bus = await self._connect()
        agent = _Agent(address, desk)
        bus.export(_PATH, agent)
        try:
            await _call(bus, "RegisterAgent", "os", [_PATH, _CAPABILITY])
            await _call(bus, "RequestDefaultAgent", "o", [_PATH])
            yield
            await _call(bus, "UnregisterAgent", "o", [_PATH])
        finally:
            # BlueZ drops the agent of a program that leaves the bus, also after an error.
            bus.unexport(_PATH, agent)
            bus.disconnect()
            await bus.wait_for_disconnect()

    async def _connect(self) -> MessageBus:
        try:
            async with asyncio.timeout(_ANSWER_S):
                bus = MessageBus(bus_address=self._bus_address, bus_type=BusType.SYSTEM)
                return await bus.connect()
        except AuthError as error:
            raise LinkError(LinkCause.NO_PERMISSION, str(error)) from error
        except (OSError, EOFError) as error:  # a time-out is an OSError
            raise LinkError(LinkCause.NO_ADAPTER, f"no system bus: {error}") from error


async def _call(bus: MessageBus, member: str, signature: str, body: list[str]) -> None:
    message = Message(
        destination=_BLUEZ,
        path=_MANAGER_PATH,
        interface=_MANAGER,
        member=member,
        signature=signature,
        body=body,
    )
    try:
        async with asyncio.timeout(_ANSWER_S):
            reply = await bus.call(message)
    except TimeoutError as error:
        raise LinkError(LinkCause.NO_ADAPTER, f"{member}: no answer") from error
    if reply.message_type is MessageType.ERROR:
        name = reply.error_name or ""
        cause = LinkCause.NO_ADAPTER if name.startswith(_NO_BLUEZ) else LinkCause.NO_PERMISSION
        raise LinkError(cause, f"{member}: {name}")
