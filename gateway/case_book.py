"""Cases and alerts of a rehearsal, kept in memory as the store keeps a county's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.cases import Taken, close
from rules.vocabulary import Alert, Case, CaseState, Family, SubjectRef

_NO_CASES: Mapping[Family, Case] = MappingProxyType({})


class CaseBook:
    """What `episodes.episodes` reads and writes; cases end and are found as in the store."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self._open: dict[SubjectRef, dict[Family, Case]] = {}
        self._closed: dict[SubjectRef, dict[Family, Case]] = {}
        self._known: set[str] = set()
        self._cases: dict[SubjectRef, dict[str, Case]] = {}
        self._taken: dict[str, dict[str, Taken]] = {}
        self._into: dict[str, str] = {}

    async def open_cases(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The open cases of these subjects."""
        return [case for one in subjects for case in self._open.get(one, _NO_CASES).values()]

    async def last_closings(self, subjects: Iterable[SubjectRef]) -> list[Case]:
        """The newest case of each subject and family that a coded outcome has closed."""
        return [case for one in subjects for case in self._closed.get(one, _NO_CASES).values()]

    async def known_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these have rung, or joined their case without ringing, already."""
        return self._known.intersection(alert_ids)

    async def lost_alerts(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these were told, and taken back by what was told later."""
        into = ((name, self._into.get(name)) for name in alert_ids)
        return {name for name, case in into if case and self._taken[case][name].is_lost}

    async def write_cases(self, cases: Sequence[Case]) -> None:
        """Take over cases; ended ones leave the open ones."""
        for case in cases:
            self._keep(case)
            own = self._open.setdefault(case.subject, {})
            present = own.get(case.family)
            if case.state is CaseState.OPEN:
                own[case.family] = case
            elif present is not None and present.case_id == case.case_id:
                del own[case.family]
            if case.state is CaseState.CLOSED:
                self._closed.setdefault(case.subject, {})[case.family] = case

    async def write_alerts(
        self, alerts: Sequence[Alert], _synthetic: frozenset[SubjectRef], _now: datetime
    ) -> set[str]:
        """Keep alerts; returns the ids that were new."""
        fresh = [alert for alert in alerts if alert.alert_id not in self._known]
        self.alerts += fresh
        self._known |= {str(alert.alert_id) for alert in fresh}
        return {str(alert.alert_id) for alert in fresh}

    async def write_taken(
        self, taken: Sequence[Taken], unasked: Sequence[str], _now: datetime
    ) -> None:
        """Remember what cases rest on, and the names of decisions that asked for nobody."""
        self._known.update(unasked)  # `|=` with keys would copy everything known
        for one in taken:
            former = self._into.get(one.name, one.case_id)
            if former != one.case_id:
                del self._taken[former][one.name]
            self._known.add(one.name)
            self._into[one.name] = one.case_id
            self._taken.setdefault(one.case_id, {})[one.name] = one

    async def cases_since(self, since: Mapping[SubjectRef, datetime]) -> list[Case]:
        """Each subject's cases that were open at some time after an instant, ended ones too."""
        return [
            case
            for subject, at in since.items()
            for case in self._cases.get(subject, {}).values()
            if case.ended_at is None or case.ended_at > at
        ]

    async def taken_into(self, case_ids: Sequence[str]) -> list[Taken]:
        """The decisions that these cases rest on, those that were lost again too."""
        return [one for name in case_ids for one in self._taken.get(name, {}).values()]

    def _keep(self, case: Case) -> None:
        """What a clinician has closed is not folded anew: nothing it rests on is asked for."""
        self._cases.setdefault(case.subject, {})[case.case_id] = case
        if case.state is CaseState.CLOSED:
            for name in self._taken.pop(case.case_id, {}):
                del self._into[name]

    def open_of(self, subject: SubjectRef) -> Iterable[Case]:
        """The subject's open cases."""
        return self._open.get(subject, _NO_CASES).values()

    def has_open(self, subject: SubjectRef) -> bool:
        """Whether the subject has an open case."""
        return bool(self._open.get(subject))

    def answered_at(self, subject: SubjectRef, after: timedelta) -> datetime | None:
        """When the first of the subject's cases is answered, so long after it rang."""
        own = self._open.get(subject, _NO_CASES).values()
        return min(
            (at for case in own if (at := _answer_at(case, after)) is not None), default=None
        )

    def answered(self, subject: SubjectRef, now: datetime, after: timedelta) -> bool:
        """Close with an outcome what rang so long before `now`; whether anything was closed.

        A case that opened without ringing, because the last one was closed lately, nobody answers.
        """
        own = self._open.get(subject)
        if not own:
            return False
        answers = [(case, _answer_at(case, after)) for case in own.values()]
        due = [(case, at) for case, at in answers if at is not None and at <= now]
        for case, at in due:
            ended = close(case, outcome=ASSUMED_OUTCOME, now=at)
            self._keep(ended)
            self._closed.setdefault(subject, {})[case.family] = ended
            del own[case.family]
        return bool(due)


def _answer_at(case: Case, after: timedelta) -> datetime | None:
    """When a case that has rung is answered."""
    if case.last_rang_at is None or case.last_rang_at < case.opened_at:
        return None
    return case.last_rang_at + after


ASSUMED_OUTCOME = "advice"
"""What a rehearsal takes a doctor to have coded."""
