"""Whether a machine knows the time: what the kernel says of its own clock."""

import pytest

from gateway import stamps
from gateway.clock import ManualClock
from gateway.stamps import Stamps, clock_state, kernel_is_synchronised
from tests.unit.gateway.observations import START

pytestmark = pytest.mark.row("P22")

KEPT = (0, 1, 2, 3, 4)
"""TIME_OK, and TIME_INS to TIME_WAIT around a leap second: all disciplined (adjtimex(2))."""


@pytest.mark.parametrize("state", [-1, *KEPT, 5])
def test_only_a_clock_that_the_kernel_keeps_is_trusted(
    monkeypatch: pytest.MonkeyPatch, state: int
) -> None:
    monkeypatch.setattr(stamps, "clock_state", lambda: state)
    assert kernel_is_synchronised() is (state in KEPT)
    stamp = Stamps(ManualClock(START), kernel_is_synchronised).now()
    assert stamp.wall_trusted is (state in KEPT)


def test_this_kernel_answers_one_of_its_states() -> None:
    assert clock_state() in {*KEPT, 5}


class NoSuchFunction:
    """A C library without adjtimex, as musl of other systems."""

    def __init__(self, name: str | None) -> None:
        assert name is None


def test_a_library_that_cannot_say_vouches_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps.ctypes, "CDLL", NoSuchFunction)
    assert clock_state() == -1
    assert not kernel_is_synchronised()
