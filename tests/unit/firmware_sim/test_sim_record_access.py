"""RACP selections and refusals, by the tables of Glucose Service 1.0.1 section 3.4."""

from dataclasses import dataclass

import pytest

from firmware_sim.record_access import Refusal, Result, count_response, response, select


@dataclass(frozen=True, slots=True)
class Numbered:
    sequence: int
    hour: int

    @property
    def user_facing_time(self) -> tuple[int, ...]:
        return (2026, 11, 21, self.hour, 0, 0)


RECORDS = [Numbered(10, 7), Numbered(11, 9), Numbered(300, 8)]


@pytest.mark.parametrize(
    ("request_hex", "sequences"),
    [
        ("0101", [10, 11, 300]),
        ("0105", [10]),
        ("0106", [300]),
        ("0102010b00", [10, 11]),  # <= 11
        ("0103010b00", [11, 300]),  # >= 11
        ("0103012c01", [300]),  # >= 300, little-endian
        ("0104010b002c01", [11, 300]),
        ("010302ea070b15080000", [11, 300]),  # by time >= 08:00
        ("010402ea070b15080000ea070b15080000", [300]),
        ("010301ffff", []),
    ],
)
def test_selection(request_hex: str, sequences: list[int]) -> None:
    chosen = select(RECORDS, bytes.fromhex(request_hex))
    assert [record.sequence for record in chosen] == sequences


@pytest.mark.parametrize(
    ("request_hex", "result"),
    [
        ("0100", Result.INVALID_OPERATOR),
        ("01", Result.INVALID_OPERATOR),
        ("0107", Result.OPERATOR_NOT_SUPPORTED),
        ("010101", Result.INVALID_OPERAND),  # "all" takes no operand
        ("0103", Result.INVALID_OPERAND),
        ("01030110", Result.INVALID_OPERAND),  # one octet of a sequence number
        ("0104012c010b00", Result.INVALID_OPERAND),  # minimum above maximum
        ("0103050b00", Result.OPERAND_NOT_SUPPORTED),  # no such filter
    ],
)
def test_refusal(request_hex: str, result: Result) -> None:
    with pytest.raises(Refusal) as refusal:
        select(RECORDS, bytes.fromhex(request_hex))
    assert refusal.value.result is result


def test_answers() -> None:
    assert response(1, Result.NO_RECORDS) == b"\x06\x00\x01\x06"
    assert count_response(258) == b"\x05\x00\x02\x01"


def test_an_empty_memory_has_no_first_record() -> None:
    assert select(list[Numbered](), b"\x01\x05") == []
