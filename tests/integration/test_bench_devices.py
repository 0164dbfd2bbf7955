"""`hearthwatch bench adapters`, part two, at a small size: every figure comes from real work."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.profiles.names import Profile
from service.lab.bench_backlog import bench_alone, bench_backlog, bench_crowd, table
from service.lab.bench_unbox import bench_unbox
from service.lab.bench_unbox import table as unbox_table

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture
def entered_by_all() -> Iterator[Path]:
    """The database's own user must get in, which pytest's folders do not allow."""
    with tempfile.TemporaryDirectory(prefix="hw-bench-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.mark.row("P10")
async def test_a_memory_a_home_and_a_single_reading(tmp_path: Path) -> None:
    backlog = await bench_backlog(tmp_path / "backlog", records=60)
    assert (backlog.records, backlog.callback_to_fsync.count) == (60, 60)
    assert backlog.at_the_airs_pace.count == 60
    assert 0 < backlog.seconds < 60
    assert backlog.ratio == pytest.approx(backlog.seconds / backlog.bare_transfer_s, rel=0.1)
    crowd = await bench_crowd(tmp_path / "crowd", devices=5)
    assert (crowd.devices, crowd.readings, crowd.missed) == (5, 10, 0)
    alone = await bench_alone(tmp_path / "alone", readings=20)
    assert alone.callback_to_fsync.count == alone.sqlite_alone.count == 20
    assert 0 < alone.callback_to_fsync.p50_ms <= alone.callback_to_fsync.p99_ms
    assert any("5 devices in one home" in line for line in table(backlog, crowd, alone))


@pytest.mark.row("P1")
async def test_a_device_is_unboxed_without_a_keystroke(entered_by_all: Path) -> None:
    wanted = (Profile.BLOOD_PRESSURE, Profile.THERMOMETER)
    report = await bench_unbox(entered_by_all / "unbox", trials=1, profiles=wanted)
    cuff, thermometer = report.profiles
    assert (cuff.profile, thermometer.profile) == ("blood_pressure", "thermometer")
    for one in report.profiles:
        assert (one.trials, one.keystrokes, one.presses) == (1, 0, 2)
        assert 0 < one.bare_s < one.p95_s < 20
    assert "blood_pressure" in unbox_table(report)[1]
