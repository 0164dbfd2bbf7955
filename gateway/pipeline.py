"""The walk: a batch of arrivals, in a straight line, to what must be committed with it.

    arrivals -> admitted or aside -> kept once -> judged -> cases -> alerts -> one transaction

Everything here happens inside the transaction that `core.py` opened under the lease; receipts go
out, and memory takes the new rows, only after its commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.arrivals import Arrival, Spoken
from gateway.county import County, is_home, somebody_at
from gateway.detect import LOOK_BACK, Assessment, Person, Rulebook, assess, needs_history
from gateway.episodes import Rung, episodes
from gateway.intake import Admitted, Quarantined, admit, attributed
from gateway.store.core_store import Aside, CoreStore, Mark, StoredState
from gateway.strangers import judge_strangers
from rules.vocabulary import SubjectRef
from rules.window import Point

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction takes: messages, what people said, and whose absence is due."""

    arrivals: Sequence[Arrival] = ()
    spoken: Sequence[Spoken] = ()
    waking: Sequence[SubjectRef] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the transaction wrote; memory and hubs learn of it after the commit."""

    marks: dict[Mark, int]
    done: dict[Mark, set[int]]
    states: dict[SubjectRef, StoredState] = field(default_factory=dict[SubjectRef, StoredState])
    kept: int = 0
    aside: int = 0
    alerts: int = 0


async def walk(
    batch: Batch, county: County, store: CoreStore, rules: Rulebook, now: datetime
) -> Outcome:
    """Take one batch from messages to rows; the caller commits."""
    admitted, aside = _sort(batch, county, rules, now)
    fresh = await store.keep(admitted, now)
    await store.keep_aside(aside, now)
    new = _by_person(batch, admitted, fresh)
    people = await _judge(new, county, store, rules, now)
    people += await judge_strangers(aside, batch.waking, store, county, rules, now)
    rung: Rung = await episodes(people, store, rules.pack, now)
    states = {item.person.subject: item.state for item in people}
    await store.write_states(states)
    done = _done(batch)
    marks = county.marks_after(done)
    await store.write_receipts(marks)
    await store.notify(rung.notifications(item.person.subject for item in people))
    return Outcome(
        marks=marks,
        done=done,
        states=states,
        kept=len(fresh),
        aside=len(aside),
        alerts=rung.alerts,
    )


def _sort(
    batch: Batch, county: County, rules: Rulebook, now: datetime
) -> tuple[list[Admitted], list[Aside]]:
    admitted: list[Admitted] = [
        attributed(item.observation, item.subject, rules.zone, now) for item in batch.spoken
    ]
    aside: list[Aside] = []
    for arrival in batch.arrivals:
        verdict = arrival.content
        if not isinstance(verdict, Quarantined):
            bindings = county.bindings.get(verdict.device.key, ())
            known = verdict.hub in county.hubs
            verdict = admit(verdict, bindings, rules.zone, now, hub_known=known)
        if isinstance(verdict, Admitted):
            admitted.append(verdict)
        else:
            aside.append(
                Aside(
                    mark=arrival.mark,
                    sequence=arrival.sequence,
                    why=verdict,
                    payload=arrival.payload,
                    subject=somebody_at(arrival.mark.hub, county) if verdict.point else None,
                )
            )
    return admitted, aside


def _by_person(
    batch: Batch, admitted: Sequence[Admitted], fresh: set[str]
) -> dict[SubjectRef, list[Point]]:
    """Each person's new points, oldest first; an empty list for whose absence is due."""
    new: dict[SubjectRef, dict[str, Point]] = {
        subject: {} for subject in batch.waking if not is_home(subject)
    }
    for item in admitted:
        if item.point.identity in fresh:
            new.setdefault(item.subject, {})[item.point.identity] = item.point
    return {
        subject: sorted(points.values(), key=lambda point: point.order)
        for subject, points in new.items()
    }


async def _judge(
    new: dict[SubjectRef, list[Point]],
    county: County,
    store: CoreStore,
    rules: Rulebook,
    now: datetime,
) -> list[Assessment]:
    people = [
        Person(
            subject=subject, profile=county.profile(subject), state=county.states.gather(subject)
        )
        for subject in new
    ]
    whole = {p.subject: needs_history(p, new[p.subject], rules.zone) for p in people}
    since = {
        subject: _BEGINNING if whole[subject] else _earliest(points, now) - LOOK_BACK
        for subject, points in new.items()
    }
    stored = await store.windows(since) if since else {}
    return [
        assess(p, stored[p.subject], new[p.subject], rules, now, whole=whole[p.subject])
        for p in people
    ]


def _earliest(points: Sequence[Point], now: datetime) -> datetime:
    return points[0].effective_at if points else now


def _done(batch: Batch) -> dict[Mark, set[int]]:
    done: dict[Mark, set[int]] = {}
    for arrival in batch.arrivals:
        if arrival.sequence:
            done.setdefault(arrival.mark, set()).add(arrival.sequence)
    return done
