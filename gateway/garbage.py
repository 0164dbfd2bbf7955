"""How often Python looks for cycles of objects in a process that judges readings."""

import gc

_YOUNGEST = 50_000
"""New objects before the youngest are looked through."""


def look_for_garbage_rarely() -> None:
    """Leave alone what lives already, and look through the rest rarely.

    A batch makes tens of thousands of small objects that are gone with it: looking for cycles among
    all that live, every few hundred of them, would take as long as the batch.
    """
    gc.freeze()
    gc.set_threshold(_YOUNGEST, 20, 50)
