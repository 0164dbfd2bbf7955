"""Law 7: on rules marked for hubs the hub decides what the core decides, under the same names."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.baselines import empty_state
from gateway.detect import Person, Rulebook, assess
from gateway.hub_asking import HubAsk, Pressed
from gateway.intake import attributed
from gateway.packs import load_shipped
from gateway.red_path import RedPath
from gateway.stored_state import StoredState
from rules.asking import Question
from rules.engine import Decision
from rules.identity import alert_id
from rules.pack import Pack
from rules.rule import RunsOn
from rules.vocabulary import (
    DeviceRef,
    Observation,
    Origin,
    Profile,
    QualityFlag,
    QuantityName,
    Stage,
    SubjectRef,
    Vital,
)
from rules.window import Point
from rules.words import WORDS, Parameter
from tests.integration.county_bench import CUFF, HUB, METER, START, ZONE, pressure, sugar

SUBJECT = SubjectRef("s-1")
GAPS_MIN = (0.5, 1, 1.5, 5, 6, 9, 14, 15, 16, 19, 20, 21, 29, 30, 31, 45, 61, 200)
UPPER = (69, 79, 80, 84, 89, 90, 100, 130, 174, 175, 179, 180, 185, 219, 220, 230)
LOWER = (45, 60, 80, 104, 105, 109, 110, 115, 129, 130, 135)
SUGARS = ("LO", "2.1", "2.9", "3.0", "3.8", "3.9", "6.1", "13.9", "16.7", "33.2", "33.3")
FLAGS = ((), (), (), (QualityFlag.BODY_MOVEMENT,), (QualityFlag.IRREGULAR_PULSE,))

SAID = ("ok", *sorted(WORDS[Parameter.SYMPTOM]))

Step = tuple[float, int, int, str, tuple[QualityFlag, ...]]
Moment = tuple[float, str]
"""Minutes since the one before; a pressure `184/96`, a ketone `3.0k`, a sugar, or what was said."""

Late = tuple[float, str, int]
"""A moment, and how many minutes later the hub hears of it; what is said is heard at once."""

LATE_MIN = (0, 0, 0, 3, 10, 16, 25, 45, 55)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(GAPS_MIN),
        st.sampled_from(UPPER),
        st.sampled_from(LOWER),
        st.sampled_from(("", "", *SUGARS)),
        st.sampled_from(FLAGS),
    ),
    min_size=1,
    max_size=10,
)


def told(steps: list[Step]) -> list[Observation]:
    """Readings of one person's cuff and meter, each received as it was measured."""
    at, found = START, list[Observation]()
    for gap, upper, lower, glucose, flags in steps:
        at += timedelta(minutes=gap)
        found.append(sugar(at, glucose) if glucose else pressure(at, upper, lower, flags=flags))
    return found


def of_cuff(moments: list[Moment]) -> list[Observation]:
    """One cuff's readings, and what whoever used it pressed on the hub's page."""
    return [_cuff_or_said(at, what) for at, what in _dated(moments)]


def of_meter(moments: list[Moment]) -> list[Observation]:
    """The same of a meter that measures sugar and ketones."""
    return [_meter_or_said(at, what) for at, what in _dated(moments)]


def heard_late(
    moments: list[Late], of: Callable[[datetime, str], Observation]
) -> list[Observation]:
    """One device's readings and its user's words in the order in which the hub hears of them."""
    at, found = START, list[Observation]()
    for place, (gap, what, late) in enumerate(moments):
        at += timedelta(minutes=gap)
        one = of(at, what)
        if one.kind is Vital.SYMPTOM:
            found.append(replace(one, session=f"said-{place}"))
            continue
        stamp = replace(one.received, wall=at + timedelta(minutes=late))
        found.append(replace(one, received=stamp, origin=Origin.BACKLOG if late else Origin.LIVE))
    return sorted(found, key=lambda one: one.received.wall)


def _dated(moments: list[Moment]) -> list[tuple[datetime, str]]:
    at, found = START, list[tuple[datetime, str]]()
    for gap, what in moments:
        at += timedelta(minutes=gap)
        found.append((at, what))
    return found


def _cuff_or_said(at: datetime, what: str) -> Observation:
    if "/" not in what:
        return _said(at, what, CUFF)
    upper, lower = what.split("/")
    return pressure(at, int(upper), int(lower))


def _meter_or_said(at: datetime, what: str) -> Observation:
    if what in SAID:
        return _said(at, what, METER)
    reading = sugar(at, what.removesuffix("k"))
    if not what.endswith("k"):
        return reading
    (value,) = reading.quantities.values()
    return replace(reading, kind=Vital.KETONE, quantities={QuantityName.KETONE: value})


