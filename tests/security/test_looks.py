"""What shows people's data without a page of its own leaves its row; names in their order."""

import argparse
import asyncio
import pwd
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from os import getuid
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from rules.vocabulary import SubjectRef
from service import backtest_command, route_command
from service.security.keyring import Keys, new_keyring, write_keyring
from service.store.care_store import Store
from service.store.database import open_pool
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, ZONE, County, contract, open_county, serving
from tests.security.matrix import bring, session

pytestmark = pytest.mark.peer


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


@asynccontextmanager
async def sealed_store(county: County, database: Database, folder: Path) -> AsyncGenerator[Store]:
    """The same county with keys: everything that names somebody is sealed by now."""
    write_keyring(folder / "keys.json", new_keyring())
    keys = Keys(folder / "keys.json")
    async with open_pool(database.dsn_as("hw_service"), size=2, keys=keys) as pool:
        store = Store(pool, ZONE)
        while await store.reseal():
            pass
        name = await county.owner.fetchval("SELECT name FROM care.person WHERE subject = 's-zhang'")
        assert name.startswith("hw1."), "or nothing is sealed here"
        yield store


async def rows_of(county: County, action: str) -> list[asyncpg.Record]:
    return await county.owner.fetch(
        "SELECT account_id, subject, subjects, detail->>'operator' AS operator FROM care.audit"
        " WHERE action LIKE $1 ORDER BY audit_id",
        action,
    )


@pytest.mark.row("X2")
@pytest.mark.row("P24")
async def test_what_an_operators_command_shows_is_on_record_and_she_reads_it(
    county: County, database: Database
) -> None:
    alert_id = await county.raise_alert()
    await bring(county, alert_id, ZHANG, ("family-a",))
    operator = pwd.getpwuid(getuid()).pw_name
    where = ("--dsn", database.dsn)
    for command, words in (
        (route_command, (*where, "explain", ZHANG.subject, "emergency")),
        (route_command, (*where, "why", str(alert_id))),
        (backtest_command, (*where, "--store", "--days", "1")),
    ):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        assert await asyncio.to_thread(command.run, parser.parse_args(words)) == 0, words
    for action, subject in (
        ("read route", ZHANG.subject),
        ("read who was told", ZHANG.subject),
        ("read readings to replay", None),
    ):
        (row,) = await rows_of(county, action)
        assert (row["account_id"], row["subject"], row["operator"]) == (None, subject, operator)
    account = await county.account("zhang")
    (reader,) = await county.store.readers(account, county.now)
    assert (reader.role, reader.times) == ("operator", 2)
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=30) as client,
    ):
        cookie = {"Cookie": f"hearthwatch={await session(county, 'zhang')}"}
        page = (await client.get("/patient/privacy", headers=cookie)).text
    assert "运维人员" in page


async def test_people_who_are_alike_and_an_empty_turn_are_reads_of_theirs(
    county: County, database: Database, tmp_path: Path
) -> None:
    """Found though names and telephones are sealed; of one name, and of one telephone."""
    now = county.now
    someone = replace(ZHANG, phone="13700000000")
    for subject, person in (
        ("s-namesake", someone),
        ("s-number", replace(ZHANG, name="张三")),
        ("s-other", replace(someone, name="张桂英子")),
        ("s-younger", replace(ZHANG, birth_year=1999)),
    ):
        named = replace(person, person_id=uuid4(), subject=SubjectRef(subject))
        await county.store.register_person(named, now)
    async with sealed_store(county, database, tmp_path) as store:
        doctor = await store.credentials("family-a")
        assert doctor is not None
        account = doctor.account
        found = await store.alike(account, ZHANG.person_id, now)
        assert [each.subject for each in found] == ["s-namesake", "s-number"]
        (row,) = await rows_of(county, "read alike")
        assert row["account_id"] == account.account_id
        assert row["subjects"] == ["s-namesake", "s-number"]
        await store.merge_people(None, ZHANG.person_id, found[0].person_id, "twice", now)
        await store.merges_of(account, ZHANG.person_id, now)
        (row,) = await rows_of(county, "read merges")
        assert row["subjects"] == ["s-namesake", "s-zhang"]

    nurse = await county.account("village-a")
    await put_clinic_hub(county)
    await county.store.open_turn_by_name(nurse, "hub-clinic", ZHANG.person_id, now)
    assert await county.store.present_turn(nurse, "hub-clinic", now) is not None
    assert [row["subject"] for row in await rows_of(county, "read turn")] == [ZHANG.subject]
    assert await county.store.present_turn(nurse, "hub-clinic", now, seen=0) is not None
    assert len(await rows_of(county, "read turn")) == 1, "nothing new was shown"


async def test_lists_of_sealed_names_are_in_the_order_of_their_pinyin(
    county: County, database: Database, tmp_path: Path
) -> None:
    for number, name in enumerate(("赵一", "白二", "周三", "陈四", "李五", "阿六")):
        subject = SubjectRef(f"s-{number}")
        person = replace(ZHANG, person_id=uuid4(), subject=subject, name=name, phone=None)
        await county.store.register_person(person, county.now)
        await county.store.register_contract(
            replace(contract(person, "a"), contract_id=uuid4(), person_id=person.person_id)
        )
    await put_clinic_hub(county)
    wanted = ["阿六", "白二", "陈四", "李五", "张桂英", "赵一", "周三"]
    async with sealed_store(county, database, tmp_path) as store:
        doctor, nurse = await county.account("family-a"), await county.account("village-a")
        panel = await store.panel(doctor, "", county.now)
        assert [each.name for each in panel] == wanted
        residents = await store.residents(nurse, "clinic-a", "", county.now)
        assert [each.name for each in residents] == wanted


async def put_clinic_hub(county: County) -> None:
    await county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret, clinic)"
        " VALUES ('hub-clinic', 'home-2', 'village-area-a', '', 'clinic-a')"
    )
