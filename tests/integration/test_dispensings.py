"""Drugs handed out, over the real server and store: who may send, and what is counted."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid5

import httpx2
import pytest

from rules.vocabulary import SubjectRef
from service import cli
from service.people import Area, Person
from service.surveillance.counts import drug_gaps, known_cells
from service.surveillance.daily import refresh
from service.surveillance.dispensing_store import Dispensings, NotHandingOutError
from service.surveillance.indicators import SourceKind
from service.surveillance.reports import ReportForm
from service.surveillance.source_store import KnownSource, NewSource
from service.surveillance.supply import Supply, covers
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import (
    IDS,
    WANG,
    ZHANG,
    ZONE,
    County,
    open_county,
    serving,
)
from tests.integration.test_signal_papers import signed_in

pytestmark = [pytest.mark.peer]

PLACE = "/api/surveillance/dispensings"
MONDAY = date(2026, 8, 24)
SOURCE = KnownSource(source_id="pharmacy-1", kind=SourceKind.PHARMACY, area="county-area")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def dispensings(county: County) -> Dispensings:
    return Dispensings(county.store.pool, ZONE)


async def pharmacy(county: County, area: str = "county-area") -> dict[str, str]:
    new = NewSource(source_id="pharmacy-1", kind=SourceKind.PHARMACY, name="药店", area=area)
    token = await dispensings(county).register_source(new, county.now)
    return {"Authorization": f"Bearer {token}"}


def row(
    person: str, days: int = 30, day: str = "2026-08-20", drug: str = "arb"
) -> dict[str, object]:
    return {"person": person, "drug": drug, "day": day, "days": days}


async def test_a_pharmacy_sends_what_it_handed_out_once_the_operator_allowed_it(
    county: County,
) -> None:
    headers = await pharmacy(county)
    body = {"dispensings": [row(ZHANG.subject), row("s-nobody"), row(WANG.subject, days=0)]}
    async with serving(county.services) as url, httpx2.AsyncClient(base_url=url) as client:
        refused = await client.post(PLACE, json=body, headers=headers)
        assert (refused.status_code, refused.json()["reason"]) == (403, "no_dispensings")
        assert await dispensings(county).let_hand_out("pharmacy-1", county.now, allowed=True)
        nobody = await client.post(PLACE, json=body)
        assert nobody.status_code == 401
        sent = await client.post(PLACE, json=body, headers=headers)
        assert (sent.status_code, sent.json()["taken"]) == (200, 1)
        assert [(r["line"], r["field"]) for r in sent.json()["refused"]] == [
            (2, "person"),
            (3, "days"),
        ]
        resource = {
            "resourceType": "MedicationDispense",
            "status": "completed",
            "subject": {"reference": f"Patient/{ZHANG.subject}"},
            "medicationCodeableConcept": {"coding": [{"code": "C09C"}]},
            "whenHandedOver": "2026-08-20",
            "daysSupply": {"value": 30},
        }
        again = await client.post(
            "/api/surveillance/fhir/MedicationDispense", json=resource, headers=headers
        )
        assert (again.json()["taken"], again.json()["unchanged"]) == (0, 1)
        read = await client.get("/people", headers=headers)
        assert read.status_code in {303, 401}, "a source's credential reads nothing"
    kept = await dispensings(county).refused_lines("pharmacy-1")
    assert [(one.line, one.field) for one in kept] == [(2, "person"), (3, "days")]
    assert not any("s-nobody" in one.content + one.reason for one in kept), "no key is kept"
    noted = await county.owner.fetchval(
        "SELECT count(*) FROM care.audit WHERE action = 'dispensings taken'"
    )
    assert noted == 2


async def test_a_corrected_number_replaces_and_a_school_hands_out_nothing(county: County) -> None:
    await pharmacy(county)
    store = dispensings(county)
    new = NewSource(source_id="school-1", kind=SourceKind.SCHOOL, name="校", area=None)
    await store.register_source(new, county.now)
    assert not await store.let_hand_out("school-1", county.now, allowed=True)
    await store.let_hand_out("pharmacy-1", county.now, allowed=True)
    for days in (30, 28):
        text = f"person,drug,day,days,number\n{ZHANG.subject},C08CA01,2026-08-20,{days},R1\n"
        done = await store.submit_dispensings(SOURCE, ReportForm.CSV, text.encode(), county.now)
        assert (done.taken, done.faults) == (1, ())
    rows = await county.owner.fetch("SELECT days FROM care.dispensing")
    assert [each["days"] for each in rows] == [28]
    await store.let_hand_out("pharmacy-1", county.now, allowed=False)
    with pytest.raises(NotHandingOutError):
        await store.submit_dispensings(SOURCE, ReportForm.CSV, b"", county.now)


async def test_nothing_is_taken_of_somebody_who_withdrew_or_lives_elsewhere(county: County) -> None:
    await pharmacy(county, "village-area-b")
    store = dispensings(county)
    await store.let_hand_out("pharmacy-1", county.now, allowed=True)
    body = f"person,drug,day,days\n{ZHANG.subject},arb,2026-08-20,30\n".encode()
    near = KnownSource(source_id="pharmacy-1", kind=SourceKind.PHARMACY, area="village-area-b")
    far = await store.submit_dispensings(near, ReportForm.CSV, body, county.now)
    assert [one.field for one in far.faults] == ["person"]
    await county.owner.execute(
        "INSERT INTO care.withdrawal (person_id, purpose, since) VALUES ($1, 'care', $2)",
        ZHANG.person_id,
        county.now,
    )
    gone = await store.submit_dispensings(SOURCE, ReportForm.CSV, body, county.now)
    assert gone.faults == far.faults, "the sender does not learn which of the two it is"
    assert await county.owner.fetchval("SELECT count(*) FROM care.dispensing") == 0


async def test_her_doctor_sees_how_long_they_last_and_no_administrator_does(
    county: County,
) -> None:
    await pharmacy(county)
    store = dispensings(county)
    await store.let_hand_out("pharmacy-1", county.now, allowed=True)
    text = f"person,drug,day,days\n{ZHANG.subject},insulin,2026-07-03,30\n"
    await store.submit_dispensings(SOURCE, ReportForm.CSV, text.encode(), county.now)
    doctor = await county.account("family-a")
    (found,) = await store.covers_of(doctor, ZHANG.person_id, ZHANG.subject, county.now)
    # 60 days ago for 30 days
    assert (found.group, found.covered, found.days) == ("diabetes", 30, 60)
    assert found.is_gap(county.now.astimezone(ZONE).date())
    async with signed_in(county, "family-a") as client:
        page = (await client.get(f"/people/{ZHANG.person_id}")).text
    assert "最近 60 天中有 30 天有药" in page
    assert "自 8月2日 起断药" in page
    async with county.owner.transaction():
        for viewer, seen in (("family-a", 1), ("family-b", 0), ("admin", 0)):
            account = await county.account(viewer)
            await county.owner.execute("SET LOCAL ROLE hw_service")
            for name, value in (
                ("viewer", str(account.account_id)),
                ("today", "2026-09-01"),
                ("role", account.role.value),
                ("now", county.now.isoformat()),
            ):
                await county.owner.execute(
                    "SELECT set_config($1, $2, true)", f"hearthwatch.{name}", value
                )
            count = await county.owner.fetchval("SELECT count(*) FROM care.dispensing")
            assert count == seen, viewer
            await county.owner.execute("RESET ROLE")


@pytest.mark.row("C13")
async def test_townships_are_counted_by_who_ran_out_of_those_who_fetched_any(
    county: County,
) -> None:
    """Twelve people fetched drugs; five ran out more than two weeks before a week's end."""
    await residents(county, 12)
    measured = Reading(at=county.now - timedelta(days=20), systolic=130, diastolic=80)
    await store_readings(county, "t0-p0", [measured])
    rows: list[tuple[str, date, int]] = []
    for n in range(12):
        handed = date(2026, 7, 20) if n < 5 else date(2026, 8, 17)
        rows.append((f"t0-p{n}", handed, 28))  # until 17 August, and 14 September
    await hand_out(county, rows)
    await refresh(county.store.pool, county.now, ZONE)
    async with county.store.pool.acquire() as connection:
        found = await known_cells(
            connection,
            ["drug_gap_hypertension", "drug_gap_diabetes"],
            MONDAY - timedelta(days=14),
            MONDAY + timedelta(days=7),
            county.now,
            ["t0"],
        )
    numbers = {one.cell.day: (one.cell.value, one.cell.base) for one in found}
    # 14 days without on 31 August are no gap yet: only who ran out before the 17th
    assert numbers[MONDAY] == (0.0, 12)
    county.clock.advance(timedelta(days=7))
    await refresh(county.store.pool, county.now, ZONE)
    async with county.store.pool.acquire() as connection:
        gaps = await drug_gaps(connection, MONDAY + timedelta(days=14))
    counted = gaps["t0", "drug_gap_hypertension"]
    assert (counted.amount, counted.people, counted.households) == (5, 12, 12)
    assert {one.cell.indicator for one in found} == {"drug_gap_hypertension"}, "of nobody, nothing"
    await county.owner.execute(
        "INSERT INTO care.withdrawal (person_id, purpose, since)"
        " SELECT person_id, 'counts', $1 FROM care.person WHERE subject = 't0-p0'",
        county.now,
    )
    async with county.store.pool.acquire() as connection:
        gaps = await drug_gaps(connection, MONDAY + timedelta(days=14))
    assert gaps["t0", "drug_gap_hypertension"].amount == 4


