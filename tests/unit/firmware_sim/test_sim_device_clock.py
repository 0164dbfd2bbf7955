"""What a device's clock shows when it is right, drifts, was reset, never set, or is absent."""

from datetime import UTC, datetime, timedelta

from firmware_sim.device_clock import ClockKind, DeviceClock

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


def shown(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_right_clock_shows_local_time_without_a_zone() -> None:
    assert DeviceClock.right().read(AT) == shown("2026-11-21T07:30:00")


def test_a_drifting_clock_gains_its_seconds_a_day() -> None:
    clock = DeviceClock.drifting(10, since=AT)
    assert clock.read(AT + timedelta(days=6)) == shown("2026-11-27T07:31:00")


def test_a_reset_clock_counts_from_2000() -> None:
    clock = DeviceClock.reset(since=AT)
    assert clock.read(AT + timedelta(hours=2)) == shown("2000-01-01T02:00:00")
    clock = DeviceClock.reset()
    assert clock.read(AT) == shown("2000-01-01T00:00:00")


def test_a_shifted_clock_keeps_its_error() -> None:
    clock = DeviceClock.shifted(timedelta(hours=-12), since=AT)
    assert clock.read(AT + timedelta(days=3)) == shown("2026-11-23T19:30:00")


def test_a_clock_that_was_never_set_runs_once_somebody_sets_it() -> None:
    clock = DeviceClock.never_set()
    assert clock.read(AT) is None
    clock.set(shown("2026-11-21T07:31:00"), true_now=AT)
    assert clock.read(AT + timedelta(hours=1)) == shown("2026-11-21T08:31:00")


def test_an_absent_clock_cannot_be_set() -> None:
    clock = DeviceClock.absent()
    clock.set(shown("2026-11-21T07:31:00"), true_now=AT)
    assert clock.read(AT) is None
    assert clock.kind is ClockKind.ABSENT


def test_a_clock_set_before_any_instant_was_told_starts_at_the_first() -> None:
    clock = DeviceClock.right()
    clock.set(shown("2026-11-21T09:00:00"), true_now=None)
    assert clock.read(AT) == shown("2026-11-21T09:00:00")
    assert clock.read(AT + timedelta(minutes=5)) == shown("2026-11-21T09:05:00")
