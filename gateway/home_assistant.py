"""What Home Assistant is told of a device: its device-based MQTT discovery, and its last state.

Pure. One retained discovery message a device (Home Assistant 2024.11 and later) on
`homeassistant/device/<id>/config`, one retained state on `hearthwatch/<hub>/device/<id>/state`.
No device class is named for blood pressure, pulse and glucose: Home Assistant has none, or not in
all of those versions, and refuses a message with one it does not know.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256

from gateway.hub_status import DeviceReport
from gateway.hub_view import as_text
from rules import codes
from rules.vocabulary import HubId, Observation, Quantity, QuantityName, Vital

DISCOVERY_PREFIX = "homeassistant"
BIRTH_TOPIC = f"{DISCOVERY_PREFIX}/status"
"""Home Assistant says `online` here when it has started."""

_NAMES: Mapping[str, Mapping[QuantityName, str]] = {
    "zh": {
        QuantityName.SYSTOLIC: "收缩压",
        QuantityName.DIASTOLIC: "舒张压",
        QuantityName.MEAN: "平均压",
        QuantityName.PULSE: "脉搏",
        QuantityName.GLUCOSE: "血糖",
        QuantityName.SPO2: "血氧饱和度",
        QuantityName.TEMPERATURE: "体温",
        QuantityName.WEIGHT: "体重",
        QuantityName.BMI: "体质指数",
        QuantityName.HEIGHT: "身高",
        QuantityName.HEART_RATE: "心率",
        QuantityName.ENERGY_EXPENDED: "消耗能量",
        QuantityName.RESPIRATORY_RATE: "呼吸频率",
        QuantityName.KETONE: "血酮",
    },
    "en": {
        QuantityName.SYSTOLIC: "Systolic",
        QuantityName.DIASTOLIC: "Diastolic",
        QuantityName.MEAN: "Mean pressure",
        QuantityName.PULSE: "Pulse",
        QuantityName.GLUCOSE: "Glucose",
        QuantityName.SPO2: "Oxygen saturation",
        QuantityName.TEMPERATURE: "Body temperature",
        QuantityName.WEIGHT: "Weight",
        QuantityName.BMI: "Body mass index",
        QuantityName.HEIGHT: "Height",
        QuantityName.HEART_RATE: "Heart rate",
        QuantityName.ENERGY_EXPENDED: "Energy expended",
        QuantityName.RESPIRATORY_RATE: "Respiratory rate",
        QuantityName.KETONE: "Ketones",
    },
}
_OTHER_NAMES: Mapping[str, Mapping[str, str]] = {
    "zh": {"reading": "读数", "received": "收到时间", "user": "用户", "battery": "电量"},
    "en": {"reading": "Reading", "received": "Received", "user": "User", "battery": "Battery"},
}
_SHOWN_UNITS: Mapping[str, str] = {
    codes.MMHG: "mmHg",
    codes.PER_MINUTE: "bpm",
    codes.CELSIUS: "°C",
    codes.FAHRENHEIT: "°F",
    codes.POUND: "lb",
    codes.KG_M2: "kg/m²",
    codes.INCH: "in",
}
_NOT_FOR_PEOPLE = frozenset({codes.MOL_L, codes.KG_L})
"""The glucose service's units: nobody reads 0.0054 mol/L."""

_DEVICE_CLASSES: Mapping[QuantityName, str] = {
    QuantityName.TEMPERATURE: "temperature",
    QuantityName.WEIGHT: "weight",
}

Message = tuple[str, bytes]
"""A retained message: topic and payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Whose devices are told of, in which language, by which program version."""

    hub: HubId
    language: str
    version: str
    zone: tzinfo

    @property
    def availability_topic(self) -> str:
        """Retained `online`, or `offline` by the broker's word when the hub is gone."""
        return f"hearthwatch/{self.hub}/online"

    def config_topic(self, device_id: str) -> str:
        """Where a device's discovery message stands."""
        return f"{DISCOVERY_PREFIX}/device/{device_id}/config"

    def state_topic(self, device_id: str) -> str:
        """Where a device's last state stands; `+` for all of this hub's."""
        return f"hearthwatch/{self.hub}/device/{device_id}/state"


