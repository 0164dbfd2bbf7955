"""The meter that does not exist: what tells a canary's measurement from a person's."""

from rules.vocabulary import DeviceRef, HubId

_MANUFACTURER = "Hearthwatch"
CANARY_MODEL = "Canary"


def canary_device(hub: HubId) -> DeviceRef:
    """The canary of this hub."""
    return DeviceRef(manufacturer=_MANUFACTURER, model=CANARY_MODEL, serial=hub)


def is_canary(device: DeviceRef) -> bool:
    """Whether a device is some hub's canary: nobody is in danger, whatever it says."""
    return (device.manufacturer, device.model) == (_MANUFACTURER, CANARY_MODEL)
