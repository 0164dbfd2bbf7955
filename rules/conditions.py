"""The window functions that conditions may call: one function each, one literal table.

Which readings a function sees: `ge, gt, le, lt, low, high, at_level` speak of the one point being
judged; the `any_` functions see every usable reading, flagged too, because a doubtful danger is
a danger; whatever counts, averages, confirms or clears sees valid readings only, each once.
A function returns a bool, a number, or None where a fact is missing (then the condition is
unknown unless CEL's logic settles it). Spans are written `30m`, `2h`, `7d` and end at the judged
point, or at `now` in a clear condition; both ends belong to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from rules import averages, courses, judged, marks, silence
from rules.comparing import compared
from rules.scope import Call, is_censored, span
from rules.vocabulary import Bound, QuantityName, Ternary, Vital
from rules.window import Point, days_apart, may_be_pregnant
from rules.words import Parameter, holds_one

Result = bool | float | int | None


def _judge(operator: str) -> Callable[[Call, str, float], bool]:
    def judge(call: Call, quantity: str, limit: float) -> bool:
        found = call.judged.usable and compared(call.judged, quantity, operator, limit)
        if found:
            call.rest_on(call.judged)
        return found

    return judge


def _beyond(side: Bound) -> Callable[[Call, str], bool]:
    def beyond(call: Call, quantity: str) -> bool:
        found = call.judged.usable and is_censored(call.judged, quantity, side)
        if found:
            call.rest_on(call.judged)
        return found

    return beyond


def _at_level(call: Call) -> bool:
    found = call.judged.usable and call.at_level(call.judged)
    if found:
        call.rest_on(call.judged)
    return found


def _any(operator: str) -> Callable[[Call, str, float, str], bool]:
    def any_in(call: Call, quantity: str, limit: float, length: str) -> bool:
        hits = [p for p in call.usable(quantity, length) if compared(p, quantity, operator, limit)]
        call.rest_on(*hits)
        return bool(hits)

    return any_in


def _count(operator: str) -> Callable[[Call, str, float, str], int]:
    def count(call: Call, quantity: str, limit: float, length: str) -> int:
        hits = [p for p in call.valid(quantity, length) if compared(p, quantity, operator, limit)]
        call.rest_on(*hits)
        return len(hits)

    return count


def _readings(call: Call, quantity: str, length: str) -> int:
    return len(call.valid(quantity, length))


def _reading_days(call: Call, quantity: str, length: str) -> int:
    instants = (p.effective_at for p in call.valid(quantity, length))
    return days_apart(instants, call.scope.window.zone)


def _missing_for(call: Call, quantity: str, length: str) -> bool:
    return not call.valid(quantity, length)


def _days_with(call: Call, *arguments: str | float) -> int:
    """Distinct local days, successive ones at least `gap` apart."""
    quantity, operator, limit, length, gap = arguments
    hits = [
        point
        for point in call.valid(str(quantity), str(length))
        if compared(point, str(quantity), str(operator), float(limit))
    ]
    call.rest_on(*hits)
    return days_apart((p.effective_at for p in hits), call.scope.window.zone, span(str(gap)))


def _times_at_level(call: Call, gap: str, length: str) -> int:
    """Valid readings at the rule's danger level, successive ones at least `gap` apart."""
    least, last, times = span(gap), None, 0
    for point in call.valid_at_level(length):
        call.rest_on(point)
        if last is None or point.effective_at - last >= least:
            last, times = point.effective_at, times + 1
    return times


def _times_at_own_level(call: Call, quantity: str, gap: str, length: str) -> int:
    """The same, of readings that also reach the limit a doctor has set for this person, if any."""
    targets, name = call.scope.window.profile.targets, QuantityName(quantity)
    own = targets.get(f"{name}_high", targets.get(name))
    if own is not None:
        call.trace.note(f"target_{name}", own)
    least, last, times = span(gap), None, 0
    for point in call.valid_at_level(length):
        value = point.values.get(name)
        if own is not None and value is not None and not value.ge(name, own):
            continue
        call.rest_on(point)
        if last is None or point.effective_at - last >= least:
            last, times = point.effective_at, times + 1
    return times


def _pair_within(call: Call, least: str, most: str) -> bool:
    """A valid earlier point at the level, none lower between, and none lower known after."""
    second = call.judged
    if not (second.valid and call.at_level(second)):
        return False
    window, reach = call.scope.window, span(most)
    around = window.between(second.effective_at - reach, second.effective_at + reach)
    later = [p for p in around if p.order > second.order and p.valid]
    if later and call.level_is_left(later[-1]):
        return False
    for first in reversed([p for p in around if p.order < second.order and p.valid]):
        if call.level_is_left(first):
            return False
        apart = second.effective_at - first.effective_at >= span(least)
        if apart and call.at_level(first) and not second.repeats(first):
            call.rest_on(first, second)
            return True
    return False


def _level_left(call: Call) -> bool:
    return any(call.level_is_left(p) for p in call.after())


