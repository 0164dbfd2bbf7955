"""What rules would have cost as a drawing; importing this loads matplotlib."""
# matplotlib's stubs leave **kwargs without a type, which makes each of its methods partly unknown:
# pyright: reportUnknownMemberType=false

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from service.backtest.figures import Figures

_SETTINGS = {"svg.hashsalt": "hearthwatch", "svg.fonttype": "path", "font.size": 9}
_GREY, _DARK = "#b4b4b4", "#1a1a1a"


def draw(candidate: Figures, present: Figures | None, title: str, path: Path) -> None:
    """Alerts a patient-month by rule and by priority as SVG, beside the present packs' if given.

    The same figures give the same bytes.
    """
    with mpl.rc_context(dict(_SETTINGS)):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        FigureCanvasSVG(figure)
        figure.suptitle(title, fontsize=9)
        rules, priorities = figure.subplots(1, 2, width_ratios=[3, 1])
        _bars(rules, *_by_rule(candidate, present), "alerts a patient-month, by rule")
        words = list(candidate.per_patient_month)
        now = [candidate.per_patient_month[word] for word in words]
        before = [present.per_patient_month[word] for word in words] if present else []
        _bars(priorities, words, now, before, "by priority")
        if present:
            rules.legend(["present", "candidate"], frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _by_rule(
    candidate: Figures, present: Figures | None
) -> tuple[list[str], list[float], list[float]]:
    names = sorted({*candidate.by_rule, *(present.by_rule if present else ())})
    months = candidate.patient_months or 1.0
    now = [candidate.by_rule.get(name, 0) / months for name in names]
    before = [present.by_rule.get(name, 0) / months for name in names] if present else []
    return names, now, before


def _bars(axes: Axes, names: list[str], now: list[float], before: list[float], title: str) -> None:
    places = list(range(len(names)))
    if before:
        axes.bar([place - 0.2 for place in places], before, 0.4, color=_GREY)
    shift = 0.2 if before else 0.0
    axes.bar([place + shift for place in places], now, 0.4, color=_DARK)
    axes.set_xticks(places, names, rotation=60, ha="right")
    axes.set_title(title, fontsize=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
