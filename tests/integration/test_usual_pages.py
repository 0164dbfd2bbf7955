"""What is usual for a patient: read, confirmed, moved and marked by the doctor under contract."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import pytest
from playwright.async_api import Browser, expect

from gateway.baselines import LAYOUT, Learned, empty_state, fold, state_to_bytes
from gateway.facts import AnchorFact, MarkFact, decode_fact
from rules.vocabulary import QuantityName
from service.people import NewAccount
from service.permissions import Role
from service.web.usual_view import usual_lines
from tests.fixtures.database import Database
from tests.integration.page_county import seed_history, seed_passwords, serve
from tests.integration.service_county import (
    PASSWORD,
    PASSWORD_HASH,
    WANG,
    ZHANG,
    County,
    account_id,
    open_county,
    serving,
)
from tests.integration.test_pages import PHONE, signed_in, violations

pytestmark = pytest.mark.peer

ZONE = ZoneInfo("Asia/Shanghai")
PAGE = f"/doctor/people/{ZHANG.subject}/usual"
POSTS = f"/doctor/people/{ZHANG.subject}"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        for name, role in (
            ("family-a", Role.FAMILY_DOCTOR),
            ("family-b", Role.FAMILY_DOCTOR),
            ("village-a", Role.VILLAGE_DOCTOR),
            ("cdc", Role.CDC_OFFICER),
        ):
            staff = NewAccount(
                account_id=account_id(name),
                login=name,
                password_hash=PASSWORD_HASH,
                role=role,
                staff_id=name,
            )
            if not await opened.owner.fetchval(
                "SELECT count(*) FROM care.account WHERE login = $1", name
            ):
                await opened.store.register_account(staff)
        await seed_passwords(opened)
        await seed_history(opened)
        await learn(opened)
        yield opened


async def learn(county: County) -> None:
    """Sixty mornings and evenings of Zhang, mornings at 158, folded as the core folds them."""
    start = county.now - timedelta(days=62)
    readings = sorted(
        Learned(
            start.astimezone(ZONE).replace(hour=hour, minute=0) + timedelta(days=day),
            f"{day}-{hour}",
            QuantityName.SYSTOLIC,
            value,
        )
        for day in range(60)
        for hour, value in ((7, 158.0), (20, 150.0))
    )
    state = fold(empty_state(), readings, (county.now - timedelta(days=3)).date(), ZONE)
    await county.owner.execute(
        "INSERT INTO core.subject_state (subject, layout, state) VALUES ($1, $2, $3)"
        " ON CONFLICT (subject) DO UPDATE SET layout = $2, state = $3",
        ZHANG.subject,
        LAYOUT,
        state_to_bytes(state),
    )


async def signed(client: httpx2.AsyncClient, login: str) -> None:
    answer = await client.post("/login", data={"login": login, "password": PASSWORD})
    assert answer.status_code == 303


async def facts(county: County) -> list[AnchorFact | MarkFact]:
    rows = await county.owner.fetch(
        "SELECT kind, body::text AS body FROM core.inbox WHERE kind IN ('anchor', 'mark')"
        " ORDER BY inbox_id"
    )
    found = [decode_fact(row["kind"], row["body"]) for row in rows]
    assert all(isinstance(fact, AnchorFact | MarkFact) for fact in found)
    return [fact for fact in found if isinstance(fact, AnchorFact | MarkFact)]


async def test_the_doctor_reads_and_confirms_with_one_tap(county: County, browser: Browser) -> None:
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}{PAGE}")
        usual = page.locator("#usual")
        await expect(usual).to_contain_text("systolic")
        await expect(usual).to_contain_text("lies above the target of 140")
        assert "normal" not in (await usual.inner_text()).lower()
        assert await violations(page) == []
        await page.click("#anchor form button >> text=Confirm")
        await expect(page.locator("[role=status].card")).to_be_visible()
    (fact,) = await facts(county)
    assert isinstance(fact, AnchorFact)
    assert fact.quantities[QuantityName.SYSTOLIC].mean == 154.0
    assert fact.quantities[QuantityName.SYSTOLIC].readings == 14
    assert fact.by == str(account_id("family-a"))
    audited = await county.owner.fetch("SELECT action FROM care.audit WHERE subject = 's-zhang'")
    assert {"read usual", "confirmed anchor"} <= {row["action"] for row in audited}


async def test_a_patient_reads_their_own_usual_in_their_language(
    county: County, browser: Browser
) -> None:
    await county.store.register_account(
        NewAccount(
            account_id=account_id("zhang-usual"),
            login="zhang-usual",
            password_hash=PASSWORD_HASH,
            role=Role.PATIENT,
            person_id=ZHANG.person_id,
        )
    )
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang-usual", language="zh", size=PHONE) as page,
    ):
        own = page.locator("#own-usual")
        await expect(own).to_contain_text("您平时")
        await expect(own).to_contain_text("高于目标值 140")
        assert "正常" not in await own.inner_text()
        assert await violations(page) == []


_READING = """
INSERT INTO core.observation (claimed_at, identity, subject, device, kind, effective_at,
    received_at, recorded_at, time_confidence, origin, valid, possible_repeat, rings_by_arrival,
    systolic, hub, flags, detail)