def _retested(call: Call, quantity: str) -> bool:
    name = QuantityName(quantity)
    return any(p.valid and name in p.values for p in call.after())


def _answered(call: Call, *words: str) -> bool:
    answers = (p.context.get("answer", "") for p in call.after() if p.kind is Vital.SYMPTOM)
    return any(answer in words for answer in answers)


def _has_symptom(call: Call, length: str, *words: str) -> bool:
    hits = [p for p in call.symptoms(length) if not symptoms_of(p).isdisjoint(words)]
    call.rest_on(*hits)
    return bool(hits)


def symptoms_of(point: Point) -> frozenset[str]:
    """The symptom words of a point: context `symptom`, several separated by commas."""
    return frozenset(filter(None, point.context.get("symptom", "").split(",")))


def _any_symptom(call: Call) -> bool:
    found = call.judged.kind is Vital.SYMPTOM and bool(symptoms_of(call.judged))
    if found:
        call.rest_on(call.judged)
    return found


def _takes_drug(call: Call, *words: str) -> bool | None:
    found = holds_one(call.scope.window.profile.drug_classes, words, Parameter.DRUG)
    return _told(call, found, "drugs_unknown")


def _has_condition(call: Call, *words: str) -> bool | None:
    found = holds_one(call.scope.window.profile.conditions, words, Parameter.CONDITION)
    return _told(call, found, "conditions_unknown")


def _pregnant(call: Call) -> bool | None:
    """Whether the person may be pregnant, or within 42 days of a birth; None where nobody knows."""
    profile = call.scope.window.profile
    if profile.pregnant is not Ternary.UNKNOWN:
        return profile.pregnant is Ternary.YES
    if not may_be_pregnant(profile, call.scope.window.local_day(call.scope.at).year):
        return False
    call.trace.unknown("pregnancy_unknown")
    return None


def _known_pregnant(call: Call) -> bool:
    return call.scope.window.profile.pregnant is Ternary.YES


def _told(call: Call, found: bool | None, sentence: str) -> bool | None:  # noqa: FBT001
    if found is None:
        call.trace.unknown(sentence)
    return found


