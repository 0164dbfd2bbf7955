"""Versioned JSON of the words: what a hub sends, what the core answers, byte for byte.

Three things count their versions apart (decision D45): the form of a topic (the number in it), an
uplink message and a receipt (their `v`). The JSON Schema of an uplink message of version 2 is
`rules/schemas/wire-2.json`, generated from these types by `json_schema()` (a test keeps both
equal); `wire-1.json` stays as it was published. Decimals travel as JSON numbers with all their
digits.
"""

from enum import StrEnum

import msgspec

from rules.vocabulary import HubId, HubStamp, Observation, Quantity

WIRE_VERSION = 2
"""Of the uplink messages that are written today."""

READ_VERSIONS = frozenset({WIRE_VERSION - 1, WIRE_VERSION})
"""Uplink messages that are read: those of today's hubs and of hubs one version behind."""

RECEIPT_VERSION = 1
"""A receipt says the same to hubs of either version; both read this one."""

TOPICS = "hw/1"
"""What every topic begins with: the version of their form."""

MAX_MESSAGE_BYTES = 64 * 1024
MAX_DECIMAL_EXPONENT = 12


class Lane(StrEnum):
    """Which of the two queues of a hub a message belongs to; live goes first."""

    LIVE = "live"
    BACKLOG = "backlog"


class WireError(ValueError):
    """A message is not ours, or a field of it is wrong; the text names the field."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One uplink message (design D2); hub, epoch, lane and sequence also stand in the topic.

    `epoch` is random at the creation of the spool, `sequence` counts from 1 in each epoch and
    lane without a gap. `age_s` is how long ago, by the hub's monotonic clock, the observation was
    received when this message was sent. It is told where the stamp's own wall time is not to be
    believed: the hub had not learned the time, or (version 2) its clock was set since; None
    elsewhere, and where the hub was started again since. In version 1 a stamp that calls itself
    trusted is believed whatever `age_s` says; in version 2 `age_s` alone decides.
    """

    v: int
    hub: HubId
    epoch: str
    lane: Lane
    sequence: int
    observation: Observation
    age_s: float | None = None


class _Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    hub: HubId
    epoch: str
    lane: Lane
    sequence: int
    observation: msgspec.Raw
    age_s: float | None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The core's word: everything up to `through` of that lane is committed or quarantined."""

    v: int
    hub: HubId
    epoch: str
    lane: Lane
    through: int


_ANY_VERSION = b'"v":{"type":"integer"}'
_DECIMAL_AS_TEXT = b'"type":"string","format":"decimal"'
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ENVELOPES = msgspec.json.Decoder(Envelope)
_RECEIPTS = msgspec.json.Decoder(Receipt)


def uplink_topic(hub: str, epoch: str, lane: Lane, sequence: int) -> str:
    """Topic of one uplink message: `hw/1/up/<hub>/<epoch>/<lane>/<sequence>`."""
    return f"{TOPICS}/up/{hub}/{epoch}/{lane.value}/{sequence}"


def receipt_topic(hub: str, epoch: str, lane: Lane) -> str:
    """Topic of a lane's retained receipt: `hw/1/receipt/<hub>/<epoch>/<lane>`."""
    return f"{TOPICS}/receipt/{hub}/{epoch}/{lane.value}"


def command_topic(hub: str) -> str:
    """Topic of a hub's retained, signed command: `hw/1/command/<hub>`."""
    return f"{TOPICS}/command/{hub}"


def status_topic(hub: str) -> str:
    """Topic on which a hub tells its state: `hw/1/status/<hub>`."""
    return f"{TOPICS}/status/{hub}"


CORE_TOPIC = f"{TOPICS}/core"
"""Retained: the owning core's lease epoch, published at each of its connections.

A change, and every message that is not a retained one, makes hubs re-send from their mark at once.
"""

CANARY_TOPIC = f"{TOPICS}/canary"
"""Retained: since when which hubs' test measurements have not come through, as the core sees it."""


def parse_uplink_topic(topic: str) -> tuple[HubId, str, Lane, int]:
    """Hub, epoch, lane and sequence of an uplink topic.

    Raises:
        WireError: the topic does not have the form of `uplink_topic`.
    """
    parts = topic.split("/")
    try:
        head, version, word, hub, epoch, lane, sequence = parts
        if (f"{head}/{version}", word) != (TOPICS, "up"):
            raise WireError(f"topic: {topic!r} is not an uplink below {TOPICS}")
        number = int(sequence)
        if number < 1 or str(number) != sequence:
            raise WireError(f"topic: sequence {sequence!r} is not a whole number from 1")
        return HubId(hub), epoch, Lane(lane), number
    except WireError:
        raise
    except ValueError as error:
        raise WireError(f"topic: {topic!r} is not hw/1/up/HUB/EPOCH/LANE/SEQUENCE") from error


