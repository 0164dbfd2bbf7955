from pathlib import Path

import pytest

from service.lab.bench_hub import DEVICES, bench_hub, table

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.mark.row("O12")
async def test_a_hub_fits_a_small_box(tmp_path: Path) -> None:
    """120 MB and 5 % of a core are what issue 4 allows; the radio's figures hold its simulator."""
    tmp_path.chmod(0o711)
    report = await bench_hub(tmp_path, seconds=2)
    assert report.devices == DEVICES == 5
    for cost in (report.alone, report.with_radio, report.after_readings):
        assert report.interpreter.rss_mb < cost.rss_mb
    assert report.alone.rss_mb < 120
    assert report.alone.cpu_percent < 5
    assert "hub alone" in table(report)
