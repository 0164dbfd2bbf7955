"""The backtest's bench measures what it says, with its peer in the same run."""

from pathlib import Path

import pytest

from service.lab.bench_backtest import bench_backtest, table, write_year
from service.lab.bench_stages import BenchError

pytestmark = pytest.mark.slow


@pytest.mark.row("R12")
def test_a_year_on_file_is_judged_on_one_core_beside_its_peer(tmp_path: Path) -> None:
    report = bench_backtest(tmp_path, people=20, days=30)
    assert report.readings == 20 * 30 * 4
    # Four people with a meter measure twice a day what is one line, everybody else two.
    assert report.lines == report.readings * 2 - 4 * 30 * 2
    assert 0 < report.passing < 0.2
    assert 0 < report.judging_s < report.whole_s
    assert report.processor_s <= report.whole_s * 1.05, "of one processor"
    ratio = report.whole_s / report.peer_s
    assert report.ratio_to_peer == pytest.approx(ratio, rel=0.05)
    assert "2,400 readings in 4,560 lines, one core" in table(report)


def test_the_same_numbers_are_the_same_year(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_year(tmp_path / name, people=7, days=2)
    for file in ("readings.csv", "people.csv"):
        one, other = ((tmp_path / name / file).read_bytes() for name in ("one", "other"))
        assert one == other


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "told.json").mkdir()
    with pytest.raises(BenchError, match=r"rules backtest ended with 2: .*told\.json"):
        bench_backtest(tmp_path, people=20, days=1)
