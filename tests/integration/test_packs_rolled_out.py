"""A county's own packs: proposed, rolled out, rolled back, while the core and its hubs run on."""

import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from dataclasses import dataclass, replace

import msgspec
import pytest

from gateway.clock import WallClock
from gateway.core import Core
from gateway.core_command import EXIT_NO_RULES
from gateway.core_settings import CoreSettings
from gateway.detect import Rulebook
from gateway.facts import PackFact
from gateway.pack_book import digest_of, present, to_sign
from gateway.pack_desk import apply_packs, present_rules
from gateway.packs import load_shipped
from gateway.shadow_variants import variants
from gateway.store.inbox_store import InboxRow
from rules.pack import PackError, Signature, load
from rules.pack_set import load_set
from rules.rule import Mode
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    ZONE,
    Bench,
    county_bench,
    daily,
    minutes,
    pressure,
)
from tests.integration.test_operator_commands import run
from tests.unit.rules.readings import FIRST_TEXT, counted_up, first_pack
from tests.unit.rules.test_pack_set import EXTRA

pytestmark = [pytest.mark.peer, pytest.mark.row("R13")]

OURS = first_pack().version
HIGHER = counted_up(
    FIRST_TEXT.replace(f"version: {OURS}\nmode", f"version: {OURS + 1}\nmode", 1).replace(
        "en: Severe hypoglycaemia", "en: Severe low glucose", 1
    ),
    "HW-05",
)
STARTED = Rulebook(pack=first_pack(), zone=ZONE)
RECONFIRMED = counted_up(
    HIGHER.replace("Sit quietly for 5 minutes", "Sit still for 5 minutes"), "HW-02"
)
WITHOUT = re.sub(r"  - id: HW-05\n(?:(?!  - id: ).*\n)+", "", HIGHER)
"""Without a rule of an emergency, which nothing else in the text tells."""

EXTRA_LIVE = EXTRA.replace("ZZ-01", "ZZ-09")


@dataclass(slots=True)
class Town:
    """A county whose core takes facts about packs."""

    bench: Bench
    asked: int = 0
    unsigned: bool = True

    async def say(self, **fact: object) -> str | None:
        """One fact, as the core takes it; why it was refused."""
        self.asked += 1
        body = msgspec.json.encode({"by": "a1", "at": START, **fact}).decode()
        store = self.bench.store
        async with store.batch():
            row = InboxRow(inbox_id=self.asked, kind="pack", body=body)
            refused = await apply_packs([row], store.packs, unsigned=self.unsigned)
            self.bench.rules = await present_rules(
                STARTED, self.bench.rules, store.packs, unsigned=self.unsigned
            )
        return refused.get(self.asked)

    async def propose(self, name: str, text: str) -> str | None:
        return await self.say(action="propose", pack=name, text=text, digest=digest_of(text))

    async def roll_out(self, name: str, text: str, signed: tuple[Signature, ...]) -> str | None:
        digest = digest_of(text)
        return await self.say(action="roll_out", pack=name, digest=digest, signatures=signed)


def signatures(text: str) -> tuple[Signature, ...]:
    first = load(text if "pack: first" in text else FIRST_TEXT, name="first.yaml")
    pack = load(text, name="any.yaml", first=first)
    return tuple(
        Signature(
            rule_id=rule.id, rule_hash=rule.rule_hash, name="Li", licence="110", day="2026-11-22"
        )
        for rule in pack.rules
    )


