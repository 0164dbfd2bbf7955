"""Consent to care is taken back while alerts are open: what is urgent runs on, the rest ends."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from gateway.facts import ClosingFact
from rules.vocabulary import Priority
from service.alerts.lifecycle import Answer, Outcome
from service.notify.notifier import Channel, Message, Result
from service.notify.notifier import Outcome as Attempt
from service.store.consent import Purpose
from tests.fixtures.database import Database
from tests.integration.service_county import WANG, ZHANG, County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.row("P24"), pytest.mark.row("X7")]

_CLOSED = "SELECT outcome FROM care.alert_life WHERE alert_id = $1 AND state = 'closed'"
_DUE = "SELECT count(*) FROM care.delivery WHERE alert_id = $1 AND next_attempt_at IS NOT NULL"
_ROWS = "SELECT count(*) FROM care.delivery WHERE alert_id = $1"
_CASE = "SELECT case_id FROM core.alert WHERE alert_id = $1"


@dataclass(kw_only=True)
class Unreachable:
    """A webhook's other end that never answers; what it was asked stays due."""

    asked: list[UUID] = field(default_factory=list[UUID])

    async def send(self, message: Message, now: object) -> Attempt:
        del now
        self.asked.append(message.alert_id)
        return Attempt(result=Result.RETRY_LATER, detail="timed out")


@dataclass(kw_only=True)
class Opened:
    """A county and the messenger that it cannot reach."""

    county: County
    outside: Unreachable

    async def later(self, step: timedelta = timedelta()) -> None:
        """Time passes, and the worker does everything that is due at its end."""
        self.county.clock.advance(step)
        await self.county.worker().settle(self.county.now)

    async def says(self, *, given: bool) -> None:
        """Zhang gives or takes back the consent to care, as the page does."""
        store = self.county.store
        said = store.give if given else store.withdraw
        await said(await self.county.account("zhang"), Purpose.CARE, self.county.now)

    async def find(self, query: str, alert_id: UUID):  # noqa: ANN201 -- any column
        return await self.county.owner.fetchval(query, alert_id)

    async def ended(self, alert_id: UUID) -> bool:
        """With its own outcome, on its own line, and nothing is due any more."""
        rows = await self.county.owner.fetch(
            "SELECT detail ->> 'outcome' AS outcome FROM care.alert_event"
            " WHERE alert_id = $1 AND what = 'closed' AND actor = 'system'",
            alert_id,
        )
        said = [row["outcome"] for row in rows]
        closed = await self.find(_CLOSED, alert_id)
        assert closed is None or closed == "consent_withdrawn"
        assert said == ([] if closed is None else [closed])
        return closed is not None and await self.find(_DUE, alert_id) == 0

    async def cases_closed(self) -> set[UUID]:
        """Which cases the core is told to close for that reason."""
        asked = "SELECT body::text FROM core.inbox WHERE kind = 'closing'"
        rows = await self.county.owner.fetch(asked)
        facts = [msgspec.json.decode(row["body"], type=ClosingFact) for row in rows]
        return {UUID(fact.case_id) for fact in facts if fact.outcome == "consent_withdrawn"}


@pytest.fixture
async def opened(database: Database) -> AsyncIterator[Opened]:
    async with open_county(database) as county:
        found = Opened(county=county, outside=Unreachable())
        county.notifiers[Channel.WEBHOOK] = found.outside
        yield found


async def test_below_urgent_ends_at_once_and_the_crisis_runs_on(opened: Opened) -> None:
    county = opened.county
    crisis = await county.raise_alert()
    soon = await county.raise_alert(priority=Priority.SOON)
    case = await opened.find(_CASE, crisis)
    assert isinstance(case, UUID)
    milder = await county.raise_alert(priority=Priority.ROUTINE, case_id=case)
    others = await county.raise_alert(WANG.subject, priority=Priority.SOON)
    await opened.later()
    assert opened.outside.asked.count(soon) == 1
    assert await opened.find(_DUE, soon) == 1, "it is to be told again"
    told = await opened.find(_ROWS, soon)

    await opened.says(given=False)
    assert [await opened.ended(each) for each in (soon, milder)] == [True, True]
    assert [await opened.ended(each) for each in (crisis, others)] == [False, False]
    assert await opened.cases_closed() == {await opened.find(_CASE, soon)}, "not that of the crisis"
    rang = await opened.find(_ROWS, crisis)
    for step in (timedelta(minutes=5), timedelta(hours=30)):
        await opened.later(step)
    assert await opened.find(_ROWS, soon) == told
    assert opened.outside.asked.count(soon) == 1
    assert await opened.find(_ROWS, crisis) > rang, "what is urgent climbs on"

    after = await county.raise_alert(priority=Priority.SOON)
    await opened.later()
    assert await opened.ended(after), "what comes late rings for nobody"
    assert await opened.find(_ROWS, after) == 0
    assert after not in opened.outside.asked
    await opened.says(given=True)
    again = await county.raise_alert(priority=Priority.SOON)
    await opened.later(timedelta(hours=2))
    assert await opened.find(_ROWS, again) != 0, "with consent it rings again"


async def test_the_worker_ends_what_another_way_of_withdrawing_has_left(opened: Opened) -> None:
    """Two registrations that are found to be one person withdraw without any page."""
    county = opened.county
    soon = await county.raise_alert(priority=Priority.SOON)
    await opened.later()
    doctor = await county.account("village-a")
    check = county.now + timedelta(hours=5)
    assert await county.store.answer_alert(
        doctor, soon, said=Answer.SEEN, next_check_at=check, now=county.now
    )
    await county.owner.execute(
        "INSERT INTO care.withdrawal (person_id, purpose, since) VALUES ($1, 'care', $2)",
        *(ZHANG.person_id, county.now),
    )
    await opened.later(timedelta(seconds=2))
    assert await opened.ended(soon), "who had answered is not asked again either"
    await opened.later(timedelta(hours=6))
    assert (await county.timeline(soon))[-1] == "closed"


async def test_nobody_looks_back_at_what_helped_somebody_who_withdrew(opened: Opened) -> None:
    county = opened.county
    crisis = await county.raise_alert()
    await opened.later()
    await opened.says(given=False)
    doctor = await county.account("family-a")
    await county.store.answer_alert(
        doctor, crisis, said=Answer.CONTACTED, next_check_at=None, now=county.now
    )
    assert await county.store.close_alert(doctor, crisis, outcome=Outcome.VISIT, now=county.now)
    due = "SELECT due_at FROM care.follow_up WHERE alert_id = $1"
    assert await opened.find(due, crisis) is not None
    await opened.later(timedelta(seconds=2))
    assert await opened.find(due, crisis) is None
    await opened.later(timedelta(days=15))
    assert "followed up" not in await county.timeline(crisis)
