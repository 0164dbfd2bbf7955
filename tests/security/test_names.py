"""Names, phones and addresses at rest: sealed, found, re-keyed while the county works."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import open_clock
from gateway.structured_log import configure_logs
from service.alerts.lifecycle import Answer
from service.db_command import ALL_MIGRATIONS
from service.keys_command import add_arguments, run
from service.notify.notifier import Channel
from service.notify.patient import PatientNotifier
from service.security.keyring import (
    UNREADABLE,
    Keyring,
    KeyringError,
    Keys,
    new_keyring,
    rotated,
    sealed_with,
    write_keyring,
)
from service.security.name_words import words_of
from service.service_command import open_services
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.store.consent import Wanted
from service.store.database import open_pool
from service.store.enrolments import Enrolments
from service.store.verify import Extent, verify
from tests.fixtures.database import Database
from tests.integration.service_county import (
    STAFF,
    WANG,
    ZHANG,
    ZONE,
    County,
    account_id,
    open_county,
)


@given(st.text())
def test_a_sealed_text_opens_with_its_ring_and_with_no_other(text: str) -> None:
    ring = new_keyring()
    sealed = ring.seal(text)
    assert ring.open(sealed) == text
    assert ring.seal(text) != sealed, "the same name never looks the same twice"
    assert rotated(ring).open(sealed) == text
    with pytest.raises(KeyringError):
        new_keyring().open(sealed)
    with pytest.raises(KeyringError):
        ring.open(sealed[:-6] + ("AAAAAA" if not sealed.endswith("AAAAAA") else "BBBBBB"))


@pytest.mark.parametrize("asked", ["张桂英", "张桂", "桂英", "zgy", "zg", "13800000000", "0000"])
def test_a_person_is_found_by_parts_initials_and_telephone(asked: str) -> None:
    assert asked in words_of("张桂英", "13800000000")


def test_no_single_character_is_a_word() -> None:
    assert {word for word in words_of("张桂英", None) if len(word) < 2} == set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A county whose service has a key file."""

    county: County
    store: Store
    file: Path


@pytest.fixture
async def sealed(database: Database, tmp_path: Path) -> AsyncIterator[Sealed]:
    """Zhang was written before there was a key, Wang afterwards."""
    file = tmp_path / "keys.json"
    write_keyring(file, new_keyring())
    async with (
        open_county(database) as county,
        open_pool(database.dsn_as("hw_service"), size=2, keys=Keys(file)) as pool,
    ):
        store = Store(pool, ZONE)
        await store.register_person(WANG, county.now)
        yield Sealed(county=county, store=store, file=file)


COLUMNS = (
    *(("person", "name"), ("person", "phone"), ("household", "address")),
    *(("staff", "name"), ("staff", "phone"), ("contact", "address"), ("note", "text")),
    *(("glass", "reason"), ("second_factor", "secret")),
)
TYPED = ("13700000001", "zhao@clinic.example", "给王大夫：家里电话已换", "救护车上无法联系家属")
"""A doctor's own number, an address for messages, a note, a reason."""


async def write_everything(county: County, store: Store) -> None:
    """A row in every column that is sealed."""
    family = await county.account("family-a")
    await store.register_staff(replace(STAFF["family-a"], phone=TYPED[0]))
    await store.set_contact("family-a", Channel.EMAIL, TYPED[1], county.now)
    assert await store.add_note(family, ZHANG.person_id, TYPED[2], county.now)
    wanted = Wanted(name=ZHANG.name, birth_year=1950)
    stranger = await county.account("family-b")
    glass = (stranger, wanted, TYPED[3], timedelta(hours=1), county.now)
    assert await store.break_glass(*glass) == ZHANG.subject
    await store.offer_app(family, store.pool.keys.seal("GEZDGNBVGY3TQOJQ"), county.now)


async def at_rest(county: County) -> list[str]:
    query = " UNION ALL ".join(f"SELECT {c}::text AS text FROM care.{t}" for t, c in COLUMNS)  # noqa: S608 -- ours
    rows = await county.owner.fetch(query)
    return [row["text"] for row in rows if row["text"] is not None]


async def everything(county: County) -> str:
    """All that a copy of the database holds."""
    tables = await county.owner.fetch(
        "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
        " WHERE table_schema IN ('care', 'core', 'cdc') AND table_type = 'BASE TABLE'"
    )
    found: list[str] = []
    for table in tables:
        rows = await county.owner.fetch(f"SELECT t::text AS line FROM {table['name']} t")  # noqa: S608 -- ours
        found += [f"{table['name']} {row['line']}" for row in rows]
    return "\n".join(found)


