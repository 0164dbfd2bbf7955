"""Other rules: proposed, approved, signed by a clinician, rolled out, taken back, reviewed."""

import io
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.pack_book import digest_of
from gateway.pack_desk import apply_packs
from gateway.packs import load_shipped
from gateway.shadow_worker import ShadowWorker
from gateway.store.inbox_store import InboxRow
from gateway.store.pack_store import PackStore
from gateway.store.shadow_store import open_shadow_link
from rules.vocabulary import Priority
from service.people import NewAccount
from service.permissions import Role
from service.store.records import Account
from service.store.rule_changes import RuleChange, RuleChangeError
from tests.fixtures.database import Database
from tests.integration.county_bench import START as BENCH_START
from tests.integration.county_bench import county_bench, daily, pressure
from tests.integration.page_county import ring_crisis, seed_history, seed_passwords
from tests.integration.service_county import HASH, PASSWORD, ZHANG, ZONE, County, open_county
from tests.integration.test_operator_commands import run
from tests.integration.test_packs_rolled_out import HIGHER, OURS, WITHOUT, signatures
from tests.unit.rules.readings import FIRST_TEXT, counted_up
from tests.unit.rules.test_pack_set import EXTRA

pytestmark = [pytest.mark.peer, pytest.mark.row("R13")]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def core_answers(county: County) -> None:
    """What the core does with the facts about packs that wait for it."""
    rows = await county.core.fetch(
        "SELECT inbox_id, kind, body::text AS body FROM core.inbox"
        " WHERE applied_at IS NULL AND kind = 'pack' ORDER BY inbox_id"
    )
    waiting = [InboxRow(**dict(row)) for row in rows]
    refused = await apply_packs(waiting, PackStore(county.core), unsigned=True)
    for row in waiting:
        await county.core.execute(
            "UPDATE core.inbox SET applied_at = $2, refused = $3 WHERE inbox_id = $1",
            *(row.inbox_id, county.now, refused.get(row.inbox_id)),
        )


async def change_of(county: County, number: int) -> RuleChange:
    changes = await county.store.rule_changes(county.now)
    return next(change for change in changes if change.change_id == number)


async def live_version(county: County) -> int:
    return (await county.store.packs_now()).packs.first.version


@pytest.mark.row("O6")
async def test_a_version_is_live_only_with_two_approvals_and_a_signature(county: County) -> None:
    store, now = county.store, county.now
    doctor, other = await county.account("family-a"), await county.account("family-b")
    duty, admin = await county.account("county"), await county.account("admin")
    number = await store.propose_pack(doctor, HIGHER, "A clearer title", now)
    await core_answers(county)
    assert (await change_of(county, number)).refused is None
    assert [one.state for one in (await store.packs_now()).stored] == ["candidate"]
    with pytest.raises(RuleChangeError, match="nobody approves what they proposed"):
        await store.approve_change(doctor, number, now)
    await store.approve_change(other, number, now)
    with pytest.raises(RuleChangeError, match="approved it already"):
        await store.approve_change(other, number, now)
    with pytest.raises(RuleChangeError, match="1 of 2 approvals"):
        await store.roll_out(duty, number, now)
    await store.approve_change(admin, number, now)
    with pytest.raises(RuleChangeError, match="not signed: HW-MIN, HW-01"):
        await store.roll_out(duty, number, now)
    with pytest.raises(RuleChangeError, match="administrator may not"):
        await store.sign_pack(admin, number, "110", now)
    with pytest.raises(RuleChangeError, match="family_doctor may not"):
        await store.roll_out(doctor, number, now)
    assert "HW-02" in await store.sign_pack(other, number, "110123", now)
    assert await live_version(county) == OURS
    await store.roll_out(duty, number, now)
    await core_answers(county)
    assert await live_version(county) == OURS + 1
    signed = (await store.packs_now()).packs.live
    assert all(rule.signed for rule in signed.rules)
    assert '"licence":"110123"' in signed.rule("HW-02").raw
    await store.roll_back(duty, "first", now)
    await core_answers(county)
    assert await live_version(county) == OURS
    assert (await store.packs_now()).stored[0].state == "rolled_back", "kept, with its signatures"
    audited = await county.owner.fetch("SELECT DISTINCT action FROM care.audit")
    assert {"proposed rules", "approved rules", "signed rules", "rolled out rules"} <= {
        row["action"] for row in audited
    }


