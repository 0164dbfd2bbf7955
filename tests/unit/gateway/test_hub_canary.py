"""The hub's side of the canary: what it sends, and when it says that nobody answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.canary_device import ANSWER_WITHIN, is_canary
from gateway.clock import ManualClock
from gateway.hub_canary import HubCanary
from gateway.packs import load_first_pack
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.vocabulary import AlertId, HubId, Origin
from rules.wire import Lane

START = datetime(2026, 9, 22, 7, 30, tzinfo=UTC)
HUB = HubId("hub-1")
EVERY = timedelta(minutes=5)
NOT_OURS = AlertId("00000000-0000-5000-8000-000000000000")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    async with Spool.open(tmp_path / "spool.db") as opened:
        yield opened


def canary_of(spool: Spool, clock: ManualClock, every: timedelta = EVERY) -> HubCanary:
    return HubCanary(
        hub=HUB,
        spool=spool,
        stamps=Stamps(clock, always),
        clock=clock,
        zone=ZoneInfo("Asia/Shanghai"),
        every=every,
        rules=load_first_pack,
        on_spooled=lambda: None,
    )


def answers(canary: HubCanary) -> list[AlertId]:
    """What an honest county would answer now."""
    return [sent.alert_id for sent in canary._open]  # pyright: ignore[reportPrivateUsage]


@pytest.mark.row("L4")
async def test_a_canary_goes_the_way_of_a_live_emergency(spool: Spool, clock: ManualClock) -> None:
    canary = canary_of(spool, clock)
    await canary.measure(clock.now())
    stored = await spool.received_since(START, 10)
    assert [(one.origin, is_canary(one.device)) for one in stored] == [(Origin.LIVE, True)]
    assert (await spool.positions())[Lane.LIVE].through == 0  # receipted by nobody yet
    assert len(answers(canary)) == 1  # one alert, and no wait for a second reading


@pytest.mark.row("L4")
async def test_silence_is_said_after_two_minutes_and_ends_with_an_answer(
    spool: Spool, clock: ManualClock
) -> None:
    canary = canary_of(spool, clock)
    await canary.measure(clock.now())
    clock.advance(ANSWER_WITHIN - timedelta(seconds=1))
    assert canary.late_since(clock.now()) is None
    clock.advance(timedelta(seconds=1))
    assert canary.late_since(clock.now()) == START
    canary.note_told([NOT_OURS], clock.now())
    assert canary.late_since(clock.now()) == START
    canary.note_told(answers(canary), clock.now())
    report = canary.report(clock.now())
    assert (report.late_since, report.sent_at, report.answered_at) == (None, START, clock.now())


async def test_an_answer_to_a_later_one_settles_what_was_lost_before(
    spool: Spool, clock: ManualClock
) -> None:
    canary = canary_of(spool, clock)
    for _ in range(3):
        await canary.measure(clock.now())
        clock.advance(EVERY)
    assert canary.late_since(clock.now()) == START
    canary.note_told(answers(canary)[1:2], clock.now())
    assert canary.late_since(clock.now()) == START + 2 * EVERY
    canary.note_told(answers(canary), clock.now())
    assert canary.late_since(clock.now()) is None


async def test_each_measurement_is_another_record(spool: Spool, clock: ManualClock) -> None:
    canary = canary_of(spool, clock)
    for _ in range(2):
        await canary.measure(clock.now())
        clock.advance(EVERY)
    assert len(set(answers(canary))) == 2
