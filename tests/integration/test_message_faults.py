"""Every fault of the table that concerns messages, through the county's broker to the core's store.

The pairs come from the simulator's table; what each row expects of the system is asserted here.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from firmware_sim.device_mishaps import DEVICE_MISHAPS
from firmware_sim.faults.table import OUTCOMES, kinds_for
from firmware_sim.hub_mishaps import HUB_MISHAPS
from firmware_sim.profiles.names import Profile
from gateway.store.embedded import EmbeddedPostgres
from service.cli import main
from tests.integration.message_town import Kept, MessageTown, device_of, hub_of, message_town, now

pytestmark = [pytest.mark.peer, pytest.mark.slow]

DEVICE = {kind.name: kind.expects[Profile.MQTT_DEVICE] for kind in kinds_for(Profile.MQTT_DEVICE)}
HUB = {kind.name: kind.expects[Profile.HUB] for kind in kinds_for(Profile.HUB)}
AT_HUB = {fault: device_of(f"{fault}-at-hub") for fault in HUB_MISHAPS}

# How many observations there are afterwards, where it is not one.
DEVICE_MADE = {"several-users": 3, "sequence-reset": 2, "sequence-gap": 2, "replayed": 2}
HUB_MADE = {"new-sd-card": 2, "hub-clock-lost": 2}

# What cannot be read as a message is kept aside with its octets and is nobody's reading.
UNREAD = {"not_ours", "malformed_frame"}


@pytest.fixture(scope="module")
async def town(postgres: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[MessageTown]:
    folder = Path(tempfile.mkdtemp(prefix="hw-faults-"))
    owner = await asyncpg.connect(postgres.dsn)
    await owner.execute(f"CREATE DATABASE message_faults TEMPLATE {migrated_template}")
    try:
        async with message_town(
            postgres.dsn_of("message_faults"),
            postgres.dsn_of("message_faults", role="hw_core"),
            folder,
            devices=[*map(device_of, DEVICE_MISHAPS), *AT_HUB.values()],
            hubs=[*map(hub_of, HUB_MISHAPS)],
        ) as running:
            yield running
    finally:
        await owner.execute("DROP DATABASE message_faults WITH (FORCE)")
        await owner.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_every_row_of_the_table_has_a_mishap_and_no_mishap_is_without_a_row() -> None:
    assert set(DEVICE_MISHAPS) == set(DEVICE)
    assert set(HUB_MISHAPS) == set(HUB)
    assert {word.partition(":")[0] for word in (*DEVICE.values(), *HUB.values())} <= set(OUTCOMES)
    assert {word.partition(":")[0] for word in (*DEVICE.values(), *HUB.values())} <= set(CHECKS)


@pytest.mark.row("S6")
@pytest.mark.parametrize("fault", DEVICE)
async def test_a_device_that_speaks_mqtt(town: MessageTown, fault: str) -> None:
    device, since = device_of(fault), await town.newest_aside()
    async with town.sender(device) as sender:
        await DEVICE_MISHAPS[fault](sender)
    await town.everything_arrived()
    check(DEVICE[fault], await town.kept(device, since), DEVICE_MADE.get(fault, 1))


@pytest.mark.row("S6")
@pytest.mark.parametrize("fault", HUB)
async def test_a_hub(town: MessageTown, fault: str) -> None:
    cuff, since = AT_HUB[fault], await town.newest_aside()
    async with town.home(hub_of(fault), cuff) as home:
        await HUB_MISHAPS[fault](home)
        await town.everything_arrived()
        await home.settled()
    check(HUB[fault], await town.kept(cuff, since), HUB_MADE.get(fault, 1))


async def test_retained_messages_come_again_to_whoever_starts_and_stay_one_reading(
    town: MessageTown,
) -> None:
    devices = (device_of("retained"), AT_HUB["retained"])
    async with town.sender(devices[0]) as sender:
        await DEVICE_MISHAPS["retained"](sender)
    async with town.home(hub_of("retained"), devices[1]) as home:
        await HUB_MISHAPS["retained"](home)
    await town.everything_arrived()
    before = [len((await town.kept(device, 0)).observations) for device in devices]
    await town.restart()
    await town.everything_arrived()
    after = [len((await town.kept(device, 0)).observations) for device in devices]
    assert after == before
    assert min(before) >= 1


async def test_the_command_lets_a_hub_suffer_at_any_broker(
    town: MessageTown, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text(town.password)
    words = ["sim", "hub", "--broker", f"127.0.0.1:{town.port}", "--hub", "hub-neighbour"]
    words += ["--password-file", str(password), "--serial", "NEIGHBOUR", "--fault", "new-sd-card"]
    assert await asyncio.to_thread(main, words) == 0
    assert "hub-neighbour, epoch" in capfd.readouterr().out
    password.write_text("wrong")
    assert await asyncio.to_thread(main, words) == 1
    assert "refused by the broker" in capfd.readouterr().err


def check(expected: str, kept: Kept, made: int) -> None:
    word, _, about = expected.partition(":")
    CHECKS[word](kept, made, about)


def _stored(kept: Kept, made: int, about: str) -> None:
    assert len(kept.observations) == made
    assert not kept.aside
    if about:
        assert {one["origin"] for one in kept.observations} == {about}


def _stored_flagged(kept: Kept, made: int, about: str) -> None:
    _stored(kept, made, "")
    assert all(about in one["flags"].split(",") for one in kept.observations)


def _refused(kept: Kept, _made: int, _about: str) -> None:
    assert not kept.observations
    assert {one["reason"] for one in kept.aside} <= UNREAD


def _quarantined(kept: Kept, _made: int, about: str) -> None:
    assert not kept.observations
    assert [one["reason"] for one in kept.aside] == [about]


def _censored(kept: Kept, _made: int, about: str) -> None:
    (one,) = kept.observations
    assert about in json.loads(one["beyond"]).values()
    assert one["glucose"] is None


def _arrival_time(kept: Kept, _made: int, _about: str) -> None:
    (one,) = kept.observations
    # Numbered, it may come again in a bundle: stored as undated, heard at its arrival (D47).
    assert (one["time_confidence"], one["rings_by_arrival"]) == ("unknown", True)
    assert abs(now() - one["effective_at"]) < timedelta(minutes=1)


def _unknown_user(kept: Kept, _made: int, _about: str) -> None:
    assert not kept.observations
    assert [one["reason"] for one in kept.aside] == ["unknown_user"]
    assert kept.aside[0]["subject"].startswith("home:")


CHECKS: Mapping[str, Callable[[Kept, int, str], None]] = {
    "stored": _stored,
    "stored_once": _stored,
    "refused": _refused,
    "quarantined": _quarantined,
    "censored": _censored,
    "arrival_time": _arrival_time,
    "stored_flagged": _stored_flagged,
    "inbox_unknown_user": _unknown_user,
}
