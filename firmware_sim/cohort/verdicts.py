"""A cohort's figures beside the published ones: agreement, or how far off, and the table of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from firmware_sim.cohort.compare import Figure
from firmware_sim.cohort.quantities import DEFINITIONS, Definition, Quantity
from firmware_sim.cohort.references import Reference, references


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the comparison says about one quantity.

    Attributes:
        quantity: Which.
        definition: How it was taken.
        figure: The cohort's; None when it says nothing about it.
        published: All rows about it.
        low: Lower end of what was published.
        high: Upper end.
        off: How far the cohort's figure lies outside (signed), 0 within; None without a figure.
    """

    quantity: Quantity
    definition: Definition
    figure: Figure | None
    published: tuple[Reference, ...]
    low: float
    high: float
    off: float | None

    @property
    def agrees(self) -> bool:
        """Within the published span or no further outside than the slack."""
        return self.off is not None and abs(self.off) <= self.definition.slack


def judge(figures: Mapping[Quantity, Figure]) -> tuple[Verdict, ...]:
    """One verdict for each quantity, in the order of `Quantity`."""
    return tuple(_verdict(quantity, figures.get(quantity)) for quantity in Quantity)


def markdown(verdicts: tuple[Verdict, ...]) -> str:
    """The table of every published figure beside the cohort's, one line a publication."""
    lines = [
        "| figure | cohort | published | whose | source | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [line for verdict in verdicts for line in _lines(verdict)]
    return "\n".join(lines) + "\n"


def _verdict(quantity: Quantity, figure: Figure | None) -> Verdict:
    published = references(quantity)
    low = min(row.low for row in published)
    high = max(row.high for row in published)
    off = None if figure is None else min(figure.value - low, 0.0) + max(figure.value - high, 0.0)
    return Verdict(
        quantity=quantity,
        definition=DEFINITIONS[quantity],
        figure=figure,
        published=published,
        low=low,
        high=high,
        off=off,
    )


def _lines(verdict: Verdict) -> Iterator[str]:
    unit = verdict.definition.unit
    label, cohort, word = f"{verdict.definition.label} ({unit})", "none", "**not in this cohort**"
    if verdict.figure is not None:
        cohort = f"{_number(verdict.figure.value, verdict.figure.spread)}, n {verdict.figure.count}"
        word = "agrees" if verdict.agrees else f"**off by {verdict.off:+.1f}**"
    for row in verdict.published:
        span = f" [{row.low:.4g}-{row.high:.4g}]" if row.low != row.high else ""
        number = _number(row.value, row.spread) + span
        yield (
            f"| {label} | {cohort} | {number} | {row.population} "
            f"| {row.source} ({row.certainty.value}) | {word} |"
        )
        label, cohort, word = "", "", ""


def _number(value: float, spread: float | None) -> str:
    return f"{value:.1f}" if spread is None else f"{value:.1f} ± {spread:.1f}"
