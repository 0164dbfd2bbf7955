"""Measurements of nobody in particular, judged as someone of this home (design law 5).

They stay in quarantine, teach no baseline and open no ordinary case. Only undampable rules look at
them, with everything the same device has measured there lately, so that a second reading can
confirm the first and a missing one is noticed: the doubt is a sentence in the alert, never a delay.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import structs

from gateway.baselines import empty_state
from gateway.county import County, is_home
from gateway.detect import Assessment, Person, Rulebook, assess
from gateway.store.core_store import Aside, CoreStore
from gateway.stored_state import StoredState
from rules.vocabulary import SubjectRef
from rules.window import Point, Window

LOOK_BACK = timedelta(days=1)
"""How far back a stranger's readings may confirm each other; undampable rules look at minutes.

No wait for a confirmation lasts longer either, from the instant at which its reading was told."""


async def judge_strangers(
    aside: Sequence[Aside],
    waking: Sequence[SubjectRef],
    store: CoreStore,
    county: County,
    rules: Rulebook,
    now: datetime,
) -> list[Assessment]:
    """What the strangers of this batch, and those whose confirmation is due, ask for."""
    fresh = {item.why.point.identity for item in aside if item.why.point}
    subjects = {item.subject for item in aside if item.subject}
    subjects |= {subject for subject in waking if is_home(subject)}
    if not subjects:
        return []
    heard = (item.why.point.as_heard() for item in aside if item.why.point)
    oldest = min([now, *(point.effective_at for point in heard)])
    stored = await store.strangers(subjects, oldest - LOOK_BACK, now, LOOK_BACK)
    found: list[Assessment] = []
    for subject in sorted(subjects):
        found += judge_home(subject, stored.get(subject, []), fresh, county, rules, now)
    return found


def judge_home(
    subject: SubjectRef,
    points: Sequence[Point],
    fresh: set[str],
    county: County,
    rules: Rulebook,
    now: datetime,
) -> list[Assessment]:
    """What the strangers of one home ask for; `fresh` names the new ones of these points."""
    person = Person(
        subject=subject,
        profile=county.profile(subject),
        state=StoredState(row=empty_state(), next_wake_at=None),
    )
    judged: list[Assessment] = []
    for device in sorted({point.device for point in points}):
        of_device = sorted((p for p in points if p.device == device), key=lambda p: p.order)
        new = [point for point in of_device if point.identity in fresh]
        found = assess(person, of_device, new, rules, now, whole=True)
        undampable = tuple(item for item in found.judged if item.decision.undampable)
        # Whose device it was is not known: nothing of a home is folded anew.
        judged.append(structs.replace(found, judged=undampable, again=None))
    wake = min(
        (item.state.next_wake_at for item in judged if item.state.next_wake_at), default=None
    )
    state = StoredState(row=empty_state(), next_wake_at=wake)
    return [structs.replace(item, state=state) for item in judged] or [_at_rest(person, rules)]


def _at_rest(person: Person, rules: Rulebook) -> Assessment:
    """Nothing is left to look at; the wake-up that led here is taken back."""
    window = Window(points=(), profile=person.profile, zone=rules.zone)
    return Assessment(person=person, state=person.state, window=window, judged=())
