"""The regression both Farrington detectors share: baseline, reweighting, trend, prediction.

Farrington, Andrews, Beale and Catchpole, "A statistical algorithm for the early detection of
outbreaks of infectious disease", J R Stat Soc A 159 (1996) 547-563, sections 3.3 to 3.6; seasons
after Noufaily et al., Stat Med 32 (2013) 1206-1222. Many areas and points are fitted at once where
their reference points lie alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.distributions import student_two_sided
from service.surveillance.detectors.points import Counts, Flags, Indices, Series
from service.surveillance.detectors.quasi_poisson import Fit, fit, independent
from service.surveillance.detectors.reference import Reference

_TREND_YEARS = 3
_CHUNK = 256
_ALONE = 1e-9

Referrer = Callable[[int], Reference]
"""Gives the reference points of a judged point (index from 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """How baselines are fitted; the names are those of R's control parameters.

    `overwritten` says whether, after reweighting, the dispersion behind standard error and trend
    test is the mean of omega x (relative residual)^2, as in R's `farringtonFlexible`, rather than
    Pearson's, as in the papers and in R's `farrington`.
    """

    years: int
    reweight: bool
    weights_threshold: float
    trend: bool
    p_threshold_trend: float
    seasons: int
    population_offset: bool
    overwritten: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """Fits over one design; dispersions of a count, of the mean's error and of the trend test."""

    fit: Fit
    phi: Counts
    error_phi: Counts
    test_phi: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Baseline:
    """Fits that share one design: counts x reference points, which lie at `time` in `season`.

    `time` counts from the judged point, whose season is the last. `offset` has one column more
    than `counts`: the judged point's.
    """

    counts: Counts
    offset: Counts
    time: Counts
    season: Indices

    def take(self, rows: Flags) -> "_Baseline":
        """Some of the fits."""
        return _Baseline(
            counts=self.counts[rows],
            offset=self.offset[rows],
            time=self.time,
            season=self.season,
        )

    def design(self, *, trend: bool, seasons: int) -> tuple[Counts, Counts]:
        """Columns of full rank (the trend first, then one a season) and the judged point's row."""
        columns: list[Counts] = []
        row: list[float] = []
        for season in range(1, seasons + 1):
            columns.append((self.season == season).astype(np.float64))
            row.append(float(season == seasons))
        if trend:
            centre = float(self.time.mean())
            columns.insert(0, self.time - centre)
            row.insert(0, -centre)
        design = np.stack(columns, axis=1)
        # The trend is tried last: where it follows from the seasons it is the one to go.
        order = [*range(int(trend), len(columns)), *([0] if trend else [])]
        kept = sorted(order[column] for column in independent(design[:, order]))
        return design[:, kept], np.asarray(row)[kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Of the judged points on the link scale: mean, its standard error, dispersion; one shape."""

    eta: Counts
    error: Counts
    phi: Counts
    trend: Flags


def predict(series: Series, index: Indices, refer: Referrer, control: Regression) -> Prediction:
    """Fit every area and judged point; NaN where no model converged or nothing is known.

    Raises:
        DetectorError: reference points lie outside the series (from `refer`).
    """
    areas = series.observed.shape[0]
    result = _unknown((areas, index.size))
    for reference, positions in _calendars(index, refer):
        points = index[positions][:, None] - reference.back[None, :]
        area: Indices = np.repeat(np.arange(areas, dtype=np.int64), positions.size)
        place: Indices = np.tile(np.arange(positions.size, dtype=np.int64), areas)
        for start in range(0, area.size, _CHUNK):
            some = slice(start, start + _CHUNK)
            at = (area[some], positions[place[some]])
            rows = points[place[some]]
            found = _predict_cells(series, at[0], rows, index[at[1]], (reference, control))
            for whole, part in zip(_fields(result), _fields(found), strict=True):
                whole[at] = part
    return result


def _calendars(index: Indices, refer: Referrer) -> list[tuple[Reference, Indices]]:
    """The judged points (positions in `index`) grouped by equal designs."""
    groups: dict[bytes, tuple[Reference, list[int]]] = {}
    for position, judged in enumerate(index):
        reference = refer(int(judged))
        groups.setdefault(reference.key(), (reference, []))[1].append(position)
    return [(ref, np.asarray(positions, dtype=np.int64)) for ref, positions in groups.values()]


def _predict_cells(
    series: Series,
    areas: Indices,
    points: Indices,
    judged: Indices,
    how: tuple[Reference, Regression],
) -> Prediction:
    """Fits of one calendar, split where different reference points are unknown."""
    reference, control = how
    counts = series.observed[areas[:, None], points]
    offset = np.zeros((areas.size, points.shape[1] + 1))
    if control.population_offset and series.population is not None:
        offset[:, :-1] = np.log(series.population[areas[:, None], points])
        offset[:, -1] = np.log(series.population[areas, judged])
    known = ~np.isnan(counts)
    result = _unknown((areas.size,))
    for rows, pattern in _alike(known):
        baseline = _Baseline(
            counts=counts[rows][:, pattern],
            offset=offset[rows][:, np.append(pattern, True)],
            time=reference.time[pattern] - reference.now,
            season=reference.season[pattern],
        )
        found = _predict_baseline(baseline, control)
        for whole, part in zip(_fields(result), _fields(found), strict=True):
            whole[rows] = part
    return result


def _alike(known: Flags) -> list[tuple[Flags, Flags]]:
    """The fits (rows) with equal reference points known, and which those are."""
    if known.all():
        return [(np.ones(len(known), dtype=np.bool_), known[0])]
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    return [(which.reshape(-1) == number, pattern) for number, pattern in enumerate(patterns)]


def _predict_baseline(baseline: _Baseline, control: Regression) -> Prediction:
    if not baseline.counts.shape[1]:
        return _unknown((baseline.counts.shape[0],))
    if not control.trend:
        return _without_trend(baseline, control)
    found, keep = _with_trend(baseline, control)
    if not keep.all():
        other = _without_trend(baseline.take(~keep), control)
        for whole, part in zip(_fields(found), _fields(other), strict=True):
            whole[~keep] = part
    return found


def _with_trend(baseline: _Baseline, control: Regression) -> tuple[Prediction, Flags]:
    design, row = baseline.design(trend=True, seasons=control.seasons)
    if design.shape[1] < 2 or design.shape[1] >= design.shape[0]:  # noqa: PLR2004 -- level, trend
        series = len(baseline.counts)
        return _unknown((series,)), np.zeros(series, dtype=np.bool_)
    model = _model(baseline, design, control)
    found = _link(model, row, baseline.offset[:, -1], trend=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        variance = model.test_phi * model.fit.covariance[:, 0, 0]
        statistic = model.fit.coefficients[:, 0] / np.sqrt(variance)
        freedom = design.shape[0] - design.shape[1]
        significant = student_two_sided(statistic, freedom) < control.p_threshold_trend
        highest: Counts = np.max(baseline.counts, axis=1)
        within = np.exp(found.eta) <= highest
    if control.years < _TREND_YEARS:
        within = np.zeros_like(within)
    keep: Flags = model.fit.converged & significant & within
    return found, keep


def _without_trend(baseline: _Baseline, control: Regression) -> Prediction:
    design, row = baseline.design(trend=False, seasons=control.seasons)
    if design.shape[1] >= design.shape[0]:
        return _unknown((baseline.counts.shape[0],))
    model = _model(baseline, design, control)
    found = _link(model, row, baseline.offset[:, -1], trend=False)
    for values in _fields(found)[:3]:
        values[~model.fit.converged] = np.nan
    return found


def _model(baseline: _Baseline, design: Counts, control: Regression) -> _Model:
    offset = baseline.offset[:, :-1]
    weights = np.ones_like(baseline.counts)
    fitted = fit(baseline.counts, design, weights, offset)
    freedom = design.shape[0] - design.shape[1]
    spread = _dispersion(baseline.counts, fitted.mean, fitted.working, freedom)
    if not control.reweight:
        return _with_dispersions(fitted, spread, spread, control)
    weights = _anscombe_weights(
        baseline.counts,
        fitted.mean,
        fitted.leverage(design),
        np.maximum(1.0, spread),
        control.weights_threshold,
    )
    again = fit(baseline.counts, design, weights, offset)
    again.converged[~fitted.converged] = False
    freedoms = (weights > 0).sum(axis=1) - design.shape[1]
    spread = _dispersion(baseline.counts, again.mean, again.working, freedoms)
    overwritten = _dispersion(baseline.counts, again.mean, weights, freedoms)
    return _with_dispersions(again, spread, overwritten, control)


def _with_dispersions(
    fitted: Fit, pearson: Counts, overwritten: Counts, control: Regression
) -> _Model:
    phi = np.maximum(1.0, pearson)
    if control.overwritten:
        return _Model(fit=fitted, phi=phi, error_phi=overwritten, test_phi=overwritten)
    return _Model(fit=fitted, phi=phi, error_phi=phi, test_phi=pearson)


def _anscombe_weights(
    counts: Counts, mean: Counts, leverage: Counts, phi: Counts, threshold: float
) -> Counts:
    """Weights that take past outbreaks out of a baseline, adding up to the number of points.

    Farrington et al. (1996), section 3.6: a point whose standardised Anscombe residual s is above
    `threshold` weighs 1/s^2 of the others.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        residual = 1.5 * (counts ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
        spare = 1 - leverage
        # A point that alone makes up its season fits itself: it can be no outlier of it.
        standard = np.where(spare > _ALONE, residual / np.sqrt(phi[:, None] * spare), 0.0)
        weights = np.where(standard > threshold, standard**-2.0, 1.0)
    return np.asarray(counts.shape[1] * weights / weights.sum(axis=1, keepdims=True))


def _dispersion(
    counts: Counts, mean: Counts, weights: Counts, freedom: Counts | Indices | int
) -> Counts:
    return np.asarray((weights * ((counts - mean) / mean) ** 2).sum(axis=1) / freedom)


def _link(model: _Model, row: Counts, offset: Counts, *, trend: bool) -> Prediction:
    variance = np.einsum("i,nij,j->n", row, model.fit.covariance, row)
    return Prediction(
        eta=model.fit.coefficients @ row + offset,
        error=np.sqrt(model.error_phi * variance),
        phi=model.phi,
        trend=np.full(model.phi.shape, trend),
    )


def _unknown(shape: tuple[int, ...]) -> Prediction:
    return Prediction(
        eta=np.full(shape, np.nan),
        error=np.full(shape, np.nan),
        phi=np.full(shape, np.nan),
        trend=np.zeros(shape, dtype=np.bool_),
    )


def _fields(prediction: Prediction) -> tuple[Counts, Counts, Counts, Flags]:
    return prediction.eta, prediction.error, prediction.phi, prediction.trend
