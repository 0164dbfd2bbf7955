"""Tables in and out: good lines kept, bad ones refused by name, each place only its own."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from gateway.facts import decode_fact
from rules.vocabulary import Profile
from rules.words import Parameter
from service.care.lines import Kind, LineError, cells, escaped, heading, unescaped
from service.care.written import Outcome
from service.cli import main
from service.people import NewAccount, Staff
from service.permissions import Role
from service.spreadsheet import TableError, read_table, write_table
from service.store.records import Account
from tests.fixtures.database import Database
from tests.integration.service_county import HASH, County, account_id, open_county

ZONE = ZoneInfo("Asia/Shanghai")

TABLES: dict[Kind, list[tuple[str, Outcome]]] = {
    Kind.INSTITUTIONS: [
        ("institution,level,name,parent,area", Outcome.ADDED),
        ("clinic-c,village,丙村卫生室,township,village-area-a", Outcome.ADDED),
        ("clinic-c,village,丙村卫生室,township,village-area-a", Outcome.UNCHANGED),
        ("clinic-c,village,丙村诊所,township,village-area-a", Outcome.CHANGED),
        ("clinic-d,village,丁,nowhere,village-area-a", Outcome.UNKNOWN_PARENT),
        ("clinic-d,village,丁,township,nowhere", Outcome.UNKNOWN_AREA),
        ("clinic-d,hamlet,丁,township,village-area-a", Outcome.UNREADABLE),
        ("township,township,镇,clinic-c,township-area", Outcome.CIRCULAR),
    ],
    Kind.STAFF: [
        ("工号,姓名,角色,机构,值班台", Outcome.ADDED),
        ("nurse-c,护士丙,village_doctor,clinic-c,否", Outcome.ADDED),
        ("nurse-d,护士丁,village_doctor,nowhere,否", Outcome.UNKNOWN_INSTITUTION),
        ("nurse-d,护士丁,patient,clinic-c,否", Outcome.UNREADABLE),
        ("nurse-d,护士丁,village_doctor,clinic-c,也许", Outcome.UNREADABLE),
    ],
    Kind.HOUSEHOLDS: [
        ("household,area,address", Outcome.ADDED),
        ("home-9,village-area-a,9 号", Outcome.ADDED),
        ("home-9,nowhere,9 号", Outcome.UNKNOWN_AREA),
    ],
    Kind.PEOPLE: [
        ("person,name,birth_year,sex,phone,household,conditions,drug_classes", Outcome.ADDED),
        ("s-new,新居民,1961,male,'+8613800000000,home-9,hypertension;diabetes_2,-", Outcome.ADDED),
        (
            "s-new,新居民,1961,male,'+8613800000000,home-9,hypertension;diabetes_2,-",
            Outcome.UNCHANGED,
        ),
        ("s-next,,1961,male,,home-9,,", Outcome.UNREADABLE),
        ("s-next,下一个,1800,male,,home-9,,", Outcome.UNREADABLE),
        ("s-next,下一个,1961,it,,home-9,,", Outcome.UNREADABLE),
        ("s-next,下一个,1961,,,home-99,,", Outcome.UNKNOWN_HOUSEHOLD),
        ("home:x,下一个,1961,,,home-9,,", Outcome.UNREADABLE),
        ("s-next,下一个,1961,,,home-9,gout,", Outcome.UNREADABLE),
        ("s-next,下一个,1961,,,home-9,,metformin;glargine", Outcome.UNREADABLE),
        ("s-next,下一个,1961,,,home-9,Copd,INSULIN；Arb", Outcome.ADDED),
    ],
    Kind.TEAMS: [
        ("team,name,institution", Outcome.ADDED),
        ("team-c,丙团队,township", Outcome.ADDED),
        ("team-d,丁团队,nowhere", Outcome.UNKNOWN_INSTITUTION),
    ],
    Kind.TEAM_MEMBERS: [
        ("team,staff,part,first_day,last_day", Outcome.ADDED),
        ("team-c,nurse-c,nurse,2026/9/1,", Outcome.ADDED),
        ("team-c,nobody,nurse,2026-09-01,", Outcome.UNKNOWN_STAFF),
        ("team-x,nurse-c,nurse,2026-09-01,", Outcome.UNKNOWN_TEAM),
        ("team-c,nurse-c,cook,2026-09-01,", Outcome.UNREADABLE),
    ],
    Kind.CONTRACTS: [
        ("person,family_doctor,village_doctor,institution,team,first_day,last_day", Outcome.ADDED),
        ("s-new,family-a,village-a,township,team-c,2026-09-01,2027-08-31", Outcome.ADDED),
        ("s-new,family-a,village-a,township,team-c,2026-09-01,2027-08-31", Outcome.UNCHANGED),
        ("s-new,family-b,village-a,township,team-c,2026-09-01,2027-08-31", Outcome.CHANGED),
        ("s-new,family-b,,township,,2027-08-31,", Outcome.OVERLAPS),
        ("s-none,family-b,,township,,2027-08-31,", Outcome.UNKNOWN_PERSON),
        ("s-new,family-b,,township,,2028-02-30,", Outcome.UNREADABLE),
    ],
    Kind.LEAVES: [
        ("staff,first_day,last_day,deputy", Outcome.ADDED),
        ("family-a,2026-09-10,2026-09-12,family-b", Outcome.ADDED),
        ("family-a,2026-09-12,2026-09-14,", Outcome.OVERLAPS),
    ],
    Kind.SHIFTS: [
        ("institution,staff,starts_at,ends_at", Outcome.ADDED),
        ("township,family-b,2026-09-02 08:00,2026-09-02 20:00", Outcome.ADDED),
        ("township,family-b,2026-09-02 20:00,2026-09-02 08:00", Outcome.ENDS_BEFORE_IT_BEGINS),
        ("township,family-b,morgen,2026-09-02 08:00", Outcome.UNREADABLE),
    ],
    Kind.REFERRALS: [
        ("from_institution,to_institution,direction,first_day,last_day", Outcome.ADDED),
        ("clinic-c,hospital,up,2026-01-01,", Outcome.ADDED),
        ("clinic-c,hospital,sideways,2026-01-01,", Outcome.UNREADABLE),
    ],
    Kind.STATUSES: [
        ("person,status,starts_at,expires_at,source", Outcome.ADDED),
        ("s-new,away,2026-09-02 00:00,2026-09-09 00:00,family", Outcome.ADDED),
        ("s-new,away,2026-09-02 00:00,2026-09-09 00:00,family", Outcome.UNCHANGED),
        ("s-new,away,2026-09-02 00:00,2026-12-09 00:00,family", Outcome.TOO_LONG),
        ("s-none,away,2026-09-02 00:00,2026-09-09 00:00,family", Outcome.UNKNOWN_PERSON),
    ],
    Kind.DEVICES: [
        ("person,device,worn_from,slot", Outcome.ADDED),
        ("s-new,Omron/HEM-7361T/77,2026-09-01 08:00,1", Outcome.ADDED),
        ("s-new,Omron/HEM-7361T/77,2026-09-01 08:00,1", Outcome.UNCHANGED),
        ("s-new,just-a-name,2026-09-01 08:00,", Outcome.UNREADABLE),
        ("s-none,Omron/HEM-7361T/77,2026-09-01 08:00,", Outcome.UNKNOWN_PERSON),
    ],
}


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


def table_of(kind: Kind) -> bytes:
    return "\r\n".join(line for line, _ in TABLES[kind]).encode("utf-8")


async def test_every_line_has_its_outcome_and_what_is_exported_is_known_when_it_comes_back(
    county: County,
) -> None:
    store = county.store
    for kind, lines in TABLES.items():
        content = table_of(kind)
        report = await store.import_table(None, kind, read_table(content, "a.csv"), county.now)
        found = [line.written.outcome for line in report.lines]
        assert found == [outcome for _, outcome in lines[1:]], kind
        assert len(report.refusals) == sum(1 for o in found if o not in {*list(Outcome)[:3]})
    for name in ("a.csv", "a.xlsx"):
        for kind in Kind:
            table = await store.export_table(None, kind, county.now)
            assert len(table) > 1, kind
            again = read_table(write_table(table, name), name)
            report = await store.import_table(None, kind, again, county.now)
            assert {line.written.outcome for line in report.lines} == {Outcome.UNCHANGED}, kind
    person = await county.owner.fetchrow("SELECT * FROM care.person WHERE subject = 's-new'")
    assert person is not None
    assert (person["phone"], person["conditions"], person["drug_classes"]) == (
        "+8613800000000",
        ["diabetes_2", "hypertension"],
        [],
    )


async def test_a_drug_that_no_rule_knows_refuses_its_line_and_case_does_not_matter(
    county: County,
) -> None:
    """A list with a word that says nothing to a rule would look like one without insulin."""
    head = b"person,name,household,conditions,drug_classes\n"
    lines = head + b"s-a,a,,,Insulin\ns-b,b,,,gliclazide\ns-c,c,,Diabetes,-\n"
    table = read_table(lines, "a.csv")
    report = await county.store.import_table(None, Kind.PEOPLE, table, county.now)
    assert [(line.number, line.written.about) for line in report.refusals] == [
        (2, "drug_classes"),
        (3, "conditions"),
    ]
    kept = await county.owner.fetchval(
        "SELECT body::text FROM core.inbox WHERE kind = 'profile' ORDER BY inbox_id DESC LIMIT 1"
    )
    told = decode_fact("profile", kept)
    assert isinstance(told, Profile)
    assert told.drug_classes == {"insulin"}


async def clerk(county: County, institution_id: str) -> Account:
    """An administrator who works at one institution."""
    staff_id = f"clerk-{institution_id}"
    staff = Staff(
        staff_id=staff_id, name="文员", role=Role.ADMINISTRATOR, institution_id=institution_id
    )
    await county.store.register_staff(staff)
    account = NewAccount(
        account_id=account_id(staff_id),
        login=staff_id,
        password_hash=HASH,
        role=Role.ADMINISTRATOR,
        staff_id=staff_id,
    )
    await county.store.register_account(account)
    return await county.account(staff_id)


@pytest.mark.row("O11")
async def test_a_clinic_a_township_and_the_county_each_administer_what_lies_below_them(
    county: County,
) -> None:
    store, now = county.store, county.now
    by_clinic, by_town, by_county = [
        await clerk(county, place) for place in ("clinic-a", "township", "hospital")
    ]

    async def subjects(by: Account) -> list[str]:
        table = await store.export_table(by, Kind.PEOPLE, now)
        return [line[0] for line in table[1:]]

    assert await subjects(by_clinic) == ["s-zhang"]
    assert await subjects(by_town) == ["s-wang", "s-zhang"]
    assert await subjects(by_county) == ["s-wang", "s-zhang"]
    other = (
        b"person,name,household\r\ns-wang,\xe7\x8e\x8b,home-2\r\ns-zhang,\xe5\xbc\xa0,home-1\r\n"
    )
    report = await store.import_table(by_clinic, Kind.PEOPLE, read_table(other, "a.csv"), now)
    assert [line.written.outcome for line in report.lines] == [Outcome.NOT_YOURS, Outcome.CHANGED]
    contracts = "person,family_doctor,institution,first_day\ns-wang,family-a,clinic-a,2028-01-01\n"
    for by, outcome in ((by_town, Outcome.OVERLAPS), (by_clinic, Outcome.OVERLAPS)):
        lines = read_table(contracts.encode(), "a.csv")
        report = await store.import_table(by, Kind.CONTRACTS, lines, now)
        assert [line.written.outcome for line in report.lines] == [outcome]
    up = contracts.replace("clinic-a", "township").replace("2028", "2020")
    report = await store.import_table(
        by_clinic, Kind.CONTRACTS, read_table(up.encode(), "a.csv"), now
    )
    assert [line.written.outcome for line in report.lines] == [Outcome.NOT_YOURS]
    assert await store.export_table(by_clinic, Kind.CONTRACTS, now) == [
        (await store.export_table(by_town, Kind.CONTRACTS, now))[0]
    ]
    leave = (
        b"staff,first_day,last_day\nfamily-a,2026-10-01,2026-10-02\nvillage-a,2026-10-01,2026-10-02"
    )
    report = await store.import_table(by_clinic, Kind.LEAVES, read_table(leave, "a.csv"), now)
    assert [line.written.outcome for line in report.lines] == [Outcome.NOT_YOURS, Outcome.ADDED]
    exported = (
        "SELECT count(*) FROM care.audit"
        " WHERE 's-zhang' = ANY (subject || subjects) AND action = 'people exported'"
    )
    assert await county.owner.fetchval(exported) == 3


def test_tables_of_chinese_offices_are_read_and_damaged_ones_refused_by_name() -> None:
    text = "居民,姓名\r\ns-1,张桂英\r\n,\r\n"
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        lines = list(read_table(text.encode(encoding), "a.csv"))
        assert [cell.strip("\ufeff") for cell in lines[0]] == ["居民", "姓名"]
        assert lines[1:] == [["s-1", "张桂英"]]
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["person", "birth_year"])
    sheet.append(["s-1", 1950.0])
    out = io.BytesIO()
    book.save(out)
    assert list(read_table(out.getvalue(), "a.XLSX"))[1] == ["s-1", "1950"]
    for content, name in (
        (b"PK\x03\x04 no", "a.xlsx"),
        (b"", "a.xlsx"),
        (b"\xff\xff\xff", "a.csv"),
    ):
        with pytest.raises(TableError):
            list(read_table(content, name))


def test_no_exported_cell_is_a_formula() -> None:
    table = [["name"], ["=HYPERLINK(1)"], ["+86"], ["@x"], ["-"], ["plain"]]
    content = write_table(table, "a.xlsx")
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    assert list(read_table(write_table(table, "a.csv"), "a.csv"))[1] == ["'=HYPERLINK(1)"]


@given(text=st.text(max_size=40))
def test_what_was_escaped_is_itself_again(text: str) -> None:
    assert unescaped(escaped(text)) == text or text.startswith("'")


@given(line=st.lists(st.text(max_size=20), max_size=8))
def test_no_line_raises_anything_but_its_own_refusal(line: list[str]) -> None:
    names = heading(Kind.LEAVES, ["staff", "first_day", "last_day", "deputy"])
    read = cells(names, line, ZONE)
    drugs = partial(read.codes, kind=Parameter.DRUG)
    for column in names:
        for reader in (read.text, read.day, read.instant, drugs, read.yes):
            with suppress(LineError):
                reader(column)


@pytest.mark.usefixtures("county")
async def test_the_command_keeps_good_lines_and_writes_the_report(
    database: Database, tmp_path: Path
) -> None:
    file, report, out = tmp_path / "a.csv", tmp_path / "report.csv", tmp_path / "out.xlsx"
    file.write_text(
        "staff,first_day,last_day\nfamily-a,2026-09-05,2026-09-06\nnobody,2026-09-05,2026-09-06\n",
        encoding="utf-8",
    )
    dsn = ["--dsn", database.dsn_as("hw_service")]

    def run(*words: str) -> tuple[int, str]:
        told = io.StringIO()
        with redirect_stdout(told):
            return main(["people", *words, *dsn]), told.getvalue()

    status, told = await asyncio.to_thread(
        run, "import", "leaves", str(file), "--report", str(report)
    )
    assert status == 1
    assert told == "line 2: unknown_staff nobody\nleaves: 1 added, 1 unknown_staff\n"
    lines = list(read_table(report.read_bytes(), "report.csv"))
    assert [line[:2] for line in lines[1:]] == [["1", "added"], ["2", "unknown_staff"]]
    status, told = await asyncio.to_thread(run, "export", "leaves", str(out))
    assert (status, told.split()[0]) == (0, "1")
    assert len(list(read_table(out.read_bytes(), "out.xlsx"))) == 2