def _said(at: datetime, word: str, device: DeviceRef) -> Observation:
    ask = HubAsk(device=device, user_slot=None, question=Question(symptoms=(word,)))
    stamp = pressure(at, 120, 80).received
    return Pressed(ask=ask, word=word).observation(HUB, stamp, f"said-{at.isoformat()}")


class CoreOfOne:
    """What the core's exact stage decides about one person, every wait looked at when it is due."""

    def __init__(self, pack: Pack) -> None:
        self._rules = Rulebook(pack=pack, zone=ZONE)
        self._hub = {rule.id: rule for rule in pack.rules if rule.runs_on is RunsOn.HUB}
        self.covered: set[tuple[str, str]] = set()
        self._points: list[Point] = []
        self.due: datetime | None = None
        self.decided: set[tuple[str, str]] = set()

    def take(self, observation: Observation) -> None:
        """A reading is committed."""
        received = replace(observation.received, wall_trusted=True)
        heard = replace(observation, received=received)
        point = attributed(heard, SUBJECT, ZONE, received.wall).point
        self._points.append(point)
        self._look([point], received.wall)

    def wake(self, now: datetime) -> None:
        """An absence is due."""
        self._look([], now)

    def _look(self, fresh: list[Point], now: datetime) -> None:
        state = StoredState(row=empty_state(), next_wake_at=None)
        person = Person(subject=SUBJECT, profile=Profile(subject=SUBJECT), state=state)
        found = assess(person, self._points, fresh, self._rules, now, whole=True)
        self.due = found.state.next_wake_at
        for judged in found.judged:
            decision = judged.decision
            if decision.rule_id in self._hub and not decision.dated:
                name = alert_id(
                    rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger
                )
                self.decided.add((decision.rule_id, name))
            elif not decision.dated:
                self._cover(decision)

    def _cover(self, decision: Decision) -> None:
        """A rule that no hub has rings higher for the same reading: the call is that rule's."""
        for rule in self._hub.values():
            if rule.family is decision.family and rule.priority < decision.priority:
                self.covered |= {
                    (rule.id, alert_id(rule_id=rule.id, stage=stage, trigger=decision.trigger))
                    for stage in Stage
                }


def both(steps: list[Step], pack: Pack) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """What hub and core have decided in the end."""
    return both_of(told(steps), pack)


