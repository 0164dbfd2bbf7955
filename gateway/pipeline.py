"""The walk: a batch of arrivals, in a straight line, to what must be committed with it.

    arrivals -> admitted or aside -> kept once -> judged -> cases -> alerts -> one transaction

What somebody has said of a kept measurement (`settling.py`) takes the same walk.

Everything here happens inside the transaction that `core.py` opened under the lease; receipts go
out, and memory takes the new rows, only after its commit.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.county import County
from gateway.detect import Rulebook
from gateway.episodes import Rung, episodes
from gateway.judging import by_person, judge_people
from gateway.series import note_series
from gateway.settling import settle
from gateway.sorting import Batch, counted, sort_batch
from gateway.store.core_store import CoreStore, Mark, StoredState
from gateway.strangers import judge_strangers
from gateway.suspicion_desk import apply_said
from gateway.turn_desk import turns_of
from rules.vocabulary import SubjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the transaction wrote; memory and hubs learn of it after the commit.

    `kept` observations were new, `aside` names why others were kept aside, and `alert_waits_s` how
    long after its reading each new alert was raised (synthetic people's left out).
    """

    marks: dict[Mark, int]
    done: dict[Mark, set[int]]
    states: dict[SubjectRef, StoredState]
    kept: int
    aside: tuple[str, ...]
    alert_waits_s: tuple[float, ...]


async def walk(
    batch: Batch, county: County, store: CoreStore, rules: Rulebook, now: datetime
) -> Outcome:
    """Take one batch from messages to rows; the caller commits."""
    turns = await turns_of(batch, county, store)
    admitted, aside = sort_batch(batch, county, rules, now, turns)
    fresh = await store.keep(admitted, now)
    await store.settling.use_turns(turns.taken)
    await store.keep_aside(aside, now)
    await settle(batch.assigned, store, now)
    new = by_person(batch, admitted, fresh)
    await apply_said(batch.said, new, store)
    await note_series(batch.series, new, county, store, now)
    people = await judge_people(new, county, store, rules, now)
    people += await judge_strangers(aside, batch.waking, store, county, rules, now)
    rung: Rung = await episodes(people, store, rules.pack, now)
    states = {item.person.subject: item.state for item in people}
    await store.write_states(states)
    done = counted(batch)
    marks = county.marks_after(done)
    await store.write_receipts(marks)
    await store.notify(rung.notifications(item.person.subject for item in people))
    return Outcome(
        marks=marks,
        done=done,
        states=states,
        kept=len(fresh),
        aside=tuple(record.why.reason.value for record in aside),
        alert_waits_s=rung.waits_s,
    )
