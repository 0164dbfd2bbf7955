"""Facts about packs, applied in the core's transaction: what is refused leaves everything as is."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.detect import Rulebook
from gateway.facts import FactError, PackFact, decode_fact
from gateway.pack_book import (
    candidates,
    may_rest,
    present,
    proposed,
    rolled_back,
    rolled_out,
    woken,
)
from gateway.packs import load_shipped
from gateway.store.inbox_store import InboxRow
from gateway.store.pack_store import PackStore
from rules.pack import PackError
from rules.pack_set import PackSet


async def apply_packs(
    rows: Sequence[InboxRow], store: PackStore, *, unsigned: bool = False
) -> dict[int, str]:
    """Apply these rows in order; why some were refused, by inbox id.

    `unsigned`: rules that nobody has signed ring here.
    """
    refused: dict[int, str] = {}
    for row in rows:
        try:
            fact = decode_fact(row.kind, row.body)
            assert isinstance(fact, PackFact)
            await _apply(fact, store, unsigned=unsigned)
        except (FactError, PackError) as error:
            refused[row.inbox_id] = str(error)
    return refused


async def present_rules(
    started: Rulebook, running: Rulebook, store: PackStore, *, unsigned: bool = False
) -> Rulebook:
    """The rulebook of the packs that hold now; `running` itself where it is that.

    A county that never changed a pack or a rule runs the rules it was `started` with; one that
    has runs those that a clinician signed, and all of them where `unsigned` ones may ring.

    Raises:
        rules.pack.PackError: the stored packs cannot run with this version of the program.
    """
    stored, resting = await store.packs(), await store.resting()
    changed = bool(resting) or any(one.live_since for one in stored)
    held = present(load_shipped(), stored, resting)
    pack = held.ringing(unsigned=unsigned) if changed else started.pack
    return running if pack == running.pack else replace(running, pack=pack)


async def _apply(fact: PackFact, store: PackStore, *, unsigned: bool) -> None:
    shipped, stored = load_shipped(), await store.packs()
    match fact.action:
        case "propose":
            pack = proposed(fact, present(shipped, stored))
            await store.propose(pack, fact.digest, fact.by, fact.at)
        case "roll_out":
            await store.begin(rolled_out(fact, shipped, stored), fact.at)
            await _wake_changed(store, present(shipped, stored))
        case "roll_back":
            former = rolled_back(fact, shipped, stored, unsigned=unsigned)
            await store.take_back(fact.pack, former, fact.at)
            await _wake_changed(store, present(shipped, stored))
        case "withdraw":
            found = next((one for one in candidates(stored) if one.digest == fact.digest), None)
            if found is None:
                raise FactError(f"digest: {fact.digest[:12]} is no candidate")
            await store.withdraw(found, fact.at)
        case "rest":
            may_rest(fact, present(shipped, stored))
            await store.rest(fact.rule, fact.by, fact.at)
        case "wake":
            await store.wake(fact.rule)


async def _wake_changed(store: PackStore, before: PackSet) -> None:
    after = present(load_shipped(), await store.packs())
    for rule_id in woken(before, after, await store.resting()):
        await store.wake(rule_id)