async def test_a_roll_back_that_leads_nowhere_is_refused_to_whoever_asks_for_it(
    county: County,
) -> None:
    """In a hurry nobody reads the core's log. What the core has not answered yet may decide it."""
    store, now, duty = county.store, county.now, await county.account("county")
    for pack in ("frst", "first"):
        with pytest.raises(RuleChangeError, match=f"no version of '{pack}' was rolled out") as told:
            await store.roll_back(duty, pack, now)
        assert told.value.reason == "no_former"
    assert not await county.owner.fetchval("SELECT count(*) FROM core.inbox WHERE kind = 'pack'")
    doctor, other = await county.account("family-a"), await county.account("family-b")
    number = await store.propose_pack(doctor, HIGHER, "A clearer title", now)
    await store.approve_change(other, number, now)
    await store.approve_change(await county.account("admin"), number, now)
    await store.sign_pack(other, number, "110123", now)
    await store.roll_out(duty, number, now)
    await store.roll_back(duty, "first", now)
    await core_answers(county)
    assert await live_version(county) == OURS
    assert [one.state for one in (await store.packs_now()).stored] == ["rolled_back"]
    with pytest.raises(RuleChangeError, match="no version of 'first'"):
        await store.roll_back(duty, "first", now)


async def rolled_out(county: County, text: str, why: str) -> int:
    """A pack proposed, agreed to by two others, signed and rolled out; the change's number."""
    number = await ready(county, text, why)
    await county.store.roll_out(await county.account("county"), number, county.now)
    await core_answers(county)
    assert (await change_of(county, number)).refused is None
    return number


async def ready(county: County, text: str, why: str) -> int:
    """A pack that could be rolled out."""
    store, now = county.store, county.now
    number = await store.propose_pack(await county.account("family-a"), text, why, now)
    await core_answers(county)
    for login in ("family-b", "admin"):
        await store.approve_change(await county.account(login), number, now)
    await store.sign_pack(await county.account("family-b"), number, "110", now)
    return number


async def second_account(county: County, login: str, role: Role) -> Account:
    """One more account of the family doctor B."""
    other = await county.account("family-b")
    made = NewAccount(
        account_id=uuid4(),
        login=login,
        password_hash=HASH,
        role=role,
        staff_id=other.staff_id,
    )
    await county.store.register_account(made)
    return await county.account(login)


@pytest.mark.row("O6")
async def test_a_change_that_was_agreed_to_over_another_version_is_not_rolled_out(
    county: County,
) -> None:
    """It would take back in silence what was signed meanwhile."""
    store, duty = county.store, await county.account("county")
    words = FIRST_TEXT.replace("Sit quietly for 5 minutes", "Sit still for 5 minutes")
    words = words.replace(f"version: {OURS}\nmode", f"version: {OURS + 2}\nmode")
    words = counted_up(words, "HW-02")
    number = await ready(county, words, "HW-02's words")
    await rolled_out(county, HIGHER, "A clearer title of HW-05")
    with pytest.raises(RuleChangeError, match="propose it anew") as told:
        await store.roll_out(duty, number, county.now)
    assert told.value.reason == "overtaken"
    assert await live_version(county) == OURS + 1
    await store.withdraw_change(await county.account("family-a"), number, county.now)
    await core_answers(county)
    with pytest.raises(RuleChangeError, match="is older than version 3 of it"):
        await ready(county, words, "the same again: HW-05 is the old one in it")
    both = counted_up(HIGHER.replace("Sit quietly for 5", "Sit still for 5"), "HW-02")
    await rolled_out(county, both, "HW-02's words, over what holds now")


@pytest.mark.row("O6")
async def test_the_core_finds_too_that_another_version_went_live_meanwhile(county: County) -> None:
    """Both are rolled out before it has answered; the second one leaves the first as it is."""
    store, duty = county.store, await county.account("county")
    words = FIRST_TEXT.replace("Sit quietly for 5 minutes", "Sit still for 5 minutes")
    words = words.replace(f"version: {OURS}\nmode", f"version: {OURS + 2}\nmode")
    numbers = [await ready(county, text, "why") for text in (HIGHER, counted_up(words, "HW-02"))]
    for number in numbers:
        await store.roll_out(duty, number, county.now)
    await core_answers(county)
    assert "went live since" in ((await change_of(county, numbers[1])).refused or "")
    assert await live_version(county) == OURS + 1


