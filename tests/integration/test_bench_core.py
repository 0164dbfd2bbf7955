"""`hearthwatch bench core` at a size for tests: every figure comes from real work."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from service.lab.bench_core_report import CoreReport, table

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(900)]

PEOPLE, STORED = 200, 2000


@pytest.fixture
def entered_by_all() -> Iterator[Path]:
    """The database's own user must get in, which pytest's folders do not allow."""
    with tempfile.TemporaryDirectory(prefix="hw-bench-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def bench(folder: Path, *words: str, people: int = PEOPLE) -> subprocess.CompletedProcess[str]:
    size = ("--people", str(people), "--stored", str(STORED), "--seconds", "2")
    command = (sys.executable, "-m", "service.cli", "bench", "core", *size, *words)
    return subprocess.run(  # noqa: S603 - ourselves
        [*command, "--keep", str(folder), "--json"], capture_output=True, text=True, check=False
    )


def test_the_core_is_measured_with_its_peers_and_the_database_serves_again(
    entered_by_all: Path,
) -> None:
    ran = bench(entered_by_all, "--peers", "mqtt", "river", "copy")
    assert ran.returncode == 0, ran.stderr
    report = msgspec.json.decode(ran.stdout, type=CoreReport)
    assert report.people == PEOPLE
    assert report.stored == pytest.approx(STORED, rel=0.25)
    assert report.live.committed == 100  # half of the people, once each
    assert report.live_2000_p99_ms is not None
    assert report.live_2000_p99_ms > 0
    assert report.catchup.committed > report.live.committed
    assert report.catchup_readings_per_s > 0
    assert report.catchup_live_p99_ms is not None
    assert report.bytes_per_person >= 0
    assert 0 < report.restart_s < 60
    assert report.columns_bytes > 100
    assert all(spent >= 0 for spent in report.catchup.cpu_us.values())
    assert report.catchup.cpu_us["core"] > 0
    assert report.peers.river_bytes_per_person is not None
    assert report.peers.river_bytes_per_person > 1000
    wanted = {"throughput_to_bare_mqtt", "throughput_to_river", "throughput_to_copy"}
    assert wanted <= set(report.ratios)
    text = table(report)
    assert "restart to first commit" in text
    assert "river objects in a dict" in text
    for name in ("live_2000_p99_ms", "catchup_readings_per_s", "bytes_per_person", "restart_s"):
        assert f"{name} " in text, "each aim stands beside what was seen"
    assert f"here of {PEOPLE}" in text

    other = bench(entered_by_all, "--peers", people=PEOPLE + 2)
    assert other.returncode == 1
    assert f"the folder holds {PEOPLE} people" in other.stderr
