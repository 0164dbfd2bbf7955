"""Nobody will be without an owner: the check over fourteen days agrees with asking for each."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid5

import pytest

from rules.vocabulary import SubjectRef
from service.care.coverage import Coverage, Gap, gap_of
from service.cli import main
from service.people import LeaveDays
from tests.fixtures.database import Database
from tests.integration.service_county import (
    IDS,
    WANG,
    ZHANG,
    County,
    account_id,
    contract,
    open_county,
)

MIDNIGHT = datetime(2026, 9, 4, 16, tzinfo=UTC)  # of the fifth, in the county


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def shown(found: Coverage) -> list[tuple[Gap, str | None, str | None, int]]:
    return [(f.gap, f.institution_id, f.staff_id, f.people) for f in found.findings]


async def test_a_county_in_order_has_no_finding_and_each_gap_has_its_name(county: County) -> None:
    store = county.store
    found = await store.check_coverage(county.now)
    assert (found.people, found.without_owner, found.findings) == (2, 0, ())
    off = LeaveDays(
        leave_id=uuid5(IDS, "off"),
        staff_id="family-b",
        first_day=date(2026, 9, 3),
        last_day=date(2026, 9, 5),
    )
    assert (await store.write_leave(None, off, county.now)).good
    ends = contract(ZHANG, "a", valid_to=date(2026, 9, 4))
    assert (await store.sign_contract(None, ends, county.now)).good
    third = replace(ZHANG, person_id=uuid5(IDS, "third"), subject=SubjectRef("s-third"))
    await store.register_person(third, county.now)
    county.clock.advance(timedelta(minutes=1))
    found = await store.check_coverage(county.now)
    assert (found.people, found.without_owner) == (3, 0)
    assert shown(found) == [
        (Gap.CONTRACT_EXPIRED, "township", None, 1),
        (Gap.NO_CONTRACT, "clinic-a", None, 1),
        (Gap.DOCTOR_ABSENT, "township", "family-b", 1),
    ]
    expired, _, absent = found.findings
    assert (expired.first_at, expired.last_at) == (MIDNIGHT, county.now + timedelta(days=14))
    assert absent.last_at - absent.first_at == timedelta(days=3)
    admin = await county.account("admin")
    last = await store.last_check(admin, county.now)
    assert last is not None
    assert [row.gap for row in last.gaps] == [f.gap for f in found.findings]
    assert last.without_owner == 0


async def test_when_no_account_works_everybody_is_without_an_owner(county: County) -> None:
    for name in ("desk", "county", "admin", "family-a", "village-a", "family-b", "village-b"):
        await county.store.disable_account(account_id(name), disabled=True)
    found = await county.store.check_coverage(county.now)
    assert (found.people, found.without_owner) == (2, 2)
    assert {f.gap for f in found.findings} == {Gap.NOBODY}
    await county.store.disable_account(account_id("county"), disabled=False)
    found = await county.store.check_coverage(county.now)
    assert found.without_owner == 0
    assert {f.gap for f in found.findings} == {Gap.COUNTY_ONLY}


async def test_the_check_agrees_with_asking_for_each_person_twice_a_day(
    county: County,
) -> None:
    """Groups are clipped and counted together; one person is asked with everything known."""
    store = county.store
    people = [ZHANG, WANG]
    for number in range(12):
        person = replace(
            ZHANG, person_id=uuid5(IDS, f"p{number}"), subject=SubjectRef(f"s-p{number}")
        )
        people.append(person)
        await store.register_person(person, county.now)
        for year in (0, 1):
            first = date(2026, 8, 20) + timedelta(days=number * 2 + year * 12)
            signed = replace(
                contract(person, "ab"[(number + year) % 2]),
                contract_id=uuid5(IDS, f"c{number}/{year}"),
                valid_from=first,
                valid_to=first + timedelta(days=10 if number % 3 else 11),
            )
            assert (await store.sign_contract(None, signed, county.now)).good
    leaves = (("family-a", 3, 6, "family-b"), ("family-b", 5, 8, None), ("village-b", 6, 7, None))
    for staff_id, first, last, deputy in leaves:
        off = LeaveDays(
            leave_id=uuid5(IDS, staff_id),
            staff_id=staff_id,
            first_day=date(2026, 9, first),
            last_day=date(2026, 9, last),
            deputy=deputy,
        )
        assert (await store.write_leave(None, off, county.now)).good
    found = await store.check_coverage(county.now)
    assert found.people == len(people)
    assert found.without_owner == 0
    for half in range(14 * 2):
        at = county.now + timedelta(hours=12 * half)
        gaps: dict[Gap, int] = {}
        for person in people:
            around = await store.responsible_for(person.subject, at)
            gap = gap_of(around.owner)
            if gap is not None:
                gaps[gap] = gaps.get(gap, 0) + 1
        covering = {f.gap for f in found.findings if f.first_at <= at < f.last_at}
        assert gaps.keys() <= covering, at
    totals = {f.gap for f in found.findings}
    assert totals == {Gap.CONTRACT_EXPIRED, Gap.NOT_BEGUN, Gap.DOCTOR_ABSENT}


async def test_the_command_says_it_and_its_status_is_the_verdict(
    county: County, database: Database
) -> None:
    def run() -> tuple[int, str]:
        words = io.StringIO()
        with redirect_stdout(words):
            at = county.now.isoformat()
            status = main(["coverage", "check", "--dsn", database.dsn_as("hw_service"), "--at", at])
        return status, words.getvalue()

    assert await asyncio.to_thread(run) == (
        0,
        "2 people until 2026-09-15 09:00: 0 without an owner\n",
    )
    for name in ("desk", "county", "admin", "family-a", "village-a", "family-b", "village-b"):
        await county.store.disable_account(account_id(name), disabled=True)
    status, text = await asyncio.to_thread(run)
    assert status == 1
    assert text.endswith("2 without an owner\n")
    assert "nobody" in text


async def test_the_worker_looks_ahead_once_a_day(county: County) -> None:
    checks = "SELECT count(*) FROM care.coverage_check"
    worker = county.worker()
    for hours, expected in ((0, 1), (1, 1), (15, 2)):
        county.clock.advance(timedelta(hours=hours))
        await worker.settle(county.now)
        assert await county.owner.fetchval(checks) == expected
