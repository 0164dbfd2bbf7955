"""Record numbers of a transfer: gaps, the newest, the end of the numbers and a new beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.ble.numbering import Gap, missing, newest

pytestmark = pytest.mark.row("P10")

FULL = list(range(100, 201))


def gaps(numbers: list[int], since: int | None = None) -> list[tuple[int, int]]:
    return [(gap.first, gap.last) for gap in missing(numbers, since)]


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_skipped_number_is_told_whichever_record_comes_first(order: str) -> None:
    numbers = [n for n in FULL if n not in {117, 150, 151}]
    sent = numbers if order == "oldest" else numbers[::-1]
    assert gaps(sent) == [(117, 117), (150, 151)]
    assert newest(sent) == 200


def test_a_whole_transfer_has_no_gap_in_any_order() -> None:
    shuffled = [105, 101, 104, 102, 103, 100]
    assert gaps(FULL) == gaps(FULL[::-1]) == gaps(shuffled) == gaps([1, 3, 2, 4]) == gaps([]) == []
    assert gaps([7, 7, 8]) == []


def test_numbers_start_again_after_65535_without_a_gap() -> None:
    around = [65533, 65534, 65535, 0, 1]
    assert gaps(around) == gaps(around[::-1]) == []
    assert newest(around) == newest(around[::-1]) == 1
    assert gaps([65533, 65535, 1]) == [(65534, 65534), (0, 0)]
    assert Gap(first=65534, last=1).count == 4


def test_a_meter_that_began_again_has_lost_nothing_that_we_know_of() -> None:
    assert gaps([*FULL, 0, 1]) == []
    assert gaps([*FULL, 0, 1], since=200) == []
    assert gaps([*FULL, 0, 2]) == [(1, 1)]
    assert gaps([60000, 60001, 0]) == []
    assert gaps([0], since=200) == []


def test_what_was_written_over_since_the_last_session_is_told_once() -> None:
    assert gaps([204, 205], since=200) == [(201, 203)]
    assert gaps([100, 150, 200, 201], since=200) == []  # told when they were found
    assert gaps([201], since=200) == gaps([], since=200) == []
    assert gaps([1], since=65534) == [(65535, 0)]


@st.composite
def memories(draw: st.DrawFn) -> tuple[list[int], set[int]]:
    """Numbers as a device would send them, and those that it left out.

    Of two records nobody knows whether the second is older or the first after a new beginning.
    """
    first, count = draw(st.integers(0, 65535)), draw(st.integers(6, 400))
    numbers = [(first + place) % 65536 for place in range(count)]
    gone = draw(st.sets(st.integers(1, count - 2), max_size=count // 3))
    left = [number for place, number in enumerate(numbers) if place not in gone]
    return left[:: draw(st.sampled_from([1, -1]))], {numbers[place] for place in gone}


@given(memories())
def test_what_is_told_is_what_was_left_out_wherever_the_numbers_begin(
    memory: tuple[list[int], set[int]],
) -> None:
    sent, gone = memory
    told = {(gap.first + place) % 65536 for gap in missing(sent) for place in range(gap.count)}
    assert told == gone


@given(memories(), st.integers(0, 65535))
def test_no_number_that_came_is_ever_called_missing(
    memory: tuple[list[int], set[int]], since: int
) -> None:
    sent, _ = memory
    for gap in missing(sent, since):
        for place in range(gap.count):
            assert (gap.first + place) % 65536 not in {*sent, since}
