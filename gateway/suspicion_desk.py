"""Where readings are judged: which of the batch may be somebody else's, and what was answered.

Runs on what the exact stage looks at, inside the batch's transaction. A late reading of one user of
a shared device has all readings of that circle judged again, as it has its person's baselines
folded again: what is in doubt then is what would have been, had it come in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gateway.baseline_fold import CLOSING_DELAY
from gateway.baselines import StateRow, empty_state, horizon
from gateway.county import County
from gateway.detect import Rulebook
from gateway.facts import FactError, OwnerFact, decode_fact
from gateway.intake import Binding
from gateway.store.core_store import CoreStore
from gateway.store.inbox_store import InboxRow
from gateway.suspicion import Circle, Member, Said, Suspicion, marked, unmarked
from rules.vocabulary import SubjectRef
from rules.window import Point

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_SLACK = timedelta(hours=1)
"""A reading may say that it was made a little after it arrived."""

New = dict[SubjectRef, list[Point]]
"""Each person's new points, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heeded:
    """Who must be judged because of which points, and the doubts about all of their points."""

    new: New
    doubts: Mapping[str, Suspicion]

    def marked(self, points: Iterable[Point]) -> list[Point]:
        """Stored points as rules and baselines see them."""
        return [marked(point, self.doubts.get(point.identity)) for point in points]


async def heed(new: New, county: County, store: CoreStore, rules: Rulebook) -> Heeded:
    """Put in doubt what fits another user of its device better; write what has changed.

    Whose readings come into doubt or out of it is judged too, from these readings on.
    """
    if not new:
        return Heeded(new=new, doubts={})
    worn = await _circles(await county.recall_sharing(store, new), store)
    await county.know(store, {one.subject for one in worn})
    doubts = await store.suspicions.of_subjects(new.keys() | {one.subject for one in worn})
    judged = dict(doubts)
    changed: list[Suspicion] = []
    for ring in _apart(worn):
        found = await _judge(ring, new, doubts, county, store, rules)
        changed += await _write(found, doubts, store)
        judged.update(found.standing)
        for identity in found.resolved:
            del judged[identity]
    wanted = {subject: list(points) for subject, points in new.items()}
    for doubt in changed:
        known = wanted.setdefault(doubt.subject, [])
        if all(point.identity != doubt.point.identity for point in known):
            known.append(doubt.point)
    return Heeded(
        new={
            subject: sorted(
                (marked(point, judged.get(point.identity)) for point in points),
                key=lambda point: point.order,
            )
            for subject, points in wanted.items()
        },
        doubts=judged,
    )


async def reaching_back(
    new: New, county: County, store: CoreStore, now: datetime
) -> set[SubjectRef]:
    """Who brings readings so old that later ones of another user were judged without them."""
    old = [
        subject
        for subject, points in new.items()
        if points and now - min(point.effective_at for point in points) > CLOSING_DELAY - _SLACK
    ]
    return await county.recall_sharing(store, old) if old else set()


async def read_said(
    rows: Sequence[InboxRow], store: CoreStore
) -> tuple[list[Said], dict[int, str]]:
    """What these rows say whose readings are, and why some of them cannot be applied."""
    said: dict[str, Said] = {}
    refused: dict[int, str] = {}
    for row in rows:
        try:
            fact = decode_fact(row.kind, row.body)
            assert isinstance(fact, OwnerFact)
            if fact.identity in said:
                raise FactError("identity: was answered just before")
            said[fact.identity] = await _answerable(fact, store)
        except FactError as error:
            refused[row.inbox_id] = str(error)
    return list(said.values()), refused


async def apply_said(said: Iterable[Said], new: New, store: CoreStore) -> None:
    """Write the answers; the readings are new to whom they belong, and no longer to whom not."""
    for each in said:
        point = each.doubt.point
        await store.suspicions.answer(point.identity, each.subject, each.by, each.at)
        points = new.setdefault(each.subject, [])
        points.append(point)
        points.sort(key=lambda point: point.order)
        new.setdefault(each.doubt.subject, [])


