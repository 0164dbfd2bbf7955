"""Two stages, one meaning: what the screen lets pass is what the exact stage makes nothing of.

A person is taken by the screen with the exact stage behind it. Whenever the screen calls readings
calm, the exact stage must give no new decision and no wait for it and the same baselines byte
for byte, and the memory that the screen carried on must be the one computed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.bank import Bank
from gateway.baseline_columns import EPOCH
from gateway.calm import Screener, screener
from gateway.case_ends import ANY, NONE, URGENT
from gateway.detect import (
    LOOK_BACK,
    Assessment,
    Person,
    Rulebook,
    assess,
    known_from,
    needs_history,
    open_since,
)
from gateway.moved import assess_moved
from gateway.packs import load_first_pack, load_shipped
from gateway.person_bits import bits_of
from gateway.recent import DAYS, LOW_DAYS, Memory, RecentRow, micros, recent_of
from gateway.remembering import remembered, watch_until
from gateway.stored_state import AfterBatch, MovedRow
from gateway.teaching import teaches
from rules.pack import Pack
from rules.vocabulary import (
    Bound,
    Origin,
    Priority,
    Profile,
    QuantityName,
    Stage,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Value

LI = SubjectRef("s-li")
BEGIN = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York"]
GAPS_MINUTES = [
    0,
    1,
    2,
    5,
    14,
    16,
    29,
    30,
    31,
    45,
    120,
    420,
    600,
    720,
    1440,
    2880,
    4320,
    11520,
    26000,
    60000,
]

Key = tuple[str, str, str]


@dataclass(slots=True)
class Life:
    """One person, looked at in two stages.

    `calm` counts what the screen let pass, `reopened` how often a day closed that the ring could
    not hold, `moved` how often the screen had moved the columns on for the exact stage, `several`
    how often by more than one reading, `silences` after how many the days before were folded.
    """

    rules: Rulebook
    screener: Screener
    profile: Profile
    bank: Bank = field(default_factory=Bank)
    stored: list[Point] = field(default_factory=list[Point])
    told: set[Key] = field(default_factory=set[Key])
    calm: int = 0
    reopened: int = 0
    decided: int = 0
    moved: int = 0
    several: int = 0
    silences: int = 0
    wake_at: datetime | None = None
    in_case: bool = False
    urgent: bool = False

    def take(self, points: Sequence[Point], now: datetime) -> None:
        """A batch of new readings; what is due before comes first."""
        while self.wake_at is not None and self.wake_at <= now:
            self._exact([], self.wake_at)
        self.stored += points
        ordered = sorted(points, key=lambda point: point.order)
        stored = {
            who: [point for point in self.stored if point.effective_at >= since]
            for who, since in self.screener.overflowed({LI: ordered}, self.bank).items()
        }
        self.reopened += len(stored)
        found = self.screener.screen({LI: ordered}, self.bank, lambda _: False, stored)
        if found.calm is None:
            moved = found.moved.get(LI, ())
            if moved:
                self._check_moved(ordered, now, moved)
            self._exact(ordered, now, moved)
            return
        self.calm += len(points)
        self._check(ordered, now, found.calm.states[0], found.calm.recent[0])
        self.bank.take(AfterBatch(calm=found.calm))

    def turn_case(self) -> None:
        """A case of theirs opens, or the last one ends by somebody's answer."""
        self.in_case = not self.in_case
        if self.in_case:
            ends_on = ANY if self.urgent else ANY & ~URGENT
            self.bank.replace({LI: structs.replace(self.bank.gather(LI), ends_on=ends_on)})
        else:
            self.bank.case_ended(LI)
            self.urgent = False

    def _window(self, fresh: Sequence[Point], now: datetime, *, whole: bool) -> list[Point]:
        if whole:
            return list(self.stored)
        since = known_from(self.person(now), fresh, self.rules, now)
        return [point for point in self.stored if point.effective_at >= since]

    def person(self, now: datetime) -> Person:
        state = self.bank.gather(LI)
        begun = open_since(state, self.screener.mark, now)
        return Person(subject=LI, profile=self.profile, state=state, open_since=begun)

    def _exact(self, fresh: Sequence[Point], now: datetime, moved: Sequence[MovedRow] = ()) -> None:
        person = self.person(now)
        whole = needs_history(person, fresh, self.rules.zone)
        points = self._window(fresh, now, whole=whole)
        found = assess_moved(person, moved, points, fresh, self.rules, now, whole=whole)
        if fresh and not whole and self._was_silent(fresh):
            all_of_it = assess(person, self.stored, fresh, self.rules, now, whole=True)
            assert found.state.row.tobytes() == all_of_it.state.row.tobytes()
            self.silences += 1
        complete = whole or bool(fresh)
        mark = self.screener.mark
        found = remembered(found, self.rules, mark, now, complete=complete)
        rung = self._told(found).keys() - self.told
        self.urgent |= any(
            self.rules.pack.rule(rule_id).priority >= Priority.URGENT for rule_id, _, _ in rung
        )
        self.told |= rung
        self.decided += len(found.judged)
        self.wake_at = found.state.next_wake_at
        ends_on = (ANY ^ URGENT if self.in_case else NONE) | (URGENT if self.urgent else NONE)
        state = structs.replace(found.state, ends_on=ends_on)
        self.bank.take(AfterBatch(exact={LI: state}))

    def _was_silent(self, fresh: Sequence[Point]) -> bool:
        """Whether nothing was measured in the week before: days closed long ago, and unfolded."""
        before = [p.effective_at for p in self.stored if p.order < fresh[0].order]
        return bool(before) and fresh[0].effective_at - max(before) > timedelta(days=7)

    def _check_moved(
        self, fresh: Sequence[Point], now: datetime, moved: Sequence[MovedRow]
    ) -> None:
        """What the screen has worked out saves work, and changes nothing."""
        person = self.person(now)
        whole = needs_history(person, fresh, self.rules.zone)
        points = self._window(fresh, now, whole=whole)
        plainly = assess(person, points, fresh, self.rules, now, whole=whole)
        found = assess_moved(person, moved, points, fresh, self.rules, now, whole=whole)
        news, all_news = self._told(found), self._told(plainly)
        assert news.items() <= all_news.items()
        # A wait that was over before these readings came is not told of anew (`_Review._untold`).
        begun = min(person.open_since or BEGIN, fresh[0].effective_at)
        over = {key for key in all_news if self._is_missing_before(key, begun)}
        assert all_news.keys() - news.keys() <= self.told | over
        assert found.open_since == plainly.open_since
        assert found.state.row.tobytes() == plainly.state.row.tobytes()
        mark = self.screener.mark
        one = remembered(found, self.rules, mark, now, complete=True).state.recent
        # What stands beside an urgent case waits for nothing that was measured before that case.
        assert found.idle == plainly.idle
        plainly = structs.replace(plainly, idle=self.rules.pack.beside)
        other = remembered(plainly, self.rules, mark, now, complete=True).state.recent
        assert one is not None
        assert other is not None
        # Nobody is watched shorter; what is over is watched by nobody.
        last = micros(fresh[-1].effective_at) // 60_000_000
        assert max(int(one["watch_until"]), last) >= int(other["watch_until"]), (
            one["watch_until"],
            other["watch_until"],
            last,
        )
        self._same(one, other, fresh)
        self.moved += 1
        self.several += len(fresh) > 1

    def _is_missing_before(self, key: Key, begun: datetime) -> bool:
        """Whether it tells of a confirmation that did not come, of a reading measured before."""
        trigger = (point for point in self.stored if point.identity == key[2])
        unconfirmed = key[1] == Stage.UNCONFIRMED.value
        return unconfirmed and all(point.effective_at < begun for point in trigger)

    @staticmethod
    def _told(found: Assessment) -> dict[Key, str]:
        """What each decision rests on."""
        return {
            (j.decision.rule_id, j.decision.stage.value, j.decision.trigger): j.evidence
            for j in found.judged
        }

    def _check(
        self, fresh: Sequence[Point], now: datetime, state: np.void, recent: RecentRow
    ) -> None:
        person = self.person(now)
        whole = needs_history(person, fresh, self.rules.zone)
        points = self._window(fresh, now, whole=whole)
        found = assess(person, points, fresh, self.rules, now, whole=whole)
        assert self._told(found).keys() <= self.told, fresh
        assert found.open_since is None
        assert found.state.row.tobytes() == state.tobytes()
        again = self._memory(points, int(found.state.row["folded_through"]))
        self._same(recent, again, fresh)

    def _same(self, recent: RecentRow, again: RecentRow, fresh: Sequence[Point]) -> None:
        # Computed anew from a shorter past, it can only be earlier.
        again = again.copy()
        again["watch_until"] = recent["watch_until"]
        # Days that no span from here on reaches are remembered by the one and not by the other.
        newest = fresh[-1].effective_at.astimezone(self.rules.zone).toordinal() - EPOCH
        reached = max(0, DAYS - max(0, newest - int(recent["day"])))
        if not reached:
            self._forget_pressure(again)
            recent = recent.copy()
            self._forget_pressure(recent)
        window_begins = micros(fresh[-1].effective_at - LOOK_BACK) // 60_000_000
        for name in recent.dtype.names or ():
            one, other = again[name], recent[name]
            # Kept in whole minutes: that of the window's begin may lie just before it.
            if name == "glucose_at" and not min(one, other) and max(one, other) <= window_begins:
                continue
            if name in {"counts", "sums", "highest", "lowest"}:
                one, other = one[:reached], other[:reached]
            elif name == "low_days":
                measured = datetime.fromtimestamp(int(recent["glucose_at"]) * 60, self.rules.zone)
                told = max(0, LOW_DAYS - max(0, newest + EPOCH - measured.toordinal()))
                one, other = (int(days) & (1 << told) - 1 for days in (one, other))
            elif name == "loose_day":
                one, other = (int(day) if newest - int(day) < DAYS else 0 for day in (one, other))
            assert np.array_equal(one, other), name

    @staticmethod
    def _forget_pressure(row: RecentRow) -> None:
        for name in row.dtype.names or ():
            if not name.startswith("ring") and name not in {"last_at", "rules"}:
                row[name] = 0

    def _memory(self, points: Sequence[Point], folded_through: int) -> RecentRow:
        ordered = sorted(points, key=lambda point: point.order)
        learned = [point for point in ordered if teaches(point, self.rules.pack)]
        memory = Memory(
            folded_through=folded_through,
            rules=self.screener.mark,
            watch_until=watch_until(ordered, self.rules.pack),
            open_since=None,
            person=bits_of(self.profile, self.rules.pack),
        )
        return recent_of(ordered, learned, self.rules.zone, memory)


