"""A power cut at any instant, and a month without the county: nothing that was spooled is lost."""

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.broker import LocalBroker
from gateway.clock import ManualClock
from gateway.hub import Hub
from gateway.spool import Spool
from gateway.sqlite_writer import open_connection
from rules.vocabulary import HubId, Origin
from rules.wire import Lane, decode_envelope
from tests.fakes.receipt_peer import ReceiptPeer
from tests.integration.test_hub import login, settings, settled
from tests.unit.gateway.observations import START, blood_pressure

pytestmark = pytest.mark.peer

HUB = HubId("hub-c")
CUTS = 40


async def test_what_add_has_promised_survives_a_cut_that_tears_the_rest(tmp_path: Path) -> None:
    """`add` returns after the WAL's fsync: what stood there then stays, what followed is torn.

    Each cut keeps the file up to the last promise and a random part of what came later, with the
    last bytes scrambled, as a disk does that was writing when the power went.
    """
    chance = random.Random(7)  # noqa: S311 - which instant is no secret
    path = tmp_path / "spool.db"
    wal = path.with_name("spool.db-wal")
    promised: list[int] = []  # length of the WAL when record n was promised
    async with Spool.open(path) as spool:
        for number in range(200):
            await spool.add_decided([blood_pressure(number, origin=Origin.LIVE)])
            promised.append(wal.stat().st_size)
        assert promised == sorted(promised)  # no checkpoint began the file again meanwhile
        whole, main = wal.read_bytes(), path.read_bytes()
    for cut in range(CUTS):
        kept = chance.randrange(1, len(promised))
        end = chance.randrange(promised[kept - 1], promised[kept])
        torn = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 600)))
        there = tmp_path / f"cut-{cut}"
        there.mkdir()
        (there / "spool.db").write_bytes(main)
        (there / "spool.db-wal").write_bytes(whole[:end] + torn)
        async with Spool.open(there / "spool.db") as spool:
            assert spool.moved_aside is None
            messages = await spool.unsent(Lane.LIVE, 0, 1000)
            assert len(messages) == kept
            assert [message.sequence for message in messages] == list(range(1, kept + 1))
        shutil.rmtree(there)


def test_a_commit_of_the_spool_waits_for_its_fsync(tmp_path: Path) -> None:
    connection = open_connection(tmp_path / "spool.db", "")
    try:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        connection.close()


@pytest.mark.row("P22")
async def test_a_month_offline_with_daily_restarts_arrives_whole_and_once(
    broker: LocalBroker, tmp_path: Path
) -> None:
    days, a_day = 30, 16
    offline = settings(broker, tmp_path, HUB, broker_port=1, mqtt_devices=False, page_port=None)
    clock = ManualClock(START)
    with capture_logs():
        for day in range(days):
            async with Hub(offline, clock) as hub:
                assert not hub.uplink.connected
                await hub.spool.add_decided(
                    [
                        blood_pressure(
                            day * a_day + n, origin=Origin.LIVE if n == 0 else Origin.BACKLOG
                        )
                        for n in range(a_day)
                    ]
                )
            clock.advance(timedelta(days=1))
    online = settings(broker, tmp_path, HUB, mqtt_devices=False, page_port=None)
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        Hub(online, clock) as hub,
    ):
        await settled(hub, clock.now())
        live = [decode_envelope(p).observation.ordinal for p in peer.payloads(HUB, Lane.LIVE)]
        backlog = [decode_envelope(p).observation.ordinal for p in peer.payloads(HUB, Lane.BACKLOG)]
        assert live == [day * a_day for day in range(days)]
        assert sorted(live + backlog) == list(range(days * a_day))
        assert (await hub.spool.waiting()).nothing
        first_backlog = peer.arrivals.index((Lane.BACKLOG, 1))
        assert peer.arrivals.index((Lane.LIVE, days)) < first_backlog + 2 * 16  # live goes first
