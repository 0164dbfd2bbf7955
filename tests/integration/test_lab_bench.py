"""The bench walks the whole walk and its figures belong together."""

from pathlib import Path

import pytest

from service.lab.bench_walk import bench_walk

pytestmark = [pytest.mark.slow, pytest.mark.peer]


async def test_one_run_measures_both_ends_of_the_walk(open_folder: Path) -> None:
    report = await bench_walk(open_folder, seconds=1.0, people=40)
    assert report.publish_to_commit.count == 40
    assert report.publish_to_page.count == 4
    assert 0 < report.publish_to_commit.p50_ms <= report.publish_to_commit.p99_ms
    assert report.publish_to_page.p50_ms > 0
    assert report.readings_per_s > 0
    assert report.bare_pipe_per_s > 0
    ratio = report.readings_per_s / report.bare_pipe_per_s
    assert report.ratio_to_bare_pipe == pytest.approx(ratio, abs=1e-3)
    assert set(report.memory_mb) == {"core", "service", "hub", "broker", "postgresql"}
    assert all(size > 1 for size in report.memory_mb.values())
