"""From messages of the uplink to observations, and to reasons where they are none. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256

from gateway.intake import Measured, Quarantined, Reason, measure
from gateway.refused import decode_refused
from gateway.store.core_store import Mark
from rules.vocabulary import HubId, Observation, SubjectRef
from rules.wire import Envelope, Lane, WireError, decode_envelope, parse_uplink_topic

OLDEST_AGE = timedelta(days=400)
"""Longer than a hub waits for its broker; a larger age is a mistake, not a time."""

AGE_DECIDES = 2
"""From this version of the wire on an age dates a reading whatever its stamp says of itself."""

_REFUSED = b'"refused"'

NOWHERE = HubId("?")
"""The hub of a message whose topic names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message of the uplink, addressed by its topic: countable even when unreadable.

    `measured` is what intake makes of it, where that was computed on arrival.
    """

    mark: Mark
    sequence: int
    payload: bytes
    content: Observation | Quarantined
    measured: Measured | Quarantined | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A kept measurement of which somebody has said whose it is, to be walked as that person's.

    `home` is whose it was taken for (someone of a home), `recorded_at` when it was kept aside.
    """

    identity: str
    home: SubjectRef
    subject: SubjectRef
    observation: Observation
    recorded_at: datetime
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An observation born at a person, from the inbox: its subject is known."""

    subject: SubjectRef
    observation: Observation


def read_arrival(topic: str, payload: bytes, now: datetime, zone: tzinfo | None = None) -> Arrival:
    """The message of one uplink topic, received at `now`; never raises for what a broker delivers.

    With the county's `zone` it is measured too, while the core waits for its database: unless its
    time is a question of the instant of the batch.

    What a hub noticed before it had learned the time, or before its clock was set, is dated by its
    age on the hub's monotonic clock (design section 5), up to `OLDEST_AGE`.
    """
    try:
        hub, epoch, lane, sequence = parse_uplink_topic(topic)
    except WireError as error:
        digest = sha256(topic.encode() + b"\x00" + payload).hexdigest()[:32]
        why = Quarantined(reason=Reason.NOT_OURS, field="topic", detail=str(error))
        mark = Mark(NOWHERE, digest, Lane.BACKLOG)
        return Arrival(mark=mark, sequence=0, payload=payload, content=why)
    mark = Mark(hub, epoch, lane)
    content = _content(mark, sequence, payload, now)
    measured = None
    if zone and not isinstance(content, Quarantined) and content.received.wall_trusted:
        measured = measure(content, zone, now)
    return Arrival(
        mark=mark, sequence=sequence, payload=payload, content=content, measured=measured
    )


def read_kept(
    mark: Mark, sequence: int, payload: bytes, recorded_at: datetime
) -> Observation | Quarantined:
    """A message kept in quarantine, read again as of the instant at which it was recorded."""
    return _content(mark, sequence, payload, recorded_at)


def _content(mark: Mark, sequence: int, payload: bytes, now: datetime) -> Observation | Quarantined:
    refused = decode_refused(payload) if _REFUSED in payload else None
    if refused is not None:
        detail = f"{refused.source}: {refused.reason}"
        return Quarantined(reason=Reason.MALFORMED_FRAME, field=refused.field, detail=detail)
    try:
        envelope = decode_envelope(payload)
    except WireError as error:
        field = str(error).partition(":")[0]
        return Quarantined(reason=Reason.NOT_OURS, field=field, detail=str(error))
    said = (envelope.hub, envelope.epoch, envelope.lane, envelope.sequence)
    if said != (mark.hub, mark.epoch, mark.lane, sequence):
        detail = (
            f"the message says {said}, its topic {mark.hub}/{mark.epoch}/{mark.lane}/{sequence}"
        )
        return Quarantined(reason=Reason.NOT_OURS, field="hub", detail=detail)
    if envelope.observation.hub != mark.hub:
        detail = f"observed by {envelope.observation.hub}, sent by {mark.hub}"
        return Quarantined(reason=Reason.NOT_OURS, field="observation.hub", detail=detail)
    return _dated(envelope, now)


def _dated(envelope: Envelope, now: datetime) -> Observation:
    """The observation with the hub's stamp anchored at the core's clock, where that is needed.

    The pair of clock readings was stamped by the same clock of the hub, and is moved with it.
    """
    observation, age_s = envelope.observation, envelope.age_s
    stamp, clocks = observation.received, observation.clocks
    if age_s is None or not 0 <= age_s <= OLDEST_AGE.total_seconds():
        return observation
    if stamp.wall_trusted and envelope.v < AGE_DECIDES:
        return observation
    wall = now - timedelta(seconds=age_s)
    if clocks is not None:
        clocks = replace(clocks, hub_time=clocks.hub_time + (wall - stamp.wall))
    return replace(
        observation, received=replace(stamp, wall=wall, wall_trusted=True), clocks=clocks
    )
