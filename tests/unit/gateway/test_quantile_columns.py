"""A byte a marker is enough: river's own positions are never further from where they belong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.stats import Quantile

from gateway.quantile_columns import MARKERS, learn_height, learn_heights

CROWD = 40
"""More than are learned one by one."""

FURTHEST = 3
"""Whole places from the one below the desired place (see the module's docstring)."""


def followed(values: list[float]) -> None:
    """Learn them alone and as a crowd, beside river."""
    river = Quantile(0.5)
    heights, offsets = np.zeros(MARKERS), np.zeros(3, dtype=np.int8)
    many, their = np.zeros((CROWD, MARKERS)), np.zeros((CROWD, 3), dtype=np.int8)
    for count, value in enumerate(values):
        river.update(value)
        learn_height(heights, offsets, count, value)
        learn_heights(many, their, np.full(CROWD, count), np.full(CROWD, value))
        assert abs(offsets.astype(int)).max() <= FURTHEST
        assert many[1].tobytes() == heights.tobytes()
        assert their[1].tobytes() == offsets.tobytes()
        if count >= MARKERS:
            assert heights[2] == pytest.approx(river.get(), abs=1e-12)


@settings(max_examples=60)
@given(st.lists(st.sampled_from([90.0, 120.0, 121.0, 130.5, 180.0, 250.0]), max_size=120))
def test_any_readings_keep_the_markers_where_river_has_them(values: list[float]) -> None:
    followed(values)


@pytest.mark.parametrize(
    "values",
    [
        [float(n) for n in range(600)],
        [float(-n) for n in range(600)],
        [7.0] * 600,
        [float((-1) ** n * n) for n in range(600)],
        [0.0] * 300 + [1.0] * 300,
        [1.0] * 300 + [0.0] * 300,
        [float(n % 7 == 0) * n for n in range(600)],
    ],
)
def test_the_worst_orders_do_not_move_them_further(values: list[float]) -> None:
    followed(values)
