"""Every fault is done to every kind of Bluetooth device it can happen to, and a witness looks."""

import pytest

from firmware_sim.faults.table import FAULTS, applicable
from firmware_sim.profiles.names import Profile
from tests.integration.faults import context, link, pairing, person, times, transfer, values
from tests.integration.faults.bench import bench

pytestmark = pytest.mark.peer

EXERCISES = {
    **pairing.EXERCISES,
    **link.EXERCISES,
    **transfer.EXERCISES,
    **values.EXERCISES,
    **context.EXERCISES,
    **times.EXERCISES,
    **person.EXERCISES,
}
PAIRS = [(kind.name, profile) for kind, profile in applicable() if profile.is_ble]


@pytest.mark.row("S6")
@pytest.mark.parametrize(
    ("name", "profile"), PAIRS, ids=[f"{name}-{profile.value}" for name, profile in PAIRS]
)
async def test_a_fault_is_what_the_table_says(name: str, profile: Profile) -> None:
    async with bench(profile) as here:
        await EXERCISES[name](here)


def test_every_exercise_belongs_to_a_row() -> None:
    assert set(EXERCISES) == {kind for kind, _profile in PAIRS}
    assert all(FAULTS[name].inject is not None for name in EXERCISES)
