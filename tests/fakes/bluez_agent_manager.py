"""A small complete `org.bluez.AgentManager1` on a private bus, and a device that pairs with it."""
# dbus-fast reads the annotations at run time: no `from __future__ import annotations` here.

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dbus_fast import BusType, Message, MessageType, NameFlag
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method


class AgentManager(ServiceInterface):
    """Remembers the agent that registered and asks it what bluetoothd would ask."""

    def __init__(self, bus: MessageBus) -> None:
        super().__init__("org.bluez.AgentManager1")
        self._bus = bus
        self.path = ""
        self.capability = ""
        self.default = False
        self.unregistered = False

    @dbus_method()
    def RegisterAgent(self, agent: DBusObjectPath, capability: DBusStr) -> None:  # noqa: N802
        self.path, self.capability = agent, capability

    @dbus_method()
    def RequestDefaultAgent(self, agent: DBusObjectPath) -> None:  # noqa: N802
        self.default = agent == self.path

    @dbus_method()
    def UnregisterAgent(self, agent: DBusObjectPath) -> None:  # noqa: N802
        self.unregistered = agent == self.path

    async def ask(
        self, owner: str, member: str, signature: str = "", *body: str | int
    ) -> tuple[str, list[int]]:
        """The agent's answer: the error name ("" for none) and the body."""
        reply = await self._bus.call(
            Message(
                destination=owner,
                path=self.path,
                interface="org.bluez.Agent1",
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        failed = reply.message_type is MessageType.ERROR
        return (reply.error_name or "" if failed else ""), ([] if failed else list(reply.body))


@asynccontextmanager
async def agent_manager(bus_address: str) -> AsyncGenerator[AgentManager]:
    """Own the name org.bluez on a bus inside the block."""
    bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SESSION).connect()
    manager = AgentManager(bus)
    bus.export("/org/bluez", manager)
    await bus.request_name("org.bluez", NameFlag.DO_NOT_QUEUE)
    try:
        yield manager
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()
