"""The pairing agent on a real D-Bus daemon, beside a small stand-in for bluetoothd's manager."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from device_adapters.ble.agent import BluezAgent
from device_adapters.ble.link import LinkCause, LinkError
from device_adapters.ble.pairing_session import PasskeyDesk
from tests.fakes.bluez_agent_manager import AgentManager, agent_manager

pytestmark = pytest.mark.peer

ADDRESS = "C0:00:00:00:00:01"
OURS = "/org/bluez/hci0/dev_C0_00_00_00_00_01"
OTHER = "/org/bluez/hci0/dev_C0_00_00_00_00_02"
REJECTED = "org.bluez.Error.Rejected"
AGENT_BUS_NAME = ":1.1"


@pytest.fixture
async def bus_address(tmp_path: Path) -> AsyncGenerator[str]:
    async with bus(tmp_path / "bus", "--session") as address:
        yield address


@asynccontextmanager
async def bus(path: Path, configuration: str) -> AsyncGenerator[str]:
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon",
        configuration,
        "--nofork",
        "--print-address",
        f"--address=unix:path={path}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        # The line comes once the daemon listens; the socket's file is there a moment earlier.
        assert daemon.stdout is not None
        await asyncio.wait_for(daemon.stdout.readline(), 60)
        yield f"unix:path={path}"
    finally:
        if daemon.returncode is None:
            daemon.kill()
        await daemon.wait()


@pytest.fixture
async def manager(bus_address: str) -> AsyncGenerator[AgentManager]:
    async with agent_manager(bus_address) as served:
        yield served


def silent() -> None:
    """Nobody is told that digits are wanted."""


async def test_just_works_is_allowed_for_the_confirmed_device_only(
    bus_address: str, manager: AgentManager
) -> None:
    async with BluezAgent(bus_address).serving(ADDRESS, PasskeyDesk(None, silent)):
        assert (manager.capability, manager.default) == ("KeyboardDisplay", True)
        for member, signature, rest in (
            ("RequestAuthorization", "o", []),
            ("RequestConfirmation", "ou", [123]),
            ("AuthorizeService", "os", ["1810"]),
            ("DisplayPasskey", "ouq", [1, 0]),
        ):
            said, _ = await manager.ask(AGENT_BUS_NAME, member, signature, OURS, *rest)
            assert said == "", member
            said, _ = await manager.ask(AGENT_BUS_NAME, member, signature, OTHER, *rest)
            assert said == REJECTED, member
    assert manager.unregistered


async def test_a_passkey_is_waited_for_and_typed(bus_address: str, manager: AgentManager) -> None:
    asked = asyncio.Event()
    desk = PasskeyDesk(None, asked.set)
    async with BluezAgent(bus_address).serving(ADDRESS, desk), asyncio.TaskGroup() as group:
        answer = group.create_task(
            manager.ask(AGENT_BUS_NAME, "RequestPasskey", "o", OURS), name="bluetoothd"
        )
        await asyncio.wait_for(asked.wait(), 60)
        desk.enter(123456)
        assert await answer == ("", [123456])
    assert desk.answered


async def test_a_passkey_that_nobody_enters_is_rejected(
    bus_address: str, manager: AgentManager
) -> None:
    asked = asyncio.Event()
    desk = PasskeyDesk(None, asked.set)
    async with BluezAgent(bus_address).serving(ADDRESS, desk), asyncio.TaskGroup() as group:
        answer = group.create_task(
            manager.ask(AGENT_BUS_NAME, "RequestPasskey", "o", OURS), name="bluetoothd"
        )
        await asyncio.wait_for(asked.wait(), 60)
        assert await manager.ask(AGENT_BUS_NAME, "Cancel") == ("", [])
        assert await answer == (REJECTED, [])
    assert desk.asked
    assert not desk.answered


async def test_a_known_passkey_is_given_at_once_and_to_nobody_else(
    bus_address: str, manager: AgentManager
) -> None:
    async with BluezAgent(bus_address).serving(ADDRESS, PasskeyDesk(42, silent)):
        assert await manager.ask(AGENT_BUS_NAME, "RequestPasskey", "o", OURS) == ("", [42])
        assert await manager.ask(AGENT_BUS_NAME, "RequestPasskey", "o", OTHER) == (REJECTED, [])
        assert await manager.ask(AGENT_BUS_NAME, "RequestPinCode", "o", OURS) == (REJECTED, [])


async def test_no_bus_and_no_bluez_are_the_same_cause(bus_address: str, tmp_path: Path) -> None:
    for address in (bus_address, f"unix:path={tmp_path}/nothing"):
        with pytest.raises(LinkError) as failure:
            async with BluezAgent(address).serving(ADDRESS, PasskeyDesk(None, silent)):
                pass
        assert failure.value.cause is LinkCause.NO_ADAPTER


async def test_a_bluez_that_the_bus_cannot_start_is_no_adapter(tmp_path: Path) -> None:
    """So Debian's bus answers while bluetoothd does not run."""
    service = "[D-BUS Service]\nName=org.bluez\nExec=/bin/false\n"
    (tmp_path / "org.bluez.service").write_text(service, "utf-8")
    (tmp_path / "bus.conf").write_text(
        f"<busconfig><type>session</type><servicedir>{tmp_path}</servicedir>"
        '<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>'
        '<allow own="*"/></policy>'
        f"<listen>unix:path={tmp_path}/unused</listen></busconfig>",
        "utf-8",
    )
    async with bus(tmp_path / "bus", f"--config-file={tmp_path / 'bus.conf'}") as address:
        with pytest.raises(LinkError) as failure:
            async with BluezAgent(address).serving(ADDRESS, PasskeyDesk(None, silent)):
                pass
    assert failure.value.cause is LinkCause.NO_ADAPTER
    assert "Spawn" in failure.value.detail


@pytest.mark.row("P6")
async def test_a_bus_whose_policy_forbids_us_bluez_is_a_missing_permission(tmp_path: Path) -> None:
    """A hub's user that is in no group which Debian's policy lets speak to bluetoothd."""
    (tmp_path / "bus.conf").write_text(
        "<busconfig><type>session</type>"
        '<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>'
        '<allow own="*"/><deny send_interface="org.bluez.AgentManager1"/></policy>'
        f"<listen>unix:path={tmp_path}/unused</listen></busconfig>",
        "utf-8",
    )
    async with (
        bus(tmp_path / "bus", f"--config-file={tmp_path / 'bus.conf'}") as address,
        agent_manager(address),
    ):
        with pytest.raises(LinkError) as failure:
            async with BluezAgent(address).serving(ADDRESS, PasskeyDesk(None, silent)):
                pass
    assert failure.value.cause is LinkCause.NO_PERMISSION
    assert "AccessDenied" in failure.value.detail
