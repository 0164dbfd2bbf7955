"""`bench rules`: what each rule costs, what a reading costs under all packs, and how many pass.

Every rule of every pack is looked at for one reading of three people, over sixteen days with as
many readings as a busy day may hold, in four courses (high, low, calm, changing); its worst is held
against the bound that the loader computes from its text. Then people are lived through
(`bench_lived.py`), on one core. Times are the process's own on the processor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from time import process_time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from gateway.detect import LOOK_BACK, Rulebook
from gateway.local_days import LocalDays
from gateway.packs import load_shipped
from gateway.playback import played_back
from rules.cost import A_DAY, A_DAY_OF_KIND, MOST_COST_US, conditions_of, cost_us
from rules.rule import Rule
from rules.scope import Scope
from rules.vocabulary import (
    Origin,
    Profile,
    QuantityName,
    Sex,
    SubjectRef,
    Ternary,
    TimeConfidence,
    Vital,
)
from rules.window import Baseline, Point, Value, Window
from rules.words import WORDS, Parameter
from service.lab.bench_lived import LivedReport, Recording, cohort, live

START = datetime(2026, 9, 1, tzinfo=UTC)
_ZONE = ZoneInfo("Asia/Shanghai")
_DAYS_LIVED = 60
_WORST_SHOWN = 8
_REPEATS = 9

_Numbers = Mapping[str, tuple[str, str, str]]
_COURSES: Mapping[Vital, _Numbers] = MappingProxyType(
    {
        Vital.BLOOD_PRESSURE: {
            "systolic": ("185", "70", "128"),
            "diastolic": ("112", "40", "80"),
            "pulse": ("135", "38", "70"),
        },
        Vital.GLUCOSE: {"glucose": ("25", "2.5", "6.1")},
        Vital.GLUCOSE_PLASMA: {"glucose": ("25", "2.5", "6.1")},
        Vital.GLUCOSE_CGM: {"glucose": ("25", "2.5", "6.1")},
        Vital.KETONE: {"ketone": ("4", "2", "0.2")},
        Vital.TEMPERATURE: {"temperature": ("39.5", "34.8", "36.5")},
        Vital.SPO2: {"spo2": ("97", "80", "91")},
        Vital.WEIGHT: {"weight": ("80", "70", "75")},
        Vital.PULSE: {"pulse": ("135", "38", "70")},
        Vital.RESPIRATORY_RATE: {"respiratory_rate": ("30", "8", "15")},
        Vital.SYMPTOM: {},
    }
)
"""High, low and calm numbers of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """One rule: the bound from its text, and its worst reading, microseconds."""

    rule: str
    bound_us: float
    measured_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesReport:
    """What was measured; `lived` by people and rules."""

    rules: tuple[RuleCost, ...]
    most_cost_us: float
    lived: tuple[LivedReport, ...]


async def bench_rules(people: int) -> RulesReport:
    """Measure the shipped packs, those in shadow among them, on this one core."""
    packs = load_shipped()
    costs = [
        RuleCost(rule=rule.id, bound_us=round(cost_us(rule), 1), measured_us=_worst_us(rule))
        for rule in packs.beside.rules
    ]
    lived: list[LivedReport] = []
    live_rules = Rulebook(pack=packs.live, zone=_ZONE)
    all_rules = Rulebook(pack=packs.beside, zone=_ZONE)
    for recording in (_made_up(people), cohort(people, _DAYS_LIVED, _ZONE)):
        lived.append(await live(recording, live_rules, "live"))
        lived.append(await live(recording, all_rules, "all packs"))
    return RulesReport(
        rules=tuple(sorted(costs, key=lambda cost: -cost.measured_us)),
        most_cost_us=MOST_COST_US,
        lived=tuple(lived),
    )


def table(report: RulesReport) -> str:
    """The figures as text."""
    lines = [f"{'rule':10}{'bound':>9}{'worst':>9}   µs, the loader refuses over {MOST_COST_US:g}"]
    lines += [
        f"{cost.rule:10}{cost.bound_us:9.0f}{cost.measured_us:9.0f}"
        for cost in report.rules[:_WORST_SHOWN]
    ]
    over = [cost.rule for cost in report.rules if cost.measured_us > cost.bound_us]
    lines.append(f"{len(report.rules)} rules; measured over their bound: {', '.join(over) or '-'}")
    lines.append(
        f"{'people':22}{'rules':>10}{'readings':>10}{'a second':>10}{'passing':>9}"
        "   µs one took, p50 and p99"
    )
    lines += [
        f"{one.people:22}{one.rules:>10}{one.readings:10,}{one.readings_per_s:10,.0f}"
        f"{one.passing:9.1%}{one.look_p50_us:9.0f}{one.look_p99_us:8.0f}"
        for one in report.lived
    ]
    return "\n".join(lines)