def pressure(number: int, at: datetime, systolic: str, diastolic: str) -> Point:
    return Point(
        identity=f"{number:032x}",
        kind=Vital.BLOOD_PRESSURE,
        device="A/B/1",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={
            QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
            QuantityName.DIASTOLIC: Value(value=Decimal(diastolic)),
            QuantityName.PULSE: Value(value=Decimal(70)),
        },
    )


def sugar(number: int, at: datetime, value: Decimal | None, meal: str) -> Point:
    censored = Bound.BELOW if value is None else None
    return Point(
        identity=f"{number:032x}",
        kind=Vital.GLUCOSE,
        device="A/G/2",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={QuantityName.GLUCOSE: Value(value=value, censored=censored)},
        context={"meal": meal} if meal else {},
    )


@dataclass(frozen=True, slots=True)
class Course:
    """A person's habits, drawn by Hypothesis; the readings follow from the seed."""

    seed: int
    usual: int
    spread: int
    shift: int
    wild: bool
    meter: bool
    zone: str
    often: bool = False
    cases: bool = False
    bursts: bool = False
    behind: bool = False
    drugs: frozenset[str] | None = None
    diagnoses: frozenset[str] | None = None

    @property
    def profile(self) -> Profile:
        """Whose readings they are."""
        return Profile(
            subject=LI, birth_year=1950, drug_classes=self.drugs, conditions=self.diagnoses
        )


