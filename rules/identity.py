"""Identities that every process derives alike: of an observation, and of an alert."""

from hashlib import sha256
from uuid import UUID

from rules.vocabulary import AlertId, Observation, Quantity, Stage

_FIELD = "\x1f"


def observation_identity(observation: Observation) -> str:
    """32 hex digits naming what the device sent, equal for every repetition of the same record.

    Device (manufacturer, model, serial; not the radio address), user slot, kind, device time as
    sent, sequence, and every quantity's digits, exponent and unit as sent (design section 5).
    Never the subject, never corrected values, never the frame. A record with neither time nor
    sequence adds hub, session and ordinal: two equal LO readings of a clock-less meter are two
    readings (hazard 0.8), at the price that a repeat is kept.
    """
    device = observation.device
    parts = [
        device.manufacturer,
        device.model,
        device.serial,
        str(observation.user_slot),
        observation.kind.value,
        observation.device_time.isoformat() if observation.device_time else "",
        str(observation.sequence),
    ]
    parts += [
        f"{name.value}={_as_sent(observation.quantities[name])}"
        for name in sorted(observation.quantities)
    ]
    if is_undated_unnumbered(observation):
        parts += [observation.hub, observation.session, str(observation.ordinal)]
        parts += [f"{key}={value}" for key, value in sorted(observation.context.items())]
    return sha256(_FIELD.join(parts).encode()).hexdigest()[:32]


def is_undated_unnumbered(observation: Observation) -> bool:
    """Whether the record has neither device time nor sequence: a repeat cannot be told apart."""
    return observation.device_time is None and observation.sequence is None


def alert_id(*, rule_id: str, stage: Stage, trigger: str) -> AlertId:
    """The id of the alert that `rule_id` raises at `stage` for `trigger`.

    `trigger` is the identity of the newest observation the decision rests on (or, for absence,
    subject and due instant). Hub and core derive the same id, and a crash between commit and
    delivery repeats it (laws 1 and 7).
    """
    digest = sha256(_FIELD.join(("alert", rule_id, stage.value, trigger)).encode()).digest()
    return AlertId(str(UUID(bytes=digest[:16], version=5)))


def _as_sent(quantity: Quantity) -> str:
    said = quantity.value if quantity.value is not None else quantity.censored or quantity.no_value
    return f"{said}[{quantity.unit}]"