async def residents(county: County, people: int) -> None:
    """`t0-p0` and so on, each in a home of its own, known by name and to the core."""
    await county.store.register_area(
        Area(area_id="t0", parent_id="county-area", level="township", name="东风镇")
    )
    for n in range(people):
        person = Person(
            person_id=uuid5(IDS, f"t0-p{n}"), subject=SubjectRef(f"t0-p{n}"), name="某", area="t0"
        )
        await county.store.register_person(person, county.now)
        await county.owner.execute(
            "INSERT INTO core.profile (subject, body, valid_from)"
            " VALUES ($1, jsonb_build_object('area', 't0', 'synthetic', false), $2)",
            person.subject,
            county.now - timedelta(days=60),
        )


async def hand_out(county: County, rows: list[tuple[str, date, int]], atc: str = "C09AA02") -> None:
    await county.owner.executemany(
        "INSERT INTO care.dispensing (dispensing_id, person_id, source_id, atc, handed_on, days,"
        " recorded_at) SELECT gen_random_uuid(), person_id, 'pharmacy-1', $4, $2, $3, $5"
        " FROM care.person WHERE subject = $1",
        [(subject, day, days, atc, county.now) for subject, day, days in rows],
    )


async def test_the_count_agrees_with_each_person_worked_out_alone(county: County) -> None:
    rng = random.Random(9)  # noqa: S311 -- repeatable
    await residents(county, 25)
    today, gaps, people = date(2026, 8, 31), 0, 0
    for n in range(25):
        mine: list[Supply] = []
        for _ in range(rng.randint(1, 6)):
            atc = rng.choice(["C09AA02", "C08CA01"])
            day = today - timedelta(days=rng.randint(1, 200))
            mine.append(Supply(atc=atc, day=day, days=rng.choice([7, 14, 28, 84])))
            await hand_out(county, [(f"t0-p{n}", day, mine[-1].days)], atc)
        for cover in covers(mine, today):
            people += 1
            gaps += cover.is_gap(today)
    async with county.store.pool.acquire() as connection:
        counted = (await drug_gaps(connection, today))["t0", "drug_gap_hypertension"]
    assert (counted.people, counted.amount) == (people, gaps)
    assert 3 < gaps < people


async def test_a_file_is_taken_over_by_command(
    county: County, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await pharmacy(county)
    file = tmp_path / "handed.csv"
    file.write_text(
        f"person,drug,day,days\n{ZHANG.subject},arb,2026-08-20,30\n{WANG.subject},x,2026-08-20,9\n",
        encoding="utf-8",
    )

    async def run(*words: str) -> int:
        whole = ("surveillance", "sources", *words, "--dsn", database.dsn_as("hw_service"))
        return await asyncio.to_thread(cli.main, whole)

    assert await run("dispensings", "pharmacy-1", str(file)) == 2
    assert "hand-out" in capsys.readouterr().err
    assert await run("hand-out", "pharmacy-1") == 0
    capsys.readouterr()
    assert await run("dispensings", "pharmacy-1", str(file)) == 1
    said = capsys.readouterr().out
    assert "line 3: refused: drug" in said
    assert "1 taken, 0 known already, 1 refused" in said
    assert await run("hand-out", "pharmacy-1", "--no-more") == 0
    assert await run("hand-out", "nobody") == 1
