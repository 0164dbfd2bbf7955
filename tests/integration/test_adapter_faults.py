"""Every fault of the table, done to every Bluetooth device it can happen to, ends as it says.

The device's octets go through our adapters, the hub's spool and the core into PostgreSQL; what a
plain witness sees of the same faults on the wire is `faults/test_faults.py`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from firmware_sim.faults.table import FAULTS, OUTCOMES, applicable
from firmware_sim.profiles.names import Profile
from gateway.store.embedded import EmbeddedPostgres
from tests.integration.adapter_faults.bench import bench, plate
from tests.integration.adapter_faults.courses import COURSES, live_through, read_before
from tests.integration.adapter_faults.outcomes import CHECKS
from tests.integration.county_bench import Bench as County
from tests.integration.county_bench import county_bench

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PAIRS = [(kind.name, profile) for kind, profile in applicable() if profile.is_ble]

# Models whose row of the quirk table is needed; everybody else is read as specified.
MODELS = {
    "ketone-as-meal-6": ("i-SENS", "CareSens Dual"),
    "paired-elsewhere": ("Omron", "HEM-7322T"),
    "slots-full": ("Roche", "Accu-Chek Guide"),
}

SHARED = {"wrong-user", "user-unknown", "user-missing", "several-users"}

MADE = {
    "drop-mid-transfer": 3,
    "slow-link": 3,
    "window-missed": 2,
    "not-in-pairing-mode": 2,
    "battery-dead-in-transfer": 3,
    "reversed-order": 3,
    "shuffled-order": 3,
    "deletes-after-transfer": 3,
    "resends-everything": 3,
    "memory-full": 5,
    "racp-not-completed": 3,
    "racp-abort-unsuccessful": 3,
    "sequence-wrap": 3,
    "sequence-reset": 3,
    "sequence-gap": 2,
    "several-users": 3,
    "context-late": 2,
}
"""How many records there are in the end, where it is not one."""

SAMPLED = {"drop-mid-transfer": 2, "battery-dead-in-transfer": 2}
"""The same for a strap: of what it tells in one session within seconds, one value is taken."""


@pytest.fixture(scope="module")
async def county(postgres: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[County]:
    owner = await asyncpg.connect(postgres.dsn)
    name = "adapter_faults"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    try:
        async with county_bench(
            postgres.dsn_of(name, role="hw_core"), postgres.dsn_of(name)
        ) as running:
            yield running
    finally:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()


def test_every_outcome_is_asserted_and_every_course_is_of_the_table() -> None:
    words = {kind.expects[profile].partition(":")[0] for kind, profile in applicable()}
    assert words <= set(OUTCOMES)
    assert {FAULTS[name].expects[profile].partition(":")[0] for name, profile in PAIRS} <= set(
        CHECKS
    )
    assert set(COURSES) | set(MADE) | set(MODELS) | SHARED <= {name for name, _ in PAIRS}


@pytest.mark.row("P13")
@pytest.mark.row("S6")
@pytest.mark.parametrize(
    ("name", "profile"), PAIRS, ids=[f"{name}-{profile.value}" for name, profile in PAIRS]
)
async def test_a_fault_ends_as_the_table_says(
    name: str, profile: Profile, county: County, tmp_path: Path
) -> None:
    maker, model = MODELS.get(name, ("Acme", "X-1"))
    slots = (1, 2) if name in SHARED else (None,)
    async with bench(
        profile, plate(profile, name, maker, model), county, tmp_path, slots=slots
    ) as here:
        await live_through(here, name)
        kept = await here.kept()
    word, _, about = FAULTS[name].expects[profile].partition(":")
    counts = SAMPLED if profile is Profile.HEART_RATE else MADE
    made = counts.get(name, 1) + read_before(name, profile)
    CHECKS[word](here, kept, made, about)