async def _answerable(fact: OwnerFact, store: CoreStore) -> Said:
    doubt = await store.suspicions.by_identity(fact.identity)
    if doubt is None:
        raise FactError(f"identity: {fact.identity} is not in doubt")
    if doubt.answer is not None:
        raise FactError(f"identity: {fact.identity} is answered already: {doubt.answer}")
    if not await store.facts.is_known(fact.subject):
        raise FactError(f"subject: {fact.subject!r} is not known")
    return Said(doubt=doubt, subject=fact.subject, by=fact.by, at=fact.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ring:
    """People who are connected by the devices they share, and who wore these when."""

    people: frozenset[SubjectRef]
    bindings: Sequence[Binding]

    def users(self, point: Point) -> frozenset[SubjectRef]:
        """Who wore the point's device at its time."""
        return frozenset(
            binding.subject
            for binding in self.bindings
            if binding.device == point.device and binding.is_in_force(point.effective_at)
        )


async def _circles(people: set[SubjectRef], store: CoreStore) -> list[Binding]:
    """The bindings of all devices shared by these people, or by whom they share one with."""
    while people:
        found = await store.suspicions.sharing(people)
        wider = people | {binding.subject for binding in found}
        if wider == people or not found:
            return found
        people = wider
    return []


def _apart(worn: Sequence[Binding]) -> list[_Ring]:
    """People connected by devices, apart from others."""
    rings: list[_Ring] = []
    devices: dict[str, list[Binding]] = {}
    for binding in worn:
        devices.setdefault(binding.device, []).append(binding)
    for bindings in devices.values():
        people = frozenset(binding.subject for binding in bindings)
        joined = [ring for ring in rings if ring.people & people]
        rings = [ring for ring in rings if not ring.people & people]
        rings.append(
            _Ring(
                people=people.union(*(ring.people for ring in joined)),
                bindings=[*bindings, *(one for ring in joined for one in ring.bindings)],
            )
        )
    return rings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is in doubt now of the points looked at, and what no longer is."""

    standing: Mapping[str, Suspicion]
    resolved: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loading:
    """From where on one circle's readings are read, beginning with which columns."""

    rows: Mapping[SubjectRef, StateRow]
    since: Mapping[SubjectRef, datetime]
    again: bool


async def _judge(
    ring: _Ring,
    new: New,
    doubts: Mapping[str, Suspicion],
    county: County,
    store: CoreStore,
    rules: Rulebook,
) -> _Found:
    fresh = [point for subject in sorted(ring.people) for point in new.get(subject, ())]
    loading = _loading(ring.people, fresh, county, rules)
    shared = {binding.device for binding in ring.bindings}
    if not loading.again and all(point.device not in shared for point in fresh):
        return _Found(standing={}, resolved=frozenset())
    stored = await store.windows(loading.since)
    mine = {key: doubt for key, doubt in doubts.items() if doubt.subject in ring.people}
    waiting = {key: doubt for key, doubt in mine.items() if doubt.answer is None}
    members = {
        subject: Member(
            subject=subject,
            state=loading.rows[subject],
            points=sorted(
                (unmarked(point, waiting.get(point.identity)) for point in stored[subject]),
                key=lambda point: point.order,
            ),
        )
        for subject in ring.people
    }
    await county.recall(store, people=ring.people)
    circle = Circle(
        members=members,
        profiles={subject: county.profile(subject) for subject in ring.people},
        others=lambda point, owner: ring.users(point) - {owner},
        settled={key: doubt for key, doubt in mine.items() if doubt.answer is not None},
        pack=rules.pack,
        zone=rules.zone,
        found={} if loading.again else dict(waiting),
    )
    asked = None if loading.again else frozenset(point.identity for point in fresh)
    standing = circle.judge(asked)
    # What was told again, completed by its context, may be of another kind than what was doubted.
    looked_at = waiting.keys() if asked is None else waiting.keys() & asked
    return _Found(standing=standing, resolved=frozenset(looked_at - standing.keys()))


def _loading(
    people: frozenset[SubjectRef], fresh: Sequence[Point], county: County, rules: Rulebook
) -> _Loading:
    """All from the beginning where a reading is late for any of them; else what is not folded."""
    states = county.states.gather_all(list(people))
    folded = {subject: int(state.row["folded_through"]) for subject, state in states.items()}
    late = any(
        horizon(point.effective_at, rules.zone).toordinal() < max(folded.values())
        for point in fresh
    )
    rows: dict[SubjectRef, StateRow] = {}
    since: dict[SubjectRef, datetime] = {}
    for subject, state in states.items():
        if late or state.stale or folded[subject] == 0:
            rows[subject], since[subject] = empty_state(), _BEGINNING
        else:
            last = datetime.combine(date.fromordinal(folded[subject]), time.min, rules.zone)
            rows[subject], since[subject] = state.row, last + timedelta(days=1)
    return _Loading(rows=rows, since=since, again=late)


async def _write(
    found: _Found, before: Mapping[str, Suspicion], store: CoreStore
) -> list[Suspicion]:
    """Write what differs from `before`; what came into doubt or out of it, or waits no more."""
    differs = [doubt for key, doubt in found.standing.items() if before.get(key) != doubt]
    out = [before[key] for key in sorted(found.resolved)]
    await store.suspicions.doubt(differs)
    await store.suspicions.trust([doubt.point.identity for doubt in out])
    waited = {key: doubt.waits for key, doubt in before.items()}
    into = [d for d in differs if waited.get(d.point.identity) is not d.waits]
    return [*into, *out]