COURSES = st.builds(
    Course,
    seed=st.integers(0, 2**32),
    usual=st.sampled_from([112, 124, 131, 138, 152, 168, 176]),
    spread=st.sampled_from([0, 1, 3, 6, 12]),
    shift=st.sampled_from([-22, -16, -14, 0, 8, 10, 11, 13, 18]),
    wild=st.booleans(),
    meter=st.booleans(),
    zone=st.sampled_from(ZONES),
    often=st.booleans(),
    cases=st.booleans(),
    bursts=st.booleans(),
    behind=st.booleans(),
    drugs=st.sampled_from(
        [None, *(frozenset(one) for one in ((), ("insulin",), ("arb",), ("arb", "glargine")))]
    ),
    diagnoses=st.sampled_from(
        [None, frozenset[str](), frozenset({"diabetes_2"}), frozenset({"gout"})]
    ),
)


def readings(course: Course, count: int) -> list[Point]:
    """Forty quiet days or so, then a shift; in between what a wild course brings."""
    chance = Random(course.seed)  # noqa: S311 - a test's dice
    at, found = BEGIN, list[Point]()
    for number in range(count):
        pace = GAPS_MINUTES if course.wild else [5, 600, 720, 720, 840]
        pace = [60, 120, 180] if course.often else pace
        if course.bursts and number // 30 % 2:
            pace = [0, 1, 2, 4, 14, 29, 31]  # some thirty a day, in sessions of many
        at += timedelta(minutes=chance.choice(pace), seconds=chance.choice([0, 0, 1, 59]))
        shift = course.shift if number > count * 3 // 5 else 0
        value = course.usual + shift + chance.gauss(0, course.spread)
        if course.meter and chance.random() < 0.3:
            found.append(_sugar(number, at, chance, course))
            continue
        if course.wild and chance.random() < 0.04:
            value = chance.choice([178, 179.4, 179.5, 185, 219, 221, 79])
        whole = chance.random() < 0.9 or not course.wild  # decimals fit no place of a ring
        exact = f"{value:.0f}" if whole else f"{value:.1f}"
        reading = pressure(number, at, exact, f"{value * 0.62:.0f}")
        found.append(_pulsing(reading, chance) if course.wild else reading)
    return [_disturbed(point, chance) if course.wild else point for point in found]


