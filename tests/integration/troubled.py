"""People of whom each gets into one kind of trouble, so that every rule has something to say."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.facts import BindingFact
from rules.vocabulary import (
    DeviceRef,
    Observation,
    Origin,
    Profile,
    Sex,
    SubjectRef,
    Ternary,
    Vital,
)
from tests.integration.county_bench import Bench, pressure, sugar
from tests.integration.village import Told

DAY = 24 * 60
Course = tuple[tuple[int, str], ...]
"""Minutes after the beginning, and what is measured (`185/112`, `2.8`, `HI`) or said."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One person's course."""

    course: Course
    born: int = 1950
    sex: Sex = Sex.MALE
    pregnant: Ternary = Ternary.NO
    drugs: frozenset[str] = frozenset()
    targets: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def profile(self, subject: SubjectRef) -> Profile:
        return Profile(
            subject=subject,
            birth_year=self.born,
            sex=self.sex,
            pregnant=self.pregnant,
            drug_classes=self.drugs,
            targets=self.targets,
        )


INSULIN = frozenset({"insulin"})
EXPECTING = Trouble(course=(), born=1996, sex=Sex.FEMALE, pregnant=Ternary.YES)
TROUBLES = (
    Trouble(((0, "185/115"), (10, "chest_pain"))),
    Trouble(((0, "186/112"), (5, "150/90"))),
    Trouble(((0, "184/111"), (6, "188/113"))),
    replace(EXPECTING, course=((0, "165/100"), (5, "166/100"))),
    replace(EXPECTING, course=((0, "145/92"), (300, "146/92"))),
    Trouble(((0, "78/50"), (5, "77/50"))),
    Trouble(((0, "88/55"), (3, "89/55"))),
    Trouble(((0, "88/55"),)),
    Trouble(((0, "2.8"),), drugs=INSULIN),
    Trouble(((0, "2.8"),), drugs=frozenset({"metformin"})),
    Trouble(((0, "3.5"), (2 * DAY, "3.6")), drugs=INSULIN),
    Trouble(((0, "HI"),)),
    Trouble(((0, "17.0"),)),
    Trouble(((0, "17.0"), (15, "17.4"))),
    Trouble(((0, "17.0"), (15, "17.4")), targets={"glucose_high": Decimal(20)}),
    Trouble(tuple((half * DAY // 2, "168/95") for half in range(6))),
    Trouble(((0, "182/90"),), born=2015),
)


async def told_by_the_troubled(bench: Bench, begin: datetime) -> list[Told]:
    """What they tell, one beginning an hour after the other; the county knows them and theirs."""
    told: list[Told] = []
    for number, trouble in enumerate(TROUBLES):
        subject = SubjectRef(f"s-trouble-{number}")
        await bench.tell(trouble.profile(subject))
        own = list(_course(number, trouble, begin + timedelta(hours=number)))
        for key in sorted({one.observation.device.key for one in own}):
            long_ago = begin - timedelta(days=300)
            await bench.tell(BindingFact(device=key, subject=subject, valid_from=long_ago))
        told += own
    return told


def _course(number: int, trouble: Trouble, begin: datetime) -> Iterator[Told]:
    device = DeviceRef(manufacturer="Acme", model="T", serial=f"t{number}")
    for minute, what in trouble.course:
        at = begin + timedelta(minutes=minute)
        yield Told(at, replace(_observed(at, what, device), session=f"t{number}-{minute}"))


def _observed(at: datetime, what: str, device: DeviceRef) -> Observation:
    if "/" in what:
        upper, lower = what.split("/")
        return pressure(at, int(upper), int(lower), device=device)
    if what == "HI" or what[0].isdigit():
        return sugar(at, what, device=device)
    return replace(
        pressure(at, 120, 80, device=device),
        kind=Vital.SYMPTOM,
        quantities={},
        origin=Origin.PERSON,
        context={"symptom": what},
    )
