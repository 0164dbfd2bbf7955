"""Somebody who has our program, our settings and a solver, and replays: what else was possible?

For one hidden number and one value the solver proposes a whole county (every hidden number of every
table) that would look the same; the program then releases that county. Only where both releases
are equal, row by row, the value counts as possible. The solver knows the names of the cells and the
sums that were told, nothing of how partners are chosen or totals hidden.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice

import numpy as np
import numpy.typing as npt

from service.surveillance.counts import Counted
from service.surveillance.daily import Week
from service.surveillance.judge import ReleaseRow
from service.surveillance.release import Disclosure
from service.surveillance.series import Indicator
from tests.unit.surveillance.attacker import BOUNDS, CONSTRAINT, MILP

Rows = dict[Indicator, list[ReleaseRow]]
Key = tuple[Indicator, str]
Span = tuple[int, int]
Row = tuple[dict[int, float], float, float]
Floats = npt.NDArray[np.float64]

LEAST_PEOPLE = 10  # docs/surveillance.md: of fewer, or than twice the floor, nothing is said
LEAST_HOMES = 5


@dataclass(slots=True)
class Replay:
    """A released week, and whoever asks which other weeks would have been released the same."""

    week: Week
    floor: int
    told: Mapping[tuple[str, str], int]
    again: Callable[[Week], Rows]
    most: Mapping[tuple[str, str], int]
    rows: Rows = field(init=False)
    by_key: dict[Key, ReleaseRow] = field(init=False)
    hidden: list[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = self.again(self.week)
        self.by_key = {(i, r.area): r for i, rows in self.rows.items() for r in rows[:-1]}
        self.hidden = [key for key, row in self.by_key.items() if row.people is None]

    def truth(self, key: Key) -> int:
        """The number that was hidden."""
        indicator, area = key
        return round(self.week.counted[area, indicator.value].amount)

    def possible(self, key: Key, values: Sequence[int]) -> Iterator[int]:
        """Those of `values` with which some county is released exactly like this one."""
        for value in values:
            found = self._propose(key, value)
            if found is not None and self.again(self._county(found)) == self.rows:
                yield value

    def has(self, key: Key, wanted: int) -> bool:
        """Whether so many numbers are possible, or all that the cell's name leaves."""
        truth = self.truth(key)
        low, high = self._span(key)
        near = {*range(truth - 2 * wanted, truth + 2 * wanted), *range(low, low + 2 * wanted)}
        values = sorted((n for n in near if low <= n <= high), key=lambda n: abs(n - truth))
        enough = min(wanted, high - low + 1)
        return len(list(islice(self.possible(key, values), enough))) == enough

    def may_be_small(self, key: Key) -> bool:
        """Whether all that is said of the cell leaves it below the floor."""
        indicator, area = key
        mark = self.by_key[key].disclosure
        if mark is Disclosure.SMALL:
            return True
        if mark is not Disclosure.THIN or indicator is Indicator.REPORTING:
            return False
        if self.told.get((area, indicator.value), 0):
            return False
        reporting = self.by_key[Indicator.REPORTING, area]
        if reporting.disclosure is Disclosure.WITHHELD:  # one large enough to be seen as such
            return 0 < self.truth(key) < self.floor
        return reporting.people is None or indicator is Indicator.SYSTOLIC_ABOVE_2SD

    def _is_crowded(self, key: Key) -> bool:
        """Thin for itself, not because the reporting people are hidden."""
        thin = self.by_key[key].disclosure is Disclosure.THIN
        return thin and self.by_key[Indicator.REPORTING, key[1]].people is not None

    def _span(self, key: Key) -> Span:
        """What a cell called like this may be, and has been where no number was judged."""
        indicator, area = key
        low, high = self._span_of_name(key)
        return (low, min(high, self.most.get((area, indicator.value), high)))

    def _span_of_name(self, key: Key) -> Span:
        indicator, area = key
        row = self.by_key[key]
        told = self.told.get((area, indicator.value), 0)
        if row.disclosure is Disclosure.SMALL:
            return (1, self.floor - 1)
        if indicator is Indicator.REPORTING:
            backed = max(LEAST_PEOPLE, 2 * self.floor)
            least = backed if row.disclosure is Disclosure.WITHHELD else self.floor
            return (max(least, told), row.monitored_up_to)
        whole = self.by_key[Indicator.REPORTING, area].people
        if whole is None:
            return (told, row.monitored_up_to)
        if row.disclosure is Disclosure.WITHHELD:
            few = 0 < whole - self.truth(key) < self.floor
            least = max(self.floor, told)
            if few:
                return (max(least, whole - self.floor + 1), whole - 1)
            return (least, whole - self.floor)
        few_asked = indicator is Indicator.SYSTOLIC_ABOVE_2SD and not told
        return (0 if few_asked else max(self.floor, told), 2 * (whole // 2) - 1)

    def _propose(self, key: Key, value: int) -> dict[Key, int] | None:
        low, high = self._span(key)
        if not low <= value <= high:
            return None
        spans = np.array(
            [(value, value) if one == key else self._span(one) for one in self.hidden], float
        )
        rows, goal = self._equations()
        matrix = np.zeros((max(1, len(rows)), len(self.hidden)))
        for number, (row, _, _) in enumerate(rows):
            for column, weight in row.items():
                matrix[number, column] = weight
        found = MILP(
            goal,
            integrality=np.ones(len(self.hidden)),
            bounds=BOUNDS(spans[:, 0], spans[:, 1]),
            constraints=CONSTRAINT(
                matrix,
                np.array([row[1] for row in rows] or [-np.inf]),
                np.array([row[2] for row in rows] or [np.inf]),
            ),
        )
        if found.x is None:
            return None
        return {one: round(float(found.x[n])) for n, one in enumerate(self.hidden)}

    def _equations(self) -> tuple[list[Row], Floats]:
        """What was told of sums, and what is more likely small."""
        place = {one: n for n, one in enumerate(self.hidden)}
        rows: list[Row] = []
        goal = np.zeros(len(place))
        for indicator, cells in self.rows.items():
            own = {place[indicator, c.area]: 1.0 for c in cells[:-1] if c.people is None}
            total = cells[-1].people
            if total is None:
                goal[list(own)] = 1.0  # whose sum is not told was small, most likely
            elif own:
                secret = float(total - sum(c.people or 0 for c in cells[:-1]))
                rows.append((own, secret, secret))
                # a home that is most of a township is rarely most of the county
                goal[[at for at in own if self._is_crowded(self.hidden[at])]] = 0.1
        for (indicator, area), at in place.items():
            whole = place.get((Indicator.REPORTING, area))
            if whole is not None and indicator is not Indicator.REPORTING:
                rows.append(({whole: 1.0, at: -1.0}, 0.0, np.inf))
        return rows, goal

    def _county(self, found: Mapping[Key, int]) -> Week:
        """The proposed numbers with homes that make each cell be called what it was called."""
        counted = dict(self.week.counted)
        monitored = dict(self.week.monitored)
        days = dict(self.week.series.get(Indicator.REPORTING, {}))
        for key in sorted(found, key=lambda one: one[0] is not Indicator.REPORTING):
            indicator, area = key
            value = found[key]
            if indicator is Indicator.REPORTING:
                monitored[area] = self.by_key[key].monitored_up_to
                few = self.by_key[key].disclosure is Disclosure.THIN
                counted[area, indicator.value] = people(value, value, few=few)
                days |= {
                    (at, day): min(n, value)
                    for (at, day), n in days.items()
                    if at == area and day >= self.week.monday
                }
            else:
                counted[area, indicator.value] = self._part(key, value, counted)
        series: dict[Indicator, Mapping[tuple[str, date], int]] = dict(self.week.series)
        series[Indicator.REPORTING] = days
        return replace(self.week, counted=counted, monitored=monitored, series=series)

    def _part(self, key: Key, value: int, counted: Mapping[tuple[str, str], Counted]) -> Counted:
        indicator, area = key
        whole = counted[area, Indicator.REPORTING.value]
        mark = self.by_key[key].disclosure
        covered = self.by_key[Indicator.REPORTING, area].people is None
        if mark is not Disclosure.THIN or covered:
            return people(value, whole.people)
        told = self.told.get((area, indicator.value), 0)
        if indicator is Indicator.SYSTOLIC_ABOVE_2SD and not told:
            return people(value, max(1, value), few=True)
        return replace(people(value, whole.people), most_amount=0.51)


def people(amount: int, asked: int, *, few: bool = False) -> Counted:
    """Some of those asked; in homes of one, or in `few` homes."""
    homes = max(1, min(asked, LEAST_HOMES - 1 if few else asked))
    most = -(-asked // homes) / asked if asked else 0.0
    alone = 1 / amount if amount else 0.0
    return Counted(
        amount=amount, people=asked, households=homes, most_people=most, most_amount=alone
    )
