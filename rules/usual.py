"""What is usual for a person, in words: one place for alerts' cards and for pages. Pure.

A usual above the target is never called normal (hazard 13); where a group speaks because the
person's own readings are few, the sentence says so; a change of medicine or device is named for as
long as it may explain a difference (hazard 14).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from rules.codes import QUANTITIES as CODES
from rules.codes import at_guideline_precision
from rules.sentences import FRAME, PARTS, QUANTITIES
from rules.vocabulary import QuantityName
from rules.window import Baseline, Expected, Usual

FEWEST_OF_PART = 5
"""Fewer readings of a part of the day, and the whole day's usual is told."""

FEWEST_FAST_DAYS = 3
MARK_TOLD = timedelta(days=60)
"""So long after a change of medicine or device it is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the sentences are about, and how they are said.

    `now` is the number to compare with, as shown; `day` its local day; `target` the person's, else
    the pack's; `part` the part of the day that `now` belongs to, empty for the whole day; `own`:
    said to the person; `brief` leaves out the anchor, the mark and the stratum, `whole` adds the
    spread of all readings and the measuring habit; `past`: `now` is not of today, and is told with
    its day.
    """

    name: QuantityName
    now: str
    day: date
    target: Decimal | None
    part: str
    language: str
    own: bool = False
    brief: bool = False
    whole: bool = False
    past: bool = False

    def say(self, key: str) -> str:
        """The sentence of that key in the telling's language and voice."""
        spoken = f"your_{key}" if self.own and f"your_{key}" in FRAME else key
        return FRAME[spoken].in_language(self.language)


def usual_sentences(usual: Baseline, telling: Telling) -> list[str]:
    """The sentences, in the order in which they are read; none where nothing is known."""
    return list(_sentences(usual, telling))


def _sentences(usual: Baseline, telling: Telling) -> Iterator[str]:
    if usual.recent_mean is None or usual.recent_sd is None:  # one reading is nobody's usual
        if usual.expected is not None and not telling.brief:
            yield _of_stratum(usual.expected, telling, "stratum_only")
        return
    yield _of_person(usual, telling)
    if telling.brief:
        yield from _target(usual, telling)
        return
    if usual.expected is not None:
        yield _of_stratum(usual.expected, telling, "cold_start")
    yield from _target(usual, telling)
    if usual.anchor is not None:
        key = "anchor" if usual.anchor_confirmed else "anchor_unconfirmed"
        yield telling.say(key).format(anchor=shown(telling.name, usual.anchor))
    yield from _mark(usual, telling)
    if telling.whole:
        yield from _habits(usual, telling)


def _habits(usual: Baseline, telling: Telling) -> Iterator[str]:
    numbers = (usual.lower_quartile, usual.upper_quartile, usual.middle)
    low, high, middle = (None if n is None else shown(telling.name, n) for n in numbers)
    if low is not None:
        yield telling.say("half").format(low=low, high=high, middle=middle)
    if usual.own_gap_days is not None:
        yield telling.say("own_gap").format(gap=f"{usual.own_gap_days:g}")


def _of_person(usual: Baseline, telling: Telling) -> str:
    part = usual.parts.get(telling.part)
    if part is None or part.readings < FEWEST_OF_PART:
        whole = Usual(
            mean=usual.recent_mean or 0.0, sd=usual.recent_sd or 0.0, readings=usual.readings
        )
        return _compared(telling.say("usual"), whole, telling)
    words = PARTS[telling.part].in_language(telling.language)
    return _compared(telling.say("usual_part"), part, telling, words)


def _compared(sentence: str, usual: Usual, telling: Telling, part: str = "") -> str:
    return sentence.format(
        part=part,
        name=QUANTITIES[telling.name].in_language(telling.language),
        mean=shown(telling.name, usual.mean),
        sd=shown(telling.name, usual.sd),
        unit=unit_as_written(telling.name),
        readings=usual.readings,
        told=telling.say("then" if telling.past else "now").format(
            now=telling.now, day=telling.day.isoformat()
        ),
    )


def _of_stratum(expected: Expected, telling: Telling, key: str) -> str:
    return telling.say(key).format(
        group=expected.group_zh if telling.language == "zh" else expected.group_en,
        name=QUANTITIES[telling.name].in_language(telling.language),
        mean=shown(telling.name, expected.mean),
        sd=shown(telling.name, expected.sd),
        unit=unit_as_written(telling.name),
        weight=round(100 * expected.weight),
    )


def _target(usual: Baseline, telling: Telling) -> Iterator[str]:
    if telling.target is not None and usual.recent_mean is not None:
        above = shown(telling.name, usual.recent_mean) >= telling.target
        yield telling.say("above_target" if above else "target").format(target=telling.target)


def _mark(usual: Baseline, telling: Telling) -> Iterator[str]:
    since = usual.marked_on
    if since is None or not since <= telling.day <= since + MARK_TOLD:
        return
    if usual.fast_mean is None or usual.fast_days < FEWEST_FAST_DAYS:
        yield telling.say(f"marked_{usual.marked}_new").format(day=since.isoformat())
        return
    yield telling.say(f"marked_{usual.marked}").format(
        day=since.isoformat(), days=usual.fast_days, fast=shown(telling.name, usual.fast_mean)
    )


def shown(name: QuantityName, number: float) -> Decimal:
    """A baseline's number at the guideline's precision."""
    return at_guideline_precision(name, Decimal(str(number)))


def unit_as_written(name: QuantityName) -> str:
    """The unit as people write it: UCUM's `mm[Hg]` is mmHg to a doctor."""
    return CODES[name].unit.replace("[Hg]", "Hg")
