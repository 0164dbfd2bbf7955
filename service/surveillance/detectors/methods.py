"""Every detector under the name R `surveillance` has for it, and the one door to them all.

Control parameters come in as JSON with R's names; what is absent takes R's default, what is unknown
is refused. Adding a detector is one class of controls here and one line of METHODS.
"""

from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta, field

from service.surveillance.detectors.cusum import CusumControl, Transformation, cusum
from service.surveillance.detectors.ears import EarsMethod
from service.surveillance.detectors.ears_points import EarsControl, ears_points
from service.surveillance.detectors.farrington import FarringtonControl, farrington
from service.surveillance.detectors.farrington_bound import Power
from service.surveillance.detectors.farrington_flexible import (
    FlexibleControl,
    Threshold,
    farrington_flexible,
)
from service.surveillance.detectors.harmonic import HarmonicControl, harmonic
from service.surveillance.detectors.likelihood_ratio import Chart
from service.surveillance.detectors.points import DetectorError, Points, Series
from service.surveillance.detectors.windows import WindowControl, bayes, moving_percentile, rki

Years = Annotated[int, Meta(ge=1)]
Span = Annotated[int, Meta(ge=0)]
Level = Annotated[float, Meta(gt=0, lt=1)]


class Control(Protocol):
    """A method's control parameters, which know how to judge."""

    def judge(self, series: Series) -> Points:
        """The judged points of every area."""
        ...


class _Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    range: list[int] | int | None = None
    verbose: bool = False

    def judged(self) -> tuple[int, ...] | None:
        """`range`, from 1, as a tuple; R takes a single number too."""
        if self.range is None:
            return None
        return (self.range,) if isinstance(self.range, int) else tuple(self.range)


class _Ears(_Base, frozen=True, kw_only=True):
    method: EarsMethod = EarsMethod.C1
    baseline: int = 7
    min_sigma: float = field(default=0.0, name="minSigma")
    alpha: Level | None = None

    def judge(self, series: Series) -> Points:
        control = EarsControl(
            range=self.judged(),
            method=self.method,
            baseline=self.baseline,
            min_sigma=self.min_sigma,
            alpha=self.alpha,
        )
        return ears_points(series, control)


class _Flexible(_Base, frozen=True, kw_only=True):
    b: Years = 5
    w: Span = 3
    reweight: bool = True
    weights_threshold: float = field(default=2.58, name="weightsThreshold")
    glm_warnings: bool = field(default=True, name="glmWarnings")
    alpha: Level = 0.05
    trend: bool = True
    p_threshold_trend: float = field(default=0.05, name="pThresholdTrend")
    limit54: tuple[Span, Years] = (5, 4)
    powertrans: Power = Power.TWO_THIRDS
    fit_fun: Literal["algo.farrington.fitGLM.flexible"] = field(
        default="algo.farrington.fitGLM.flexible", name="fitFun"
    )
    population_offset: bool = field(default=False, name="populationOffset")
    no_periods: Years = field(default=1, name="noPeriods")
    past_left_out: Span | None = field(default=None, name="pastWeeksNotIncluded")
    threshold_method: Threshold = field(default=Threshold.DELTA, name="thresholdMethod")

    def judge(self, series: Series) -> Points:
        control = FlexibleControl(
            range=self.judged(),
            b=self.b,
            w=self.w,
            reweight=self.reweight,
            weights_threshold=self.weights_threshold,
            alpha=self.alpha,
            trend=self.trend,
            p_threshold_trend=self.p_threshold_trend,
            limit54=self.limit54,
            power=self.powertrans,
            population_offset=self.population_offset,
            no_periods=self.no_periods,
            past_left_out=self.past_left_out,
            threshold=self.threshold_method,
        )
        return farrington_flexible(series, control)


_FitFun = Literal[
    "algo.farrington.fitGLM.fast",
    "algo.farrington.fitGLM",
    "algo.farrington.fitGLM.populationOffset",
]


class _Farrington(_Base, frozen=True, kw_only=True):
    b: Years = 5
    w: Span = 3
    reweight: bool = True
    plot: bool = False
    alpha: Level = 0.05
    trend: bool = True
    limit54: tuple[Span, Years] = (5, 4)
    powertrans: Power = Power.TWO_THIRDS
    fit_fun: _FitFun = field(default="algo.farrington.fitGLM.fast", name="fitFun")

    def judge(self, series: Series) -> Points:
        control = FarringtonControl(
            range=self.judged(),
            b=self.b,
            w=self.w,
            reweight=self.reweight,
            alpha=self.alpha,
            trend=self.trend,
            limit54=self.limit54,
            power=self.powertrans,
            population_offset=self.fit_fun.endswith("populationOffset"),
        )
        return farrington(series, control)