async def keys(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return await asyncio.to_thread(run, parser.parse_args(words))


@pytest.mark.peer
@pytest.mark.row("X6")
async def test_everything_is_sealed_found_and_shown_and_the_key_is_changed_at_work(
    sealed: Sealed, database: Database
) -> None:
    county, store = sealed.county, sealed.store
    plain = await at_rest(county)
    assert ZHANG.name in plain
    assert STAFF["desk"].name in plain
    assert WANG.name not in plain, "written under a key, it never was"
    await write_everything(county, store)
    assert await store.reseal() > 0
    assert await store.reseal() == 0
    first = Keys(sealed.file).ring.current
    assert {sealed_with(text) for text in await at_rest(county)} == {first}
    card = await store.person_card(ZHANG.person_id, county.now)
    assert (card.name, card.phone, card.address) == (ZHANG.name, ZHANG.phone, "1 号")
    family, stranger = await county.account("family-a"), await county.account("family-b")
    assert (await store.glasses(stranger, county.now, everybody=False))[0].reason == TYPED[3]
    page = await store.person_page(family, ZHANG.person_id, county.now)
    assert page is not None
    assert [(note.author, note.text) for note in page.notes] == [("家医甲", TYPED[2])]
    place = await Enrolments(store.pool, ZONE).household(
        await county.account("admin"), "home-1", county.now
    )
    assert place is not None
    assert place.place == "甲村 · 1 号"
    assert await keys("rotate", str(sealed.file)) == 0
    assert (await store.person_card(ZHANG.person_id, county.now)).name == ZHANG.name
    assert await keys("retire", str(sealed.file), str(first), "--dsn", database.dsn) == 1
    assert await keys("reseal", str(sealed.file), "--dsn", database.dsn) == 0
    assert {sealed_with(text) for text in await at_rest(county)} == {Keys(sealed.file).ring.current}
    card = await store.person_card(ZHANG.person_id, county.now)
    assert card.name == ZHANG.name, "a running service reads the new key from the file by itself"
    assert await keys("retire", str(sealed.file), str(first), "--dsn", database.dsn) == 0
    assert (await store.person_card(ZHANG.person_id, county.now)).name == ZHANG.name


async def tell_and_hand_over(county: County, alert_id: UUID) -> None:
    """She reads whom she waits for and who comes; they leave, and another has the alert."""
    store = county.store
    county.notifiers[Channel.PATIENT] = PatientNotifier(store)
    await county.worker().settle(county.now)
    doctor = await store.credentials("family-a")
    assert doctor is not None
    assert await store.answer_alert(
        doctor.account, alert_id, said=Answer.GOING, next_check_at=None, now=county.now
    )
    told = await store.patient_overview(await county.account("zhang"), county.now)
    assert [message.kind for message in told.messages] == ["answered", "contacted"]
    assert told.messages[0].text_zh.startswith("家医甲表示正在去您那里。")
    for name in ("村医甲", "家医甲", "县值班"):
        assert name in told.messages[1].text_en
    await store.disable_account(account_id("family-a"), disabled=True)
    await county.worker().settle(county.now)
    lines = await store.timeline(await county.account("village-a"), alert_id, county.now)
    handed = [line.detail for line in lines or () if line.what == "handed over"]
    assert [(detail["from"], detail["to"]) for detail in handed] == [("家医甲", "村医甲")]


@pytest.mark.peer
@pytest.mark.row("X6")
async def test_without_the_key_a_copy_is_unreadable_and_verify_says_so(
    sealed: Sealed, database: Database
) -> None:
    county, store = sealed.county, sealed.store
    await write_everything(county, store)
    while await store.reseal():
        pass
    services = replace(county.services, store=store)
    alert_id = await county.raise_alert()
    await tell_and_hand_over(replace(county, services=services), alert_id)
    named = [staff.name for staff in STAFF.values()]
    copy = await everything(county)
    assert str(alert_id) in copy
    for secret in (ZHANG.name, str(ZHANG.phone), WANG.name, "1 号", *TYPED):
        assert secret not in copy
    assert [name for name in named if name in copy] == []
    words = await sealed.county.owner.fetch(
        "SELECT encode(word, 'hex') AS word FROM care.name_word"
    )
    assert len(words) > 10
    async with open_pool(database.dsn_as("hw_service"), size=1, keys=Keys()) as pool:
        blind = await Store(pool, ZONE).person_card(ZHANG.person_id, sealed.county.now)
    assert str(blind.name).startswith("hw1.")
    other = sealed.file.with_name("other.json")
    write_keyring(other, new_keyring())
    async with open_pool(database.dsn_as("hw_service"), size=1, keys=Keys(other)) as pool:
        blind = await Store(pool, ZONE).person_card(ZHANG.person_id, sealed.county.now)
    assert blind.name == UNREADABLE, "and nothing that concerns the alert waits for a name"
    extent = Extent(readings=0, alerts=0, people=0)
    found = await verify(database.dsn, ALL_MIGRATIONS, ZONE, extent)
    (names,) = [each for each in found if each.check == "names and addresses"]
    assert names.count == 1
    assert "cannot be read" in names.wrong[0]


@pytest.mark.peer
async def test_a_clinic_finds_its_resident_by_initials(sealed: Sealed) -> None:
    await sealed.store.reseal()
    await sealed.county.owner.execute(
        "INSERT INTO core.hub (hub, household, area, secret, clinic)"
        " VALUES ('hub-clinic', 'home-1', 'village-area-a', '', 'clinic-a')"
    )
    doctor = await sealed.county.account("village-a")
    for asked, found in (("zgy", [ZHANG.name]), ("桂英", [ZHANG.name]), ("wjg", [])):
        residents = await sealed.store.residents(doctor, "clinic-a", asked, sealed.county.now)
        assert [each.name for each in residents] == found


def test_a_ring_without_keys_changes_nothing() -> None:
    assert Keyring().seal("张") == "张"
    assert Keys().read("张") == "张"


@pytest.mark.peer
@pytest.mark.parametrize("demo", [True, False])
async def test_a_service_without_keys_says_that_names_lie_open(
    database: Database, capsys: pytest.CaptureFixture[str], *, demo: bool
) -> None:
    configure_logs()
    settings = ServiceSettings(dsn=database.dsn_as("hw_service"), demo=demo)
    async with (
        open_clock("wall", participant="service", phase=3) as clock,
        open_services(settings, clock),
    ):
        pass
    assert ("names lie open" in capsys.readouterr().err) is not demo
