"""Cases and alerts of a rehearsal, kept in memory as the store keeps a county's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from gateway.cases import close
from rules.vocabulary import Alert, Case, CaseState, Family, SubjectRef


class CaseBook:
    """What `episodes.episodes` reads and writes; cases end and are found as in the store."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self._open: dict[tuple[SubjectRef, Family], Case] = {}
        self._closed: dict[tuple[SubjectRef, Family], Case] = {}
        self._known: set[str] = set()

    async def open_cases(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The open cases of these subjects."""
        wanted = set(subjects)
        return [case for case in self._open.values() if case.subject in wanted]

    async def last_closings(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The newest case of each subject and family that a coded outcome has closed."""
        wanted = set(subjects)
        return [case for case in self._closed.values() if case.subject in wanted]

    async def known_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these have rung, or joined their case without ringing, already."""
        return self._known.intersection(alert_ids)

    async def write_cases(self, cases: Sequence[Case]) -> None:
        """Take over cases; ended ones leave the open ones."""
        for case in cases:
            key = (case.subject, case.family)
            present = self._open.get(key)
            if case.state is CaseState.OPEN:
                self._open[key] = case
            elif present is not None and present.case_id == case.case_id:
                del self._open[key]
            if case.state is CaseState.CLOSED:
                self._closed[key] = case

    async def write_alerts(
        self, alerts: Sequence[Alert], _synthetic: frozenset[SubjectRef], _now: datetime
    ) -> set[str]:
        """Keep alerts; returns the ids that were new."""
        fresh = [alert for alert in alerts if alert.alert_id not in self._known]
        self.alerts += fresh
        self._known |= {str(alert.alert_id) for alert in fresh}
        return {str(alert.alert_id) for alert in fresh}

    async def write_taken(self, taken: Mapping[str, str], _now: datetime) -> None:
        """Remember decisions that joined a case without ringing."""
        self._known |= taken.keys()

    def answered(self, subject: SubjectRef, now: datetime, after: timedelta) -> bool:
        """Close with an outcome what rang so long before `now`; whether anything was closed."""
        due = [
            case
            for (whose, _), case in self._open.items()
            if whose == subject and case.last_rang_at and case.last_rang_at + after <= now
        ]
        for case in due:
            assert case.last_rang_at is not None
            ended = close(case, outcome=ASSUMED_OUTCOME, now=case.last_rang_at + after)
            self._closed[subject, case.family] = ended
            del self._open[subject, case.family]
        return bool(due)


ASSUMED_OUTCOME = "advice"
"""What a rehearsal takes a doctor to have coded."""