@pytest.mark.row("R14")
async def test_one_version_of_a_rule_never_has_two_texts(county: County) -> None:
    """Alerts name their rule by id and version, those of a version taken back too."""
    await rolled_out(county, HIGHER, "A clearer title")
    await county.store.roll_back(await county.account("county"), "first", county.now)
    await core_answers(county)
    other = HIGHER.replace("Severe low glucose", "Quite another title")
    with pytest.raises(RuleChangeError, match="is another rule than version 3 of it"):
        await ready(county, other, "HW-05 version 3 was live with another title")
    await rolled_out(county, counted_up(other, "HW-05"), "as version 4")


@pytest.mark.row("O6")
async def test_three_accounts_of_one_human_being_are_one_human_being(county: County) -> None:
    store, now = county.store, county.now
    doctor = await county.account("family-b")
    admin = await second_account(county, "b-admin", Role.ADMINISTRATOR)
    duty = await second_account(county, "b-duty", Role.COUNTY_DUTY)
    number = await store.propose_pack(doctor, HIGHER, "A clearer title", now)
    await core_answers(county)
    for same in (doctor, admin, duty):
        with pytest.raises(RuleChangeError, match="nobody approves what they proposed"):
            await store.approve_change(same, number, now)
    await store.withdraw_change(doctor, number, now)
    number = await store.propose_pack(await county.account("family-a"), HIGHER, "again", now)
    await store.approve_change(admin, number, now)
    with pytest.raises(RuleChangeError, match="approved it already"):
        await store.approve_change(duty, number, now)
    await store.sign_pack(doctor, number, "110", now)
    with pytest.raises(RuleChangeError, match="1 of 2 approvals"):
        await store.roll_out(duty, number, now)


@pytest.mark.row("O6")
async def test_who_may_no_longer_sign_in_has_not_agreed_or_signed(county: County) -> None:
    store, now, duty = county.store, county.now, await county.account("county")
    number = await ready(county, HIGHER, "A clearer title")
    gone = await county.account("family-b")
    await store.disable_account(gone.account_id, disabled=True)
    with pytest.raises(RuleChangeError, match="1 of 2 approvals"):
        await store.roll_out(duty, number, now)
    await store.approve_change(duty, number, now)
    with pytest.raises(RuleChangeError, match="not signed: HW-MIN"):
        await store.roll_out(duty, number, now)
    await store.sign_pack(await county.account("family-a"), number, "112", now)
    await store.roll_out(duty, number, now)
    await core_answers(county)
    assert await live_version(county) == OURS + 1


@pytest.mark.row("O6")
async def test_who_signs_again_replaces_what_was_signed(county: County) -> None:
    """A licence number mistyped would stand for good."""
    store, now = county.store, county.now
    number = await ready(county, HIGHER, "A clearer title")
    await store.sign_pack(await county.account("family-b"), number, "220", now)
    assert {one.licence for one in (await change_of(county, number)).signatures} == {"220"}
    await county.owner.execute("UPDATE care.rule_signature SET rule_hash = 'of another program'")
    duty = await county.account("county")
    with pytest.raises(RuleChangeError, match="not signed"):
        await store.roll_out(duty, number, now)
    await store.sign_pack(await county.account("family-b"), number, "220", now)
    await store.roll_out(duty, number, now)
    with pytest.raises(RuleChangeError, match="is not open"):
        await store.sign_pack(await county.account("family-b"), number, "221", now)