def both_of(
    readings: list[Observation], pack: Pack
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The same of these observations."""
    hub, core = RedPath(zone=ZONE, rules=pack), CoreOfOne(pack)
    end = readings[-1].received.wall + timedelta(minutes=31)
    for place, observation in enumerate(readings):
        now = observation.received.wall
        core.take(observation)
        hub.consider(observation, now)
        hub.instructions(now)  # the page asks often, the core looks at all that is due
        following = readings[place + 1].received.wall if place + 1 < len(readings) else end
        while core.due is not None and core.due < following:
            due = core.due
            core.wake(due)
            hub.instructions(due)
        hub.instructions(following - timedelta(microseconds=1))
    decided: set[tuple[str, str]] = {(one.rule_id, one.alert_id) for one in hub.alerts()}
    return decided - core.covered, core.decided - core.covered


@pytest.mark.row("R13")
@settings(max_examples=80, deadline=None)
@given(STEPS)
@example([(1, 185, 112, "", ()), (6, 188, 111, "", ())])
@example([(1, 185, 112, "", ()), (60, 120, 80, "", ())])
@example([(1, 120, 80, "2.1", ()), (15, 120, 80, "3.9", ())])
@example([(1, 69, 45, "2.1", ()), (16, 69, 45, "2.1", ()), (45, 69, 45, "LO", ())])
@example(
    [(1, 219, 45, "", ()), (21, 89, 129, "", ()), (61, 89, 135, "", ()), (51, 84, 130, "", ())]
)
@example([(1, 179, 115, "", ()), (20, 185, 104, "", ()), (42, 174, 130, "", ())])
@example([(1, 230, 135, "", (QualityFlag.BODY_MOVEMENT,)), (5, 185, 110, "", ())])
def test_the_hub_decides_what_the_core_decides(steps: list[Step]) -> None:
    hub, core = both(steps, load_shipped().live)
    assert hub == core


def _moments(said: tuple[str, ...]) -> st.SearchStrategy[list[Moment]]:
    words = st.one_of(st.sampled_from(said), st.sampled_from(SAID))
    return st.lists(st.tuples(st.sampled_from(GAPS_MIN), words), min_size=1, max_size=8)


@pytest.mark.row("R13")
@settings(max_examples=60, deadline=None)
@given(_moments(tuple(f"{upper}/{lower}" for upper in UPPER for lower in LOWER)))
@example([(1, "184/96"), (2, "chest_pain")])
@example([(1, "89/60"), (29, "fainted")])
@example([(1, "dizziness"), (20, "190/100")])
def test_the_hub_decides_on_a_cuff_and_what_its_user_says(moments: list[Moment]) -> None:
    hub, core = both_of(of_cuff(moments), load_shipped().live)
    assert hub == core


@pytest.mark.row("R13")
@settings(max_examples=60, deadline=None)
@given(_moments((*SUGARS, "HI", "1.4k", "2.9k", "3.0k", "LOk", "HIk")))
@example([(1, "2.8"), (5, "ok")])
@example([(1, "16.7"), (5, "vomiting")])
@example([(1, "2.9"), (5, "confusion"), (20, "2.9")])
@example([(1, "3.0k"), (200, "HIk")])
def test_the_hub_decides_on_a_meter_and_what_its_user_says(moments: list[Moment]) -> None:
    hub, core = both_of(of_meter(moments), load_shipped().live)
    assert hub == core


def _late(said: tuple[str, ...]) -> st.SearchStrategy[list[Late]]:
    words = st.one_of(st.sampled_from(said), st.sampled_from(said), st.sampled_from(SAID))
    gaps = st.sampled_from((0, *GAPS_MIN))
    return st.lists(st.tuples(gaps, words, st.sampled_from(LATE_MIN)), min_size=1, max_size=10)


@pytest.mark.row("R13")
@settings(max_examples=100, deadline=None)
@given(_late(tuple(f"{upper}/{lower}" for upper in UPPER for lower in LOWER)))
@example([(1, "185/112", 0), (5, "188/112", 15), (6, "120/70", 0)])
@example([(1, "185/112", 55)])
@example([(1, "fainted", 0), (0, "185/112", 0)])
@example([(1, "184/96", 0), (0, "chest_pain", 0), (0, "188/97", 0)])
@example(
    [(1, "100/129", 0), (5, "219/80", 0), (5, "230/105", 55), (14, "90/60", 55), (31, "99/130", 0)]
)
def test_the_hub_decides_on_a_cuff_that_is_heard_late(moments: list[Late]) -> None:
    hub, core = both_of(heard_late(moments, _cuff_or_said), load_shipped().live)
    assert hub == core


@pytest.mark.row("R13")
@settings(max_examples=100, deadline=None)
@given(_late((*SUGARS, "HI", "1.4k", "2.9k", "3.0k", "LOk", "HIk")))
@example([(1, "2.8", 45), (5, "3.9", 0)])
@example([(1, "confusion", 0), (0, "2.9", 0)])
def test_the_hub_decides_on_a_meter_that_is_heard_late(moments: list[Late]) -> None:
    hub, core = both_of(heard_late(moments, _meter_or_said), load_shipped().live)
    assert hub == core


def test_every_marked_rule_rings_in_the_streams_with_symptoms() -> None:
    """All but the minors': a hub knows nobody's age."""
    cuff: list[Moment] = [(1, "184/96"), (2, "chest_pain"), (90, "185/96"), (6, "186/97")]
    faint: list[Moment] = [(200, "89/60"), (5, "fainted")]
    meter: list[Moment] = [
        (1, "2.8"),
        (5, "confusion"),
        (200, "16.7"),
        (5, "vomiting"),
        (200, "HI"),
    ]
    found = [both_of(of_cuff([*cuff, *faint]), load_shipped().live)]
    found.append(both_of(of_meter(meter), load_shipped().live))
    assert all(hub == core for hub, core in found)
    rung = {rule for hub, _ in found for rule, _ in hub}
    marked = {rule.id for rule in load_shipped().live.rules if rule.runs_on is RunsOn.HUB}
    assert rung == marked - {"HW-MIN"}


def test_the_streams_that_are_compared_ring() -> None:
    """A comparison of nothing with nothing would hold as well."""
    crisis: list[Step] = [(1, 185, 112, "", ()), (6, 188, 111, "", ()), (40, 230, 135, "", ())]
    low: list[Step] = [(1, 120, 80, "2.1", ()), (21, 120, 80, "LO", ())]
    hub, core = both(crisis + low, load_shipped().live)
    assert hub == core
    assert {rule for rule, _ in core} >= {"HW-02", "HW-05"}


def test_the_streams_that_are_heard_late_ring() -> None:
    moments: list[Late] = [(1, "185/112", 0), (5, "188/112", 15), (6, "120/70", 0)]
    moments += [(200, "185/112", 55), (90, "dizziness", 0), (0, "185/112", 0)]
    hub, core = both_of(heard_late(moments, _cuff_or_said), load_shipped().live)
    assert hub == core
    assert sorted(rule for rule, _ in core) == ["HW-01", "HW-02", "HW-02", "HW-02"]
