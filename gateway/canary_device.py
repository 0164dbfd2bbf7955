"""The meter that does not exist: what tells a canary's measurement from a person's."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.vocabulary import DeviceRef, HubId

ANSWER_WITHIN = timedelta(minutes=2)
"""A patient's emergency that no inbox shows after this long goes to nobody; half the interval where
canaries follow each other faster."""

_MANUFACTURER = "Hearthwatch"
CANARY_MODEL = "Canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryAlert:
    """The alert of a hub's test measurement, made at `measured_at`."""

    hub: HubId
    measured_at: datetime


def canary_device(hub: HubId) -> DeviceRef:
    """The canary of this hub."""
    return DeviceRef(manufacturer=_MANUFACTURER, model=CANARY_MODEL, serial=hub)


def is_canary(device: DeviceRef) -> bool:
    """Whether a device is some hub's canary: nobody is in danger, whatever it says."""
    return (device.manufacturer, device.model) == (_MANUFACTURER, CANARY_MODEL)


def canary_hub(device: str | None) -> HubId | None:
    """The hub whose canary the device of this key is; None: it is somebody's."""
    prefix = f"{_MANUFACTURER}/{CANARY_MODEL}/"
    if device is None or not device.startswith(prefix):
        return None
    return HubId(device.removeprefix(prefix))
