"""Record Access Control Point 0x2A52: what a request asks for (Glucose Service 1.0.1, section 3.4).

Pure: bytes and records in, a selection or a refusal out.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeVar


class OpCode(IntEnum):
    """What to do with the selected records, and the two answers."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4
    COUNT_RESPONSE = 5
    RESPONSE = 6


class Operator(IntEnum):
    """How records are selected."""

    NULL = 0
    ALL = 1
    AT_MOST = 2
    AT_LEAST = 3
    RANGE = 4
    FIRST = 5
    LAST = 6


class Result(IntEnum):
    """Codes of the general response."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS = 6
    ABORT_UNSUCCESSFUL = 7
    NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


class Record(Protocol):
    """What a filter can look at.

    Attributes:
        sequence: 0..65535.
        user_facing_time: Base time plus offset as (year, month, day, hour, minute, second).
    """

    @property
    def sequence(self) -> int:
        """The record's number."""
        ...

    @property
    def user_facing_time(self) -> tuple[int, ...]:
        """The record's time as the user saw it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Exception):  # noqa: N818 - an answer of the protocol, not a fault of ours
    """The request is answered with this result instead of records."""

    result: Result


_R = TypeVar("_R", bound=Record)
_Key = Callable[[Record], tuple[int, ...]]
_BY_SEQUENCE, _BY_TIME = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a service allows in a request.

    Attributes:
        operators: Those it answers; any other one is "operator not supported".
        filters: Types of filter: 1 by number (in CGM: time offset), 2 by user-facing time.
    """

    operators: frozenset[Operator] = frozenset(Operator) - {Operator.NULL}
    filters: frozenset[int] = frozenset({_BY_SEQUENCE, _BY_TIME})


GLUCOSE_ACCESS = Access()
"""Every operator and both filters (Glucose Service 1.0.1, section 3.4.2)."""
CGM_ACCESS = Access(filters=frozenset({_BY_SEQUENCE}))
"""Every operator, filtered by time offset (CGM Service 1.0.2, section 3.9.2)."""
OXIMETER_ACCESS = Access(operators=frozenset({Operator.ALL}))
"""All records or nothing (Pulse Oximeter Service 1.0, section 3.5.2)."""


def select(records: Sequence[_R], request: bytes, access: Access = GLUCOSE_ACCESS) -> list[_R]:
    """The records that a report, delete or count request means, in stored order.

    Args:
        records: The memory, oldest first.
        request: The whole value written, op code first.
        access: What the service allows.

    Raises:
        Refusal: The operator or operand is not acceptable.
    """
    operator, operand = request[1] if len(request) > 1 else 0, request[2:]
    if operator == Operator.NULL:
        raise Refusal(result=Result.INVALID_OPERATOR)
    if operator not in access.operators:
        raise Refusal(result=Result.OPERATOR_NOT_SUPPORTED)
    if operator in (Operator.ALL, Operator.FIRST, Operator.LAST):
        if operand:
            raise Refusal(result=Result.INVALID_OPERAND)
        chosen = {
            Operator.ALL: slice(None),
            Operator.FIRST: slice(1),
            Operator.LAST: slice(-1, None),
        }
        return list(records[chosen[Operator(operator)]])
    key, bounds = _filter(operand, 2 if operator == Operator.RANGE else 1, access)
    if operator == Operator.AT_MOST:
        return [record for record in records if key(record) <= bounds[0]]
    if operator == Operator.AT_LEAST:
        return [record for record in records if key(record) >= bounds[0]]
    if bounds[0] > bounds[1]:
        raise Refusal(result=Result.INVALID_OPERAND)
    return [record for record in records if bounds[0] <= key(record) <= bounds[1]]


def _filter(operand: bytes, count: int, access: Access) -> tuple[_Key, list[tuple[int, ...]]]:
    """Key of a record and the bounds of the operand, both as comparable tuples."""
    if not operand:
        raise Refusal(result=Result.INVALID_OPERAND)
    layouts = {_BY_SEQUENCE: struct.Struct("<H"), _BY_TIME: struct.Struct("<HBBBBB")}
    layout = layouts.get(operand[0])
    if layout is None or operand[0] not in access.filters:
        raise Refusal(result=Result.OPERAND_NOT_SUPPORTED)
    if len(operand) != 1 + count * layout.size:
        raise Refusal(result=Result.INVALID_OPERAND)
    bounds = [tuple(values) for values in layout.iter_unpack(operand[1:])]
    if operand[0] == _BY_SEQUENCE:
        return (lambda record: (record.sequence,)), bounds
    return (lambda record: record.user_facing_time), bounds


def response(op_code: int, result: Result) -> bytes:
    """The general response to a request."""
    return bytes([OpCode.RESPONSE, Operator.NULL, op_code, result])


def count_response(count: int) -> bytes:
    """The answer to a count request, 0..65535."""
    return bytes([OpCode.COUNT_RESPONSE, Operator.NULL]) + struct.pack("<H", count)