def _made_up(people: int) -> Recording:
    lived = {SubjectRef(f"p{number}"): tuple(_life(number)) for number in range(people)}
    return Recording(
        name=f"{people} made up",
        tape=played_back(lived, LocalDays(_ZONE)),
        profiles={subject: _somebody(subject) for subject in lived},
    )


def _worst_us(rule: Rule) -> float:
    worst = 0.0
    for person, course in product(_people(), range(4)):
        window = _busy(rule, course, person)
        point = window.points[-1]
        best = min(_once_us(rule, window, point) for _ in range(_REPEATS))
        worst = max(worst, best)
    return round(worst, 1)


def _once_us(rule: Rule, window: Window, point: Point) -> float:
    scope = Scope(
        window=window,
        at=point.effective_at,
        point=point,
        horizon=point.effective_at + timedelta(days=1),
        level=rule.level_of,
        targets=rule.targets,
    )
    began_s = process_time()
    for condition in conditions_of(rule):
        condition.test(scope)
    return (process_time() - began_s) * 1e6


def _people() -> Iterator[Profile]:
    """Everything is true of one, something of another, nothing is known of the third."""
    someone = SubjectRef("someone")
    yield Profile(
        subject=someone,
        birth_year=1990,
        sex=Sex.FEMALE,
        pregnant=Ternary.YES,
        conditions=WORDS[Parameter.CONDITION],
        drug_classes=WORDS[Parameter.DRUG],
    )
    yield _somebody(someone)
    yield Profile(subject=someone)


def _somebody(subject: SubjectRef) -> Profile:
    return Profile(
        subject=subject,
        birth_year=1952,
        sex=Sex.MALE,
        conditions=frozenset({"hypertension", "diabetes_2"}),
        drug_classes=frozenset({"metformin", "arb"}),
    )


def _busy(rule: Rule, course: int, person: Profile) -> Window:
    points: list[Point] = []
    for kind in sorted(rule.vitals):
        many = LOOK_BACK.days * A_DAY_OF_KIND.get(kind, A_DAY)
        for number in range(many):
            turn = course if course < len(("high", "low", "calm")) else number // 3 % 3
            values = {name: numbers[turn] for name, numbers in _COURSES[kind].items()}
            at = START + number * LOOK_BACK / many
            points.append(_point(f"{kind}{number:05}", kind, at, values))
    usual = Baseline(
        recent_mean=100.0,
        recent_sd=5.0,
        readings=40,
        days=30,
        anchor=100.0,
        first_day=date(2026, 6, 1),
        own_gap_days=1.0,
    )
    return Window(
        points=tuple(points),
        profile=person,
        baselines=dict.fromkeys(QuantityName, usual),
        zone=_ZONE,
    )


def _point(identity: str, kind: Vital, at: datetime, values: Mapping[str, str]) -> Point:
    said = {"symptom": "vomiting,palpitation"} if kind is Vital.SYMPTOM else {"meal": "fasting"}
    return Point(
        identity=identity,
        kind=kind,
        device="bench",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={QuantityName(name): Value(value=Decimal(text)) for name, text in values.items()},
        context=said,
    )


def _life(number: int) -> Iterator[Point]:
    """Two cuff readings and two glucoses a day around the person's own usual."""
    chance = Random(number)  # noqa: S311 - a bench's dice
    pressure, sugar = chance.gauss(132, 12), chance.gauss(7.2, 1.4)
    for day in range(_DAYS_LIVED):
        for hour, meal, more in ((7, "fasting", 0.0), (20, "postprandial", 1.5)):
            at = START + timedelta(days=day, hours=hour - 8, minutes=chance.randrange(50))
            upper = chance.gauss(pressure, 7)
            values = {
                "systolic": f"{upper:.0f}",
                "diastolic": f"{upper * 0.6:.0f}",
                "pulse": f"{chance.gauss(72, 6):.0f}",
            }
            yield _point(f"{number:08x}{day:04x}{hour:02x}b", Vital.BLOOD_PRESSURE, at, values)
            value = max(3.0, chance.gauss(sugar + more, 1.2))
            found = _point(
                f"{number:08x}{day:04x}{hour:02x}g",
                Vital.GLUCOSE,
                at + timedelta(minutes=3),
                {"glucose": f"{value:.1f}"},
            )
            yield replace(found, context={"meal": meal})
