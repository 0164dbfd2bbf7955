"""The local red path: rules marked `runs_on: hub`, at once, on what this hub has itself.

No person, profile or baseline is known here, only what a doctor's limits are for whoever wears a
device: each device (and user slot of it) is a window of its own, and the same engine decides on it
(law 7). The alert id is the core's for the same decision.
What was said stands until it is old; while nobody has been reached (`reach.py`) it says so too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

import structlog

from gateway.heard import PAUSE, Heard, Pending
from gateway.hub_asking import HubAsk
from gateway.hub_rules import WornLimits, limits_worn
from gateway.intake import attributed
from gateway.reach import NOBODY_REACHED, Reach
from rules.asking import question
from rules.engine import Decision, evaluate
from rules.identity import alert_id
from rules.pack import Pack
from rules.rule import HUB_LOOKS_BACK, HUB_TELLS, HUB_WAITS, Text
from rules.vocabulary import (
    AlertId,
    DeviceRef,
    Observation,
    Profile,
    Stage,
    SubjectRef,
    TimeConfidence,
)
from rules.window import Point, Window

_log = structlog.get_logger()

_JUDGED = timedelta(hours=1)
"""An older reading is the core's business: no rule of a hub gives an instruction for one."""

_REMEMBERED = HUB_TELLS + HUB_LOOKS_BACK + HUB_WAITS
"""Of every reading that is told of (a late one may end a wait otherwise than it seemed, also long
after it was over) all that was measured around it is at hand, or half a pair would ring again."""

_MOST_POINTS = 30
"""Of one device in that time: nobody measures more often, and a broken device must not cost the
hub its breath (an evaluation grows with the square of the points)."""

SOUNDING = timedelta(days=1)
"""How long an emergency that reached nobody is repeated."""

_NOBODY = SubjectRef("home:this")

_DEVICE = ("manufacturer", "model", "serial")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRef:
    """Which record of which radio session (or connection) a point came from."""

    session: str
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedAlert:
    """A hub rule fired on a device's readings at `raised_at`.

    `patient` says what to do now, until `until`; `record` is what it rests on.
    """

    alert_id: AlertId
    rule_id: str
    device: str
    patient: Text
    raised_at: datetime
    until: datetime
    record: RecordRef


