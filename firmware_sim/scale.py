"""Scales: Weight Scale Service 0x181D, and Body Composition Service 0x181B beside it."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

from dataclasses import replace
from datetime import datetime
from typing import Unpack

from bumble.gatt import Characteristic, Service
from bumble.gatt_server import Server

from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.profiles.body_composition import (
    BodyCompositionFeature,
    Composition,
    encode_body_composition,
    encode_body_composition_feature,
)
from firmware_sim.profiles.weight_scale import (
    BodySize,
    WeightScaleFeature,
    encode_weight,
    encode_weight_feature,
)
from firmware_sim.push_device import PushDevice
from firmware_sim.typical import variation

_WEIGHT, _COMPOSITION = 0x2A9D, 0x2A9C
_WEIGHT_SERVICE = 0x181D
_STEP_50_G, _STEP_1_MM = 4, 3
_KG_PER_LB, _M_PER_IN = 0.45359237, 0.0254
_WEIGHT_FEATURES = encode_weight_feature(
    WeightScaleFeature.TIME_STAMP | WeightScaleFeature.MULTIPLE_USERS | WeightScaleFeature.BMI,
    weight_step=_STEP_50_G,
    height_step=_STEP_1_MM,
)
_COMPOSITION_FEATURES = encode_body_composition_feature(
    BodyCompositionFeature.TIME_STAMP
    | BodyCompositionFeature.MULTIPLE_USERS
    | BodyCompositionFeature.BASAL_METABOLISM
    | BodyCompositionFeature.MUSCLE_PERCENTAGE
    | BodyCompositionFeature.BODY_WATER_MASS
    | BodyCompositionFeature.IMPEDANCE
    | BodyCompositionFeature.WEIGHT,
    mass_step=_STEP_50_G,
)


class WeightScale(PushDevice):
    """Stores weights of several users and indicates them.

    Attributes:
        imperial: Whether it was set to pounds and inches.
        heights_m: What its users have entered; with a height it sends the body mass index.
    """

    service_number = _WEIGHT_SERVICE
    record_number = _WEIGHT

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.imperial = False
        self.heights_m: dict[int, float] = {}

    async def measure(
        self, *, weight_kg: float | None, at: datetime, user_id: int | None = None
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored frame.

        Args:
            weight_kg: Sent in steps of 0.05 kg or 0.1 lb; None for a measurement that failed.
            at: The true, aware instant; the record gets what the device's clock shows then.
            user_id: The slot the scale recognised, 255 for nobody it knows.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        frame = self._weight_frame(weight_kg, at, user_id)
        self._store((_WEIGHT, frame), user=user_id)
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 68 kg; see `typical.Typical`."""
        return await self.measure(weight_kg=67 + variation(at, 41) / 20, at=at, user_id=user)

    def _weight_frame(self, weight_kg: float | None, at: datetime, user_id: int | None) -> bytes:
        height_m = None if user_id is None else self.heights_m.get(user_id)
        body = None
        if weight_kg is not None and height_m is not None:
            height = round(height_m / _M_PER_IN, 1) if self.imperial else height_m
            body = BodySize(bmi=round(weight_kg / height_m**2, 1), height=height)
        return encode_weight(
            weight=self._mass(weight_kg),
            at=self._stamp(at),
            user_id=user_id,
            body=body,
            imperial=self.imperial,
        )

    def _mass(self, kilograms: float | None) -> float | None:
        """A mass in the unit of the display and with its resolution."""
        if kilograms is None:
            return None
        if self.imperial:
            return round(kilograms / _KG_PER_LB, 1)
        return round(kilograms * 20) / 20

    def _services(self, server: Server) -> list[Service]:
        indicate = Characteristic.Properties.INDICATE
        items = [self._announcing(server, _WEIGHT, indicate), constant(0x2A9E, _WEIGHT_FEATURES)]
        return [Service(uuid16(_WEIGHT_SERVICE), items)]


class BodyCompositionScale(WeightScale):
    """A scale that also measures fat, water and muscle, and sends both characteristics.

    A record is the body composition and then the weight of the same moment; a central gets those of
    them that it subscribed to, so that one which knows weights only gets the weights.

    Attributes:
        splits: Whether it sends a composition as two packets, as with the smallest ATT packets.
    """

    service_number = 0x181B
    record_number = _COMPOSITION
    also_started_by = frozenset({_WEIGHT})
    grace_s = 0.05

    def __init__(
        self, link: VirtualLink, identity: Identity, **options: Unpack[PeripheralOptions]
    ) -> None:
        super().__init__(link, identity, **options)
        self.splits = False

    async def measure(
        self,
        *,
        weight_kg: float | None,
        at: datetime,
        user_id: int | None = None,
        fat_percent: float | None = None,
        impedance_ohm: float | None = None,
    ) -> bytes:
        """Store one measurement and begin to advertise; returns the stored composition's frame.

        Args:
            weight_kg: Sent in steps of 0.05 kg or 0.1 lb; None for a measurement that failed.
            at: The true, aware instant; the record gets what the device's clock shows then.
            user_id: The slot the scale recognised, 255 for nobody it knows.
            fat_percent: None when it could not be measured (socks).
            impedance_ohm: Between the feet.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        first, *more = self._composition(weight_kg, at, user_id, fat_percent, impedance_ohm)
        parts = [(_COMPOSITION, first), *((_COMPOSITION, packet) for packet in more)]
        parts.append((_WEIGHT, self._weight_frame(weight_kg, at, user_id)))
        self._store(*parts, user=user_id)
        await self._finish_measurement()
        return first

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 68 kg and 24 % of fat; see `typical.Typical`."""
        return await self.measure(
            weight_kg=67 + variation(at, 41) / 20,
            at=at,
            user_id=user,
            fat_percent=(230 + variation(at, 23)) / 10,
            impedance_ohm=500 + variation(at, 31),
        )

    def _composition(
        self,
        weight_kg: float | None,
        at: datetime,
        user_id: int | None,
        fat_percent: float | None,
        impedance_ohm: float | None,
    ) -> list[bytes]:
        stamp, imperial = self._stamp(at), self.imperial
        found = Composition(impedance_ohm=impedance_ohm, weight=self._mass(weight_kg))
        if weight_kg is not None and fat_percent is not None:
            lean_kg = weight_kg * (1 - fat_percent / 100)
            found = Composition(
                basal_kj=round((370 + 21.6 * lean_kg) * 4.184),  # Katch-McArdle, kcal to kJ
                muscle_percent=round(0.52 * (100 - fat_percent), 1),  # of lean mass, ours
                body_water_mass=self._mass(0.73 * lean_kg),  # hydration of lean mass, Wang 1999
                impedance_ohm=impedance_ohm,
                weight=self._mass(weight_kg),
            )
        whole = encode_body_composition(
            fat_percent=fat_percent, at=stamp, user_id=user_id, rest=found, imperial=imperial
        )
        if not self.splits:
            return [whole]
        first = encode_body_composition(
            fat_percent=fat_percent,
            at=stamp,
            user_id=user_id,
            rest=Composition(weight=found.weight),
            imperial=imperial,
            one_of_several=True,
        )
        second = encode_body_composition(
            fat_percent=fat_percent,
            rest=replace(found, weight=None),
            imperial=imperial,
            one_of_several=True,
        )
        return [first, second]

    def _services(self, server: Server) -> list[Service]:
        indicate = Characteristic.Properties.INDICATE
        items = [
            self._announcing(server, _COMPOSITION, indicate),
            constant(0x2A9B, _COMPOSITION_FEATURES),
        ]
        return [Service(uuid16(self.service_number), items), *super()._services(server)]
