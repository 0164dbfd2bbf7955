"""Quasi-Poisson regressions with log link, many series at once over one design matrix.

Iteratively reweighted least squares with the rules that R documents for `glm.fit` (start at
y + 0.1, stop when the deviance moves by less than 1e-8 of itself, at most 25 rounds), each series
frozen at the round in which it stops, so that a standard error is that of R's last round
(McCullagh and Nelder, "Generalized Linear Models", 2nd ed. 1989, section 2.5).
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.points import Counts, Flags, Indices

_EPSILON = 1e-8
_MOST_ROUNDS = 25
_LEAST_MEAN = float(np.finfo(np.float64).eps)
_RIDGE = 1e-12  # only where weights near 0 leave one matrix of a batch singular


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fitted series (rows): coefficients x columns of the design, means x its rows.

    `working` are the weights of the last round (prior weight x the mean of the round before);
    `covariance` is the inverse of X'WX with them, still to be multiplied by the dispersion.
    """

    coefficients: Counts
    mean: Counts
    working: Counts
    covariance: Counts
    converged: Flags

    def leverage(self, design: Counts) -> Counts:
        """Diagonal of the hat matrix, series x rows of `design`."""
        rows, columns = design.shape
        outer = (design[:, :, None] * design[:, None, :]).reshape(rows, columns * columns)
        return self.working * (self.covariance.reshape(-1, columns * columns) @ outer.T)

    def take(self, rows: Flags) -> "Fit":
        """The fits of some series."""
        return Fit(
            coefficients=self.coefficients[rows],
            mean=self.mean[rows],
            working=self.working[rows],
            covariance=self.covariance[rows],
            converged=self.converged[rows],
        )


def fit(counts: Counts, design: Counts, weights: Counts, offset: Counts | None) -> Fit:
    """Fit every row of `counts` (series x rows of `design`) with its own prior weights.

    `design` must have full column rank. A fit that ran into infinities has NaN coefficients and
    is not converged.
    """
    series, rows = counts.shape
    columns = design.shape[1]
    outer = (design[:, :, None] * design[:, None, :]).reshape(rows, columns * columns)
    shift = np.zeros((series, 1)) if offset is None else offset
    mean = counts + 0.1
    eta = np.log(mean)
    deviance = _deviance(counts, mean, weights)
    coefficients = np.full((series, columns), np.nan)
    working = np.zeros_like(counts)
    normal = np.broadcast_to(np.eye(columns), (series, columns, columns)).copy()
    converged = np.zeros(series, dtype=np.bool_)
    active: Indices = np.arange(series, dtype=np.int64)
    for _ in range(_MOST_ROUNDS):
        y, w = counts[active], weights[active]
        current = w * mean[active]
        response = eta[active] - shift[active] + (y - mean[active]) / mean[active]
        crossed = (current @ outer).reshape(-1, columns, columns)
        solution = _solve(crossed, (current * response) @ design)
        new_eta = solution @ design.T + shift[active]
        with np.errstate(over="ignore"):
            new_mean = np.maximum(np.exp(new_eta), _LEAST_MEAN)
        new_deviance = _deviance(y, new_mean, w)
        coefficients[active], working[active], normal[active] = solution, current, crossed
        eta[active], mean[active] = new_eta, new_mean
        stopped = np.abs(new_deviance - deviance[active]) / (np.abs(new_deviance) + 0.1) < _EPSILON
        broken = ~np.isfinite(new_deviance)
        converged[active[stopped]] = True
        coefficients[active[broken]] = np.nan
        deviance[active] = new_deviance
        active = active[~(stopped | broken)]
        if active.size == 0:
            break
    return Fit(
        coefficients=coefficients,
        mean=mean,
        working=working,
        covariance=_inverse(normal),
        converged=converged,
    )


def independent(design: Counts) -> list[int]:
    """The columns of `design` that do not follow from those before them."""
    kept: list[int] = []
    basis: list[Counts] = []
    for column in range(design.shape[1]):
        rest = design[:, column].copy()
        for direction in basis:
            rest -= direction * (direction @ rest)
        length = float(np.sqrt(rest @ rest))
        if length > 1e-7 * max(1e-300, float(np.sqrt(design[:, column] @ design[:, column]))):
            basis.append(rest / length)
            kept.append(column)
    return kept


def _deviance(counts: Counts, mean: Counts, weights: Counts) -> Counts:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logs = np.where(counts > 0, counts * np.log(np.where(counts > 0, counts, 1) / mean), 0.0)
        return np.asarray(2 * (weights * (logs - (counts - mean))).sum(axis=1))


def _scaled(normal: Counts) -> tuple[Counts, Counts]:
    # Seasons without a case have weights near 0: scaled to a unit diagonal they are harmless.
    diagonal = np.diagonal(normal, axis1=1, axis2=2)
    scale = np.asarray(1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)))
    return normal * scale[:, :, None] * scale[:, None, :], scale


def _solve(normal: Counts, right: Counts) -> Counts:
    scaled, scale = _scaled(normal)
    wanted = (right * scale)[:, :, None]
    try:
        solution = np.linalg.solve(scaled, wanted)
    except np.linalg.LinAlgError:
        solution = np.linalg.solve(scaled + _RIDGE * np.eye(scaled.shape[1]), wanted)
    return solution[:, :, 0] * scale


def _inverse(normal: Counts) -> Counts:
    scaled, scale = _scaled(normal)
    try:
        inverse = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:
        inverse = np.linalg.inv(scaled + _RIDGE * np.eye(scaled.shape[1]))
    return inverse * scale[:, :, None] * scale[:, None, :]
