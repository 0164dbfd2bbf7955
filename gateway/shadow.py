"""What other rules would have decided on what the core has committed, moment by moment (law 7).

The same screen, exact stage and cases as in `pipeline.py`, on the core's committed rows, each
looked at with what had been recorded by then. A variant is a set of rules that run together: the
live packs and those in shadow, or the live packs with a candidate in one's place. Its alerts ring
for nobody.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from msgspec import structs

from gateway.anew import HEARD_ANEW, NOBODY, Anew, heard_anew
from gateway.bank import Bank
from gateway.blindness import blind_times
from gateway.calm import Screener, screener
from gateway.case_book import ASSUMED_OUTCOME
from gateway.cases import close
from gateway.county import County, is_home
from gateway.detect import (
    LOOK_BACK,
    Assessment,
    Person,
    Rulebook,
    assess,
    known_from,
    needs_history,
)
from gateway.episodes import episodes
from gateway.facts import (
    AnchorFact,
    ClosingFact,
    FactError,
    MarkFact,
    OwnerFact,
    decode_fact,
)
from gateway.remembering import remembered
from gateway.series import settings_of
from gateway.store.core_store import CoreStore
from gateway.store.shadow_store import FactRow, Heard, ShadowStore
from gateway.stored_state import AfterBatch
from gateway.strangers import LOOK_BACK as STRANGERS_LOOK_BACK
from gateway.strangers import judge_home
from gateway.suspicion import marked
from rules.vocabulary import Case, CaseState, Profile, SubjectRef
from rules.window import Point

ANSWERED_AFTER = timedelta(hours=24)
"""What no live case stands for is answered by nobody: a doctor is taken to do it so much later."""

New = dict[SubjectRef, list[Point]]
"""Each person's new points, oldest first."""

_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Moment:
    """What the core committed at one instant."""

    at: datetime
    facts: list[FactRow] = field(default_factory=list[FactRow])
    readings: list[Heard] = field(default_factory=list[Heard])
    strangers: list[Heard] = field(default_factory=list[Heard])


