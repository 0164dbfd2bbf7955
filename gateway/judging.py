"""Each person's new points against the usual and the rules, with what the store knows of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from msgspec import structs

from gateway.anew import HEARD_ANEW, NOBODY, Anew, has_changed, heard_anew
from gateway.blindness import blind_times
from gateway.calm import Screened
from gateway.county import County, is_home
from gateway.detect import Assessment, Person, Rulebook, known_from, needs_history, open_since
from gateway.intake import Admitted
from gateway.moved import assess_moved
from gateway.remembering import remembered
from gateway.series import settings_of
from gateway.silences import NEVER, earliest_silence, may_rest
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore
from gateway.stored_state import Rested
from gateway.suspicion_desk import heed, reaching_back
from rules.vocabulary import SubjectRef
from rules.window import Point

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def by_person(
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


async def hear_anew(
    waking: Sequence[SubjectRef],
    new: dict[SubjectRef, list[Point]],
    county: County,
    store: CoreStore,
    rules: Rulebook,
    now: datetime,
) -> Anew:
    """Add to `new` what those measured lately who were woken for a new profile, or new rules."""
    people = [subject for subject in waking if not is_home(subject)]
    states, mark = county.states.gather_all(people), county.screener(rules).mark
    since = {s: now - HEARD_ANEW for s, state in states.items() if has_changed(state, mark)}
    stored = await store.windows(since) if since else {}
    anew: dict[SubjectRef, frozenset[str]] = {}
    for subject, points in stored.items():
        told = {point.identity for point in new[subject]}
        lately = [point for point in heard_anew(points, now) if point.identity not in told]
        if lately:
            new[subject] = sorted([*new[subject], *lately], key=lambda point: point.order)
            anew[subject] = frozenset(point.identity for point in lately)
    return anew


async def screen(  # noqa: PLR0913 - one argument a question
    batch: Batch,
    new: dict[SubjectRef, list[Point]],
    county: County,
    store: CoreStore,
    rules: Rulebook,
    now: datetime,
    *,
    anew: Anew = NOBODY,
) -> Screened:
    """Who of these is calm, and who was woken although nobody could miss them yet.

    Whoever somebody has spoken for is looked at exactly, who is heard `anew`, and who brings old
    readings while others wear the same device: these may change what is in doubt.
    """
    if not county.screens:
        return Screened(calm=None, tense=new, anew=anew)
    spoken_for = {item.subject for item in (*batch.spoken, *batch.assigned, *batch.said)}
    spoken_for |= anew.keys()
    spoken_for |= await reaching_back(new, county, store, now)
    quiet = {subject: points for subject, points in new.items() if subject not in spoken_for}
    screener = county.screener(rules)
    stored = await _reopened(screener.overflowed(quiet, county.states), store)
    screened = screener.screen(quiet, county.states, county.is_shared, stored)
    rested = await _rested(quiet, county, store, rules, now)
    done = {*rested, *(screened.calm.subjects if screened.calm else ())}
    tense = {subject: points for subject, points in new.items() if subject not in done}
    return Screened(calm=screened.calm, tense=tense, moved=screened.moved, rested=rested, anew=anew)


async def _rested(
    new: Mapping[SubjectRef, Sequence[Point]],
    county: County,
    store: CoreStore,
    rules: Rulebook,
    now: datetime,
) -> Rested:
    """When to look again at those without a new reading whose silence cannot be over at `now`."""
    states = county.states.gather_all([subject for subject, points in new.items() if not points])
    mark = county.screener(rules).mark
    known = {s: state for s, state in states.items() if may_rest(state, mark)}
    await county.recall(store, people=known)
    until = {
        subject: earliest_silence(rules.pack, county.profile(subject), state.row, state.recent)
        for subject, state in known.items()
        if state.recent is not None
    }
    return {s: None if at is NEVER else at for s, at in until.items() if at > now}


async def _reopened(
    since: Mapping[SubjectRef, datetime], store: CoreStore
) -> dict[SubjectRef, list[Point]]:
    """What is stored of these people's open days; of whose readings some are in doubt, nothing."""
    if not since:
        return {}
    doubtful = {doubt.subject for doubt in (await store.suspicions.of_subjects(since)).values()}
    stored = await store.windows({s: at for s, at in since.items() if s not in doubtful})
    # What rings by its arrival is among them however old it is.
    return {
        subject: [point for point in points if point.effective_at >= since[subject]]
        for subject, points in stored.items()
    }


async def judge_people(
    screened: Screened,
    county: County,
    store: CoreStore,
    rules: Rulebook,
    now: datetime,
    *,
    bereft: Collection[SubjectRef] = (),
) -> list[Assessment]:
    """Score and judge everybody who has a new point, or whose absence is due.

    Readings that may be somebody else's are put in doubt first (`suspicion_desk.py`). Of `bereft`,
    who have just lost a reading to another, everything is looked at again.
    """
    tense = screened.tense
    heeded = await heed(tense, county, store, rules)
    new = heeded.new
    # What has come into doubt meanwhile, the screen has taken for theirs.
    moved = {s: rows for s, rows in screened.moved.items() if new[s] == tense[s]}
    await county.recall(store, people=new)
    states = county.states.gather_all(list(new))
    mark = county.screener(rules).mark
    people = [
        Person(
            subject=subject,
            profile=county.profile(subject),
            state=state,
            open_since=open_since(state, mark, now),
        )
        for subject, state in states.items()
    ]
    whole = {
        p.subject: p.subject in bereft or needs_history(p, new[p.subject], rules.zone)
        for p in people
    }
    since = {
        p.subject: _BEGINNING if whole[p.subject] else known_from(p, new[p.subject], rules, now)
        for p in people
    }
    stored = await store.windows(since) if since else {}
    settings = await settings_of((s for s in whole if whole[s]), store, rules.zone)
    absent = await blind_times((s for s in new if not new[s]), county, store, now)
    people = [
        replace(p, settings=settings.get(p.subject), blind=absent.get(p.subject, ()))
        for p in people
    ]
    assessed: list[Assessment] = []
    for person in people:
        subject = person.subject
        points, again = heeded.marked(stored[subject]), whole[subject]
        rows = moved.get(subject, ())
        found = assess_moved(person, rows, points, new[subject], rules, now, whole=again)
        complete = again or bool(new[subject])
        found = remembered(found, rules, mark, now, complete=complete)
        assessed.append(structs.replace(found, anew=screened.anew.get(subject, frozenset())))
    return assessed