async def test_no_live_rule_is_left_out_without_a_signature_over_that(database: Database) -> None:
    """Nobody reads in a text of two thousand lines which emergency it has no more."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town = Town(bench)
        assert await town.propose("first", WITHOUT) is None
        kept = signatures(WITHOUT)
        told = str(await town.roll_out("first", WITHOUT, kept))
        assert "signatures: none over the present hash of HW-05" in told
        assert bench.rules.pack.rules == first_pack().rules
        stands = replace(kept[0], rule_id="HW-05")
        stands = replace(stands, rule_hash=first_pack().rule("HW-05").rule_hash)
        assert "HW-05" in str(await town.roll_out("first", WITHOUT, (*kept, stands))), "as it is"
        over = to_sign(load_shipped(), load(WITHOUT, name="first.yaml"))["HW-05"]
        gone = replace(stands, rule_hash=over)
        assert await town.roll_out("first", WITHOUT, (*kept, gone)) is None
        assert "HW-05" not in {rule.id for rule in bench.rules.pack.rules}


async def test_a_signed_version_takes_over_and_is_taken_back_in_one_step(
    database: Database,
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town = Town(bench)
        assert await town.propose("first", HIGHER) is None
        assert bench.rules.pack.rules == first_pack().rules, "a candidate changes nothing"
        assert await town.roll_out("first", HIGHER, signatures(HIGHER)) is None
        assert bench.rules.pack.version == OURS + 1
        assert all(rule.signed for rule in bench.rules.pack.rules)
        for reading in daily(2, [128]):
            await bench.feed(reading)
        at = START + minutes(60 * 24 * 3)
        await bench.feed(pressure(at, 190, 112), pressure(at + minutes(6), 188, 110))
        (alert,) = await bench.alerts()
        assert alert["rule_hash"] == first_pack().rule("HW-02").rule_hash, "its text is the same"
        assert '"signed":{' in alert["evidence"].replace("\\", "")
        assert await town.say(action="roll_back", pack="first") is None
        assert bench.rules.pack.rules == first_pack().rules
        assert "no version" in str(await town.say(action="roll_back", pack="first"))


async def test_a_running_core_changes_its_rules_and_its_hubs_without_a_restart(
    database: Database,
) -> None:
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        settings = CoreSettings(dsn=dsn, holder="core-test")
        core = Core(settings, WallClock(), bench.store, bench.county, bench.rules)
        facts = [
            PackFact(
                action="propose",
                pack="first",
                by="a",
                at=START,
                text=RECONFIRMED,
                digest=digest_of(RECONFIRMED),
            ),
            PackFact(action="roll_out", pack="first", by="a", at=START, digest="none"),
            PackFact(
                action="roll_out",
                pack="first",
                by="a",
                at=START,
                digest=digest_of(RECONFIRMED),
                signatures=signatures(RECONFIRMED),
            ),
        ]
        for fact in facts:
            await bench.owner.execute(
                "INSERT INTO core.inbox (created_at, kind, body)"
                " VALUES ($1, 'pack', $2::text::jsonb)",
                START,
                msgspec.json.encode(fact).decode(),
            )
        await core.settle(START)
        told = await bench.owner.fetch(
            "SELECT refused FROM core.inbox ORDER BY inbox_id DESC LIMIT 3"
        )
        assert [row["refused"] is None for row in reversed(told)] == [True, False, True]
        command = await bench.store.inbox.command(HUB)
        assert command is not None
        assert "Sit still for 5 minutes" in command.body, "the hub is told the new rules"
        again = await present_rules(STARTED, STARTED, bench.store.packs)
        assert again.pack.version == OURS + 1, "a core that starts later runs them too"


@pytest.mark.row("R13")
async def test_outside_the_demo_nothing_rings_that_nobody_has_signed(database: Database) -> None:
    """Law 10, at a core: shipped and unsigned, signed, and no way back into silence."""
    dsn = database.dsn_as("hw_core")
    assert not CoreSettings(dsn=dsn).unsigned_ring, "the demo alone says otherwise"
    async with county_bench(dsn, database.dsn) as bench:
        nobody = load_shipped().ringing(unsigned=False)
        assert nobody.rules == ()
        assert {rule.id for rule in nobody.retired} >= {"HW-02"}, "open cases are still cleared"
        bench.rules = Rulebook(pack=nobody, zone=ZONE)
        crisis = [pressure(START + minutes(m), 235, 140) for m in (0, 6)]
        await bench.feed(crisis[0])
        assert await bench.alerts() == []
        settings = CoreSettings(dsn=dsn, holder="core-test")
        core = Core(settings, WallClock(), bench.store, bench.county, bench.rules)
        await core.renew_commands()
        silent = await bench.store.inbox.command(HUB)
        assert silent is not None
        assert '"none_ring": true' in silent.body
        town = Town(bench, unsigned=False)
        assert await town.propose("first", HIGHER) is None
        assert await town.roll_out("first", HIGHER, signatures(HIGHER)) is None
        assert len(bench.rules.pack.rules) == len(first_pack().rules)
        await bench.feed(crisis[1])
        assert {row["rule_id"] for row in await bench.alerts()} == {"HW-02"}
        told = str(await town.say(action="roll_back", pack="first"))
        assert "unsigned: nothing would ring" in told
        assert bench.rules.pack.version == OURS + 1


async def test_a_program_that_cannot_run_the_countys_rules_does_not_serve_in_silence(
    database: Database,
) -> None:
    """Signed packs that a later program refuses: ended with the reason, unless its own may ring."""
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        town = Town(bench, unsigned=False)
        assert await town.propose("first", HIGHER) is None
        assert await town.roll_out("first", HIGHER, signatures(HIGHER)) is None
        await bench.owner.execute(
            "UPDATE core.pack SET text = replace(text, 'rearm: next_day', 'rearm: some_day')"
        )
        nobodys = Rulebook(pack=load_shipped().ringing(unsigned=False), zone=ZONE)
        for started, ends in ((nobodys, True), (STARTED, False)):
            settings = CoreSettings(dsn=dsn, holder="core-test")
            core = Core(settings, WallClock(), bench.store, bench.county, started)
            if ends:
                with pytest.raises(PackError, match="next_day"):
                    await core.recall_rules()
            else:
                await core.recall_rules()
        await bench.store.release_lease()
    words = (
        "-c",
        "import sys; from service.cli import main; sys.exit(main())",
        "core",
        "--dsn",
        dsn,
    )
    ended = await create_subprocess_exec(sys.executable, *words, stderr=PIPE)
    told = (await ended.communicate())[1].decode()
    assert ended.returncode == EXIT_NO_RULES
    assert "nothing else would ring:\nfirst.yaml:" in told


async def test_what_is_bad_or_unsigned_leaves_the_running_packs_and_says_why(
    database: Database,
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town, before = Town(bench), bench.rules
        bad = HIGHER.replace("wait: 15m", "wait: 16m")
        assert "first.yaml:" in str(await town.propose("first", bad))
        assert "16m has no source" in str(await town.propose("first", bad))
        assert "is no candidate" in str(await town.roll_out("first", bad, ()))
        lower = HIGHER.replace("value: 140", "value: 130").replace("[140]", "[130]")
        assert "targets, learning" in str(await town.propose("first", lower))
        silent = FIRST_TEXT.replace("en: Severe hypoglycaemia", "en: Severe low glucose", 1)
        told = str(await town.propose("first", silent))
        assert "first.yaml:524: rules" in told
        assert "is another rule than version 2 of it" in told
        assert await town.propose("first", HIGHER) is None
        assert "none over the present hash" in str(await town.roll_out("first", HIGHER, ()))
        former = signatures(FIRST_TEXT.replace("version: 1", "version: 7"))
        assert "HW-05" in str(await town.roll_out("first", HIGHER, former))
        assert "digest" in str(await town.say(action="propose", pack="first", text="x", digest="y"))
        assert bench.rules is before


@pytest.mark.row("R14", "R15")
async def test_a_case_of_a_rule_that_is_gone_is_still_cleared(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pack of the county's is live and taken back; readings that end its cases come after.

    Its alerts are explained as before: from the rule that they keep, not from one that runs.
    """
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town = Town(bench)
        assert await town.propose("extra", EXTRA_LIVE) is None
        assert await town.roll_out("extra", EXTRA_LIVE, signatures(EXTRA_LIVE)) is None
        assert bench.rules.pack.rule("ZZ-09").signed
        at = START + minutes(60 * 24 * 3)
        lone = EXTRA_LIVE.replace("ZZ-09", "ZZ-08")
        assert "stands" not in str(await town.propose("other", lone.replace("extra", "other")))
        for reading in daily(2, [128]):
            await bench.feed(reading)
        await bench.feed(pressure(at, 201, 82))
        await bench.wake(at + minutes(20))
        assert {row["rule_id"] for row in await bench.alerts()} >= {"HW-02"}
        assert await town.say(action="roll_back", pack="extra") is None
        assert bench.rules.pack.rules == first_pack().rules
        assert bench.rules.pack.rule("ZZ-09").id == "ZZ-09"
        rang = {row["rule_id"]: str(row["alert_id"]) for row in await bench.alerts()}
        words = ("rules", "explain", rang["ZZ-09"], "--dsn", database.dsn, "--language", "en")
        assert await run(*words) == 0
        told = capsys.readouterr().out
        assert "Systolic of 200 or more: 201/82 mmHg" in told
        assert "replayed from its evidence: the same decision" in told
        for day in range(4, 14):
            await bench.feed(pressure(START + minutes(60 * 24 * day), 124, 78))
        assert all(outcome.kept for outcome in bench.outcomes[-10:])


