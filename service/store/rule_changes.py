"""Changes of rules: who proposed, agreed and signed; what is decided goes to the core as a fact.

A pack becomes live with two people's approvals, neither of them the proposer's, and a clinician's
signature over the hash of numbers and both texts of every rule (design law 10), in the place of the
text that they compared it with. Two accounts of one human being are one. A single rule that
leads to nothing may be put to rest with two approvals; nothing that is undampable ever is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff
from functools import lru_cache
from typing import Literal
from uuid import UUID

from gateway.facts import FactError, PackFact
from gateway.pack_book import (
    StoredPack,
    digest_held,
    digest_of,
    may_rest,
    not_signed,
    present,
    rolled_back,
    taken_away,
    to_sign,
)
from gateway.packs import load_shipped
from gateway.store.pack_store import PackStore
from rules.pack import Pack, PackError, Signature
from rules.pack_set import PackSet
from rules.rule import Rule
from service.alerts.lifecycle import Outcome
from service.permissions import Permission, allows
from service.store.database import load_statements, whole
from service.store.health import Health
from service.store.own import append_inbox
from service.store.records import Account
from service.store.viewing import beyond_view

_SQL = load_statements("rule_changes.sql")

APPROVALS_NEEDED = 2
SHOWN_FOR = timedelta(days=90)
_MOMENT = timedelta(microseconds=1)

REVIEWED_ALERTS = 50
ACTED_ON_SHARE = 0.2
"""A rule that led to something in less than this share of so many alerts is proposed to rest."""

ACTED_ON = (
    Outcome.ADVICE,
    Outcome.MEDICATION_CHANGED,
    Outcome.REFERRED_UP,
    Outcome.VISIT,
    Outcome.TECHNICAL,
    Outcome.TRANSFERRED,
)
"""Outcomes that say that somebody did something; "not needed" and "false reading" do not."""

Kind = Literal["pack", "rest", "wake"]


class RuleChangeError(Exception):
    """A change cannot be made, agreed to or rolled out; `reason` is a word, the text says why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who agreed, and when; `human` is the same for each account of one of the staff."""

    account_id: UUID
    human: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A change and how far it has come.

    `kind` is pack, rest or wake; `state` open, done or withdrawn; `proposer` None where the review
    proposed it. `proposed_over` is the digest of the text that a pack would take the place of
    (empty: of none, None: nobody noted it). `heard` says that the core has answered the last thing
    it was told, `refused` why it did not do it.
    """

    change_id: int
    kind: Kind
    pack: str
    version: int | None
    digest: str | None
    text: str | None
    rule_id: str | None
    why: str
    state: str
    proposed_by: UUID | None
    proposer: str | None
    proposer_human: str | None
    proposed_over: str | None
    proposed_at: datetime
    ended_at: datetime | None
    heard: bool
    refused: str | None
    approvals: tuple[Approval, ...] = ()
    signatures: tuple[Signature, ...] = ()

    @property
    def agreed(self) -> frozenset[str]:
        """Who agreed, each human being once, and never the one who proposed it."""
        return frozenset(one.human for one in self.approvals) - {self.proposer_human}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRecord:
    """Of a rule's newest closed alerts (50 at most): how many led to something.

    `version` is the lowest that rang among them, `since` when the first of them was closed.
    """

    rule_id: str
    alerts: int
    acted_on: int
    version: int
    since: datetime

    @property
    def is_idle(self) -> bool:
        """Whether it leads to something too seldom to go on ringing."""
        enough = self.alerts >= REVIEWED_ALERTS
        return enough and self.acted_on < ACTED_ON_SHARE * self.alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class PacksNow:
    """The packs that hold, and every version that the county knows."""

    packs: PackSet
    stored: tuple[StoredPack, ...]


