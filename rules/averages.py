"""Window functions that average: sessions, means, and how far they are from what is usual.

Means are means of session means, so that ten readings in one worried hour weigh as one session.
Censored readings have no number and enter no mean. Means meet a guideline's limit after rounding
to its precision, and a person's own baseline rounded to 1e-6.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from rules.codes import at_guideline_precision
from rules.scope import Averaged, Call, exact, span
from rules.vocabulary import Bound, QuantityName
from rules.window import Point, days_apart, plain_mean, session_means, sessions


def _averaged(call: Call, quantity: str, length: str, *, settled: bool = False) -> Averaged:
    """The sessions in the span, on whose readings the result rests."""
    found = call.scope.averaged(quantity, length, settled=settled)
    call.trace.support.update(found.readings)
    return found


def mean_of_sessions(numbered: Sequence[tuple[Point, Decimal]]) -> Decimal:
    """Mean of the session means of these: at least one, oldest first."""
    return plain_mean(session_means(numbered))


def _span_mean(call: Call, quantity: str, length: str) -> Decimal | None:
    mean = _averaged(call, quantity, length).mean
    if mean is None:
        call.trace.unknown()
        return None
    call.trace.note(f"mean_{quantity}_{length}", mean)
    return mean


def mean_of(call: Call, quantity: str, length: str) -> float | None:
    """Mean of the session means in the span; None without a valid number."""
    mean = _span_mean(call, quantity, length)
    return None if mean is None else call.trace.note(f"mean_{quantity}_{length}", mean)


def mean_side(*, at_least: bool) -> Callable[[Call, str, float, str], bool | None]:
    """A function telling whether the span's mean is at least (or is below) a guideline's limit."""

    def compare(call: Call, quantity: str, limit: float, length: str) -> bool | None:
        mean = _span_mean(call, quantity, length)
        if mean is None:
            return None
        rounded = at_guideline_precision(QuantityName(quantity), mean)
        return (rounded >= exact(limit)) is at_least

    return compare


def settled_mean_ge(call: Call, quantity: str, limit: float, length: str) -> bool | None:
    """Whether the mean of session means reaches a guideline's limit, first readings left out.

    The first of several readings of a session is the highest more often than not (white coat,
    unrest); home protocols discard it. A session of one reading keeps it.
    """
    mean = _averaged(call, quantity, length, settled=True).mean
    if mean is None:
        call.trace.unknown()
        return None
    call.trace.note(f"settled_mean_{quantity}_{length}", mean)
    return at_guideline_precision(QuantityName(quantity), mean) >= exact(limit)


def _recent(call: Call, quantity: str, length: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Mean of the span, recent mean and recent sd, noted with their distance in sd (`z`)."""
    usual, mean = call.baseline(quantity), _span_mean(call, quantity, length)
    if mean is None or usual.recent_mean is None or usual.recent_sd is None:
        call.trace.unknown("baseline_unknown")
        return None
    recent, sd = exact(usual.recent_mean), exact(usual.recent_sd)
    call.trace.note(f"recent_mean_{quantity}", recent)
    call.trace.note(f"recent_sd_{quantity}", sd)
    if sd > 0:
        call.trace.note(f"z_{quantity}", (mean - recent) / sd)
    return mean, recent, sd


def above_usual(call: Call, quantity: str, length: str) -> float | None:
    """Mean of the span minus the recent mean; None while either is missing."""
    known = _recent(call, quantity, length)
    if known is None:
        return None
    mean, recent, _ = known
    call.trace.note("reference", recent)
    return call.trace.note("shift", mean - recent)


def usual_sd(call: Call, quantity: str) -> float | None:
    """The recent standard deviation; None while the baseline has too little."""
    sd = call.baseline(quantity).recent_sd
    if sd is None:
        call.trace.unknown("baseline_unknown")
        return None
    return call.trace.note(f"recent_sd_{quantity}", exact(sd))


def baseline_z(call: Call, quantity: str, length: str) -> float | None:
    """How many of the person's own deviations the span's mean lies above the recent mean.

    None while either is missing, or where the person has never varied.
    """
    known = _recent(call, quantity, length)
    if known is None:
        return None
    mean, recent, sd = known
    if not sd:
        call.trace.unknown("baseline_unknown")
        return None
    call.trace.note("reference", recent)
    return call.trace.note(f"z_{quantity}", (mean - recent) / sd)


