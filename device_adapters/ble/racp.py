"""Record Access Control Point 0x2A52: requests and answers (Glucose Service 1.0.1, section 3.4).

We report and never delete: a record leaves a device only after the core's receipt (law 1).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from device_adapters.ble.fields import Reader

RECORD_ACCESS = "2A52"
LAST_SEQUENCE = 0xFFFF
REPORT_ALL = bytes([1, 1])
REPORT_LAST = bytes([1, 6])
_REPORT, _RESPONSE, _AT_LEAST, _BY_SEQUENCE = 1, 6, 3, 1


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
    op_code = reader.unsigned(1, "op code")
    if op_code != _RESPONSE:
        raise reader.refuse(f"op code {op_code} answers no report", at=0)
    reader.unsigned(1, "operator")
    requested = reader.unsigned(1, "requested op code")
    result = reader.unsigned(1, "result")
    reader.finish()
    return Response(op_code=requested, result=result)