def encode_envelope(envelope: Envelope) -> bytes:
    """The envelope as UTF-8 JSON."""
    body = encode_observation(envelope.observation)
    return enclose(
        body,
        hub=envelope.hub,
        epoch=envelope.epoch,
        lane=envelope.lane,
        sequence=envelope.sequence,
        age_s=envelope.age_s,
    )


def enclose(
    observation: bytes,
    *,
    hub: HubId,
    epoch: str,
    lane: Lane,
    sequence: int,
    age_s: float | None = None,
) -> bytes:
    """The envelope around an observation that is JSON already: a spool keeps it in that form."""
    return msgspec.json.encode(
        _Enclosed(
            v=WIRE_VERSION,
            hub=hub,
            epoch=epoch,
            lane=lane,
            sequence=sequence,
            observation=msgspec.Raw(observation),
            age_s=age_s,
        )
    )


def decode_envelope(payload: bytes) -> Envelope:
    """The envelope in `payload`, of any version of `READ_VERSIONS`.

    Raises:
        WireError: not JSON, another version, a field missing or of a wrong type, a device time
            with an offset or a reception time without one; the text names the field.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError(f"message: {len(payload)} bytes, at most {MAX_MESSAGE_BYTES}")
    try:
        envelope = _ENVELOPES.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        _check_version(_version_of(payload))  # another version may have another form
        raise WireError(f"message: {error}") from error
    _check_version(envelope.v)
    _check_times(envelope.observation)
    return envelope


class _Versioned(msgspec.Struct, frozen=True):
    v: int = WIRE_VERSION


_VERSIONS = msgspec.json.Decoder(_Versioned)


def _version_of(payload: bytes) -> int:
    """What a message that cannot be read says of its version; the present one if nothing."""
    try:
        return _VERSIONS.decode(payload).v
    except (msgspec.DecodeError, ValueError, RecursionError):
        return WIRE_VERSION


def _check_version(said: int) -> None:
    if said not in READ_VERSIONS:
        known = " and ".join(str(version) for version in sorted(READ_VERSIONS))
        raise WireError(f"v: version {said} is not read here, {known} are")


class _Noticed(msgspec.Struct, frozen=True, kw_only=True):
    received: HubStamp


def received_stamp(observation: bytes) -> HubStamp | None:
    """The hub stamp in an encoded observation; None where it cannot be read."""
    try:
        return _NOTICED.decode(observation).received
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


_NOTICED = msgspec.json.Decoder(_Noticed)


def encode_receipt(receipt: Receipt) -> bytes:
    """The receipt as UTF-8 JSON."""
    return _ENCODER.encode(receipt)


def decode_receipt(payload: bytes) -> Receipt:
    """The receipt in `payload`; raises WireError when it is none, or of another version."""
    try:
        receipt = _RECEIPTS.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise WireError(f"receipt: {error}") from error
    if receipt.v != RECEIPT_VERSION:
        raise WireError(f"v: a receipt of version {receipt.v} is not {RECEIPT_VERSION}")
    return receipt


def encode_observation(observation: Observation) -> bytes:
    """An observation alone, as UTF-8 JSON (the spool and the store keep this form)."""
    return _ENCODER.encode(observation)


def decode_observation(payload: bytes) -> Observation:
    """The observation in `payload`; raises WireError as `decode_envelope` does."""
    try:
        observation = msgspec.json.decode(payload, type=Observation)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise WireError(f"observation: {error}") from error
    _check_times(observation)
    return observation


def json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of an uplink message of the present version."""
    schema = msgspec.json.encode(msgspec.json.schema(Envelope))
    # The library describes a Decimal as text; ours travels as a number (`decimal_format`).
    schema = schema.replace(_DECIMAL_AS_TEXT, b'"type":"number"')
    return msgspec.json.decode(schema.replace(_ANY_VERSION, b'"v":{"const":%d}' % WIRE_VERSION))


def _check_times(observation: Observation) -> None:
    if observation.received.wall.tzinfo is None:
        raise WireError("observation.received.wall: needs an offset from UTC")
    if observation.device_time is not None and observation.device_time.tzinfo is not None:
        raise WireError("observation.device_time: is local to the device and has no offset")
    if any(not quantity_is_sound(q) for q in observation.quantities.values()):
        raise WireError("observation.quantities: needs exactly one of value, censored, no_value")


def quantity_is_sound(quantity: Quantity) -> bool:
    """Whether exactly one of value, censored and no_value is given, and a value is a plain number.

    FLOAT's exponent is 8 bits, but no home device measures beyond 10^12: a larger exponent would
    only make arithmetic on it expensive.
    """
    value = quantity.value
    if value is None:
        return (quantity.censored is None) is not (quantity.no_value is None)
    alone = quantity.censored is None and quantity.no_value is None
    return alone and value.is_finite() and abs(value.adjusted()) <= MAX_DECIMAL_EXPONENT