def _sugar(number: int, at: datetime, chance: Random, course: Course) -> Point:
    value = Decimal(f"{chance.uniform(4.2, 11):.1f}")
    if course.wild and chance.random() < 0.3:
        lows = [Decimal("3.6"), Decimal("3.8"), Decimal("3.9"), Decimal("3.84"), Decimal("3.85")]
        value = chance.choice([*lows, Decimal("2.9"), None])
    if value is not None and chance.random() < 0.3:
        value = Decimal(round(value * 18)) / Decimal("18.0156")
    return sugar(number, at, value, chance.choice(["", "fasting", "postprandial"]))


def _pulsing(point: Point, chance: Random) -> Point:
    number = Value(value=Decimal(chance.choice([40, 41, 62, 70, 78, 86, 110, 111, 130, 131])))
    return replace(point, values={**point.values, QuantityName.PULSE: number})


def _disturbed(point: Point, chance: Random) -> Point:
    if chance.random() < 0.03:
        flag = chance.choice(["body_movement", "irregular_pulse"])
        return replace(point, valid=False, flags=(flag,))
    if chance.random() < 0.03:
        return replace(point, flags=("battery_low",))
    if chance.random() < 0.1:
        return replace(point, origin=Origin.PERSON)
    if chance.random() < 0.02:
        halves = {n: v for n, v in point.values.items() if n is not QuantityName.DIASTOLIC}
        return replace(point, values=halves, flags=("component_unusable",))
    if chance.random() < 0.02:
        return replace(point, received_at=point.effective_at + timedelta(minutes=25))
    return point


