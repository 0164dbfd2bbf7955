"""A device's records depend on the seed and on nothing else."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bumble
import pytest

from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from firmware_sim.record_stream import digest, record_stream
from service import cli
from tests.unit.firmware_sim.other_pythons import other_pythons, output_of

START = datetime(2026, 1, 1, tzinfo=UTC)
PINNED = {
    Profile.BLOOD_PRESSURE: "da2d9aea5452854250e14bb6439e0a90ae009030b93e46d2971398c3c3483928",
    Profile.GLUCOSE: "f88e5bd1dbdde69bf759201a0e3a74092e9f2beb92a2fc271f772f89879675e1",
    Profile.CGM: "bd2fa32ed75571dc341352bcc16ed2052570502eb4e58b3efd55c6ea2c08cdb6",
    Profile.THERMOMETER: "b748c7273ef48bc7cff2b6f801c592ca387f68b81c486419275d509157425a36",
    Profile.PULSE_OXIMETER: "1b57acdb7404bb68012bea86378a8596099f142ecf244bd1bc7948e9bec21ad1",
    Profile.WEIGHT_SCALE: "3bc198bda9a22a21e6d42c45d61e6313434f9c3bb9ffb7d5627c87f5835589db",
    Profile.BODY_COMPOSITION: "df9e37026a6d200e4b67b03b7d1a46b0df3c1622e67260bda66572f83eb6d78c",
    Profile.HEART_RATE: "836de5fd178aa35149338f16a8307969d46664ef80afb7c4eb2300f786ce2f01",
}
"""Digests of 200 hourly records of seed 1; a change means that devices send other octets now."""

PROGRAM = """
import asyncio
from datetime import UTC, datetime, timedelta
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.record_stream import digest, record_stream
for profile in PERIPHERALS:
    frames = asyncio.run(record_stream(profile, seed=1, count=200, every=timedelta(hours=1),
                                       start=datetime(2026, 1, 1, tzinfo=UTC)))
    print(profile.value, digest(frames))
"""
PACKAGES_HERE = str(Path(bumble.__file__).parents[1])


async def stream(profile: Profile, seed: int) -> list[bytes]:
    return await record_stream(profile, seed=seed, count=200, start=START, every=timedelta(hours=1))


@pytest.mark.row("S4")
@pytest.mark.parametrize("profile", PERIPHERALS, ids=lambda profile: profile.value)
async def test_the_same_seed_gives_the_same_octets_on_every_machine(profile: Profile) -> None:
    frames = await stream(profile, 1)
    assert len(frames) == 200
    assert digest(frames) == PINNED[profile]
    assert digest(await stream(profile, 2)) != PINNED[profile]


@pytest.mark.row("S4")
@pytest.mark.slow
def test_every_other_python_of_this_machine_makes_the_same_octets(tmp_path: Path) -> None:
    pythons = other_pythons("firmware_sim.peripheral", PACKAGES_HERE)
    if not pythons:
        pytest.skip("this machine has no other Python from 3.11 on that can import bumble")
    said = {
        python: output_of(python, PROGRAM, folder=tmp_path, PYTHONPATH=path, PYTHONHASHSEED="77")
        for python, path in pythons
    }
    pinned = "\n".join(f"{profile.value} {PINNED[profile]}" for profile in PERIPHERALS)
    assert said == dict.fromkeys(said, pinned)


@pytest.mark.parametrize("profile", PERIPHERALS, ids=lambda profile: profile.value)
def test_the_command_prints_the_stream_and_its_digest(
    profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--profile", profile.value, "--count", "200", "--every-min", "60"]
    assert cli.main(["sim", "records", *options]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == f"sha256 {PINNED[profile]}"
    assert len(lines) == 200
    assert all(line.startswith(f"{PERIPHERALS[profile].record_number:04X} ") for line in lines)


def test_the_command_refuses_to_print_nothing() -> None:
    assert cli.main(["sim", "records", "--profile", "cgm", "--count", "0"]) == 2


async def test_a_digest_sees_where_one_frame_ends() -> None:
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"])


async def test_measurements_are_never_early_and_at_most_half_an_hour_late() -> None:
    frames = await stream(Profile.BLOOD_PRESSURE, 1)
    minutes = [frame[12] for frame in frames]  # flags, three pressures, year to hour, minute
    assert set(minutes) <= set(range(31))
    assert max(Counter(minutes).values()) < 20  # spread, not always the same
