"""`hearthwatch bench adapters` measures what sessions call, beside a peer in the same run."""

import json

import pytest

from service.cli import main

EVERY = {
    *("2A35", "2A36", "2A49", "2A18", "2A34", "2A51", "2A52", "2AA7", "2A1C", "2A5E", "2A5F"),
    *("2A9D", "2A9C", "2A37", "2A19", "2A2B", "2A08", "2A25"),
}
"""Every characteristic with a decoder; 2A25 stands for the device information, all text."""


@pytest.mark.slow
def test_the_bench_prints_a_rate_and_a_ratio_for_each_characteristic(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "adapters", "--seconds", "0.5", "--decode-only", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["aim_2a35_per_s"] == 300_000
    rates = {rate["characteristic"]: rate for rate in said["decode"]}
    assert set(rates) >= EVERY
    for rate in rates.values():
        assert rate["ratio"] == pytest.approx(
            rate["frames_per_s"] / rate["struct_only_per_s"], abs=0.01
        )
    # Field by field, with a Decimal made for each number, it was 0.06.
    assert rates["2A35"]["ratio"] > 0.15


def test_the_bench_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "adapters", "--seconds", "0.2", "--decode-only"]) == 0
    said = capsys.readouterr().out
    assert "struct only" in said
    assert "aim for 2A35             300,000" in said