@pytest.mark.row("O6")
async def test_who_signs_a_version_signs_what_it_takes_away(county: County) -> None:
    store, now = county.store, county.now
    number = await ready(county, WITHOUT, "Nobody here takes insulin")
    (gone,) = await store.rules_taken_away(await change_of(county, number))
    assert (gone.id, gone.priority) == ("HW-05", Priority.EMERGENCY)
    duty = await county.account("county")
    await county.owner.execute("DELETE FROM care.rule_signature WHERE rule_id = 'HW-05'")
    with pytest.raises(RuleChangeError, match="not signed: HW-05"):
        await store.roll_out(duty, number, now)
    assert "HW-05" in await store.sign_pack(await county.account("family-b"), number, "110", now)
    await store.roll_out(duty, number, now)
    await core_answers(county)
    assert (await change_of(county, number)).refused is None
    assert "HW-05" not in {rule.id for rule in (await store.packs_now()).packs.first.rules}


@pytest.mark.row("A1", "O5")
async def test_the_route_of_a_rule_of_the_countys_own_can_be_asked(
    county: County, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not while it is proposed; once it is rolled out, and while it rests with that said."""
    pack = load_shipped().checked(EXTRA, "extra.yaml")
    store = PackStore(county.core)
    dsn = database.dsn_as("hw_service")
    asked = ("route", "--dsn", dsn, "explain", ZHANG.name, "ZZ-01")
    await store.propose(pack, digest_of(EXTRA), "test", county.now)
    assert await run(*asked) == 1
    assert "ZZ-01: neither a rule of this county nor a priority" in capsys.readouterr().err
    (stored,) = await store.packs()
    await store.begin(replace(stored, signatures=signatures(EXTRA)), county.now)
    assert await run(*asked) == 0
    told = capsys.readouterr().out
    assert "soon, answer by" in told
    assert "[village-a]" in told
    assert "rings for nobody" not in told
    await store.rest("ZZ-01", "test", county.now)
    assert await run(*asked) == 0
    assert (
        "! ZZ-01: in shadow, at rest or unsigned, rings for nobody now" in capsys.readouterr().out
    )


@pytest.mark.row("O6")
async def test_who_is_to_agree_reads_what_changes_line_by_line(county: County) -> None:
    doctor = await county.account("family-a")
    number = await county.store.propose_pack(doctor, HIGHER, "A clearer title", county.now)
    told = await county.store.change_in_words(await change_of(county, number))
    changed = [
        line for line in told.splitlines() if line[0] in "+-" and line[:3] not in ("---", "+++")
    ]
    assert changed == [
        f"-version: {OURS}",
        f"+version: {OURS + 1}",
        "-    version: 2",
        "+    version: 3",
        "-      en: Severe hypoglycaemia",
        "+      en: Severe low glucose",
    ]


async def test_a_bad_pack_is_told_with_file_and_line_and_changes_nothing(county: County) -> None:
    doctor = await county.account("family-a")
    with pytest.raises(RuleChangeError, match=r"pack\.yaml:\d+: .*16m has no source"):
        await county.store.propose_pack(
            doctor, HIGHER.replace("wait: 15m", "wait: 16m"), "why", county.now
        )
    village = await county.account("village-a")
    with pytest.raises(RuleChangeError, match="village_doctor may not"):
        await county.store.propose_pack(village, HIGHER, "why", county.now)
    assert await county.store.rule_changes(county.now) == []


async def closed(county: County, rule: str, count: int, acted_on: int) -> None:
    """So many closed alerts of a rule about real people, some of which led to something."""
    case = uuid4()
    await county.owner.execute(
        "INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state,"
        " opened_at, last_point_at, facts, began_at, decided_at, decided_on, is_confirmed)"
        " SELECT $3, 's-zhang', 'blood_pressure', $1, '', 1, 'closed', $2, $2, '{}',"
        " $2, $2, '', true",
        *(rule, county.now, case),
    )
    await county.owner.execute(
        "INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id,"
        " rule_version, rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)"
        " SELECT gen_random_uuid(), c.case_id, c.subject, 'physiological', 1, c.family, c.rule_id,"
        " 1, 'hash', 'condition', false, $2, $2, false, '{}'"
        " FROM core.case c, generate_series(1, $3) WHERE c.case_id = $1",
        *(case, county.now, count),
    )
    await county.owner.execute(
        "INSERT INTO care.alert_life (alert_id, case_id, state, tier, step, round, taken_at,"
        " outcome, closed_at) SELECT alert_id, case_id, 'closed', 0, 0, 0, raised_at,"
        " CASE WHEN row_number() OVER () <= $2 THEN 'advice' ELSE 'not_needed' END, raised_at"
        " FROM core.alert WHERE case_id = $1",
        *(case, acted_on),
    )


@pytest.mark.row("D18")
async def test_a_rule_that_leads_to_nothing_is_proposed_to_rest_and_an_emergency_never(
    county: County,
) -> None:
    await closed(county, "HW-10", 50, acted_on=9)
    await closed(county, "HW-05", 50, acted_on=0)
    await closed(county, "HW-11", 50, acted_on=10)
    await closed(county, "HW-12", 20, acted_on=0)
    await county.worker().settle(county.now)
    (number,) = [one.change_id for one in await county.store.rule_changes(county.now)]
    assert await county.store.review(county.now) == [], "proposed once"
    proposed = await change_of(county, number)
    assert (proposed.rule_id, proposed.kind, proposed.proposer) == ("HW-10", "rest", None)
    assert proposed.why == "9 of 50 alerts led to something"
    for name in ("family-a", "family-b"):
        await county.store.approve_change(await county.account(name), number, county.now)
    await county.store.roll_out(await county.account("county"), number, county.now)
    await core_answers(county)
    packs = (await county.store.packs_now()).packs
    assert "HW-10" not in {rule.id for rule in packs.live.rules}
    assert "HW-10" in {rule.id for rule in packs.beside.rules}


async def test_what_people_decided_about_an_idle_rule_stands_until_it_has_rung_as_often_again(
    county: County,
) -> None:
    """And what a former version of a rule led to says nothing of the present one."""
    store, doctor = county.store, await county.account("family-a")
    await closed(county, "HW-10", 50, acted_on=3)
    (number,) = await store.review(county.now)
    county.clock.advance(timedelta(minutes=5))
    await store.withdraw_change(doctor, number, county.now)
    county.clock.advance(timedelta(minutes=5))
    assert await store.review(county.now) == [], "no is an answer"
    await closed(county, "HW-10", 49, acted_on=3)
    assert await store.review(county.now) == []
    await closed(county, "HW-10", 1, acted_on=0)
    assert len(await store.review(county.now)) == 1
    await closed(county, "HW-11", 50, acted_on=3)
    newer = FIRST_TEXT.replace("- id: HW-11\n    version: 1", "- id: HW-11\n    version: 2", 1)
    newer = newer.replace(f"version: {OURS}\nmode", f"version: {OURS + 1}\nmode", 1)
    kept = PackStore(county.core)
    await kept.propose(
        load_shipped().checked(newer, "first.yaml"), digest_of(newer), "a", county.now
    )
    (stored,) = await kept.packs()
    await kept.begin(replace(stored, signatures=signatures(newer)), county.now)
    assert await store.review(county.now) == [], "version 2 has not rung yet"


async def test_the_whole_walk_from_a_shell(
    county: County,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await seed_passwords(county)
    pack = tmp_path / "extra.yaml"
    pack.write_text(EXTRA.replace("ZZ-01", "ZZ-07"), encoding="utf-8")

    async def act(login: str, *words: str, password: str = PASSWORD) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
        return await run("rules", *words, "--as", login, "--dsn", database.dsn)

    assert await act("family-a", "propose", str(pack), "--why", "try", password="wrong") == 1
    assert await act("family-a", "propose", str(pack), "--why", "try it") == 0
    capsys.readouterr()
    assert await run("rules", "diff", "1", "--dsn", database.dsn) == 0
    assert "+pack: extra" in capsys.readouterr().out
    assert await run("rules", "diff", "2", "--dsn", database.dsn) == 1
    assert "there is no change 2" in capsys.readouterr().err
    assert await act("family-b", "approve", "1") == 0
    assert await act("county", "approve", "1") == 0
    assert await act("county", "roll-out", "1") == 1
    assert "not signed: ZZ-07" in capsys.readouterr().err
    assert await act("family-b", "sign", "1", "--licence", "110") == 0
    assert await act("county", "roll-out", "1") == 0
    await core_answers(county)
    capsys.readouterr()
    assert await run("rules", "changes", "--dsn", database.dsn) == 0
    told = capsys.readouterr().out
    assert "done" in told
    assert "approved by 家医乙, 县值班, signed by 家医乙" in told
    assert "ZZ-07" in {rule.id for rule in (await county.store.packs_now()).packs.live.rules}
    assert await act("county", "roll-back", "extra") == 0
    await core_answers(county)
    assert await act("county", "roll-back", "extra") == 1
    assert "no version of 'extra' was rolled out" in capsys.readouterr().err
    assert "ZZ-07" not in {rule.id for rule in (await county.store.packs_now()).packs.live.rules}
    assert await act("family-a", "propose", "--rest", "HW-05", "--why", "no") == 1
    assert "never rests" in capsys.readouterr().err
    assert await act("family-a", "propose", "--rest", "HW-10", "--why", "noise") == 0
    assert await act("family-a", "withdraw", "2") == 0
    assert await run("rules", "review", "--dsn", database.dsn) == 0
    assert "0 proposed to rest" in capsys.readouterr().out


@pytest.mark.row("R14", "R15")
async def test_an_alert_is_explained_from_its_evidence_alone(
    county: County, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await seed_history(county)
    alert_id = await ring_crisis(county)
    words = ("rules", "explain", str(alert_id), "--dsn", database.dsn, "--language", "en")
    assert await run(*words, "--evidence") == 0
    told = capsys.readouterr().out
    assert "186/110 mmHg" in told
    assert "replayed from its evidence: the same decision" in told
    assert "near: " in told
    assert '"rule_id":"HW-02"' in told
    assert await run("rules", "explain", "00000000-0000-0000-0000-000000000000") == 1
    audited = await county.owner.fetchval(
        "SELECT subject FROM care.audit WHERE action = 'explained alert' LIMIT 1"
    )
    assert audited == "s-zhang"


async def test_the_report_of_the_shadow_counts_what_was_added_and_removed(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A candidate with a rule of its own rings once more than the live packs, for one person."""
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        open_shadow_link(database.dsn_as("hw_core")) as link,
    ):
        worker = ShadowWorker(link, ZONE)
        await worker.settle(BENCH_START - timedelta(days=1))
        for reading in daily(4, [128, 131]):
            await bench.feed(reading)
        at = BENCH_START + timedelta(days=5)
        await bench.feed(pressure(at, 190, 112), pressure(at + timedelta(minutes=6), 188, 110))
        await worker.settle(at + timedelta(hours=1))
        live = await bench.count("core.alert")
        shadow = await bench.count("core.shadow_alert")
    capsys.readouterr()
    assert await run("rules", "shadow", "--json", "--dsn", database.dsn) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["variant"].startswith("shadow-")
    assert (report["live"]["people"], report["live"]["readings"]) == (1, 10)
    assert sum(report["live"]["alerts"].values()) == live == 1
    assert sum(report["shadow"]["alerts"].values()) == shadow
    added, removed = sum(report["change"]["added"].values()), report["change"]["removed"]
    assert added - sum(removed.values()) == shadow - live
    assert await run("rules", "shadow", "--dsn", database.dsn) == 0
    assert "a patient-month" in capsys.readouterr().out


@pytest.mark.row("R12")
async def test_a_backtest_lives_the_countys_own_readings_again(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same alert that rang; nobody that exists only to test the machine counts."""
    out = tmp_path / "f.json"
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        for reading in daily(4, [128, 131]):
            await bench.feed(reading)
        at = BENCH_START + timedelta(days=5)
        await bench.feed(pressure(at, 190, 112), pressure(at + timedelta(minutes=6), 188, 110))
        rang = await bench.rang()
        words = ("rules", "backtest", "--store", "--dsn", database.dsn, "--json", str(out))
        assert await run(*words, "--days", "36500") == 0
        told = json.loads(out.read_text("utf-8"))
        assert (told["people"], told["readings"]) == (1, 10)
        assert told["by_rule"] == {rule: 1 for rule, _ in rang}
        await bench.owner.execute(
            "UPDATE core.profile SET body = body || '{\"synthetic\": true}'::jsonb"
        )
        assert await run(*words, "--days", "36500") == 0
        assert json.loads(out.read_text("utf-8"))["people"] == 0
    assert "patient-month" in capsys.readouterr().out