def _after_a_cut(points: Sequence[Point], later: timedelta) -> list[Point]:
    """The same, all of them heard of after the line came back."""
    heard = max(point.received_at for point in points) + later
    return [replace(point, received_at=heard, origin=Origin.BACKLOG) for point in points]


def live(course: Course, count: int = 100, *, pack: Pack | None = None) -> Life:
    """The whole course, one or a few readings a batch, some of them late."""
    chance = Random(course.seed + 1)  # noqa: S311 - a test's dice
    rules = Rulebook(pack=pack or load_first_pack(), zone=ZoneInfo(course.zone))
    life = Life(rules=rules, screener=screener(rules), profile=course.profile)
    waiting = readings(course, count)
    now = BEGIN
    while waiting:
        size = chance.choice([1, 1, 1, 2, 3])
        batch, waiting = waiting[:size], waiting[size:]
        if course.behind and chance.random() < 0.15:
            size, later = chance.choice([4, 9, 16]), chance.choice([0, 40, 3 * 60, 20 * 60])
            batch, waiting = [*batch, *waiting[:size]], waiting[size:]
            batch = _after_a_cut(batch, timedelta(minutes=later))
        if course.wild and waiting and chance.random() < 0.05:
            batch, waiting = [waiting[0]], [*batch, *waiting[1:]]  # one comes before its time
        now = max(now, *(point.received_at for point in batch))
        if course.cases and chance.random() < 0.1:
            life.turn_case()
        life.take(batch, now)
    return life


@pytest.mark.slow
@pytest.mark.row("R19")
@settings(max_examples=10, deadline=None)
@given(course=COURSES)
def test_what_the_screen_lets_pass_is_nothing_to_the_exact_stage(course: Course) -> None:
    live(course)


@pytest.mark.slow
@pytest.mark.row("R19")
@settings(max_examples=10, deadline=None)
@given(course=COURSES)
def test_nor_to_any_rule_of_the_packs_in_shadow(course: Course) -> None:
    live(course, pack=load_shipped().beside)


def test_the_screen_lets_most_readings_of_a_quiet_life_pass() -> None:
    life = live(Course(7, 131, 6, 0, wild=False, meter=False, zone="Asia/Shanghai"))
    assert life.calm > 80


def one_by_one(points: Sequence[Point], drugs: frozenset[str] | None = None) -> Life:
    rules = Rulebook(pack=load_first_pack(), zone=ZoneInfo("Asia/Shanghai"))
    profile = Profile(subject=LI, birth_year=1950, drug_classes=drugs)
    life = Life(rules=rules, screener=screener(rules), profile=profile)
    for point in points:
        life.take([point], point.received_at)
    return life


QUIET = Course(7, 131, 3, 0, wild=False, meter=False, zone="Asia/Shanghai")


@pytest.mark.parametrize(
    ("drugs", "apart", "passing"),
    [
        (frozenset({"insulin"}), 8, 0),
        (frozenset({"insulin"}), 7, 4),  # each is the second day of seven
        (frozenset({"arb"}), 2, 0),
        (None, 2, 4),
    ],
)
def test_lows_are_calm_where_they_are_too_far_apart_or_no_drug_makes_them_matter(
    drugs: frozenset[str] | None, apart: int, passing: int
) -> None:
    def life(low: str) -> Life:
        return one_by_one(
            [
                sugar(n, BEGIN + timedelta(days=n), Decimal(low if n in days else "5.6"), "")
                for n in range(45)
            ],
            drugs,
        )

    days = [10 + apart * number for number in range(5)]
    assert life("5.6").calm - life("3.7").calm == passing