class RuleChanges(Health):
    """Written by whom the role table allows; nothing here names a patient."""

    async def packs_now(self) -> PacksNow:
        """The packs that hold in the county.

        Raises:
            PackError: they cannot run with this version of the program.
        """
        async with self.pool.acquire() as connection:
            store = PackStore(connection)
            stored, resting = tuple(await store.packs()), await store.resting()
        return PacksNow(packs=_present(stored, resting), stored=stored)

    async def change_in_words(self, change: RuleChange) -> str:
        """What a proposed pack changes of the one that holds, line by line; empty for a rule's."""
        if change.text is None:
            return ""
        packs = (await self.packs_now()).packs
        held = next((one for one in packs.packs if one.name == change.pack), None)
        before = held.text.splitlines() if held else []
        names = (f"{change.pack} {held.version if held else 0}", f"{change.pack} {change.version}")
        lines = unified_diff(before, change.text.splitlines(), *names, lineterm="", n=2)
        return "\n".join(lines)

    async def rules_taken_away(self, change: RuleChange) -> tuple[Rule, ...]:
        """The live rules that a proposed pack leaves out: they would ring no more.

        Raises:
            RuleChangeError: it does not fit beside the packs that hold now.
        """
        packs = (await self.packs_now()).packs
        return taken_away(packs, _checked(packs, change.text)) if change.text else ()

    async def rule_changes(self, now: datetime) -> list[RuleChange]:
        """Open changes, and those ended in the last 90 days; the newest first."""
        rows = await self.pool.fetch(_SQL["changes"], now - SHOWN_FOR)
        ids = [row["change_id"] for row in rows]
        approvals: dict[int, list[Approval]] = {}
        for row in await self.pool.fetch(_SQL["approvals"], ids):
            given = Approval(**{name: row[name] for name in ("account_id", "human", "name", "at")})
            approvals.setdefault(row["change_id"], []).append(given)
        signed: dict[int, list[Signature]] = {}
        for row in await self.pool.fetch(_SQL["signatures"], ids):
            made = Signature(
                rule_id=row["rule_id"],
                rule_hash=row["rule_hash"],
                name=row["name"],
                licence=row["licence"],
                day=row["day"].isoformat(),
            )
            signed.setdefault(row["change_id"], []).append(made)
        return [
            RuleChange(
                **dict(row),
                approvals=tuple(approvals.get(row["change_id"], ())),
                signatures=tuple(signed.get(row["change_id"], ())),
            )
            for row in rows
        ]

    async def propose_pack(self, account: Account, text: str, why: str, now: datetime) -> int:
        """Propose a pack's text; it runs in shadow from now on. Returns the change's number.

        Raises:
            RuleChangeError: the pack has faults (file and line), or is proposed already.
        """
        _demand(account, Permission.PROPOSE_RULES)
        packs = (await self.packs_now()).packs
        pack, digest = _checked(packs, text), digest_of(text)
        over = digest_held(packs, pack.name)
        row = ("pack", pack.name, pack.version, digest, text, None, over)
        fact = PackFact(
            action="propose",
            pack=pack.name,
            by=str(account.account_id),
            at=now,
            digest=digest,
            text=text,
        )
        return await self._propose(account, row, why, fact, now)

    async def propose_held(self, account: Account, name: str, why: str, now: datetime) -> int:
        """Propose a pack as it holds now, to be signed as it is. Returns the change's number.

        Raises:
            RuleChangeError: no pack is named so, or it is proposed already.
        """
        held = (await self.packs_now()).packs.packs
        text = next((pack.text for pack in held if pack.name == name), None)
        if text is None:
            raise RuleChangeError("unknown", f"there is no pack {name}")
        return await self.propose_pack(account, text, why, now)

    async def propose_rest(
        self, account: Account | None, kind: Kind, rule_id: str, why: str, now: datetime
    ) -> int:
        """Propose that a rule rests, or rings again; `account` None: the review does.

        Raises:
            RuleChangeError: no live rule is named so, it is undampable, or it is proposed already.
        """
        if account is not None:
            _demand(account, Permission.PROPOSE_RULES)
        packs = (await self.packs_now()).packs
        try:
            pack = packs.pack_of(rule_id)
            if kind == "rest":
                may_rest(_about_rule("rest", pack.name, rule_id, account, now), packs)
        except KeyError as error:
            raise RuleChangeError("unknown", f"there is no rule {rule_id}") from error
        except FactError as error:
            raise RuleChangeError("undampable", str(error)) from error
        row = (kind, pack.name, None, None, None, rule_id, None)
        return await self._propose(account, row, why, None, now)

    @whole
    async def approve_change(self, account: Account, change_id: int, now: datetime) -> None:
        """Agree to a change.

        Raises:
            RuleChangeError: it is not open, is of the same human being, or they agreed before.
        """
        _demand(account, Permission.APPROVE_RULES)
        change = await self._open(change_id, now)
        human = human_of(account)
        if change.proposer_human == human:
            raise RuleChangeError("own", "nobody approves what they proposed themselves")
        who = (change_id, account.account_id, now)
        if human in change.agreed or await self.pool.fetchval(_SQL["approve"], *who) is None:
            raise RuleChangeError("twice", "whose account this is has approved it already")
        await self.audit(account, "approved rules", None, {"change": change_id}, now)

    @whole
    async def sign_pack(
        self, account: Account, change_id: int, licence: str, now: datetime
    ) -> Sequence[str]:
        """Sign every rule of a proposed pack over its hash, and each that it takes away.

        Returns the rules' ids. It stands in the place of what was signed before: one clinician
        answers for a rule.

        Raises:
            RuleChangeError: it is no open proposal of a pack, or the licence is missing.
        """
        _demand(account, Permission.SIGN_RULES)
        change = await self._open(change_id, now)
        if change.text is None:
            raise RuleChangeError("no_pack", "only a pack is signed")
        if not licence.strip():
            raise RuleChangeError("licence", "a signature names the clinician's licence")
        packs = (await self.packs_now()).packs
        signed = to_sign(packs, _checked(packs, change.text))
        ids, hashes = list(signed), list(signed.values())
        name, day = account.name or account.login, self.today(now)
        made = (account.account_id, name, licence.strip(), day, now)
        if await self.pool.fetchval(_SQL["hold_open"], change_id) is None:
            raise RuleChangeError("closed", f"change {change_id} is not open")
        await self.pool.execute(_SQL["sign"], change_id, ids, hashes, *made)
        await self.audit(account, "signed rules", None, {"change": change_id}, now)
        return ids

    @whole
    async def roll_out(self, account: Account, change_id: int, now: datetime) -> None:
        """Have the core run a change: a pack becomes live, a rule rests or rings again.

        Raises:
            RuleChangeError: approvals or signatures are missing, it is not open, or another version
                of the pack went live since it was proposed.
        """
        _demand(account, Permission.ROLL_OUT_RULES)
        change = await self._open(change_id, now)
        if (given := len(change.agreed)) < APPROVALS_NEEDED:
            raise RuleChangeError("approvals", f"{given} of {APPROVALS_NEEDED} approvals")
        if change.kind == "pack":
            fact = await self._pack_fact(change, account, now)
        else:
            assert change.rule_id is not None
            fact = _about_rule(change.kind, change.pack, change.rule_id, account, now)
        await self._end(account, change, "done", fact, now)
        await self.audit(account, "rolled out rules", None, {"change": change_id}, now)

    @whole
    async def withdraw_change(self, account: Account, change_id: int, now: datetime) -> None:
        """Try a proposal no longer.

        Raises:
            RuleChangeError: it is not open.
        """
        _demand(account, Permission.PROPOSE_RULES)
        change = await self._open(change_id, now)
        fact = None
        if change.digest is not None:
            by = str(account.account_id)
            fact = PackFact(
                action="withdraw", pack=change.pack, by=by, at=now, digest=change.digest
            )
        await self._end(account, change, "withdrawn", fact, now)
        await self.audit(account, "withdrew rules", None, {"change": change_id}, now)

    @whole
    async def roll_back(self, account: Account, pack: str, now: datetime) -> None:
        """Have the core run the former version of a pack, at once and on one person's word.

        Raises:
            RuleChangeError: there is none to go back to, as the core would find too. While it has
                not answered all about packs that it was told, it alone can say.
        """
        _demand(account, Permission.ROLL_OUT_RULES)
        fact = PackFact(action="roll_back", pack=pack, by=str(account.account_id), at=now)
        pulse = await self.core_pulse()
        unsigned = pulse is None or pulse.unsigned_ring is not False
        async with self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_SQL["unanswered"]):
                stored = await PackStore(connection).packs()
                try:
                    rolled_back(fact, load_shipped(), stored, unsigned=unsigned)
                except FactError as error:
                    raise RuleChangeError("no_former", str(error)) from error
            await append_inbox(connection, "pack", fact, now)
        await self.audit(account, "rolled back rules", None, {"pack": pack}, now)

    async def rule_records(self) -> list[RuleRecord]:
        """What became of each rule's newest alerts about real people."""
        acted = [outcome.value for outcome in ACTED_ON]
        with beyond_view():  # counts by rule, of the whole county; they say nothing of anybody
            rows = await self.pool.fetch(_SQL["review"], acted, REVIEWED_ALERTS)
        return [RuleRecord(**dict(row)) for row in rows]

    async def review(self, now: datetime) -> list[int]:
        """Propose rest for every live rule that leads to too little; the changes' numbers.

        What nothing may hold back is never proposed, nor what is proposed already. What people
        have decided about a rule stands until as many alerts have been closed since; those of a
        former version say nothing of the present one.
        """
        made: list[int] = []
        decided = {row["rule_id"]: row["at"] for row in await self.pool.fetch(_SQL["decided"])}
        live = {rule.id: rule.version for rule in (await self.packs_now()).packs.live.rules}
        for record in await self.rule_records():
            is_former = record.version < live.get(record.rule_id, 0)
            is_decided = record.since <= decided.get(record.rule_id, record.since - _MOMENT)
            if not record.is_idle or is_former or is_decided:
                continue
            why = f"{record.acted_on} of {record.alerts} alerts led to something"
            try:
                made.append(await self.propose_rest(None, "rest", record.rule_id, why, now))
            except RuleChangeError:
                continue  # undampable, resting, or waiting for an answer already
        return made

    async def _open(self, change_id: int, now: datetime) -> RuleChange:
        for change in await self.rule_changes(now):
            if change.change_id == change_id and change.state == "open":
                return change
        raise RuleChangeError("closed", f"change {change_id} is not open")

    @whole
    async def _propose(
        self,
        account: Account | None,
        row: tuple[object, ...],
        why: str,
        fact: PackFact | None,
        now: datetime,
    ) -> int:
        by = account.account_id if account is not None else None
        async with self.pool.acquire() as connection, connection.transaction():
            made: int | None = await connection.fetchval(_SQL["propose"], *row, why, by, now)
            if made is None:
                raise RuleChangeError("twice", "this is proposed already")
            if fact is not None:
                await append_inbox(connection, "pack", fact, now)
                await connection.execute(_SQL["told"], made)
        await self.audit(account, "proposed rules", None, {"change": made}, now)
        return made

    async def _end(
        self, account: Account, change: RuleChange, state: str, fact: PackFact | None, now: datetime
    ) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            ended = (change.change_id, state, account.account_id, now)
            if await connection.fetchval(_SQL["end"], *ended) is None:
                raise RuleChangeError("closed", f"change {change.change_id} is not open")
            if fact is not None:
                await append_inbox(connection, "pack", fact, now)
                await connection.execute(_SQL["told"], change.change_id)

    async def _pack_fact(self, change: RuleChange, account: Account, now: datetime) -> PackFact:
        assert change.text is not None
        assert change.digest is not None
        packs = (await self.packs_now()).packs
        if change.proposed_over != digest_held(packs, change.pack):
            told = f"what holds of {change.pack} is not what change {change.change_id} was proposed"
            raise RuleChangeError("overtaken", f"{told} over: withdraw it and propose it anew")
        pack = _checked(packs, change.text)
        if unsigned := not_signed(packs, pack, change.signatures):
            raise RuleChangeError("signature", f"not signed: {', '.join(unsigned)}")
        return PackFact(
            action="roll_out",
            pack=change.pack,
            by=str(account.account_id),
            at=now,
            digest=change.digest,
            signatures=change.signatures,
            over=change.proposed_over,
        )


def human_of(account: Account) -> str:
    """Who stands behind an account: the same for each account of one of the staff."""
    return account.staff_id or str(account.account_id)


@lru_cache(maxsize=4)
def _present(stored: tuple[StoredPack, ...], resting: frozenset[str]) -> PackSet:
    """Read again only when something has changed: a page asks several times."""
    return present(load_shipped(), stored, resting)


def _demand(account: Account, permission: Permission) -> None:
    """A command has no route that would ask."""
    if not allows(account.role, permission):
        raise RuleChangeError("role", f"{account.role.value} may not: {permission.value}")


def _checked(packs: PackSet, text: str) -> Pack:
    try:
        return packs.checked(text, "pack.yaml", shall_run=True)
    except PackError as error:
        raise RuleChangeError("pack", str(error)) from error


def _about_rule(
    action: Literal["rest", "wake"], pack: str, rule_id: str, account: Account | None, now: datetime
) -> PackFact:
    by = str(account.account_id) if account is not None else "review"
    return PackFact(action=action, pack=pack, by=by, at=now, rule=rule_id)