class RedPath:
    """Evaluates each reading as it is spooled and keeps what is to be said to the patient."""

    def __init__(self, *, zone: tzinfo, rules: Pack) -> None:
        self._zone = zone
        self._rules = rules.for_hub()
        self._points: dict[tuple[str, int | None], list[Point]] = {}
        self._records: dict[str, RecordRef] = {}
        self._alerts: dict[AlertId, RedAlert] = {}
        self._limits: Sequence[WornLimits] = ()
        self._published = Pending()
        self._recalled: frozenset[str] = frozenset()
        self._behind = timedelta()
        self._waiting: dict[tuple[str, int | None], tuple[Text, ...]] = {}
        self.heard = Heard()
        self.reach = Reach()

    def use(self, rules: Pack) -> None:
        """Judge by the hub rules of another pack from now on; what was said stands."""
        self._rules = rules.for_hub()

    def keep_to(self, limits: Sequence[WornLimits]) -> None:
        """Judge by these personal limits from now on."""
        self._limits = limits

    def consider(self, observation: Observation, now: datetime) -> list[RedAlert]:
        """Judge a reading; returns the alerts that are new. Repetitions raise nothing again.

        An old or undated reading is the core's business: nothing is to be done here and now.
        """
        self.heard.note(observation)
        point = self._point(observation)
        if point.confidence is TimeConfidence.UNKNOWN or now - point.effective_at > _JUDGED:
            return []
        key = (observation.device.key, observation.user_slot)
        # A decided origin replaces the undecided copy of the same record.
        known = [p for p in self._points.get(key, []) if p.identity != point.identity]
        point = replace(point, received_at=self._first_heard(key, point))
        recent = [p for p in [*known, point] if now - p.effective_at <= _REMEMBERED]
        self._points[key] = recent[-_MOST_POINTS:]
        kept = {p.identity for points in self._points.values() for p in points}
        self._records = {name: at for name, at in self._records.items() if name in kept}
        self._records[point.identity] = RecordRef(
            session=observation.session, ordinal=observation.ordinal
        )
        return self._judge(key, now, point)

    def consider_session(
        self, observations: Sequence[Observation], now: datetime
    ) -> list[RedAlert]:
        """Judge a session that has ended, its origins decided; the newest also without the time."""
        raised = [alert for one in observations for alert in self.consider(one, now)]
        for one in self.heard.newest_without_time(observations, self._zone):
            raised += self.consider(one, now)
        return raised

    def consider_published(
        self, observations: Sequence[Observation], now: datetime
    ) -> list[RedAlert]:
        """Judge what came over MQTT, and without the time the newest once its device pauses."""
        self._published.add(observations, now)
        return [alert for one in observations for alert in self.consider(one, now)]

    def recall(self, past: Iterable[tuple[Observation, datetime]], now: datetime) -> None:
        """Judge again what was received before a restart, each reading as of its own reception.

        So an alert is as old as it was: what has reached nobody for hours says so at once, and
        what is over stays over. `past` is in order of reception.
        """
        past = list(past)
        by_arrival = self._newest_of_each([one for one, _ in past])
        last: dict[tuple[str, int | None], datetime] = {}
        for observation, received_at in past:
            at = min(received_at, now)
            key = (observation.device.key, observation.user_slot)
            if key in last and key in self._points:
                self._judge(key, min(last[key] + HUB_WAITS, at))
            self.consider(by_arrival.get(_place(observation), observation), at)
            last[key] = at
        for key, at in last.items():
            if key in self._points:
                self._judge(key, min(at + HUB_WAITS, now))

    def recall_behind(
        self, past: Iterable[tuple[Observation, datetime]], newest: datetime, now: datetime
    ) -> None:
        """`recall` on a clock that shows less than the spool's `newest` stamp.

        How long the hub was off is not known, at least what lies between the stamps. What has
        reached a person is not said once more. Once the time is learned the stamps hold.
        """
        self.recall(past, newest)
        for name, alert in self._alerts.items():
            if self.reach.is_told(name):
                self._alerts[name] = replace(alert, until=alert.raised_at)
        points = {point.identity for points in self._points.values() for point in points}
        self._move(now - newest)
        self._recalled = frozenset({*points, *self._alerts})
        self._behind = newest - now

    def clock_stepped(self, by: timedelta) -> None:
        """The hub's clock was put right by `by`: what it dated before moves with it.

        A hub that was started without the time learns it minutes later, and a jump of days would
        make an emergency of a minute ago an old one.
        """
        if not self._recalled:
            self._move(by)
        elif by >= self._behind:
            self._move(by, self._behind)
            self._recalled, self._behind = frozenset(), timedelta()
        else:
            self._move(by)
            self._behind -= by
        self._published.clock_stepped(by)

    def _move(self, by: timedelta, recalled: timedelta | None = None) -> None:
        """Move what stands by `by`, and what was recalled by `recalled` where that is given."""

        def step(name: str) -> timedelta:
            return by if recalled is None or name not in self._recalled else recalled

        self._alerts = {
            name: replace(
                alert, raised_at=alert.raised_at + step(name), until=alert.until + step(name)
            )
            for name, alert in self._alerts.items()
        }
        self._points = {
            key: [
                replace(
                    one,
                    effective_at=one.effective_at + step(one.identity),
                    received_at=one.received_at + step(one.identity),
                )
                for one in points
            ]
            for key, points in self._points.items()
        }

    def instructions(self, now: datetime) -> tuple[Mapping[str, str], ...]:
        """What the patient is to be told at `now`, newest first, each in `zh` and `en`.

        Whoever should measure again is told so at once, while the rule still waits. A reading whose
        confirmation did not come in time is found here: the page asks often.
        """
        for one in self.heard.newest_without_time(self._published.ready(now), self._zone):
            self.consider(one, now)
        for key in self._points:
            self._judge(key, now)
        texts = dict.fromkeys(alert.patient for alert in self.standing(now))
        if any(self._is_unreached(alert, now) for alert in self.standing(now)):
            texts = {NOBODY_REACHED: None, **texts}
        texts |= dict.fromkeys(text for asked in self._waiting.values() for text in asked)
        return tuple({"zh": text.zh, "en": text.en} for text in texts)

    def asking(self, now: datetime) -> tuple[HubAsk, ...]:
        """Whose answer would make a rule ring, or end a wait, at `now`; by device and user slot."""
        found: list[HubAsk] = []
        for (device, user_slot), points in self._points.items():
            asked = question(self._rules, self._window((device, user_slot), points), now)
            if asked.is_open:
                named = DeviceRef(**dict(zip(_DEVICE, device.split("/", 2), strict=True)))
                found.append(HubAsk(device=named, user_slot=user_slot, question=asked))
        return tuple(found)

    def standing(self, now: datetime) -> tuple[RedAlert, ...]:
        """What the patient is being told at `now`, newest first.

        As long as nobody was reached an instruction stands for a day, whatever the rule's age.
        """
        return tuple(
            alert
            for alert in reversed(self._alerts.values())
            if now < alert.until
            or (self._is_unreached(alert, now) and now < alert.raised_at + SOUNDING)
        )

    def changes_at(self, now: datetime) -> datetime | None:
        """When, if nothing is heard, something is to be judged or "nobody was reached" begins."""
        changes = (
            self.reach.changes_at(alert.alert_id, alert.raised_at, now)
            for alert in self.standing(now)
        )
        return min(filter(None, (*changes, self._published.due_at())), default=None)

    def _is_unreached(self, alert: RedAlert, now: datetime) -> bool:
        return self.reach.is_unreached(alert.alert_id, alert.raised_at, now)

    def alerts(self) -> tuple[RedAlert, ...]:
        """Everything that fired since the start, oldest first."""
        return tuple(self._alerts.values())

    def _newest_of_each(
        self, past: Sequence[Observation]
    ) -> Mapping[tuple[str, int, str], Observation]:
        """What was judged by its arrival when it came (`consider_session`), by its place."""
        for one in past:
            self.heard.note(one)
        sessions: dict[tuple[str, str], list[list[Observation]]] = {}
        for one in past:
            parts = sessions.setdefault((one.session, one.device.key), [[]])
            paused_s = one.received.monotonic_s - (parts[-1] or [one])[-1].received.monotonic_s
            if paused_s >= PAUSE.total_seconds() and not one.source.startswith("ble:"):
                parts.append([])
            parts[-1].append(one)
        newest = (
            self.heard.newest_without_time(part, self._zone)
            for parts in sessions.values()
            for part in parts
        )
        return {_place(one): one for found in newest for one in found}

    def _point(self, observation: Observation) -> Point:
        # Here arrival and now are the same clock's, so its being right or wrong does not matter.
        received = replace(observation.received, wall_trusted=True)
        trusted = replace(observation, received=received)
        return attributed(trusted, _NOBODY, self._zone, received.wall).point.as_heard()

    def _first_heard(self, key: tuple[str, int | None], point: Point) -> datetime:
        """Told again, it prolongs nobody's wait: the core keeps the first receipt too."""
        known = (p for p in self._points.get(key, []) if p.identity == point.identity)
        return min((p.received_at for p in known), default=point.received_at)

    def _judge(
        self, key: tuple[str, int | None], now: datetime, new: Point | None = None
    ) -> list[RedAlert]:
        """Judge a new reading and what follows it, and every wait that is over."""
        window = self._window(key, self._points[key])
        decisions = [] if new is None else list(self._followed(window, new, now))
        newest = frozenset({window.points[-1].identity}) if new else frozenset[str]()
        found = evaluate(self._rules, window, now, newest)
        decisions += [
            one
            for one in found.decisions
            if one.stage is not Stage.UNCONFIRMED or now - one.effective_at <= HUB_TELLS
        ]
        asked = (self._rules.rule(wake.rule_id).patient for wake in found.wakes)
        self._waiting[key] = tuple(dict.fromkeys(asked))
        raised: list[RedAlert] = []
        for decision in decisions:
            alert = self._alert(decision, key[0], now)
            if not decision.dated and alert.alert_id not in self._alerts:
                self._alerts[alert.alert_id] = alert
                raised.append(alert)
                _log.warning("red path", rule=alert.rule_id, alert=alert.alert_id, device=key[0])
        return raised

    def _followed(self, window: Window, new: Point, now: datetime) -> Iterator[Decision]:
        """What is decided on `new` and those after it, the newest left out, each as of itself.

        That is the core's way (`detect.judged_at`, D14). A missing confirmation is not told by it:
        only everything measured since can tell.
        """
        points = window.points
        for place in range(bisect_left(points, new.order, key=_order), len(points) - 1):
            found = evaluate(
                self._rules,
                window.up_to(place + 1),
                now,
                frozenset({points[place].identity}),
                silences=False,
                waits=False,
                explain=False,
                open_since=points[place].effective_at,
            )
            yield from (one for one in found.decisions if one.stage is not Stage.UNCONFIRMED)

    def _window(self, key: tuple[str, int | None], points: Sequence[Point]) -> Window:
        targets = limits_worn(self._limits, *key)
        profile = Profile(subject=_NOBODY, person_certain=False, targets=targets)
        return Window(points=tuple(points), profile=profile, zone=self._zone)

    def _alert(self, decision: Decision, device: str, now: datetime) -> RedAlert:
        rule = self._rules.rule(decision.rule_id)
        return RedAlert(
            alert_id=alert_id(
                rule_id=decision.rule_id, stage=decision.stage, trigger=decision.trigger
            ),
            rule_id=decision.rule_id,
            device=device,
            patient=rule.patient,
            raised_at=now,
            until=now + rule.max_age,
            record=self._records[decision.trigger],
        )


def _order(point: Point) -> tuple[datetime, str]:
    return point.order


def _place(observation: Observation) -> tuple[str, int, str]:
    return observation.session, observation.ordinal, observation.kind.value
