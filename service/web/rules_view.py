"""What the page about rules shows: packs that hold, proposals, what rules in shadow would cost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.pack_book import LIVE, not_signed, taken_away
from rules.in_words import rule_in_words, sources_in_words
from rules.pack import Pack, PackError
from rules.pack_set import PackSet
from rules.rule import Mode, Rule
from rules.vocabulary import Priority
from service.permissions import Permission, allows
from service.store.records import Account
from service.store.rule_changes import (
    APPROVALS_NEEDED,
    PacksNow,
    RuleChange,
    RuleRecord,
    human_of,
)
from service.store.shadow_reads import ShadowReport
from service.web.language import say

_REVIEWED = re.compile(r"([0-9]+) of ([0-9]+) alerts led to something")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLine:
    """What a rule says at home so many minutes after a reading, to the person and who follows."""

    minutes: int
    patient: str
    follower: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule; `record` is "9 / 50" of its newest closed alerts, empty where there are none."""

    rule_id: str
    version: int
    title: str
    sentence: str
    priority: str
    is_signed: bool
    is_resting: bool
    may_rest: bool
    record: str
    is_idle: bool
    owner: str
    sources: tuple[str, ...]
    action: str
    patient: str
    prompts: tuple[PromptLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLine:
    """One pack that holds; `since` None where it is the one that ships with the program."""

    name: str
    version: int
    title: str
    is_live: bool
    since: datetime | None
    unsigned: int
    rules: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGone:
    """A live rule that would ring no more; `priority` is its word."""

    name: str
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One proposal, and what this account may do about it.

    `taken_away` are the live rules that an open proposal of a pack leaves out.
    """

    change: RuleChange
    title: str
    why: str
    taken_away: tuple[RuleGone, ...]
    is_open: bool
    missing: int
    unsigned: int
    signers: str
    may_approve: bool
    may_sign: bool
    may_roll_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line of the comparison: what rang, and what would have."""

    what: str
    live: str
    shadow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowLine:
    """One variant beside the live rules; `costs` by priority word."""

    name: str
    since: datetime
    through: datetime
    people: int
    months: float
    costs: tuple[CostLine, ...]
    months_cost: tuple[str, str]
    days_cost: tuple[str, str]
    added: str
    removed: str


def pack_lines(now: PacksNow, records: Sequence[RuleRecord], language: str) -> list[PackLine]:
    """The packs that hold, live ones first."""
    by_rule = {record.rule_id: record for record in records}
    since = {one.name: one.live_since for one in now.stored if one.state == LIVE}
    packs = sorted(now.packs.packs, key=lambda pack: pack.mode is not Mode.LIVE)
    return [
        PackLine(
            name=pack.name,
            version=pack.version,
            title=pack.title.in_language(language),
            is_live=pack.mode is Mode.LIVE,
            since=since.get(pack.name),
            unsigned=sum(not rule.signed for rule in pack.rules),
            rules=tuple(
                _rule(rule, pack, now.packs, by_rule.get(rule.id), language) for rule in pack.rules
            ),
        )
        for pack in packs
    ]


def _rule(
    rule: Rule, pack: Pack, packs: PackSet, record: RuleRecord | None, language: str
) -> RuleLine:
    told = f"{record.acted_on} / {record.alerts}" if record else ""
    return RuleLine(
        rule_id=rule.id,
        version=rule.version,
        title=rule.title.in_language(language),
        sentence=rule_in_words(rule).in_language(language),
        priority=rule.priority.word,
        is_signed=rule.signed,
        is_resting=rule.id in packs.resting,
        may_rest=pack.mode is Mode.LIVE
        and not rule.undampable
        and rule.priority is not Priority.EMERGENCY,
        record=told,
        is_idle=record is not None and record.is_idle,
        owner=rule.owner.in_language(language) if rule.owner else "",
        sources=sources_in_words(rule, language),
        action=rule.action.in_language(language),
        patient=rule.patient.in_language(language),
        prompts=tuple(
            PromptLine(
                minutes=int(one.after.total_seconds()) // 60,
                patient=one.patient.in_language(language),
                follower=one.follower.in_language(language),
            )
            for one in rule.prompts
        ),
    )


def change_lines(
    changes: Sequence[RuleChange], packs: PackSet, account: Account, language: str
) -> list[ChangeLine]:
    """Proposals, open ones first."""
    lines = [_change(change, packs, account, language) for change in changes]
    return sorted(lines, key=lambda line: not line.is_open)


def _change(change: RuleChange, packs: PackSet, account: Account, language: str) -> ChangeLine:
    is_open = change.state == "open"
    missing = max(0, APPROVALS_NEEDED - len(change.agreed))
    pack, fits = _proposed(change, packs) if is_open else (None, True)
    unsigned = len(not_signed(packs, pack, change.signatures)) if pack else int(not fits)
    mine = human_of(account) in {change.proposer_human, *change.agreed}
    return ChangeLine(
        change=change,
        title=_title(change, packs, language),
        why=_why(change, language),
        taken_away=_taken_away(packs, pack, language) if pack else (),
        is_open=is_open,
        missing=missing,
        unsigned=unsigned,
        signers=", ".join(sorted({one.name for one in change.signatures})),
        may_approve=is_open and not mine and allows(account.role, Permission.APPROVE_RULES),
        may_sign=pack is not None and allows(account.role, Permission.SIGN_RULES),
        may_roll_out=is_open
        and not missing
        and not unsigned
        and allows(account.role, Permission.ROLL_OUT_RULES),
    )


def _proposed(change: RuleChange, packs: PackSet) -> tuple[Pack | None, bool]:
    """The pack that a change proposes, and whether it fits beside those that hold now."""
    if change.text is None:
        return None, True
    try:
        return packs.checked(change.text, "pack.yaml"), True
    except PackError:
        return None, False  # the core would refuse it


def _taken_away(packs: PackSet, pack: Pack, language: str) -> tuple[RuleGone, ...]:
    return tuple(
        RuleGone(name=f"{rule.id} {rule.title.in_language(language)}", priority=rule.priority.word)
        for rule in taken_away(packs, pack)
    )


def _why(change: RuleChange, language: str) -> str:
    """Why, in the proposer's words; the review's own in the reader's language."""
    counts = _REVIEWED.fullmatch(change.why) if change.proposed_by is None else None
    if counts is None:
        return change.why
    told = say(language, "%(acted)s of %(alerts)s alerts led to something")
    return told % {"acted": counts[1], "alerts": counts[2]}


def _title(change: RuleChange, packs: PackSet, language: str) -> str:
    if change.rule_id is None:
        return f"{change.pack} {change.version}"
    try:
        rule = next(r for r in packs.pack_of(change.rule_id).rules if r.id == change.rule_id)
    except KeyError:
        return change.rule_id
    return f"{rule.id} {rule.title.in_language(language)}"


def shadow_lines(reports: Sequence[ShadowReport]) -> list[ShadowLine]:
    """What each variant would have cost, beside what rang."""
    return [
        ShadowLine(
            name=", ".join(f"{name} {version}" for name, version in sorted(report.packs.items())),
            since=report.since,
            through=report.through,
            people=report.live.people,
            months=report.live.patient_months,
            costs=tuple(
                CostLine(
                    what=word,
                    live=str(report.live.alerts[word]),
                    shadow=str(report.shadow.alerts[word]),
                )
                for word in report.live.alerts
            ),
            months_cost=(
                _sum(report.live.per_patient_month),
                _sum(report.shadow.per_patient_month),
            ),
            days_cost=(
                f"{report.live.per_doctor_day['mean']:.2f}",
                f"{report.shadow.per_doctor_day['mean']:.2f}",
            ),
            added=_counts(report.change.added),
            removed=_counts(report.change.removed),
        )
        for report in reports
    ]


def _sum(shares: Mapping[str, float]) -> str:
    return f"{sum(shares.values()):.2f}"


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in found.items()) or "–"