def device_id(key: str) -> str:
    """A device's id in topics and entity ids: its type label as sent may hold any character."""
    return f"hearthwatch_{sha256(key.encode()).hexdigest()[:16]}"


def key_of(report: DeviceReport) -> str:
    """The key of the device that a report is about (`DeviceRef.key`)."""
    label = report.device
    return f"{label.manufacturer}/{label.model}/{label.serial}"


class Latest:
    """The newest measurement of each kind of one device, by the time of the measurement."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._of: dict[Vital, tuple[datetime, Observation]] = {}

    def note(self, observation: Observation) -> None:
        """Take a record unless a newer one of its kind is known: a memory is read in any order."""
        at = self._measured_at(observation)
        known = self._of.get(observation.kind)
        if known is None or known[0] <= at:
            self._of[observation.kind] = (at, observation)

    def observations(self) -> tuple[Observation, ...]:
        """What is known, oldest first."""
        return tuple(one for _, one in sorted(self._of.values(), key=lambda entry: entry[0]))

    def _measured_at(self, observation: Observation) -> datetime:
        if observation.device_time is None:
            return observation.received_at
        try:
            said = observation.device_time.replace(tzinfo=self._zone).astimezone(UTC)
        except (OverflowError, ValueError):
            return observation.received_at
        return min(said, observation.received_at)


def messages(home: Home, report: DeviceReport, known: Iterable[Observation]) -> list[Message]:
    """Discovery and state of one device; none before a reading: which components has it?"""
    state = _state(report, known)
    if "reading" not in state:
        return []
    label = report.device
    identity = device_id(key_of(report))
    config = {
        "dev": {
            "ids": [identity],
            "name": f"{label.manufacturer} {label.model}",
            "mf": label.manufacturer,
            "mdl": label.model,
            "sn": label.serial,
        },
        "o": {"name": "hearthwatch", "sw": home.version},
        "availability_topic": home.availability_topic,
        "state_topic": home.state_topic(identity),
        "qos": 1,
        "cmps": {
            name: {"unique_id": f"{identity}_{name}", **_component(home, name, part)}
            for name, part in state.items()
        },
    }
    values = {name: part.value for name, part in state.items()}
    return [
        (home.config_topic(identity), _json(config)),
        (home.state_topic(identity), _json(values)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    value: float | str | None
    unit: str | None = None
    quantity: QuantityName | None = None


def _state(report: DeviceReport, known: Iterable[Observation]) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    for observation in known:
        for name, quantity in observation.quantities.items():
            parts[name.value] = _part(name, quantity)
        # What no number can say (LO, HI) a text does.
        parts["reading"] = _Part(value=as_text(observation))
        parts["received"] = _Part(value=observation.received_at.isoformat())
        if observation.user_slot is not None:
            parts["user"] = _Part(value=str(observation.user_slot))
    if report.battery_percent is not None:
        parts["battery"] = _Part(value=report.battery_percent, unit="%")
    return parts


def _part(name: QuantityName, quantity: Quantity) -> _Part:
    value, unit = quantity.value, quantity.unit
    if value is not None and unit in _NOT_FOR_PEOPLE:
        value = codes.at_guideline_precision(name, codes.to_canonical(name, value, unit))
        unit = codes.QUANTITIES[name].unit
    number = None if value is None else float(value)
    return _Part(value=number, unit=_SHOWN_UNITS.get(unit or "", unit), quantity=name)


def _component(home: Home, name: str, part: _Part) -> dict[str, str]:
    if part.quantity is None:
        shown = _OTHER_NAMES[home.language][name]
    else:
        shown = _NAMES[home.language][part.quantity]
    said = {"p": "sensor", "name": shown, "value_template": f"{{{{ value_json.{name} }}}}"}
    if part.unit is not None:
        said |= {"unit_of_measurement": part.unit, "state_class": "measurement"}
    if name in ("battery", "received"):
        said["device_class"] = {"battery": "battery", "received": "timestamp"}[name]
    if part.quantity is not None and part.quantity in _DEVICE_CLASSES and part.unit is not None:
        said["device_class"] = _DEVICE_CLASSES[part.quantity]  # needs a unit of that class
    return said


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
