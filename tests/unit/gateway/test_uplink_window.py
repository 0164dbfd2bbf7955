import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.uplink_window import LONGEST_S, QUICK_S, RESEND_AFTER_S, WINDOW, Window
from rules.wire import Lane

FIRST = 32


def fill(window: Window, now_s: float) -> int:
    """Send what there is room for; how many are out then."""
    while window.room():
        window.mark_sent(window.sent + 1, now_s)
    return window.sent - window.through


def test_never_more_than_64_are_out() -> None:
    window = Window(Lane.LIVE)
    for out in (32, WINDOW, WINDOW):
        assert fill(window, 0.0) == out
        window.take_receipt(window.sent, QUICK_S)
    fill(window, 0.0)
    with pytest.raises(ValueError, match="225 after 224"):
        window.mark_sent(window.sent + 1, 0.0)
    window.take_receipt(window.through + 20, 1.0)
    assert window.room() == 20


def test_a_backlog_comes_whole_where_it_can() -> None:
    assert (fill(Window(Lane.LIVE), 0.0), fill(Window(Lane.BACKLOG), 0.0)) == (FIRST, WINDOW)


def test_slow_receipts_let_fewer_be_out_and_none_lets_one() -> None:
    window = Window(Lane.LIVE)
    for out, took_s in ((FIRST, QUICK_S), (2 * FIRST, 9), (FIRST, 9), (16, 9), (8, 9)):
        assert fill(window, 0.0) == out
        window.take_receipt(window.sent, took_s)
    assert fill(window, 0.0) == 4
    window.rewind_in_vain()
    assert fill(window, 0.0) == 1
    window.rewind()  # another core, another connection
    assert fill(window, 0.0) == FIRST


def test_a_receipt_is_timed_by_the_message_that_it_answers() -> None:
    window = Window(Lane.LIVE)
    fill(window, 0.0)
    window.take_receipt(0, 9.0)  # the same mark, told again
    window.take_receipt(1, QUICK_S)
    assert fill(window, 100.0) == 2 * FIRST
    window.take_receipt(FIRST, 109.0)  # what was sent before the clock was started anew
    assert fill(window, 109.0) == 2 * FIRST
    window.take_receipt(FIRST + 1, 109.0)
    assert window.sent - window.through > FIRST
    assert window.room() == 0


def test_order_is_kept() -> None:
    window = Window(Lane.LIVE, through=7)
    with pytest.raises(ValueError, match="9 after 7"):
        window.mark_sent(9, 0.0)


def test_resend_is_due_30_s_after_the_last_progress() -> None:
    window = Window(Lane.LIVE)
    assert window.resend_at_s() is None
    window.mark_sent(1, 100.0)
    window.mark_sent(2, 120.0)
    assert window.resend_at_s() == 100.0 + RESEND_AFTER_S
    window.take_receipt(1, 125.0)
    assert window.resend_at_s() == 125.0 + RESEND_AFTER_S
    window.take_receipt(1, 150.0)  # the same mark again is no progress
    assert window.resend_at_s() == 125.0 + RESEND_AFTER_S
    window.take_receipt(2, 151.0)
    assert window.resend_at_s() is None


def test_each_time_in_vain_is_waited_for_longer_until_there_is_progress() -> None:
    window = Window(Lane.LIVE)
    waits: list[float] = []
    for _ in range(6):
        window.mark_sent(window.sent + 1, 0.0)
        waits.append(window.resend_at_s() or 0.0)
        window.rewind_in_vain()
    assert waits == [30.0, 60.0, 120.0, 240.0, LONGEST_S, LONGEST_S]
    window.mark_sent(1, 0.0)
    window.take_receipt(1, 5.0)
    window.mark_sent(2, 5.0)
    assert window.resend_at_s() == 5.0 + RESEND_AFTER_S
    window.rewind_in_vain()
    window.rewind()  # another core, another connection: it may be well again
    window.mark_sent(2, 9.0)
    assert window.resend_at_s() == 9.0 + RESEND_AFTER_S


def test_a_receipt_that_goes_back_makes_the_rest_unsent() -> None:
    window = Window(Lane.LIVE)
    for sequence in range(1, FIRST + 1):
        window.mark_sent(sequence, 0.0)
    window.take_receipt(FIRST, 1.0)
    window.take_receipt(2, 2.0)
    assert (window.through, window.sent, window.room()) == (2, 2, 2 * FIRST)


def test_a_receipt_ahead_of_what_was_sent_skips() -> None:
    window = Window(Lane.LIVE, through=2)
    window.take_receipt(9, 0.0)
    assert (window.through, window.sent) == (9, 9)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 90)),
        st.tuples(st.just("arrive"), st.integers(0, 90)),
        st.tuples(st.just("receipt"), st.just(0)),
        st.tuples(st.just("reconnect"), st.just(0)),
        st.tuples(st.just("restore"), st.integers(0, 300)),
        st.tuples(st.just("late"), st.just(0)),
    ),
    max_size=60,
)


class Line:
    """A network and a core around a window: what is out may be lost, the core may forget."""

    def __init__(self, total: int) -> None:
        self.window = Window(Lane.LIVE)
        self.total = total
        self.out: list[int] = []
        self.core: set[int] = set()
        self.now_s = 0.0

    def step(self, action: str, amount: int) -> None:
        self.now_s += 1
        match action:
            case "send":
                for _ in range(min(amount, self.window.room(), self.total - self.window.sent)):
                    self.out.append(self.window.sent + 1)
                    self.window.mark_sent(self.window.sent + 1, self.now_s)
            case "arrive":
                self.core.update(self.out[:amount])
                del self.out[:amount]
            case "receipt":
                self.window.take_receipt(self.mark(), self.now_s)
            case "reconnect":
                self.out.clear()
                self.window.rewind()
            case "restore":
                self.core = {n for n in self.core if n <= amount}
            case _:
                due = self.window.resend_at_s()
                if due is not None and due <= self.now_s + RESEND_AFTER_S:
                    self.window.rewind()

    def mark(self) -> int:
        mark = 0
        while mark + 1 in self.core:
            mark += 1
        return mark


@given(steps=steps, total=st.integers(0, 200))
def test_nothing_is_lost_whatever_the_line_does(steps: list[tuple[str, int]], total: int) -> None:
    line = Line(total)
    for action, amount in steps:
        line.step(action, amount)
        assert 0 <= line.window.sent - line.window.through <= WINDOW
        assert line.window.sent <= max(total, line.window.through)
    for _ in range(60):
        for action in ("reconnect", "receipt", "send", "arrive", "receipt"):
            line.step(action, 90)
    assert line.mark() == total
    assert line.window.through == total
