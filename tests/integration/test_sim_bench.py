"""The simulator's bench measures what it says, with its peer in the same run."""

from pathlib import Path

import pytest

from service.lab.bench_sim import bench_sim, table

pytestmark = [pytest.mark.slow, pytest.mark.peer]


@pytest.mark.row("S10")
async def test_one_run_measures_people_homes_and_the_way_into_the_broker(tmp_path: Path) -> None:
    report = await bench_sim(tmp_path, seconds=0.5, people=5, homes=100)
    assert report.homes == 100
    assert report.cohort_readings > 5 * 365 / 10
    assert report.cohort_readings_per_s > 0
    assert report.messages_per_s > 0
    assert report.bare_publisher_per_s > 0
    ratio = report.messages_per_s / report.bare_publisher_per_s
    assert report.ratio_to_bare_publisher == pytest.approx(ratio, abs=1e-2)
    # 0 where earlier tests left this process memory that the homes found room in
    assert 0 <= report.kib_per_home < 64
    assert "homes connected at once" in table(report)
    lines = (tmp_path / "cohort" / "readings.csv").read_text().splitlines()
    assert len(lines) == report.cohort_readings + 1