async def test_a_single_rule_rests_in_shadow_and_an_emergency_never_does(
    database: Database,
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town = Town(bench)
        assert "never rests" in str(await town.say(action="rest", pack="first", rule="HW-05"))
        assert "no rule" in str(await town.say(action="rest", pack="first", rule="XX-01"))
        assert await town.say(action="rest", pack="first", rule="HW-10") is None
        ids = [rule.id for rule in bench.rules.pack.rules]
        assert "HW-10" not in ids
        assert bench.rules.pack.rule("HW-10").id == "HW-10", "its open cases are still cleared"
        store = bench.store.packs
        (shadow, *_) = variants(load_shipped(), await store.packs(), await store.resting())
        assert "HW-10" in [rule.id for rule in shadow.pack.rules]
        assert await town.say(action="wake", pack="first", rule="HW-10") is None
        assert [r.id for r in bench.rules.pack.rules] == [r.id for r in first_pack().rules]


async def test_a_resting_rule_that_becomes_an_emergency_or_another_version_rings(
    database: Database,
) -> None:
    """What two people put to rest is the rule as it was then."""
    start = FIRST_TEXT.index("- id: HW-04b\n")
    end = FIRST_TEXT.index("- id: HW-05\n")
    urgent = FIRST_TEXT[start:end]
    for was, becomes in (
        ("priority: soon", "priority: emergency"),
        ("undampable: false", "undampable: true"),
        ("on_unknown: skip", "on_unknown: fire"),
    ):
        urgent = urgent.replace(was, becomes, 1)
    text = counted_up(FIRST_TEXT[:start] + urgent + FIRST_TEXT[end:], "HW-04b")
    text = counted_up(text, "HW-10").replace(f"version: {OURS}\nmode", f"version: {OURS + 1}\nmode")
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        town, store = Town(bench), bench.store.packs
        for rule in ("HW-04b", "HW-10", "HW-11"):
            assert await town.say(action="rest", pack="first", rule=rule) is None
        assert await town.propose("first", text) is None
        assert await town.roll_out("first", text, signatures(text)) is None
        assert {"HW-04b", "HW-10"} <= {rule.id for rule in bench.rules.pack.rules}
        assert await store.resting() == {"HW-11"}, "nobody changed that one"
        assert await town.say(action="rest", pack="first", rule="HW-10") is None
        assert await town.say(action="roll_back", pack="first") is None
        assert await store.resting() == {"HW-11"}, "the former version is another one too"


@pytest.mark.parametrize("rule_id", ["HW-01", "HW-05", "HW-06"])
def test_what_nothing_may_hold_back_rings_even_where_it_is_kept_as_resting(rule_id: str) -> None:
    held = present(load_shipped(), [], {rule_id, "HW-10"})
    assert held.resting == {"HW-10"}
    assert rule_id in {rule.id for rule in held.ringing(unsigned=True).rules}


def test_shipped_and_rolled_out_packs_make_one_set() -> None:
    shipped = load_shipped()
    assert {pack.name for pack in shipped.packs} >= {"first"}
    assert load_set(shipped.files(), shipped.standings) == shipped
    assert shipped.first.mode is Mode.LIVE


def test_the_fact_of_a_pack_reads_back() -> None:
    fact = PackFact(
        action="roll_out", pack="first", by="a", at=START, signatures=signatures(HIGHER)
    )
    assert msgspec.json.decode(msgspec.json.encode(fact), type=PackFact) == fact
