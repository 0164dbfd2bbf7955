"""Very many people from some hundred patterns: names, homes and what they send.

Person n is like pattern n modulo the number of patterns. Whatever names a person carries one tag of
fixed length (`p0000017`), and whatever names a hub another (`v0000003`), so that the rows of a
pattern become anybody's rows by putting other tags into them.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from firmware_sim.device_clock import CHINA
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import encode_publish
from firmware_sim.publisher import Reading
from firmware_sim.template_people import Pattern, Taken
from firmware_sim.uplink_words import Lane, Record, Stamp, encode_envelope, uplink_topic
from rules.vocabulary import Profile, Sex, SubjectRef
from service.lab.demo_county import our_drugs

_LARGEST_PACKET_ID = 0xFFFF
OFFLINE = timedelta(hours=12)
"""How long the hubs of a backlog had lost their county, and how long before that the past ends."""

_AFTER_STORED = 100_000  # sequence of the first reading that is not stored beforehand
AREA = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """How many people there are, how many share a hub, and how many patterns they follow.

    Whoever is a pattern (the first people) has sent what is stored from hub n modulo the number of
    hubs, so that the core gets it from many at once.
    """

    people: int
    people_per_hub: int
    patterns: int

    @property
    def hubs(self) -> int:
        """How many hubs there are."""
        return -(-self.people // self.people_per_hub)

    def people_of(self, hub: int) -> range:
        """The numbers of the people at a hub."""
        first = hub * self.people_per_hub
        return range(first, min(self.people, first + self.people_per_hub))


def hub_name(number: int) -> str:
    """The id of a hub and its user name at the broker."""
    return f"hub-v{number:07d}"


def subject_of(person: int) -> str:
    """The opaque id of a person."""
    return f"s-p{person:07d}"


def device_of(person: int, *, meter: bool) -> Identity:
    """A person's cuff or meter."""
    model, which = ("GL-200", 2) if meter else ("BP-500W", 1)
    return Identity(manufacturer="Hearth", model=model, serial=f"p{person:07d}-{which}")


def device_key(person: int, *, meter: bool) -> str:
    """How the county names that device."""
    device = device_of(person, meter=meter)
    return f"{device.manufacturer}/{device.model}/{device.serial}"


def profile_of(person: int, pattern: Pattern) -> Profile:
    """What rules may know of a person: that of the pattern. Two people share a household."""
    who = pattern.person
    return Profile(
        subject=SubjectRef(subject_of(person)),
        birth_year=who.birth_year,
        sex=Sex(who.sex.value),
        conditions=frozenset(who.diagnoses),
        drug_classes=our_drugs(who.drug_classes),
        household=f"h-w{person // 2:07d}",
        area=AREA,
    )


def write_patterns(patterns: Sequence[Pattern]) -> bytes:
    """Patterns for another process."""
    return msgspec.msgpack.encode(patterns)


def read_patterns(data: bytes) -> list[Pattern]:
    """What `write_patterns` wrote."""
    return msgspec.msgpack.decode(data, type=list[Pattern])


def past_packets(town: Town, patterns: Sequence[Pattern], epoch: str) -> dict[int, list[bytes]]:
    """By hub, everything that the people who are patterns themselves have measured so far."""
    return {
        hub: list(_packed(hub, epoch, Lane.BACKLOG, _past_of(patterns, people)))
        for hub in range(min(town.hubs, len(patterns)))
        if (people := range(hub, len(patterns), town.hubs))
    }


def live_packets(
    town: Town, patterns: Sequence[Pattern], epoch: str, plan: "LivePlan"
) -> dict[int, tuple[list[bytes], list[float]]]:
    """By hub, packets of the live lane and when each is due, in seconds after the beginning.

    Somebody of an even number measures at each instant, at another hub than the one before.
    """
    chance = random.Random(plan.seed)  # noqa: S311 - a reproducible load, not a secret
    count = round(plan.rate_per_s * plan.seconds)
    due: dict[int, list[float]] = {hub: [] for hub in plan.hubs}
    said: dict[int, list[tuple[int, Taken]]] = {hub: [] for hub in plan.hubs}
    turns: dict[int, int] = {}
    for place in range(count):
        hub = plan.hubs[chance.randrange(len(plan.hubs))]
        person = _anybody(town, hub, chance, odd=False)
        turn = turns[person] = turns.get(person, -1) + 1
        due_s = place / plan.rate_per_s
        at = plan.begins_at + timedelta(seconds=due_s)
        due[hub].append(due_s)
        said[hub].append((person, _next(patterns, person, turn, at)))
    packets = {hub: list(_packed(hub, epoch, Lane.LIVE, _numbered(said[hub]))) for hub in plan.hubs}
    return {hub: (packets[hub], due[hub]) for hub in plan.hubs if packets[hub]}


