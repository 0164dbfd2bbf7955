"""`hearthwatch rules explain ALERT`: why it rang, replayed from the evidence that it keeps.

The decision is computed again from the evidence alone and compared with what is stored: readings,
profile, baselines and the rule itself are those of that time. Then the rules that were near, and
why each did not ring. Whoever asks is noted in the audit: it is a patient's data.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from uuid import UUID
from zoneinfo import ZoneInfo

from device_adapters.plain_text import escaped
from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from rules.explain import EvidenceError, read_evidence, replay, why
from service.store.care_store import Store
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.shadow_reads import KeptAlert

EXIT_DIFFERS = 3


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation; 1 where there is no such alert, 3 where the replay differs."""
    try:
        found = asyncio.run(_kept(find_dsn(arguments.dsn), UUID(arguments.alert)))
    except (NoDatabaseError, ValueError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1
    if found is None:
        sys.stderr.write(f"no alert {arguments.alert}\n")
        return 1
    try:
        differs = _difference(found)
        lines = list(_told(found, arguments.language))
    except EvidenceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines.append(differs or "replayed from its evidence: the same decision")
    if arguments.evidence:
        lines.append(found.evidence)
    sys.stdout.write("\n".join(map(escaped, lines)) + "\n")
    return EXIT_DIFFERS if differs else 0


async def _kept(dsn: str, alert_id: UUID) -> KeptAlert | None:
    async with open_pool(dsn, size=1) as pool:
        store = Store(pool, ZoneInfo("UTC"))
        return await store.kept_alert(alert_id, WallClock().now())


def _difference(found: KeptAlert) -> str:
    """What of the replayed decision is not what was pinned; empty where all of it is."""
    again, first = replay(found.evidence), read_evidence(found.evidence).decision
    if again != first:
        return f"WRONG: the replay decides {again!r}, the alert keeps {first!r}"
    pinned = (found.rule_id, found.rule_version, found.rule_hash, found.stage)
    replayed = (again.rule_id, again.version, again.rule_hash, again.stage.value)
    return "" if pinned == replayed else f"WRONG: pinned {pinned}, replayed {replayed}"


def _told(found: KeptAlert, language: str) -> Iterator[str]:
    card = why(found.evidence, language)
    kept = read_evidence(found.evidence)
    where = f"in shadow ({found.variant})" if found.variant else "rang"
    yield f"{found.raised_at:%Y-%m-%d %H:%M:%S} UTC, {where}: {card.rule}"
    yield card.headline
    yield from (f"  {line}" for line in (*card.happened, *card.certainty, card.baseline))
    facts = ", ".join(f"{name} {value}" for name, value in kept.decision.facts.items())
    yield f"  {facts or '-'}"
    yield f"  {card.guideline}"
    for line, miss in zip(card.near, kept.near, strict=True):
        numbers = ", ".join(f"{name} {value}" for name, value in miss.facts.items())
        yield f"near: {line}" + (f" ({numbers})" if numbers else "")
    if not card.near:
        yield "near: no other rule"
