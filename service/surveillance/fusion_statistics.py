"""Several p-values, one answer: Simes over the sources of a place, Benjamini-Hochberg over places.

Simes (Biometrika 73 (1986) 751-754) holds where sources of one place rise and fall together (a cold
snap, a holiday); Fisher's and Stouffer's products do not (docs/surveillance.md has the figures).
Weights after Genovese, Roeder and Wasserman, Biometrika 93 (2006) 509-524.
"""

from collections.abc import Sequence

import numpy as np

from service.surveillance.detectors.points import Counts


def simes(pvalues: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The p-value of "nothing is unusual in any of them"; 1 where there is none to judge by.

    Args:
        pvalues: each from 0 to 1.
        weights: how much each counts, 0 and up; None: all alike. They are scaled to a mean of 1,
            so a weight only moves sensitivity from one source to the others.
    """
    shares = np.ones(len(pvalues)) if weights is None else np.asarray(weights, dtype=np.float64)
    counted = shares > 0
    if not counted.any():
        return 1.0
    shares = shares[counted] / shares[counted].mean()
    scaled = np.sort(np.asarray(pvalues, dtype=np.float64)[counted] / shares)
    ranks = np.arange(1, scaled.size + 1)
    return float(min(1.0, np.min(scaled * scaled.size / ranks)))


def simes_rows(pvalues: Counts) -> Counts:
    """`simes` without weights for every row; NaN entries are not counted, an empty row is 1."""
    ordered = np.sort(pvalues, axis=1)  # NaN last
    known = (~np.isnan(pvalues)).sum(axis=1, keepdims=True)
    ranks = np.arange(1.0, float(pvalues.shape[1]) + 1.0)[None, :]
    combined = np.where(np.isnan(ordered), np.inf, ordered * known / ranks)
    return np.minimum(1.0, combined.min(axis=1))


def benjamini_hochberg(pvalues: Sequence[float]) -> list[float]:
    """The q-value of each: the false discovery rate at which it would just stand out.

    Benjamini and Hochberg, J R Stat Soc B 57 (1995) 289-300.
    """
    values = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(values)
    ranks = np.arange(1, values.size + 1)
    stepped = values[order] * values.size / ranks
    lowest = np.minimum(1.0, np.minimum.accumulate(stepped[::-1])[::-1])
    result = np.empty_like(values)
    result[order] = lowest
    return [float(q) for q in result]
