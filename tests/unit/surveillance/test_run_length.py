"""The run length of a likelihood-ratio CUSUM against R's, constant and changing with the season."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from service.cli import main
from service.surveillance.detectors.likelihood_ratio import Chart, run_length
from service.surveillance.detectors.points import DetectorError


class Constant(msgspec.Struct):
    h: float
    g: int
    n: int
    mu0: float
    kappa: float
    alpha: float
    arl: float


class Struck(msgspec.Struct):
    h: float
    arl: float


class Varying(msgspec.Struct):
    h: float
    g: int
    pmf: list[float]
    cdf: list[float]


class Golden(msgspec.Struct):
    nb_constant: list[Constant]
    nb_out_of_control: Struck
    nb_time_varying: Varying


GOLDEN = msgspec.json.decode(
    (Path(__file__).parents[2] / "golden" / "LRCUSUM_runlength.json").read_bytes(), type=Golden
)


def _chart(mu: float, of: Constant) -> Chart:
    return Chart(
        mu=(mu,),
        mu0=(of.mu0,),
        mu1=(of.kappa * of.mu0,),
        alpha=of.alpha,
        h=of.h,
        most=of.n,
        states=of.g,
    )


@pytest.mark.row("C3")
@pytest.mark.parametrize("of", GOLDEN.nb_constant, ids=lambda one: f"h{one.h}")
def test_the_mean_run_length_in_control_equals_r(of: Constant) -> None:
    assert run_length(_chart(of.mu0, of)).arl == pytest.approx(of.arl, rel=1e-6)


@pytest.mark.row("C3")
def test_the_mean_run_length_out_of_control_equals_r() -> None:
    (of,) = [one for one in GOLDEN.nb_constant if one.h == GOLDEN.nb_out_of_control.h]
    found = run_length(_chart(of.mu0 * of.kappa, of)).arl
    assert found == pytest.approx(GOLDEN.nb_out_of_control.arl, rel=1e-6)


@pytest.mark.row("C3")
def test_every_point_of_a_seasonal_chart_equals_r() -> None:
    mean = 5 * np.sin(2 * np.pi * np.arange(1, 201) / 52) + 10
    means = tuple(float(one) for one in mean)
    doubled = tuple(2 * one for one in means)
    varying = GOLDEN.nb_time_varying
    chart = Chart(mu=means, mu0=means, mu1=doubled, alpha=0.5, h=varying.h, states=varying.g)
    found = run_length(chart)
    np.testing.assert_allclose(found.pmf, varying.pmf, rtol=1e-6)
    np.testing.assert_allclose(found.cdf, varying.cdf, rtol=1e-6)
    assert found.arl is None


def test_a_poisson_chart_of_two_states_is_that_computed_by_hand() -> None:
    # h above what one count of at most 1 can add: it never rings
    never = Chart(mu=(1.0,), mu0=(1.0,), mu1=(2.0,), alpha=0, h=3.0, most=1, states=2)
    assert run_length(never).pmf[0] == pytest.approx(1 - 2 * np.exp(-1))  # counts above `most`


@pytest.mark.parametrize("wrong", [{"mu1": ()}, {"mu": (0.0,)}, {"alpha": -1.0}, {"h": 0.0}])
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    good: dict[str, object] = {"mu": (1.0,), "mu0": (1.0,), "mu1": (2.0,), "alpha": 0.0, "h": 3.0}
    with pytest.raises(DetectorError):
        run_length(Chart(**{**good, **wrong}))  # pyright: ignore[reportArgumentType]


def test_the_command_says_how_often_a_chart_rings_by_chance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    control = '{"mu0": [10], "mu1": [20], "alpha": 0.5, "h": 4, "g": 20}'
    assert main(["surveillance", "run-length", "--control", control]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["arl"] == pytest.approx(470.138605374)
    assert main(["surveillance", "run-length", "--control", '{"mu0": [10], "kappa": 2}']) == 2
    assert "kappa" in capsys.readouterr().err
