"""What travels instead of an observation when a frame or payload could not be understood.

Bad input is kept, never dropped: the hub spools it like a reading, and the core, which quarantines
whatever is not an envelope, reads reason and field from this form.
"""

from dataclasses import dataclass

import msgspec

from rules.wire import WIRE_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A frame or payload that no adapter could read.

    `source` is the characteristic (`2A35`) or topic it came by, `reason` a sentence for people,
    `field` the part at fault (`byte 6`, `quantities.systolic`; empty when it is the whole), `raw`
    the original bytes.
    """

    source: str
    reason: str
    field: str
    raw: bytes


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    reason: str
    field: str
    raw_hex: str


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    refused: _Body


def encode_refused(refused: Refused) -> bytes:
    """The uplink payload `{"v":1,"refused":{...}}` as UTF-8 JSON."""
    body = _Body(
        source=refused.source,
        reason=refused.reason,
        field=refused.field,
        raw_hex=refused.raw.hex(),
    )
    return msgspec.json.encode(_Message(v=WIRE_VERSION, refused=body))


def decode_refused(payload: bytes) -> Refused | None:
    """What the hub refused and why; None when `payload` is no such message."""
    try:
        body = msgspec.json.decode(payload, type=_Message).refused
        return Refused(
            source=body.source,
            reason=body.reason,
            field=body.field,
            raw=bytes.fromhex(body.raw_hex),
        )
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
