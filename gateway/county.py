"""What the owning core keeps in memory: hubs, receipts, everyone's columns, facts lately needed.

Nothing here is the truth: it is what was last committed. A batch computes on copies and replaces
rows after COMMIT returned; when a commit's outcome is unknown the process exits and loads again
(design D1). Profiles and bindings of millions do not fit: those that a batch needs are read for it
(`recall`) and kept for the next while there is room. Columns of millions fit, but take a while to
read: those that a batch needs are read for it (`know`) until all are here (`filling.py`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.bank import Bank
from gateway.calm import Screener, screener
from gateway.detect import Rulebook
from gateway.hub_status import HubStatus
from gateway.intake import Binding
from gateway.store.core_store import CoreStore, HubHome, Mark
from rules.vocabulary import HubId, Profile, SubjectRef
from rules.window import Point
from rules.wire import Lane

_HOME = "home:"
_MOST_RECALLED = 50_000


@dataclass(slots=True)
class County:
    """The owning core's memory of one county.

    `profiles`, `bindings` and `sharing` (who wears a device that others wear too) hold what was
    recalled, `synthetic` everybody who does not exist; `screens` False has everything looked at
    exactly, to compare.
    """

    profiles: dict[SubjectRef, Profile | None] = field(
        default_factory=dict[SubjectRef, Profile | None]
    )
    bindings: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    synthetic: frozenset[SubjectRef] = frozenset()
    hubs: dict[HubId, HubHome] = field(default_factory=dict[HubId, HubHome])
    receipts: dict[Mark, int] = field(default_factory=dict[Mark, int])
    ahead: dict[Mark, set[int]] = field(default_factory=dict[Mark, set[int]])
    states: Bank = field(default_factory=Bank)
    screens: bool = True
    sharing: dict[SubjectRef, bool] = field(default_factory=dict[SubjectRef, bool])
    _screener: Screener | None = None

    def screener(self, rules: Rulebook) -> Screener:
        """The screen of these rules."""
        if self._screener is None or self._screener.rules is not rules:
            self._screener = screener(rules)
        return self._screener

    async def recall(
        self,
        store: CoreStore,
        *,
        people: Collection[SubjectRef] = (),
        devices: Collection[str] = (),
    ) -> None:
        """Have the profiles of these people and the bindings of these devices at hand."""
        unknown = [subject for subject in people if subject not in self.profiles]
        if unknown:
            if len(self.profiles) > _MOST_RECALLED:
                self.profiles.clear()
                unknown = list(people)
            found = await store.facts.profiles(unknown)
            self.profiles.update({subject: found.get(subject) for subject in unknown})
        unworn = [device for device in devices if device not in self.bindings]
        if unworn:
            if len(self.bindings) > _MOST_RECALLED:
                self.bindings.clear()
                unworn = list(devices)
            self.bindings.update(await store.facts.bindings(unworn))

    async def know(self, store: CoreStore, people: Iterable[SubjectRef]) -> None:
        """Have the columns of these people at hand, of whoever has any; before any is written.

        Somebody new has none, and is asked for with every first reading: that is once a life.
        """
        unknown = self.states.unknown({one for one in people if not is_home(one)})
        if unknown:
            self.states.replace(await store.states.of(unknown))

    async def recall_sharing(
        self, store: CoreStore, people: Collection[SubjectRef]
    ) -> set[SubjectRef]:
        """Who of these people wears, or has worn, a device that others wear or have worn."""
        unknown = [subject for subject in people if subject not in self.sharing]
        if unknown:
            if len(self.sharing) > _MOST_RECALLED:
                self.sharing.clear()
                unknown = list(people)
            found = {binding.subject for binding in await store.suspicions.sharing(unknown)}
            self.sharing.update({subject: subject in found for subject in unknown})
        return {subject for subject in people if self.sharing[subject]}

    def profile(self, subject: SubjectRef) -> Profile:
        """The subject's profile; all unknown for somebody of whom nothing is recorded.

        `home:<household>` is someone of that home: which person is not certain.
        """
        if is_home(subject):
            household = subject.removeprefix(_HOME)
            areas = (home.area for home in self.hubs.values() if home.household == household)
            area = next(areas, None)
            return Profile(subject=subject, household=household, area=area, person_certain=False)
        return self.profiles.get(subject) or Profile(subject=subject)

    def is_shared(self, point: Point) -> bool:
        """Whether several people wear or wore the reading's device."""
        bindings = self.bindings.get(point.device, ())
        return len(bindings) > 1 and len({binding.subject for binding in bindings}) > 1

    def marks_after(self, done: Mapping[Mark, set[int]]) -> dict[Mark, int]:
        """How far each lane is complete once `done` is committed too; only lanes that moved."""
        moved: dict[Mark, int] = {}
        for mark, sequences in done.items():
            through = self.receipts.get(mark, 0)
            beyond = self.ahead.get(mark, set()) | sequences
            while through + 1 in beyond:
                through += 1
            moved[mark] = through
        return moved

    def forgotten(self, status: HubStatus) -> dict[Mark, int]:
        """Where lanes stand of which a hub believes that more is committed.

        A database that was restored from a backup has forgotten it; the hub keeps for days what was
        receipted, and sends it again once it is told. A lane that was new may have no mark at all.
        """
        spool, hub = status.spool, HubId(status.hub)
        if spool is None or not spool.epoch:
            return {}
        claims = {Lane.LIVE: spool.through_live, Lane.BACKLOG: spool.through_backlog}
        marks = {Mark(hub, spool.epoch, lane): through for lane, through in claims.items()}
        known = {mark: self.receipts.get(mark, 0) for mark in marks}
        return {mark: through for mark, through in known.items() if through < marks[mark]}

    def committed(self, done: Mapping[Mark, set[int]], marks: Mapping[Mark, int]) -> None:
        """Remember what a batch committed; what lies beyond a gap waits for the hub to re-send."""
        self.receipts.update(marks)
        for mark, sequences in done.items():
            beyond = self.ahead.get(mark, set()) | sequences
            self.ahead[mark] = {number for number in beyond if number > marks[mark]}


def somebody_at(hub: HubId, county: County) -> SubjectRef:
    """An unknown person at a hub: someone of the home it stands in (law 5)."""
    home = county.hubs.get(hub)
    return SubjectRef(_HOME + (home.household if home else f"hub-{hub}"))


def is_home(subject: SubjectRef) -> bool:
    """Whether the subject is an unknown person of a home."""
    return subject.startswith(_HOME)


async def load_facts(store: CoreStore, county: County) -> None:
    """Read hubs and canaries again, and forget what was recalled of people and devices."""
    county.profiles.clear()
    county.bindings.clear()
    county.sharing.clear()
    county.synthetic = await store.facts.synthetic()
    county.hubs = await store.hubs()


async def load_county(store: CoreStore, *, screens: bool = True) -> County:
    """Everything an owner needs before it connects to the broker; people's columns come later."""
    county = County(screens=screens)
    await load_facts(store, county)
    county.receipts = await store.receipts()
    county.states.wakes_at(await store.states.next_wake_at())
    return county
