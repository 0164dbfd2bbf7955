"""Whose readings are heard anew."""

import pytest

from gateway.anew import has_changed
from gateway.baselines import empty_state
from gateway.recent import no_recent
from gateway.stored_state import StoredState


@pytest.mark.parametrize(
    ("rules", "open_since", "changed"),
    [
        (0, 0, True),  # a new profile was told
        (7, 0, False),
        (7, 5, False),
        (6, 0, False),  # other rules, and nothing waited
        (6, 5, True),  # what waited may ring alone by them
    ],
)
def test_who_is_known_better_since(rules: int, open_since: int, *, changed: bool) -> None:
    recent = no_recent()
    recent["rules"], recent["open_since"] = rules, open_since
    state = StoredState(row=empty_state(), next_wake_at=None, recent=recent)
    assert has_changed(state, 7) is changed
    assert has_changed(StoredState(row=empty_state(), next_wake_at=None), 7)
