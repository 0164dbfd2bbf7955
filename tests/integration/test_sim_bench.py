"""The simulator's bench measures what it says, with its peer in the same run."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from service.lab.bench_sim import SimReport, table

pytestmark = [pytest.mark.slow, pytest.mark.peer]


@pytest.mark.row("S10")
def test_one_run_measures_people_homes_and_the_way_into_the_broker(tmp_path: Path) -> None:
    """In a process of its own: what earlier tests freed would hide what a home takes."""
    asked = "pathlib.Path(sys.argv[1]), seconds=0.5, people=5, homes=100"
    program = (
        "import asyncio, msgspec, pathlib, sys; from service.lab.bench_sim import bench_sim; "
        f"made = asyncio.run(bench_sim({asked})); "
        "sys.stdout.buffer.write(msgspec.json.encode(made))"
    )
    ran = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True
    )
    report = msgspec.json.decode(ran.stdout.splitlines()[-1], type=SimReport)
    assert report.homes == 100
    assert report.cohort_readings > 5 * 365 / 10
    assert report.cohort_readings_per_s > 0
    assert report.messages_per_s > 0
    assert report.bare_publisher_per_s > 0
    ratio = report.messages_per_s / report.bare_publisher_per_s
    assert report.ratio_to_bare_publisher == pytest.approx(ratio, abs=1e-2)
    assert 0 < report.kib_per_home < 64
    assert "homes connected at once" in table(report)
    lines = (tmp_path / "cohort" / "readings.csv").read_text().splitlines()
    assert len(lines) == report.cohort_readings + 1
