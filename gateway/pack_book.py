"""Which packs hold in a county: those that ship with the program, and what the county decided.

A bad pack changes nothing: whatever the set with it would be is loaded whole before it is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from gateway.facts import FactError, PackFact
from rules.pack import Pack, PackError, Signature, Standing, load
from rules.pack_set import PackSet, load_set
from rules.rule import Mode, Rule
from rules.vocabulary import Priority

CANDIDATE, LIVE, FORMER = "candidate", "live", "former"
_TAKEN_AWAY = "taken away: "


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPack:
    """A pack that a county proposed, with what became of it.

    `state` is candidate, live, former, rolled_back or withdrawn; `digest` the SHA-256 of `text`.
    """

    pack_id: int
    name: str
    version: int
    digest: str
    text: str
    state: str
    signatures: tuple[Signature, ...]
    proposed_by: str
    proposed_at: datetime
    live_since: datetime | None
    ended_at: datetime | None


def digest_of(text: str) -> str:
    """The name of a pack's text: SHA-256 in hex."""
    return sha256(text.encode()).hexdigest()


def present(
    shipped: PackSet, stored: Sequence[StoredPack], resting: Collection[str] = ()
) -> PackSet:
    """The packs that hold now, `resting` rules among those in shadow.

    What nothing may hold back rings, whatever was put to rest: a rule can have become such a one
    since (design law 5).

    Raises:
        PackError: they cannot run together with this version of the program; file and line.
    """
    live = {one.name: one for one in stored if one.state == LIVE}
    packs = _with(shipped, live, stored) if stored else shipped
    live = (rule for pack in packs.packs if pack.mode is Mode.LIVE for rule in pack.rules)
    ids = {rule.id for rule in live if not _never_rests(rule)}
    return replace(packs, resting=ids.intersection(resting))


def candidates(stored: Sequence[StoredPack]) -> list[StoredPack]:
    """What is proposed and neither live nor withdrawn."""
    return [one for one in stored if one.state == CANDIDATE]


def proposed(fact: PackFact, packs: PackSet) -> Pack:
    """The pack that a fact proposes, checked beside those that hold.

    Raises:
        FactError: every fault of it, with file and line; or it changes what all packs share.
    """
    if digest_of(fact.text) != fact.digest:
        raise FactError("digest: is not that of the text")
    try:
        pack = packs.checked(fact.text, f"{fact.pack}.yaml", shall_run=True)
        packs.trial({f"{fact.pack}.yaml": fact.text})
    except PackError as error:
        raise FactError(str(error)) from error
    if pack.name == packs.first.name and _shared(pack) != _shared(packs.first):
        # Baselines that are stored, and pages, rest on them.
        raise FactError(
            "targets, learning, second_family: change with the program, not in a county"
        )
    if pack.name != fact.pack:
        raise FactError(f"pack: the text is the pack {pack.name!r}, not {fact.pack!r}")
    return pack


def _shared(pack: Pack) -> tuple[object, ...]:
    """What of the first pack is everybody's: targets, what teaches no baseline, what raises."""
    taught = [condition.source for condition in pack.excludes]
    return (dict(pack.targets), taught, pack.second_family)


def may_rest(fact: PackFact, packs: PackSet) -> None:
    """Returns where a live rule may be put into shadow.

    Raises:
        FactError: no live rule is named so, or nothing may hold it back (design law 5).
    """
    live = {rule.id: rule for pack in packs.packs if pack.mode is Mode.LIVE for rule in pack.rules}
    rule = live.get(fact.rule)
    if rule is None:
        raise FactError(f"rule: {fact.rule!r} is no rule of a live pack")
    if _never_rests(rule):
        raise FactError(f"rule: {fact.rule} is undampable: it never rests")


def woken(before: PackSet, after: PackSet, resting: Collection[str]) -> list[str]:
    """Which `resting` rules are others now: two people put to rest what the rule was then."""
    versions = [{r.id: r.version for p in one.packs for r in p.rules} for one in (before, after)]
    return sorted(one for one in resting if versions[0].get(one) != versions[1].get(one))


def digest_held(packs: PackSet, name: str) -> str:
    """The digest of the text that holds under a pack's name; empty where there is none."""
    held = next((pack.text for pack in packs.packs if pack.name == name), None)
    return "" if held is None else digest_of(held)


def taken_away(packs: PackSet, pack: Pack) -> tuple[Rule, ...]:
    """The rules that are live under the name of `pack` and that it has no more."""
    kept = {rule.id for rule in pack.rules}
    held = (one for one in packs.packs if one.name == pack.name and one.mode is Mode.LIVE)
    return tuple(rule for one in held for rule in one.rules if rule.id not in kept)


