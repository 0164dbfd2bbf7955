"""What a device has said of itself is known after a restart, before it is heard again."""

from datetime import UTC
from pathlib import Path

import pytest

from device_adapters.ble.session import SessionReason, SessionSummary
from gateway.device_book import DeviceBook
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from rules.vocabulary import DeviceRef
from tests.unit.gateway.observations import START

PAIRED = PairedDevice(
    address="C0:00:00:00:00:01",
    device=DeviceRef(manufacturer="Acme", model="BP-1", serial="1"),
    command_version=0,
)


def session(firmware: str, *slots: int) -> SessionSummary:
    return SessionSummary(
        session="s",
        device=PAIRED.device,
        address=PAIRED.address,
        count=len(slots),
        repeated=0,
        refused=0,
        reason=SessionReason.HUNG_UP,
        firmware=firmware,
        user_slots=slots,
    )


@pytest.mark.row("O13")
async def test_firmware_and_slots_are_kept_and_renewed(tmp_path: Path) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        book = DeviceBook(spool, UTC)
        assert (book.report(PAIRED).firmware, book.report(PAIRED).user_slots) == ("", ())
        await book.note_session(session("1.0", 2), START)
        await book.note_session(session("1.1", 1, 2), START)
        await book.note_session(session(""), START)  # a device that tells it not each time
    async with Spool.open(tmp_path / "spool.db") as spool:
        book = DeviceBook(spool, UTC)
        await book.recall()
        report = book.report(PAIRED)
        assert (report.firmware, report.user_slots) == ("1.1", (1, 2))