def backlog_packets(
    town: Town, patterns: Sequence[Pattern], epoch: str, plan: "BacklogPlan"
) -> dict[int, list[bytes]]:
    """By hub, what people of odd numbers measured while the hub could not reach its county."""
    chance = random.Random(plan.seed)  # noqa: S311 - a reproducible load, not a secret
    found: dict[int, list[bytes]] = {}
    each = -(-plan.count // len(plan.hubs))
    for hub in plan.hubs:
        longest_s = (plan.now - plan.since).total_seconds()
        ages_s = sorted((chance.uniform(0.0, longest_s) for _ in range(each)), reverse=True)
        turns: dict[int, int] = {}
        said: list[tuple[int, Taken]] = []
        for age_s in ages_s:
            person = _anybody(town, hub, chance, odd=True)
            turn = turns[person] = turns.get(person, -1) + 1
            at = plan.now - timedelta(seconds=age_s)
            said.append((person, _next(patterns, person, turn, at)))
        found[hub] = list(_packed(hub, epoch, Lane.BACKLOG, _numbered(said)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """Who measures when: `hubs` are those that are connected."""

    hubs: Sequence[int]
    rate_per_s: float
    seconds: float
    begins_at: datetime
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogPlan:
    """How many readings these hubs have kept between two instants."""

    hubs: Sequence[int]
    count: int
    since: datetime
    now: datetime
    seed: int


def _past_of(patterns: Sequence[Pattern], people: range) -> Iterator[tuple[int, int, Taken]]:
    taken = [
        (one.at, person, number, one)
        for person in people
        for number, one in enumerate(patterns[person].past, start=1)
    ]
    for _, person, number, one in sorted(taken, key=lambda item: item[:3]):
        yield person, number, one


def _numbered(said: Sequence[tuple[int, Taken]]) -> Iterator[tuple[int, int, Taken]]:
    for number, (person, one) in enumerate(said, start=_AFTER_STORED):
        yield person, number, one


def _next(patterns: Sequence[Pattern], person: int, turn: int, at: datetime) -> Taken:
    coming = patterns[person % len(patterns)].coming
    # Who is like the same pattern is at another place of its course.
    return replace(coming[(person // len(patterns) + turn) % len(coming)], at=at)


def _anybody(town: Town, hub: int, chance: random.Random, *, odd: bool) -> int:
    people = town.people_of(hub)
    person = people[chance.randrange(len(people))]
    return person if len(people) == 1 or person % 2 == odd else _neighbour(person, people)


def _neighbour(person: int, people: range) -> int:
    return person + 1 if person + 1 in people else person - 1


def _packed(
    hub: int, epoch: str, lane: Lane, said: Iterator[tuple[int, int, Taken]]
) -> Iterator[bytes]:
    name, booted_s = hub_name(hub), 0.0
    for sequence, (person, number, one) in enumerate(said, start=1):
        shown = one.at.astimezone(CHINA).replace(tzinfo=None, microsecond=0)
        reading: Reading = replace(one.reading, device_time=shown, sequence=number)
        stamp = Stamp(
            boot_id="bench", monotonic_s=booted_s + sequence, wall=one.at.astimezone(UTC),
            trusted=True,
        )  # fmt: skip
        record = Record(
            identity=device_of(person, meter=one.by_meter),
            reading=reading,
            stamp=stamp,
            session="bench",
            ordinal=sequence,
            lane=lane,
        )
        payload = encode_envelope(name, epoch, sequence, record)
        topic = uplink_topic(name, epoch, lane, sequence)
        yield encode_publish(topic, payload, packet_id=sequence % _LARGEST_PACKET_ID + 1)
