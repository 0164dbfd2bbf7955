"""What a transaction takes, and its first look: admitted to a person, or set aside. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.arrivals import Arrival, Assigned, Spoken
from gateway.canary_device import is_canary
from gateway.county import County, somebody_at
from gateway.detect import Rulebook
from gateway.facts import AnchorFact, MarkFact
from gateway.intake import Admitted, Quarantined, Reason, admit, attributed
from gateway.receipts import once_each
from gateway.store.core_store import Aside, Mark
from gateway.suspicion import Said
from gateway.turns import Turns
from rules.vocabulary import SubjectRef

_ONLY_WHOSE = frozenset({Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_USER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction takes: messages, what people said, and whose absence is due.

    `assigned` are kept measurements of which somebody has said whose they are, `said` the same of
    stored readings that were in doubt; `series` is what was said of somebody's anchor or devices.
    """

    arrivals: Sequence[Arrival] = ()
    spoken: Sequence[Spoken] = ()
    assigned: Sequence[Assigned] = ()
    said: Sequence[Said] = ()
    series: Sequence[AnchorFact | MarkFact] = ()
    waking: Sequence[SubjectRef] = ()


def sort_batch(
    batch: Batch, county: County, rules: Rulebook, now: datetime, turns: Turns
) -> tuple[list[Admitted], list[Aside]]:
    """Everything of a batch, either admitted (each record once) or set aside; nothing is dropped.

    `turns` are those of the clinics in the batch; they remember what they have taken.
    """
    admitted: list[Admitted] = [
        attributed(item.observation, item.subject, rules.zone, now) for item in batch.spoken
    ]
    admitted += [
        attributed(item.observation, item.subject, rules.zone, item.recorded_at)
        for item in batch.assigned
    ]
    aside: list[Aside] = []
    for arrival in batch.arrivals:
        content = arrival.content
        unreadable = isinstance(content, Quarantined)
        verdict = _look_at(arrival, county, rules, now, turns)
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
                    user_slot=None if unreadable else content.user_slot,
                )
            )
    return once_each(admitted), aside


def _look_at(
    arrival: Arrival, county: County, rules: Rulebook, now: datetime, turns: Turns
) -> Admitted | Quarantined:
    observation, measured = arrival.content, arrival.measured
    if isinstance(observation, Quarantined):
        return observation
    bindings = county.bindings.get(observation.device.key, ())
    known = observation.hub in county.hubs
    verdict = admit(observation, bindings, rules.zone, now, hub_known=known, measured=measured)
    if isinstance(verdict, Quarantined) and is_canary(observation.device):
        return replace(verdict, point=None)  # registered or not, it is nobody of this home
    if isinstance(verdict, Quarantined) and verdict.point and verdict.reason in _ONLY_WHOSE:
        owner = turns.claim(observation, verdict.point.identity, bindings, rules.zone)
        if owner is not None:
            return attributed(observation, owner, rules.zone, now)
    return verdict


def people_of(batch: Batch, admitted: Sequence[Admitted]) -> set[SubjectRef]:
    """Everybody whom a batch is about."""
    said = [one for item in batch.said for one in (item.subject, item.doubt.subject)]
    others = [item.subject for item in (*admitted, *batch.assigned, *batch.series)]
    return {*batch.waking, *said, *others}


def devices_of(batch: Batch) -> set[str]:
    """The devices whose bindings sorting needs."""
    contents = (arrival.content for arrival in batch.arrivals)
    return {item.device.key for item in contents if not isinstance(item, Quarantined)}


def counted(batch: Batch) -> dict[Mark, set[int]]:
    """The sequences that a batch settles, by lane; a topic without one counts nowhere."""
    done: dict[Mark, set[int]] = {}
    for arrival in batch.arrivals:
        if arrival.sequence:
            done.setdefault(arrival.mark, set()).add(arrival.sequence)
    return done
