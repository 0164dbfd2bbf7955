"""What a person's closed days come to, as of any instant; each day is folded once. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gateway.baselines import Learned, StateRow, empty_state, fold, horizon
from gateway.priors import person_baselines
from rules.vocabulary import Profile, QuantityName
from rules.window import Baseline

_MARGIN = timedelta(days=2)
"""More than a local day and its zone's offset: folding passes over what it has learned."""


class ClosedDays:
    """Folds as far as it is asked to, going on from the nearest day that it has folded before.

    A late reading has all later ones judged again, each by the days that had closed before it:
    many readings of one day ask for the same days. Days are folded in their order, so going on
    gives the same bytes as beginning anew.
    """

    def __init__(
        self,
        begin: StateRow | None,
        readings: Sequence[Learned],
        zone: tzinfo,
        profile: Profile,
    ) -> None:
        """With what is known already.

        Args:
            begin: The person's row before the first of the days to be folded; None: nothing is.
            readings: All learnable readings of those days, sorted; earlier ones are passed over.
            zone: Where days are counted.
            profile: Whose days they are.
        """
        row = empty_state() if begin is None else begin
        self._readings = readings
        self._zone = zone
        self._profile = profile
        self._through = [int(row["folded_through"])]
        self._rows = [row]
        self._usual = [person_baselines(row, profile)]

    def row(self, at: datetime) -> StateRow:
        """The columns as of an instant; not to be changed."""
        return self._rows[self._place(at)]

    def usual(self, at: datetime) -> Mapping[QuantityName, Baseline]:
        """What is usual as of an instant."""
        return self._usual[self._place(at)]

    def _place(self, at: datetime) -> int:
        """Where the fold of the days closed at an instant stands; folded now where it does not."""
        day = horizon(at, self._zone)
        through = day.toordinal()
        place = bisect_right(self._through, through) - 1
        if place < 0 or self._through[place] == through:
            return max(place, 0)
        row = fold(self._rows[place], self._after(self._through[place]), day, self._zone)
        self._through.insert(place + 1, through)
        self._rows.insert(place + 1, row)
        self._usual.insert(place + 1, person_baselines(row, self._profile))
        return place + 1

    def _after(self, day: int) -> Sequence[Learned]:
        """The readings from a little before the end of that day on."""
        if day <= 1:
            return self._readings
        begin = datetime.combine(date.fromordinal(day), time(), UTC) - _MARGIN
        return self._readings[bisect_left(self._readings, begin, key=_moment) :]


def _moment(reading: Learned) -> datetime:
    return reading.effective_at