class _Cusum(_Base, frozen=True, kw_only=True):
    k: float = 1.04
    h: float = 2.26
    m: list[float] | float | Literal["glm"] | None = None
    trans: Transformation = Transformation.STANDARD
    alpha: float | None = None

    def judge(self, series: Series) -> Points:
        mean = (float(self.m),) if isinstance(self.m, int | float) else self.m
        control = CusumControl(
            range=self.judged(),
            k=self.k,
            h=self.h,
            m=tuple(mean) if isinstance(mean, list) else mean,
            trans=self.trans,
            alpha=self.alpha,
        )
        return cusum(series, control)


class _Rki(_Base, frozen=True, kw_only=True):
    b: Span = 2
    w: Span = 4
    act_y: bool = field(default=False, name="actY")

    def judge(self, series: Series) -> Points:
        return rki(series, WindowControl(range=self.judged(), b=self.b, w=self.w, act_y=self.act_y))


class _Bayes(_Base, frozen=True, kw_only=True):
    b: Span = 0
    w: Span = 6
    act_y: bool = field(default=True, name="actY")
    alpha: Level = 0.05

    def judge(self, series: Series) -> Points:
        control = WindowControl(
            range=self.judged(), b=self.b, w=self.w, act_y=self.act_y, alpha=self.alpha
        )
        return bayes(series, control)


class _MovingPercentile(_Base, frozen=True, kw_only=True):
    b: Years = 5
    w: Span = 2
    percentile: Level = 0.8

    def judge(self, series: Series) -> Points:
        control = WindowControl(
            range=self.judged(), b=self.b, w=self.w, act_y=False, percentile=self.percentile
        )
        return moving_percentile(series, control)


class _Chart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mu0: list[float]
    mu1: list[float]
    h: float
    mu: list[float] | None = None
    alpha: float = 0.0
    n: int = 100
    g: int = 5


class _Harmonic(_Base, frozen=True, kw_only=True):
    b: Years = 5
    past_left_out: Span = field(default=26, name="pastWeeksNotIncluded")
    span: Years = 1
    alpha: Level = 0.01
    weights_threshold: float = field(default=2.58, name="weightsThreshold")
    population_offset: bool = field(default=False, name="populationOffset")

    def judge(self, series: Series) -> Points:
        control = HarmonicControl(
            range=self.judged(),
            b=self.b,
            left_out=self.past_left_out,
            span=self.span,
            alpha=self.alpha,
            weights_threshold=self.weights_threshold,
            population_offset=self.population_offset,
        )
        return harmonic(series, control)


METHODS: dict[str, type[Control]] = {
    "earsC": _Ears,
    "farringtonFlexible": _Flexible,
    "farrington": _Farrington,
    "cusum": _Cusum,
    "rki": _Rki,
    "bayes": _Bayes,
    "movingPercentile": _MovingPercentile,
    "harmonic": _Harmonic,
}
"""R's function names; `movingPercentile` and `harmonic` are methods R's package does not have."""


def read_control(method: str, control: bytes | str) -> Control:
    """The control parameters of a method from a JSON object with R's names.

    Raises:
        DetectorError: there is no such method, no such parameter, or a value is unusable.
    """
    if method not in METHODS:
        raise DetectorError(f"no method {method!r}; there are {', '.join(METHODS)}")
    try:
        return msgspec.json.decode(control, type=METHODS[method])
    except msgspec.DecodeError as error:
        raise DetectorError(f"control of {method}: {error}") from error


def read_chart(control: bytes | str) -> Chart:
    """A likelihood-ratio CUSUM from a JSON object with the names of R's `LRCUSUM.runlength`.

    `mu` absent means that nothing has changed: the true means are `mu0`.

    Raises:
        DetectorError: a parameter is missing, unknown or unusable.
    """
    try:
        read = msgspec.json.decode(control, type=_Chart)
    except msgspec.DecodeError as error:
        raise DetectorError(f"control of run-length: {error}") from error
    return Chart(
        mu=tuple(read.mu0 if read.mu is None else read.mu),
        mu0=tuple(read.mu0),
        mu1=tuple(read.mu1),
        alpha=read.alpha,
        h=read.h,
        most=read.n,
        states=read.g,
    )


def detect(method: str, control: bytes | str, series: Series) -> Points:
    """Judge every area of `series` by a method under R's name, with JSON control parameters.

    Raises:
        DetectorError: method, control or range do not fit; the message names what.
    """
    return read_control(method, control).judge(series)