VALUES ($1, $2, $3, 'Acme/BP-1/1', '85354-9', $1, $1, $1, $5, 'live', $6, false, false, $4, 'h',
    '', '')
"""


async def test_the_usual_is_compared_with_a_sure_reading_and_its_day(county: County) -> None:
    """The newest of all is invalid, then an undated one, then one in doubt; all claim today."""
    await county.owner.execute("DELETE FROM core.observation")
    sure, doubted = uuid4(), uuid4()
    hour, day = timedelta(hours=1), timedelta(days=1)
    for identity, before, systolic, confidence, valid in (
        (sure, 5 * day, 151.0, "good", True),
        (doubted, 3 * hour, 199.0, "good", True),
        (uuid4(), 2 * hour, 198.0, "unknown", True),
        (uuid4(), hour, 197.0, "good", False),
    ):
        values = (ZHANG.subject, systolic, confidence, valid)
        await county.owner.execute(_READING, county.now - before, identity, *values)
    await county.owner.execute(
        "INSERT INTO core.suspicion (identity, claimed_at, subject, other, device, effective_at,"
        " point, ratio, waits) SELECT $1, effective_at, subject, 's-x', device, effective_at, '{}',"
        " 9, false FROM core.observation WHERE identity = $2",
        *(doubted.hex, doubted),
    )
    seen = (county.now - 5 * day).astimezone(ZONE).date()
    account = await county.account("family-a")
    found = await county.store.usual(account, ZHANG.subject, county.now)
    assert found is not None
    for today, told in ((seen + 5 * day, f"151 on {seen}"), (seen, "now 151")):
        (lines,) = usual_lines(found, "en", ZONE, today)
        assert told in lines.lines[0]


async def test_who_may_not_is_refused_and_nothing_is_set(county: County) -> None:
    form = {"quantity": "systolic", "seen": "154.0"}
    async with serving(county.services) as address:
        for login, read, write in (
            ("family-b", 404, 404),
            ("village-a", 200, 403),
            ("cdc", 403, 403),
        ):
            async with httpx2.AsyncClient(base_url=address) as client:
                await signed(client, login)
                assert (await client.get(PAGE)).status_code == read, login
                answer = await client.post(f"{POSTS}/anchor/confirm", data=form)
                assert answer.status_code == write, login
    assert await facts(county) == []


async def test_moving_and_marking_keep_the_reason_and_the_day(county: County) -> None:
    today = county.now.astimezone(ZONE).date()
    week = today - timedelta(days=20)
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        await signed(client, "family-a")
        stale = await client.post(
            f"{POSTS}/anchor/confirm", data={"quantity": "systolic", "seen": "120.0"}
        )
        assert stale.status_code == 409
        moved = await client.post(
            f"{POSTS}/anchor/move",
            data={"from_day": week.isoformat(), "reason": "new treatment"},
        )
        assert moved.status_code == 303
        marked = await client.post(
            f"{POSTS}/mark", data={"change": "drug", "day": today.isoformat()}
        )
        assert marked.status_code == 303
        future = today + timedelta(days=1)
        for path, data in (
            ("anchor/move", {"from_day": future.isoformat(), "reason": "why"}),
            ("anchor/move", {"from_day": "2001-01-01", "reason": "no readings there"}),
            ("mark", {"change": "drug", "day": future.isoformat()}),
        ):
            assert (await client.post(f"{POSTS}/{path}", data=data)).status_code == 409
        assert (await client.get(f"/doctor/people/{WANG.subject}x/usual")).status_code == 404
    anchor, mark = await facts(county)
    assert isinstance(anchor, AnchorFact)
    assert (anchor.from_day, anchor.reason) == (week, "new treatment")
    assert 130 < anchor.quantities[QuantityName.SYSTOLIC].mean < 155
    assert isinstance(mark, MarkFact)
    assert mark.change == "drug"
    assert mark.at.astimezone(ZONE).date() == today == date.fromisoformat(today.isoformat())
    assert msgspec.to_builtins(mark)["detail"] == ""
