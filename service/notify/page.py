"""Channel `page`: wakes the open pages of one account; the worklist itself stands in the store."""

from datetime import datetime

from service.live import LiveBus
from service.notify.notifier import Message, Outcome, Result


class PageNotifier:
    """An account without an open page finds the alert on its worklist: that is delivered too."""

    def __init__(self, bus: LiveBus) -> None:
        self._bus = bus

    async def send(self, message: Message, now: datetime) -> Outcome:
        """Publishes `alert <id>` to the account; the detail says how many pages were open."""
        del now
        if message.account_id is None:
            return Outcome(result=Result.REFUSED, detail="no account")
        pages = self._bus.publish(f"account:{message.account_id}", f"alert {message.alert_id}")
        detail = f"worklist, open pages: {pages}"
        return Outcome(result=Result.DELIVERED, detail=detail, reached=pages > 0)