def test_what_a_person_typed_is_calm_like_what_a_device_said() -> None:
    life = one_by_one([replace(p, origin=Origin.PERSON) for p in readings(QUIET, 60)])
    assert life.calm > 45


def test_a_session_over_midnight_sends_nobody_to_the_exact_stage_for_two_weeks() -> None:
    """Its days are bounded by their numbers; without that every reading of 14 days passed."""
    before = readings(QUIET, 60)
    midnight = before[-1].effective_at.replace(hour=16, minute=0) + timedelta(days=1)
    pair = [pressure(1000 + n, midnight + timedelta(minutes=5 * n), "131", "81") for n in (-1, 1)]
    after = [
        pressure(2000 + n, midnight + timedelta(hours=12 * n + 8), f"{130 + n % 3}", "81")
        for n in range(20)
    ]
    quiet = one_by_one([*before, *pair]).calm
    assert one_by_one([*before, *pair, *after]).calm - quiet > 15


def test_a_day_of_thirty_readings_sends_nobody_to_the_exact_stage_for_two_weeks() -> None:
    """In one cohort of three hundred a fourteenth of all readings passed after such days."""
    before = readings(QUIET, 60)
    begin = before[-1].effective_at.replace(hour=1, minute=0) + timedelta(days=1)
    many = [
        pressure(
            1000 + n, begin + timedelta(minutes=2 * n + 35 * (n // 6)), f"{120 + n % 6 * 5}", "81"
        )
        for n in range(30)
    ]
    after = [
        pressure(2000 + n, begin + timedelta(hours=12 * n + 23), f"{130 + n % 3}", "81")
        for n in range(20)
    ]
    quiet = one_by_one([*before, *many]).calm
    assert one_by_one([*before, *many, *after]).calm - quiet > 15


def test_readings_after_a_cut_are_judged_by_the_columns_each_as_of_itself() -> None:
    course = Course(7, 152, 12, 13, wild=False, meter=False, zone="Asia/Shanghai", behind=True)
    life = live(course)
    assert life.several > 2
    assert life.decided > 0


def test_after_weeks_of_silence_the_days_before_are_folded_without_all_the_history() -> None:
    """By a reading of which the screen cannot speak, so that nothing is worked out by columns."""
    before = readings(QUIET, 30)
    moved = replace(
        pressure(1000, before[-1].effective_at + timedelta(days=40), "133", "82"),
        valid=False,
        flags=("body_movement",),
    )
    life = one_by_one([*before, moved])
    assert life.silences == 1
    assert not needs_history(life.person(moved.received_at), [moved], life.rules.zone)


def test_nobody_learns_from_a_crisis_and_its_readings_move_the_columns_all_the_same() -> None:
    before = readings(QUIET, 60)
    crisis = pressure(1000, before[-1].effective_at + timedelta(hours=12), "186", "112")
    assert one_by_one([*before, crisis]).moved == one_by_one(before).moved + 1


def test_whoever_measures_more_than_the_ring_holds_is_calm_too() -> None:
    course = Course(7, 131, 6, 0, wild=False, meter=True, zone="Asia/Shanghai", often=True)
    life = live(course, count=250)
    assert life.reopened > 10
    assert life.calm > 170


def test_a_shift_is_found_behind_the_screen() -> None:
    life = live(Course(7, 131, 3, 18, wild=False, meter=False, zone="Asia/Shanghai"))
    assert life.decided > 0
    assert life.calm > 40
    assert life.moved > 0


def test_the_first_hour_after_the_shortest_day_is_a_day_of_its_own() -> None:
    """On the day after summer time begins, 24 hours back lies the day before yesterday."""
    course = Course(
        179311347, 168, 1, 0, wild=True, meter=False, zone="America/New_York", often=True
    )
    assert live(course, pack=load_shipped().beside).moved > 0
