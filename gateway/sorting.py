"""What a transaction takes, and its first look: admitted to a person, or set aside. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.arrivals import Arrival, Spoken
from gateway.county import County, somebody_at
from gateway.detect import Rulebook
from gateway.intake import Admitted, Quarantined, admit, attributed
from gateway.store.core_store import Aside, Mark
from rules.vocabulary import SubjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction takes: messages, what people said, and whose absence is due."""

    arrivals: Sequence[Arrival] = ()
    spoken: Sequence[Spoken] = ()
    waking: Sequence[SubjectRef] = ()


def sort_batch(
    batch: Batch, county: County, rules: Rulebook, now: datetime
) -> tuple[list[Admitted], list[Aside]]:
    """Everything of a batch, either admitted or set aside; nothing is dropped."""
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


def counted(batch: Batch) -> dict[Mark, set[int]]:
    """The sequences that a batch settles, by lane; a topic without one counts nowhere."""
    done: dict[Mark, set[int]] = {}
    for arrival in batch.arrivals:
        if arrival.sequence:
            done.setdefault(arrival.mark, set()).add(arrival.sequence)
    return done
