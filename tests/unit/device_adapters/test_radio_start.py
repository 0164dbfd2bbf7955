"""A scan that bluetoothd will not begin yet is begun later; what is missing is said at once."""

import asyncio
from contextlib import suppress
from typing import ClassVar

import pytest
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakDBusError

from device_adapters.ble.link import LinkCause, LinkError
from device_adapters.ble.radio import BleakRadio


class Busy(BaseBleakScanner):
    """Refuses to start for some times, in the words of bluetoothd."""

    refusals: ClassVar[list[str]] = []
    started: ClassVar[int] = 0

    def __init__(self, *_arguments: object, **_more: object) -> None:
        super().__init__(None, None)

    async def start(self) -> None:
        """Refuse while there are refusals."""
        type(self).started += 1
        if self.refusals:
            raise BleakDBusError(self.refusals.pop(0), ["Operation already in progress"])

    async def stop(self) -> None:
        """Nothing was begun."""


@pytest.fixture
def busy() -> type[Busy]:
    Busy.started = 0
    Busy.refusals.clear()
    return Busy


async def test_a_scan_that_is_still_being_ended_is_waited_for(busy: type[Busy]) -> None:
    busy.refusals.append("org.bluez.Error.InProgress")
    async with BleakRadio(scanner_backend=busy).scan(lambda _seen: None):
        assert busy.started == 2


async def test_what_is_missing_is_said_at_once(busy: type[Busy]) -> None:
    busy.refusals.append("org.bluez.Error.NotReady")
    with pytest.raises(LinkError) as caught:
        async with BleakRadio(scanner_backend=busy).scan(lambda _seen: None):
            raise AssertionError("there is no radio")
    assert caught.value.cause is LinkCause.ADAPTER_OFF
    assert busy.started == 1


class Swallowing(Busy):
    """Is cancelled in the turn of its answer and says nothing, as `wait_for` of Python 3.11."""

    stopped: ClassVar[int] = 0

    async def start(self) -> None:
        """Begin, and keep the cancel to itself."""
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """End what was begun."""
        type(self).stopped += 1


async def test_a_cancel_that_the_library_keeps_to_itself_ends_the_scan() -> None:
    async def scan() -> None:
        async with BleakRadio(scanner_backend=Swallowing).scan(lambda _seen: None):
            raise AssertionError("whoever was cancelled goes no further")

    async with asyncio.TaskGroup() as group:
        scanning = group.create_task(scan())
    assert scanning.cancelled()
    assert Swallowing.stopped == 1, "nothing is left behind"
