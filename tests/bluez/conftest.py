"""What the scenarios share; they run in the guest that `make test-bluez` starts."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.bluez.bench import bluetoothd


@pytest.fixture(scope="session")
async def bluez() -> AsyncGenerator[None]:
    """A bluetoothd for all scenarios that want one."""
    async with bluetoothd(Path("/run/out/bluetoothd.log")):
        yield
