"""The adapter for a machine's own kernel, asked over a terminal what the kernel asks it first."""

import asyncio
import os
from pathlib import Path

import pytest
from bumble.hci import LeFeatureMask

from firmware_sim.kernel_radio import KernelRadio
from firmware_sim.link import VirtualLink

pytestmark = pytest.mark.peer

READ_LE_FEATURES = bytes.fromhex("01032000")
READ_ADDRESS = bytes.fromhex("01091000")


async def ask(terminal: int, command: bytes) -> bytes:
    """The return parameters of a Command Complete event (Core 5.4, vol 4 part E, 7.7.14)."""
    os.write(terminal, command)
    async with asyncio.timeout(60):
        answer = await asyncio.to_thread(os.read, terminal, 260)
    assert (answer[:2], answer[4:6]) == (b"\x04\x0e", command[1:3])
    assert answer[6] == 0
    return answer[7:]


async def test_the_kernel_is_promised_no_event_that_never_comes(tmp_path: Path) -> None:
    path = tmp_path / "host"
    link = VirtualLink()
    async with KernelRadio(link, address="00:1A:7D:DA:71:13", transport=f"pty:{path}"):
        assert len(link.controllers) == 1
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            octets = await ask(terminal, READ_LE_FEATURES)
            assert (await ask(terminal, READ_ADDRESS)).hex() == "1371da7d1a00"
        finally:
            os.close(terminal)
    features = LeFeatureMask(int.from_bytes(octets, "little"))
    assert LeFeatureMask.LE_ENCRYPTION in features
    for missing in (
        LeFeatureMask.LE_EXTENDED_ADVERTISING,
        LeFeatureMask.LL_PRIVACY,
        LeFeatureMask.LE_PERIODIC_ADVERTISING,
    ):
        assert missing not in features
    assert not link.controllers
