"""The record memory that all simulated devices share, and the battery."""

import pytest

from firmware_sim.battery import Battery, SwitchedOffError
from firmware_sim.record_memory import RecordMemory, Retention, StoredRecord


def record(number: int, *, user: int | None = None) -> StoredRecord:
    return StoredRecord(sequence=number, parts=((0x2A35, bytes([number])),), user=user)


def numbers(records: tuple[StoredRecord, ...]) -> list[int]:
    return [each.sequence for each in records]


def full(memory: RecordMemory, *records: StoredRecord) -> RecordMemory:
    for each in records:
        memory.store(each)
    return memory


def test_the_oldest_record_of_a_full_slot_gives_way() -> None:
    memory = RecordMemory(capacity=2, retention=Retention.KEEP)
    full(memory, record(1, user=1), record(2, user=2), record(3, user=1), record(4, user=1))
    assert numbers(memory.records) == [2, 3, 4]
    assert memory.lost == 1


def test_a_record_that_was_taken_is_not_lost_when_it_gives_way() -> None:
    memory = full(RecordMemory(capacity=1, retention=Retention.KEEP), record(1))
    memory.taken(memory.records[0])
    memory.store(record(2))
    assert numbers(memory.records) == [2]
    assert memory.lost == 0


@pytest.mark.parametrize(
    ("retention", "kept", "unsent", "again"),
    [
        (Retention.DELETE, [2], [2], [2]),
        (Retention.KEEP, [1, 2], [2], [2]),
        (Retention.RESEND, [1, 2], [2], [1, 2]),
    ],
)
def test_what_becomes_of_a_record_that_was_taken(
    retention: Retention, kept: list[int], unsent: list[int], again: list[int]
) -> None:
    memory = full(RecordMemory(capacity=9, retention=retention), record(1), record(2))
    memory.taken(memory.records[0])
    assert (numbers(memory.records), numbers(memory.unsent)) == (kept, unsent)
    memory.begin_session()
    assert numbers(memory.unsent) == again


@pytest.mark.parametrize(("newest_first", "order"), [(False, [1, 2, 3]), (True, [3, 2, 1])])
def test_records_go_out_in_the_order_of_the_device(*, newest_first: bool, order: list[int]) -> None:
    memory = RecordMemory(capacity=9, retention=Retention.DELETE, newest_first=newest_first)
    full(memory, record(1), record(2), record(3))
    sent: list[int] = []
    while (following := memory.next_unsent) is not None:
        sent.append(following.sequence)
        memory.taken(following)
    assert sent == order
    assert memory.records == ()


def test_a_record_removed_while_it_is_sent_may_still_be_taken() -> None:
    memory = full(RecordMemory(capacity=1, retention=Retention.DELETE), record(1))
    going = memory.records[0]
    memory.store(record(2))
    memory.taken(going)
    assert numbers(memory.records) == [2]


def test_two_equal_records_are_two_records() -> None:
    memory = full(RecordMemory(capacity=9, retention=Retention.DELETE), record(1), record(1))
    memory.taken(memory.records[0])
    assert len(memory.records) == 1


def test_numbers_start_again_after_65535() -> None:
    memory = RecordMemory(capacity=1, retention=Retention.KEEP, first_sequence=0x1FFFF)
    assert [memory.take_sequence(), memory.take_sequence()] == [0xFFFF, 0]


def test_a_memory_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        RecordMemory(capacity=0, retention=Retention.KEEP)


def test_a_battery_falls_to_low_and_to_flat_and_is_changed() -> None:
    battery = Battery(percent=20, per_measurement=6, low_percent=15, off_percent=2)
    seen: list[tuple[int, bool, bool]] = []
    for _ in range(4):
        battery.use()
        seen.append((battery.percent, battery.low, battery.flat))
    assert seen == [(14, True, False), (8, True, False), (2, True, False), (0, True, True)]
    with pytest.raises(SwitchedOffError, match="0 %"):
        battery.use()
    battery.change()
    assert (battery.percent, battery.low, battery.flat) == (100, False, False)


def test_a_battery_never_falls_unless_told_to() -> None:
    battery = Battery(percent=87)
    for _ in range(1000):
        battery.use()
    assert battery.percent == 87
