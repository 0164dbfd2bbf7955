"""Whether a case could end by silence or time alone: a case ends by readings or a person's word.

Asked by running the clear condition over nobody's readings, long after the case was last fed: what
holds then would tell a doctor that all is well of someone who has not measured since.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from rules.codes import QUANTITIES
from rules.expression import Condition
from rules.scope import ConditionError, Scope
from rules.vocabulary import Profile, QuantityName, SubjectRef, Ternary
from rules.window import Baseline, Window
from rules.words import WORDS, Parameter

_NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
_LONG_AGO = _NOW - timedelta(days=400)
_BORN = 1950
"""Of the sample whose age is known."""


def ends_by_silence(condition: Condition) -> bool:
    """Whether a clear condition holds of somebody who has made no reading since the case began.

    Of one that judges a single reading it says nothing: the loader refuses that for itself.
    """
    if condition.judges:
        return False
    try:
        return any(condition.test(scope).result is True for scope in _SILENT)
    except ConditionError:
        return False  # the dry run tells it


def _silent() -> Iterator[Scope]:
    """Nobody's readings beside every kind of what else a condition may ask: all, none, unknown."""
    nobody = SubjectRef("sample")
    profiles = (
        Profile(subject=nobody),
        Profile(
            subject=nobody,
            birth_year=_BORN,
            drug_classes=WORDS[Parameter.DRUG],
            conditions=WORDS[Parameter.CONDITION],
            pregnant=Ternary.YES,
        ),
        Profile(
            subject=nobody,
            birth_year=_BORN,
            drug_classes=frozenset(),
            conditions=frozenset(),
            pregnant=Ternary.NO,
        ),
    )
    for profile in profiles:
        for end in (0, 1):
            yield Scope(
                window=Window(points=(), profile=profile, baselines=_baselines(end)),
                at=_NOW,
                since=_LONG_AGO,
                level=lambda _: False,
                fired={"reference": Decimal(0)} if end else {"reference": Decimal(1000)},
            )


def _baselines(end: int) -> Mapping[QuantityName, Baseline]:
    """A long history at the lowest (0) or the highest (1) number of each quantity."""
    return {
        name: Baseline(
            recent_mean=float(code.possible[end]),
            recent_sd=1.0,
            readings=1000,
            days=400,
            anchor=float(code.possible[end]),
            anchor_confirmed=True,
            first_day=date(2025, 1, 1),
        )
        for name, code in QUANTITIES.items()
    }


_SILENT = tuple(_silent())
