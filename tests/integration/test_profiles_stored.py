"""A reading of each profile, from the device's memory to the person's row."""

from datetime import timedelta
from pathlib import Path

import pytest

from device_adapters.ble.session import SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from gateway.facts import BindingFact
from gateway.hub_sessions import Sessions
from gateway.sorting import Batch
from gateway.spool import Spool
from rules.vocabulary import DeviceRef, Observation
from tests.fixtures.database import Database
from tests.integration.county_bench import START, WANG, ZONE, county_bench
from tests.integration.session_bench import Home, plate, serving, uplinked
from tests.integration.virtual_bench import RADIO

pytestmark = [pytest.mark.peer, pytest.mark.row("P10"), pytest.mark.row("I4")]

DEVICE = DeviceRef(manufacturer="Acme", model="T-1", serial="1")


async def _nothing(_told: list[Observation] | SessionSummary) -> None:
    """Nobody else is at home."""


@pytest.mark.parametrize("profile", PERIPHERALS)
async def test_what_a_device_of_each_profile_says_is_stored_for_its_person(
    profile: Profile, database: Database, tmp_path: Path
) -> None:
    link, home = VirtualLink(), Home(now=START)
    async with (
        VirtualRadio(link, RADIO) as radio,
        PERIPHERALS[profile](link, plate("1")) as device,
        serving(radio, [device], home),
    ):
        await device.measure_typical(START)
        summary = await home.session()
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        Spool.open(tmp_path / "spool.db") as spool,
    ):
        bound = BindingFact(device=DEVICE.key, subject=WANG, valid_from=START - timedelta(days=9))
        await bench.tell(bound)
        sessions = Sessions(spool=spool, zone=ZONE, on_spooled=_nothing, on_end=_nothing)
        for observation in home.observations:
            await sessions.on_observation(observation)
        await sessions.on_session_end(summary)
        await bench.take(Batch(arrivals=await uplinked(spool, START)), START)
        kept = await bench.owner.fetch("SELECT detail FROM core.quarantine")
        assert [row["detail"] for row in kept] == []
        (row,) = await bench.owner.fetch("SELECT * FROM core.observation")
    assert (row["subject"], row["device"], row["valid"]) == (WANG, DEVICE.key, True)
    assert row["kind"] == home.observations[0].kind.value
    assert abs(row["effective_at"] - START) < timedelta(minutes=1)
    clockless = profile is Profile.HEART_RATE
    assert row["time_confidence"] == ("arrival" if clockless else "good")
