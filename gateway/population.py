"""What many people's readings say of devices, and of each other. Never a clinical alert. Pure.

A day that has been over for 48 hours is taken whole. Each reading's *personal deviation* is its
distance to the same person's own mean before (exponentially weighted over 480 readings). Over the
homes of one device model, of one model in one area (a delivery: devices do not tell the lot of
their strips) and over the people of one hub these deviations average out: weather, feasts and
epidemics are the county's, and the median of everybody else is taken off. What is left moves when
the devices do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from math import log1p, sqrt
from statistics import fmean, median
from types import MappingProxyType

from gateway.likeness import SMALLEST_SD
from gateway.population_models import Drift, Unusual
from rules.vocabulary import Profile, QuantityName, Sex, SubjectRef

SESSION_GAP = timedelta(minutes=30)
LEARNED_A_DAY = 400
"""Readings of one stratum and day that its trees learn, the first by identity: a fair draw."""

WATCHED: Mapping[QuantityName, float] = MappingProxyType(
    {QuantityName.SYSTOLIC: 4.0, QuantityName.GLUCOSE: 0.7}
)
"""What is watched for drift of devices, and by how much a mean must have moved (mmHg, mmol/L)."""

_FADING = 2 / (480 + 1)
_WARM = 10
_KEPT_DAYS = 90
_FEWEST_OTHERS = 8
_OWN_PART = 0.5
_FEWEST_BEFORE, _FEWEST_AFTER = 7, 3
_FEWEST_DAYS = _FEWEST_BEFORE + _FEWEST_AFTER


class ScopeKind(StrEnum):
    """Over what deviations are averaged."""

    MODEL = "model"
    DELIVERY = "delivery"  # one model in one area
    HUB = "hub"


FEWEST_HOMES: Mapping[ScopeKind, int] = MappingProxyType(
    {ScopeKind.MODEL: 8, ScopeKind.DELIVERY: 5, ScopeKind.HUB: 4}
)
"""People of so many homes (of a hub: so many people) must have measured on a day for it to count:
one person's illness is not a device's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One valid dated reading; `values` in canonical units."""

    identity: str
    subject: SubjectRef
    home: str
    area: str | None
    device: str
    hub: str
    at: datetime
    stratum: str
    values: Mapping[QuantityName, float]


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What a series of deviations is about; `key` is `Acme/BP-1`, `Acme/BP-1 @ area`, `hub-7`."""

    kind: ScopeKind
    key: str
    quantity: QuantityName


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Since `since` the devices of `scope` read `shift` more (canonical unit) than before.

    Noticed on `found_on`, seen in `moved` of `homes` homes: those whose own mean moved by more than
    half of it.
    """

    scope: Scope
    since: date
    found_on: date
    shift: float
    moved: int
    homes: int


@dataclass(slots=True)
class _Usual:
    """One person's own mean and variance of one quantity, faded by readings."""

    mean: float
    square: float
    readings: int = 1

    def deviation(self, value: float) -> float | None:
        return value - self.mean if self.readings >= _WARM else None

    def z(self, value: float, quantity: QuantityName) -> float | None:
        if self.readings < _WARM:
            return None
        sd = sqrt(max(0.0, self.square - self.mean * self.mean))
        return (value - self.mean) / max(sd, SMALLEST_SD[quantity])

    def learn(self, value: float) -> None:
        fading = max(_FADING, 1 / (self.readings + 1))
        self.mean += fading * (value - self.mean)
        self.square += fading * (value * value - self.square)
        self.readings += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """`raw` is the homes' mean deviation, `mean` the same less everybody else's median."""

    day: date
    raw: float
    mean: float
    homes: Mapping[str, float]


@dataclass(slots=True)
class _Series:
    drift: Drift = field(default_factory=Drift)
    days: list[_Day] = field(default_factory=list[_Day])


def stratum_of(profile: Profile, kind: str, year: int) -> str:
    """Who is similar: kind of reading, sex, and age in four bands."""
    if profile.birth_year is None:
        band = "?"
    else:
        age = year - profile.birth_year
        band = next((name for limit, name in _BANDS if age < limit), "75+")
    return f"{kind}/{profile.sex.value if profile.sex is not Sex.UNKNOWN else '?'}/{band}"


_BANDS = ((45, "18-44"), (60, "45-59"), (75, "60-74"))


