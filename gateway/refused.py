"""What travels instead of an observation when a frame or payload could not be understood.

Bad input is kept, never dropped: the hub spools it like a reading, and the core, which quarantines
whatever is not an envelope, reads reason and field from this form.
"""

from dataclasses import dataclass

import msgspec

from device_adapters.plain_text import escaped
from rules.wire import READ_VERSIONS, WIRE_VERSION

MAX_RAW_BYTES = 16 * 1024
"""More of an oversized payload is not kept: its refusal must itself fit into a message."""


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


_MAX_TEXT = 1000


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    reason: str
    field: str
    raw_hex: str


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    refused: _Body


def encode_refused(refused: Refused) -> bytes:
    """The uplink payload `{"v":2,"refused":{...}}` as UTF-8 JSON, well under 64 KiB.

    Never fails, whatever the text: control characters and lone surrogates are written out. Of more
    than `MAX_RAW_BYTES` only the beginning is kept; the reason says so then.
    """
    reason = escaped(refused.reason)[:_MAX_TEXT]
    if len(refused.raw) > MAX_RAW_BYTES:
        reason = f"{reason} (first {MAX_RAW_BYTES} of {len(refused.raw)} bytes kept)"
    body = _Body(
        source=escaped(refused.source)[:_MAX_TEXT],
        reason=reason,
        field=escaped(refused.field)[:_MAX_TEXT],
        raw_hex=refused.raw[:MAX_RAW_BYTES].hex(),
    )
    return msgspec.json.encode(_Message(v=WIRE_VERSION, refused=body))


def decode_refused(payload: bytes) -> Refused | None:
    """What the hub refused and why, in text that a store takes; None when it is no such message."""
    try:
        message = msgspec.json.decode(payload, type=_Message)
        if message.v not in READ_VERSIONS:
            return None
        body = message.refused
        return Refused(
            source=escaped(body.source),
            reason=escaped(body.reason),
            field=escaped(body.field),
            raw=bytes.fromhex(body.raw_hex),
        )
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
