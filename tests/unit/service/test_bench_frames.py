"""The frames that `bench adapters` decodes are what it says: every decoder is measured."""

import random

import pytest

from device_adapters.ble.registry import DECODERS, decode, decode_facts
from service.lab.bench_adapters import bench_adapters, table
from service.lab.bench_frames import KINDS

ISSUE = "2A35 2A36 2A49 2A18 2A34 2A51 2A52 2AA7 2A1C 2A5E 2A5F 2A9D 2A9C 2A37 2A19 2A2B 2A08"
DEVICE_INFORMATION = "2A24 2A25 2A26 2A29"


def test_every_decoder_is_measured() -> None:
    assert {*ISSUE.split(), *DEVICE_INFORMATION.split()} <= KINDS.keys()
    assert DECODERS.keys() <= KINDS.keys()


@pytest.mark.parametrize("characteristic", KINDS)
def test_its_frames_are_sound_and_fit_the_layout_of_the_peer(characteristic: str) -> None:
    make, (layout, sfloats) = KINDS[characteristic]
    chance = random.Random(1)  # noqa: S311 - frames, not secrets
    frames = [make(chance) for _ in range(50)]
    assert len(set(frames)) > 20
    read = decode if characteristic in DECODERS else decode_facts
    for frame in frames:
        assert read(characteristic, frame)
        values = layout.unpack(frame)
        assert all(isinstance(values[place], int) for place in sfloats)


def test_each_has_its_rate_and_its_peers_in_the_table() -> None:
    report = bench_adapters(0.1)
    assert [rate.characteristic for rate in report.decode] == list(KINDS)
    assert all(rate.frames_per_s > 0 and rate.struct_only_per_s > 0 for rate in report.decode)
    assert all(rate.characteristic in table(report) for rate in report.decode)
