"""Law 7: on rules marked for hubs the hub decides what the core decides, under the same names."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.baselines import empty_state
from gateway.detect import Person, Rulebook, assess
from gateway.intake import attributed
from gateway.packs import load_shipped
from gateway.red_path import RedPath
from gateway.stored_state import StoredState
from rules.identity import alert_id
from rules.pack import Pack
from rules.rule import RunsOn
from rules.vocabulary import Observation, Profile, QualityFlag, SubjectRef
from rules.window import Point
from tests.integration.county_bench import START, ZONE, pressure, sugar

SUBJECT = SubjectRef("s-1")
GAPS_MIN = (0.5, 1, 1.5, 5, 6, 9, 14, 15, 16, 19, 20, 21, 29, 30, 31, 45, 61, 200)
UPPER = (69, 79, 80, 84, 89, 90, 100, 130, 174, 175, 179, 180, 185, 219, 220, 230)
LOWER = (45, 60, 80, 104, 105, 109, 110, 115, 129, 130, 135)
SUGARS = ("LO", "2.1", "2.9", "3.0", "3.8", "3.9", "6.1", "13.9", "16.7", "33.2", "33.3")
FLAGS = ((), (), (), (QualityFlag.BODY_MOVEMENT,), (QualityFlag.IRREGULAR_PULSE,))

Step = tuple[float, int, int, str, tuple[QualityFlag, ...]]

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


class CoreOfOne:
    """What the core's exact stage decides about one person, every wait looked at when it is due."""

    def __init__(self, pack: Pack) -> None:
        self._rules = Rulebook(pack=pack, zone=ZONE)
        self._hub = {rule.id for rule in pack.rules if rule.runs_on is RunsOn.HUB}
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


def both(steps: list[Step], pack: Pack) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """What hub and core have decided in the end."""
    hub, core = RedPath(zone=ZONE, rules=pack), CoreOfOne(pack)
    readings = told(steps)
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
    return {(alert.rule_id, alert.alert_id) for alert in hub.alerts()}, core.decided


@pytest.mark.row("R13")
@settings(max_examples=150, deadline=None)
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


def test_the_streams_that_are_compared_ring() -> None:
    """A comparison of nothing with nothing would hold as well."""
    crisis: list[Step] = [(1, 185, 112, "", ()), (6, 188, 111, "", ()), (40, 230, 135, "", ())]
    low: list[Step] = [(1, 120, 80, "2.1", ()), (21, 120, 80, "LO", ())]
    hub, core = both(crisis + low, load_shipped().live)
    assert hub == core
    assert {rule for rule, _ in core} >= {"HW-02", "HW-05"}