class Shadow:
    """One variant's memory, and its judgement of one moment after the other."""

    def __init__(self, rules: Rulebook, core: CoreStore, store: ShadowStore) -> None:
        self._rules = rules
        self._core = core
        self._store = store
        self._county = County()
        self._bank = Bank()
        self._screener: Screener = screener(rules)
        reach = max(rule.reach for rule in rules.pack.rules)
        self._further = max(timedelta(0), reach + timedelta(days=2) - LOOK_BACK)

    async def refresh(self) -> None:
        """Forget what was known of people and hubs: facts may have changed since."""
        self._county.profiles.clear()
        self._county.hubs = await self._core.hubs()

    async def take(self, moment: Moment) -> None:
        """Judge one moment: facts, then readings, as the core does."""
        new: New = {}
        bereft: set[SubjectRef] = set()
        anew: dict[SubjectRef, frozenset[str]] = {}
        for fact in moment.facts:
            await self._apply(fact, new, bereft, anew)
        if new:
            await self._judge(new, [], moment.at, bereft=bereft, anew=anew)
        fresh: New = {}
        for heard in moment.readings:
            fresh.setdefault(heard.subject, []).append(heard.point)
        for points in fresh.values():
            points.sort(key=lambda point: point.order)
        if fresh or moment.strangers:
            await self._judge(fresh, moment.strangers, moment.at)

    async def wake(self, subjects: Sequence[SubjectRef], now: datetime) -> None:
        """Look at people whose absence is due."""
        homes = [subject for subject in subjects if is_home(subject)]
        people = {subject: list[Point]() for subject in subjects if not is_home(subject)}
        await self._judge(people, [], now, homes=homes)

    async def _apply(
        self,
        row: FactRow,
        new: New,
        bereft: set[SubjectRef],
        anew: dict[SubjectRef, frozenset[str]],
    ) -> None:
        """What was applied once cannot be refused; a later version may no longer read it."""
        try:
            fact = decode_fact(row.kind, row.body)
        except FactError:
            return
        match fact:
            case Profile():
                self._bank.look_closely([fact.subject])
                anew |= await self._heard_anew(fact.subject, row.at, new)
            case AnchorFact() | MarkFact():
                new.setdefault(fact.subject, [])
                known = self._bank.gather(fact.subject)
                self._bank.replace({fact.subject: structs.replace(known, stale=True)})
            case OwnerFact():
                await self._moved(fact, new, bereft)
            case ClosingFact():
                await self._close(fact)
            case _:
                return

    async def _heard_anew(self, subject: SubjectRef, at: datetime, new: New) -> Anew:
        """Have what somebody has measured lately judged by who they are now, as the core does."""
        stored = await self._store.windows({subject: at - HEARD_ANEW}, at)
        told = {point.identity for point in new.get(subject, ())}
        lately = [p for p in heard_anew(stored[subject], at) if p.identity not in told]
        if not lately:
            return NOBODY
        new[subject] = sorted([*new.get(subject, ()), *lately], key=lambda point: point.order)
        return {subject: frozenset(point.identity for point in lately)}

    async def _moved(self, fact: OwnerFact, new: New, bereft: set[SubjectRef]) -> None:
        doubt = await self._core.suspicions.by_identity(fact.identity)
        if doubt is None:
            return
        points = new.setdefault(fact.subject, [])
        points.append(doubt.point)
        points.sort(key=lambda point: point.order)
        new.setdefault(doubt.subject, [])
        if fact.subject != doubt.subject:
            bereft.add(doubt.subject)

    async def _close(self, fact: ClosingFact) -> None:
        """A live case was closed: the same case here, or the one that stands for it."""
        own = await self._store.case_by_id(fact.case_id)
        if own is None:
            live = await self._core.case_by_id(fact.case_id)
            own = await self._standing_for(live) if live is not None else None
        if own is not None:
            await self._end(close(own, outcome=fact.outcome, now=fact.at))

    async def _standing_for(self, live: Case) -> Case | None:
        if live.state is not CaseState.CLOSED:
            return None
        cases = await self._store.open_cases([live.subject])
        return next((case for case in cases if case.family is live.family), None)

    async def _end(self, case: Case) -> None:
        await self._store.write_cases([case])
        self._bank.look_closely([case.subject])

    async def _answer(self, subjects: Collection[SubjectRef], now: datetime) -> None:
        for case in await self._store.unanswered(subjects, now - ANSWERED_AFTER, now):
            assert case.last_rang_at is not None
            at = case.last_rang_at + ANSWERED_AFTER
            await self._end(close(case, outcome=ASSUMED_OUTCOME, now=at))

    async def _judge(
        self,
        new: New,
        strangers: Sequence[Heard],
        now: datetime,
        *,
        bereft: Collection[SubjectRef] = (),
        anew: Anew = NOBODY,
        homes: Sequence[SubjectRef] = (),
    ) -> None:
        heard_of = {*new, *homes, *(heard.subject for heard in strangers)}
        await self._answer(heard_of, now)
        new = await self._doubted(new)
        tense = self._calm(new)
        found = await self._people(tense, now, bereft)
        found = [
            structs.replace(one, anew=anew.get(one.person.subject, frozenset())) for one in found
        ]
        found += await self._homes(strangers, homes, now)
        rung = await episodes(found, self._store, self._rules.pack, now)
        states = {
            item.person.subject: structs.replace(
                item.state, ends_on=rung.ends_on.get(item.person.subject, 0)
            )
            for item in found
        }
        self._bank.replace(states)
        await self._store.write_wakes({s: state.next_wake_at for s, state in states.items()})

    async def _doubted(
        self, new: Mapping[SubjectRef, list[Point]]
    ) -> dict[SubjectRef, list[Point]]:
        doubts = await self._core.suspicions.of_subjects(new)
        return {
            subject: [marked(point, doubts.get(point.identity)) for point in points]
            for subject, points in new.items()
        }

    def _calm(self, new: New) -> New:
        """Move on by columns whoever brings nothing that could matter; the others come back."""
        found = self._screener.screen(new, self._bank, _worn_by_one)
        if found.calm is None:
            return found.tense
        self._bank.take(AfterBatch(calm=found.calm))
        done = set(found.calm.subjects)
        return {subject: points for subject, points in new.items() if subject not in done}

    async def _people(
        self,
        new: Mapping[SubjectRef, Sequence[Point]],
        now: datetime,
        bereft: Collection[SubjectRef],
    ) -> list[Assessment]:
        if not new:
            return []
        rules = self._rules
        await self._county.recall(self._core, people=new)
        people = [
            Person(subject=s, profile=self._county.profile(s), state=state)
            for s, state in self._bank.gather_all(list(new)).items()
        ]
        whole = {
            p.subject: p.subject in bereft or needs_history(p, new[p.subject], rules.zone)
            for p in people
        }
        since = {
            p.subject: _BEGINNING
            if whole[p.subject]
            else known_from(p, new[p.subject], rules, now) - self._further
            for p in people
        }
        stored = await self._store.windows(since, now)
        settings = await settings_of((s for s in whole if whole[s]), self._core, rules.zone)
        blind = await blind_times((s for s in new if not new[s]), self._county, self._core, now)
        doubts = await self._core.suspicions.of_subjects(new)
        found: list[Assessment] = []
        for known in people:
            subject, fresh = known.subject, new[known.subject]
            person = replace(known, settings=settings.get(subject), blind=blind.get(subject, ()))
            points = [marked(point, doubts.get(point.identity)) for point in stored[subject]]
            again = whole[subject]
            judged = assess(person, points, fresh, rules, now, whole=again)
            complete = again or bool(fresh)
            mark = self._screener.mark
            found.append(remembered(judged, rules, mark, now, complete=complete))
        return found

    async def _homes(
        self, strangers: Sequence[Heard], waking: Sequence[SubjectRef], now: datetime
    ) -> list[Assessment]:
        """Measurements of nobody in particular, as `strangers.judge_strangers` judges them."""
        homes = sorted({*waking, *(heard.subject for heard in strangers)})
        if not homes:
            return []
        fresh = {heard.point.identity for heard in strangers}
        oldest = min([now, *(heard.point.as_heard().effective_at for heard in strangers)])
        since = oldest - STRANGERS_LOOK_BACK
        stored = await self._store.strangers_window(homes, since, now, STRANGERS_LOOK_BACK)
        return [
            found
            for home in homes
            for found in judge_home(
                home, stored.get(home, []), fresh, self._county, self._rules, now
            )
        ]


def _worn_by_one(_point: Point) -> bool:
    """Whose a shared device's reading is the core has judged: doubts come with the readings."""
    return False