class Population:
    """Learns closed days in order; tells drifting devices and how unusual a reading is."""

    def __init__(self, zone: tzinfo, *, learned_a_day: int = LEARNED_A_DAY) -> None:
        """Nothing learned yet; `learned_a_day` readings of each stratum and day go into trees."""
        self._zone = zone
        self._learned_a_day = learned_a_day
        self._worn: dict[tuple[SubjectRef, QuantityName], frozenset[Scope]] = {}
        self._usual: dict[tuple[SubjectRef, QuantityName], _Usual] = {}
        self._last: dict[tuple[SubjectRef, str], datetime] = {}
        self._series: dict[Scope, _Series] = {}
        self._strata: dict[str, Unusual] = {}

    def learn_day(self, day: date, readings: Sequence[Measured]) -> list[Finding]:
        """Take all readings of a closed local day; what has drifted, the widest scope first.

        The order of `readings` does not matter.
        """
        ordered = sorted(readings, key=lambda reading: (reading.at, reading.identity))
        findings = self._drifts(day, ordered)
        self._learn_unusual(ordered)
        for reading in ordered:
            for quantity, value in reading.values.items():
                if quantity in WATCHED:
                    mine = frozenset(scope for scope, _ in _scopes(reading, quantity))
                    self._worn[reading.subject, quantity] = mine
                known = self._usual.get((reading.subject, quantity))
                if known is None:
                    self._usual[reading.subject, quantity] = _Usual(value, value * value)
                else:
                    known.learn(value)
        self._rebase(findings)
        return findings

    def ranks(self, readings: Sequence[Measured]) -> dict[str, float]:
        """How unusual the first reading of each session is, by identity, before it is learned."""
        found: dict[str, float] = {}
        last = dict(self._last)
        for reading in sorted(readings, key=lambda each: (each.at, each.identity)):
            before = last.get((reading.subject, reading.stratum))
            last[reading.subject, reading.stratum] = reading.at
            if before is not None and reading.at - before <= SESSION_GAP:
                continue
            z = self._z_of(reading)
            gap = None if before is None else reading.at - before
            rank = None if z is None else self.percentile(reading.stratum, z, reading.at, gap)
            if rank is not None:
                found[reading.identity] = rank[0]
        return found

    def percentile(
        self, stratum: str, z: Sequence[float], at: datetime, gap: timedelta | None
    ) -> tuple[float, int] | None:
        """How unusual a reading is among similar people's, and how many readings that rests on.

        `z` are its personal deviations (systolic, diastolic, pulse; or glucose alone), `gap` the
        time since the last session, None where none is known.
        """
        model = self._strata.get(stratum)
        if model is None:
            return None
        found = model.percentile(self._features(z, at, gap))
        return None if found is None else (found, model.learned)

    def _features(
        self, z: Sequence[float], at: datetime, gap: timedelta | None
    ) -> dict[str, float]:
        local = at.astimezone(self._zone)
        first, second, third = (*z, 0.0, 0.0)[:3]
        days = 3.0 if gap is None else log1p(gap / timedelta(days=1))
        return {
            "z1": first,
            "z2": second,
            "z3": third,
            "hour": local.hour + local.minute / 60,
            "gap": days,
        }

    def _learn_unusual(self, ordered: Sequence[Measured]) -> None:
        chosen: dict[str, list[tuple[str, dict[str, float]]]] = {}
        for reading in ordered:
            last = self._last.get((reading.subject, reading.stratum))
            self._last[reading.subject, reading.stratum] = reading.at
            if last is not None and reading.at - last <= SESSION_GAP:
                continue  # the first of a session speaks for it
            z = self._z_of(reading)
            if z is not None:
                gap = None if last is None else reading.at - last
                features = self._features(z, reading.at, gap)
                chosen.setdefault(reading.stratum, []).append((reading.identity, features))
        for stratum, drawn in sorted(chosen.items()):
            model = self._strata.setdefault(stratum, Unusual())
            for _, features in sorted(drawn, key=lambda each: each[0])[: self._learned_a_day]:
                model.learn(features)

    def _z_of(self, reading: Measured) -> list[float] | None:
        z: list[float] = []
        for quantity, value in sorted(reading.values.items(), key=lambda each: _PLACE[each[0]]):
            known = self._usual.get((reading.subject, quantity))
            found = None if known is None else known.z(value, quantity)
            if found is None:
                return None
            z.append(found)
        return z or None

    def _drifts(self, day: date, ordered: Iterable[Measured]) -> list[Finding]:
        by_scope = self._by_scope(ordered)
        findings: list[Finding] = []
        told: set[tuple[str, QuantityName]] = set()
        for scope in sorted(by_scope, key=lambda scope: (_WIDTH[scope.kind], scope)):
            homes = by_scope[scope]
            if len(homes) < FEWEST_HOMES[scope.kind]:
                continue
            weather = _others_median(scope, by_scope)
            off = {home: value - weather for home, value in homes.items()}
            raw = fmean(homes.values())
            found = self._one(scope, _Day(day=day, raw=raw, mean=raw - weather, homes=off))
            model = (scope.key.partition(" @ ")[0], scope.quantity)
            if found is not None and model not in told:
                told.add(model)
                findings.append(found)
        return findings

    def _by_scope(self, ordered: Iterable[Measured]) -> dict[Scope, dict[str, float]]:
        """The mean deviation of each home (of a hub: each person), by scope."""
        collected: dict[Scope, dict[str, list[float]]] = {}
        for reading in ordered:
            for quantity in WATCHED.keys() & reading.values.keys():
                known = self._usual.get((reading.subject, quantity))
                value = None if known is None else known.deviation(reading.values[quantity])
                if value is None:
                    continue
                for scope, part in _scopes(reading, quantity):
                    collected.setdefault(scope, {}).setdefault(part, []).append(value)
        return {
            scope: {part: fmean(values) for part, values in parts.items()}
            for scope, parts in collected.items()
        }

    def _one(self, scope: Scope, today: _Day) -> Finding | None:
        series = self._series.setdefault(scope, _Series())
        series.days = [*series.days[-_KEPT_DAYS:], today]
        # a mean over few homes scatters more: as multiples of its own scatter days compare
        level = today.mean * sqrt(len(today.homes)) / (2 * WATCHED[scope.quantity])
        if not series.drift.update(level) or len(series.days) < _FEWEST_DAYS:
            return None
        before, after = _parted(series.days)
        shift = _weighted(after) - _weighted(before)
        # What stood still while everybody else moved is not at fault.
        own = _weighted(after, raw=True) - _weighted(before, raw=True)
        if abs(shift) < WATCHED[scope.quantity] or own / shift < _OWN_PART:
            return None
        self._series[scope] = _Series()
        parts = {part for each in after for part in each.homes}
        means = {
            part: fmean(each.homes[part] for each in after if part in each.homes) for part in parts
        }
        moved = sum(1 for mean in means.values() if mean / shift > 0.5)  # noqa: PLR2004 - half
        return Finding(
            scope=scope,
            since=after[0].day,
            found_on=today.day,
            shift=round(shift, 1),
            moved=moved,
            homes=len(parts),
        )

    def _rebase(self, findings: Sequence[Finding]) -> None:
        """Whoever measures with what has drifted is learned anew: the way back counts as well."""
        found = {finding.scope for finding in findings}
        for scope in list(self._series):
            wider = Scope(ScopeKind.MODEL, scope.key.partition(" @ ")[0], scope.quantity)
            if wider in found:
                del self._series[scope]
        if found:
            for person, scopes in self._worn.items():
                if not found.isdisjoint(scopes):
                    self._usual.pop(person, None)


