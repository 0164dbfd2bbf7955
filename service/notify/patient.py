"""Channel `patient`: the person's own page says who was contacted and whether anybody answered."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.notify.notifier import Message, Outcome, Result


class PatientMessages(Protocol):
    """What the store does for this channel."""

    async def tell_patient(
        self, alert_id: UUID, step: int, account_id: UUID | None, now: datetime
    ) -> bool:
        """Writes the message of one step; False where the alert is about nobody we know.

        `account_id` reads it: the patient, or somebody of the home; None is the patient without a
        page, whose message is kept all the same.
        """
        ...


class PatientNotifier:
    """Writes the words into the store; a repeat of the same step changes nothing."""

    def __init__(self, messages: PatientMessages) -> None:
        self._messages = messages

    async def send(self, message: Message, now: datetime) -> Outcome:
        """Composes the text from who was told so far, and wakes the patient's page."""
        told = await self._messages.tell_patient(
            message.alert_id, message.step, message.account_id, now
        )
        if not told:
            return Outcome(result=Result.REFUSED, detail="no known patient")
        return Outcome(result=Result.DELIVERED, detail="own page")
