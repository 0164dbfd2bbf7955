"""Somebody said whose it is: a kept measurement is read again and walked as that person's.

Once and for all: a second answer for the same record is refused with the first one named. What
already rang for "someone in this home" keeps its id, so it neither rings a second time nor is
unsent; the home's open case goes over to the person when all it rests on is theirs (decision D26).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.arrivals import Assigned, read_kept
from gateway.cases import close
from gateway.detect import LOOK_BACK, Rulebook
from gateway.facts import AssignFact, BindingFact, DismissFact, FactError, decode_fact
from gateway.intake import Quarantined, claimed_time
from gateway.store.core_store import CoreStore, Mark
from gateway.store.inbox_store import InboxRow
from gateway.store.settling_store import KeptRecord, RungAlert, SettlingStore
from rules.identity import alert_id, observation_identity
from rules.vocabulary import Case, SubjectRef
from rules.wire import Lane

ASSIGNED = "assigned"
"""Outcome of a home's case whose readings turned out to be those of a person with an open case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """What a run of `assign` rows asks for; `refused` says why some rows cannot be applied."""

    assigned: tuple[Assigned, ...]
    bindings: tuple[BindingFact, ...]
    refused: dict[int, str]


async def read_assignments(
    rows: Sequence[InboxRow], store: CoreStore, rules: Rulebook
) -> Assignments:
    """Load and read again what these rows assign; one record goes to one person only."""
    assigned: dict[str, Assigned] = {}
    bindings: list[BindingFact] = []
    refused: dict[int, str] = {}
    for row in rows:
        try:
            fact = decode_fact(row.kind, row.body)
            assert isinstance(fact, AssignFact)
            records, binding = await _wanted(fact, store)
            found = {str(r.identity): await _read(r, fact, store, rules) for r in records}
            known = assigned.get(str(records[0].identity))
            if known is not None and known.subject != fact.subject:
                raise FactError(f"quarantine_id: {fact.quarantine_id} was assigned just before")
        except FactError as error:
            refused[row.inbox_id] = str(error)
            continue
        assigned = {**found, **assigned}
        bindings += [binding] if binding else []
    return Assignments(assigned=tuple(assigned.values()), bindings=tuple(bindings), refused=refused)


async def dismiss(fact: DismissFact, store: SettlingStore) -> None:
    """Mark a kept record as nobody's here.

    Raises:
        FactError: there is no such measurement, or it is settled already.
    """
    record = _unsettled(await store.kept(fact.quarantine_id), fact.quarantine_id)
    await store.dismiss(str(record.identity), fact.why, fact.by, fact.at)


async def settle(assigned: Sequence[Assigned], store: CoreStore, now: datetime) -> None:
    """Mark what was assigned, and hand over the home's cases that rest on it alone."""
    if not assigned:
        return
    for item in assigned:
        await store.settling.assign(item.identity, item.subject, item.by, item.at)
    for case in await store.open_cases({item.home for item in assigned}):
        owner = await _owner(case, store.settling)
        if owner is not None:
            await _hand_over(case, owner, store, now)


async def _wanted(
    fact: AssignFact, store: CoreStore
) -> tuple[list[KeptRecord], BindingFact | None]:
    if not await store.facts.is_known(fact.subject):
        raise FactError(f"subject: {fact.subject!r} is not known")
    record = _unsettled(await store.settling.kept(fact.quarantine_id), fact.quarantine_id)
    if not fact.keep:
        return [record], None
    assert record.device is not None
    assert record.effective_at is not None
    binding = BindingFact(
        device=record.device,
        user_slot=record.user_slot,
        subject=fact.subject,
        valid_from=record.effective_at,
    )
    later = await store.settling.kept_since(record)
    return [record, *(other for other in later if other.identity != record.identity)], binding


def _unsettled(record: KeptRecord | None, quarantine_id: int) -> KeptRecord:
    if record is None:
        raise FactError(f"quarantine_id: {quarantine_id} is not known")
    if record.identity is None or record.home is None:
        raise FactError(f"quarantine_id: {quarantine_id} is not a measurement of an unknown person")
    if record.settled_as is not None:
        raise FactError(f"quarantine_id: {quarantine_id} is settled already: {record.settled_as}")
    return record


async def _read(
    record: KeptRecord, fact: AssignFact, store: CoreStore, rules: Rulebook
) -> Assigned:
    mark = Mark(record.hub, record.epoch, Lane(record.lane))
    observation = read_kept(mark, record.sequence, record.payload, record.recorded_at)
    if isinstance(observation, Quarantined):
        raise FactError(f"quarantine_id: {record.quarantine_id}: {observation.detail}")
    identity = observation_identity(observation)
    claimed_at = claimed_time(observation, rules.zone)
    owner = await store.settling.owner_of_record(identity, claimed_at)
    if owner not in {None, fact.subject}:
        raise FactError(f"quarantine_id: {record.quarantine_id} is stored already: {owner}")
    assert record.home is not None
    return Assigned(
        identity=identity,
        home=record.home,
        subject=fact.subject,
        observation=observation,
        recorded_at=record.recorded_at,
        by=fact.by,
        at=fact.at,
    )


async def _owner(case: Case, store: SettlingStore) -> SubjectRef | None:
    """Whose the case is when each of its alerts was set off by a record of that one person."""
    records = await store.settled_records(case.subject, case.opened_at - LOOK_BACK)
    owners = {_set_off_by(alert, records) for alert in await store.alerts_of_case(case.case_id)}
    return owners.pop() if len(owners) == 1 else None


def _set_off_by(alert: RungAlert, records: dict[str, SubjectRef | None]) -> SubjectRef | None:
    for identity, owner in records.items():
        derived = alert_id(rule_id=alert.rule_id, stage=alert.stage, trigger=identity)
        if derived == alert.alert_id:
            return owner
    return None


async def _hand_over(case: Case, owner: SubjectRef, store: CoreStore, now: datetime) -> None:
    own = next((c for c in await store.open_cases({owner}) if c.family is case.family), None)
    if own is None:
        await store.settling.move_case(case.case_id, owner)
        return
    worse = case if case.priority > own.priority else own
    joined = replace(
        own,
        priority=worse.priority,
        rule_id=worse.rule_id,
        limb=worse.limb,
        facts=worse.facts,
        decided_at=worse.decided_at,
        decided_on=worse.decided_on,
        is_confirmed=worse.is_confirmed,
        began_at=min(own.began_at, case.began_at),
        last_point_at=max(own.last_point_at, case.last_point_at),
        last_rang_at=max(filter(None, (own.last_rang_at, case.last_rang_at)), default=None),
    )
    await store.write_cases([close(case, outcome=ASSIGNED, now=now), joined])
    await store.settling.move_taken(case.case_id, own.case_id)
