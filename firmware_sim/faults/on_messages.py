"""Messages that no device of ours should send, and what can happen to a hub.

They are done by `faults/mqtt.py`, `mqtt_line.py` and `sim_hub.py`; a Bluetooth device cannot.
"""

from firmware_sim.faults.groups import HUB, MQTT, NO_MESSAGES
from firmware_sim.faults.kind import FaultKind, Layer, every

_HUB_ENCODES = {HUB: "it encodes its own envelopes, a device's document travels inside as it came"}
_DEVICE_HAS_NO_SPOOL = NO_MESSAGES | {MQTT: "it has no spool and no clock of the hub"}

KINDS = (
    FaultKind(
        name="missing-unit",
        says="a quantity has no unit",
        layer=Layer.MESSAGE,
        injected="the unit of the first quantity is left out",
        expects={MQTT: "quarantined:unit_missing"},
        absent=NO_MESSAGES | _HUB_ENCODES,
    ),
    FaultKind(
        name="unknown-unit",
        says="a quantity has a unit that nobody knows",
        layer=Layer.MESSAGE,
        injected="the unit of the first quantity is furlong",
        expects={MQTT: "quarantined:unit_unknown"},
        absent=NO_MESSAGES | _HUB_ENCODES,
    ),
    FaultKind(
        name="nan-word",
        says="the value is the bare word NaN, which JSON does not have",
        layer=Layer.MESSAGE,
        injected="a document from an encoder that writes NaN for the first of its values",
        expects={MQTT: "stored_flagged:component_unusable"},
        absent=NO_MESSAGES | _HUB_ENCODES,
    ),
    FaultKind(
        name="huge-number",
        says="the value is 1e300",
        layer=Layer.MESSAGE,
        injected="the first value of a document is 1e300",
        expects={MQTT: "quarantined:malformed_frame"},
        absent=NO_MESSAGES | _HUB_ENCODES,
    ),
    FaultKind(
        name="not-json",
        says="the payload is no JSON at all",
        layer=Layer.MESSAGE,
        injected="octets that are not even UTF-8",
        expects={MQTT: "quarantined:malformed_frame", HUB: "quarantined:not_ours"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="truncated-json",
        says="the payload ends in the middle",
        layer=Layer.MESSAGE,
        injected="the first half of a document",
        expects={MQTT: "quarantined:malformed_frame", HUB: "quarantined:not_ours"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="not-ours",
        says="the payload is valid JSON of something else",
        layer=Layer.MESSAGE,
        injected="a room thermometer's document",
        expects={MQTT: "quarantined:malformed_frame", HUB: "quarantined:not_ours"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="retained",
        says="the broker delivers a message that was retained long ago",
        layer=Layer.MESSAGE,
        injected="the message is published with the retain flag before anybody subscribes",
        expects={MQTT: "stored:backlog", HUB: "stored_once"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="duplicated-dup",
        says="the same packet is sent again with the DUP flag",
        layer=Layer.MESSAGE,
        injected="a PUBLISH packet is repeated with DUP and its packet id",
        expects={MQTT: "stored_once", HUB: "stored_once"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="replayed",
        says="somebody publishes an old message again",
        layer=Layer.MESSAGE,
        injected="yesterday's payload is published anew; a hub sends its receipted envelopes again",
        expects={MQTT: "stored_once", HUB: "stored_once"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="oversize",
        says="the message is larger than the broker or the core accepts",
        layer=Layer.MESSAGE,
        injected="a payload of a megabyte",
        expects={MQTT: "refused", HUB: "refused"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="wrong-topic",
        says="the message is published on a topic that is not the sender's",
        layer=Layer.MESSAGE,
        injected="a reading on the topic of another kind of message",
        expects={MQTT: "refused", HUB: "refused"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="cross-tenant",
        says="one home publishes in the name of another",
        layer=Layer.MESSAGE,
        injected="a message on the topic of another home's hub or device",
        expects={MQTT: "refused", HUB: "refused"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="unregistered-device",
        says="a device that nobody registered publishes readings",
        layer=Layer.MESSAGE,
        injected="a reading of a serial number without a binding",
        expects={MQTT: "quarantined:unknown_device", HUB: "quarantined:unknown_device"},
        absent=every(NO_MESSAGES, "a hub connects to the devices of its configuration only"),
    ),
    FaultKind(
        name="slow-message",
        says="the octets of a message trickle in",
        layer=Layer.MESSAGE,
        injected="a PUBLISH packet is written a few octets at a time",
        expects={MQTT: "stored", HUB: "stored"},
        absent=NO_MESSAGES,
    ),
    FaultKind(
        name="new-sd-card",
        says="the hub gets a new card: another epoch, an empty spool, numbers from 1",
        layer=Layer.HUB,
        injected="the simulated hub forgets spool and epoch and goes on",
        expects={HUB: "stored"},
        absent=_DEVICE_HAS_NO_SPOOL,
    ),
    FaultKind(
        name="hub-clock-lost",
        says="after a power cut the hub does not know the time",
        layer=Layer.HUB,
        injected="a power cut: another boot id, monotonic time from 0, an untrusted wall clock",
        expects={HUB: "stored"},
        absent=_DEVICE_HAS_NO_SPOOL,
    ),
    FaultKind(
        name="hub-restart-untrusted",
        says="the hub sends what it stamped without knowing the time, before it has learned it",
        layer=Layer.HUB,
        injected="a power cut, a reading, and a connection without the time being told",
        expects={HUB: "stored"},
        absent=_DEVICE_HAS_NO_SPOOL,
    ),
)
