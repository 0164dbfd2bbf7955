"""The panels of the cohort's plot; importing this loads matplotlib.

Everything is grey, black or hollow, so that a printout says the same as the screen. The same
comparison gives the same bytes: no date, fixed ids, letters as outlines of matplotlib's own font.
"""
# matplotlib's stubs leave **kwargs without a type, which makes each of its methods partly unknown:
# pyright: reportUnknownMemberType=false

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from firmware_sim.cohort.compare import AGE_BANDS, FIRST_DAYS, Comparison, Figure
from firmware_sim.cohort.quantities import DEFINITIONS, Quantity
from firmware_sim.cohort.references import Reference, references
from firmware_sim.cohort.verdicts import Verdict

_GREY, _DARK, _LIGHT = "#b4b4b4", "#1a1a1a", "#dddddd"
_STYLES = ("-", "--", ":", "-.")
_MONTHS = ["J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D"]
_COLDEST_MONTH = 0.15  # late January on an axis on which January's middle is 0
_THREE_MONTHS = math.sin(math.pi / 4) / (math.pi / 4)  # mean of a cosine over its top quarter
_DIFFERENCES = (
    Quantity.MORNING_EVENING_SYSTOLIC,
    Quantity.CLINIC_HOME_SYSTOLIC,
    Quantity.WINTER_SUMMER_SYSTOLIC,
    Quantity.FIRST_DAY_SYSTOLIC,
    Quantity.FIRST_SECOND_SYSTOLIC,
    Quantity.MONDAY_WEEKEND_SYSTOLIC,
)
_AT_AGE = (
    # quantity, age at which its published figures are drawn, marker of the diagnosis
    (Quantity.HYPERTENSION_60_79, 69.5, "o"),
    (Quantity.DIABETES_60, 70.5, "s"),
    (Quantity.FIBRILLATION_75, 80.0, "^"),
)
_BANDS = (
    ("hypertension", "hypertension", "o"),
    ("diabetes_2", "type 2 diabetes", "s"),
    ("atrial_fibrillation", "atrial fibrillation", "^"),
)
_CLIP = 4.0
_SHORT = 26  # letters that fit a legend
_SETTINGS: Mapping[str, object] = {
    "svg.hashsalt": "hearthwatch",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7,
}