def session_share_above(call: Call, quantity: str, deviations: float, length: str) -> float | None:
    """Share (0-1) of sessions whose mean exceeds the recent mean by over `deviations` sd."""
    known = _recent(call, quantity, length)
    if known is None:
        return None
    _, recent, sd = known
    means = _averaged(call, quantity, length).sessions
    above = sum(1 for mean in means if mean > recent + exact(deviations) * sd)
    return call.trace.note("session_share", Decimal(above) / len(means))


def above_anchor(call: Call, quantity: str, length: str) -> float | None:
    """Mean of the span minus the anchor; an unconfirmed anchor counts and is said."""
    usual, mean = call.baseline(quantity), _span_mean(call, quantity, length)
    if mean is None or usual.anchor is None:
        call.trace.unknown("baseline_unknown")
        return None
    if not usual.anchor_confirmed:
        call.trace.unknowns.add("anchor_unconfirmed")
    anchor = exact(usual.anchor)
    call.trace.note(f"anchor_{quantity}", anchor)
    call.trace.note("reference", anchor)
    return call.trace.note("shift", mean - anchor)


def mean_over_target(call: Call, quantity: str, length: str) -> float | None:
    """Mean (at the guideline's precision) minus the person's target, else the pack's target."""
    mean, profile = _span_mean(call, quantity, length), call.scope.window.profile
    target = profile.targets.get(quantity)
    if target is None:
        call.trace.unknowns.add("target_unknown")
        target = call.scope.targets.get(quantity)
    if mean is None or target is None:
        call.trace.unknown()
        return None
    call.trace.note(f"target_{quantity}", target)
    return float(at_guideline_precision(QuantityName(quantity), mean) - target)


def history_days(call: Call, quantity: str) -> int | None:
    """Local days from the first valid reading to the judged instant."""
    first: date | None = call.baseline(quantity).first_day
    if first is None:
        call.trace.unknown("baseline_unknown")
        return None
    return (call.scope.window.local_day(call.scope.at) - first).days


def history_readings(call: Call, quantity: str) -> int:
    """Valid readings behind the baseline."""
    return call.baseline(quantity).readings


def greater(call: Call, one: float | None, other: float | None) -> float | None:
    """The greater of two numbers; None when one is unknown."""
    if one is None or other is None:
        call.trace.unknown()
        return None
    return max(float(one), float(other))


def fired(call: Call, name: str) -> float | None:
    """A number of the decision that is being cleared; None when it was not handed over."""
    number = call.scope.fired.get(name)
    if number is None:
        call.trace.unknown()
        return None
    return float(number)


def elapsed(call: Call, length: str) -> bool:
    """Whether at least that span has gone by since the case was last fed (clear conditions)."""
    since = call.scope.since
    return since is not None and call.scope.at - since >= span(length)


def later_day(call: Call) -> bool:
    """Whether it is a later local day, and 8 h on, than when the case was last fed."""
    since = call.scope.since
    return since is not None and days_apart((since, call.scope.at), call.scope.window.zone) > 1


def quiet_days(call: Call, *arguments: str | float) -> int:
    """Local days, 8 h apart, of the latest sessions whose means are below both limits."""
    one, limit_one, other, limit_other, length = arguments
    pairs = ((QuantityName(str(one)), limit_one), (QuantityName(str(other)), limit_other))
    quiet: list[datetime] = []
    groups = sessions(call.valid(str(one), str(length)))
    for group in reversed(groups):
        if not all(_session_below(group, name, exact(float(limit))) for name, limit in pairs):
            break
        quiet.append(group[-1].effective_at)
    return days_apart(reversed(quiet), call.scope.window.zone)


def _session_below(group: Sequence[Point], name: QuantityName, limit: Decimal) -> bool:
    values = [p.values[name] for p in group if name in p.values]
    numbers = [v.value for v in values if v.value is not None]
    censored_high = any(v.censored is Bound.ABOVE for v in values)
    return (
        bool(numbers)
        and not censored_high
        and at_guideline_precision(name, plain_mean(numbers)) < limit
    )