def to_sign(packs: PackSet, pack: Pack) -> dict[str, str]:
    """What a clinician signs before `pack` holds, by rule: its hash, or that it is taken away.

    A rule that is left out rings no more for anybody, which nobody decides by leaving out lines.
    """
    gone = {rule.id: f"{_TAKEN_AWAY}{rule.rule_hash}" for rule in taken_away(packs, pack)}
    return gone | {rule.id: rule.rule_hash for rule in pack.rules}


def not_signed(packs: PackSet, pack: Pack, signatures: Sequence[Signature]) -> list[str]:
    """The rules of which `signatures` do not hold what there is to sign, in order."""
    made = {one.rule_id: one.rule_hash for one in signatures}
    return [rule for rule, what in to_sign(packs, pack).items() if made.get(rule) != what]


def _never_rests(rule: Rule) -> bool:
    return rule.undampable or rule.priority is Priority.EMERGENCY


def rolled_out(fact: PackFact, shipped: PackSet, stored: Sequence[StoredPack]) -> StoredPack:
    """The candidate that is to be live, with the signatures of the fact.

    Raises:
        FactError: there is no such candidate, it was agreed to over another text than holds now,
            a rule of it lacks a signature over its present hash (law 10), one that it leaves out a
            signature over that, or it cannot run beside the others.
    """
    found = next((one for one in candidates(stored) if one.digest == fact.digest), None)
    if found is None:
        raise FactError(f"digest: {fact.digest[:12]} is no candidate")
    held = present(shipped, stored)
    if fact.over is not None and fact.over != digest_held(held, found.name):
        raise FactError(f"over: another version of {found.name!r} went live since it was proposed")
    wanted = replace(found, signatures=fact.signatures)
    live = {one.name: one for one in stored if one.state == LIVE} | {wanted.name: wanted}
    try:
        packs = _with(shipped, live, stored)
    except PackError as error:
        raise FactError(str(error)) from error
    pack = next(one for one in packs.packs if one.name == wanted.name)
    if missing := not_signed(held, pack, fact.signatures):
        raise FactError(f"signatures: none over the present hash of {', '.join(missing)}")
    return wanted


def rolled_back(
    fact: PackFact, shipped: PackSet, stored: Sequence[StoredPack], *, unsigned: bool
) -> StoredPack | None:
    """What holds when the live pack of a name is taken back; None: the shipped one.

    `unsigned`: rules that nobody has signed ring here. Where they do not, a first pack that nobody
    has signed would silence the county (law 5).

    Raises:
        FactError: no pack of that name is live in the county's own version, the former one cannot
            run beside the others any more, or nothing would ring.
    """
    if not any(one.name == fact.pack and one.state == LIVE for one in stored):
        raise FactError(f"pack: no version of {fact.pack!r} was rolled out")
    before = [one for one in stored if one.name == fact.pack and one.state == FORMER]
    former = max(before, key=_ended, default=None)
    live = {one.name: one for one in stored if one.state == LIVE and one.name != fact.pack}
    try:
        _with(shipped, live | ({former.name: former} if former else {}), stored)
    except PackError as error:
        raise FactError(str(error)) from error
    ships = shipped.first if former is None and fact.pack == shipped.first.name else None
    if ships is not None and not unsigned and not all(rule.signed for rule in ships.rules):
        raise FactError(f"pack: the {ships.name} that ships is unsigned: nothing would ring")
    return former


def _ended(one: StoredPack) -> tuple[datetime, int]:
    return (one.ended_at or one.proposed_at, one.pack_id)


def _with(
    shipped: PackSet, live: Mapping[str, StoredPack], stored: Sequence[StoredPack]
) -> PackSet:
    files, standings = shipped.files(), dict(shipped.standings)
    for name, one in live.items():
        files[f"{name}.yaml"] = one.text
        standings[f"{name}.yaml"] = Standing(mode=Mode.LIVE, signatures=one.signatures)
    packs = load_set(files, standings)
    former = tuple(_former(shipped, packs, stored))
    # Open cases of rules that are gone must still be cleared.
    present_ids = {rule.id for pack in packs.packs for rule in pack.rules}
    gone = tuple(rule for rule in former if rule.id not in present_ids)
    return replace(packs, former=former, retired=gone)


def _former(shipped: PackSet, packs: PackSet, stored: Sequence[StoredPack]) -> list[Rule]:
    """Rules of versions that held before, newest last."""
    found = [rule for pack in shipped.packs for rule in pack.rules]
    for one in stored:
        if one.live_since is not None and one.state != LIVE:
            try:
                found += load(one.text, name=f"{one.name}.yaml", first=packs.first).rules
            except PackError:
                continue  # of a former program: its rules are gone with it
    return found
