"""What a late reading costs: in proportion to what came after it, whatever that was."""

from datetime import UTC, timedelta

import pytest

from gateway.baselines import empty_state
from gateway.detect import Person, Rulebook, assess
from gateway.stored_state import StoredState
from rules.expression import Condition, Outcome
from rules.scope import Scope
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point
from tests.unit.rules.readings import first_pack, pressure

WANG = SubjectRef("s-wang")


def crises(days: int) -> list[Point]:
    """Three pairs a day at 186/112, each pair confirmed."""
    return [
        pressure(day * 1440 + hour * 60 + late, "186", "112")
        for day in range(days)
        for hour in (0, 6, 12)
        for late in (0, 5)
    ]


def asked(days: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many conditions are evaluated for a reading that is so many days late."""
    count = 0
    test = Condition.test

    def counted(self: Condition, scope: Scope) -> Outcome:
        nonlocal count
        count += 1
        return test(self, scope)

    later = crises(days)
    late = pressure(30, "150", "90")
    person = Person(
        subject=WANG,
        profile=Profile(subject=WANG, birth_year=1950),
        state=StoredState(row=empty_state(), next_wake_at=None),
    )
    rules = Rulebook(pack=first_pack(), zone=UTC)
    now = later[-1].effective_at + timedelta(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(Condition, "test", counted)
        found = assess(person, [*later, late], [late], rules, now, whole=True)
    assert len(found.judged) > days, "it rings all the time"
    return count


def test_a_reading_twice_as_late_costs_twice_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(40, monkeypatch) < 2.3 * asked(20, monkeypatch)
