"""The walk: a batch of arrivals, in a straight line, to what must be committed with it.

    arrivals -> admitted or aside -> kept once -> judged -> cases -> alerts -> one transaction

What somebody has said of a kept measurement (`settling.py`) takes the same walk.

Everything here happens inside the transaction that `core.py` opened under the lease; receipts go
out, and memory takes the new rows, only after its commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from gateway.calm import Screened
from gateway.canary_device import CanaryAlert, is_canary
from gateway.county import County
from gateway.detect import Assessment, Rulebook
from gateway.episodes import Rung, episodes
from gateway.intake import Admitted
from gateway.judging import by_person, hear_anew, judge_people, screen
from gateway.series import note_series
from gateway.settling import settle
from gateway.sorting import Batch, counted, devices_of, people_of, sort_batch
from gateway.store.core_store import CoreStore, Mark
from gateway.stored_state import AfterBatch
from gateway.strangers import judge_strangers
from gateway.suspicion_desk import apply_said
from gateway.turn_desk import turns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the transaction wrote; memory and hubs learn of it after the commit.

    `kept` observations were new, `aside` names why others were kept aside, and `alert_waits_s` how
    long after its reading each new alert was raised (synthetic people's left out of `kept` and of
    these). `canaries` are the new alerts of hubs' test measurements, `unworn` the devices of people
    who do not exist.
    """

    marks: dict[Mark, int]
    done: dict[Mark, set[int]]
    states: AfterBatch
    kept: int
    aside: tuple[str, ...]
    alert_waits_s: tuple[float, ...]
    canaries: Mapping[str, CanaryAlert]
    unworn: frozenset[str]


async def walk(
    batch: Batch, county: County, store: CoreStore, rules: Rulebook, now: datetime
) -> Outcome:
    """Take one batch from messages to rows; the caller commits."""
    await county.recall(store, devices=devices_of(batch))
    turns = await turns_of(batch, county, store)
    admitted, aside = sort_batch(batch, county, rules, now, turns)
    await county.know(store, people_of(batch, admitted))
    fresh = await store.keep(admitted, now)
    admitted = [fresh.get(item.point.identity, item) for item in admitted]
    await store.settling.use_turns(turns.taken)
    await store.keep_aside(aside, now)
    await settle(batch.assigned, store, now)
    if batch.assigned:
        county.states.case_opened([item.subject for item in batch.assigned])  # perhaps the home's
    new = by_person(batch, admitted, set(fresh))
    await apply_said(batch.said, new, store)
    await note_series(batch.series, new, county, store, now)
    anew = await hear_anew(batch.waking, new, county, store, rules, now)
    screened = await screen(batch, new, county, store, rules, now, anew=anew)
    bereft = {said.doubt.subject for said in batch.said if said.subject != said.doubt.subject}
    people = await judge_people(screened, county, store, rules, now, bereft=bereft)
    people += await judge_strangers(aside, batch.waking, store, county, rules, now)
    rung: Rung = await episodes(people, store, rules.pack, now)
    states = await _write_states(screened, people, rung, county, store)
    done = counted(batch)
    marks = county.marks_after(done)
    await store.write_receipts(marks)
    await store.notify(rung.notifications(dict.fromkeys([*new, *states.exact])))
    unworn = _unworn(admitted, county)
    return Outcome(
        marks=marks,
        done=done,
        states=states,
        kept=sum(item.point.device not in unworn for item in fresh.values()),
        aside=tuple(record.why.reason.value for record in aside),
        alert_waits_s=rung.waits_s,
        canaries=rung.canaries,
        unworn=unworn,
    )


def _unworn(admitted: Iterable[Admitted], county: County) -> frozenset[str]:
    """The devices of canaries and drill people."""
    return frozenset(
        item.point.device
        for item in admitted
        if item.subject in county.synthetic or is_canary(item.observation.device)
    )


async def _write_states(
    screened: Screened,
    people: Sequence[Assessment],
    rung: Rung,
    county: County,
    store: CoreStore,
) -> AfterBatch:
    """Write everybody's columns; whoever was looked at exactly is not calm as well."""
    exact = {
        item.person.subject: structs.replace(
            item.state, ends_on=rung.ends_on.get(item.person.subject, 0)
        )
        for item in people
    }
    calm, rested = screened.calm, screened.rested
    if calm is not None:
        calm = calm.without(exact.keys())
    if calm is not None:
        await store.states.write_calm(calm)
    if not exact and not rested:
        return AfterBatch(calm=calm, next_wake_at=county.states.known_wake_at)
    await store.states.write(exact)
    await store.states.rest(rested)
    others = county.states.postponed().keys() - exact.keys() - rested.keys()
    next_wake_at = await store.states.next_wake_at(list(others))
    return AfterBatch(exact=exact, calm=calm, rested=rested, next_wake_at=next_wake_at)
