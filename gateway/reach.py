"""Has anybody been reached? Until then the hub keeps telling the patient to call for help."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rules.rule import Text
from rules.vocabulary import AlertId

RECEIPT_WITHIN = timedelta(seconds=60)
"""An emergency that the core has not receipted by then is known to nobody outside this home."""

TOLD_WITHIN = timedelta(minutes=5)
"""By then a person must have it before their eyes, or nobody is coming."""

NOBODY_REACHED = Text(
    zh="还没有联系上任何人。不要等待，请马上拨打120。",
    en="Nobody has been reached yet. Do not wait: call 120 now.",
)


class Reach:
    """What is known of each alert's way out of this home; pure, `now` is handed in.

    An alert is *unreached* from `RECEIPT_WITHIN` after it was raised without the core's receipt,
    and from `TOLD_WITHIN` after it without word that a person learnt of it; until that word comes.
    """

    def __init__(self) -> None:
        self._receipted: set[AlertId] = set()
        self._told: set[AlertId] = set()

    def note_receipt(self, alert: AlertId) -> None:
        """The core has committed the measurement that the alert rests on."""
        self._receipted.add(alert)

    def note_told(self, alerts: Iterable[AlertId]) -> None:
        """These alerts have reached a person."""
        self._told.update(alerts)

    def is_receipted(self, alert: AlertId) -> bool:
        """Whether the core is known to have the measurement."""
        return alert in self._receipted

    def is_told(self, alert: AlertId) -> bool:
        """Whether the alert is known to have reached a person."""
        return alert in self._told

    def is_unreached(self, alert: AlertId, raised_at: datetime, now: datetime) -> bool:
        """Whether the patient must hear that nobody was reached."""
        limit = self._limit(alert, raised_at)
        return limit is not None and now >= limit

    def changes_at(self, alert: AlertId, raised_at: datetime, now: datetime) -> datetime | None:
        """When the answer becomes yes if nothing is heard; None when it is yes or cannot become."""
        limit = self._limit(alert, raised_at)
        return limit if limit is not None and limit > now else None

    def _limit(self, alert: AlertId, raised_at: datetime) -> datetime | None:
        if alert in self._told:
            return None
        return raised_at + (TOLD_WITHIN if alert in self._receipted else RECEIPT_WITHIN)
