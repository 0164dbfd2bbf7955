"""Linear algebra on one thread, for programs that fit many small regressions.

OpenBLAS takes every core for matrices of ten columns and spends most of it waiting: on a busy
machine of two cores 5,000 Farrington points took 3.1 processor seconds with its threads and 0.8
without (docs/surveillance.md). It reads the variable once, when NumPy is loaded.
"""

import os

PROGRAMS = ("service", "surveillance", "evaluate surveillance", "bench surveillance")
"""Commands that begin so run on one thread."""


def use_one_thread(words: str) -> None:
    """Says so to OpenBLAS where the command is one of `PROGRAMS`; what is set already stays."""
    if any(words == name or words.startswith(f"{name} ") for name in PROGRAMS):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 -- read by OpenBLAS alone
