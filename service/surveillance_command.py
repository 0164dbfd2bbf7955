"""`hearthwatch surveillance`: detectors over a file, as an epidemiologist would run them in R.

`detect` prints one JSON line a judged point; `methods` says which detectors a series has history
for; `run-length` how often a likelihood-ratio CUSUM rings by chance; `scan` where cases gather.
What speaks to a county's database has commands of its own (`surveillance areas` and so on).
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from service.surveillance.detectors.history import offers
from service.surveillance.detectors.likelihood_ratio import run_length
from service.surveillance.detectors.methods import METHODS, detect, read_chart
from service.surveillance.detectors.points import DetectorError, Points
from service.surveillance.detectors.series_file import read_series
from service.surveillance.scan import Replicas
from service.surveillance.scan_file import count_hits, likeliest, read_scan_file
from service.surveillance.scan_near import CountRule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`detect` and `methods`, which read a series file, `run-length` and `scan`."""
    actions = parser.add_subparsers(dest="action", required=True)
    judge = actions.add_parser("detect", help="judge the points of a series, one JSON line each")
    judge.add_argument("--method", required=True, help=f"R's function: {', '.join(METHODS)}")
    judge.add_argument(
        "--control", default="{}", help="its control parameters as JSON, or @FILE; default: R's"
    )
    history = actions.add_parser("methods", help="which detectors the series has history for")
    chart = actions.add_parser("run-length", help="how long a likelihood-ratio CUSUM runs")
    chart.add_argument(
        "--control", required=True, help="JSON with mu0, mu1, h; mu (true means), alpha, n, g"
    )
    places = actions.add_parser("scan", help="where cases gather on a map, and by what chance")
    places.add_argument("--places", required=True, type=Path, help="a JSON file with `places`")
    places.add_argument("--at-least", type=int, help="cases: ask the count rule, not the scan")
    places.add_argument("--days", type=int, default=7, help="last periods of the count rule")
    places.add_argument("--within-km", type=float, default=15.0, help="reach of the count rule")
    places.add_argument("--replicas", type=int, default=999, help="of the scan")
    places.add_argument("--seed", type=int, default=1, help="of the replicas")
    places.add_argument("--dispersion", type=float, default=1.0, help="variance over mean")
    for action in (judge, history):
        action.add_argument(
            "--series", required=True, type=Path, help="a JSON file with `observed`"
        )


def run(arguments: argparse.Namespace) -> int:
    """Judge or tell; 2 for a method, control, file or range that cannot be used."""
    try:
        lines = _ACTIONS[cast("str", arguments.action)](arguments)
    except (DetectorError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"hearthwatch surveillance: {error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _detect(arguments: argparse.Namespace) -> list[str]:
    control = cast("str", arguments.control)
    if control.startswith("@"):
        control = Path(control[1:]).read_text(encoding="utf-8")
    series = read_series(cast("Path", arguments.series).read_bytes())
    return list(_lines(detect(cast("str", arguments.method), control, series)))


def _methods(arguments: argparse.Namespace) -> list[str]:
    series = read_series(cast("Path", arguments.series).read_bytes())
    return [
        _json(
            {
                "method": offer.method,
                "offered": offer.lacking is None,
                "lacking": offer.lacking,
                "control": offer.control,
            }
        )
        for offer in offers(series)
    ]


def _run_length(arguments: argparse.Namespace) -> list[str]:
    found = run_length(read_chart(cast("str", arguments.control)))
    return [_json({"arl": found.arl, "pmf": found.pmf, "cdf": found.cdf})]


def _scan(arguments: argparse.Namespace) -> list[str]:
    file = read_scan_file(cast("Path", arguments.places).read_bytes())
    if arguments.at_least is not None:
        rule = CountRule(
            at_least=cast("int", arguments.at_least),
            days=cast("int", arguments.days),
            within_km=cast("float", arguments.within_km),
        )
        return [
            _json({"places": [file.places[n].id for n in one.places], "cases": one.cases})
            for one in count_hits(file, rule)
        ]
    chance = Replicas(
        seed=cast("int", arguments.seed),
        number=cast("int", arguments.replicas),
        dispersion=cast("float", arguments.dispersion),
    )
    found = likeliest(file, chance)
    if found is None:
        return []
    told = {
        "places": [file.places[n].id for n in found.places],
        "periods": found.periods,
        "observed": found.observed,
        "expected": found.expected,
        "score": found.score,
        "pvalue": found.pvalue,
        "recurrence": found.recurrence,
    }
    return [_json(told)]


def _lines(points: Points) -> Iterator[str]:
    for place, index in enumerate(points.index):
        undecided = bool(points.undecided[0, place])
        yield _json(
            {
                "index": int(index) + 1,
                "upperbound": _number(points.upperbound[0, place]),
                "alarm": None if undecided else int(points.alarm[0, place]),
                "expected": _number(points.expected[0, place]),
                "pvalue": _number(points.pvalue[0, place]),
            }
        )


def _number(value: np.float64) -> float | int | str | None:
    """As in the golden files: null where R has NA, "Inf" as text, whole numbers without a dot."""
    number = float(value)
    if math.isnan(number):
        return None
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _json(line: Mapping[str, object]) -> str:
    return msgspec.json.encode(line).decode()


_ACTIONS = {"detect": _detect, "methods": _methods, "run-length": _run_length, "scan": _scan}
