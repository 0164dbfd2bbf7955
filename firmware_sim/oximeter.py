"""A pulse oximeter: Pulse Oximeter Service 0x1822, spot checks and continuous measurement."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from datetime import datetime

from bumble.gatt import Characteristic, Service
from bumble.gatt_server import Server

from firmware_sim.device_clock import ClockKind
from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.pulse_oximeter import (
    OximeterFeature,
    OximeterStatus,
    Saturation,
    SensorState,
    encode_continuous,
    encode_oximeter_features,
    encode_spot_check,
)
from firmware_sim.racp_device import RacpDevice
from firmware_sim.record_access import OXIMETER_ACCESS
from firmware_sim.typical import variation

_CONTINUOUS = 0x2A5F
_FEATURES = encode_oximeter_features(
    OximeterFeature.MEASUREMENT_STATUS
    | OximeterFeature.DEVICE_STATUS
    | OximeterFeature.STORES_SPOT_CHECKS
    | OximeterFeature.TIME_STAMP
    | OximeterFeature.AMPLITUDE
    | OximeterFeature.MULTIPLE_BONDS,
    statuses=OximeterStatus.ONGOING
    | OximeterStatus.FULLY_QUALIFIED
    | OximeterStatus.FROM_STORAGE
    | OximeterStatus.QUESTIONABLE
    | OximeterStatus.INVALID,
    states=SensorState.POOR_SIGNAL
    | SensorState.LOW_PERFUSION
    | SensorState.SENSOR_UNCONNECTED_TO_USER
    | SensorState.SENSOR_DISPLACED,
)


class PulseOximeter(RacpDevice):
    """Stores spot checks, indicated on request or, to a central that listens, at once.

    A central that is connected during a measurement can follow it (0x2A5F). Requests know "all
    records" only. A simple oximeter without a control point sends by itself: `pushes_stored`.
    """

    service_number = 0x1822
    record_number = 0x2A5E
    access = OXIMETER_ACCESS
    sends_live = True

    async def measure(  # noqa: PLR0913 - what the display of an oximeter shows
        self,
        *,
        spo2: float | Special,
        pulse: float | Special,
        at: datetime,
        status: int = OximeterStatus.FULLY_QUALIFIED,
        state: int = 0,
        amplitude_percent: float | Special | None = None,
        before: Sequence[Saturation] = (),
    ) -> bytes:
        """Store one spot check and begin to advertise; returns the stored frame.

        Args:
            spo2: Percent, or a special pattern for a failed measurement.
            pulse: Beats per minute.
            at: The true, aware instant; the record gets what the device's clock shows then.
            status: `OximeterStatus` bits; a record that waits in the memory says so as well.
            state: `SensorState` bits.
            amplitude_percent: Pulse amplitude index.
            before: What the display showed on the way, for 0x2A5F.

        Raises:
            SwitchedOffError: The battery is flat.
        """
        self._pay(at)
        for passing in before:
            live = encode_continuous(normal=passing, status=OximeterStatus.ONGOING, device=state)
            await self._send_live(_CONTINUOUS, live)
        connection = self._connection
        if connection is None or not self._listening(connection, self.record_number):
            status |= OximeterStatus.FROM_STORAGE
        frame = encode_spot_check(
            value=Saturation(spo2=spo2, pulse=pulse),
            at=self._stamp(at),
            status=status,
            device=state,
            amplitude_percent=amplitude_percent,
            clock_not_set=self.clock.kind is ClockKind.NEVER_SET,
        )
        self._store((self.record_number, frame))
        await self._finish_measurement()
        return frame

    async def measure_typical(self, at: datetime, *, user: int | None = None) -> bytes:
        """Measure about 97 % and 70 beats; see `typical.Typical`. An oximeter has no users."""
        del user
        spo2, pulse = 95 + variation(at, 5), 62 + variation(at, 19)
        way = (Saturation(spo2=spo2 - 1, pulse=pulse + 2), Saturation(spo2=spo2, pulse=pulse))
        return await self.measure(spo2=spo2, pulse=pulse, at=at, before=way)

    def _services(self, server: Server) -> list[Service]:
        properties = Characteristic.Properties
        items = [
            self._announcing(server, self.record_number, properties.INDICATE),
            self._announcing(server, _CONTINUOUS, properties.NOTIFY),
            constant(0x2A60, _FEATURES),
            self._control_point(server),
        ]
        return [Service(uuid16(self.service_number), items)]