def _others_median(scope: Scope, by_scope: Mapping[Scope, Mapping[str, float]]) -> float:
    """What the homes with other models saw that day; everybody's where there are too few."""
    model = scope.key.partition(" @ ")[0]
    models = [
        (each.key, homes)
        for each, homes in by_scope.items()
        if each.kind is ScopeKind.MODEL and each.quantity is scope.quantity
    ]
    others = [value for key, homes in models if key != model for value in homes.values()]
    everybody = [value for _, homes in models for value in homes.values()]
    return median(others if len(others) >= _FEWEST_OTHERS else everybody)


def model_of(device: str) -> str:
    """`manufacturer/model` of a device key."""
    return device.rpartition("/")[0]


_WIDTH = {ScopeKind.MODEL: 0, ScopeKind.DELIVERY: 1, ScopeKind.HUB: 2}
_PLACE = {name: place for place, name in enumerate(QuantityName)}


def _scopes(reading: Measured, quantity: QuantityName) -> list[tuple[Scope, str]]:
    model = model_of(reading.device)
    scopes = [
        (Scope(ScopeKind.MODEL, model, quantity), reading.home),
        (Scope(ScopeKind.HUB, reading.hub, quantity), str(reading.subject)),
    ]
    if reading.area is not None:
        delivery = Scope(ScopeKind.DELIVERY, f"{model} @ {reading.area}", quantity)
        scopes.append((delivery, reading.home))
    return scopes


def _parted(days: Sequence[_Day]) -> tuple[Sequence[_Day], Sequence[_Day]]:
    """The days before and since the likeliest change of level: where the two parts differ most."""

    def contrast(cut: int) -> float:
        before, after = days[:cut], days[cut:]
        homes = [sum(len(day.homes) for day in part) for part in (before, after)]
        scatter = sqrt(1 / homes[0] + 1 / homes[1])
        return abs(_weighted(after) - _weighted(before)) / scatter

    cut = max(range(_FEWEST_BEFORE, len(days) - _FEWEST_AFTER + 1), key=contrast)
    return days[:cut], days[cut:]


def _weighted(days: Sequence[_Day], *, raw: bool = False) -> float:
    homes = sum(len(day.homes) for day in days)
    return sum((day.raw if raw else day.mean) * len(day.homes) for day in days) / homes
