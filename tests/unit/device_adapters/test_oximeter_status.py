"""What an oximeter says of its measurement, up to what rules see (PLX 1.0.1, section 3.1)."""

from datetime import UTC, datetime

import pytest

from device_adapters.adapter import Frame, to_observations
from device_adapters.ble.origin import classify
from device_adapters.ble.registry import decode
from device_adapters.mqtt.payloads.fhir_codes import DOUBTS
from gateway.intake import Binding, Quarantined, admit
from rules.vocabulary import DeviceRef, HubId, HubStamp, Observation, Origin, SubjectRef

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def of_the_oximeter(status: int) -> Observation:
    """62 % with these measurement status bits, sent by itself."""
    frame = Frame(
        device=DeviceRef(manufacturer="A", model="B", serial="C"),
        characteristic="2A5E",
        payload=bytes.fromhex("023e004800") + status.to_bytes(2, "little"),
        received=HubStamp(boot_id="b", monotonic_s=0, wall=NOON, wall_trusted=True),
        session="s",
        ordinal=0,
    )
    (observation,) = to_observations(frame, decode("2A5E", frame.payload), hub=HubId("h"))
    return observation


@pytest.mark.row("P12")
@pytest.mark.parametrize(
    ("bit", "usable", "disturbed"),
    [(10, False, False), (11, False, False), (12, False, False), (14, True, True)],
)
def test_an_oximeters_demonstration_is_no_measurement_and_a_questionable_one_a_doubt(
    bit: int, usable: bool, disturbed: bool
) -> None:
    observation = of_the_oximeter(1 << bit)
    binding = Binding(
        device=observation.device.key, user_slot=None, subject=SubjectRef("p"), valid_from=NOON
    )
    admitted = admit(observation, [binding], UTC, NOON)
    assert not isinstance(admitted, Quarantined)
    point = admitted.point
    assert point is not None
    assert (point.valid, point.usable, point.disturbed) == (False, usable, disturbed)


@pytest.mark.row("P12")
@pytest.mark.row("I4")
@pytest.mark.parametrize(
    ("bit", "word"),
    [
        (12, "calibration-ongoing"),
        (13, "not-available"),
        (14, "questionable"),
        (15, "invalid"),
    ],
)
def test_a_status_has_one_outcome_whichever_way_it_comes(bit: int, word: str) -> None:
    """Both are the measurement status of IEEE 11073-20601."""
    assert of_the_oximeter(1 << bit).flags == (DOUBTS[word],)


@pytest.mark.row("P12")
def test_what_an_oximeter_takes_from_its_storage_is_not_live() -> None:
    stored, measured = of_the_oximeter(1 << 9), of_the_oximeter(1 << 8)
    assert classify([stored], zone=UTC) == [Origin.BACKLOG]
    assert classify([measured], zone=UTC) == [Origin.LIVE]
