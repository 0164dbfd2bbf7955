"""A device that speaks MQTT itself: one JSON document per reading, QoS 1."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import aiomqtt

from firmware_sim.device_clock import DeviceClock
from firmware_sim.identity import Identity
from firmware_sim.profiles.glucose import GlucoseUnit, Limit

MG_DL_PER_MMOL_L = 18.0156
Kind = Literal["blood_pressure", "glucose", "temperature", "spo2", "weight", "pulse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A value with its unit as sent; exactly one of `value` and `text` is normally given.

    Attributes:
        value: The number; None where the device sends a text.
        unit: UCUM code; None leaves it out, which is a fault.
        text: "LO" or "HI".
    """

    value: float | None = None
    unit: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one document says.

    Attributes:
        kind: What was measured.
        quantities: Name and quantity, in the order sent.
        device_time: Local time without a zone; None for a device without a clock.
        sequence: The device's own count, None where it has none.
        user: The button the person pressed.
        meal: "fasting", "preprandial", ...
        flags: Words about the quality, for example "irregular_pulse".
    """

    kind: Kind
    quantities: tuple[tuple[str, Quantity], ...]
    device_time: datetime | None = None
    sequence: int | None = None
    user: int | None = None
    meal: str | None = None
    flags: tuple[str, ...] = ()


def encode_reading(identity: Identity, reading: Reading) -> bytes:
    """The document as UTF-8; a NaN or infinite value is written as the (invalid) JSON word."""
    document: dict[str, object] = {
        "v": 1,
        "device": {
            "manufacturer": identity.manufacturer,
            "model": identity.model,
            "serial": identity.serial,
        },
        "kind": reading.kind,
        "device_time": reading.device_time and reading.device_time.isoformat(timespec="seconds"),
        "sequence": reading.sequence,
        "user": reading.user,
        "quantities": {name: _quantity(item) for name, item in reading.quantities},
        "flags": list(reading.flags),
    }
    if reading.meal is not None:
        document["context"] = {"meal": reading.meal}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _quantity(item: Quantity) -> dict[str, object]:
    parts = {"value": item.value, "text": item.text, "unit": item.unit}
    return {name: part for name, part in parts.items() if part is not None}


@asynccontextmanager
async def open_line(
    host: str, port: int, *, user: str, password: str
) -> AsyncGenerator[aiomqtt.Client]:
    """A connection to a broker that any number of devices may share.

    Raises:
        aiomqtt.MqttError: the broker refuses, or went away while something was being published.
    """
    async with aiomqtt.Client(
        host, port, identifier=user, username=user, password=password
    ) as client:
        yield client


class MqttDevice:
    """A cuff, meter or other device behind somebody's open connection to a broker.

    Several devices may share one connection. Every method returns after the broker's PUBACK, so
    that order is kept; what the broker acknowledged may arrive more than once (QoS 1).
    """

    def __init__(
        self,
        client: aiomqtt.Client,
        identity: Identity,
        *,
        clock: DeviceClock | None = None,
        last_sequence: int = 0,
    ) -> None:
        self.identity, self.clock = identity, clock or DeviceClock.right()
        self._client = client
        self._sequence = last_sequence

    @property
    def topic(self) -> str:
        """Where its readings appear."""
        return f"dev/1/{self.identity.key}/reading"

    async def measure_blood_pressure(  # noqa: PLR0913 - what the display of a cuff shows
        self,
        *,
        systolic: float,
        diastolic: float,
        at: datetime,
        pulse: float | None = None,
        mean: float | None = None,
        user: int | None = None,
        flags: tuple[str, ...] = (),
    ) -> bytes:
        """Measure and publish; returns the payload.

        Args:
            systolic: mmHg.
            diastolic: mmHg.
            at: The true, aware instant; the document gets what the device's clock shows then.
            pulse: Beats per minute.
            mean: mmHg; one third of the way from diastolic to systolic when not given.
            user: The button the person pressed.
            flags: Words about the quality.
        """
        if mean is None:
            mean = round(diastolic + (systolic - diastolic) / 3)
        pressures = (("systolic", systolic), ("diastolic", diastolic), ("mean", mean))
        values = [(name, value, "mm[Hg]") for name, value in pressures]
        if pulse is not None:
            values.append(("pulse", pulse, "/min"))
        return await self.measure("blood_pressure", values, at=at, user=user, flags=flags)

    async def measure_glucose(
        self,
        *,
        glucose_mmol: float | Limit,
        at: datetime,
        unit: GlucoseUnit = "mmol/L",
        meal: str | None = None,
    ) -> bytes:
        """Measure and publish; LO and HI are sent as texts. Returns the payload."""
        if isinstance(glucose_mmol, Limit):
            quantity = Quantity(text=glucose_mmol.value, unit=unit)
        elif unit == "mmol/L":
            quantity = Quantity(value=round(glucose_mmol, 1), unit=unit)
        else:
            quantity = Quantity(value=round(glucose_mmol * MG_DL_PER_MMOL_L), unit=unit)
        return await self.publish(
            Reading(
                kind="glucose",
                quantities=(("glucose", quantity),),
                device_time=self.clock.read(at),
                sequence=self.take_sequence(),
                meal=meal,
            )
        )

    async def measure(
        self,
        kind: Kind,
        values: Sequence[tuple[str, float, str]],
        *,
        at: datetime,
        user: int | None = None,
        meal: str | None = None,
        flags: tuple[str, ...] = (),
    ) -> bytes:
        """Measure anything and publish; returns the payload.

        Args:
            kind: What is measured.
            values: Name, number and UCUM unit of each quantity, in the order sent: `temperature` in
                Cel or [degF], `spo2` in % and `pulse` in /min, `weight` in kg or [lb_av]...
            at: The true, aware instant; the document gets what the device's clock shows then.
            user: The button the person pressed.
            meal: "fasting", "preprandial", ...
            flags: Words about the quality.
        """
        return await self.publish(
            Reading(
                kind=kind,
                quantities=tuple(
                    (name, Quantity(value=value, unit=unit)) for name, value, unit in values
                ),
                device_time=self.clock.read(at),
                sequence=self.take_sequence(),
                user=user,
                meal=meal,
                flags=flags,
            )
        )

    async def publish(self, reading: Reading) -> bytes:
        """Publish one reading as it is; returns the payload."""
        payload = encode_reading(self.identity, reading)
        await self.publish_raw(payload)
        return payload

    async def publish_raw(self, payload: bytes) -> None:
        """Publish arbitrary octets on the device's topic (faults, repeats)."""
        await self._client.publish(self.topic, payload, qos=1)

    def take_sequence(self) -> int:
        """The number of the next reading; counted as used."""
        self._sequence += 1
        return self._sequence
