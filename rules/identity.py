"""Identities that every process derives alike: of an observation, and of an alert."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from rules.vocabulary import AlertId, Observation, Quantity, QuantityName, Stage, Vital

_FIELD = "\x1f"

SENT_AS = "sent_as"
"""Word of a record that is kept as another kind or quantity than it was sent as (`sent_as`)."""


def observation_identity(observation: Observation) -> str:
    """32 hex digits naming what the device sent, equal for every repetition of the same record.

    Device (manufacturer, model, serial; not the radio address), user slot, kind, device time as
    sent, sequence, and every quantity's digits, exponent and unit as sent (design section 5).
    Never the subject, never corrected values, never the frame. A record with neither time nor
    sequence adds hub, session and ordinal: two equal LO readings of a clock-less meter are two
    readings (hazard 0.8), at the price that a repeat is kept. Where the word `SENT_AS` stands, it
    says kind and quantities: a record whose second half came later stays the same record.
    """
    device, word = observation.device, observation.context.get(SENT_AS)
    kind, *said = word.split(" ") if word else _as_it_came(observation)
    parts = [
        device.manufacturer,
        device.model,
        device.serial,
        str(observation.user_slot),
        kind,
        observation.device_time.isoformat() if observation.device_time else "",
        str(observation.sequence),
    ]
    parts += said
    if is_undated_unnumbered(observation):
        parts += [observation.hub, observation.session, str(observation.ordinal)]
        parts += [f"{key}={value}" for key, value in sorted(observation.context.items())]
    return sha256(_FIELD.join(parts).encode()).hexdigest()[:32]


def is_undated_unnumbered(observation: Observation) -> bool:
    """Whether the record has neither device time nor sequence: a repeat cannot be told apart."""
    return observation.device_time is None and observation.sequence is None


@lru_cache(maxsize=4096)
def alert_id(*, rule_id: str, stage: Stage, trigger: str) -> AlertId:
    """The id of the alert that `rule_id` raises at `stage` for `trigger`.

    `trigger` is the identity of the newest observation the decision rests on (or, for absence,
    subject and due instant). Hub and core derive the same id, and a crash between commit and
    delivery repeats it (laws 1 and 7).
    """
    digest = sha256(_FIELD.join(("alert", rule_id, stage.value, trigger)).encode()).digest()
    return AlertId(str(UUID(bytes=digest[:16], version=5)))


def sent_as(kind: Vital, quantities: Mapping[QuantityName, Quantity]) -> str:
    """The word `SENT_AS` of a record that came over the wire as this kind with these quantities.

    Its parts stand between spaces, of which neither names nor UCUM units have any.
    """
    return " ".join([kind.value, *_said(quantities)])


def _as_it_came(observation: Observation) -> list[str]:
    return [observation.kind.value, *_said(observation.quantities)]


def _said(quantities: Mapping[QuantityName, Quantity]) -> list[str]:
    return [f"{name.value}={_as_sent(quantities[name])}" for name in sorted(quantities)]


def _as_sent(quantity: Quantity) -> str:
    said = quantity.value if quantity.value is not None else quantity.censored or quantity.no_value
    return f"{said}[{quantity.unit}]"
