"""A cohort's figures beside the published ones: agreement, or how far off, and the table of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from firmware_sim.cohort.compare import Figure
from firmware_sim.cohort.quantities import DEFINITIONS, Definition, Quantity
from firmware_sim.cohort.references import Reference, references

_ALIKE, _UNLIKE = 2 / 3, 3 / 2


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

    @property
    def spread_ratio(self) -> float | None:
        """The cohort's spread between people over the mean of the published ones."""
        spreads = [row.spread for row in self.published if row.spread is not None]
        if not spreads or self.figure is None or self.figure.spread is None:
            return None
        return self.figure.spread / fmean(spreads)

    @property
    def word(self) -> str:
        """The verdict in a few words."""
        if self.off is None:
            return "not in this cohort"
        if not self.agrees:
            return f"off by {self.off:+.2g}"
        ratio = self.spread_ratio
        if ratio is None or _ALIKE <= ratio <= _UNLIKE:
            return "agrees"
        return f"agrees, spread x {ratio:.2f}"


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
    label, cohort = f"{verdict.definition.label} ({unit})", "none"
    word = verdict.word if verdict.word == "agrees" else f"**{verdict.word}**"
    if verdict.figure is not None:
        spread = None if unit in {"%", "a year"} else verdict.figure.spread
        cohort = f"{_number(verdict.figure.value, spread)}, n {verdict.figure.count}"
    for row in verdict.published:
        span = f" [{row.low:.4g}-{row.high:.4g}]" if row.low != row.high else ""
        number = _number(row.value, row.spread) + span
        yield (
            f"| {label} | {cohort} | {number} | {row.population} "
            f"| {row.source} ({row.certainty.value}) | {word} |"
        )
        label, cohort, word = "", "", ""


def _number(value: float, spread: float | None) -> str:
    digits = 1 if abs(value) >= 1 else 2
    return f"{value:.{digits}f}" if spread is None else f"{value:.{digits}f} ± {spread:.1f}"
