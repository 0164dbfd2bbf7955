"""From a posted document to the core's commit: decoded, spooled, sent as any hub's, receipted.

Law 1 for devices that cannot read receipts: the answer *is* the receipt. What was spooled goes to
the core even when nobody waits for the answer any more; posting it again is harmless, because a
record that names its time or number is the same record whenever it comes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from hashlib import sha256
from secrets import token_hex

from device_adapters.mqtt.payloads.body import Arrival
from device_adapters.mqtt.payloads.open_mhealth import SCHEMAS
from device_adapters.mqtt.registry import decoder_of
from gateway.hub import RunningHub
from gateway.stamps import Stamps
from rules.identity import observation_identity
from rules.vocabulary import HubId
from rules.wire import encode_observation

FORMATS: Mapping[str, str] = {
    "reading": "dev/1/{key}/reading",
    "fhir-observation": "fhir/1/{key}/Observation",
    **{f"omh-{schema}": f"omh/1/{{key}}/{schema}" for schema in SCHEMAS},
}
"""The last part of the address to the topic on which the same body would be published."""


class NotReceiptedError(TimeoutError):
    """The core has not committed in time; the record is kept and will be sent to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A document as it was posted; `format_name` is a key of `FORMATS`.

    `device` is the key that the token stands for; `key` the sender's own name of this record
    (`Idempotency-Key`), which tells repetitions of a record without time and number.
    """

    device: str
    format_name: str
    body: bytes
    key: str | None = None


class IngestDoor:
    """Takes documents in for as long as its hub runs."""

    def __init__(
        self, hub: RunningHub, *, name: HubId, stamps: Stamps, zone: tzinfo, receipt_s: float
    ) -> None:
        self._hub = hub
        self._name = name
        self._stamps = stamps
        self._zone = zone
        self._receipt_s = receipt_s
        self._number = 0
        self._session = f"http-{token_hex(6)}"
        self.waiting = 0
        """How many wait for the core now."""

    async def take(self, posted: Posted) -> list[str]:
        """The identities of the observations in it, once the core has committed them.

        Raises:
            KeyError: an unknown format.
            ValueError: the document is refused; a PayloadError names the field.
            NotReceiptedError: the core did not answer in time.
            SpoolError: it could not be kept.
        """
        arrival = self._arrival(posted)
        decoder = decoder_of(arrival.topic)
        assert decoder is not None, arrival.topic
        observations = list(decoder(posted.body, arrival))
        for observation in observations:
            encode_observation(observation)  # what cannot be written must not reach the spool
        places = await self._hub.spool.add_decided(observations)
        await self._hub.note_spooled(observations)
        self.waiting += 1
        try:
            async with asyncio.timeout(self._receipt_s):
                for lane, sequence in places:
                    await self._hub.uplink.receipted(lane, sequence)
        except TimeoutError as error:
            raise NotReceiptedError from error
        finally:
            self.waiting -= 1
        return [observation_identity(observation) for observation in observations]

    def _arrival(self, posted: Posted) -> Arrival:
        self._number += 1
        session, ordinal = self._session, self._number
        if posted.key is not None:
            said = f"{posted.device}\0{posted.key}".encode()
            session, ordinal = f"http-{sha256(said).hexdigest()[:24]}", 0
        return Arrival(
            topic=FORMATS[posted.format_name].format(key=posted.device),
            retain=False,
            received=self._stamps.now(),
            hub=self._name,
            session=session,
            ordinal=ordinal,
            zone=self._zone,
        )
