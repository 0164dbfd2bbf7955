"""Faulty deliveries laid over a cohort: only who has such a device, and only then, reads wrong."""

from datetime import date

import numpy as np

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.deliveries import (
    CUFF_MODELS,
    FaultyDelivery,
    cuff_model,
    meter_model,
    with_fault,
)
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import Purpose

CALENDAR = Calendar(first=date(2025, 1, 1), days=60)
MODEL = CUFF_MODELS[0][0]
FAULT = FaultyDelivery(model=MODEL, first=30, last=44, mmhg=8.0)


def people() -> list[PersonReadings]:
    request = Request(purpose=Purpose.TUNING, seed=71, people=150, calendar=CALENDAR)
    return list(generate(request))


def numbers(readings: PersonReadings, code: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found = [c.scaled for block in readings.blocks for c in block.channels if c.code == code]
    return np.concatenate([*found, np.empty(0, np.int64)])


def test_only_that_model_on_those_days_reads_eight_more() -> None:
    touched = 0
    begins = int(CALENDAR.midnight_epoch_s[0])
    for right in people():
        wrong = with_fault(right, CALENDAR, FAULT)
        difference = numbers(wrong, "8480-6") - numbers(right, "8480-6")
        if cuff_model(right.person) != MODEL:
            assert not difference.any()
            continue
        assert set(difference.tolist()) <= {0, 8}
        day = np.concatenate(
            [(b.true_s - begins) // 86_400 for b in right.blocks if len(b.channels) > 1]
            or [np.empty(0, np.int64)]
        )
        assert ((difference == 0) | ((day >= 30) & (day <= 44))).all()
        touched += bool(difference.any())
        assert (numbers(wrong, "14743-9") == numbers(right, "14743-9")).all()
    assert touched >= 5


def test_a_delivery_stays_in_its_township_and_strips_multiply() -> None:
    elsewhere = FaultyDelivery(model=MODEL, first=0, last=59, mmhg=8.0, township="nowhere")
    strips = FaultyDelivery(model="Acme/GL-1", first=0, last=59, factor=1.5)
    changed = 0
    for right in people():
        assert with_fault(right, CALENDAR, elsewhere) is right
        wrong = with_fault(right, CALENDAR, strips)
        before, after = numbers(right, "14743-9"), numbers(wrong, "14743-9")
        if meter_model(right.person) == "Acme/GL-1":
            assert (after == np.rint(before * 1.5)).all()
            changed += len(before) > 0
        else:
            assert (after == before).all()
    assert changed
