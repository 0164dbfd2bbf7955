"""A core whose database was put back from a copy is obeyed again by hubs that are ahead of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from device_adapters.mqtt.client import mqtt_session
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.commands import Command, CommandBody, sign_command, verify_command
from gateway.fact_desk import Desk
from gateway.facts import PairingFact
from gateway.hub import Hub
from gateway.hub_rules import rules_for_hubs
from gateway.hub_status import STATUS_VERSION, HubStatus, decode_status, encode_status
from gateway.store.inbox_store import MOST_BELIEVED_VERSION
from rules.wire import status_topic
from tests.fakes.receipt_peer import ReceiptPeer
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, WANG, Bench, county_bench
from tests.integration.test_hub import FRONT, SECRET, login, settings

pytestmark = pytest.mark.peer

LOST = 40
"""The version that the hub obeys, of a database that is gone."""


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as opened:
        yield opened


async def report(bench: Bench, version: int, *, differs: bool = False) -> list[Command]:
    """What the core publishes upon the hub's word that it obeys `version`."""
    status = HubStatus(
        v=STATUS_VERSION,
        hub=HUB,
        at=START,
        online=True,
        command_version=version,
        command_differs=differs,
    )
    async with bench.store.batch():
        desk = Desk(bench.store, bench.county, START, rules_for_hubs(bench.rules.pack))
        await desk.hear(status, encode_status(status).decode())
        return [
            verify_command(publication.payload, hub=HUB, secret=bytes(32))
            for publication in await desk.publications()
        ]


async def order(bench: Bench) -> int:
    """Order a pairing; the version under which the hub is told to look for devices."""
    until = START + timedelta(minutes=5)
    await bench.tell(
        PairingFact(hub=HUB, subject=WANG, action="open", session="p-1", until=until),
    )
    return await issued(bench)


async def issued(bench: Bench) -> int:
    """The version in force."""
    return int(await bench.owner.fetchval("SELECT version FROM core.hub_command"))


async def test_a_hub_that_is_ahead_is_told_what_counts_now_at_once_and_once(bench: Bench) -> None:
    before = await issued(bench)
    assert await report(bench, before) == []
    (command,) = await report(bench, LOST)
    assert before < LOST < command.version
    assert await report(bench, LOST) == []  # a report on its way when the command went out
    assert await report(bench, command.version) == []


async def test_an_order_given_before_the_hub_was_heard_is_given_again(bench: Bench) -> None:
    in_vain = await order(bench)
    (command,) = await report(bench, LOST)
    assert in_vain < LOST < command.version
    assert command.body.pairing is not None


async def test_what_a_hub_has_acknowledged_counts_where_no_higher_version_was_issued(
    bench: Bench,
) -> None:
    await bench.owner.execute("UPDATE core.hub_command SET acknowledged_version = $1", LOST)
    assert await order(bench) > LOST


async def test_a_copy_without_any_command_goes_on_from_what_the_hub_obeys(bench: Bench) -> None:
    await bench.owner.execute("DELETE FROM core.hub_command")
    assert await report(bench, LOST) == []
    assert await order(bench) > LOST


async def test_other_content_under_one_number_is_sent_under_the_next(bench: Bench) -> None:
    version = await order(bench)
    (command,) = await report(bench, version, differs=True)
    assert command.version == version + 1
    assert command.body.pairing is not None
    assert await report(bench, version, differs=True) == []  # heard before the new one came


async def test_a_number_that_no_core_has_reached_stops_nobody(bench: Bench) -> None:
    (command,) = await report(bench, 2**63 - 1)
    assert command.version == MOST_BELIEVED_VERSION + 1
    assert await report(bench, 2**63 - 1) == []
    assert await order(bench) > command.version


async def test_a_hub_says_that_its_command_is_not_the_cores(
    broker: LocalBroker, tmp_path: Path
) -> None:
    def command(version: int, device: str) -> bytes:
        body = CommandBody(bindings_known=(device,))
        return sign_command(hub=FRONT, version=version, issued_at=START, body=body, secret=SECRET)

    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        mqtt_session(login(broker, "core", "watcher")) as watcher,
    ):
        await watcher.subscribe(status_topic(FRONT))

        async def status_with(version: int, *, differs: bool) -> HubStatus:
            async for message in watcher.messages:
                status = decode_status(message.payload)
                if (status.command_version, status.command_differs) == (version, differs):
                    return status
            raise AssertionError

        async with Hub(settings(broker, tmp_path), WallClock()):
            await peer.command(FRONT, command(LOST, "of-the-lost-database"))
            await status_with(LOST, differs=False)
            await peer.command(FRONT, command(LOST, "of-the-copy"))
            await status_with(LOST, differs=True)
            await peer.command(FRONT, command(LOST + 1, "of-the-copy"))
            await status_with(LOST + 1, differs=False)
        await peer.command(FRONT, b"")  # nothing stays for the tests that share the broker
