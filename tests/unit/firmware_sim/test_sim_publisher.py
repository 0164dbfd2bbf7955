"""The document of an MQTT device, field by field, and its faults."""

import json
import math
from datetime import datetime

import pytest

from firmware_sim.faults.mqtt import Fault, spoil
from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity, Reading, encode_reading

CUFF = Identity(manufacturer="Acme/Health", model="BP~5 W", serial="SN-1.0")
READING = Reading(
    kind="blood_pressure",
    quantities=(
        ("systolic", Quantity(value=138, unit="mm[Hg]")),
        ("diastolic", Quantity(value=88, unit="mm[Hg]")),
    ),
    device_time=datetime(2026, 11, 21, 7, 30),  # noqa: DTZ001 - a device knows no zone
    sequence=4,
)


def test_the_key_replaces_odd_characters_and_joins_with_a_tilde() -> None:
    assert CUFF.key == "Acme_Health~BP_5_W~SN-1.0"


def test_the_document_is_the_agreed_one() -> None:
    assert json.loads(encode_reading(CUFF, READING)) == {
        "v": 1,
        "device": {"manufacturer": "Acme/Health", "model": "BP~5 W", "serial": "SN-1.0"},
        "kind": "blood_pressure",
        "device_time": "2026-11-21T07:30:00",
        "sequence": 4,
        "user": None,
        "quantities": {
            "systolic": {"value": 138, "unit": "mm[Hg]"},
            "diastolic": {"value": 88, "unit": "mm[Hg]"},
        },
        "flags": [],
    }


def test_lo_is_a_text_and_a_meal_is_context() -> None:
    low = Reading(
        kind="glucose",
        quantities=(("glucose", Quantity(text="LO", unit="mmol/L")),),
        meal="fasting",
    )
    document = json.loads(encode_reading(CUFF, low))
    assert document["quantities"] == {"glucose": {"text": "LO", "unit": "mmol/L"}}
    assert document["context"] == {"meal": "fasting"}
    assert document["device_time"] is None


def test_value_and_unit_faults_hit_only_the_first_quantity() -> None:
    missing = json.loads(spoil(CUFF, READING, Fault.MISSING_UNIT))["quantities"]
    assert missing == {
        "systolic": {"value": 138},
        "diastolic": {"value": 88, "unit": "mm[Hg]"},
    }
    assert json.loads(spoil(CUFF, READING, Fault.UNKNOWN_UNIT))["quantities"]["systolic"] == {
        "value": 138,
        "unit": "furlong",
    }
    assert math.isnan(
        json.loads(spoil(CUFF, READING, Fault.NAN))["quantities"]["systolic"]["value"]
    )
    huge = json.loads(spoil(CUFF, READING, Fault.HUGE))["quantities"]["systolic"]["value"]
    assert huge == 1e300


@pytest.mark.parametrize("fault", [Fault.NOT_JSON, Fault.TRUNCATED])
def test_some_faults_are_no_json_at_all(fault: Fault) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(spoil(CUFF, READING, fault))


def test_a_stranger_speaks_json_that_is_not_ours() -> None:
    assert "v" not in json.loads(spoil(CUFF, READING, Fault.NOT_OURS))
