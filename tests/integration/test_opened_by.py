"""A device whose clock nobody can read tells one thing that is new: that opened the session."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device_adapters.ble.session import SessionReason, SessionSummary
from gateway.heard import Heard
from gateway.hub_sessions import Sessions
from gateway.intake import effective_time
from gateway.packs import load_first_pack
from gateway.red_path import RedPath
from gateway.spool import Spool
from rules.vocabulary import (
    Bound,
    CoincidentClocks,
    Observation,
    Origin,
    Quantity,
    QuantityName,
    Vital,
)
from tests.unit.gateway.observations import START, blood_pressure

ZONE = ZoneInfo("Asia/Shanghai")
LOCAL = START.astimezone(ZONE).replace(tzinfo=None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRONG_CLOCKS = {
    "twenty minutes ahead": LOCAL + timedelta(minutes=20),
    "an hour ahead": LOCAL + HOUR,
    "hours behind": LOCAL - 8 * HOUR,
    "reset": datetime(2000, 1, 1, 0, 5),  # noqa: DTZ001 - device-local
}


class Ear:
    """The sessions of one hub's process with one device, and its red path."""

    def __init__(self, spool: Spool, *, mark: bool) -> None:
        self.path = RedPath(zone=ZONE, rules=load_first_pack())
        self._spool = spool
        self.sessions = Sessions(
            spool=spool,
            zone=ZONE,
            on_spooled=self._take,
            on_decided=self._decided,
            on_end=self._end,
            is_new=self.path.heard.is_new,
            has_mark=lambda _address: mark,
        )
        self.origins: list[Origin] = []
        self.newest: Observation | None = None

    async def _take(self, observations: list[Observation]) -> None:
        for one in observations:
            self.path.consider(one, START)

    async def _decided(self, observations: list[Observation]) -> None:
        self.origins = [one.origin for one in observations]
        self.newest = observations[-1]
        self.path.consider_session(observations, START)

    async def _end(self, summary: SessionSummary) -> None:
        del summary

    async def hear(
        self,
        session: str,
        records: list[Observation],
        reason: SessionReason = SessionReason.TRANSFERRED,
    ) -> None:
        for number, one in enumerate(records):
            await self.sessions.on_observation(replace(one, session=session, ordinal=number))
        summary = SessionSummary(
            session=session,
            device=records[0].device,
            address="C0:00:00:00:00:01",
            count=len(records),
            repeated=0,
            refused=0,
            reason=reason,
        )
        await self.sessions.on_session_end(summary)


def low(device_time: datetime, number: int) -> Observation:
    """LO of a meter, fetched."""
    return replace(
        blood_pressure(0),
        kind=Vital.GLUCOSE,
        quantities={QuantityName.GLUCOSE: Quantity(censored=Bound.BELOW, unit="mmol/L")},
        device_time=device_time,
        sequence=number,
        source="ble:2A18",
    )


def high(device_time: datetime, systolic: int) -> Observation:
    """A pressure out of a memory that is sent whole each time."""
    return replace(blood_pressure(0, systolic=systolic), device_time=device_time, source="ble:2A35")


@pytest.mark.row("P11")
@pytest.mark.parametrize("shown", WRONG_CLOCKS.values(), ids=WRONG_CLOCKS)
async def test_the_one_record_after_the_mark_of_a_meter_rings_whatever_its_clock(
    tmp_path: Path, shown: datetime
) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        ear = Ear(spool, mark=True)
        await ear.hear("s1", [low(shown, 8)])
        assert ear.origins == [Origin.LIVE]
        assert [alert.rule_id for alert in ear.path.alerts()] == ["HW-05"]
        assert ear.newest is not None
        assert effective_time(ear.newest, ZONE, START).rings_by_arrival


@pytest.mark.row("P11")
@pytest.mark.parametrize("shown", WRONG_CLOCKS.values(), ids=WRONG_CLOCKS)
async def test_the_one_new_record_of_a_memory_that_is_sent_whole_rings(
    tmp_path: Path, shown: datetime
) -> None:
    memory = [high(shown - 2 * DAY, 130), high(shown - DAY, 133)]
    async with Spool.open(tmp_path / "spool.db") as spool:
        ear = Ear(spool, mark=False)
        await ear.hear("s1", memory, SessionReason.HUNG_UP)
        assert ear.path.alerts() == ()
        await ear.hear("s2", [*memory, high(shown, 235)], SessionReason.HUNG_UP)
        assert ear.origins == [Origin.BACKLOG, Origin.BACKLOG, Origin.LIVE]
        assert [alert.rule_id for alert in ear.path.alerts()] == ["HW-02"]
        await ear.hear("s3", [*memory, high(shown, 235)], SessionReason.HUNG_UP)
        assert ear.origins == [Origin.BACKLOG] * 3


async def test_what_may_be_an_old_record_stays_history(tmp_path: Path) -> None:
    old, seen = LOCAL - 8 * HOUR, CoincidentClocks(device_time=LOCAL, hub_time=START)
    async with Spool.open(tmp_path / "spool.db") as spool:
        for place, (mark, records, reason) in enumerate(
            (
                (False, [low(old, 1)], SessionReason.TRANSFERRED),  # a stranger's whole memory
                (True, [low(old, 2), low(old + HOUR, 3)], SessionReason.TRANSFERRED),
                (True, [low(old, 4)], SessionReason.LINK_LOST),  # more may follow
                (True, [replace(low(old, 5), clocks=seen)], SessionReason.TRANSFERRED),
            )
        ):
            ear = Ear(spool, mark=mark)
            await ear.hear(f"s{place}", records, reason)
            assert set(ear.origins) == {Origin.BACKLOG}
            assert ear.path.alerts() == ()


async def test_a_restarted_hub_knows_what_it_heard(tmp_path: Path) -> None:
    memory = [high(LOCAL - 2 * DAY, 130), high(LOCAL - DAY, 133)]
    async with Spool.open(tmp_path / "spool.db") as spool:
        await Ear(spool, mark=False).hear("s1", memory, SessionReason.HUNG_UP)
        ear, heard = Ear(spool, mark=False), Heard()
        for one in await spool.received_since(START - DAY, 100):
            heard.note(one)
            ear.path.heard.note(one)
        assert not any(heard.is_new(replace(one, session="s2")) for one in memory)
        await ear.hear("s2", [*memory, high(LOCAL + HOUR, 235)], SessionReason.HUNG_UP)
        assert ear.origins[-1] is Origin.LIVE
