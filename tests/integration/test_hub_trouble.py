"""A paired device that lets its hub in no longer: named in the hub's status until it is healed."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, Identity
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.hub_status import DeviceReport
from tests.fakes.receipt_peer import ReceiptPeer
from tests.integration.test_hub import login
from tests.integration.test_hub_radio import HUB, RADIO, Home, home

pytestmark = pytest.mark.peer

OMRON = Identity(
    manufacturer="Omron",
    model="HEM-7322T",
    serial="SN9",
    address="C0:00:00:00:00:09",
    name="BLEsmart",
)


@pytest.fixture
async def peer(broker: LocalBroker) -> AsyncGenerator[ReceiptPeer]:
    async with ReceiptPeer.connect(login(broker, "core", "peer")) as peer:
        await peer.command(HUB, b"")
        yield peer


async def told(here: Home, cause: str | None, reason: str | None = None) -> DeviceReport:
    """The device's report once it says so; how the session ended is told when it has ended."""
    assert here.hub.radio is not None
    async with asyncio.timeout(60):
        while True:
            for report in here.hub.radio.devices():
                if report.cause == cause and reason in {None, report.reason}:
                    return report
            await asyncio.sleep(0.01)


@pytest.mark.row("P6")
async def test_a_cuff_that_was_paired_elsewhere_is_named_until_it_is_paired_again(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, OMRON) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.pair(cuff, "first")
        await cuff.forget_bonds()
        await cuff.measure(systolic=138, diastolic=88, at=WallClock().now())
        await told(here, "paired_elsewhere", reason="bond_lost")
        await here.pair(cuff, "second")
        await cuff.transferred()
        await here.settled()
        healed = await told(here, None)
        assert healed.device.serial == "SN9"
        assert healed.heard_at is not None