def draw(comparison: Comparison, verdicts: Sequence[Verdict], title: str, path: Path) -> None:
    """Write the plot to `path`, as SVG or, when its name ends so, PNG."""
    with mpl.rc_context(dict(_SETTINGS)):  # pyright: ignore[reportArgumentType]
        drawing = Drawing(figsize=(14, 10.5), layout="constrained")
        FigureCanvasAgg(drawing) if path.suffix == ".png" else FigureCanvasSVG(drawing)
        drawing.suptitle(title, fontsize=10, x=0.01, ha="left")
        grid = drawing.add_gridspec(4, 3, width_ratios=(1, 1, 0.95))
        panels: tuple[Callable[[Axes, Comparison], None], ...] = (
            _levels,
            _day_to_day,
            _differences,
            _year,
            _first_days,
            _glucose,
            _ages,
            _intervals,
        )
        for index, panel in enumerate(panels):
            panel(drawing.add_subplot(grid[index // 2, index % 2]), comparison)
        _all_figures(drawing.add_subplot(grid[:, 2]), verdicts)
        metadata = {"Title": title, "Creator": "hearthwatch", "Date": None}
        drawing.savefig(path, metadata={"Software": None} if path.suffix == ".png" else metadata)


def _levels(axes: Axes, comparison: Comparison) -> None:
    _distribution(
        axes,
        comparison,
        (Quantity.SYSTOLIC_TREATED,),
        "Home systolic of treated hypertensives",
        width=5,
    )


def _day_to_day(axes: Axes, comparison: Comparison) -> None:
    _distribution(
        axes,
        comparison,
        (Quantity.DAY_TO_DAY_SYSTOLIC,),
        "Day-to-day spread of one person's mornings",
        width=1,
    )


def _glucose(axes: Axes, comparison: Comparison) -> None:
    _distribution(
        axes,
        comparison,
        (Quantity.GLUCOSE_INSULIN, Quantity.GLUCOSE_TABLETS),
        "Mean fingerstick glucose of a person",
        width=1,
    )


def _distribution(
    axes: Axes,
    comparison: Comparison,
    quantities: Sequence[Quantity],
    title: str,
    *,
    width: float,
) -> None:
    """Histogram of people, with a normal curve for each publication that gives a spread."""
    unit = DEFINITIONS[quantities[0]].unit
    for turn, quantity in enumerate(quantities):
        values = np.array(comparison.samples.get(quantity, ()), np.float64)
        short = DEFINITIONS[quantity].label.rsplit(", ", 1)[-1]
        name = f"cohort: {short}" if len(quantities) > 1 else "cohort"
        if len(values):
            low, high = math.floor(values.min() / width), math.ceil(values.max() / width)
            edges = [width * step for step in range(low, high + 2)]
            filled = turn == 0
            axes.hist(
                values,
                bins=edges,
                weights=np.full(len(values), 100 / len(values)).tolist(),
                histtype="stepfilled" if filled else "step",
                color=_GREY if filled else _DARK,
                linewidth=1.2,
                label=f"{name}, n {len(values)}",
            )
        for style, row in zip(_STYLES[turn:], _with_spread(quantity), strict=False):
            grid, density = _normal(row, width)
            axes.plot(grid, density, color=_DARK, linestyle=style, label=_who(row), linewidth=1)
    axes.set_title(title)
    axes.set_xlabel(unit)
    axes.set_ylabel("% of people")
    _legend(axes, room=0.65)


def _with_spread(quantity: Quantity) -> list[Reference]:
    return [row for row in references(quantity) if row.spread is not None]


def _normal(
    row: Reference, width: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    spread = row.spread or 1.0
    grid = np.linspace(row.value - 3 * spread, row.value + 3 * spread, 121)
    density = np.exp(-((grid - row.value) ** 2) / (2 * spread**2)) / (
        spread * math.sqrt(2 * math.pi)
    )
    return grid, 100 * width * density


def _who(row: Reference) -> str:
    source = row.source.split(", ")[0].removesuffix(" et al.")
    short = len(row.population) <= _SHORT
    return f"{source}: {row.population if short else re.split(r', |: ', row.population)[0]}"


def _legend(axes: Axes, *, room: float) -> None:
    """A legend above the data: the axis is lengthened by that share."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + room * (high - low))
    axes.legend(loc="upper right")


def _differences(axes: Axes, comparison: Comparison) -> None:
    figures = comparison.figures()
    for place, quantity in enumerate(reversed(_DIFFERENCES)):
        rows = references(quantity)
        low, high = min(row.low for row in rows), max(row.high for row in rows)
        axes.plot([low, high], [place, place], color=_LIGHT, linewidth=9, solid_capstyle="butt")
        axes.plot(
            [row.value for row in rows],
            [place] * len(rows),
            "|",
            color=_DARK,
            markersize=9,
            label="published" if place == 0 else None,
        )
        _dot(axes, figures.get(quantity), place)
    labels = [DEFINITIONS[each].label.replace("ystolic, ", "") for each in reversed(_DIFFERENCES)]
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
    axes.axvline(0, color=_GREY, linewidth=0.8)
    axes.set_title("Differences of systolic pressure")
    axes.set_xlabel("mmHg")
    axes.legend(loc="lower right")


def _short(label: str) -> str:
    text = label.removeprefix("Home s").removeprefix("S").removeprefix("ystolic, ")
    return text.replace(" minus ", " - ")


def _dot(axes: Axes, figure: Figure | None, place: int) -> None:
    if figure is not None:
        axes.plot(
            [figure.value],
            [place],
            "o",
            color=_DARK,
            markersize=5,
            label="cohort" if place == 0 else None,
        )


def _year(axes: Axes, comparison: Comparison) -> None:
    (pooled,) = (
        row for row in references(Quantity.WINTER_SUMMER_SYSTOLIC) if row.low < row.value < row.high
    )
    months = np.linspace(0, 11, 111)
    shape = np.cos(2 * np.pi * (months - _COLDEST_MONTH) / 12) / (2 * _THREE_MONTHS)
    axes.fill_between(
        months,
        pooled.low * shape,
        pooled.high * shape,
        color=_LIGHT,
        label=f"{_who(pooled)}, {pooled.low:.1f}-{pooled.high:.1f} mmHg",
    )
    axes.plot(range(12), comparison.months.mean(), "o-", color=_DARK, label="cohort", markersize=4)
    axes.set_xticks(range(12), _MONTHS)
    axes.set_title("The year: systolic minus a person's mean")
    axes.set_ylabel("mmHg")
    _legend(axes, room=0.35)


def _first_days(axes: Axes, comparison: Comparison) -> None:
    axes.plot(
        np.arange(FIRST_DAYS) + 1,
        comparison.first_days.mean(),
        "o-",
        color=_DARK,
        label="cohort",
        markersize=4,
    )
    for style, row in zip(("D", "v"), references(Quantity.FIRST_DAY_SYSTOLIC), strict=False):
        axes.plot([1], [row.value], style, mfc="white", mec=_DARK, label=_who(row), markersize=6)
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.set_xticks([1, 4, 7, 10, 14])
    axes.set_title("The first days: systolic minus days 8-14")
    axes.set_xlabel("day of home measuring")
    axes.set_ylabel("mmHg")
    _legend(axes, room=0.5)


def _ages(axes: Axes, comparison: Comparison) -> None:
    """Prevalence on a logarithmic scale: the rare and the common in one picture."""
    middles = [(low + min(high, 90)) / 2 for low, high in AGE_BANDS]
    for diagnosis, name, marker in _BANDS:
        shares = [
            100 * comparison.bands.get((band, diagnosis), 0) / comparison.bands.get((band, ""), 1)
            for band in range(len(AGE_BANDS))
        ]
        seen = [(age, share) for age, share in zip(middles, shares, strict=True) if share > 0]
        if seen:
            ages, percents = zip(*seen, strict=True)
            axes.plot(ages, percents, marker + "-", color=_DARK, label=name, markersize=4)
    for quantity, age, marker in _AT_AGE:
        rows = references(quantity)
        axes.plot(
            [age] * len(rows),
            [row.value for row in rows],
            marker,
            mfc="white",
            mec=_DARK,
            markersize=7,
            label="published (hollow)" if marker == "o" else None,
        )
    axes.set_yscale("log")
    axes.set_yticks(
        [0.2, 0.5, 1, 2, 5, 10, 20, 50], ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]
    )
    axes.minorticks_off()
    axes.set_title("Diagnoses by age")
    axes.set_xlabel("years")
    axes.set_ylabel("% of people")
    axes.set_ylim(0.1, 700)
    axes.legend(loc="upper left", ncols=2)


def _intervals(axes: Axes, comparison: Comparison) -> None:
    (row,) = references(Quantity.SERIAL_INTERVAL)
    days = np.array(comparison.intervals, np.int64)
    if len(days):
        counts = np.bincount(days, minlength=9)
        axes.bar(
            range(len(counts)),
            100 * counts / len(days),
            color=_GREY,
            label=f"cohort, n {len(days)}",
        )
    grid, density = _normal(row, 1)
    inside = grid > 0
    axes.plot(grid[inside], density[inside], color=_DARK, label=_who(row), linewidth=1)
    axes.set_title("Infection at home: days from the first case")
    axes.set_xlabel("days")
    axes.set_ylabel("% of later cases")
    _legend(axes, room=0.3)


def _all_figures(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    """Every figure's distance from what was published, in units of its slack."""
    axes.axvspan(-1, 1, color=_LIGHT)
    labels: list[str] = []
    for place, verdict in enumerate(reversed(verdicts)):
        labels.append(verdict.definition.label)
        if verdict.off is None:
            axes.text(0, place, "not in this cohort", va="center", ha="center", fontsize=7)
            continue
        apart = verdict.off / verdict.definition.slack
        axes.plot(
            [max(-_CLIP, min(_CLIP, apart))],
            [place],
            "o" if abs(apart) <= _CLIP else (">" if apart > 0 else "<"),
            mfc=_DARK if verdict.agrees else "white",
            mec=_DARK,
            markersize=6,
        )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlim(-_CLIP - 0.5, _CLIP + 0.5)
    axes.set_ylim(-0.7, len(labels) - 0.3)
    axes.axvline(0, color=_GREY, linewidth=0.8)
    axes.set_title("All figures against the published span")
    axes.set_xlabel(
        "distance outside the span, in units of the slack\n"
        "filled, in the grey band: agrees; hollow: does not"
    )
