"""Which decoder reads which topic: one literal dict, the topics that the front subscribes to."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from device_adapters.mqtt.payloads import fhir_observation, hearthwatch, open_mhealth, theengs
from device_adapters.mqtt.payloads.body import Arrival
from rules.vocabulary import Observation

Decoder = Callable[[bytes, Arrival], tuple[Observation, ...]]
"""Pure: the observations in a payload (none: it tells of nobody's body), or a PayloadError."""


def _own(payload: bytes, arrival: Arrival) -> tuple[Observation, ...]:
    return (hearthwatch.decode_reading(payload, arrival),)


FORMATS: Mapping[str, Decoder] = MappingProxyType(
    {
        hearthwatch.TOPIC_FILTER: _own,
        open_mhealth.TOPIC_FILTER: open_mhealth.decode_open_mhealth,
        fhir_observation.TOPIC_FILTER: fhir_observation.decode_fhir_observation,
        theengs.TOPIC_FILTER: theengs.decode_theengs,
    }
)
"""Topic filter (`+` is any one level) to decoder; no topic fits two of them."""


def decoder_of(topic: str) -> Decoder | None:
    """The decoder of `topic`; None for a topic that no format uses."""
    levels = topic.split("/")
    for pattern, decoder in FORMATS.items():
        wanted = pattern.split("/")
        if len(wanted) == len(levels) and all(
            want in ("+", level) for want, level in zip(wanted, levels, strict=True)
        ):
            return decoder
    return None