def _run_ge(call: Call, *arguments: str | float) -> int:
    """Length of the latest unbroken run at or above the limit, its members `gap` apart."""
    quantity, limit, gap, length = arguments
    last, count = None, 0
    for point in reversed(call.valid(str(quantity), str(length))):
        if not compared(point, str(quantity), ">=", float(limit)):
            break
        if last is None or last - point.effective_at >= span(str(gap)):
            last, count = point.effective_at, count + 1
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A window function: what runs, what it takes, and what it needs.

    `rest` is the kind of any further arguments; `judges`: it needs a point being judged;
    `baseline`: it reads the baselines, which are known for the newest point only; `reach`: how far
    it looks back without a span that says so; `level`: it speaks of the rule's danger level.
    """

    run: Callable[..., Result]
    takes: tuple[Parameter, ...] = ()
    rest: Parameter | None = None
    judges: bool = False
    baseline: bool = False
    reach: timedelta = timedelta(0)
    level: bool = False


_Q, _N, _S, _O = Parameter.QUANTITY, Parameter.NUMBER, Parameter.SPAN, Parameter.OPERATOR
_F, _M = Parameter.FLAG, Parameter.MEAL

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "ge": Function(run=_judge(">="), takes=(_Q, _N), judges=True),
        "gt": Function(run=_judge(">"), takes=(_Q, _N), judges=True),
        "le": Function(run=_judge("<="), takes=(_Q, _N), judges=True),
        "lt": Function(run=_judge("<"), takes=(_Q, _N), judges=True),
        "low": Function(run=_beyond(Bound.BELOW), takes=(_Q,), judges=True),
        "high": Function(run=_beyond(Bound.ABOVE), takes=(_Q,), judges=True),
        "at_level": Function(run=_at_level, judges=True, level=True),
        "any_symptom": Function(run=_any_symptom, judges=True),
        "any_ge": Function(run=_any(">="), takes=(_Q, _N, _S)),
        "any_lt": Function(run=_any("<"), takes=(_Q, _N, _S)),
        "count_ge": Function(run=_count(">="), takes=(_Q, _N, _S)),
        "count_lt": Function(run=_count("<"), takes=(_Q, _N, _S)),
        "readings": Function(run=_readings, takes=(_Q, _S)),
        "reading_days": Function(run=_reading_days, takes=(_Q, _S)),
        "missing_for": Function(run=_missing_for, takes=(_Q, _S)),
        "days_with": Function(run=_days_with, takes=(_Q, _O, _N, _S, _S)),
        "times_at_level": Function(run=_times_at_level, takes=(_S, _S), level=True),
        "times_at_own_level": Function(run=_times_at_own_level, takes=(_Q, _S, _S), level=True),
        "pair_within": Function(run=_pair_within, takes=(_S, _S), judges=True, level=True),
        "level_left": Function(run=_level_left, judges=True, level=True),
        "retested": Function(run=_retested, takes=(_Q,), judges=True),
        "answered": Function(run=_answered, rest=Parameter.ANSWER, judges=True),
        "has_symptom": Function(run=_has_symptom, takes=(_S,), rest=Parameter.SYMPTOM),
        "takes_drug": Function(run=_takes_drug, rest=Parameter.DRUG),
        "pregnant": Function(run=_pregnant),
        "known_pregnant": Function(run=_known_pregnant),
        "has_condition": Function(run=_has_condition, rest=Parameter.CONDITION),
        "mean": Function(run=averages.mean_of, takes=(_Q, _S)),
        "mean_ge": Function(run=averages.mean_side(at_least=True), takes=(_Q, _N, _S)),
        "mean_lt": Function(run=averages.mean_side(at_least=False), takes=(_Q, _N, _S)),
        "settled_mean_ge": Function(run=averages.settled_mean_ge, takes=(_Q, _N, _S)),
        "mean_over_target": Function(run=averages.mean_over_target, takes=(_Q, _S)),
        "above_usual": Function(run=averages.above_usual, takes=(_Q, _S), baseline=True),
        "above_anchor": Function(run=averages.above_anchor, takes=(_Q, _S), baseline=True),
        "usual_sd": Function(run=averages.usual_sd, takes=(_Q,), baseline=True),
        "baseline_z": Function(run=averages.baseline_z, takes=(_Q, _S), baseline=True),
        "session_share_above": Function(
            run=averages.session_share_above, takes=(_Q, _N, _S), baseline=True
        ),
        "history_days": Function(run=averages.history_days, takes=(_Q,), baseline=True),
        "history_readings": Function(run=averages.history_readings, takes=(_Q,), baseline=True),
        "greater": Function(run=averages.greater, takes=(_N, _N)),
        "fired": Function(run=averages.fired, takes=(Parameter.FACT,)),
        "elapsed": Function(run=averages.elapsed, takes=(_S,)),
        "later_day": Function(run=averages.later_day),
        "quiet_days": Function(run=averages.quiet_days, takes=(_Q, _N, _Q, _N, _S)),
        "own_gap": Function(run=silence.own_gap, takes=(_Q,), baseline=True),
        "silent_for": Function(run=silence.silent_for, takes=(_Q, _N), baseline=True),
        "run_ge": Function(run=_run_ge, takes=(_Q, _N, _S, _S)),
        "last": Function(run=courses.last, takes=(_Q, _S)),
        "gain": Function(run=courses.gain, takes=(_Q, _S)),
        "slope": Function(run=courses.slope, takes=(_Q, _S)),
        "ahead": Function(run=courses.ahead, takes=(_Q, _S, _S)),
        "since": Function(run=courses.since, takes=(_Q, _S)),
        "past_readings": Function(run=courses.past_readings, takes=(_Q, _S, _S)),
        "above_past": Function(run=courses.above_past, takes=(_Q, _S, _S)),
        "readings_between": Function(run=courses.readings_between, takes=(_Q, _N, _N, _S)),
        "mean_between": Function(run=courses.mean_between, takes=(_Q, _N, _N, _S)),
        "times_with": Function(run=courses.times_with, takes=(_Q, _O, _N, _S, _S)),
        "times_of": Function(run=courses.times_of, takes=(Parameter.KIND, _Q, _O, _N, _S, _S)),
        "lasts": Function(run=courses.lasts, takes=(_Q, _O, _N, _S, _S)),
        "meal_times": Function(run=courses.meal_times, takes=(_M, _Q, _O, _N, _N, _S)),
        "meal_readings": Function(run=courses.meal_readings, takes=(_M, _Q, _S)),
        "given": Function(run=judged.given, takes=(_Q,), judges=True),
        "first_of_day": Function(run=judged.first_of_day, takes=(_Q,), judges=True),
        "first_since": Function(
            run=judged.first_since, takes=(_Q,), rest=Parameter.WEEKDAY, reach=judged.WEEK
        ),
        "on_weekday": Function(run=judged.on_weekday, takes=(Parameter.WEEKDAY,), judges=True),
        "at_hours": Function(run=judged.at_hours, takes=(_N, _N), judges=True),
        "aged": Function(run=judged.aged, takes=(_N,)),
        "target": Function(run=judged.target, takes=(_Q, _N)),
        "usual": Function(run=judged.usual, takes=(_Q,), baseline=True),
        "flag_times": Function(run=marks.flag_times, takes=(_F, _Q, _S)),
        "flag_of_last": Function(run=marks.flag_of_last, takes=(_F, _Q, _N, _S)),
        "flag_share": Function(run=marks.flag_share, takes=(_F, _Q, _S)),
        "seen": Function(run=marks.seen, takes=(_Q, _S)),
        "same_run": Function(run=marks.same_run, takes=(_Q, _S)),
        "unsettled_days": Function(run=marks.unsettled_days, takes=(_Q, _N, _S)),
        "typed": Function(run=marks.typed, takes=(_Q, _S)),
        "round_share": Function(run=marks.round_share, takes=(_Q, _S)),
    }
)
"""Every function a condition may call; adding one is a function, a line here and a test line."""
