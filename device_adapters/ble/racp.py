"""Record Access Control Point 0x2A52: requests and answers (Glucose Service 1.0.1, section 3.4).

We report and never delete: a record leaves a device only after the core's receipt (law 1).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from device_adapters.ble.fields import Clock, Reader, word_of

RECORD_ACCESS = "2A52"
LAST_SEQUENCE = 0xFFFF
REPORT_ALL = bytes([1, 1])
REPORT_LAST = bytes([1, 6])
_REPORT, _COUNT_RESPONSE, _RESPONSE, _AT_LEAST, _BY_SEQUENCE, _BY_TIME = 1, 5, 6, 3, 1, 2
_NULL = 0

OP_CODES = ("", "report", "delete", "abort", "count", "count_response", "response")
OPERATORS = ("null", "all", "at_most", "at_least", "range", "first", "last")
FILTERS = ("", "sequence", "time")
_OPERANDS_OF = {2: 1, 3: 1, 4: 2}
"""How many operands of its filter type an operator takes; the other operators take none."""


class Result(IntEnum):
    """What a device says about a finished request."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS = 6
    ABORT_UNSUCCESSFUL = 7
    NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


RESULTS = ("", *(result.name.lower() for result in Result))

NOT_SUPPORTED = frozenset(
    {
        Result.INVALID_OPERATOR,
        Result.OPERATOR_NOT_SUPPORTED,
        Result.INVALID_OPERAND,
        Result.OPERAND_NOT_SUPPORTED,
    }
)
"""Answers of a device that cannot filter: it is asked for everything instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The general response: `result` is one of `Result`, or a reserved number."""

    op_code: int
    result: int


def report_from(sequence: int) -> bytes:
    """Request every record numbered `sequence` (0..65535) or higher; the operator includes it."""
    return struct.pack("<BBBH", _REPORT, _AT_LEAST, _BY_SEQUENCE, sequence)


def decode_response(payload: bytes) -> Response:
    """The general response in a 2A52 indication.

    Raises:
        DecodeError: it is another kind of answer, too short or too long.
    """
    reader = Reader(RECORD_ACCESS, payload)
    _expect(reader, _RESPONSE, "answers no report")
    reader.unsigned(1, "operator")
    requested = reader.unsigned(1, "requested op code")
    result = reader.unsigned(1, "result")
    reader.finish()
    return Response(op_code=requested, result=result)


def facts(payload: bytes) -> dict[str, str]:
    """Whatever 2A52 carries, request or answer, in words; reserved codes by their number.

    Raises:
        DecodeError: too short or too long for its codes; octets after a reserved one are kept.
    """
    reader = Reader(RECORD_ACCESS, payload)
    op_code = reader.unsigned(1, "op code")
    operator = reader.unsigned(1, "operator")
    words = {"op_code": word_of(op_code, OP_CODES)}
    if op_code == _RESPONSE:
        words["request"] = word_of(reader.unsigned(1, "requested op code"), OP_CODES)
        words["result"] = word_of(reader.unsigned(1, "result"), RESULTS)
    elif op_code == _COUNT_RESPONSE:
        words["count"] = str(reader.unsigned(2, "number of records"))
    elif _NULL < op_code < _COUNT_RESPONSE and operator < len(OPERATORS):
        words["operator"] = OPERATORS[operator]
        words |= _filter(reader, _OPERANDS_OF.get(operator, 0))
    else:
        words["operator"] = word_of(operator, OPERATORS)
        if reader.remaining:
            words["octets"] = reader.octets(reader.remaining, "operand").hex()
    reader.finish()
    return words


def _filter(reader: Reader, count: int) -> dict[str, str]:
    if not count:
        return {}
    kind = reader.unsigned(1, "filter type")
    words = {"filter": word_of(kind, FILTERS)}
    if kind == _BY_SEQUENCE:
        operands = [str(reader.unsigned(2, "sequence number")) for _ in range(count)]
    elif kind == _BY_TIME:
        times = [reader.date_time("time") for _ in range(count)]
        operands = [at.value if isinstance(at, Clock) else at.isoformat() for at in times]
    else:
        operands = [reader.octets(reader.remaining, "operand").hex()]
    return words | {"operands": ",".join(operands)}


def _expect(reader: Reader, wanted: int, otherwise: str) -> None:
    op_code = reader.unsigned(1, "op code")
    if op_code != wanted:
        raise reader.refuse(f"op code {op_code} {otherwise}", at=0)
